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

func TestACardIsNotHandedBackThroughTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(r *access.Roster) {
			r.Policies = []access.Policy{{Door: "front", Passback: time.Minute, PassbackRefuses: true}}
		})
		s.passages.within = time.Minute
		tap := func() access.Reason {
			read, reply := cardRead("04a2b3c4d5e680"), make(chan answer, 1)
			s.obey(t.Context(), ask{read: &read, reply: reply})
			return (<-reply).decision.Reason
		}
		s.strike.err = errors.New("no answer")
		if got := tap(); got != access.Granted {
			t.Errorf("the first tap: %v", got)
		}
		s.strike.err = nil
		if got := tap(); got != access.Granted {
			t.Errorf("after a strike that did not answer nobody is in: %v", got)
		}
		if got := tap(); got != access.Passback {
			t.Errorf("at once: got %v, want %v", got, access.Passback)
		}
		time.Sleep(59 * time.Second)
		if got := tap(); got != access.Passback {
			t.Errorf("after 59 s: got %v, want %v", got, access.Passback)
		}
		time.Sleep(time.Second)
		if got := tap(); got != access.Granted {
			t.Errorf("after a minute: got %v", got)
		}
		if got := len(s.passages.last); got != 1 {
			t.Errorf("%d passages are remembered", got)
		}
		time.Sleep(time.Second)
		if !strings.Contains(s.seen.String(), "record decision passback") {
			t.Error("it was not recorded")
		}
	})
}

// A clock that is set right must not keep out for hours who came in before it,
// nor forget them.
func TestPassbackCountsTimeThatElapsed(t *testing.T) {
	for _, tt := range []struct {
		name string
		jump time.Duration
	}{{"set back", -5 * time.Hour}, {"set ahead", 5 * time.Hour}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(r *access.Roster) {
					r.Policies = []access.Policy{{Door: "front", Passback: time.Minute, PassbackRefuses: true}}
				})
				s.passages.within = time.Minute
				var set time.Duration
				clock := s.clock.Clock
				clock.Wall = func() time.Time { return time.Now().Add(set) }
				s.clock = newTimekeeper(clock, time.Time{})
				tap := func() access.Reason {
					return s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), "").decision.Reason
				}
				for _, step := range []struct {
					after, set time.Duration
					want       access.Reason
				}{{0, 0, access.Granted}, {30 * time.Second, tt.jump, access.Passback}, {31 * time.Second, tt.jump, access.Granted}} {
					time.Sleep(step.after)
					set = step.set
					if got := tap(); got != step.want {
						t.Errorf("after %v: got %v, want %v", step.after, got, step.want)
					}
				}
				time.Sleep(time.Second)
			})
		})
	}
}

// Somebody who did not get to the door in time is still outside.
func TestWhoDidNotGoInIsNotHeldToHaveGoneIn(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.change(func() {
			s.passages.within = time.Hour
			asks := newStage(t, func(r *access.Roster) {
				r.Policies = []access.Policy{{Door: "front", Passback: time.Hour, PassbackRefuses: true}}
			})
			s.rights.current.Store(asks.rights.Load())
		})
		s.closed()
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(time.Minute)
		s.expect("nobody went in", "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked\nrecord alarm no_entry")
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(time.Second)
		s.is(contactInput, hw.LevelActive)
		s.is(contactInput, hw.LevelNormal)
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(time.Second)
		s.expect("this time she did", "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked\nlamp red\nrecord decision passback")
	})
}
