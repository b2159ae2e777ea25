package osdp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// F-33: every NAK to a POLL. The reader is there again, or still, and its next
// card is read.
func TestEveryNAKIsSurvived(t *testing.T) {
	for nak := range byte(11) {
		for _, signed := range []bool{false, true} {
			t.Run(fmt.Sprintf("NAK %d signed %t", nak, signed), func(t *testing.T) {
				w := newWorld(t, 115200)
				reader, peer := w.secure(1)
				w.run(time.Second)
				said := false
				reader.fault = func(command byte, reply []byte) []byte {
					if said || command != codePOLL {
						return reply
					}
					said = true
					if signed {
						return reader.session.reply(1, reader.sequence, 0x41, []byte{nak})
					}
					return reader.plain(reader.sequence, 0x41, nak)
				}
				w.run(2 * time.Second)
				w.wantRefused(peer, NAK(nak).refusal())
				reader.events = [][]byte{card}
				w.run(2 * time.Second)
				w.wantState(peer, Secure)
				w.wantCards(peer, 1)
				if n := len(of[StateChanged](w, peer)); n != 1 {
					t.Errorf("the state changed %d times, want once, at the start", n)
				}
			})
		}
	}
}

// A reader that refuses for ever is not online, is asked no more than it must
// be, and is counted.
func TestReaderThatRefusesForEverIsNotStormed(t *testing.T) {
	for nak := range byte(10) {
		t.Run(fmt.Sprintf("NAK %d", nak), func(t *testing.T) {
			w := newWorld(t, 115200)
			reader, peer := w.secure(1)
			_, neighbour := w.secure(2)
			w.run(time.Second)
			reader.fault = func(command byte, reply []byte) []byte {
				return reader.plain(reader.heard[len(reader.heard)-1][4]&3, 0x41, nak)
			}
			w.run(10 * time.Second)
			from := len(w.asked[1])
			w.run(20 * time.Second)
			if got := len(w.asked[1]) - from; got > 300 {
				t.Errorf("it was asked %d times in 20 s", got)
			}
			w.wantRefused(peer, NAK(nak).refusal())
			w.wantState(peer, Offline)
			w.wantState(neighbour, Secure)
			reader.fault = nil
			w.run(5 * time.Second)
			w.wantState(peer, Secure)
		})
	}
}

func TestBusyReaderIsGivenTimeAndThenUp(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	_, neighbour := w.secure(2)
	w.run(time.Second)
	reader.events = [][]byte{card}
	reader.busy = 5
	w.run(time.Second)
	w.wantCards(peer, 1)
	if got := w.refused(peer, RefusedBusy); got != 5 {
		t.Errorf("got %d times busy, want 5", got)
	}
	if w.refused(peer, RefusedSession) != 0 {
		t.Error("being busy cost the channel")
	}
	reader.busy = 1 << 30
	heard := len(reader.heard)
	w.run(4300 * time.Millisecond)
	if !slices.ContainsFunc(reader.heard[heard:], func(f []byte) bool { return f[4]&sequenceBits == 0 && f[5] == codeID }) {
		t.Error("after 3 s it was not begun anew")
	}
	if n := len(reader.heard) - heard; n > 45 {
		t.Errorf("it was asked %d times in 4 s, want about 30", n)
	}
	w.run(16 * time.Second)
	w.wantState(peer, Offline)
	w.wantState(neighbour, Secure)
	reader.busy = 0
	w.run(5 * time.Second)
	w.wantState(peer, Secure)
}

func TestReaderThatBeginsAnewIsSecuredAgain(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(w *world, reader *pd)
		want  Refusal
	}{
		{"a reply with number 0", func(w *world, reader *pd) {
			reader.faults = []func([]byte) []byte{func([]byte) []byte { reader.session = nil; return reader.plain(0, 0x40) }}
		}, RefusedRestart},
		{"NAK 4 with number 0", func(w *world, reader *pd) {
			reader.faults = []func([]byte) []byte{func([]byte) []byte { reader.session = nil; return reader.plain(0, 0x41, 4) }}
		}, RefusedNAK4},
		{"a power cycle", func(w *world, reader *pd) { reader.powerCycle() }, RefusedNAK4},
		{"an ACK in clear", func(w *world, reader *pd) {
			reader.faults = []func([]byte) []byte{func([]byte) []byte { return reader.plain(reader.sequence, 0x40) }}
		}, RefusedClear},
		{"a wrong MAC", func(w *world, reader *pd) {
			reader.faults = []func([]byte) []byte{func(reply []byte) []byte {
				reply = bytes.Clone(reply[:len(reply)-2])
				reply[len(reply)-1] ^= 1
				return pdSeal(reply)
			}}
		}, RefusedMAC},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.secure(1)
			w.run(time.Second)
			tt.fault(w, reader)
			w.run(500 * time.Millisecond)
			w.wantRefused(peer, tt.want)
			w.wantRefused(peer, RefusedSession)
			reader.events = [][]byte{card}
			w.run(500 * time.Millisecond)
			w.wantCards(peer, 1)
			if n := len(of[StateChanged](w, peer)); n != 1 {
				t.Errorf("the state changed %d times: a channel made anew is no loss", n)
			}
		})
	}
}

// F-35: what an attacker on the wire would try. No card, and one word for each.
func TestAttackerOnTheWireGetsNoCardAccepted(t *testing.T) {
	attack := func(reader *pd) []byte {
		return pdSeal(append([]byte{0x53, 0x81, 16, 0, reader.sequence | 4}, card...)[:14])
	}
	for _, tt := range []struct {
		name  string
		fault func(reader *pd, command byte, reply []byte) []byte
		want  Refusal
	}{
		{"a card in clear inside the channel", func(r *pd, command byte, reply []byte) []byte {
			if command == codePOLL {
				return attack(r)
			}
			return reply
		}, RefusedClear},
		{"a card in clear with a right MAC", func(r *pd, command byte, reply []byte) []byte {
			if command == codePOLL && r.session != nil {
				return r.session.replyAs(1, r.sequence, card[0], card[1:], true)
			}
			return reply
		}, RefusedClear},
		{"a card in clear for an ID", func(r *pd, command byte, reply []byte) []byte {
			if command == codeID {
				return append(attack(r), reply...)
			}
			return reply
		}, RefusedUnexpected},
		{"the default key", func(r *pd, command byte, reply []byte) []byte {
			if command == codeCHLNG {
				keys := pdDerive(installKey, r.rndA)
				body := append([]byte{1, 2, 3, 4, 5, 6, 7, 8}, r.rndB...)
				return r.blocked(r.sequence, 0x12, 0, 0x76, append(body, keys.client(r.rndA, r.rndB)...))
			}
			return reply
		}, RefusedDefaultKey},
		{"the default key under the name of its own", func(r *pd, command byte, reply []byte) []byte {
			if command == codeCHLNG {
				keys := pdDerive(installKey, r.rndA)
				body := append([]byte{1, 2, 3, 4, 5, 6, 7, 8}, r.rndB...)
				return r.blocked(r.sequence, 0x12, 1, 0x76, append(body, keys.client(r.rndA, r.rndB)...))
			}
			return reply
		}, RefusedKey},
		{"a key that is called neither its own nor the default", func(r *pd, command byte, reply []byte) []byte {
			if command == codeCHLNG {
				reply = bytes.Clone(reply[:len(reply)-2])
				reply[7] = 2
				return pdSeal(reply)
			}
			return reply
		}, RefusedKey},
		{"a card that decrypts to nonsense", func(r *pd, command byte, reply []byte) []byte {
			if command == codePOLL && r.session != nil {
				data := cbc(r.session.enc, inverse(r.session.cmac), append(bytes.Clone(card[1:]), 1, 2, 3, 4, 5, 6, 7, 8), false)
				message := append([]byte{0x53, 0x81, 30, 0, r.sequence | 0x0C, 2, 0x18, card[0]}, data...)
				return pdSeal(append(message, r.session.mac(r.session.cmac, message)[:4]...))
			}
			return reply
		}, RefusedPadding},
		{"our own cryptogram mirrored", func(r *pd, command byte, reply []byte) []byte {
			if command == codeSCRYPT {
				return r.blocked(r.sequence, 0x14, 1, 0x78, r.keys.server(r.rndA, r.rndB))
			}
			return reply
		}, RefusedKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 115200)
			reader, peer := w.secure(1)
			reader.fault = func(command byte, reply []byte) []byte { return tt.fault(reader, command, reply) }
			w.run(10 * time.Second)
			w.wantRefused(peer, tt.want)
			w.wantCards(peer, 0)
			for _, f := range w.sent {
				if f[5]&blockBit != 0 && f[7] == blockChallenge && f[8] == 0 {
					t.Fatal("the panel offered the default key")
				}
			}
			if n := len(w.sent); n > 2000 {
				t.Errorf("the panel sent %d frames in 10 s", n)
			}
			challenges := 0
			for _, f := range w.sent {
				if f[5]&blockBit != 0 && f[7] == blockChallenge {
					challenges++
				}
			}
			if challenges > 13 {
				t.Errorf("%d handshakes in 10 s: at most three, then one a second", challenges)
			}
		})
	}
}

// F-35: a paired reader whose list of abilities has no security is secured all
// the same.
func TestReaderThatDeniesItsSecurityIsSecured(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	reader.pdcap = []byte{3, 1, 0, 9, 0, 0, 8, 0, 0}
	w.run(time.Second)
	reader.events = [][]byte{card}
	w.run(time.Second)
	w.wantState(peer, Secure)
	w.wantCards(peer, 1)
	if reader.count(codeISTAT)+reader.count(codeOSTAT) != 0 {
		t.Error("it was asked for what it does not have")
	}
	refusing, other := w.secure(2)
	refusing.refuse[codeCAP] = 3
	w.run(time.Second)
	w.wantState(other, Secure)
}

// F-36.
func TestSwappedReaderIsNotBelieved(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		w := newWorld(t, 9600)
		reader := newPD(t, 1, testKey)
		if insecure {
			reader.scbk = nil
		}
		peer := w.add(reader, Settings{
			Keys: Keys{Current: mustKey(t, testKey), Identity: "ca446c-01-000000aa"}, Insecure: insecure,
		})
		reader.events = [][]byte{card}
		w.run(5 * time.Second)
		w.wantState(peer, Swapped)
		w.wantRefused(peer, RefusedSwapped)
		w.wantCards(peer, 0)
		if n := len(w.asked[1]); n > 7 {
			t.Errorf("it was asked %d times in 5 s", n)
		}
		if _, err := peer.Queue(w.now, BUZ(Beep{}), w.now.Add(time.Second)); !errors.Is(err, ErrOffline) {
			t.Errorf("got %v, want %v", err, ErrOffline)
		}
		copy(reader.pdid[5:9], []byte{0xAA, 0, 0, 0}) // the right one is back
		w.run(3 * time.Second)
		if peer.State() != Secure && peer.State() != Clear {
			t.Errorf("got %v", peer.State())
		}
	}
}

func TestReaderWithAnotherKeyIsNotBelieved(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	reader.scbk = []byte("another key, it is")[:16]
	reader.events = [][]byte{card}
	w.run(10 * time.Second)
	w.wantState(peer, Offline)
	w.wantRefused(peer, RefusedKey)
	w.wantCards(peer, 0)
	if peer.Why() != RefusedKey {
		t.Errorf("got %v, want %v", peer.Why(), RefusedKey)
	}
}

func TestReaderThatWasNeverPairedIsSeenAndNotBelieved(t *testing.T) {
	w := newWorld(t, 9600)
	reader := newPD(t, 1, nil)
	peer := w.add(reader, Settings{})
	reader.events = [][]byte{card}
	w.run(5 * time.Second)
	w.wantState(peer, Unpaired)
	w.wantCards(peer, 0)
	if len(of[Identified](w, peer)) != 1 {
		t.Error("who it is was not told once")
	}
	reader.off = true
	w.run(20 * time.Second)
	w.wantState(peer, Offline)
}

// Only codes that are known can be events; all others are survived.
func TestUnknownRepliesAreSurvived(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		w := newWorld(t, 115200)
		reader := newPD(t, 1, testKey)
		if insecure {
			reader.scbk = nil
		}
		peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey)}, Insecure: insecure})
		w.run(time.Second)
		before := len(w.said[peer])
		for code := range 256 {
			if !known(byte(code)) {
				reader.events = append(reader.events, []byte{byte(code), 1, 2, 3})
			}
		}
		count := uint64(len(reader.events))
		reader.events = append(reader.events, card)
		w.run(30 * time.Second)
		w.wantCards(peer, 1)
		if got := w.refused(peer, RefusedUnknown) + w.refused(peer, RefusedLength); got != count {
			t.Errorf("insecure %t: got %d unknown replies, want %d", insecure, got, count)
		}
		for _, e := range w.said[peer][before:] {
			switch e.(type) {
			case CardRead, Refused:
			default:
				t.Errorf("insecure %t: got %T", insecure, e)
			}
		}
	}
}

// Readers of 2026 send status with a right MAC and data in clear.
func TestSignedStatusInClearIsUnderstood(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.faults = []func([]byte) []byte{func([]byte) []byte {
		return reader.session.replyAs(1, reader.sequence, 0x48, []byte{1, 0}, true)
	}}
	w.run(time.Second)
	if local := of[LocalSaid](w, peer); len(local) != 2 || !local[1].Local.Tampered {
		t.Errorf("got %+v, want a tamper", local)
	}
	if w.refused(peer, RefusedSession)+w.refused(peer, RefusedClear) != 0 {
		t.Error("it was refused")
	}
}
