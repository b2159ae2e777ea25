package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// timeForms is what readTime takes, for help texts and errors.
const timeForms = `"2026-11-21 09:30", "09:30" (today), "yesterday 09:30", "+30m", "-2h" or RFC 3339`

// dayOf takes the name of a day from before a time: how many days from today.
func dayOf(text string) (days int, clock string) {
	day, clock, named := strings.Cut(text, " ")
	switch {
	case named && strings.EqualFold(day, "yesterday"):
		return -1, strings.TrimSpace(clock)
	case named && strings.EqualFold(day, "today"):
		return 0, strings.TrimSpace(clock)
	case named && strings.EqualFold(day, "tomorrow"):
		return 1, strings.TrimSpace(clock)
	}
	return 0, text
}

// readTime reads a time as people write it; without a zone it is the site's.
func readTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		if d, err := time.ParseDuration(text); err == nil {
			return now.Add(d), nil
		}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if at, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return at, nil
	}
	for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if wall, err := time.Parse(form, text); err == nil {
			return shown(wall, zone)
		}
	}
	days, clock := dayOf(text)
	for _, form := range []string{"15:04:05", "15:04"} {
		if at, err := time.Parse(form, clock); err == nil {
			year, month, day := now.In(zone).Date()
			return shown(time.Date(year, month, day+days, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC), zone)
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; use %s", text, timeForms)
}

// shown is the one instant at which the clocks of a zone show what this one does
// in UTC; an error where there are two, or none.
func shown(wall time.Time, zone *time.Location) (time.Time, error) {
	found := access.InstantsOf(wall, zone)
	day, clock := wall.Format(time.DateOnly), wall.Format("15:04")
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return time.Time{}, fmt.Errorf("there is no %s on %s: the clocks go forward over it", clock, day)
	}
	return time.Time{}, fmt.Errorf("%s comes twice on %s; say which: %s or %s", clock, day, found[0].Format(time.RFC3339), found[1].Format(time.RFC3339))
}
