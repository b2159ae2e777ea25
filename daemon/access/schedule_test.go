package access

import (
	"strings"
	"testing"
	"time"
)

func FuzzDate(f *testing.F) {
	for _, text := range []string{"2026-12-25", "2024-02-29", "2023-02-29", "1970-01-01", "0000-01-01", "9999-12-31", "2026-1-1", "2026-12-25T00:00:00Z", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := Date(-1)
		if err := d.UnmarshalText([]byte(text)); err != nil {
			if d != -1 || !strings.Contains(err.Error(), "2026-12-25") {
				t.Errorf("%q: left %v behind, said %q", text, d, err)
			}
			return
		}
		if back, _ := d.MarshalText(); string(back) != text {
			t.Errorf("%q came back as %q", text, back)
		}
		if noonUTC := time.Unix(int64(d)*secondsADay, 0).UTC().Add(12 * time.Hour); DateOf(noonUTC) != d {
			t.Errorf("%q: its noon is on %v", text, DateOf(noonUTC))
		}
	})
}

func FuzzMinute(f *testing.F) {
	for _, text := range []string{"00:00", "08:30", "23:59", "24:00", "24:01", "8:30", "08:60", "99:99", "-1:00", "08.30", "08:30:00", "०८:३०", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := Minute(-1)
		err := m.UnmarshalText([]byte(text))
		if err != nil {
			if m != -1 || !strings.Contains(err.Error(), "08:30") {
				t.Errorf("%q: left %v behind, said %q", text, m, err)
			}
			return
		}
		if m < 0 || m > MinutesADay {
			t.Errorf("%q is the minute %d", text, m)
		}
		if back, _ := m.MarshalText(); string(back) != text {
			t.Errorf("%q came back as %q", text, back)
		}
	})
}

func TestTimesOfTheDayAreRead(t *testing.T) {
	for text, want := range map[string]Minute{"00:00": 0, "08:30": 510, "23:59": 1439, "24:00": 1440} {
		var got Minute
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"24:01", "08:60", "8:30", "0830", "08:3", "ab:cd", "08:30 "} {
		var got Minute
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestDateIsTheOneOnTheWall(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{"UTC": "2026-12-31", "Europe/Rome": "2027-01-01", "America/New_York": "2026-12-31", "Pacific/Kiritimati": "2027-01-01"} {
		if got := DateOf(at.In(mustZone(t, zone))).String(); got != want {
			t.Errorf("%s: got %s, want %s", zone, got, want)
		}
	}
	if got := DateOf(time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)); got != -1 {
		t.Errorf("the day before the first: got %d, want -1", got)
	}
}

func TestScheduleIsOfOneForm(t *testing.T) {
	weekly := func(change func(*Schedule)) Schedule {
		s := Schedule{On: ScopeGroup, OnID: "hot", Days: EveryDay, From: 480, Until: 1080}
		change(&s)
		return s
	}
	tests := []struct {
		name string
		in   Schedule
		want string
	}{
		{"weekly", weekly(func(*Schedule) {}), ""},
		{"whole day", weekly(func(s *Schedule) { s.From, s.Until = 0, MinutesADay }), ""},
		{"overnight", weekly(func(s *Schedule) { s.From, s.Until = 1320, 360 }), "begins after it ends"},
		{"empty", weekly(func(s *Schedule) { s.Until = s.From }), "begins after it ends"},
		{"past midnight", weekly(func(s *Schedule) { s.Until = MinutesADay + 1 }), "begins after it ends"},
		{"an eighth day", weekly(func(s *Schedule) { s.Days = 1 << 7 }), "begins after it ends"},
		{"on a place", weekly(func(s *Schedule) { s.On = ScopePlace }), "neither a group nor a door"},
		{"unlocks a group", weekly(func(s *Schedule) { s.Consequence = Unlock }), "unlocks a group"},
		{"does the unknown", weekly(func(s *Schedule) { s.On, s.Consequence = ScopeDoor, 9 }), "not known"},
		{"no form", weekly(func(s *Schedule) { s.Days = 0 }), "not exactly one"},
		{"two forms", weekly(func(s *Schedule) { s.Dates = []Dates{{1, 2}} }), "not exactly one"},
		{"half an instant", weekly(func(s *Schedule) { s.Days, s.Start = 0, noon }), "no end after"},
		{"no time between", weekly(func(s *Schedule) { s.Days, s.Start, s.End = 0, noon, noon }), "no end after"},
		{"dates backwards", weekly(func(s *Schedule) { s.Days, s.Dates = 0, []Dates{{2, 1}} }), "end before they begin"},
		{"one date", weekly(func(s *Schedule) { s.Days, s.Dates = 0, []Dates{{2, 2}} }), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.in.problem()
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDaysAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]Weekdays{
		"daily": EveryDay, "Mon-Sun": EveryDay, "sat": 1 << time.Saturday, "Mon, tue,MON": 1<<time.Monday | 1<<time.Tuesday,
		"sat-mon": 1<<time.Saturday | 1<<time.Sunday | 1<<time.Monday, "wed-wed": 1 << time.Wednesday,
	} {
		if got, err := ParseWeekdays(text); err != nil || got != want {
			t.Errorf("%q: got %07b, %v, want %07b", text, got, err, want)
		}
	}
	for _, text := range []string{"", "monday", "mon-", "-mon", "mon,,tue", "mon-tue-wed", "daily,mon", "mon–fri"} {
		if got, err := ParseWeekdays(text); err == nil {
			t.Errorf("%q: got %07b, want an error", text, got)
		}
	}
}
