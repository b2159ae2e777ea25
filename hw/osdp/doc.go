// Package osdp is the panel's side of OSDP, the protocol of readers on RS-485
// lines (SIA OSDP 2.2, IEC 60839-11-5), with its secure channel. It is pure:
// bytes and times go in, bytes and values come out; it opens no port, reads no
// clock and starts no goroutine.
//
// A Bus is a line, a Peer is a reader on it. A driver owns both, guards them
// with one lock, and goes round:
//
//	for ctx.Err() == nil {
//		turn := bus.Next(time.Now())
//		drain(peers) // Peer.Drain: cards, inputs, states, counts
//		if turn.Frame == nil {
//			sleep(turn.Until) // or until a command was queued
//			continue
//		}
//		port.Discard() // a reply that is late answers nothing
//		port.Write(turn.Frame)
//		until, done := turn.Until, false
//		for !done {
//			in, ok := port.Read(until)
//			if !ok {
//				bus.Silence(time.Now())
//				break
//			}
//			until, done = bus.Heard(time.Now(), in)
//		}
//	}
//
// The lock is given back while the driver sleeps, writes and reads. When the
// port was opened anew, it calls Bus.Restart. If Turn.Baud is not the speed of the
// port, it sets the port to it before it writes.
//
// What is never done: to speak in clear text with a reader that has a key, to
// use the key that all the world knows but for getting in while pairing, to
// send a key other than through Pair, to believe a card or a key press that did
// not come through the channel, to let a command to a lock out late.
//
// The specification is sold, not published. What is here was learnt from its
// open implementations, their captures and its annex E, whose examples are the
// tests' vectors; where this package names a section, it names it as they do.
package osdp
