package cloud

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// openHouse is a house whose groups and doors have hours, and some exceptions.
func openHouse() access.Roster {
	r := house(20)
	r.Groups[0].Restricted, r.Groups[1].Restricted, r.Doors[1].Restricted = true, true, true
	add := func(id string, on access.ScopeKind, onID string, change func(*access.Schedule)) {
		s := access.Schedule{ID: id, Name: "the " + id, On: on, OnID: onID, Days: access.EveryDay, From: 8 * 60, Until: 18 * 60}
		if change != nil {
			change(&s)
		}
		r.Schedules = append(r.Schedules, s)
	}
	except := func(s *access.Schedule) { s.Except = true }
	add("days", access.ScopeGroup, "all", nil)
	add("nights", access.ScopeGroup, "all", nil)
	add("holidays", access.ScopeGroup, "all", except)
	add("works", access.ScopeGroup, "all", except)
	add("lab", access.ScopeGroup, "lab-people", nil)
	add("sundays", access.ScopeDoor, "lab", nil)
	add("spring", access.ScopeDoor, "lab", except)
	add("lobby", access.ScopeDoor, "front", func(s *access.Schedule) { s.Consequence = access.Unlock })
	add("closing", access.ScopeDoor, "front", func(s *access.Schedule) { s.Consequence, s.Except = access.Unlock, true })
	add("porter", access.ScopeDoor, "front", func(s *access.Schedule) { s.Consequence = access.FirstToArrive })
	add("past", access.ScopeGroup, "all", func(s *access.Schedule) {
		s.Days, s.Start, s.End, s.Except = 0, noon.Add(-48*time.Hour), noon.Add(-24*time.Hour), true
	})
	return r
}

// without is a change that leaves out schedules by their ids.
func without(ids ...string) func(*access.Roster) {
	return func(r *access.Roster) {
		r.Schedules = slices.DeleteFunc(r.Schedules, func(s access.Schedule) bool { return slices.Contains(ids, s.ID) })
	}
}

func instead(id, with string, change func(*access.Schedule)) func(*access.Roster) {
	return func(r *access.Roster) {
		i := slices.IndexFunc(r.Schedules, func(s access.Schedule) bool { return s.ID == id })
		r.Schedules[i].ID = with
		if change != nil {
			change(&r.Schedules[i])
		}
	}
}

func TestGuardHoldsSchedulesThatAreMerelyAbsent(t *testing.T) {
	everything := []string{"days", "nights", "holidays", "works", "lab", "sundays", "spring", "lobby", "closing", "porter"}
	tests := []struct {
		name   string
		change func(*access.Roster)
		off    []string
		gone   []string // not in force afterwards
		held   []string // what each line begins with
		person bool
	}{
		{name: "nothing"},
		{name: "one of many waits for a second crawl", change: without("nights"), held: []string{`Everybody: hours are missing ("the nights")`}},
		{name: "one that is switched off goes", change: without("nights"), off: []string{"nights"}, gone: []string{"nights"}},
		{name: "one that is another now goes", change: instead("nights", "evenings", nil), gone: []string{"nights"}},
		{name: "an exception waits", change: without("works"), held: []string{`Everybody: exceptions from its hours are missing ("the works")`}},
		{name: "one that is over goes", change: without("past"), gone: []string{"past"}},
		{name: "the last of a group waits for a person", change: without("lab"), held: []string{`Lab people: hours are missing`}, person: true},
		{name: "the last of a door waits for a person", change: without("sundays"), held: []string{`Lab: hours are missing`}, person: true},
		{name: "half of what opens waits for a person", change: without("days", "sundays"), held: []string{`Everybody: hours`, `Lab: hours`}, person: true},
		{name: "half of the exceptions waits for a person", change: without("holidays", "spring", "closing"), held: []string{`Everybody: exceptions`, `Front door: exceptions`, `Lab: exceptions`}, person: true},
		{name: "an empty list waits for a person", change: without(everything...), gone: []string{"lobby", "closing", "porter"}, held: []string{`Everybody: exceptions`, `Everybody: hours`, `Lab people: hours`, `Lab: exceptions`, `Lab: hours`}, person: true},
		{name: "what opens for everybody goes, and what only it needs", change: without("lobby", "closing", "porter"), gone: []string{"lobby", "closing", "porter"}},
		{name: "who must come first waits", change: without("porter"), held: []string{`Front door: hours that wait for the first to arrive are missing`}},
		{name: "a restriction that is switched off needs no hours", gone: []string{"lab"}, change: func(r *access.Roster) {
			r.Groups[1].Restricted = false
			without("lab")(r)
		}},
		{name: "hours that would open always for want of any wait with the last", change: instead("lab", "lab-people#always", func(s *access.Schedule) {
			s.From, s.Until = 0, access.MinutesADay
		}), gone: []string{"lab-people#always"}, held: []string{`Lab people: hours are missing ("the lab")`}, person: true},
		{name: "one that takes all time away instead of another goes", change: instead("lab", "lab", func(s *access.Schedule) { s.Except = true })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			was := openHouse()
			next := clone(was)
			if tt.change != nil {
				tt.change(&next)
			}
			off := map[string]struct{}{}
			for _, id := range tt.off {
				off[id] = struct{}{}
			}
			got := NewGuard(nil).Pass(was, next, Proof{Off: off}, noon)
			rows := rowsByID(got.Roster.Schedules, func(s *access.Schedule) string { return s.ID })
			for _, id := range append(everything, "past", "lab-people#always") {
				_, had := rowsByID(append(slices.Clone(was.Schedules), next.Schedules...), func(s *access.Schedule) string { return s.ID })[id]
				if stays := rows[id] != nil; stays == slices.Contains(tt.gone, id) && had {
					t.Errorf("schedule %s is in force: %t", id, stays)
				}
			}
			if len(got.Held) != len(tt.held) || got.NeedsPerson != tt.person {
				t.Fatalf("held %q, needs a person: %t; want %q, %t", got.Held, got.NeedsPerson, tt.held, tt.person)
			}
			for i, line := range got.Held {
				if !strings.HasPrefix(line, tt.held[i]) {
					t.Errorf("held %q, want it to begin with %q", line, tt.held[i])
				}
			}
			if _, problems := access.Prune(got.Roster); len(problems) > 0 {
				t.Errorf("the roster to install is not sound: %v", problems)
			}
		})
	}
}

func TestSchedulesOfOtherGatewaysAreNotHeld(t *testing.T) {
	was := openHouse()
	next := clone(was)
	without("lab", "sundays", "spring")(&next)
	if v := NewGuard([]string{"front"}).Pass(was, next, Proof{}, noon); len(v.Held) > 0 {
		t.Errorf("held %q for a door of another gateway", v.Held)
	}
}

func TestAMissingScheduleGoesWithASecondCrawlOrAPerson(t *testing.T) {
	was := openHouse()
	single, last := clone(was), clone(was)
	without("nights")(&single)
	without("lab")(&last)
	is := func(r access.Roster, id string) bool {
		return slices.ContainsFunc(r.Schedules, func(s access.Schedule) bool { return s.ID == id })
	}
	g := NewGuard(nil)
	current := g.Pass(was, single, Proof{}, noon).Roster
	if current = g.Pass(current, single, Proof{}, noon.Add(59*time.Second)).Roster; !is(current, "nights") {
		t.Error("a schedule was given up within a minute")
	}
	if current = g.Pass(current, single, Proof{}, noon.Add(time.Minute)).Roster; is(current, "nights") {
		t.Error("two crawls agree a minute apart, and the schedule stays")
	}

	g = NewGuard(nil)
	current = g.Pass(was, last, Proof{}, noon).Roster
	if current = g.Pass(current, last, Proof{}, noon.Add(time.Hour)).Roster; !is(current, "lab") {
		t.Error("the last hours of a group were given up without a person")
	}
	if n := g.Approve(); n != 1 {
		t.Errorf("approved %d, want the one schedule", n)
	}
	if current = g.Pass(current, last, Proof{}, noon.Add(time.Hour)).Roster; is(current, "lab") {
		t.Error("a person approved, and the schedule stays")
	}
}

// A held right keeps the hours that it has, and so does a held door: else it
// would never open, or always.
func TestHeldRightsKeepTheirHours(t *testing.T) {
	was := openHouse()
	for name, change := range map[string]func(*access.Roster){
		"no rights": func(r *access.Roster) { r.Grants = nil },
		"no groups": func(r *access.Roster) { r.Groups, r.Grants, r.Schedules = nil, nil, nil },
		"no doors":  func(r *access.Roster) { r.Doors, r.Places, r.Groups, r.Grants, r.Schedules = nil, nil, nil, nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			next := clone(was)
			change(&next)
			v := NewGuard(nil).Pass(was, next, Proof{}, noon)
			before, after := reasonsOf(t, was), reasonsOf(t, v.Roster)
			if diff := cmp.Diff(before, after); diff != "" || len(v.Held) == 0 {
				t.Errorf("held %q; decisions (-before +held):\n%s", v.Held, diff)
			}
		})
	}
}

// reasonsOf decides for somebody of the house at the front door at every hour of
// a day without the exceptions.
func reasonsOf(t *testing.T, r access.Roster) (all []access.Reason) {
	t.Helper()
	r = clone(r)
	r.Schedules = slices.DeleteFunc(r.Schedules, func(s access.Schedule) bool { return s.Except })
	s, err := access.Build(r, []access.Contact{{Source: "kisi", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for hour := range 24 {
		at := time.Date(2026, 11, 3, hour, 0, 0, 0, time.UTC)
		all = append(all, s.DecideHolder("p001", access.Tap{Door: "front", At: at}, access.Facts{}).Reason)
	}
	if !slices.Contains(all, access.Granted) || !slices.Contains(all, access.OutsideHours) {
		t.Fatalf("want some hours that are open and some that are not: %v", all)
	}
	return all
}

// A door that begins to stand open for everybody is told, once.
func TestNewUnlockHoursAreReported(t *testing.T) {
	was := openHouse()
	next := clone(was)
	next.Schedules = append(next.Schedules, access.Schedule{ID: "fair", Name: "Open day", On: access.ScopeDoor, OnID: "lab", Consequence: access.Unlock, Days: access.EveryDay, From: 0, Until: 60})
	instead("lobby", "lobby", func(s *access.Schedule) { s.Until = 20 * 60 })(&next)
	g := NewGuard(nil)
	v := g.Pass(was, next, Proof{}, noon)
	slices.Sort(v.Unlocks)
	if diff := cmp.Diff([]string{`Front door: unlocked for everybody by "the lobby"`, `Lab: unlocked for everybody by "Open day"`}, v.Unlocks); diff != "" || len(v.Held) > 0 {
		t.Errorf("held %q, unlocks (-want +got):\n%s", v.Held, diff)
	}
	if again := g.Pass(v.Roster, next, Proof{}, noon.Add(time.Hour)); len(again.Unlocks) > 0 {
		t.Errorf("told again: %q", again.Unlocks)
	}
	if first := NewGuard(nil).Pass(access.Roster{}, next, Proof{}, noon); len(first.Unlocks) > 0 {
		t.Errorf("told at the first crawl of all: %q", first.Unlocks)
	}
}
