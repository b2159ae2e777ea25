package daemon

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// saidBefore has the ledger hold a word of an earlier run.
func (s *wiredStage) saidBefore(ago, length time.Duration) {
	s.t.Helper()
	word := ofFront(store.Hold)
	word.At, word.Until = time.Now().UTC().Add(-ago), time.Now().UTC().Add(length-ago)
	if err := s.postures.keep(s.postures.say(word)); err != nil {
		s.t.Fatal(err)
	}
}

func TestAHoldGoesOnAfterARestart(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		ledger := s.keeps()
		s.saidBefore(time.Hour, time.Hour+30*time.Second)
		time.Sleep(time.Second)
		s.sees("it goes on", "record system hold of anna goes on", "unlock 29.5s")
		s.stands("it goes on:", "held_open")
		if v := s.look(); v.heldBy != "anna" {
			t.Errorf("held by %q", v.heldBy)
		}
		time.Sleep(31 * time.Second)
		s.sees("it ends", "unlock 19.5s", "unlock 9.5s", "record system hold ended: its time is over")
		s.stands("afterwards", "locked")
		// No clock that is set back brings it back, nor a restart.
		if diff := cmp.Diff([]store.PostureWhat{store.Hold, store.Release}, ledger.whats()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		s.clockIs(-30*time.Second, true)
		time.Sleep(time.Minute)
		s.sees("by a clock that was set back")
	})
}

func TestAHoldWaitsForAClockThatCanBeTrusted(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.clockIs(-time.Hour, false) // it jumped
		time.Sleep(2 * time.Second)
		s.saidBefore(time.Minute, time.Hour)
		time.Sleep(time.Minute)
		s.sees("it is not taken up, and says so once", "record system the hold of anna is not taken up: the clock is not trusted")
		s.stands("meanwhile", "locked")
		if got := s.look().waits; got != waitsClock {
			t.Errorf("shown: %q", got)
		}
		s.clockIs(0, true)
		time.Sleep(2 * time.Second)
		s.sees("the clock is set", "record system hold of anna goes on", "unlock 30s")
		s.clockIs(-2*time.Hour, false)
		time.Sleep(time.Second)
		s.sees("and is lost", "lock", "record system hold ended: the clock is not trusted")
		if a := s.letGo(); a.err != nil || !a.held {
			t.Errorf("a hold that waits is not released: %+v", a)
		}
		s.clockIs(0, true)
		s.news()
		time.Sleep(time.Minute)
		s.sees("it was released")
	})
}

func TestAHoldWhoseTimeIsOverIsNotTakenUp(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		ledger := s.keeps()
		s.saidBefore(2*time.Hour, time.Hour)
		time.Sleep(2 * time.Second)
		s.sees("it is over", "record system the hold of anna is not taken up: its time is over")
		if diff := cmp.Diff([]store.PostureWhat{store.Hold, store.Release}, ledger.whats()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
}

// A box without a clock chip comes up an hour behind; then the network sets it.
func TestAHoldThatWasTakenUpEndsWithTheClockThatIsSet(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.saidBefore(time.Minute, time.Hour)
		time.Sleep(2 * time.Second)
		s.stands("taken up", "held_open")
		s.news()
		s.clockIs(2*time.Hour, true)
		time.Sleep(time.Second)
		s.sees("the clock is set", "record system hold ended: its time is over")
		s.stands("then", "open") // the last pulse runs out
	})
}

func TestAHoldThatWasTakenUpLastsNoLongerThanItsClockSaidThen(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.saidBefore(2*time.Hour, 2*time.Hour+time.Minute)
		time.Sleep(2 * time.Second)
		s.stands("taken up", "held_open")
		s.clockIs(-time.Hour, true)
		time.Sleep(time.Minute)
		s.stands("a minute later, by a clock that was set back", "locked")
	})
}

// A hold of this run goes by the time that elapses, whatever happens to the clock.
func TestAHoldOfThisRunHeedsNoClock(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.keeps()
		s.hold(10 * time.Minute)
		for _, ahead := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
			s.clockIs(ahead, false)
			time.Sleep(4 * time.Minute)
			s.stands("by a clock that jumped", "held_open")
		}
		time.Sleep(3 * time.Minute)
		s.stands("after its time", "locked")
	})
}

func TestALockdownEndsAHoldForGood(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		ledger := s.keeps()
		s.hold(time.Hour)
		down := s.postures.say(ofSite(store.LockDown))
		time.Sleep(2 * time.Second)
		if err := s.postures.keep(down); err != nil {
			t.Fatal(err)
		}
		if err := s.postures.keep(s.postures.say(ofSite(store.EndLockdown))); err != nil {
			t.Fatal(err)
		}
		s.news()
		time.Sleep(time.Minute)
		s.sees("after the lockdown")
		p, err := ledger.Postures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Order("front"); got.What != store.Release || got.Reason != whyLockedDown || got.Scope != access.ScopeDoor {
			t.Errorf("kept: %+v", got)
		}
	})
}

// gatewayOf is a gateway whose one door is that of the stage.
func (s *wiredStage) gatewayOf() *gateway {
	doors := &doorsPart{open: map[string]*openDoor{"front": {door: s.door}}}
	s.postures.doors.Store(doors)
	return &gateway{doors: doors, postures: s.postures, rights: s.rights, clock: s.clock}
}

// A lockdown is at every door within 100 ms, also at one
// that stands open.
func TestALockdownIsAtTheDoorsAtOnce(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		g := s.gatewayOf()
		s.keeps()
		if _, err := g.HoldDoor(s.ctx, anna, control.Hold{Door: "front", For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 3) // between two ticks
		s.news()
		down := s.postures.say(ofSite(store.LockDown))
		time.Sleep(100 * time.Millisecond)
		s.sees("a lockdown", "lock", "record system hold ended: the door is locked down")
		if err := s.postures.keep(down); err != nil {
			t.Error(err)
		}
	})
}

func TestAHoldThatCannotBeWrittenDownIsEnded(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		g, ledger := s.gatewayOf(), s.keeps()
		ledger.fails(errors.New("disk full"))
		_, err := g.HoldDoor(s.ctx, anna, control.Hold{Door: "front", For: time.Hour})
		if err == nil || !strings.Contains(err.Error(), "could not be written down, so it was ended: disk full") {
			t.Errorf("got %v", err)
		}
		time.Sleep(2 * time.Second)
		s.stands("then", "locked")
		ledger.fails(nil)
		time.Sleep(3 * time.Second)
		if got := newPosturesOf(t, ledger, s.clock).of("front").order.What; got != store.Release {
			t.Errorf("after a restart the order is %q", got)
		}
		if held, err := g.HoldDoor(s.ctx, anna, control.Hold{Door: "front", For: time.Hour}); err != nil || time.Until(held.Until).Round(time.Second) != time.Hour {
			t.Errorf("once the disk takes it: %+v, %v", held, err)
		}
	})
}

// Whoever releases a door and leaves before the disk has answered has released it.
func TestAReleaseIsWrittenDownThoughNobodyWaits(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		g, ledger := s.gatewayOf(), s.keeps()
		if _, err := g.HoldDoor(s.ctx, anna, control.Hold{Door: "front", For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		ledger.fails(errors.New("disk full"))
		_, err := g.Release(s.ctx, anna, control.Where{Door: "front"})
		if err == nil || !strings.Contains(err.Error(), "door front is locked, but that is not written down yet") {
			t.Errorf("got %v", err)
		}
		s.stands("then", "locked")
		ledger.fails(nil)
		time.Sleep(3 * time.Second)
		if diff := cmp.Diff([]store.PostureWhat{store.Hold, store.Release}, ledger.whats()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
}
