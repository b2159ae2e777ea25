package access

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// assemble feeds an assembly with the rows as they are, and stops at nothing.
func assemble(r Roster, contacts []Contact) (*Snapshot, error) {
	a := NewAssembly(contacts)
	_ = a.Building(r)
	for _, h := range r.Holders {
		_ = a.Holder(h)
	}
	for _, t := range r.Teams {
		_ = a.Team(t)
	}
	for _, g := range r.Grants {
		_ = a.Grant(g)
	}
	for _, x := range r.Assignments {
		_ = a.Assignment(x)
	}
	return a.Done(7)
}

// sorted is the house with its rows in the order that an assembly asks for.
func sorted() Roster {
	r := house()
	sortRoster(&r)
	return r
}

func TestAnAssemblyIsWhatBuildMakes(t *testing.T) {
	got, err := assemble(sorted(), freshKisi)
	if err != nil {
		t.Fatal(err)
	}
	want := build(t, house())
	if got.Hash() != want.Hash() || got.Counts() != want.Counts() || got.Generation() != 7 {
		t.Errorf("got %x %+v, want %x %+v", got.Hash(), got.Counts(), want.Hash(), want.Counts())
	}
}

// No row is left out in silence: the error of one row comes again at the end,
// however little its caller minded.
func TestAnAssemblyRefusesAWrongRow(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Roster)
		want   string
	}{
		{"door in no place", func(r *Roster) { r.Doors[0].Place = "nowhere" }, `door front: names the place "nowhere"`},
		{"holder twice", func(r *Roster) { r.Holders[1] = r.Holders[0] }, "holder ann: appears twice"},
		{"holders out of order", func(r *Roster) { r.Holders[1], r.Holders[0] = r.Holders[0], r.Holders[1] }, "holder ann: comes after one"},
		{"holder without an id", func(r *Roster) { r.Holders[0].ID = "" }, "holder : has no id"},
		{"team twice", func(r *Roster) { r.Teams = append(r.Teams, r.Teams[0]) }, "team acme: appears twice"},
		{"team of nobody", func(r *Roster) { r.Teams[0].Members = []string{"zoe"} }, `team acme: names the holder "zoe"`},
		{"grant twice", func(r *Roster) { r.Grants[1] = r.Grants[0] }, "grant g-ann: appears twice"},
		{"grants out of order", func(r *Roster) { r.Grants[1], r.Grants[0] = r.Grants[0], r.Grants[1] }, "grant g-ann: comes after one"},
		{"a team's grant before a holder's", func(r *Roster) { r.Grants[2], r.Grants[3] = r.Grants[3], r.Grants[2] }, "grant g-pat: comes after one"},
		{"grant to nobody", func(r *Roster) { r.Grants[0].Assignee = "abe" }, `grant g-ann: names the holder "abe"`},
		{"grant to nobody, the last", func(r *Roster) { r.Grants[2].Assignee = "zoe" }, `grant g-pat: names the holder "zoe"`},
		{"grant to no team", func(r *Roster) { r.Grants[3].Assignee = "ann" }, `grant g-tom: names the team "ann"`},
		{"grant on no group", func(r *Roster) { r.Grants[0].ScopeID = "gone" }, `grant g-ann: names the group "gone"`},
		{"grant on nothing known", func(r *Roster) { r.Grants[0].Scope = 9 }, "grant g-ann: covers nothing we know"},
		{"grant of no source", func(r *Roster) { r.Grants[0].Source = "rumour" }, `grant g-ann: comes from the source "rumour"`},
		{"grant that ends before it begins", func(r *Roster) {
			r.Grants[0].From, r.Grants[0].Until = noon, noon.Add(-time.Hour)
		}, "grant g-ann: ends before it begins"},
		{"card of nobody", func(r *Roster) { r.Assignments[0].Holder = "zoe" }, `credential #1: names the holder "zoe"`},
		{"cards out of order", func(r *Roster) { r.Assignments[1], r.Assignments[0] = r.Assignments[0], r.Assignments[1] }, "credential #2: comes after one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sorted()
			tt.change(&r)
			s, err := assemble(r, freshKisi)
			if _, refused := errors.AsType[*BuildError](err); !refused || s != nil {
				t.Fatalf("got %v, %v, want a BuildError", s, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestAnAssemblyTakesItsTablesInTurn(t *testing.T) {
	tests := []struct {
		name string
		feed func(*Assembly)
		want string
	}{
		{"no building", func(a *Assembly) { _ = a.Holder(Holder{ID: "ann"}) }, "the building must be added before the holders"},
		{"nothing at all", func(*Assembly) {}, "the building must be added before the end"},
		{"the building twice", func(a *Assembly) { _, _ = a.Building(house()), a.Building(house()) }, "added twice"},
		{"a holder after the teams", func(a *Assembly) {
			_, _ = a.Building(house()), a.Team(Team{ID: "acme"})
			_ = a.Holder(Holder{ID: "ann"})
		}, "the holders must be added before the teams"},
		{"a row after the end", func(a *Assembly) {
			_ = a.Building(house())
			_, _ = a.Done(1)
		}, "the assembly is done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := NewAssembly(freshKisi)
			tt.feed(a)
			if s, err := a.Done(1); err == nil || s != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want an error with %q", s, err, tt.want)
			}
		})
	}
}

// In whatever order a roster has its rows, Build assembles them alike; in any but
// their own, an assembly takes none of them.
func TestBuildAndAssemblyAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRights(t)
		ordered := copyOf(r)
		sortRoster(&ordered)
		got, err := assemble(ordered, twoSources)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := copyOf(r)
		shuffled.Holders = rapid.Permutation(r.Holders).Draw(t, "holders")
		shuffled.Teams = rapid.Permutation(r.Teams).Draw(t, "teams")
		shuffled.Grants = rapid.Permutation(r.Grants).Draw(t, "grants")
		shuffled.Assignments = rapid.Permutation(r.Assignments).Draw(t, "cards")
		if _, err := assemble(shuffled, twoSources); (err == nil) != isOrdered(shuffled) {
			t.Fatalf("rows in order: %t; the assembly: %v", isOrdered(shuffled), err)
		}
		if what := same(mustBuild(t, shuffled), got.WithGeneration(1)); what != "" {
			t.Fatal(what)
		}
	})
}

func isOrdered(r Roster) bool {
	return slices.IsSortedFunc(r.Holders, func(a, b Holder) int { return strings.Compare(a.ID, b.ID) }) &&
		slices.IsSortedFunc(r.Teams, func(a, b Team) int { return strings.Compare(a.ID, b.ID) }) &&
		slices.IsSortedFunc(r.Grants, func(a, b Grant) int { return compareGrants(&a, &b) }) &&
		slices.IsSortedFunc(r.Assignments, func(a, b Assignment) int { return compareAssignments(&a, &b) })
}
