package main

import (
	"testing"
	"time"
)

func TestAgesAreWords(t *testing.T) {
	for _, test := range []struct {
		in   time.Duration
		want string
	}{
		{0, "just now"},
		{4 * time.Second, "just now"},
		{-time.Second, "just now"},
		{5 * time.Second, "5 s ago"},
		{59 * time.Second, "59 s ago"},
		{time.Minute, "1 min ago"},
		{59*time.Minute + 59*time.Second, "59 min ago"},
		{time.Hour, "1 h ago"},
		{47 * time.Hour, "47 h ago"},
		{48 * time.Hour, "2 days ago"},
		{-90 * time.Second, "in 1 min"},
		{-21 * time.Hour, "in 21 h"},
		{-2*time.Hour + time.Second, "in 1 h 59 min"},
	} {
		if got := ago(noon.Add(-test.in), noon); got != test.want {
			t.Errorf("%v: %q, want %q", test.in, got, test.want)
		}
	}
	if got, want := ago(time.Time{}, noon), "never"; got != want {
		t.Errorf("no time: %q, want %q", got, want)
	}
}

func TestTimesShowTheZoneOfTheSite(t *testing.T) {
	if got, want := when(noon, rome(t)), "2026-11-21 12:00:00 CET"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := when(noon.AddDate(0, -5, 0), rome(t)), "2026-06-21 13:00:00 CEST"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
