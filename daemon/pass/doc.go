// Package pass tells whether a credential that proves itself does: our own
// signed pass (TG1), an NTAG 424 DNA tag with a secure unique message (SUN), and
// a key that signed a challenge (PKOC). Kind, value and proof go in; the value
// to look up, how hard it is to copy and what the tap uses up come out, or the
// reason why not.
//
// It is pure: no clock, no I/O, no state. Whoever asks gives the time, and keeps
// what is used up. docs/PASS.md is the format, for whoever issues passes.
package pass
