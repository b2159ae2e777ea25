package osdp

import (
	"slices"
	"testing"
	"time"
)

// A reader keeps what was held to it while nobody asked. It opens nothing later:
// not when the reader is paired, not when the gateway was started anew, not when
// the line is back. What the reader has to say of itself counts all the same, and
// so does the next card.
func TestWhatWasHeldToAReaderBeforeItWasBelievedOpensNothing(t *testing.T) {
	keys := []byte{0x53, 0, 2, '1', 0x0D}
	for _, tt := range []struct {
		name string
		meet func(w *world) (*pd, *Peer)
	}{
		{"before it was paired", func(w *world) (*pd, *Peer) {
			reader, peer := w.pairable()
			w.run(time.Second)
			reader.events = [][]byte{card, {0x48, 1, 0}, keys}
			w.pair(peer)
			return reader, peer
		}},
		{"while no gateway asked", func(w *world) (*pd, *Peer) {
			reader, peer := w.secure(1)
			reader.events = [][]byte{card, {0x48, 1, 0}, keys}
			return reader, peer
		}},
		{"while the line was cut", func(w *world) (*pd, *Peer) {
			reader, peer := w.secure(1)
			w.run(time.Second)
			reader.off = true
			w.run(offlineAfter + time.Second)
			reader.off = false
			reader.events = [][]byte{card, {0x48, 1, 0}, keys}
			return reader, peer
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := tt.meet(w)
			w.run(5 * time.Second)
			w.wantState(peer, Secure)
			if len(reader.events) > 0 {
				t.Fatalf("the reader was not asked for %d of the things that it kept", len(reader.events))
			}
			w.wantCards(peer, 0)
			if pressed := of[KeysPressed](w, peer); len(pressed) != 0 {
				t.Errorf("got %d presses of keys, want none", len(pressed))
			}
			if got := w.refused(peer, RefusedBacklog); got != 2 {
				t.Errorf("got %d refusals of what was kept, want 2", got)
			}
			if local := of[LocalSaid](w, peer); !slices.ContainsFunc(local, func(e LocalSaid) bool { return e.Local.Tampered }) {
				t.Errorf("got %+v, want the tamper switch that opened before", local)
			}
			reader.events = [][]byte{card}
			w.run(time.Second)
			w.wantCards(peer, 1)
		})
	}
}

// A short break of the line costs no card.
func TestACardOfAShortBreakCounts(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.session = nil
	reader.events = [][]byte{card}
	w.run(time.Second)
	w.wantState(peer, Secure)
	w.wantCards(peer, 1)
}
