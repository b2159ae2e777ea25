package main

import (
	"testing"
	"time"
)

func rome(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestTimesAreReadAsPeopleWriteThem(t *testing.T) {
	zone := rome(t)
	now := noon.In(zone)
	for _, test := range []struct {
		in   string
		want time.Time
	}{
		{"2026-11-21 09:30", time.Date(2026, 11, 21, 9, 30, 0, 0, zone)},
		{"2026-11-21 09:30:15", time.Date(2026, 11, 21, 9, 30, 15, 0, zone)},
		{"2026-11-21T09:30", time.Date(2026, 11, 21, 9, 30, 0, 0, zone)},
		{"2026-07-21 09:30", time.Date(2026, 7, 21, 7, 30, 0, 0, time.UTC)}, // summer time
		{"2026-11-21", time.Date(2026, 11, 21, 0, 0, 0, 0, zone)},
		{"09:30", time.Date(2026, 11, 21, 9, 30, 0, 0, zone)},
		{" 23:59:59 ", time.Date(2026, 11, 21, 23, 59, 59, 0, zone)},
		{"2026-11-21T09:30:00Z", time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)},
		{"2026-11-21T09:30:00+05:00", time.Date(2026, 11, 21, 4, 30, 0, 0, time.UTC)},
		{"yesterday 9:30", time.Date(2026, 11, 20, 9, 30, 0, 0, zone)},
		{"Today 09:30:15", time.Date(2026, 11, 21, 9, 30, 15, 0, zone)},
		{"tomorrow 00:00", time.Date(2026, 11, 22, 0, 0, 0, 0, zone)},
		{"+30m", now.Add(30 * time.Minute)},
		{"-2h", now.Add(-2 * time.Hour)},
	} {
		got, err := readTime(test.in, now, zone)
		if err != nil || !got.Equal(test.want) {
			t.Errorf("%q is %v (%v), want %v", test.in, got, err, test.want)
		}
	}
	for _, in := range []string{"", "soon", "2h", "25:00", "2026-02-30", "21.11.2026", "+", "-x", "yesterday", "monday 09:30", "tomorrow +2h", "yesterday 2026-11-21"} {
		if got, err := readTime(in, now, zone); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}

func TestATimeThatTheClocksSkipOrRepeatIsNotGuessed(t *testing.T) {
	zone := rome(t)
	for _, test := range []struct{ in, want string }{
		{"2027-03-28 01:59", "2027-03-28T01:59:00+01:00"},
		{"2027-03-28 02:30", "there is no 02:30 on 2027-03-28: the clocks go forward over it"},
		{"2027-03-28 03:00", "2027-03-28T03:00:00+02:00"},
		{"2026-10-25 01:59", "2026-10-25T01:59:00+02:00"},
		{"2026-10-25 02:30", "02:30 comes twice on 2026-10-25; say which: 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"},
		{"2026-10-25 03:00", "2026-10-25T03:00:00+01:00"},
		{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+02:00"},
	} {
		at, err := readTime(test.in, noon, zone)
		got := at.In(zone).Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: got %s, want %s", test.in, got, test.want)
		}
	}
}

func FuzzReadTime(f *testing.F) {
	for _, seed := range []string{"2026-11-21 09:30", "09:30", "+30m", "-2h", "2026-11-21T09:30:00Z", "soon", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := readTime(text, noon, time.UTC)
		if err != nil || at.Year() < 0 || at.Year() > 9999 {
			return
		}
		again, err := readTime(at.Format(time.RFC3339Nano), noon, time.UTC)
		if err != nil || !again.Equal(at) {
			t.Fatalf("%q is %v, which reads as %v (%v)", text, at, again, err)
		}
	})
}
