package access_test

import (
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// The second implementation of hours, from docs/TIME.md: it looks at what the
// clock on the wall shows, minute by minute, with the fields of time.Time alone.

// How far "when would it pass" looks: in the sites that are drawn, and in the
// cases, what does not come within it does not come, but for worksFirst.
const (
	aheadOfSites = 60 * 24 * time.Hour
	aheadOfCases = 130 * 24 * time.Hour
)

var zonesByName = map[string]*time.Location{}

// zoneOf is a zone, or nil where nobody knows it.
func zoneOf(name string) *time.Location {
	zone, seen := zonesByName[name]
	if !seen {
		var err error
		if zone, err = time.LoadLocation(name); err != nil || name == "Local" {
			zone = nil
		}
		zonesByName[name] = zone
	}
	return zone
}

// wallHours are the hours of one kind of a group or a door; nil schedules are
// never open, and so is anything in a zone that nobody knows.
type wallHours struct {
	lines []access.Schedule
	zone  *time.Location
}

// hoursOf collects the lines of one owner.
func hoursOf(r *access.Roster, on access.ScopeKind, id string, consequence access.Consequence, zone *time.Location) wallHours {
	h := wallHours{zone: zone}
	for _, s := range r.Schedules {
		if s.On == on && s.OnID == id && s.Consequence == consequence {
			h.lines = append(h.lines, s)
		}
	}
	return h
}

func shows(s *access.Schedule, at, wall time.Time) bool {
	switch {
	case s.Days != 0:
		minute := access.Minute(wall.Hour()*60 + wall.Minute())
		return s.Days.On(wall.Weekday()) && s.From <= minute && minute < s.Until
	case len(s.Dates) > 0:
		date := wall.Format(time.DateOnly)
		return slices.ContainsFunc(s.Dates, func(d access.Dates) bool { return d.First.String() <= date && date <= d.Last.String() })
	}
	return !at.Before(s.Start) && at.Before(s.End)
}

func (h wallHours) open(at time.Time) bool {
	if h.zone == nil {
		return false
	}
	wall, open := at.In(h.zone), false
	for i := range h.lines {
		if s := &h.lines[i]; shows(s, at, wall) {
			if s.Except {
				return false
			}
			open = true
		}
	}
	return open
}

// walk calls a function at every instant, from one to before another, at which
// hours may turn: every whole minute, and where single hours begin or end. It
// ends when the function is content, and tells where that was.
func walk(from, until time.Time, single []access.Schedule, content func(time.Time) bool) (time.Time, bool) {
	var odd []time.Time
	for _, s := range single {
		for _, t := range []time.Time{s.Start, s.End} {
			if !t.IsZero() && t.After(from) {
				odd = append(odd, t)
			}
		}
	}
	slices.SortFunc(odd, time.Time.Compare)
	for at := from; at.Before(until); {
		if content(at) {
			return at, true
		}
		at = at.Truncate(time.Minute).Add(time.Minute)
		for len(odd) > 0 && !odd[0].After(at) {
			if odd[0].Before(until) && odd[0].Before(at) && content(odd[0]) {
				return odd[0], true
			}
			odd = odd[1:]
		}
	}
	return time.Time{}, false
}

// opens is the first instant from one on at which all of the hours are open.
func opens(from time.Time, ahead time.Duration, all ...wallHours) (time.Time, bool) {
	var single []access.Schedule
	for _, h := range all {
		if h.zone == nil || !slices.ContainsFunc(h.lines, func(s access.Schedule) bool { return !s.Except }) {
			return time.Time{}, false
		}
		single = append(single, h.lines...)
	}
	return walk(from, from.Add(ahead), single, func(at time.Time) bool {
		return !slices.ContainsFunc(all, func(h wallHours) bool { return !h.open(at) })
	})
}

// openThroughout says whether the hours are open from an instant until another,
// both inside, without a break.
func (h wallHours) openThroughout(from, until time.Time) bool {
	_, shut := walk(from, until.Add(time.Microsecond), h.lines, func(at time.Time) bool { return !h.open(at) })
	return !shut
}
