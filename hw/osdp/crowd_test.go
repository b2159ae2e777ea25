package osdp

import (
	"testing"
	"time"
)

// A line that is asked without a pause because it is crowded leaves nobody out: not
// who is met, not who comes back, not who is only shown something.
func TestACrowdedLineLeavesNobodyOut(t *testing.T) {
	for _, tt := range []struct{ baud, readers int }{{9600, 4}, {9600, 8}, {9600, 12}, {9600, 32}, {115200, 32}, {115200, 64}} {
		w := newWorld(t, tt.baud)
		var pds []*pd
		var peers []*Peer
		for address := range byte(tt.readers) {
			p, peer := w.secure(address)
			pds, peers = append(pds, p), append(peers, peer)
		}
		w.run(time.Minute)
		secure := 0
		for _, p := range peers {
			if p.State() == Secure {
				secure++
			}
		}
		if secure != tt.readers {
			t.Errorf("%d of %d readers are believed after a minute at %d", secure, tt.readers, tt.baud)
			continue
		}
		pds[1].off = true
		w.run(20 * time.Second)
		w.wantState(peers[1], Offline)
		pds[1].off = false
		w.run(15 * time.Second)
		if peers[1].State() != Secure {
			t.Errorf("%d readers at %d: one that came back is %v", tt.readers, tt.baud, peers[1].State())
		}
		before := pds[2].count(codeLED)
		w.queue(peers[2], LED(Lamp{Brief: &Blink{On: time.Second, OnColor: Green}, For: time.Second}))
		w.run(2 * time.Second)
		if pds[2].count(codeLED) == before {
			t.Errorf("%d readers at %d: the lamp was not told within two seconds", tt.readers, tt.baud)
		}
	}
}

func TestWhatWasShownWhileThePortWasAwayOpensNothing(t *testing.T) {
	for _, tt := range []struct {
		away  time.Duration
		cards int
	}{{time.Second, 1}, {3 * time.Second, 0}, {7 * time.Second, 0}} {
		w := newWorld(t, 115200)
		reader, peer := w.secure(0)
		w.run(time.Second)
		w.wantState(peer, Secure)
		w.now = w.now.Add(tt.away)
		reader.events = append(reader.events, card)
		w.bus.Restart(w.now)
		w.run(time.Second)
		w.wantState(peer, Secure)
		w.wantCards(peer, tt.cards)
		reader.events = append(reader.events, card)
		w.run(time.Second)
		w.wantCards(peer, tt.cards+1)
	}
}
