package osdp

import (
	"bytes"
	"testing"
	"time"
)

// F-34: a reader that loses power every few seconds is secured again within 2 s
// of each return, whatever it says to what it no longer understands, and half of
// a card is no card.
func TestReaderThatRebootsIsSecuredWithinTwoSeconds(t *testing.T) {
	for _, tt := range []struct {
		name string
		dark time.Duration
		mute bool // says nothing to what it does not understand
	}{
		{"at once", 0, false}, {"after 200 ms", 200 * time.Millisecond, false}, {"after 1 s", time.Second, false}, {"mute", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.secure(1)
			w.secure(2)
			w.run(2 * time.Second)
			for range 10 {
				from := len(reader.heard)
				reader.powerCycle()
				reader.off = tt.dark > 0
				if tt.mute {
					reader.fault = func(command byte, reply []byte) []byte {
						handshake := command == codeID || command == codeCAP || command == codeCHLNG || command == codeSCRYPT
						if reader.session == nil && !handshake {
							return nil
						}
						return reply
					}
				}
				w.run(tt.dark)
				reader.off = false
				w.run(2 * time.Second)
				if reader.session == nil {
					t.Fatalf("it has no channel 2 s after it was back; it heard % X", bytes.Join(reader.heard[from:], nil))
				}
				w.run(time.Second)
			}
			w.wantState(peer, Secure)
			w.wantState(w.peers[1], Secure)
			if n := len(of[StateChanged](w, peer)); n != 1 {
				t.Errorf("the state changed %d times, want once, at the start", n)
			}
			if n := len(of[StateChanged](w, w.peers[1])); n != 1 {
				t.Errorf("the neighbour's state changed %d times", n)
			}
			challenges := 0
			for _, f := range reader.heard {
				if f[4]&blockBit != 0 && f[6] == blockChallenge {
					challenges++
				}
			}
			if challenges > 25 {
				t.Errorf("%d handshakes for ten reboots", challenges)
			}
		})
	}
}

// The time from a lost channel to the next: about 135 ms on the wire at 9600.
func TestChannelIsBackSoonAfterItWasLost(t *testing.T) {
	for baud, want := range map[int]time.Duration{9600: 300 * time.Millisecond, 115200: 100 * time.Millisecond} {
		w := newWorld(t, baud)
		reader, _ := w.secure(1)
		w.run(2 * time.Second)
		reader.session = nil
		w.run(want)
		if reader.session == nil {
			t.Errorf("%d baud: no channel after %v", baud, want)
		}
	}
}
