package cloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tilegate/tilegate/daemon/access"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// house is a roster of one place, two doors and a group for both; everybody
// has a card and a right of their own to the group.
func house(people int) access.Roster {
	r := access.Roster{
		Places: []access.Place{{ID: "hq", Name: "HQ"}},
		Doors:  []access.Door{{ID: "front", Name: "Front door", Place: "hq"}, {ID: "lab", Name: "Lab", Place: "hq"}},
		Groups: []access.Group{
			{ID: "all", Name: "Everybody", Doors: []string{"front"}},
			{ID: "lab-people", Name: "Lab people", Doors: []string{"lab"}},
		},
	}
	for i := range people {
		id := fmt.Sprintf("p%03d", i)
		r.Holders = append(r.Holders, access.Holder{ID: id, Name: "Person " + id})
		r.Grants = append(r.Grants, access.Grant{ID: "g-" + id, Assignee: id, Scope: access.ScopeGroup, ScopeID: "all", Source: "kisi", Cause: "role"})
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: "c-" + id, Kind: access.Card, Digest: access.Digest{1, byte(i >> 8), byte(i)}, Holder: id, Active: true,
		})
	}
	return r
}

// clone copies the rows, so that a test may change them.
func clone(r access.Roster) access.Roster {
	r.Places, r.Doors, r.Policies = slices.Clone(r.Places), slices.Clone(r.Doors), slices.Clone(r.Policies)
	r.Groups, r.Teams, r.Holders = slices.Clone(r.Groups), slices.Clone(r.Teams), slices.Clone(r.Holders)
	r.Assignments, r.Grants = slices.Clone(r.Assignments), slices.Clone(r.Grants)
	r.Schedules = slices.Clone(r.Schedules)
	for i := range r.Groups {
		r.Groups[i].Doors = slices.Clone(r.Groups[i].Doors)
	}
	for i := range r.Teams {
		r.Teams[i].Members = slices.Clone(r.Teams[i].Members)
	}
	return r
}

// opens says who reaches which door, "p001@front", by a naive second reading.
func opens(r access.Roster, now time.Time) map[string]bool {
	out := map[string]bool{}
	for _, g := range r.Grants {
		if g.Cancelled || !g.Until.IsZero() && !g.Until.After(now) {
			continue
		}
		people := []string{g.Assignee}
		if g.Kind == access.ToTeam {
			i := slices.IndexFunc(r.Teams, func(t access.Team) bool { return t.ID == g.Assignee })
			people = r.Teams[i].Members
		}
		for _, d := range r.Doors {
			covered := false
			switch g.Scope {
			case access.ScopeDoor:
				covered = d.ID == g.ScopeID
			case access.ScopePlace:
				covered = d.Place == g.ScopeID
			case access.ScopeOrganisation:
				covered = true
			case access.ScopeGroup:
				i := slices.IndexFunc(r.Groups, func(x access.Group) bool { return x.ID == g.ScopeID })
				covered = slices.Contains(r.Groups[i].Doors, d.ID)
			}
			for _, p := range people {
				if covered {
					out[p+"@"+d.ID] = true
				}
			}
		}
	}
	return out
}

func at(pairs map[string]bool, door string) int {
	n := 0
	for p := range pairs {
		if strings.HasSuffix(p, "@"+door) {
			n++
		}
	}
	return n
}

func dropGrants(n int) func(*access.Roster) {
	return func(r *access.Roster) { r.Grants = r.Grants[n:] }
}

func dropCards(n int) func(*access.Roster) {
	return func(r *access.Roster) { r.Assignments = r.Assignments[n:] }
}

func TestGuardHoldsOnlyWhatIsMerelyAbsent(t *testing.T) {
	tests := []struct {
		name   string
		people int
		change func(*access.Roster)
		counts map[string]int
		left   int  // who reaches the front door afterwards
		cards  int  // credentials afterwards
		person bool // waits for a person
		held   bool
	}{
		{name: "one revocation passes at once", people: 50, change: dropGrants(1), left: 49, cards: 50},
		{name: "one of two passes at once", people: 2, change: dropGrants(1), left: 1, cards: 2},
		{name: "the last one waits for a person", people: 1, change: dropGrants(1), left: 1, cards: 1, held: true, person: true},
		{name: "five of twenty pass", people: 20, change: dropGrants(5), left: 15, cards: 20},
		{name: "six of twenty wait", people: 20, change: dropGrants(6), left: 20, cards: 20, held: true},
		{name: "ten of a hundred pass", people: 100, change: dropGrants(10), left: 90, cards: 100},
		{name: "eleven of a hundred wait", people: 100, change: dropGrants(11), left: 100, cards: 100, held: true},
		{name: "half waits for a person", people: 100, change: dropGrants(50), left: 100, cards: 100, held: true, person: true},
		{name: "half of a few waits for a person", people: 4, change: dropGrants(2), left: 4, cards: 4, held: true, person: true},
		{name: "nobody left waits for a person", people: 100, change: dropGrants(100), left: 100, cards: 100, held: true, person: true},
		{name: "half that the group's count proves passes", people: 100, change: dropGrants(50), counts: map[string]int{"all": 50}, left: 50, cards: 100},
		{name: "nobody left, proven, passes", people: 100, change: dropGrants(100), counts: map[string]int{"all": 0}, left: 0, cards: 100},
		{name: "a count that disagrees proves nothing", people: 100, change: dropGrants(50), counts: map[string]int{"all": 100}, left: 100, cards: 100, held: true, person: true},
		{name: "six cards of fifty wait", people: 50, change: dropCards(6), left: 50, cards: 50, held: true},
		{name: "no cards at all waits for a person", people: 50, change: dropCards(50), left: 50, cards: 50, held: true, person: true},
		{name: "a lost card passes", people: 50, change: dropCards(1), left: 50, cards: 49},
		{name: "a card that somebody else has now was not lost", people: 20, left: 20, cards: 20, change: func(r *access.Roster) {
			for i := range 10 {
				r.Assignments[i].Holder = "p019"
			}
		}},
		{name: "new cards for old pass", people: 20, left: 20, cards: 20, change: func(r *access.Roster) {
			for i := range r.Assignments {
				r.Assignments[i].Digest[0] = 2
			}
		}},
		{name: "no users wait", people: 20, left: 20, cards: 20, held: true, person: true, change: func(r *access.Roster) {
			r.Holders = nil
			*r, _ = access.Prune(*r)
		}},
		{name: "a group without doors waits", people: 20, left: 20, cards: 20, held: true, person: true, change: func(r *access.Roster) {
			r.Groups[0].Doors = nil
		}},
		{name: "a count does not prove that doors left a group", people: 20, counts: map[string]int{"all": 20}, left: 20, cards: 20, held: true, person: true, change: func(r *access.Roster) {
			r.Groups[0].Doors = nil
		}},
		{name: "no groups wait", people: 20, left: 20, cards: 20, held: true, person: true, change: func(r *access.Roster) {
			r.Groups = nil
			*r, _ = access.Prune(*r)
		}},
		{name: "no doors and no places wait", people: 20, left: 20, cards: 20, held: true, person: true, change: func(r *access.Roster) {
			r.Doors, r.Places = nil, nil
			*r, _ = access.Prune(*r)
		}},
		{name: "everything gone waits", people: 20, left: 20, cards: 20, held: true, person: true, change: func(r *access.Roster) {
			*r = access.Roster{}
		}},
		{name: "rights that are said to have ended pass", people: 20, left: 0, cards: 20, change: func(r *access.Roster) {
			for i := range r.Grants {
				r.Grants[i].Until = noon.Add(-time.Minute)
			}
		}},
		{name: "cancelled rights pass", people: 20, left: 0, cards: 20, change: func(r *access.Roster) {
			for i := range r.Grants {
				r.Grants[i].Cancelled = true
			}
		}},
		{name: "rights that are another's now pass", people: 20, left: 1, cards: 20, change: func(r *access.Roster) {
			for i := range r.Grants {
				r.Grants[i].Assignee = "p000"
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			was := house(tt.people)
			next := clone(was)
			tt.change(&next)
			got := NewGuard(nil).Pass(was, next, Proof{Counts: tt.counts}, noon)
			if n := at(opens(got.Roster, noon), "front"); n != tt.left {
				t.Errorf("%d people reach the front door, want %d; held: %q", n, tt.left, got.Held)
			}
			if n := len(got.Roster.Assignments); n != tt.cards {
				t.Errorf("%d credentials, want %d", n, tt.cards)
			}
			if (len(got.Held) > 0) != tt.held || got.NeedsPerson != tt.person {
				t.Errorf("held %q, needs a person: %t; want held %t, person %t", got.Held, got.NeedsPerson, tt.held, tt.person)
			}
			if _, problems := access.Prune(got.Roster); len(problems) > 0 {
				t.Errorf("the roster to install is not sound: %v", problems)
			}
		})
	}
}

func TestGuardLetsGoodNewsAndBadNewsPassAHeldRemoval(t *testing.T) {
	was := house(20)
	next := clone(was)
	next.Grants = next.Grants[10:]
	next.Holders[0].Suspended = true // loses the right as well, which is held
	next.Holders[15].Suspended = true
	next.Doors[0].LockedDown = true
	next.Assignments[16].Active = false
	next.Grants[0].Until = noon.Add(time.Hour)
	next.Holders = append(next.Holders, access.Holder{ID: "new"})
	next.Grants = append(next.Grants, access.Grant{ID: "g-new", Assignee: "new", Scope: access.ScopeGroup, ScopeID: "lab-people", Source: "kisi"})

	got := NewGuard(nil).Pass(was, next, Proof{}, noon)
	if len(got.Held) != 1 || got.People != 10 {
		t.Fatalf("held %q, %d people; want one door and 10 people", got.Held, got.People)
	}
	r := got.Roster
	if !r.Holders[0].Suspended || !r.Holders[15].Suspended || !r.Doors[0].LockedDown || r.Assignments[16].Active {
		t.Error("a suspension, lockdown or deactivation waited for a held removal")
	}
	pairs := opens(r, noon)
	if !pairs["new@lab"] {
		t.Error("an addition waited for a held removal")
	}
	if !pairs["p000@front"] {
		t.Error("a held right is gone")
	}
	if r.Grants[0].Until.IsZero() {
		t.Error("a shortened window waited for a held removal")
	}
}

func TestGuardBelievesASecondCrawlAMinuteLater(t *testing.T) {
	was := house(100)
	short := clone(was)
	dropGrants(30)(&short)
	tests := []struct {
		name  string
		after []time.Duration // since noon, of each crawl
		want  int
	}{
		{"one crawl", []time.Duration{0}, 100},
		{"two crawls within a minute", []time.Duration{0, 59 * time.Second}, 100},
		{"two crawls a minute apart", []time.Duration{0, time.Minute}, 70},
		{"a third crawl makes it a minute", []time.Duration{0, 40 * time.Second, 80 * time.Second}, 70},
		{"a clock that goes back", []time.Duration{0, -time.Hour}, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, current := NewGuard(nil), was
			for _, d := range tt.after {
				current = g.Pass(current, short, Proof{}, noon.Add(d)).Roster
			}
			if got := at(opens(current, noon), "front"); got != tt.want {
				t.Errorf("%d people reach the front door, want %d", got, tt.want)
			}
		})
	}
}

func TestGuardStartsAnewWhenACrawlDisagrees(t *testing.T) {
	was := house(100)
	short := clone(was)
	dropGrants(30)(&short)
	g, current := NewGuard(nil), was
	for i, next := range []access.Roster{short, was, short} {
		current = g.Pass(current, next, Proof{}, noon.Add(time.Duration(i)*time.Minute)).Roster
	}
	if got := at(opens(current, noon), "front"); got != 100 {
		t.Errorf("%d people reach the front door after one bad crawl, a good one and a bad one, want 100", got)
	}
}

func TestHeldRowsLeaveNoTraceWhenTheFaultIsOver(t *testing.T) {
	was := house(40)
	g := NewGuard(nil)
	bare := access.Roster{Holders: was.Holders}
	held := g.Pass(was, bare, Proof{}, noon)
	if len(held.Roster.Grants) != 40 {
		t.Fatalf("%d grants held, want 40", len(held.Roster.Grants))
	}
	if _, problems := access.Prune(held.Roster); len(problems) > 0 || len(held.Roster.Assignments) != 40 {
		t.Fatalf("%d credentials held, %v", len(held.Roster.Assignments), problems)
	}
	again := g.Pass(held.Roster, bare, Proof{}, noon.Add(time.Hour))
	if diff := cmp.Diff(held.Roster, again.Roster, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("holding twice changes the rows (-once +twice):\n%s", diff)
	}
	got := g.Pass(again.Roster, was, Proof{}, noon.Add(2*time.Hour))
	if diff := cmp.Diff(was, got.Roster, cmpopts.EquateEmpty()); diff != "" || len(got.Held) > 0 {
		t.Errorf("after the fault (-want +got):\n%s\nheld: %q", diff, got.Held)
	}
}

func TestApprovalReleasesOnlyWhatWasShown(t *testing.T) {
	was := house(40)
	g := NewGuard(nil)
	half := clone(was)
	half.Grants = half.Grants[20:]
	current := g.Pass(was, half, Proof{}, noon).Roster
	if n := g.Approve(); n != 20 {
		t.Errorf("approved %d, want 20", n)
	}
	none := clone(was)
	none.Grants = nil
	v := g.Pass(current, none, Proof{}, noon.Add(time.Second))
	if n := at(opens(v.Roster, noon), "front"); n != 20 || !v.NeedsPerson {
		t.Errorf("%d people reach the front door, needs a person: %t; want the 20 whom nobody approved of, held", n, v.NeedsPerson)
	}
}

func TestApprovalIsForgottenWhenTheRowsAreBack(t *testing.T) {
	was := house(40)
	half := clone(was)
	half.Grants = half.Grants[20:]
	g := NewGuard(nil)
	current := g.Pass(was, half, Proof{}, noon).Roster
	g.Approve()
	current = g.Pass(current, was, Proof{}, noon.Add(time.Hour)).Roster
	v := g.Pass(current, half, Proof{}, noon.Add(2*time.Hour))
	if n := at(opens(v.Roster, noon), "front"); n != 40 {
		t.Errorf("%d people reach the front door by an approval of another day, want 40", n)
	}
}

// A gateway that starts with the key of another organisation remembers no
// identity: its people must not be mixed with ours (F-48, G-16).
func TestAnotherOrganisationIsNotMixedIn(t *testing.T) {
	was := house(20)
	stranger := access.Roster{
		Places:  []access.Place{{ID: "theirs"}},
		Doors:   []access.Door{{ID: "their-door", Place: "theirs"}},
		Holders: []access.Holder{{ID: "their-admin"}},
		Grants:  []access.Grant{{ID: "their-right", Assignee: "their-admin", Scope: access.ScopeOrganisation, Source: "kisi"}},
	}
	g := NewGuard(nil)
	got := g.Pass(was, stranger, Proof{}, noon)
	if diff := cmp.Diff(was, got.Roster); diff != "" || !got.Foreign || !got.NeedsPerson || len(got.Held) != 1 {
		t.Errorf("foreign %t, held %q, roster (-want +got):\n%s", got.Foreign, got.Held, diff)
	}
	g.Approve()
	got = g.Pass(was, stranger, Proof{}, noon.Add(time.Minute))
	if diff := cmp.Diff(stranger, got.Roster, cmpopts.EquateEmpty()); diff != "" || got.Foreign || len(got.Held) > 0 {
		t.Errorf("after a person approved, held %q (-want +got):\n%s", got.Held, diff)
	}
}

func TestGuardWatchesTheDoorsOfThisGateway(t *testing.T) {
	was := house(40)
	next := clone(was)
	next.Grants = nil
	if v := NewGuard([]string{"lab"}).Pass(was, next, Proof{}, noon); len(v.Held) > 0 {
		t.Errorf("held %q for a door of another gateway", v.Held)
	}
}

func TestGuardWordsNameTheDoorAndThePeople(t *testing.T) {
	was := house(8)
	next := clone(was)
	next.Grants = nil
	got := NewGuard(nil).Pass(was, next, Proof{}, noon).Held
	want := []string{"Front door: 8 of 8 people would lose it (Person p000, Person p001, Person p002, Person p003, Person p004 and 3 more); waits for a person to approve it"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func BenchmarkGuardPass(b *testing.B) {
	was := house(20_000)
	for b.Loop() {
		NewGuard(nil).Pass(was, was, Proof{}, noon)
	}
}
