package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// The doors of one class each.
var doorClasses = []string{"front", "safe", "home"}

// clockSite has a person for each sort of right at doors of each class. The true
// time begins on Monday, 2 November 2026 at noon.
func clockSite(r *access.Roster) {
	at := func(d time.Duration) time.Time { return today.Add(d) }
	day := 24 * time.Hour
	rights := []struct {
		who         string
		from, until time.Time
		hours       bool
	}{
		{who: "forever"},
		{who: "hours", hours: true}, // 08:00 to 18:00
		{who: "booked", from: at(-2 * time.Hour), until: at(2 * time.Hour)},
		{who: "soon", from: at(time.Hour), until: at(3 * time.Hour)},
		{who: "over", from: at(-3 * time.Hour), until: at(-30 * time.Minute)},
		{who: "gone", from: at(-3 * day), until: at(-day)},
		{who: "long", from: at(-30 * day), until: at(30 * day)},
	}
	*r = access.Roster{
		Policies: []access.Policy{{Door: "front"}, {Door: "safe", HighSecurity: true}, {Door: "home", Residential: true}},
		Schedules: []access.Schedule{{
			ID: "office", On: access.ScopeGroup, OnID: "hours", Days: access.EveryDay, From: 8 * 60, Until: 18 * 60,
		}},
	}
	for _, door := range doorClasses {
		r.Doors = append(r.Doors, access.Door{ID: door, Name: door})
	}
	for _, of := range rights {
		card := doorKey.Credential(access.Card, []byte(of.who))
		r.Groups = append(r.Groups, access.Group{ID: of.who, Doors: doorClasses, Restricted: of.hours})
		r.Holders = append(r.Holders, access.Holder{ID: of.who})
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: of.who, Kind: card.Kind, Digest: card.Digest, Assurance: card.Assurance, Holder: of.who, Active: true,
		})
		r.Grants = append(r.Grants, access.Grant{
			ID: of.who, Assignee: of.who, Scope: access.ScopeGroup, ScopeID: of.who, From: of.from, Until: of.until, Source: "kisi", Cause: "role",
		})
	}
}

// everyTap is what each person is told at a door of each class.
func (s *stage) everyTap(t *testing.T) map[string]string {
	t.Helper()
	told := map[string]string{}
	for _, grant := range []string{"forever", "hours", "booked", "soon", "over", "gone", "long"} {
		var reasons []string
		for _, door := range doorClasses {
			s.id = door
			got := s.receive(t.Context(), s.heard(cardRead(grant)), "")
			reasons = append(reasons, got.decision.Reason.String())
		}
		told[grant] = strings.Join(reasons, " ")
	}
	return told
}

// TestEachClassOfDoorKeepsItsWordWhateverTheClockDoes walks through a day on which
// the clock does something: what each door says at each step.
func TestEachClassOfDoorKeepsItsWordWhateverTheClockDoes(t *testing.T) { // X9, F-16, F-17, Q-31
	const all = "granted granted granted"
	right := map[string]string{
		"forever": all, "hours": all, "booked": all, "soon": "not_yet not_yet not_yet",
		"over": "expired expired expired", "gone": "expired expired expired", "long": all,
	}
	// The time is not known, and taken for what it is.
	held := map[string]string{
		"forever": all, "hours": "clock clock granted", "booked": "clock clock granted", "soon": "clock clock not_yet",
		"over": "expired expired expired", "gone": "expired expired expired", "long": "granted clock granted",
	}
	// The time is taken for that of the newest record, an hour ago.
	behind := map[string]string{
		"forever": all, "hours": "clock clock granted", "booked": "clock clock granted", "soon": "clock clock not_yet",
		"over": "clock clock granted", "gone": "expired expired expired", "long": "granted clock granted",
	}
	dayLater := map[string]string{ // the time is not known for more than a day
		"forever": all, "hours": "clock clock granted", "booked": "expired expired expired", "soon": "expired expired expired",
		"over": "expired expired expired", "gone": "expired expired expired", "long": "clock clock granted",
	}
	rightDayLater := map[string]string{
		"forever": all, "hours": all, "booked": "expired expired expired", "soon": "expired expired expired",
		"over": "expired expired expired", "gone": "expired expired expired", "long": all,
	}
	type step struct {
		name       string
		pass, jump time.Duration
		synced     bool
		want       map[string]string
	}
	hourly := func(d time.Duration) []step {
		return []step{
			{"before", time.Second, 0, true, right},
			{"the jump", time.Second, d, false, held},
			{"half an hour later", 30 * time.Minute, 0, false, held},
			{"set right by the network", time.Second, -d, true, right},
		}
	}
	yearly := func(d time.Duration) []step {
		return []step{
			{"before", time.Second, 0, true, right},
			{"the jump", time.Second, d, false, held},
			{"more than a day later", 24*time.Hour + time.Minute, 0, false, dayLater},
			{"set right by the network", time.Second, -d, true, rightDayLater},
		}
	}
	boot := func(shows time.Duration) []step {
		return []step{
			{"at the start", time.Second, 0, false, behind},
			{"set right by the network", time.Second, -shows, true, right},
		}
	}
	tests := []struct {
		name   string
		shows  time.Duration // the clock at the start, past the true time
		record time.Duration // the newest record, likewise
		steps  []step
	}{
		{"boot in 1970", time.Unix(0, 0).Sub(today), -time.Hour, boot(time.Unix(0, 0).Sub(today))},
		{"boot at the build epoch", -year, -time.Hour, boot(-year)},
		{"boot three days behind", -3 * 24 * time.Hour, -time.Hour, boot(-3 * 24 * time.Hour)},
		{"+1 hour while it runs", 0, -2 * time.Second, hourly(time.Hour)},
		{"-1 hour while it runs", 0, -2 * time.Second, hourly(-time.Hour)},
		{"+10 years while it runs", 0, -2 * time.Second, yearly(10 * year)},
		{"-10 years while it runs", 0, -2 * time.Second, yearly(-10 * year)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, clockSite)
				c := &handClock{wall: today.Add(tt.shows)}
				s.clock = newTimekeeper(c.clock(), today.Add(tt.record))
				for _, step := range tt.steps {
					c.pass(step.pass)
					c.jump(step.jump)
					c.synced = step.synced
					s.clock.look()
					s.rights.current.Store(s.rights.Load().WithContact("kisi", s.clock.moment().at)) // the cloud is heard
					for right, got := range s.everyTap(t) {
						if got != step.want[right] {
							t.Errorf("%s: who has the right %s is told %q, want %q", step.name, right, got, step.want[right])
						}
					}
				}
				time.Sleep(time.Minute) // what was begun ends
			})
		})
	}
}

// Hours are those of the clock on the wall beside the door, from the clock of the
// gateway to the strike; the calendar's own tests go through every boundary.
func TestADoorWithHoursOpensByTheClockOnItsWall(t *testing.T) { // F-18
	const in, out = access.Granted, access.OutsideHours
	week := func(days access.Weekdays, from, until access.Minute) []access.Schedule {
		return []access.Schedule{{ID: "hours", On: access.ScopeGroup, OnID: "hot", Days: days, From: from, Until: until}}
	}
	sunday, monday := access.Weekdays(0).With(time.Sunday), access.Weekdays(0).With(time.Monday)
	early := week(sunday, 2*60+30, 4*60)
	tests := []struct {
		name  string
		zone  string
		hours []access.Schedule
		at    string
		want  access.Reason
	}{
		{"spring: the hour before the one that is skipped", "Europe/Rome", early, "2026-03-29T00:59:59Z", out},
		{"spring: 03:00, which follows 02:00", "Europe/Rome", early, "2026-03-29T01:00:00Z", in},
		{"spring: until 04:00", "Europe/Rome", early, "2026-03-29T02:00:00Z", out},
		{"autumn: 02:30 for the first time", "Europe/Rome", early, "2026-10-25T00:30:00Z", in},
		{"autumn: 02:00 for the second time", "Europe/Rome", early, "2026-10-25T01:00:00Z", out},
		{"autumn: 02:30 for the second time", "Europe/Rome", early, "2026-10-25T01:30:00Z", in},
		{"autumn: until 04:00", "Europe/Rome", early, "2026-10-25T03:00:00Z", out},
		{"half an hour of summer time", "Australia/Lord_Howe", week(access.EveryDay, 8*60, 18*60), "2026-01-14T20:59:59Z", out},
		{"half an hour of summer time, 08:00", "Australia/Lord_Howe", week(access.EveryDay, 8*60, 18*60), "2026-01-14T21:00:00Z", in},
		{"a zone of half hours", "Asia/Kolkata", week(access.EveryDay, 8*60, 18*60), "2026-11-02T02:29:59Z", out},
		{"a zone of half hours, 08:00", "Asia/Kolkata", week(access.EveryDay, 8*60, 18*60), "2026-11-02T02:30:00Z", in},
		{"a zone of quarters, 18:00", "Asia/Kathmandu", week(access.EveryDay, 8*60, 18*60), "2026-11-02T12:15:00Z", out},
		{"the week wraps: still Sunday", "Europe/Rome", week(monday, 0, 24*60), "2026-11-01T22:59:59Z", out},
		{"the week wraps: Monday", "Europe/Rome", week(monday, 0, 24*60), "2026-11-01T23:00:00Z", in},
		{"29 February", "Europe/Rome", week(access.Weekdays(0).With(time.Tuesday), 0, 24*60), "2028-02-29T12:00:00Z", in},
		{"the day after 29 February", "Europe/Rome", week(access.Weekdays(0).With(time.Tuesday), 0, 24*60), "2028-03-01T12:00:00Z", out},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(r *access.Roster) {
					r.Groups[0].Restricted, r.Doors[0].Zone, r.Schedules = true, tt.zone, tt.hours
				})
				at, err := time.Parse(time.RFC3339, tt.at)
				if err != nil {
					t.Fatal(err)
				}
				c := &handClock{wall: at, synced: true}
				s.clock = newTimekeeper(c.clock(), today.AddDate(-10, 0, 0))
				s.rights.current.Store(s.rights.Load().WithContact("kisi", at))
				if got := s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), ""); got.decision.Reason != tt.want {
					t.Errorf("got %v, want %v", got.decision.Reason, tt.want)
				}
				time.Sleep(time.Minute) // what was begun ends
			})
		})
	}
}
