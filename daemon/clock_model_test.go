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

// diary is the newest event by each state of the clock, as the journal finds it.
type diary struct {
	newest [access.ClockUnset + 1]access.Event
	seq    uint64
}

func (d *diary) write(k *timekeeper, boot string) {
	e := newEvent(k, access.SystemEvent, "")
	d.seq++
	e.Seq, e.Boot = d.seq, boot
	d.newest[e.Clock] = e
}

// resume is a start that goes on from it.
func (d *diary) resume(c *handClock, boot string) *timekeeper {
	past, newest := clockPast{sure: point{today.Add(-year), c.mono}}, uint64(0)
	for _, e := range d.newest {
		if e.Seq > newest {
			newest = e.Seq
			past.take(&e, c.mono, e.Boot == boot && e.Mono <= c.mono)
		}
	}
	return resumeClock(c.clock(), past)
}

// The network time is wrong again and again, for less than an hour each time, and
// the gateway and the machine restart at any moment: nothing is ever certain that
// is not true, what the network made certain is not taken back while the machine
// runs, and the right time is believed as soon as it is there.
func TestAWrongNetworkTimeNeverOutlastsItself(t *testing.T) { // X9, F-16, F-17, G-17
	rapid.Check(t, func(t *rapid.T) {
		w, d, boot := &world{truth: today, hand: &handClock{wall: today, synced: true}}, &diary{}, "a"
		w.keep = d.resume(w.hand, boot)
		var certain time.Time
		see := func() {
			w.keep.look()
			d.write(w.keep, boot)
			sure := w.keep.mind.sure.at(w.hand.mono)
			if sure.After(w.truth.Add(jumpTolerance)) || sure.Before(certain.Add(-jumpTolerance)) {
				t.Fatalf("at %v it is certain that %v has passed; before it was %v", w.truth, sure, certain)
			}
			certain = sure
		}
		pass := func() {
			w.pass(time.Duration(rapid.Int64Range(int64(time.Second), int64(29*time.Minute)).Draw(t, "time")))
			see()
		}
		for range 60 {
			if rapid.Bool().Draw(t, "a lie") {
				w.hand.wall = w.truth.Add(time.Duration(rapid.Int64Range(int64(-20*year), int64(20*year)).Draw(t, "lie")))
				see()
				pass()
			}
			switch rapid.SampledFrom([]string{"goes on", "lost", "restart", "reboot", "long"}).Draw(t, "step") {
			case "lost":
				w.hand.synced = false
			case "restart":
				if d.newest[access.ClockSynced].Boot != boot {
					certain = time.Time{} // what elapsed since the machine started is only likely
				}
				w.keep = d.resume(w.hand, boot)
			case "reboot":
				w.truth, certain = w.truth.Add(time.Hour), time.Time{} // nobody knows how long it was off
				w.hand = &handClock{wall: w.hand.wall, mono: time.Minute, bare: rapid.Bool().Draw(t, "bare")}
				boot += "a"
				w.keep = d.resume(w.hand, boot)
			case "long":
				w.hand.wall, w.hand.synced = w.truth, true
				see()
				w.pass(2 * time.Hour)
			}
			see()
			pass()
			w.hand.wall, w.hand.synced = w.truth, true
			see()
			if m := w.keep.moment(); m.clock != access.ClockSynced || !m.at.Equal(w.truth) {
				t.Fatalf("%v at %v, want synced at %v", m.clock, m.at, w.truth)
			}
		}
	})
}
