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
// A peer asks who the reader is (ID) and what it can do (CAP), agrees on a channel
// (CHLNG, SCRYPT), and is live: it is polled, told what was queued, and believed.
// What is lost is said again with the same bytes; a channel that is lost is made
// anew at once, then once a second. From the wire up: scanner.go and frame.go are
// messages, command.go and reply.go their data, channel.go the cryptography, peer*.go
// a reader (connect, send, reply, queue, pair, move), bus.go who speaks next,
// event.go and refusal.go what is told.
//
// The line is the attacker's: he hears all and says what he likes. What is never
// done: to speak in clear text with a reader that has a key, but to find it (ID,
// CAP, and an empty POLL for readers that answer nothing before one); to use the
// key that all the world knows but for getting in while pairing; to send a key
// other than through Pair; to believe a card, a key press, an input or a refusal of
// an unlock that did not come through the channel; to try MACs quickly; to let a
// command to a lock out late, or twice. attacker_test.go holds it to that.
//
// The specification is sold, not published. What is here was learnt from its
// open implementations, their captures and its annex E, whose examples are the
// tests' vectors; where this package names a section, it names it as they do.
package osdp
