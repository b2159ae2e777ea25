package daemon

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

// world is a machine whose true time the test knows, with a clock that does
// anything and a network time that does not lie.
type world struct {
	hand   *handClock
	keep   *timekeeper
	truth  time.Time
	record point // the newest event by a synced clock
	boot   bool  // it is of this boot
}

func (w *world) pass(d time.Duration) {
	w.truth = w.truth.Add(d)
	w.hand.pass(d)
}

// start is a start of the gateway, or of the whole machine.
func (w *world) start() {
	past := clockPast{sure: point{w.record.wall, w.hand.mono}}
	if w.boot {
		past.held, past.firm = w.record, true
	}
	w.keep = resumeClock(w.hand.clock(), past)
}

// step has something happen.
func (w *world) step(t *rapid.T) {
	length := func(name string, most time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(int64(time.Minute), int64(most)).Draw(t, name))
	}
	switch rapid.SampledFrom([]string{"pass", "pass", "ahead", "back", "network", "lost", "cloud", "liar", "restart", "reboot"}).Draw(t, "step") {
	case "pass":
		w.pass(length("time", 50*time.Hour))
	case "ahead":
		w.hand.jump(length("jump", 20*year))
		w.hand.synced = false
	case "back":
		w.hand.jump(-length("jump", 20*year))
		w.hand.synced = false
	case "network":
		w.hand.wall, w.hand.synced = w.truth, true
	case "lost":
		w.hand.synced = false
	case "cloud":
		w.keep.clouds.heard("kisi", w.truth, w.hand.mono, time.Second)
	case "liar":
		w.keep.clouds.heard("kisi", w.truth.Add(length("lie", 20*year)), w.hand.mono, time.Second)
	case "restart":
		w.start()
	case "reboot":
		off := length("off", 100*24*time.Hour)
		shows := rapid.SampledFrom([]time.Time{time.Unix(0, 0), w.truth, w.truth.Add(off)}).Draw(t, "chip")
		w.truth = w.truth.Add(off)
		w.hand = &handClock{wall: shows, mono: length("uptime", time.Hour), bare: rapid.Bool().Draw(t, "bare")}
		w.boot = false
		w.start()
	}
}

// Whatever a clock does: what has surely passed has passed, now is never before
// it, a synced clock tells the truth, and where the network had set the clock in
// this boot, what it does afterwards moves nothing while it is not trusted.
func TestNoClockMovesWhatIsCertain(t *testing.T) { // X9, F-16, F-17, G-17
	rapid.Check(t, func(t *rapid.T) {
		w := &world{truth: today, hand: &handClock{wall: today}, record: point{wall: today.Add(-time.Hour)}}
		w.start()
		for range 100 {
			w.step(t)
			w.keep.look()
			m := w.keep.moment()
			off := m.at.Sub(w.truth)
			switch {
			case m.floor.After(w.truth.Add(jumpTolerance)):
				t.Fatalf("the floor is %v ahead of the truth", m.floor.Sub(w.truth))
			case m.at.Before(m.floor.Add(-jumpTolerance)):
				t.Fatalf("now is %v before the floor", m.floor.Sub(m.at))
			case m.clock == access.ClockSynced && off != 0:
				t.Fatalf("synced, and %v off", off)
			case !m.clock.Trusted() && w.keep.mind.firm && off.Abs() > jumpTolerance:
				t.Fatalf("%v: moved by %v from where the network had set it", m.clock, off)
			case m.clock.Trusted() && !m.at.Equal(w.hand.wall):
				t.Fatalf("%v, and shows %v where the wall shows %v", m.clock, m.at, w.hand.wall)
			case m.clock.Trusted() == (m.untrusted != 0) && w.keep.view.Load().doubt != m.mono:
				t.Fatalf("%v, and untrusted for %v", m.clock, m.untrusted)
			}
			if m.clock == access.ClockSynced {
				w.record, w.boot = point{m.at, m.mono}, true
			}
		}
	})
}
