package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// What was decided before a lockdown, and is still being written down as it
// begins, opens nothing any more.
func TestALockdownWinsOverWhatIsOnItsWayToTheStrike(t *testing.T) {
	tests := []struct {
		name string
		what func(s *wiredStage)
	}{
		{"a tap", func(s *wiredStage) { s.hand(s.heard(cardRead("04a2b3c4d5e680"))) }},
		{"staff open the door", func(s *wiredStage) { go func() { _, _ = s.ask(s.ctx, ask{actor: "anna"}) }() }},
		{"staff hold it open", func(s *wiredStage) {
			go func() { _, _ = s.ask(s.ctx, ask{do: s.holding("anna", time.Hour)}) }()
		}},
		{"a hold of an earlier run", func(s *wiredStage) { s.saidBefore(time.Minute, time.Hour) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWiredStage(t, usualRules, func(s *wiredStage) {
				s.gatewayOf()
				s.keeps()
				s.change(func() { s.journal.delay = 100 * time.Millisecond })
				tt.what(s)
				time.Sleep(50 * time.Millisecond)
				down := s.postures.say(ofSite(store.LockDown))
				if err := s.postures.keep(down); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Second)
				if got := s.news(); strings.Contains(got, "unlock ") {
					t.Errorf("the door opened after the lockdown:\n%s", got)
				}
				s.stands("then", "locked_down")
				if got := s.last.Load(); got != nil && got.reason != access.LockedDown {
					t.Errorf("shown: %v", got.reason)
				}
			})
		})
	}
}

// A lockdown ends, somebody is let in, and the next one begins, all before the door
// looks how it is to stand.
func TestALockdownRightAfterAnotherEndsThePulseThatRuns(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		down := s.postures.say(ofSite(store.LockDown))
		time.Sleep(1200 * time.Millisecond) // between two ticks
		s.stands("first", "locked_down")
		if err := errors.Join(s.postures.keep(down), s.postures.keep(s.postures.say(ofSite(store.EndLockdown)))); err != nil {
			t.Fatal(err)
		}
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		synctest.Wait()
		time.Sleep(time.Millisecond)
		s.stands("between them", "open")
		s.postures.say(ofSite(store.LockDown))
		s.change(func() { s.tend(context.Background()) }) // as the gateway wakes it
		s.stands("then", "locked_down")
		if got := s.news(); !strings.HasSuffix(got, "lock") {
			t.Errorf("seen:\n%s", got)
		}
	})
}

// A hold that was refused leaves the door as it was: kept locked in its hours.
func TestAHoldThatCannotBeWrittenDownLeavesTheDoorKeptLocked(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		g, ledger := s.gatewayOf(), s.keeps()
		s.hours(time.Second, time.Hour, 0)
		time.Sleep(3 * time.Second)
		if _, err := g.Release(s.ctx, anna, control.Where{Door: "front"}); err != nil {
			t.Fatal(err)
		}
		ledger.fails(errors.New("disk full"))
		if _, err := g.HoldDoor(s.ctx, anna, control.Hold{Door: "front", For: time.Minute}); err == nil {
			t.Error("nobody was told")
		}
		time.Sleep(3 * time.Second)
		s.stands("then", "locked")
		ledger.fails(nil)
		time.Sleep(3 * time.Second)
		s.stands("once the disk takes it", "locked")
		if word := newPosturesOf(t, ledger, s.clock).of("front"); !word.kept(time.Now()) || word.order.Actor != "anna" {
			t.Errorf("after a restart the order is %+v", word.order)
		}
	})
}

// Who was told that the door did not answer must not find it held open.
func TestADoorIsNotHeldOpenForWhoGaveUp(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		g, ledger := s.gatewayOf(), s.keeps()
		s.change(func() { s.journal.delay = 100 * time.Millisecond })
		ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
		defer cancel()
		if _, err := g.HoldDoor(ctx, anna, control.Hold{Door: "front", For: time.Hour}); err == nil {
			t.Error("the door answered")
		}
		time.Sleep(time.Minute)
		s.stands("afterwards", "locked")
		if got := newPosturesOf(t, ledger, s.clock).of("front").order.What; got == store.Hold {
			t.Error("after a restart it would be held open")
		}
	})
}

// Who goes out has not arrived: the last of the night leaves the house empty.
func TestWhoLeavesIsNotTheFirstToArrive(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		ledger := s.keeps()
		s.change(func() { s.tiles[0].name = wayOut })
		s.hours(time.Second, time.Hour, time.Second)
		time.Sleep(2 * time.Second)
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(20 * time.Second)
		s.stands("after somebody left", "locked")
		if got := ledger.whats(); len(got) != 0 {
			t.Errorf("kept: %v", got)
		}
		s.change(func() { s.tiles[0].name = wayIn })
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(20 * time.Second)
		s.stands("after somebody came", "unlocked_by_schedule")
	})
}

// A word that the disk does not take keeps nobody waiting who said the next one.
func TestWhoWaitsBehindAWordThatTheDiskDoesNotTakeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &memoryLedger{}
		p := newPosturesOf(t, ledger, testClock())
		ledger.fails(errors.New("disk full"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.run(ctx) }()
		p.later(p.say(ofFront(store.Arrived))) // for which nobody waits
		time.Sleep(3 * postureRetry)
		kept := p.later(p.sayHold("front", "anna", time.Hour))
		time.Sleep(3 * postureRetry)
		select {
		case err := <-kept:
			if err == nil {
				t.Error("it is said to be kept")
			}
		default:
			t.Error("nobody was told")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
