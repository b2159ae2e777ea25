package main

import (
	"fmt"
	"strings"
	"time"
)

// timeForms is what readTime takes, for help texts and errors.
const timeForms = `"2026-11-21 09:30", "09:30" (today), "+30m", "-2h" or RFC 3339`

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
	for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(form, text, zone); err == nil {
			return at, nil
		}
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		if at, err := time.Parse(form, text); err == nil {
			year, month, day := now.In(zone).Date()
			return time.Date(year, month, day, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; use %s", text, timeForms)
}
