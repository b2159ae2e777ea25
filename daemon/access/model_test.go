package access

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelDecide is a second implementation, by brute force over the plain rows
// and written from the order of checks in the design, not from decide.go. It
// answers the reasons as a set, and the first where it is beyond dispute.
func modelDecide(r Roster, contacts []Contact, tap Tap, facts Facts) (granted bool, reasons []Reason) {
	add := func(reason Reason) {
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	var door *Door
	policy := Policy{}
	for i := range r.Doors {
		if r.Doors[i].ID == tap.Door {
			door = &r.Doors[i]
		}
	}
	for _, p := range r.Policies {
		if p.Door == tap.Door {
			policy = p
			if door == nil {
				door = &Door{ID: p.Door}
			}
		}
	}
	var active, idle []string
	for _, a := range r.Assignments {
		if a.Digest == tap.Credential.Digest && a.Kind == tap.Credential.Kind {
			if a.Active {
				active = append(active, a.Holder)
			} else {
				idle = append(idle, a.Holder)
			}
		}
	}
	slices.Sort(active)
	slices.Sort(idle)
	active = slices.Compact(active)
	holder := ""
	switch {
	case len(active) == 1:
		holder = active[0]
	case len(active) == 0 && len(idle) > 0:
		holder = idle[0]
		add(NotActivated)
	default:
		add(Unknown)
	}
	if door != nil {
		for _, p := range r.Places {
			if p.ID == door.Place && p.LockedDown {
				add(LockedDown)
			}
		}
		if door.LockedDown {
			add(LockedDown)
		}
	}
	for _, h := range r.Holders {
		if h.ID == holder && h.Suspended {
			add(Suspended)
		}
	}
	if holder != "" && door != nil && tap.Credential.Assurance < policy.MinimumAssurance {
		add(LowAssurance)
	}
	if holder != "" && door != nil && policy.AskPIN && (facts.PIN != PINRight || tap.Credential.Kind == PIN) {
		if facts.PIN == PINBlocked {
			add(PINLocked)
		} else {
			add(PINWrong)
		}
	}
	if holder != "" {
		passed := false
		var missed []Reason
		for _, g := range r.Grants {
			if door == nil || !modelMine(r, g, holder) || !modelCovers(r, g, *door) {
				continue
			}
			if why := modelGrant(r, contacts, g, *door, policy, tap, facts); why == Granted {
				passed = true
			} else {
				missed = append(missed, why)
			}
		}
		if !passed {
			if len(missed) == 0 {
				missed = []Reason{NoGrant}
			}
			for _, why := range missed {
				add(why)
			}
		}
	}
	if door != nil && door.Restricted {
		if trusted := facts.Clock == ClockSynced || facts.Clock == ClockFreeRunning; trusted || policy.Residential {
			add(DoorHours)
		} else {
			add(Clock)
		}
	}
	return len(reasons) == 0, reasons
}

func modelMine(r Roster, g Grant, holder string) bool {
	if g.Kind == ToHolder {
		return g.Assignee == holder
	}
	for _, team := range r.Teams {
		if team.ID == g.Assignee && slices.Contains(team.Members, holder) {
			return true
		}
	}
	return false
}

func modelCovers(r Roster, g Grant, door Door) bool {
	switch g.Scope {
	case ScopeDoor:
		return g.ScopeID == door.ID
	case ScopePlace:
		return g.ScopeID == door.Place
	case ScopeGroup:
		for _, group := range r.Groups {
			if group.ID == g.ScopeID {
				return slices.Contains(group.Doors, door.ID)
			}
		}
	case ScopeOrganisation:
		return true
	}
	return false
}

func modelGrant(r Roster, contacts []Contact, g Grant, door Door, policy Policy, tap Tap, facts Facts) Reason {
	var group Group
	for _, candidate := range r.Groups {
		if g.Scope == ScopeGroup && candidate.ID == g.ScopeID {
			group = candidate
		}
	}
	for _, c := range contacts {
		patience := 7 * 24 * time.Hour
		if policy.HighSecurity {
			patience = 24 * time.Hour
		}
		if c.Source == g.Source && !c.Ageless && g.Until.IsZero() && !policy.Residential && tap.At.Sub(c.At) > patience {
			return Stale
		}
	}
	bounded := !g.From.IsZero() || !g.Until.IsZero() || group.Restricted
	trusted := facts.Clock == ClockSynced || facts.Clock == ClockFreeRunning
	switch {
	case g.Cancelled:
		return Cancelled
	case !g.Until.IsZero() && !tap.At.Before(g.Until):
		return Expired
	case bounded && !trusted && !policy.Residential && !modelLong(g, group, policy, tap):
		return Clock
	case !g.From.IsZero() && tap.At.Before(g.From):
		return NotYet
	case group.Restricted:
		return OutsideHours
	case tap.Presence == Remote && (door.AtDoorOnly || group.AtDoorOnly):
		return RemoteNotAllowed
	}
	return Granted
}

// modelLong: on a perimeter door a right that has begun and has a week to go is
// honoured for a day without a clock; these taps are all within that day.
func modelLong(g Grant, group Group, policy Policy, tap Tap) bool {
	begun := g.From.IsZero() || !tap.At.Before(g.From)
	long := g.Until.IsZero() || g.Until.Sub(tap.At) >= 7*24*time.Hour
	return begun && long && !group.Restricted && !policy.HighSecurity
}

// anySite draws a small random site in which most references are sound.
func anySite(t *rapid.T) Roster {
	some := func(prefix string, lo, hi int) []string {
		var ids []string
		for i := range rapid.IntRange(lo, hi).Draw(t, prefix) {
			ids = append(ids, fmt.Sprintf("%s%d", prefix, i))
		}
		return ids
	}
	flag := func(name string) bool { return rapid.IntRange(0, 5).Draw(t, name) == 0 }
	subset := func(name string, of []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(string) bool { return rapid.Bool().Draw(t, name) })
	}
	places, doors, groups := some("place", 1, 2), some("door", 1, 70), some("group", 1, 3)
	teams, holders := some("team", 1, 2), some("holder", 1, 5)
	var r Roster
	for _, id := range places {
		r.Places = append(r.Places, Place{ID: id, LockedDown: flag("place lockdown")})
	}
	for _, id := range doors {
		d := Door{ID: id, Place: rapid.SampledFrom(places).Draw(t, "place of door")}
		d.LockedDown, d.Restricted, d.AtDoorOnly = flag("lockdown"), flag("door hours"), flag("door at door")
		r.Doors = append(r.Doors, d)
	}
	for _, id := range subset("policy", append(slices.Clone(doors), "ours")) {
		r.Policies = append(r.Policies, Policy{
			Door: id, MinimumAssurance: Assurance(rapid.IntRange(0, 2).Draw(t, "assurance")),
			HighSecurity: flag("high"), Residential: flag("home"), AskPIN: flag("ask for a PIN"),
		})
	}
	for _, id := range groups {
		r.Groups = append(r.Groups, Group{
			ID: id, Doors: subset("group door", doors), Restricted: flag("group hours"), AtDoorOnly: flag("group at door"),
		})
	}
	for _, id := range holders {
		r.Holders = append(r.Holders, Holder{ID: id, Suspended: flag("suspended")})
	}
	for _, id := range teams {
		r.Teams = append(r.Teams, Team{ID: id, Members: subset("member", holders)})
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "cards") {
		a := assign(rapid.SampledFrom([]string{"aa", "bb", "cc", "dd"}).Draw(t, "uid"), rapid.SampledFrom(holders).Draw(t, "of"))
		a.ID, a.Active = fmt.Sprint(i), !flag("inactive")
		r.Assignments = append(r.Assignments, a)
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "PINs") {
		a := assignPIN(rapid.SampledFrom(pins).Draw(t, "PIN"), rapid.SampledFrom(holders).Draw(t, "PIN of"))
		a.ID, a.Active = fmt.Sprint("pin", i), !flag("PIN inactive")
		r.Assignments = append(r.Assignments, a)
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "grants") {
		r.Grants = append(r.Grants, anyGrant(t, fmt.Sprint("grant", i), r))
	}
	return r
}

// pins are few, so that people share them.
var pins = []string{"1234", "481516", "000000"}

func assignPIN(digits, holder string) Assignment {
	return Assignment{Kind: PIN, Digest: testKey.Digest(PIN, []byte(digits)), Assurance: LowAssured, Holder: holder, Active: true}
}

// modelPIN says whether the one active holder of a card, or the first idle one
// where none is active, has the PIN as well.
func modelPIN(r Roster, c Credential, digits Digest) bool {
	var active, idle []string
	for _, a := range r.Assignments {
		switch {
		case a.Digest != c.Digest || a.Kind != c.Kind:
		case a.Active && !slices.Contains(active, a.Holder):
			active = append(active, a.Holder)
		case !a.Active:
			idle = append(idle, a.Holder)
		}
	}
	slices.Sort(idle)
	if len(active) == 0 {
		active = idle[:min(len(idle), 1)]
	}
	return len(active) == 1 && slices.ContainsFunc(r.Assignments, func(a Assignment) bool {
		return a.Kind == PIN && a.Active && a.Digest == digits && a.Holder == active[0]
	})
}

// instants are few, so that boundaries are hit.
var instants = []time.Time{{}, noon.Add(-time.Hour), noon.Add(-time.Microsecond), noon, noon.Add(time.Microsecond), noon.Add(time.Hour)}

func anyGrant(t *rapid.T, id string, r Roster) Grant {
	g := Grant{ID: id, Source: rapid.SampledFrom([]string{"kisi", "file"}).Draw(t, "source"), Cause: "role"}
	g.Kind = AssigneeKind(rapid.IntRange(0, 1).Draw(t, "assignee"))
	if g.Kind == ToTeam {
		g.Assignee = rapid.SampledFrom(r.Teams).Draw(t, "team").ID
	} else {
		g.Assignee = rapid.SampledFrom(r.Holders).Draw(t, "holder").ID
	}
	g.Scope = ScopeKind(rapid.IntRange(0, 3).Draw(t, "scope"))
	switch g.Scope {
	case ScopeDoor:
		g.ScopeID = rapid.SampledFrom(r.Doors).Draw(t, "door").ID
	case ScopeGroup:
		g.ScopeID = rapid.SampledFrom(r.Groups).Draw(t, "group").ID
	case ScopePlace:
		g.ScopeID = rapid.SampledFrom(r.Places).Draw(t, "place").ID
	case ScopeOrganisation:
	}
	from, until := rapid.SampledFrom(instants).Draw(t, "from"), rapid.SampledFrom(instants).Draw(t, "until")
	if from.IsZero() || until.IsZero() || from.Before(until) {
		g.From, g.Until = from, until
	}
	g.Cancelled = rapid.IntRange(0, 9).Draw(t, "cancelled") == 0
	return g
}

// The same rules, however they are looked up.
func TestDecideAgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anySite(t)
		contacts := []Contact{
			{Source: "kisi", At: noon.Add(-rapid.SampledFrom([]time.Duration{0, 24 * time.Hour, 25 * time.Hour, 168 * time.Hour, 169 * time.Hour}).Draw(t, "age"))},
			{Source: "file", Ageless: true},
		}
		plain := Roster{ // Build sorts; the model gets its own copy
			Places: slices.Clone(r.Places), Doors: slices.Clone(r.Doors), Policies: slices.Clone(r.Policies), Groups: slices.Clone(r.Groups),
			Teams: slices.Clone(r.Teams), Holders: slices.Clone(r.Holders), Assignments: slices.Clone(r.Assignments), Grants: slices.Clone(r.Grants),
		}
		s, err := Build(r, contacts, 1)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			tap := Tap{
				Door:       rapid.SampledFrom(append([]string{"ours", "nowhere"}, doorIDs(plain)...)).Draw(t, "at door"),
				Credential: card(rapid.SampledFrom([]string{"aa", "bb", "cc", "dd", "ff"}).Draw(t, "tapped")),
				Presence:   Presence(rapid.IntRange(0, 2).Draw(t, "presence")),
				At:         rapid.SampledFrom(instants[1:]).Draw(t, "at"),
			}
			digits := testKey.Credential(PIN, []byte(rapid.SampledFrom(pins).Draw(t, "typed")))
			if got, want := s.PINBelongs(tap.Credential, digits.Digest), modelPIN(plain, tap.Credential, digits.Digest); got != want {
				t.Fatalf("%s with %s: the PIN belongs: got %t, want %t", tap.Credential, digits, got, want)
			}
			if rapid.Bool().Draw(t, "PIN alone") {
				tap.Credential = digits
			}
			facts := Facts{Clock: ClockState(rapid.IntRange(0, 3).Draw(t, "clock")), PIN: PINState(rapid.IntRange(0, 3).Draw(t, "PIN state"))}
			d := s.Decide(tap, facts)
			granted, want := modelDecide(plain, contacts, tap, facts)
			got := reasonsOf(d)
			if d.Granted() != granted || !sameSet(got, want) {
				t.Fatalf("%+v\n got %v %v\nwant %v %v", tap, d.Granted(), got, granted, want)
			}
		}
	})
}

func doorIDs(r Roster) []string {
	var ids []string
	for _, d := range r.Doors {
		ids = append(ids, d.ID)
	}
	return ids
}

func sameSet(a, b []Reason) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
