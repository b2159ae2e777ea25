package casefile

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

const hoursHint = `write "Mon-Fri 09:00-18:00", "Sat,Sun" for whole days, "2026-12-25", "2026-12-24 to 2026-12-26", or "2026-12-24 09:00 until 2026-12-24 12:00"`

// readHours reads one line of hours into a schedule without its owner.
func readHours(text string, zone *time.Location) (access.Schedule, error) {
	text = strings.TrimSpace(text)
	if from, until, ok := strings.Cut(text, " until "); ok {
		return readOnce(from, until, zone)
	}
	if text != "" && text[0] >= '0' && text[0] <= '9' {
		return readDates(text)
	}
	return readWeekly(text)
}

// readOnce ignores no seconds: who writes them means them.
func readOnce(from, until string, zone *time.Location) (s access.Schedule, err error) {
	if s.Start, err = readTime(from, zone); err != nil {
		return s, err
	}
	if s.End, err = readTime(until, zone); err != nil {
		return s, err
	}
	if !s.Start.Before(s.End) {
		return s, errors.New("it ends before it begins")
	}
	return s, nil
}

func readDates(text string) (s access.Schedule, err error) {
	first, last, ok := strings.Cut(text, " to ")
	if !ok {
		last = first
	}
	var run access.Dates
	if err = run.First.UnmarshalText([]byte(strings.TrimSpace(first))); err != nil {
		return s, err
	}
	if err = run.Last.UnmarshalText([]byte(strings.TrimSpace(last))); err != nil {
		return s, err
	}
	if run.First > run.Last {
		return s, errors.New("the last date is before the first")
	}
	s.Dates = []access.Dates{run}
	return s, nil
}

// readWeekly reads days and, unless they are whole, times of the day.
func readWeekly(text string) (s access.Schedule, err error) {
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > 2 {
		return s, fmt.Errorf("%q are no hours", text)
	}
	if s.Days, err = access.ParseWeekdays(words[0]); err != nil {
		return s, err
	}
	if s.Until = access.MinutesADay; len(words) == 1 {
		return s, nil
	}
	from, until, ok := strings.Cut(words[1], "-")
	if !ok {
		return s, fmt.Errorf("%q is no time from and until", words[1])
	}
	if s.From, err = readMinute(from); err != nil {
		return s, err
	}
	if s.Until, err = readMinute(until); err != nil {
		return s, err
	}
	if s.Until == access.MinutesADay-1 {
		s.Until = access.MinutesADay // as at Kisi, which cannot say 24:00
	}
	if s.From >= s.Until {
		return s, fmt.Errorf(`%s ends before it begins; what goes on past midnight is two, as "Fri 22:00-24:00" and "Sat 00:00-06:00"`, words[1])
	}
	return s, nil
}

func readMinute(text string) (at access.Minute, err error) {
	if at.UnmarshalText([]byte(text)) != nil {
		return 0, fmt.Errorf("%q is no time of the day, as 09:00 or 24:00", text)
	}
	return at, nil
}
