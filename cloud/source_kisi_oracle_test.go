package cloud_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// clocks are zones that change their clocks at different hours, at midnight, by
// half an hour, in the other half of the year, and never.
var clocks = []string{
	"Europe/Rome", "Europe/London", "America/New_York", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu",
}

// spring is when the tests of hours begin; holidays are known of this year and
// the next.
var spring = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// fortnight draws a time at which to compare, often one with a clock change in it.
func fortnight(t *rapid.T, zone string) time.Time {
	from := spring.AddDate(0, 0, rapid.IntRange(0, 500).Draw(t, "first day"))
	loaded, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	if _, change := from.In(loaded).ZoneBounds(); !change.IsZero() && change.Before(spring.AddDate(0, 0, 600)) && rapid.Bool().Draw(t, "clocks change") {
		from = change.AddDate(0, 0, -rapid.IntRange(0, 13).Draw(t, "days before")).UTC().Truncate(24 * time.Hour)
	}
	return from
}

// hour draws any kind of schedule about a fortnight.
func hour(t *rapid.T, from time.Time) cloudtest.Schedule {
	s := cloudtest.Schedule{Override: rapid.IntRange(0, 3).Draw(t, "override") == 0, Disabled: rapid.IntRange(0, 7).Draw(t, "disabled") == 0}
	date := func(what string, least, most int) time.Time {
		return from.AddDate(0, 0, rapid.IntRange(least, most).Draw(t, what))
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		s.From = date("day", -2, 13).Add(time.Duration(rapid.IntRange(0, 24*60*60).Draw(t, "second")) * time.Second)
		s.Until = s.From.Add(time.Duration(rapid.IntRange(120, 3*24*60*60).Draw(t, "seconds")) * time.Second)
	case 1:
		first := date("first", -2, 13)
		s.FirstDate, s.LastDate = first.Format(time.DateOnly), first.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "more")).Format(time.DateOnly)
	case 2:
		s.Region, s.Unobserved = "xx", rapid.Bool().Draw(t, "as they fall")
		if rapid.Bool().Draw(t, "ignores") {
			s.Ignored = []string{rapid.SampledFrom([]string{"Day 3", from.AddDate(0, 0, 4).Format(time.DateOnly)}).Draw(t, "ignored")}
		}
	default:
		for day := time.Sunday; day <= time.Saturday; day++ {
			if rapid.Bool().Draw(t, day.String()) {
				s.Days = append(s.Days, day)
			}
		}
		if s.Days == nil {
			s.Days = []time.Weekday{time.Sunday}
		}
		if rapid.IntRange(0, 4).Draw(t, "all day") > 0 {
			starts := rapid.SampledFrom([]int{0, 1, 30, 60, 119, 120, 150, 179, 180, 480, 1080, 1380, 1438}).Draw(t, "starts")
			ends := rapid.SampledFrom([]int{15, 61, 120, 121, 135, 150, 180, 181, 600, 1380, 1410, 1439}).
				Filter(func(m int) bool { return m > starts }).Draw(t, "ends")
			s.Starts, s.Ends = fmt.Sprintf("%02d:%02d", starts/60, starts%60), fmt.Sprintf("%02d:%02d", ends/60, ends%60)
		}
	}
	return s
}

// block is a place, a door of it, and hours of every kind, of which Kisi's own
// calendar is asked.
type block struct {
	k                       *cloudtest.Kisi
	door, hall, group, wide int   // two locks, and two groups with the door in them
	members                 []int // of each group
	from                    time.Time
	keys                    map[string]any
}

func drawBlock(t *rapid.T) block {
	zone := rapid.SampledFrom(clocks).Draw(t, "zone")
	midnight := rapid.Bool().Draw(t, "midnight")
	b := block{from: fortnight(t, zone), keys: map[string]any{"organization_hours": "organization"}}
	if !midnight {
		b.keys["hours_until_2359"] = "literal"
	}
	b.k = cloudtest.NewKisi(cloudtest.Options{Rate: -1, MidnightAt2359: midnight, Zone: rapid.SampledFrom(clocks).Draw(t, "zone of the organisation")})
	k := b.k
	k.AddKey(k.Owner(), ownersKey)
	for day := range 14 {
		date := b.from.AddDate(0, 0, day)
		if rapid.IntRange(0, 5).Draw(t, "holiday") == 0 {
			k.AddMovedHoliday("xx", date.Format(time.DateOnly), date.AddDate(0, 0, rapid.IntRange(0, 1).Draw(t, "moved")).Format(time.DateOnly), fmt.Sprintf("Day %d", day))
		}
	}
	for _, day := range []string{"2026-01-01", "2027-01-01", "2028-01-01"} {
		k.AddHoliday("xx", day, "Day 3")
	}
	place := k.AddPlace("HQ", zone)
	b.door, b.hall = k.AddLock(place, "Door"), k.AddLock(place, "Hall")
	b.group, b.wide = k.AddGroup(place, "Desk"), k.AddGroup(0, "Wide")
	if rapid.IntRange(0, 3).Draw(t, "own zone") == 0 {
		k.SetLockZone(b.hall, rapid.SampledFrom(clocks).Draw(t, "zone of the hall"))
		k.SetGroupZone(b.group, rapid.SampledFrom(clocks).Draw(t, "zone of the group"))
	}
	for _, g := range []int{b.group, b.wide} {
		k.PutInGroup(g, b.door)
		k.RestrictGroup(g, cloudtest.Restrictions{Hours: true})
		member := k.AddUser(fmt.Sprint(g), fmt.Sprintf("%d@example.com", g))
		k.Assign(cloudtest.ToUser(member), g, cloudtest.Window{})
		b.members = append(b.members, member)
	}
	k.RestrictLock(b.hall, cloudtest.Restrictions{Hours: true})
	for _, on := range []cloudtest.Target{cloudtest.OnGroup(b.group), cloudtest.OnGroup(b.wide), cloudtest.OnLock(b.hall), cloudtest.OnLock(b.door)} {
		for range rapid.IntRange(0, 4).Draw(t, "schedules") {
			s := hour(t, b.from)
			if on == cloudtest.OnLock(b.door) {
				s.Consequence = "unlock"
			}
			k.AddSchedule(on, s)
		}
	}
	return b
}

// asked says whether we open at an instant, and if not, until when we say that
// we do not; zero: nothing is said.
type asked func(at time.Time) (open bool, until time.Time)

// agrees holds our answers for a fortnight against Kisi's calendar: those of
// every minute in which we open, at its beginning and just before its end, and
// the stretches in which we say that we do not.
func agrees(t *rapid.T, what string, from time.Time, want kisi.Calendar, ask asked) {
	events, end := want.Events, from.AddDate(0, 0, 14)
	for at := from; at.Before(end); {
		for len(events) > 0 && !events[0].EndsAt.After(at) {
			events = events[1:]
		}
		kisiOpen := len(events) > 0 && !events[0].StartsAt.After(at)
		open, until := ask(at)
		next := at.Add(time.Minute)
		last := open
		if open {
			last, _ = ask(next.Add(-time.Microsecond))
		}
		if open != kisiOpen || last != kisiOpen {
			t.Fatalf("%s at %s: Kisi's calendar says open %t, we say %t, and %t at the end of the minute; %v", what, at, kisiOpen, open, last, want.Events)
		}
		if at = next; open || !until.After(next) {
			continue
		}
		if at = until; len(events) > 0 && events[0].StartsAt.Before(earlier(at, end)) {
			t.Fatalf("%s: we say that it is shut until %s, Kisi's calendar opens at %s; %v", what, until, events[0].StartsAt, want.Events)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// answers are what Kisi's calendar says of a block, and what we make of it.
type answers struct {
	group, wide, hall, door kisi.Calendar
	ours                    *access.Snapshot
	dropped                 []access.Problem
}

// ask asks in the spring of 2026.
func (b *block) ask(t *testing.T) (a answers) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(spring))
		client, err := kisi.NewClient(kisi.Options{
			Key: func() (kisi.Key, error) { return ownersKey, nil }, HTTP: transport.Options{RoundTripper: cloudtest.Transport(b.k)},
		})
		if err != nil {
			t.Fatal(err)
		}
		summary := func(ask func(context.Context, int64, string, time.Time, time.Time) (kisi.Calendar, error), id int, consequence string) kisi.Calendar {
			c, err := ask(t.Context(), int64(id), consequence, b.from, b.from.AddDate(0, 0, 14))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		a.group = summary(client.CalendarOfGroup, b.group, kisi.ConsequenceAllow)
		a.wide = summary(client.CalendarOfGroup, b.wide, kisi.ConsequenceAllow)
		a.hall = summary(client.CalendarOfLock, b.hall, kisi.ConsequenceAllow)
		a.door = summary(client.CalendarOfLock, b.door, kisi.ConsequenceUnlock)
		fetched, err := openKisi(t, ownersKey, cloud.Deps{Transport: cloudtest.Transport(b.k)}, b.keys).Fetch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		a.ours, a.dropped = built(t, fetched.Roster), fetched.Dropped
	})
	return a
}

// built makes a snapshot of a roster that must be sound.
func built(t *testing.T, r access.Roster) *access.Snapshot {
	t.Helper()
	s, err := access.Build(r, []access.Contact{{Source: "kisi", At: time.Now(), Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What Kisi works out for the next fortnight is what our doors do: for hours of
// groups and of locks and for unlock schedules, of all kinds, in many zones, and
// over both changes of the clock (R113, R114, X2, F-18).
func TestHoursAreThoseOfKisisOwnCalendar(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := drawBlock(rt)
		a := b.ask(t)
		if a.ours == nil || len(a.dropped) > 0 {
			rt.Fatalf("dropped %v", a.dropped)
		}
		opens := func(user, lock int) asked {
			return func(at time.Time) (bool, time.Time) {
				d := a.ours.DecideHolder(fmt.Sprintf("kisi-user-%d", user), access.Tap{Door: fmt.Sprintf("kisi-lock-%d", lock), At: at}, access.Facts{})
				works := a.ours.Explain(d).Works
				if works.IsZero() { // not in the next fortnight
					works = b.from.AddDate(0, 0, 14)
				}
				return d.Granted(), works
			}
		}
		agrees(rt, "the group of the place", b.from, a.group, opens(b.members[0], b.door))
		agrees(rt, "the group of the organisation", b.from, a.wide, opens(b.members[1], b.door))
		agrees(rt, "the lock", b.from, a.hall, opens(b.k.Owner(), b.hall))
		agrees(rt, "unlock", b.from, a.door, func(at time.Time) (bool, time.Time) {
			return a.ours.Unlocking(fmt.Sprintf("kisi-lock-%d", b.door), at, access.ClockSynced, time.Time{}).Open, time.Time{}
		})
	})
}
