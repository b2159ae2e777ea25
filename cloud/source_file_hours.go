package cloud

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tilegate/tilegate/daemon/access"
)

// fileHour is one row of "hours" or "unlock", in exactly one of three forms: days
// of the week with times, whole dates, or one stretch between two instants.
type fileHour struct {
	Name   string   `json:"name"`   // for people
	Days   string   `json:"days"`   // "mon-fri", "sat,sun", "daily"
	Dates  []string `json:"dates"`  // "2026-12-25", or "2026-12-24/2027-01-06" with both inside
	From   string   `json:"from"`   // "08:00" beside days, RFC 3339 alone
	Until  string   `json:"until"`  // likewise; itself outside
	Except bool     `json:"except"` // takes its time away from the others
}

// Limits on the hours of one group or door.
const (
	maxHours = 100
	maxDates = 400
)

var (
	errNoHours    = errors.New("there are none: leave them out to mean always, or lock the door down to mean never")
	errManyHours  = fmt.Errorf("there are more than %d", maxHours)
	errManyDates  = fmt.Errorf("it has more than %d dates", maxDates)
	errOnlyExcept = errors.New("there are only exceptions, and nothing that they are taken from: such hours never come")
	errForm       = errors.New(`it is not one of: "days" with or without times; "dates" alone; "from" and "until" with a date and an offset, as in 2026-12-24T12:00:00+01:00`)
	errDays       = errors.New("days is not written as mon-fri, or sat,sun, or daily")
	errTime       = errors.New("a time is not written as 08:00, from 00:00 to 24:00")
	errSame       = errors.New("it ends when it begins: leave from and until out to mean the whole day")
	errDate       = errors.New("a date is not written as 2026-12-25, or 2026-12-24/2027-01-06 for all days from one to the other")
	errBackwards  = errors.New("it ends before it begins")
	errInstants   = errors.New("from and until are not written with a date and an offset, as in 2026-12-24T12:00:00+01:00")
)

// timetable makes the schedules of a group or a door.
type timetable struct {
	on   access.ScopeKind
	id   string
	rows []access.Schedule
}

// add takes a list of hours. Nil is a list that is not there.
func (t *timetable) add(list string, hours *[]fileHour, does access.Consequence) error {
	if hours == nil {
		return nil
	}
	given := 0
	for i, h := range *hours {
		rows, err := h.schedules()
		if err != nil {
			return fmt.Errorf("%s %d: %w", list, i+1, err)
		}
		if !h.Except {
			given++
		}
		for j, row := range rows {
			row.ID = fmt.Sprintf("%s/%s/%s/%d", t.on, t.id, list, i+1)
			if j > 0 {
				row.ID += "/next"
			}
			row.Name, row.Except = h.Name, h.Except
			row.On, row.OnID, row.Consequence = t.on, t.id, does
			t.rows = append(t.rows, row)
		}
	}
	switch {
	case len(*hours) == 0:
		return fmt.Errorf("%s: %w", list, errNoHours)
	case len(*hours) > maxHours:
		return fmt.Errorf("%s: %w", list, errManyHours)
	case given == 0:
		return fmt.Errorf("%s: %w", list, errOnlyExcept)
	}
	return nil
}

// waitForArrival has all that unlocks wait for somebody with a right.
func (t *timetable) waitForArrival() {
	for _, row := range t.rows {
		if row.Consequence == access.Unlock && !row.Except {
			row.ID, row.Consequence = row.ID+"/arrival", access.FirstToArrive
			t.rows = append(t.rows, row)
		}
	}
}

// schedules is the row as the gateway keeps it: hours that go on past midnight
// are two, and the second belongs to the next day.
func (h *fileHour) schedules() ([]access.Schedule, error) {
	if utf8.RuneCountInString(h.Name) > maxName {
		return nil, errLong
	}
	switch {
	case h.Days != "" && len(h.Dates) == 0:
		return h.weekly()
	case h.Days == "" && len(h.Dates) > 0 && h.From == "" && h.Until == "":
		return h.onDates()
	case h.Days == "" && len(h.Dates) == 0 && h.From != "" && h.Until != "":
		return h.once()
	}
	return nil, errForm
}

func (h *fileHour) weekly() ([]access.Schedule, error) {
	days, err := access.ParseWeekdays(h.Days)
	if err != nil {
		return nil, errDays
	}
	from, until := access.Minute(0), access.MinutesADay
	if h.From != "" {
		if from.UnmarshalText([]byte(h.From)) != nil || from == access.MinutesADay {
			return nil, errTime
		}
	}
	if h.Until != "" {
		if until.UnmarshalText([]byte(h.Until)) != nil {
			return nil, errTime
		}
	}
	if until == access.MinutesADay-1 {
		until = access.MinutesADay // who writes 23:59 means midnight
	}
	switch {
	case from == until:
		return nil, errSame
	case from < until:
		return []access.Schedule{{Days: days, From: from, Until: until}}, nil
	}
	rows := []access.Schedule{{Days: days, From: from, Until: access.MinutesADay}}
	if until > 0 {
		rows = append(rows, access.Schedule{Days: dayAfter(days), From: 0, Until: until})
	}
	return rows, nil
}

func dayAfter(days access.Weekdays) access.Weekdays {
	return (days<<1 | days>>6) & access.EveryDay
}

func (h *fileHour) onDates() ([]access.Schedule, error) {
	if len(h.Dates) > maxDates {
		return nil, errManyDates
	}
	var runs []access.Dates
	for _, text := range h.Dates {
		first, last, run := strings.Cut(text, "/")
		if !run {
			last = first
		}
		var dates access.Dates
		if dates.First.UnmarshalText([]byte(first)) != nil || dates.Last.UnmarshalText([]byte(last)) != nil {
			return nil, errDate
		}
		if dates.First > dates.Last {
			return nil, errBackwards
		}
		runs = append(runs, dates)
	}
	return []access.Schedule{{Dates: runs}}, nil
}

func (h *fileHour) once() ([]access.Schedule, error) {
	from, err1 := time.Parse(time.RFC3339, h.From)
	until, err2 := time.Parse(time.RFC3339, h.Until)
	switch {
	case err1 != nil || err2 != nil || from.IsZero() || until.IsZero():
		return nil, errInstants
	case !from.Before(until):
		return nil, errBackwards
	}
	return []access.Schedule{{Start: from.UTC(), End: until.UTC()}}, nil
}
