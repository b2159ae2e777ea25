package osdp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// Eight readers, one exchange in twenty disturbed: every card that a reader gave
// to the line arrives, once, in order, from the right reader, and nobody is told
// that a reader is gone.
func TestNoCardIsLostOrDoubledOnABadLine(t *testing.T) {
	const cards = 200 // of each reader
	w := newWorld(t, 115200)
	rng := rand.New(rand.NewPCG(7, 9))
	faults := []func(reply []byte) []byte{
		lost,
		func(r []byte) []byte { return r[:rng.IntN(len(r))] },
		func(r []byte) []byte { b := bytes.Clone(r); b[rng.IntN(len(b))] ^= 1 << rng.IntN(8); return b },
		func(r []byte) []byte { return append(bytes.Clone(r), r...) },
		func(r []byte) []byte { return append([]byte{0x53, byte(rng.Uint32()), 0x20, 0, 4}, r...) },
		func(r []byte) []byte { return append(r[:len(r)/2:len(r)/2], r...) },
	}
	got := map[*Peer][]uint32{}
	for i := range byte(8) {
		reader, peer := w.secure(i)
		reader.fault = func(_ byte, reply []byte) []byte {
			if reply == nil || rng.IntN(20) != 0 {
				return reply
			}
			return faults[rng.IntN(len(faults))](reply)
		}
		w.run(500 * time.Millisecond)
		w.wantState(peer, Secure)
		for n := range uint32(cards) {
			reader.events = append(reader.events, binary.BigEndian.AppendUint32([]byte{codeRAW, 0, 0, 32, 0}, uint32(i)<<24|n))
		}
	}
	w.run(60 * time.Second)
	for i, peer := range w.peers {
		for _, e := range of[CardRead](w, peer) {
			got[peer] = append(got[peer], binary.BigEndian.Uint32(e.Card.Bits.Bytes()))
		}
		if len(got[peer]) != cards {
			t.Errorf("reader %d: got %d cards, want %d; refused: %d sessions", i, len(got[peer]), cards, w.refused(peer, RefusedSession))
		}
		for n, value := range got[peer] {
			if value != uint32(i)<<24|uint32(n) {
				t.Fatalf("reader %d, card %d: got %08X", i, n, value)
			}
		}
		if n := len(of[StateChanged](w, peer)); n != 1 {
			t.Errorf("reader %d changed its state %d times", i, n)
		}
	}
}
