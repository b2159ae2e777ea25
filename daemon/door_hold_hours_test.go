package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// hours has the door follow what a source says from now on: it stands open from
// one time until another, both after now, and waits for the first to arrive from
// a third time on, if that is not 0.
func (s *wiredStage) hours(from, until, waits time.Duration) {
	s.t.Helper()
	now := time.Now()
	s.roster(now, func(r *access.Roster) {
		r.Schedules = []access.Schedule{{ID: "1", On: access.ScopeDoor, OnID: "front", Consequence: access.Unlock, Start: now.Add(from), End: now.Add(until)}}
		if waits != 0 {
			r.Schedules = append(r.Schedules, access.Schedule{ID: "2", On: access.ScopeDoor, OnID: "front", Consequence: access.FirstToArrive, Start: now.Add(waits), End: now.Add(until)})
		}
	})
	s.change(func() { s.unlocks = true })
}

// roster takes Ann's rights into use with a change, of a source that was heard of
// at a time.
func (s *wiredStage) roster(heard time.Time, change func(*access.Roster)) {
	s.t.Helper()
	ann := doorKey.Credential(access.Card, []byte("04a2b3c4d5e680"))
	r := access.Roster{
		Doors:       []access.Door{{ID: "front", Name: "Front door"}},
		Holders:     []access.Holder{{ID: "ann"}},
		Grants:      []access.Grant{{ID: "g1", Assignee: "ann", Scope: access.ScopeDoor, ScopeID: "front", Source: "kisi", Cause: "role"}},
		Assignments: []access.Assignment{{ID: "c1", Kind: ann.Kind, Digest: ann.Digest, Assurance: ann.Assurance, Holder: "ann", Active: true}},
	}
	change(&r)
	snapshot, err := access.Build(r, []access.Contact{{Source: "kisi", At: heard}}, 4)
	if err != nil {
		s.t.Fatal(err)
	}
	s.rights.swap(snapshot)
}

// keeps has what the door says written down, as the gateway does.
func (s *wiredStage) keeps() *memoryLedger {
	go func() { _ = s.postures.run(s.ctx) }()
	return s.postures.keeper.(*memoryLedger)
}

// clockIs has the clock show another time from now on, and be believed or not.
func (s *wiredStage) clockIs(ahead time.Duration, synced bool) {
	s.change(func() {
		s.clock.Wall = func() time.Time { return time.Now().Add(ahead) }
		s.clock.Synced = func() bool { return synced }
		s.clock.look()
	})
}

// sees checks what was seen since the last time, but for times of the day and for
// inputs that this test does not play.
func (s *wiredStage) sees(what string, want ...string) {
	s.t.Helper()
	var got []string
	for line := range strings.Lines(s.news()) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), ", until ")
		if line != "record alarm input_lost" {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// recorded is an event, the last one being -1.
func (s *wiredStage) recorded(at int) (e access.Event) {
	s.change(func() { e = s.journal.all[len(s.journal.all)+at] })
	return e
}

func (s *wiredStage) stands(what, want string) {
	s.t.Helper()
	if got := postureOf(s.rights.Load(), s.door); got != want {
		s.t.Errorf("%s it is shown as %s, want %s", what, got, want)
	}
}

func TestADoorFollowsItsUnlockHours(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		ledger := s.keeps()
		s.hours(time.Minute, 2*time.Minute, 0)
		time.Sleep(59 * time.Second)
		s.sees("before them")
		s.stands("before them", "locked")
		time.Sleep(2 * time.Second)
		s.sees("they begin", "record system unlock hours began", "unlock 30s")
		s.stands("in them", "unlocked_by_schedule")
		if v := s.look(); v.kind != access.Unlock || time.Until(v.until).Round(time.Second) != 59*time.Second {
			t.Errorf("shown: %v for %v", v.kind, time.Until(v.until))
		}
		s.is(contactInput, hw.LevelActive)
		time.Sleep(45 * time.Second)
		for line := range strings.SplitSeq(s.news(), "\n") {
			if length, err := time.ParseDuration(strings.TrimPrefix(line, "unlock ")); err != nil || length > leaseLength {
				t.Errorf("in them: %q, want only that the strike is told again", line)
			}
		}
		time.Sleep(16 * time.Second)
		s.sees("they end", "unlock 9.503s", "record system unlock hours ended: its time is over")
		s.stands("after them", "locked")
		time.Sleep(10 * time.Second) // for whoever opened it at the last moment
		s.is(contactInput, hw.LevelNormal)
		s.is(contactInput, hw.LevelActive)
		time.Sleep(2 * time.Second)
		s.sees("and force is force", "record alarm forced_open")
		if got := ledger.whats(); len(got) != 0 {
			t.Errorf("hours are no word of anybody: %v", got)
		}
	})
}

// The strike is told never to stay unlocked beyond the end of the hours.
func TestUnlockHoursEndOnTime(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		begin := time.Now()
		s.hours(time.Second, 95*time.Second, 0)
		var end time.Duration
		for range 100 {
			time.Sleep(time.Second)
			for line := range strings.Lines(s.news()) {
				if length, err := time.ParseDuration(strings.TrimPrefix(strings.TrimSpace(line), "unlock ")); err == nil {
					end = time.Since(begin).Truncate(time.Second) + length
				}
			}
		}
		if end < 94*time.Second || end > 96*time.Second {
			t.Errorf("the last pulse ends %v after the beginning, the hours after 95 s", end)
		}
	})
}

func TestADoorThatDoesNotFollowStaysLocked(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.hours(time.Second, time.Hour, 0)
		s.change(func() { s.unlocks = false })
		time.Sleep(time.Minute)
		s.sees("in the hours")
		s.stands("in the hours", "locked")
	})
}

func TestUnlockHoursEndWhenTheyCannotBeBelieved(t *testing.T) {
	tests := []struct {
		name string
		what func(*wiredStage)
		want string
	}{
		{"a clock that is not trusted", func(s *wiredStage) { s.clockIs(-time.Hour, false) }, waitsClock},
		{"hours that were taken back", func(s *wiredStage) { s.roster(time.Now(), func(*access.Roster) {}) }, "the rights no longer say so, or are too old"},
		{"rights that are too old", func(s *wiredStage) {
			s.roster(time.Now().Add(-8*24*time.Hour), func(r *access.Roster) {
				r.Schedules = []access.Schedule{{ID: "1", On: access.ScopeDoor, OnID: "front", Consequence: access.Unlock, Days: access.EveryDay, From: 0, Until: access.MinutesADay}}
			})
		}, "the rights no longer say so, or are too old"},
		{"a lockdown by the cloud", func(s *wiredStage) {
			s.roster(time.Now(), func(r *access.Roster) { r.Doors[0].LockedDown = true })
		}, whyLockedDown},
		{"a lockdown by staff", func(s *wiredStage) { s.postures.say(ofSite(store.LockDown)) }, whyLockedDown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWiredStage(t, usualRules, func(s *wiredStage) {
				s.hours(time.Second, time.Hour, 0)
				time.Sleep(3 * time.Second)
				s.stands("in the hours", "unlocked_by_schedule")
				s.news()
				tt.what(s)
				time.Sleep(1500 * time.Millisecond)
				s.sees("after it", "lock", "record system unlock hours ended: "+tt.want)
				time.Sleep(time.Minute)
				s.sees("later")
			})
		})
	}
}

func TestTheHoursGoOnAfterALockdown(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.hours(time.Second, time.Hour, 0)
		down := s.postures.say(ofSite(store.LockDown))
		time.Sleep(3 * time.Second)
		s.sees("in a lockdown")
		s.stands("in a lockdown", "locked_down")
		if err := errors.Join(s.postures.keep(down), s.postures.keep(s.postures.say(ofSite(store.EndLockdown)))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s.sees("at its end", "record system unlock hours began", "unlock 30s")
	})
}

func TestReleasedHoursStayShutUntilTheyEnd(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		now := time.Now()
		s.keeps()
		s.hours(time.Second, time.Hour, 0)
		time.Sleep(3 * time.Second)
		s.news()
		a := s.letGo()
		if a.err != nil || a.held || a.posture.What != store.KeepLocked || !a.posture.Until.Equal(now.Add(time.Hour).UTC()) {
			t.Fatalf("released: %+v", a)
		}
		time.Sleep(time.Millisecond)
		if err := <-a.kept; err != nil {
			t.Error(err)
		}
		s.sees("they are released", "lock", "record action unlock hours ended by hand")
		if got := s.recorded(-1).Actor; got != "anna" {
			t.Errorf("by %q", got)
		}
		time.Sleep(time.Minute)
		s.sees("afterwards")
		s.stands("afterwards", "locked")
		if a := s.letGo(); !errors.Is(a.err, errNotHeld) {
			t.Errorf("again: %v, want %v", a.err, errNotHeld)
		}
		// A restart forgets nothing of it.
		again := newPosturesOf(t, s.postures.keeper, s.clock)
		if !again.of("front").kept(time.Now()) || again.of("front").kept(now.Add(time.Hour)) {
			t.Error("after a restart the door is not kept locked for just these hours")
		}
		if a := s.hold(10 * time.Second); a.err != nil {
			t.Fatal(a.err)
		}
		time.Sleep(15 * time.Second)
		s.stands("after a hold", "unlocked_by_schedule")
	})
}

// Who releases a hold wants the door locked, whatever its hours say.
func TestAHoldThatIsReleasedInUnlockHoursLeavesTheDoorLocked(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.hours(time.Second, time.Hour, 0)
		time.Sleep(3 * time.Second)
		s.hold(30 * time.Minute)
		time.Sleep(3 * time.Second)
		s.stands("held", "held_open")
		s.news()
		if a := s.letGo(); !a.held || a.posture.What != store.KeepLocked {
			t.Errorf("released: %+v", a)
		}
		time.Sleep(time.Minute)
		s.sees("afterwards", "lock", "record action hold released")
	})
}

func TestTheFirstToArriveBeginsTheHours(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		ledger := s.keeps()
		s.hours(2*time.Minute, 10*time.Minute, time.Minute)
		tap := func(uid string) {
			s.hand(s.heard(cardRead(uid)))
			time.Sleep(8 * time.Second)
			s.news()
		}
		tap("04a2b3c4d5e680") // before they wait
		time.Sleep(2 * time.Minute)
		s.sees("nobody came")
		tap("04ffffffffffff") // refused
		if a, err := s.ask(s.ctx, ask{actor: "desk"}); err != nil || a.err != nil {
			t.Fatal(err, a.err)
		}
		time.Sleep(8 * time.Second)
		s.news()
		if a, err := s.ask(s.ctx, ask{actor: "desk", read: &hw.Read{Kind: access.Card, Value: hw.Value("04a2b3c4d5e680"), At: time.Now()}}); err != nil || !a.decision.Granted() {
			t.Fatal(err, a.decision.Reason)
		}
		time.Sleep(8 * time.Second)
		s.news()
		if got := ledger.whats(); len(got) != 0 {
			t.Fatalf("somebody arrived who did not come in by right at the tile: %v", got)
		}
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(1500 * time.Millisecond)
		s.sees("Ann comes", "record decision granted", "unlock 5s", "lamp green", "record outcome unlocked", "record system unlock hours (first_to_arrive) began", "unlock 30s")
		came := s.recorded(-3) // before its outcome, and what began
		tap("04a2b3c4d5e680")
		if diff := cmp.Diff([]store.PostureWhat{store.Arrived}, ledger.whats()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		if got := ledger.words[0]; got.Reason != "event "+came.ID || !got.At.Equal(came.At) || came.Kind != access.DecisionEvent {
			t.Errorf("kept: %+v, want it to name the tap", got)
		}
		again := newPosturesOf(t, ledger, s.clock)
		if u := s.rights.Load().Unlocking("front", time.Now(), access.ClockSynced, again.of("front").arrived); !u.Open {
			t.Error("a restart forgets who arrived")
		}
	})
}

// Who arrived counts only once that is durable: after a power cut the door must not
// remember less than it did.
func TestAnArrivalThatIsNotWrittenOpensNothing(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		ledger := s.keeps()
		ledger.fails(errors.New("disk full"))
		s.hours(time.Second, time.Hour, time.Second)
		time.Sleep(2 * time.Second)
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(20 * time.Second)
		s.stands("not written", "locked")
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(20 * time.Second)
		ledger.fails(nil)
		time.Sleep(3 * time.Second)
		s.stands("written", "unlocked_by_schedule")
		if diff := cmp.Diff([]store.PostureWhat{store.Arrived}, ledger.whats()); diff != "" {
			t.Errorf("kept, though one is the first (-want +got):\n%s", diff)
		}
	})
}

func TestALockdownEndsThePulseThatRuns(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(time.Millisecond)
		s.postures.say(ofSite(store.LockDown))
		s.change(func() { s.tend(context.Background()) }) // as the gateway wakes it
		time.Sleep(time.Millisecond)
		if got := s.news(); !strings.HasSuffix(strings.TrimSuffix(got, "\nrecord outcome unlocked"), "lock") || s.openUntil.Load() != 0 {
			t.Errorf("seen:\n%s", got)
		}
		s.stands("then", "locked_down")
	})
}

func TestStaffOpenALockedDownDoorOnlyOnPurpose(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.postures.say(ofFront(store.LockDown))
		time.Sleep(2 * time.Second)
		s.news()
		a, err := s.ask(s.ctx, ask{actor: "anna"})
		if err != nil || !errors.Is(a.err, errLockedDown) {
			t.Errorf("without meaning it: %v, %v", err, a.err)
		}
		s.sees("nothing moves")
		if a, err = s.ask(s.ctx, ask{actor: "anna", anyway: true}); err != nil || a.err != nil {
			t.Errorf("on purpose: %v, %v", err, a.err)
		}
		time.Sleep(3 * time.Second)
		s.sees("it opens for its whole pulse, and that is written", "record action open anyway, though locked down", "unlock 5s", "record outcome unlocked")
		s.stands("then", "open")
	})
}
