package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

// What is not kept any more is shown as it was recorded, and said to be so.
func TestWhatIsNotKeptIsShownAsItWasRecorded(t *testing.T) {
	p := newPast(t, 1)
	replace := func() {
		t.Helper()
		if _, err := p.rights.Replace(t.Context(), "kisi", cloud.RowsOf(p.roster()), access.Contact{Source: "kisi", At: today}); err != nil {
			t.Fatal(err)
		}
	}
	for len(p.taps) == 0 {
		p.tap()
	}
	for range 4 {
		p.clock.pass(20*24*time.Hour, 0, true)
		replace()
	}
	if err := p.cache.Forget(t.Context(), p.clock.clock().Wall().Add(-rightsReplay)); err != nil {
		t.Fatal(err)
	}
	for id, reason := range p.taps {
		a, err := p.Why(t.Context(), control.Question{Event: id})
		if err != nil {
			t.Fatal(err)
		}
		if a.Replay.Verdict != control.NotKept || a.Reason != reason || !strings.Contains(a.Replay.Why, "30 days") || a.Say == "" {
			t.Errorf("got %s %q, %v, %q", a.Replay.Verdict, a.Replay.Why, a.Reason, a.Say)
		}
	}
	if _, err := p.Why(t.Context(), control.Question{Door: "front", Person: "kisi-ann", At: today}); err == nil || !strings.Contains(err.Error(), "30 days") {
		t.Errorf("a question about then: %v", err)
	}
}

// A question about another time is decided by the rights of that time.
func TestAQuestionAboutThenIsDecidedByTheRightsOfThen(t *testing.T) {
	p := newPast(t, 1)
	simple := people("kisi", "ann")
	simple.Doors[0].Name = "Front"
	replace := func(r access.Roster) {
		t.Helper()
		if _, err := p.rights.Replace(t.Context(), "kisi", cloud.RowsOf(r), access.Contact{Source: "kisi", At: p.clock.clock().Wall()}); err != nil {
			t.Fatal(err)
		}
	}
	replace(simple)
	p.clock.pass(24*time.Hour, 0, true)
	gone := simple
	gone.Grants = nil
	replace(gone)
	p.clock.pass(24*time.Hour, 0, true)
	now := p.clock.clock().Wall()
	for _, tt := range []struct {
		name string
		at   time.Time
		want access.Reason
		past bool
	}{
		{"now", time.Time{}, access.NoGrant, false},
		{"tomorrow", now.Add(24 * time.Hour), access.NoGrant, false},
		{"an hour ago", now.Add(-time.Hour), access.NoGrant, false},
		{"two days ago", now.Add(-47 * time.Hour), access.Granted, true},
	} {
		a, err := p.Why(t.Context(), control.Question{Door: "front", Person: "kisi-ann", At: tt.at})
		if err != nil || a.Reason != tt.want || a.RightsOf.IsZero() != (tt.at.IsZero() || !tt.at.Before(now)) {
			t.Errorf("%s: got %v of %v, %v; want %v", tt.name, a.Reason, a.RightsOf, err, tt.want)
		}
		var openers []string
		err = p.Who(t.Context(), control.WhoQuery{Door: "front", At: tt.at}, func(o control.Opener) error {
			openers = append(openers, o.Holder+" "+o.Name)
			return nil
		})
		if could := slices.Contains(openers, "kisi-ann ann"); err != nil || could != (tt.want == access.Granted) {
			t.Errorf("%s: who: %v, %v", tt.name, openers, err)
		}
	}
}

// Questions about another time wait for each other, and for nobody who is gone: who
// reads slowly, or left, keeps no others from asking for long.
func TestAQuestionAboutThenWaitsForNobodyWhoIsGone(t *testing.T) {
	p := newPast(t, 1)
	for _, who := range [][]string{{"ann"}, {"bob"}} {
		if _, err := p.rights.Replace(t.Context(), "kisi", cloud.RowsOf(people("kisi", who...)), access.Contact{Source: "kisi", At: p.clock.clock().Wall()}); err != nil {
			t.Fatal(err)
		}
		p.clock.pass(24*time.Hour, 0, true)
	}
	then := p.clock.clock().Wall().Add(-47 * time.Hour)
	why := control.Question{Door: "front", Person: "kisi-bob", At: then}
	told := 0
	err := p.Who(t.Context(), control.WhoQuery{Door: "front", At: then}, func(o control.Opener) error {
		told++
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, leave)
		if _, err := p.Why(gone, why); !errors.Is(err, context.Canceled) {
			t.Errorf("asked in between by somebody who left: %v", err)
		}
		return nil
	})
	if err != nil || told == 0 {
		t.Fatalf("told of %d people, %v", told, err)
	}
	if _, err := p.Why(t.Context(), why); err != nil {
		t.Errorf("asked afterwards: %v", err)
	}
}

// A small change is at the door before the disk has it. A tap in between is decided
// again by the rights that it was decided by.
func TestATapBetweenTheDoorAndTheDiskIsDecidedAgainAlike(t *testing.T) {
	p := newPast(t, 1)
	r := people("kisi", "ann")
	r.Assignments[0].Digest = p.keys.digest.Digest(access.Card, []byte(cardOf("ann")))
	if _, err := p.rights.Replace(t.Context(), "kisi", cloud.RowsOf(r), access.Contact{Source: "kisi", At: today}); err != nil {
		t.Fatal(err)
	}
	before := p.rights.Load()
	p.rights.mu.Lock() // as an install holds it
	done := make(chan error, 1)
	go func() { done <- p.rights.Apply(t.Context(), "kisi", leaves("kisi", "ann"), today) }()
	p.until("the change is at the door", func() bool { return p.rights.Load().Hash() != before.Hash() })
	p.hold("front", hw.Read{Kind: access.Card, Value: hw.Value(cardOf("ann"))})
	p.rights.mu.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if p.rights.Load().Generation() == before.Generation() {
		t.Fatal("the change was not written")
	}
	if got := p.replayAll(); got[access.NoGrant] != 1 {
		t.Errorf("got %v", got)
	}
	p.again() // and by what is on the disk alone
	if _, err := p.rights.Replace(t.Context(), "kisi", cloud.RowsOf(people("kisi", "bob")), access.Contact{Source: "kisi", At: today}); err != nil {
		t.Fatal(err)
	}
	p.replayAll()
}
