package access_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

// zoneNames change their clocks by an hour, by half of one, by two, at midnight,
// for Ramadan, once by a whole day, or never.
var zoneNames = []string{
	"Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC",
	"America/Havana", "Africa/Cairo", "Antarctica/Troll", "Pacific/Apia", "America/St_Johns", "Asia/Tokyo",
}

// nobodysZone is one that no database has.
const nobodysZone = "Europe/Atlantis"

// scene is where a random site is asked about: a base instant, most often one at
// which clocks change, and the instants around it that matter.
type scene struct {
	t    *rapid.T
	zone string
	base time.Time
	pool []time.Time
	calm bool // nothing but rights, hours and clocks stands in the way
}

// dice are 256 sides that come alike. What rapid draws of a range itself comes
// far more often from its ends.
var dice = rapid.Custom(func(t *rapid.T) int {
	n := 0
	for range 8 {
		n *= 2
		if rapid.Bool().Draw(t, "bit") {
			n++
		}
	}
	return n
})

// below is a number from 0 to before n.
func (s *scene) below(n int, name string) int { return dice.Draw(s.t, name) * n / 256 }

func (s *scene) between(lo, hi int, name string) int { return lo + s.below(hi-lo+1, name) }

// one is true one time in n.
func (s *scene) one(name string, n int) bool { return s.below(n, name) == n-1 }

// rarely is true one time in n, and never where it is calm.
func (s *scene) rarely(name string, n int) bool { return s.one(name, n) && !s.calm }

func pick[T any](s *scene, name string, from []T) T { return from[s.below(len(from), name)] }

func anyScene(t *rapid.T) *scene {
	s := &scene{t: t}
	s.zone = pick(s, "zone", zoneNames)
	s.calm = s.one("calm", 2)
	zone := zoneOf(s.zone)
	year := pick(s, "year", []int{2024, 2025, 2026, 2027, 2028})
	if s.zone == "Pacific/Apia" {
		year = 2011
	}
	around := time.Date(year, time.Month(s.between(1, 12, "month")), 1, 0, 0, 0, 0, zone)
	if _, change := around.ZoneBounds(); !change.IsZero() && change.Year() <= year+1 && !s.one("no change", 5) {
		s.base = change.UTC()
	} else {
		s.base = around.AddDate(0, 0, pick(s, "day", []int{0, -1, 27, 14})).UTC() // new year, 29 February, the middle of a month
	}
	day := 24 * time.Hour
	for _, off := range []time.Duration{-8 * day, -7 * day, -day, -2 * time.Hour, -time.Hour, -30 * time.Minute, 0, 30 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 12 * time.Hour, day, 7 * day, 20 * day} {
		s.pool = append(s.pool, s.base.Add(off))
	}
	return s
}

// beside is an instant of the pool, or just before or after.
func (s *scene) beside(name string) time.Time {
	return pick(s, name, s.pool).Add(time.Duration(rapid.IntRange(-1, 1).Draw(s.t, name+" ±")) * time.Microsecond)
}

// minutes are few, and most lie where clocks change.
var minutes = []access.Minute{0, 30, 60, 90, 120, 135, 150, 180, 240, 540, 1080, 1380, 1410, 1439, 1440}

// schedules draws the hours of one group or door.
func (s *scene) schedules(r *access.Roster, on access.ScopeKind, id string, consequence access.Consequence) {
	for range pick(s, "lines", []int{0, 1, 1, 2, 3, 5}) {
		line := access.Schedule{ID: fmt.Sprint("hours", len(r.Schedules)), On: on, OnID: id, Consequence: consequence, Except: s.one("except", 4)}
		switch pick(s, "form", []int{0, 0, 0, 1, 2}) {
		case 0:
			line.Days = access.Weekdays(s.between(1, 127, "days")) | access.Weekdays(0).With(s.base.In(zoneOf(s.zone)).Weekday())
			from := s.between(0, len(minutes)-2, "from")
			line.From, line.Until = minutes[from], minutes[s.between(from+1, len(minutes)-1, "until")]
		case 1:
			line.Start, line.End = s.beside("start"), s.beside("end")
			if !line.Start.Before(line.End) {
				line.Start, line.End = line.End.Add(-time.Hour), line.Start
			}
		case 2:
			first := access.DateOf(s.base.In(zoneOf(s.zone))) + access.Date(s.between(-2, 2, "date"))
			line.Dates = []access.Dates{{First: first, Last: first + access.Date(s.between(0, 2, "dates"))}}
			if s.one("another date", 3) {
				line.Dates = append(line.Dates, access.Dates{First: first + 5, Last: first + 5})
			}
		}
		r.Schedules = append(r.Schedules, line)
	}
}

func (s *scene) assurance() access.Assurance {
	if s.rarely("assured", 3) {
		return pick(s, "assurance", []access.Assurance{access.LowAssured, access.MediumAssured})
	}
	return access.AnyAssurance
}

func (s *scene) zoneName(name string) string {
	switch pick(s, name, []int{0, 0, 0, 0, 1, 2, 3}) {
	case 1:
		return s.zone
	case 2:
		return pick(s, name+" other", zoneNames)
	case 3:
		if s.one(name+" bad", 3) {
			return nobodysZone
		}
	}
	return ""
}

func (s *scene) some(of []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(of), func(string) bool { return rapid.Bool().Draw(s.t, name) })
}

// site draws a small site in which all references are sound. Its doors of
// interest come after a crowd of others, so that they lie in several words of bits.
func (s *scene) site() (r access.Roster, doors []string) {
	places, groups, teams := []string{"hq", "annex"}, []string{"g0", "g1", "g2"}, []string{"t0", "t1"}
	holders := []string{"h0", "h1", "h2"}
	for _, id := range places {
		r.Places = append(r.Places, access.Place{ID: id, LockedDown: s.rarely("place locked", 15), Zone: s.zoneName("zone of place")})
	}
	for i := range pick(s, "crowd", []int{0, 0, 61, 126}) {
		r.Doors = append(r.Doors, access.Door{ID: fmt.Sprint("crowd", i)})
	}
	for i := range s.between(1, 4, "doors") {
		d := access.Door{ID: fmt.Sprint("door", i), Place: pick(s, "place of door", append([]string{""}, places...)), Zone: s.zoneName("zone of door")}
		d.LockedDown, d.Restricted, d.AtDoorOnly = s.rarely("locked", 15), s.one("limited", 3), s.one("at door", 4)
		r.Doors = append(r.Doors, d)
		doors = append(doors, d.ID)
		for _, c := range []access.Consequence{access.Allow, access.Unlock, access.FirstToArrive} {
			s.schedules(&r, access.ScopeDoor, d.ID, c)
		}
	}
	for _, id := range append(slices.Clone(doors), "ours") {
		if s.one("no policy", 4) {
			continue
		}
		r.Policies = append(r.Policies, access.Policy{
			Door: id, MinimumAssurance: s.assurance(), AskPIN: s.rarely("ask PIN", 6),
			HighSecurity: s.one("high", 4), Residential: s.one("home", 6), Zone: pick(s, "site zone", []string{s.zone, s.zone, "", "Asia/Tokyo"}),
			Passback: pick(s, "passback", []time.Duration{0, 0, time.Minute, time.Hour}), PassbackRefuses: s.one("refuses", 2),
		})
		doors = append(doors, id)
	}
	slices.Sort(doors)
	doors = slices.Compact(doors)
	if !slices.ContainsFunc(r.Policies, func(p access.Policy) bool { return p.Door == "ours" }) {
		doors = slices.DeleteFunc(doors, func(d string) bool { return d == "ours" })
	}
	for _, id := range groups {
		g := access.Group{ID: id, Doors: s.some(doors, "door of group"), Restricted: s.one("limited group", 2), AtDoorOnly: s.one("at door group", 5), Zone: s.zoneName("zone of group")}
		r.Groups = append(r.Groups, g)
		s.schedules(&r, access.ScopeGroup, id, access.Allow)
	}
	for _, id := range holders {
		r.Holders = append(r.Holders, access.Holder{ID: id, Suspended: s.rarely("suspended", 12)})
	}
	for _, id := range teams {
		r.Teams = append(r.Teams, access.Team{ID: id, Members: s.some(holders, "member")})
	}
	s.credentials(&r, holders)
	for i := range s.between(3, 14, "grants") {
		r.Grants = append(r.Grants, s.grant(fmt.Sprint("grant", i), &r, doors))
	}
	return r, doors
}

var modelKey, _ = access.NewDigestKey([]byte("the second implementation's key."))

// Cards and PINs are few, so that people share them.
var (
	uids  = []string{"aa", "bb", "cc", "dd"}
	codes = []string{"1234", "481516", "000000"}
)

func (s *scene) credentials(r *access.Roster, holders []string) {
	add := func(kind access.Kind, value, holder string, active bool) {
		c := modelKey.Credential(kind, []byte(value))
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: fmt.Sprint(len(r.Assignments)), Kind: kind, Digest: c.Digest, Assurance: c.Assurance, Holder: holder, Active: active,
		})
	}
	for i, holder := range holders {
		add(access.Card, uids[i], holder, !s.rarely("inactive", 10))
	}
	for range s.between(0, 1, "more cards") {
		add(access.Card, pick(s, "uid", uids), pick(s, "of", holders), !s.rarely("inactive", 3))
	}
	for range s.between(0, 4, "PINs") {
		add(access.PIN, pick(s, "PIN", codes), pick(s, "PIN of", holders), !s.one("PIN inactive", 5))
	}
}

func (s *scene) grant(id string, r *access.Roster, doors []string) access.Grant {
	g := access.Grant{ID: id, Source: pick(s, "source", []string{"kisi", "kisi", "file"}), Cause: "role", Cancelled: s.one("cancelled", 12)}
	if g.Kind, g.Assignee = access.ToHolder, pick(s, "holder", r.Holders).ID; s.one("to team", 3) {
		g.Kind, g.Assignee = access.ToTeam, pick(s, "team", r.Teams).ID
	}
	switch g.Scope = pick(s, "scope", []access.ScopeKind{access.ScopeGroup, access.ScopeGroup, access.ScopeGroup, access.ScopeDoor, access.ScopePlace, access.ScopeOrganisation}); g.Scope {
	case access.ScopeDoor:
		g.ScopeID = pick(s, "door", doors)
	case access.ScopeGroup:
		g.ScopeID = pick(s, "group", r.Groups).ID
	case access.ScopePlace:
		g.ScopeID = pick(s, "place", r.Places).ID
	case access.ScopeOrganisation:
	}
	if s.one("has from", 2) {
		g.From = s.beside("grant from")
	}
	if s.one("has until", 2) {
		g.Until = s.beside("grant until")
	}
	if !g.From.IsZero() && !g.Until.IsZero() && !g.From.Before(g.Until) {
		g.From = time.Time{}
	}
	return g
}

// locks draws the lockdowns of our own staff; most often there are none.
func (s *scene) locks(doors []string) (all []access.Lockdown) {
	if s.rarely("site locked", 15) {
		all = append(all, access.Lockdown{Scope: access.ScopeOrganisation})
	}
	if s.rarely("door locked by staff", 10) {
		all = append(all, access.Lockdown{Scope: access.ScopeDoor, ScopeID: pick(s, "which door", append([]string{"nowhere"}, doors...))})
	}
	if s.rarely("place locked by staff", 10) {
		all = append(all, access.Lockdown{Scope: access.ScopePlace, ScopeID: pick(s, "which place", []string{"hq", "annex", "moon"})})
	}
	return all
}
