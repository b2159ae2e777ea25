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
	for i := range r.Groups {
		r.Groups[i].Restricted = rapid.Bool().Draw(t, "restricted")
		r.Schedules = append(r.Schedules, someHours(t, access.ScopeGroup, r.Groups[i].ID, access.Allow)...)
	}
	for i := range r.Doors {
		r.Doors[i].Restricted = rapid.IntRange(0, 3).Draw(t, "restricted") == 0
		consequence := access.Consequence(rapid.IntRange(0, 2).Draw(t, "consequence"))
		r.Schedules = append(r.Schedules, someHours(t, access.ScopeDoor, r.Doors[i].ID, consequence)...)
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

// someHours draws schedules of one group or door.
func someHours(t *rapid.T, on access.ScopeKind, id string, consequence access.Consequence) (rows []access.Schedule) {
	for i := range rapid.IntRange(0, 3).Draw(t, "schedules") {
		s := access.Schedule{ID: fmt.Sprintf("s-%s-%d", id, i), On: on, OnID: id, Consequence: consequence, Except: rapid.IntRange(0, 2).Draw(t, "except") == 0}
		if rapid.Bool().Draw(t, "dated") {
			s.Dates = []access.Dates{{First: access.DateOf(noon), Last: access.DateOf(noon) + 1}}
		} else {
			s.Days, s.From, s.Until = access.EveryDay, 8*60, access.Minute(rapid.IntRange(9, 24).Draw(t, "until")*60)
		}
		rows = append(rows, s)
	}
	return rows
}

// hoursAre counts the schedules that open what is limited to hours.
func hoursAre(r access.Roster) map[string]int {
	count := map[string]int{}
	for i := range r.Schedules {
		if s := &r.Schedules[i]; s.Consequence == access.Allow && !s.Except {
			count[unheld(s.OnID)]++
			count[s.OnID] = max(count[s.OnID], 1)
		}
	}
	return count
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
	r.Schedules = thin(t, r.Schedules, "schedules")
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
			v := g.Pass(current, next, Proof{}, now)
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
			if !v.Foreign {
				hoursStay(t, current, next, v)
			}
			for _, d := range truth.Doors {
				if before, after := at(was, d.ID), at(is, d.ID); before > 0 && after == 0 {
					t.Fatalf("door %s: %d people before the fault, nobody after; held %q", d.ID, before, v.Held)
				}
			}
			current, now = v.Roster, now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds"))*time.Second)
		}
		v := g.Pass(current, truth, Proof{}, now)
		if diff := cmp.Diff(opens(truth, now), opens(v.Roster, now)); diff != "" || len(v.Held) > 0 {
			t.Fatalf("after the fault (-want +got):\n%s\nheld: %q", diff, v.Held)
		}
	})
}

// hoursStay fails if a restricted group or door that is still there lost all the
// hours that it had, or if a schedule that was said is not in force.
func hoursStay(t *rapid.T, current, next access.Roster, v Verdict) {
	had, has := hoursAre(current), hoursAre(v.Roster)
	for _, g := range v.Roster.Groups {
		if g.Restricted && len(g.Doors) > 0 && had[unheld(g.ID)] > 0 && has[g.ID] == 0 {
			t.Fatalf("group %s: no hours are left of %d; held %q", g.ID, had[unheld(g.ID)], v.Held)
		}
	}
	for _, d := range v.Roster.Doors {
		if d.Restricted && had[d.ID] > 0 && has[d.ID] == 0 {
			t.Fatalf("door %s: no hours are left of %d; held %q", d.ID, had[d.ID], v.Held)
		}
	}
	for _, s := range next.Schedules {
		if !slices.ContainsFunc(v.Roster.Schedules, func(kept access.Schedule) bool { return kept.ID == s.ID }) {
			t.Fatalf("schedule %s: said, and not let through", s.ID)
		}
	}
}

// No list of schedules that comes back empty, or with half of them and less,
// however often, changes what the doors do (F-46, G-16).
func TestNoHalfListOfSchedulesChangesHours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := building(t)
		truth.Schedules = slices.DeleteFunc(truth.Schedules, func(s access.Schedule) bool { return !needed(truth, s) })
		g, current, now := NewGuard(nil), truth, noon
		for range rapid.IntRange(1, 4).Draw(t, "crawls") {
			next := clone(truth)
			var opening, narrowing []access.Schedule
			for _, s := range truth.Schedules {
				if narrows(&s) {
					narrowing = append(narrowing, s)
				} else {
					opening = append(opening, s)
				}
			}
			some := func(rows []access.Schedule, what string) []access.Schedule {
				return rows[:rapid.IntRange(0, max(len(rows)-1, 0)/2).Draw(t, what)]
			}
			next.Schedules = append(some(opening, "that open"), some(narrowing, "that take away")...)
			current = g.Pass(current, next, Proof{}, now).Roster
			now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
		}
		kept := rowsByID(current.Schedules, func(s *access.Schedule) string { return s.ID })
		for _, s := range truth.Schedules {
			if kept[s.ID] == nil {
				t.Fatalf("schedule %s is gone; left: %v", s.ID, current.Schedules)
			}
		}
	})
}

// needed says whether a schedule of a roster limits who has a right there.
func needed(r access.Roster, s access.Schedule) bool {
	if s.Consequence != access.Allow {
		return false
	}
	for _, g := range r.Groups {
		if g.ID == s.OnID {
			return g.Restricted && len(g.Doors) > 0
		}
	}
	i := slices.IndexFunc(r.Doors, func(d access.Door) bool { return d.ID == s.OnID })
	return r.Doors[i].Restricted
}

// Cards alone missing never leave a door without one that opens it.
func TestNoFaultTakesAllCardsOfADoor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := building(t)
		g, current, now := NewGuard(nil), truth, noon
		for range rapid.IntRange(1, 4).Draw(t, "crawls") {
			next := clone(truth)
			next.Assignments = thin(t, next.Assignments, "cards")
			current = g.Pass(current, next, Proof{}, now).Roster
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
