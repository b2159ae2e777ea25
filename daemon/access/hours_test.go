package access

import (
	"strings"
	"testing"
	"time"
)

func TestHoursInWords(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	weekly := func(days Weekdays, from, until Minute) Schedule {
		return Schedule{Days: days, From: from, Until: until}
	}
	set := func(days ...time.Weekday) Weekdays { return Weekdays(0).With(days...) }
	dates := func(first, last string) Schedule {
		var run Dates
		_, _ = run.First.UnmarshalText([]byte(first)), run.Last.UnmarshalText([]byte(last))
		return Schedule{Dates: []Dates{run}}
	}
	once := func(day, from, until int) Schedule {
		return Schedule{Start: time.Date(2026, 12, day, from, 0, 0, 0, rome), End: time.Date(2026, 12, day, until, 30, 0, 0, rome)}
	}
	not := func(s Schedule) Schedule { s.Except = true; return s }
	weekdays := set(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	tests := []struct {
		name string
		in   []Schedule
		want string
	}{
		{"a usual week", []Schedule{weekly(set(time.Saturday), 540, 780), weekly(weekdays, 480, 1080), not(dates("2026-12-25", "2026-12-25"))}, "Mon–Fri 08:00–18:00, Sat 09:00–13:00; not on 25 Dec 2026"},
		{"always", []Schedule{weekly(EveryDay, 0, MinutesADay)}, "always"},
		{"every day", []Schedule{weekly(EveryDay, 480, MinutesADay)}, "every day 08:00–24:00"},
		{"one row for each day", []Schedule{weekly(set(time.Tuesday), 480, 1080), weekly(set(time.Monday), 480, 1080)}, "Mon–Tue 08:00–18:00"},
		{"days with a gap", []Schedule{weekly(set(time.Monday, time.Wednesday, time.Friday, time.Saturday), 480, 1080)}, "Mon & Wed & Fri–Sat 08:00–18:00"},
		{"a break at noon", []Schedule{weekly(weekdays, 840, 1080), weekly(weekdays, 480, 720)}, "Mon–Fri 08:00–12:00 and 14:00–18:00"},
		{"no break at noon", []Schedule{weekly(weekdays, 720, 1080), weekly(weekdays, 480, 720)}, "Mon–Fri 08:00–18:00"},
		{"over midnight", []Schedule{weekly(set(time.Friday), 1320, MinutesADay), weekly(set(time.Saturday), 0, 360)}, "Fri 22:00–06:00"},
		{"over the end of the week", []Schedule{weekly(set(time.Sunday), 1320, MinutesADay), weekly(set(time.Monday), 0, 360)}, "Sun 22:00–06:00"},
		{"every night", []Schedule{weekly(EveryDay, 1320, MinutesADay), weekly(EveryDay, 0, 360)}, "every day 22:00–06:00"},
		{"a weekend", []Schedule{weekly(set(time.Friday), 1080, MinutesADay), weekly(set(time.Saturday, time.Sunday), 0, MinutesADay), weekly(set(time.Monday), 0, 480)}, "Mon 00:00–08:00, Fri 18:00–24:00, Sat–Sun all day"},
		{"whole dates", []Schedule{dates("2026-12-31", "2027-01-02"), dates("2026-12-25", "2026-12-25"), dates("2026-12-26", "2026-12-27")}, "25–27 Dec 2026, 31 Dec 2026 – 2 Jan 2027"},
		{"once", []Schedule{once(24, 12, 18), {Start: time.Date(2026, 12, 5, 22, 0, 0, 0, rome), End: time.Date(2026, 12, 6, 2, 0, 0, 0, rome)}}, "5 Dec 2026 22:00 – 6 Dec 2026 02:00, 24 Dec 2026 12:00–18:30"},
		{"what has passed", []Schedule{weekly(EveryDay, 0, 60), not(dates("2026-11-02", "2026-11-30")), dates("2025-01-01", "2025-01-01"), not(once(1, 1, 2))}, "every day 00:00–01:00"},
		{"today", []Schedule{dates("2026-12-01", "2026-12-01")}, "1 Dec 2026"},
		{"all passed", []Schedule{dates("2025-01-01", "2025-01-01")}, "none of its hours are still to come"},
		{"none but exceptions", []Schedule{not(weekly(EveryDay, 0, 60))}, "none of its hours are still to come"},
		{"many", []Schedule{dates("2027-01-01", "2027-01-01"), dates("2027-02-01", "2027-02-01"), dates("2027-03-01", "2027-03-01"), dates("2027-04-01", "2027-04-01"), dates("2027-05-01", "2027-05-01"), dates("2027-06-01", "2027-06-01"), weekly(set(time.Monday), 0, 60)}, "Mon 00:00–01:00, 1 Jan 2027, 1 Feb 2027, 1 Mar 2027 and 3 more"},
		{"exceptions of every week", []Schedule{weekly(EveryDay, 480, 1080), not(weekly(set(time.Sunday), 0, MinutesADay)), not(weekly(weekdays, 720, 780))}, "every day 08:00–18:00; not on Mon–Fri 12:00–13:00, Sun all day"},
	}
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, rome).UnixMicro()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if !strings.HasPrefix(want, "none of its") {
				want += " (Europe/Rome)"
			}
			if got := calendarOfRows(tt.in).words(now, rome); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// The words and the decision are of the same hours.
func TestRefusalOutsideHoursTellsThem(t *testing.T) {
	r := house()
	r.Places[0].Zone = "Europe/Rome"
	for i := range r.Groups {
		r.Groups[i].Restricted = true
		r.Schedules = append(r.Schedules, Schedule{ID: "g" + r.Groups[i].ID, On: ScopeGroup, OnID: r.Groups[i].ID, Days: EveryDay, From: 60, Until: 120})
	}
	r.Doors[0].Restricted = true
	s := build(t, r)
	tap := Tap{Door: r.Doors[0].ID, Credential: card("aa"), At: noon}
	details := func(s *Snapshot) map[Reason]string {
		told := map[Reason]string{}
		for _, m := range s.Explain(s.Decide(tap, Facts{})).Misses {
			told[m.Reason] = m.Detail
		}
		return told
	}
	got := details(s)
	if want := "every day 01:00–02:00 (Europe/Rome)"; got[OutsideHours] != want {
		t.Errorf("the hours of the group: got %q, want %q", got[OutsideHours], want)
	}
	if want := "no hours are set, so it never opens"; got[DoorHours] != want {
		t.Errorf("the hours of the door: got %q, want %q", got[DoorHours], want)
	}
	r.Groups[0].Zone, r.Groups[1].Zone = "Mars/Olympus", "America/New_York"
	got = details(build(t, r))
	if want := "the time zone of its hours is not known, so it does not open"; got[OutsideHours] != want {
		t.Errorf("no zone: got %q, want %q", got[OutsideHours], want)
	}
	r.Groups[0].Zone = "America/New_York"
	if got, want := details(build(t, r))[OutsideHours], "every day 01:00–02:00 (America/New_York)"; got != want {
		t.Errorf("a zone of its own: got %q, want %q", got, want)
	}
}
