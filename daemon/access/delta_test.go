package access

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// answers is all that a snapshot says of anything that may be asked.
func answers(s *Snapshot) map[string]any {
	all := map[string]any{
		"hash": s.Hash(), "counts": s.Counts(), "clashes": s.Clashes(), "PINs": s.PINs(), "long PIN": s.PINAlone("front", 6),
	}
	tap := Tap{}
	say := func(what string, d Decision) {
		all[fmt.Sprint(what, " ", tap.Door, " ", tap.At, " ", tap.Presence)] = s.Explain(d)
	}
	for _, tap.Door = range someDoors {
		all["locked "+tap.Door] = s.LockedDown(tap.Door)
		for _, tap.At = range []time.Time{noon.Add(-time.Microsecond), noon, noon.Add(2 * time.Hour)} {
			for i, c := range creds() {
				tap.Credential, tap.Presence = c, Presence(i%3)
				say(c.String(), s.Decide(tap, Facts{PIN: PINRight}))
			}
			for _, id := range someHolders {
				say(id, s.DecideHolder(id, tap, Facts{Clock: ClockUnset}))
			}
		}
	}
	for _, c := range creds() {
		all["knows "+c.String()] = s.Knows(c)
		for _, digits := range creds()[3:] {
			all["PIN "+c.String()+digits.String()] = s.PINBelongs(c, digits.Digest)
		}
	}
	for _, id := range someHolders {
		c, ok := s.CredentialOf(id)
		all["credential of "+id] = fmt.Sprint(c.Kind, c.Digest, c.Assurance, ok)
	}
	return all
}

// same says how two snapshots answer otherwise, or "".
func same(got, want *Snapshot) string {
	g, w := answers(got), answers(want)
	for what := range w {
		if !reflect.DeepEqual(g[what], w[what]) {
			return fmt.Sprintf("%s:\n got %+v\nwant %+v", what, g[what], w[what])
		}
	}
	return ""
}

func mustBuild(t interface{ Fatal(...any) }, r Roster) *Snapshot {
	s, err := Build(copyOf(r), twoSources, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// However rights change, and however often: a change that is laid over a snapshot
// decides, explains and hashes as a snapshot that was built anew, and the one it
// was laid over goes on as before.
func TestAChangeLaidOverIsAsIfBuiltAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRights(t)
		s := mustBuild(t, r)
		for range rapid.IntRange(1, 4).Draw(t, "deltas") {
			after := changed(t, r)
			if rapid.IntRange(0, 4).Draw(t, "all else") == 0 {
				after = anyRights(t)
			}
			before := answers(s)
			next, err := s.With(deltaOf(r, after, rapid.Bool().Draw(t, "whole teams")))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.With(deltaOf(r, changed(t, r), false)); err != nil { // of which nobody is to notice
				t.Fatal(err)
			}
			if what := same(next, mustBuild(t, after)); what != "" {
				t.Fatal(what)
			}
			if !reflect.DeepEqual(before, answers(s)) {
				t.Fatal("what the change was laid over has changed")
			}
			r, s = after, next
		}
	})
}

// A delta that is refused leaves nothing behind, and says which row is wrong.
func TestADeltaThatDoesNotFitIsRefused(t *testing.T) {
	ann := house().Grants[0]
	gone := ann
	gone.ID = "g-none"
	other := ann
	other.Cause = "booking"
	nobodys := Grant{ID: "new", Assignee: "zoe", Scope: ScopeOrganisation, Source: "kisi"}
	with := func(change func(*Grant)) []Grant {
		g := Grant{ID: "new", Assignee: "ann", Scope: ScopeOrganisation, Source: "kisi"}
		change(&g)
		return []Grant{g}
	}
	acme := Team{ID: "acme", Name: "Acme"}
	tests := []struct {
		name  string
		delta Delta
		want  string
	}{
		{"a grant that is not there", Delta{Ended: Roster{Grants: []Grant{gone}}}, "grant g-none: is to end"},
		{"a grant that says something else", Delta{Ended: Roster{Grants: []Grant{other}}}, "grant g-ann: is to end"},
		{"a grant twice over", Delta{Ended: Roster{Grants: []Grant{ann, ann}}}, "grant g-ann: is to end"},
		{"a grant of nobody", Delta{Ended: Roster{Grants: []Grant{nobodys}}}, "grant new: is to end"},
		{"a grant that is there already", Delta{Begun: Roster{Grants: []Grant{ann}}}, "grant g-ann: appears twice"},
		{"a grant to nobody", Delta{Begun: Roster{Grants: []Grant{nobodys}}}, `grant new: names the holder "zoe"`},
		{"a grant to no team", Delta{Begun: Roster{Grants: with(func(g *Grant) { g.Kind = ToTeam })}}, `grant new: names the team "ann"`},
		{"a grant on no door", Delta{Begun: Roster{Grants: with(func(g *Grant) { g.Scope, g.ScopeID = ScopeDoor, "attic" })}}, `grant new: names the door "attic"`},
		{"a grant of no source", Delta{Begun: Roster{Grants: with(func(g *Grant) { g.Source = "rumour" })}}, `grant new: comes from the source "rumour"`},
		{"a grant without an id", Delta{Begun: Roster{Grants: with(func(g *Grant) { g.ID = "" })}}, "grant : has no id"},
		{"a grant that ends before it begins", Delta{Begun: Roster{Grants: with(func(g *Grant) { g.From, g.Until = noon, noon })}}, "grant new: ends before"},
		{"a card that is not there", Delta{Ended: Roster{Assignments: []Assignment{assign("aa", "bob")}}}, "credential card-aa: is to end"},
		{"a card to nobody", Delta{Begun: Roster{Assignments: []Assignment{assign("zz", "zoe")}}}, `credential card-zz: names the holder "zoe"`},
		{"a holder who is not there", Delta{Ended: Roster{Holders: []Holder{{ID: "zoe"}}}}, "holder zoe: is to end"},
		{"a holder who is not suspended", Delta{Ended: Roster{Holders: []Holder{{ID: "ann", Suspended: true}}}}, "holder ann: is to end"},
		{"a holder who is there already", Delta{Begun: Roster{Holders: []Holder{{ID: "ann"}}}}, "holder ann: appears twice"},
		{"a holder without an id", Delta{Begun: Roster{Holders: []Holder{{}}}}, "holder : has no id"},
		{"a holder who has a card", Delta{Ended: Roster{Holders: []Holder{{ID: "ann"}}, Grants: []Grant{ann}}}, "holder ann: is to end, and still has"},
		{"a holder who has a grant", Delta{Ended: Roster{Holders: []Holder{{ID: "ann"}}, Assignments: []Assignment{assign("aa", "ann")}}}, "holder ann: is to end, and still has"},
		{"a holder who is of a team", Delta{Ended: Roster{Holders: []Holder{{ID: "tom"}}, Assignments: []Assignment{assign("cc", "tom")}}}, "holder tom: is to end, and still has"},
		{"nobody leaves a team", Delta{Ended: Roster{Teams: []Team{{ID: "acme", Name: "Acme", Members: []string{"ann"}}}}, Begun: Roster{Teams: []Team{acme}}}, "team acme: is to end"},
		{"nobody joins a team", Delta{Ended: Roster{Teams: []Team{acme}}, Begun: Roster{Teams: []Team{{ID: "acme", Name: "Acme", Members: []string{"zoe"}}}}}, `team acme: names the holder "zoe"`},
		{"a member joins a team", Delta{Ended: Roster{Teams: []Team{acme}}, Begun: Roster{Teams: []Team{{ID: "acme", Name: "Acme", Members: []string{"tom"}}}}}, "team acme: appears twice"},
		{"a door that is not locked down", Delta{Ended: Roster{Doors: []Door{{ID: "lab", LockedDown: true}}}, Begun: Roster{Doors: []Door{{ID: "lab"}}}}, "door lab: is to end"},
		{"a place that is not there", Delta{Ended: Roster{Places: []Place{{ID: "moon"}}}, Begun: Roster{Places: []Place{{ID: "moon"}}}}, "place moon: is to end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, house())
			next, err := s.With(tt.delta)
			if _, wrong := errors.AsType[*BuildError](err); !wrong || next != nil {
				t.Fatalf("got %v, %v, want a BuildError", next, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to contain %q", err, tt.want)
			}
			if s.Hash() != build(t, house()).Hash() || s.over != nil {
				t.Error("the snapshot changed")
			}
		})
	}
}

// Two changes that are laid over one snapshot know nothing of each other.
func TestTwoChangesOfOneSnapshotDoNotMeet(t *testing.T) {
	begin := func(s *Snapshot, id string) *Snapshot {
		t.Helper()
		next, err := s.With(Delta{Begun: Roster{Grants: []Grant{{ID: id, Assignee: "eve", Scope: ScopeDoor, ScopeID: "lab", Source: "kisi"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	s := build(t, house())
	for i := range 9 {
		one, other := begin(s, "0-one"), begin(s, "0-other")
		for id, s := range map[string]*Snapshot{"0-one": one, "0-other": other} {
			e := s.Explain(s.DecideHolder("eve", Tap{Door: "lab", At: noon}, Facts{}))
			if !e.Granted || e.Grant.ID != id {
				t.Fatalf("after %d others: got the grant %+v, want %s", i, e.Grant, id)
			}
		}
		s = begin(s, fmt.Sprint("grant ", i))
	}
}

// What a delta began is held against the next one too.
func TestAHolderGoesOnlyWithoutWhatCameSince(t *testing.T) {
	zoe := Holder{ID: "zoe"}
	for name, rows := range map[string]Roster{
		"a card":  {Assignments: []Assignment{assign("zz", "zoe")}},
		"a grant": {Grants: []Grant{{ID: "new", Assignee: "zoe", Scope: ScopeOrganisation, Source: "kisi"}}},
	} {
		begun := rows
		begun.Holders = []Holder{zoe}
		s, err := build(t, house()).With(Delta{Begun: begun})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.With(Delta{Ended: Roster{Holders: []Holder{zoe}}}); err == nil || !strings.Contains(err.Error(), "holder zoe: is to end, and still has") {
			t.Errorf("%s: got %v, want a BuildError", name, err)
		}
		if s, err = s.With(Delta{Ended: begun}); err != nil || s.Hash() != build(t, house()).Hash() {
			t.Errorf("%s: all of it ends: got %v", name, err)
		}
	}
}

func TestWhatADeltaCannotChangeIsBuiltAnew(t *testing.T) {
	r := house()
	r.Doors[0].Name = "Another"
	crowd := make([]Holder, maxOverlay+1)
	for i := range crowd {
		crowd[i].ID = fmt.Sprint("crowd", i)
	}
	tests := []struct {
		name  string
		delta Delta
	}{
		{"a new door", Delta{Begun: Roster{Doors: []Door{{ID: "attic"}}}}},
		{"a door's name", Delta{Ended: Roster{Doors: house().Doors[:1]}, Begun: Roster{Doors: r.Doors[:1]}}},
		{"a place", Delta{Ended: Roster{Places: house().Places[:1]}}},
		{"a place's zone", Delta{Ended: Roster{Places: []Place{{ID: "hq"}}}, Begun: Roster{Places: []Place{{ID: "hq", Zone: "UTC"}}}}},
		{"a group", Delta{Begun: Roster{Groups: []Group{{ID: "new"}}}}},
		{"a schedule", Delta{Ended: Roster{Schedules: []Schedule{{ID: "week"}}}}},
		{"a policy", Delta{Begun: Roster{Policies: []Policy{{Door: "front"}}}}},
		{"a new team", Delta{Begun: Roster{Teams: []Team{{ID: "new"}}}}},
		{"a team that ends", Delta{Ended: Roster{Teams: house().Teams}}},
		{"a team of another id", Delta{Ended: Roster{Teams: []Team{{ID: "b"}}}, Begun: Roster{Teams: []Team{{ID: "b"}}}}},
		{"too many people", Delta{Begun: Roster{Holders: crowd}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if next, err := build(t, house()).With(tt.delta); !errors.Is(err, ErrRebuild) || next != nil {
				t.Errorf("got %v, %v, want %v", next, err, ErrRebuild)
			}
		})
	}
}

// Small changes add up: at last they are worth building anew.
func TestManySmallChangesAreBuiltAnew(t *testing.T) {
	s := build(t, house())
	var err error
	n := 0
	for ; err == nil && n <= maxOverlay; n++ {
		s, err = s.With(Delta{Begun: Roster{Holders: []Holder{{ID: fmt.Sprint("new", n)}}}})
	}
	if !errors.Is(err, ErrRebuild) || n != maxOverlay+1 {
		t.Errorf("change %d: got %v, want %v at change %d", n, err, ErrRebuild, maxOverlay+1)
	}
}

// Taps are decided while rights change, by those that they began with.
func TestTapsAreDecidedWhileRightsChange(t *testing.T) {
	base := build(t, house())
	suspended, free := Holder{ID: "ann", Suspended: true}, Holder{ID: "ann"}
	var taps sync.WaitGroup
	defer taps.Wait()
	stop := make(chan struct{})
	defer close(stop)
	for range 2 {
		taps.Go(func() {
			for {
				if d := base.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}); !d.Granted() {
					t.Errorf("by the old rights: got %v, want granted", d.Reason)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	s := base
	for i := range 500 {
		var err error
		if s, err = s.With(Delta{Ended: Roster{Holders: []Holder{free}}, Begun: Roster{Holders: []Holder{suspended}}}); err != nil {
			t.Fatal(err)
		}
		if d := s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}); d.Granted() != (i%2 == 1) {
			t.Fatalf("change %d: got %v", i, d.Reason)
		}
		suspended, free = free, suspended
	}
}
