package access

import (
	"fmt"
	"strings"
	"time"
)

// Schedule is one line of the hours of a group or a door, as Kisi has them
// (docs.kisi.io, schedules). Exactly one of its three forms is set: days of the
// week with times of the day, one stretch between two instants, or whole dates.
//
// Hours and dates are those of the clock on the wall beside the door: an hour
// that the autumn repeats counts both times, one that the spring skips does not
// exist. Instants never move. docs/TIME.md has the rule with examples.
type Schedule struct {
	ID          string
	Name        string
	On          ScopeKind // ScopeGroup or ScopeDoor
	OnID        string    // Group.ID or Door.ID
	Consequence Consequence
	// Except takes its time away from the other schedules of the same group or
	// door and consequence; Kisi calls it override.
	Except bool

	// Every week: on these days, from a minute of the day until another. The
	// whole day is 0 until 24*60. What goes on past midnight is two schedules.
	Days        Weekdays
	From, Until Minute

	// Once: from an instant until another. The end is outside.
	Start, End time.Time

	// Whole dates, the last one inside: an all-day event has one span, a
	// holiday calendar one for each holiday.
	Dates []Dates
}

// Consequence is what a schedule does while it is in effect.
type Consequence uint8

// The consequences.
const (
	// Allow: who has a right may use it. It matters only where the group or the
	// door is Restricted.
	Allow Consequence = iota
	// Unlock: the door stands open for everybody.
	Unlock
	// FirstToArrive: Unlock waits until somebody with a right has come.
	FirstToArrive
)

var consequenceNames = [...]string{"allow", "unlock", "first_to_arrive"}

// String is the label of the consequence, as Kisi has it.
func (c Consequence) String() string {
	if int(c) >= len(consequenceNames) {
		return "unknown_consequence"
	}
	return consequenceNames[c]
}

// UnmarshalText reads a label.
func (c *Consequence) UnmarshalText(text []byte) error {
	for i, name := range consequenceNames {
		if name == string(text) {
			*c = Consequence(i)
			return nil
		}
	}
	return fmt.Errorf("consequence %q: use allow, unlock or first_to_arrive", text)
}

// Weekdays is a set of days: bit 0 is Sunday, as in time.Weekday.
type Weekdays uint8

// EveryDay is all seven.
const EveryDay Weekdays = 1<<7 - 1

// On says whether the day is in the set.
func (w Weekdays) On(day time.Weekday) bool { return w&(1<<day) != 0 }

// With is the set and these days.
func (w Weekdays) With(days ...time.Weekday) Weekdays {
	for _, d := range days {
		w |= 1 << d
	}
	return w
}

// ParseWeekdays reads days and runs of days, "mon-wed,Fri", or "daily", in any
// case; a run may go past the end of the week.
func ParseWeekdays(text string) (set Weekdays, err error) {
	if strings.EqualFold(text, "daily") {
		return EveryDay, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, run := strings.Cut(part, "-")
		if !run {
			last = first
		}
		from, ok := parseWeekday(first)
		until, also := parseWeekday(last)
		if !ok || !also {
			return 0, fmt.Errorf("%q is no day; there are Mon Tue Wed Thu Fri Sat Sun and daily", part)
		}
		for day := from; ; day = (day + 1) % 7 {
			set = set.With(day)
			if day == until {
				break
			}
		}
	}
	return set, nil
}

func parseWeekday(text string) (day time.Weekday, ok bool) {
	for i, name := range dayNames {
		if strings.EqualFold(name, strings.TrimSpace(text)) {
			return time.Weekday((i + 1) % 7), true
		}
	}
	return 0, false
}

// Minute is a time of the day in minutes after midnight, up to 24*60.
type Minute int16

// MinutesADay is the end of a day.
const MinutesADay Minute = 24 * 60

// String is hh:mm; the end of the day is 24:00.
func (m Minute) String() string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

// MarshalText writes hh:mm.
func (m Minute) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads hh:mm, from 00:00 to 24:00.
func (m *Minute) UnmarshalText(text []byte) error {
	digit := func(i int) Minute { return Minute(text[i]) - '0' }
	shape := len(text) == len("hh:mm") && text[2] == ':'
	for _, i := range [...]int{0, 1, 3, 4} {
		shape = shape && text[i] >= '0' && text[i] <= '9'
	}
	if shape {
		hour, minute := digit(0)*10+digit(1), digit(3)*10+digit(4)
		if all := hour*60 + minute; minute < 60 && all <= MinutesADay {
			*m = all
			return nil
		}
	}
	return fmt.Errorf("time %q: write it as 08:30, or 24:00 for the end of the day", text)
}

// Date is a day of the calendar, counted from 1970-01-01.
type Date int32

// DateOf is the date that the clock of t's zone shows.
func DateOf(t time.Time) Date {
	_, offset := t.Zone()
	return Date(floorDiv(t.Unix()+int64(offset), secondsADay))
}

// InstantsOf are the instants at which the clocks of a zone show what wall does in
// UTC, the earlier first. When they are changed there are times that come twice,
// and some that do not come at all.
func InstantsOf(wall time.Time, zone *time.Location) []time.Time {
	var found []time.Time
	for _, near := range [...]time.Duration{-24 * time.Hour, 24 * time.Hour} { // a clock is not changed twice in two days
		_, offset := wall.Add(near).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if at.Format(time.DateTime) == wall.Format(time.DateTime) && (len(found) == 0 || !found[0].Equal(at)) {
			found = append(found, at)
		}
	}
	return found
}

// String is yyyy-mm-dd.
func (d Date) String() string {
	return time.Unix(int64(d)*secondsADay, 0).UTC().Format(time.DateOnly)
}

// MarshalText writes yyyy-mm-dd.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads yyyy-mm-dd.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("date %q: write it as 2026-12-25", text)
	}
	*d = DateOf(t)
	return nil
}

// Dates is a run of whole days, both inside.
type Dates struct{ First, Last Date }

const secondsADay = 24 * 60 * 60

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// problem is what makes a schedule unusable, or "".
func (s *Schedule) problem() string {
	forms := 0
	for _, there := range []bool{s.Days != 0, !s.Start.IsZero() || !s.End.IsZero(), len(s.Dates) > 0} {
		if there {
			forms++
		}
	}
	switch {
	case s.On != ScopeGroup && s.On != ScopeDoor:
		return "is for neither a group nor a door"
	case s.On == ScopeGroup && s.Consequence != Allow:
		return "unlocks a group, which only doors can be"
	case int(s.Consequence) >= len(consequenceNames):
		return "does what is not known"
	case forms != 1:
		return "has not exactly one of days, instants and dates"
	case s.Days > EveryDay || s.Days != 0 && (s.From < 0 || s.From >= s.Until || s.Until > MinutesADay):
		return "begins after it ends; what goes on past midnight is two"
	case s.Days == 0 && len(s.Dates) == 0 && (s.Start.IsZero() || s.End.IsZero() || !s.Start.Before(s.End)):
		return "has no end after its beginning"
	}
	for _, run := range s.Dates {
		if run.First > run.Last {
			return "has dates that end before they begin"
		}
	}
	return ""
}
