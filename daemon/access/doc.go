// Package access decides who may open what.
//
// It is pure: standard library only, no clock, no I/O, no goroutines. Whoever
// asks gives the time. A Roster is what the sources said; Build checks it whole
// and indexes it into an immutable Snapshot; Snapshot.Decide answers one Tap
// without a lock, a disk access or an allocation. The same function decides
// online and offline, at the door, in "tilegate why" and in a replay.
//
// The order of the checks is Kisi's own, see docs/ARCHITECTURE.md.
package access
