package hw_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// soaked is a reader of the soak, and what became of what was held to it.
type soaked struct {
	sim      *hwtest.OSDPReader
	tile     *osdpTile
	keeps    bool // its last reply
	shown    map[string]*hwtest.OSDPTap
	told     int
	lost     int // with the reply, or when it lost power
	notHeard int // it went out in full, and was not for us to believe any more
}

// soak holds so many cards to eight secure readers on one line, of which one
// exchange in a hundred goes wrong. No tap whose reply reached us is lost, none is
// told twice, none is told that was not shown, and none at another reader than
// where it was. A reader that keeps its last reply loses none at all; what is lost
// with a reply of one that does not is counted.
func soak(t *testing.T, taps int) {
	t.Helper()
	var all []*soaked
	var sims []*hwtest.OSDPReader
	for address := range byte(8) {
		sim := hwtest.NewOSDPReader(address)
		sim.Forgetful, sim.Baud = address%2 == 1, 115200
		sims = append(sims, sim)
		all = append(all, &soaked{sim: sim, keeps: !sim.Forgetful, shown: map[string]*hwtest.OSDPTap{}})
	}
	l := paired(t, sims...)
	for address, s := range all {
		s.tile = l.tile(address, "as = \"uid\"\nrate = 100\npoll = \"10ms\"\nbaud = 115200")
	}
	began := time.Now()
	var showing sync.WaitGroup
	for n, s := range all {
		s.sim.Unreliable(0.01, uint64(n)+7, hwtest.OSDPLoseCommand, hwtest.OSDPDropReply, hwtest.OSDPCorruptReply, hwtest.OSDPLateReply,
			hwtest.OSDPDuplicateReply, hwtest.OSDPWrongAddress, hwtest.OSDPWrongSequence, hwtest.OSDPSequenceZero, hwtest.OSDPBusy,
			hwtest.OSDPNoisePrefix, hwtest.OSDPRefuse)
		showing.Go(func() { s.show(t, taps/len(all)) })
	}
	showing.Wait()
	for _, s := range all {
		s.sim.Mend()
	}
	for _, s := range all {
		awaits(t, "told all", func() bool { return s.sim.Idle() && s.tile.Stats().Up })
		s.account(t)
	}
	soakReport(t, all, taps, time.Since(began))
}

// show holds so many different cards to the reader, each when the one before is
// gone, and takes its power away now and then.
func (s *soaked) show(t *testing.T, taps int) {
	dice := rand.New(rand.NewPCG(uint64(s.sim.Address), 1))
	for i := 0; i < taps; {
		if !s.sim.Online() || !s.sim.Idle() {
			time.Sleep(500 * time.Microsecond)
			if t.Failed() {
				return
			}
			continue
		}
		if dice.IntN(250) == 0 {
			s.sim.PowerCycle()
			continue
		}
		uid := fmt.Sprintf("%02x%08x77%02x", s.sim.Address, i, dice.IntN(256))
		raw := []byte{}
		_, _ = fmt.Sscanf(uid, "%x", &raw)
		s.shown[uid] = s.sim.Present(raw, 56, 0)
		i++
	}
}

// account compares what was shown with what was read.
func (s *soaked) account(t *testing.T) {
	t.Helper()
	read := map[string]int{}
	for _, r := range s.tile.all() {
		if r.Fault != access.Granted || s.shown[string(r.Value)] == nil {
			t.Errorf("reader %d told something that was not shown at it", s.sim.Address)
			continue
		}
		read[string(r.Value)]++
	}
	for uid, tap := range s.shown {
		n, fate := read[uid], tap.Fate()
		switch {
		case n > 1:
			t.Errorf("reader %d: a tap was told %d times", s.sim.Address, n)
		case n == 1 && fate == hwtest.TapLost:
			t.Errorf("reader %d: a tap was told that nobody can have known of", s.sim.Address)
		case n == 1:
			s.told++
		case fate == hwtest.TapTold:
			t.Errorf("reader %d: a tap that reached us was lost", s.sim.Address)
		case s.keeps:
			t.Errorf("reader %d keeps its last reply, and a tap of fate %d was lost", s.sim.Address, fate)
		case fate == hwtest.TapLost:
			s.lost++
		default:
			s.notHeard++
		}
	}
	if lost := s.sim.Seen().LostTaps; lost != s.lost {
		t.Errorf("reader %d lost %d taps, and %d were found to be", s.sim.Address, lost, s.lost)
	}
}

func soakReport(t *testing.T, all []*soaked, taps int, took time.Duration) {
	shown, told, lost, notHeard, rekeyed := 0, 0, 0, 0, uint64(0)
	faults := map[hwtest.OSDPFault]int{}
	for _, s := range all {
		shown, told, lost, notHeard = shown+len(s.shown), told+s.told, lost+s.lost, notHeard+s.notHeard
		rekeyed += s.tile.Stats().Steps["rekey"]
		for fault, n := range s.sim.Injected() {
			faults[fault] += n
		}
	}
	t.Logf("%d taps in %s: %d told, %d lost with the reply of a reader that does not keep it, %d went out and came too late; %d new channels; faults %v",
		shown, took.Round(time.Second), told, lost, notHeard, rekeyed, faults)
	if shown < taps-len(all) || lost+notHeard > shown/50 || len(faults) < 5 {
		t.Errorf("%d of %d shown, %d lost, %d kinds of faults: this was not the soak it should be", shown, taps, lost+notHeard, len(faults))
	}
}
