package cloud

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

// building draws a roster with teams, all scopes and windows.
func building(t *rapid.T) access.Roster {
	r := access.Roster{Places: []access.Place{{ID: "hq"}, {ID: "annex"}}}
	for i := range rapid.IntRange(1, 5).Draw(t, "doors") {
		r.Doors = append(r.Doors, access.Door{ID: fmt.Sprintf("d%d", i), Place: rapid.SampledFrom([]string{"hq", "annex", ""}).Draw(t, "place")})
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "groups") {
		g := access.Group{ID: fmt.Sprintf("gr%d", i)}
		for _, d := range r.Doors {
			if rapid.Bool().Draw(t, "in group") {
				g.Doors = append(g.Doors, d.ID)
			}
		}
		r.Groups = append(r.Groups, g)
	}
	people := rapid.IntRange(1, 25).Draw(t, "people")
	for i := range people {
		id := fmt.Sprintf("p%d", i)
		r.Holders = append(r.Holders, access.Holder{ID: id})
		r.Assignments = append(r.Assignments, access.Assignment{ID: "c" + id, Kind: access.Card, Digest: access.Digest{byte(i)}, Holder: id, Active: true})
	}
	for i := range 2 {
		team := access.Team{ID: fmt.Sprintf("t%d", i)}
		for _, h := range r.Holders {
			if rapid.Bool().Draw(t, "in team") {
				team.Members = append(team.Members, h.ID)
			}
		}
		r.Teams = append(r.Teams, team)
	}
	for i := range rapid.IntRange(0, 40).Draw(t, "grants") {
		g := access.Grant{ID: fmt.Sprintf("g%d", i), Source: "kisi"}
		g.Assignee = rapid.SampledFrom(r.Holders).Draw(t, "holder").ID
		if rapid.IntRange(0, 4).Draw(t, "to team") == 0 {
			g.Kind, g.Assignee = access.ToTeam, rapid.SampledFrom(r.Teams).Draw(t, "team").ID
		}
		switch g.Scope = access.ScopeKind(rapid.IntRange(0, 3).Draw(t, "scope")); g.Scope {
		case access.ScopeDoor:
			g.ScopeID = rapid.SampledFrom(r.Doors).Draw(t, "door").ID
		case access.ScopeGroup:
			g.ScopeID = rapid.SampledFrom(r.Groups).Draw(t, "group").ID
		case access.ScopePlace:
			g.ScopeID = rapid.SampledFrom(r.Places).Draw(t, "place").ID
		}
		if rapid.IntRange(0, 5).Draw(t, "ended") == 0 {
			g.Until = noon.Add(-time.Hour)
		}
		r.Grants = append(r.Grants, g)
	}
	return r
}

func thin[T any](t *rapid.T, rows []T, what string) []T {
	switch rapid.IntRange(0, 3).Draw(t, what) {
	case 0:
		return nil
	case 1:
		return rows[:rapid.IntRange(0, len(rows)).Draw(t, "page")]
	case 2:
		return slices.DeleteFunc(rows, func(T) bool { return rapid.Bool().Draw(t, "drop") })
	}
	return rows
}

// fault is what a broken cloud might say of the truth: any table, list of
// doors or list of members short or empty. It never adds and never says that
// something ended.
func fault(t *rapid.T, truth access.Roster) access.Roster {
	r := clone(truth)
	r.Places, r.Doors, r.Groups = thin(t, r.Places, "places"), thin(t, r.Doors, "doors"), thin(t, r.Groups, "groups")
	r.Teams, r.Holders = thin(t, r.Teams, "teams"), thin(t, r.Holders, "holders")
	r.Assignments, r.Grants = thin(t, r.Assignments, "cards"), thin(t, r.Grants, "grants")
	for i := range r.Groups {
		r.Groups[i].Doors = thin(t, r.Groups[i].Doors, "group doors")
	}
	for i := range r.Teams {
		r.Teams[i].Members = thin(t, r.Teams[i].Members, "members")
	}
	r, _ = access.Prune(r)
	return r
}

// withDoorsOf adds the doors that only the other roster has: a right to the
// whole organisation or place is a right to a held door too.
func withDoorsOf(r, other access.Roster) access.Roster {
	r = clone(r)
	for _, d := range other.Doors {
		if !slices.ContainsFunc(r.Doors, func(x access.Door) bool { return x.ID == d.ID }) {
			r.Doors = append(r.Doors, d)
		}
	}
	return r
}

// No fault, however often it is repeated, leaves a door to nobody, and no
// held row gives anybody what neither crawl did (F-46, G-16).
func TestNoFaultEmptiesADoor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := building(t)
		g, current, now := NewGuard(nil), truth, noon
		for range rapid.IntRange(1, 4).Draw(t, "crawls") {
			next := fault(t, truth)
			was, said := opens(current, now), opens(next, now)
			wide := opens(withDoorsOf(next, current), now)
			v := g.Pass(current, next, nil, now)
			if _, problems := access.Prune(v.Roster); len(problems) > 0 {
				t.Fatalf("the roster to install is not sound: %v", problems)
			}
			is := opens(v.Roster, now)
			for pair := range is {
				if !was[pair] && !wide[pair] {
					t.Fatalf("%s: neither crawl gave it", pair)
				}
			}
			for pair := range said {
				if !is[pair] {
					t.Fatalf("%s: said, and not let through", pair)
				}
			}
			for _, d := range truth.Doors {
				if before, after := at(was, d.ID), at(is, d.ID); before > 0 && after == 0 {
					t.Fatalf("door %s: %d people before the fault, nobody after; held %q", d.ID, before, v.Held)
				}
			}
			current, now = v.Roster, now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds"))*time.Second)
		}
		v := g.Pass(current, truth, nil, now)
		if diff := cmp.Diff(opens(truth, now), opens(v.Roster, now)); diff != "" || len(v.Held) > 0 {
			t.Fatalf("after the fault (-want +got):\n%s\nheld: %q", diff, v.Held)
		}
	})
}

// Cards alone missing never leave a door without one that opens it.
func TestNoFaultTakesAllCardsOfADoor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := building(t)
		g, current, now := NewGuard(nil), truth, noon
		for range rapid.IntRange(1, 4).Draw(t, "crawls") {
			next := clone(truth)
			next.Assignments = thin(t, next.Assignments, "cards")
			current = g.Pass(current, next, nil, now).Roster
			now = now.Add(2 * time.Minute)
			pairs := opens(truth, now)
			for _, d := range truth.Doors {
				cards := 0
				for _, a := range current.Assignments {
					if pairs[a.Holder+"@"+d.ID] {
						cards++
					}
				}
				if at(pairs, d.ID) > 0 && cards == 0 {
					t.Fatalf("door %s: nobody has a card for it any more", d.ID)
				}
			}
		}
	})
}
