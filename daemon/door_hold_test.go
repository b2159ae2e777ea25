package daemon

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

func (s *wiredStage) hold(length time.Duration) answer {
	a, err := s.ask(s.ctx, ask{do: s.holding("anna", length)})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *wiredStage) letGo() answer {
	a, err := s.ask(s.ctx, ask{do: s.releasing("anna")})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// The strike is never told to stay open for longer than half a minute: a gateway
// that dies at any moment leaves a door that locks by itself.
func TestADoorIsHeldOpenByALease(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		if a := s.hold(time.Minute); a.err != nil {
			t.Fatal(a.err)
		}
		time.Sleep(time.Millisecond)
		s.expect("it begins", "record action hold open for 1m0s\nunlock 30s\nrecord outcome held open")
		if got := postureOf(s.rights.Load(), s.door); got != "held_open" {
			t.Errorf("it is shown as %s", got)
		}
		if v := s.look(); v.stands != standsHeld || v.heldBy != "anna" || time.Until(v.until).Round(time.Second) != time.Minute {
			t.Errorf("held by %q for %v", v.heldBy, time.Until(v.until))
		}
		s.is(contactInput, hw.LevelActive)
		time.Sleep(75 * time.Second)
		// Every ten seconds, as the ticks of the door come, and never beyond the end.
		lines := strings.Split(s.news(), "\n")
		if got, want := strings.Join(lines[:len(lines)-1], " "), "unlock 30s unlock 30s unlock 2"; !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want it to begin %q", got, want)
		}
		if got := lines[len(lines)-1]; got != "record system hold ended: its time is over" {
			t.Errorf("at the end: %q", got)
		}
		for i, line := range lines[:len(lines)-1] {
			told := time.Duration(i+1)*10*time.Second - time.Second // after the beginning, at the earliest
			if d, err := time.ParseDuration(strings.TrimPrefix(line, "unlock ")); err != nil || told+d > time.Minute {
				t.Errorf("%q at %v reaches beyond the end of the hold", line, told)
			}
		}
		if got := postureOf(s.rights.Load(), s.door); got != "locked" {
			t.Errorf("after it: %s", got)
		}
		time.Sleep(40 * time.Second)
		s.expect("it still stands open", "record alarm held_open_soon")
	})
}

func TestAHoldIsReleased(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.hold(2 * time.Hour)
		time.Sleep(time.Hour)
		s.news()
		if a := s.letGo(); a.err != nil {
			t.Fatal(a.err)
		}
		time.Sleep(time.Millisecond)
		s.expect("it ends", "lock\nrecord action hold released")
		if got := postureOf(s.rights.Load(), s.door); got != "locked" {
			t.Errorf("it is shown as %s", got)
		}
		if a := s.letGo(); !errors.Is(a.err, errNotHeld) {
			t.Errorf("again: %v, want %v", a.err, errNotHeld)
		}
		time.Sleep(relockGrace)
		s.is(contactInput, hw.LevelActive)
		time.Sleep(2 * time.Second)
		s.expect("and force is force", "record alarm forced_open")
	})
}

func TestALockdownWinsOverAHold(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.hold(time.Hour)
		time.Sleep(time.Millisecond)
		s.news()
		snapshot, err := access.Build(access.Roster{Doors: []access.Door{{ID: "front", LockedDown: true}}}, nil, 4)
		if err != nil {
			t.Fatal(err)
		}
		s.rights.current.Store(snapshot)
		time.Sleep(1500 * time.Millisecond)
		s.expect("it is locked down", "lock\nrecord system hold ended: the door is locked down")
		if got := postureOf(s.rights.Load(), s.door); got != "locked_down" {
			t.Errorf("it is shown as %s", got)
		}
		if a := s.hold(time.Hour); !errors.Is(a.err, errLockedDown) {
			t.Errorf("a new hold: %v, want %v", a.err, errLockedDown)
		}
		time.Sleep(time.Minute)
		s.expect("nothing moves", "")
	})
}

func TestAHoldThatTheStrikeDoesNotTakeIsNone(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.strikeSays(errors.New("no answer"))
		if a := s.hold(time.Hour); a.err == nil {
			t.Error("nobody was told")
		}
		time.Sleep(time.Millisecond)
		s.expect("it was tried", "record action hold open for 1h0m0s\nunlock 30s\nrecord outcome strike: no answer")
		time.Sleep(time.Minute)
		s.expect("and not again", "")
		s.strikeSays(nil)
		s.hold(time.Hour)
		s.news()
		s.strikeSays(errors.New("no answer"))
		time.Sleep(31 * time.Second)
		if got := strings.Count(s.news(), "unlock 30s"); got < 3 {
			t.Errorf("a strike that went away was told %d times in half a minute", got)
		}
		s.strikeSays(nil)
	})
}

// A member's tap during a hold neither ends nor shortens it.
func TestATapDuringAHoldChangesNothing(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.hold(time.Hour)
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(20 * time.Second)
		if got := postureOf(s.rights.Load(), s.door); got != "held_open" {
			t.Errorf("it is shown as %s", got)
		}
		if got := s.news(); strings.Contains(got, "lock\n") || strings.Contains(got, "no_entry") {
			t.Errorf("seen:\n%s", got)
		}
	})
}

func TestTheEndOfTheGatewayInterruptsAHoldAndSaysSo(t *testing.T) {
	var journal *fakeJournal
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.hold(time.Hour)
		journal = s.journal
		synctest.Wait()
	})
	if last := journal.all[len(journal.all)-1]; !strings.HasPrefix(last.Detail, "hold interrupted: ") || last.Kind != access.SystemEvent {
		t.Errorf("the last event: %+v", last)
	}
}
