package cloud

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// Marks in the ids of schedules that are none of Kisi's. What is before the # is
// Kisi's own.
const (
	alwaysMark = "#always" // a time restriction without a schedule that leaves open
	unlockMark = "#unlock" // the second row of one that shuts
)

// addHours turns schedules into hours. One that cannot be read is reported and
// never makes a door stand open for longer: what it may have taken away is taken
// away for good, until it can be read.
func (m *kisiMirror) addHours(c *kisiCrawl) {
	m.dropped = append(m.dropped, c.reused...)
	scheduled := map[string]bool{}
	for i := range c.schedules {
		s := &c.schedules[i]
		row := access.Schedule{ID: rowID("schedule", s.ID), Name: s.Name, Except: s.Override.On}
		if !m.scheduleable(&row, s) {
			continue
		}
		if !s.Enabled.On || s.Consequence == kisi.ConsequencePermit {
			m.off[row.ID] = struct{}{}
			continue
		}
		known := row.Consequence.UnmarshalText([]byte(s.Consequence)) == nil
		if known && row.On == access.ScopeGroup && row.Consequence != access.Allow {
			m.off[row.ID] = struct{}{}
			m.drop("schedule", row.ID, "does %q to a group, which only doors can be", s.Consequence)
			continue
		}
		what := fmt.Sprintf("does %q, which is not known", s.Consequence)
		if known {
			scheduled[row.OnID] = scheduled[row.OnID] || row.Consequence == access.Allow && !row.Except
			what = m.fill(&row, s, c)
		}
		switch {
		case what != "":
			m.unreadable(row, known, what)
		case row.Days == 0 && row.Start.IsZero() && len(row.Dates) == 0: // a calendar without days
			m.off[row.ID] = struct{}{}
		default:
			m.roster.Schedules = append(m.roster.Schedules, row)
		}
	}
	for i := range m.roster.Groups {
		g := &m.roster.Groups[i]
		m.unscheduled(access.ScopeGroup, g.ID, g.Restricted && !scheduled[g.ID])
	}
	for i := range m.roster.Doors {
		d := &m.roster.Doors[i]
		m.unscheduled(access.ScopeDoor, d.ID, d.Restricted && !scheduled[d.ID])
	}
}

// scheduleable fills in what the schedule is for, and says whether it is ours.
// Elevators are not.
func (m *kisiMirror) scheduleable(row *access.Schedule, s *kisi.Schedule) (ours bool) {
	switch s.ScheduleableType {
	case kisi.ScheduleableGroup:
		row.On, row.OnID, ours = access.ScopeGroup, rowID("group", s.ScheduleableID), m.groups[s.ScheduleableID]
	case kisi.ScheduleableLock:
		row.On, row.OnID, ours = access.ScopeDoor, m.doorID(s.ScheduleableID), m.locks[s.ScheduleableID]
	case kisi.ScheduleableElevatorStop:
	default:
		m.drop("schedule", row.ID, "is for a %q, which is not known", s.ScheduleableType)
	}
	return ours
}

// unreadable reports a schedule. One that takes time away takes all of it away,
// and where a door would wait for somebody, or nobody knows what it does, the
// door does not open by itself at all.
func (m *kisiMirror) unreadable(row access.Schedule, known bool, what string) {
	m.drop("schedule", row.ID, "cannot be used: it %s", what)
	m.off[row.ID] = struct{}{}
	shut := func(id string, consequence access.Consequence) {
		m.roster.Schedules = append(m.roster.Schedules, access.Schedule{
			ID: id, Name: row.Name, On: row.On, OnID: row.OnID, Consequence: consequence, Except: true,
			Days: access.EveryDay, Until: access.MinutesADay,
		})
	}
	switch {
	case !known:
		shut(row.ID, access.Allow)
		if row.On == access.ScopeDoor {
			shut(row.ID+unlockMark, access.Unlock)
		}
	case row.Consequence == access.FirstToArrive:
		shut(row.ID, access.Unlock)
	case row.Except:
		shut(row.ID, row.Consequence)
	}
}

// unscheduled opens a restricted group or door that has no schedule, where the
// settings say so.
func (m *kisiMirror) unscheduled(on access.ScopeKind, id string, is bool) {
	row := access.Schedule{ID: id + alwaysMark, On: on, OnID: id, Days: access.EveryDay, Until: access.MinutesADay}
	if is && m.rules.openUnscheduled {
		m.roster.Schedules = append(m.roster.Schedules, row)
		return
	}
	m.off[row.ID] = struct{}{}
}

// fill fills in when the schedule is, or says why that cannot be known.
func (m *kisiMirror) fill(row *access.Schedule, s *kisi.Schedule, c *kisiCrawl) (what string) {
	switch s.Type {
	case kisi.ScheduleRecurring:
		return m.fillWeekly(row, s)
	case kisi.ScheduleSingle:
		if s.StartsAt == nil || s.EndsAt == nil {
			return "has no beginning or no end"
		}
		// Kisi ignores the seconds.
		row.Start, row.End = s.StartsAt.UTC().Truncate(time.Minute), s.EndsAt.UTC().Truncate(time.Minute)
		if !row.Start.Before(row.End) {
			return "does not end after it begins"
		}
		if row.Start.IsZero() { // the year one is a beginning as well
			row.Start = row.Start.Add(time.Microsecond)
		}
	case kisi.ScheduleAllDay:
		var run access.Dates
		if err := cmp.Or(run.First.UnmarshalText([]byte(s.StartsAtDate)), run.Last.UnmarshalText([]byte(s.EndsAtDate))); err != nil {
			return "has a wrong " + err.Error()
		}
		if run.First > run.Last {
			return "ends before it begins"
		}
		row.Dates = []access.Dates{run}
	case kisi.ScheduleHolidays:
		return fillHolidays(row, s, c)
	default:
		return fmt.Sprintf("is a %q, which is not known", s.Type)
	}
	return ""
}

func (m *kisiMirror) fillWeekly(row *access.Schedule, s *kisi.Schedule) (what string) {
	for day, flag := range [...]kisi.Flag{s.Sunday, s.Monday, s.Tuesday, s.Wednesday, s.Thursday, s.Friday, s.Saturday} {
		if !flag.Told {
			return "does not tell all days of the week"
		}
		if flag.On {
			row.Days = row.Days.With(time.Weekday(day))
		}
	}
	if row.Days == 0 {
		return "is on no day of the week"
	}
	if s.Timeless { // renamed, for all we know
		return "does not tell its times of the day"
	}
	if s.StartsAtTime == "" && s.EndsAtTime == "" {
		row.Until = access.MinutesADay
		return ""
	}
	from, soundFrom := clockTime(s.StartsAtTime)
	until, soundUntil := clockTime(s.EndsAtTime)
	switch {
	case !soundFrom || !soundUntil:
		return fmt.Sprintf("is from %q until %q, which are not two times of the day", s.StartsAtTime, s.EndsAtTime)
	case from >= until:
		return fmt.Sprintf("is from %s until %s, and what goes on past midnight is two schedules", from, until)
	case until == access.MinutesADay-1 && !m.rules.literalEnd:
		until = access.MinutesADay
	}
	row.From, row.Until = from, until
	return ""
}

// clockTime reads hh:mm.
func clockTime(text string) (access.Minute, bool) {
	hours, minutes, _ := strings.Cut(text, ":")
	h, err1 := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	at := access.Minute(h*60 + m)
	return at, len(hours) == 2 && len(minutes) == 2 && err1 == nil && err2 == nil && m < 60 && at <= access.MinutesADay
}

// fillHolidays fills in the days of a holiday calendar less those that are to be
// ignored, which may be dates or names. One that would open on a day that should
// have been ignored is not used.
func fillHolidays(row *access.Schedule, s *kisi.Schedule, c *kisiCrawl) (what string) {
	days, read := c.holidays[holidayCalendar{s.Region, s.Observed.On}]
	if !read || !s.Observed.Told {
		return "names no region, or does not tell whether its holidays are observed"
	}
	met := map[string]bool{}
	for _, date := range slices.Sorted(maps.Keys(days)) {
		// Two holidays may fall on one day, which is off unless both are ignored.
		counts := false
		for _, name := range days[date] {
			met[name] = true
			counts = counts || !slices.Contains(s.Ignored, name)
		}
		if counts && !slices.Contains(s.Ignored, date.String()) {
			row.Dates = append(row.Dates, access.Dates{First: date, Last: date})
		}
	}
	for _, text := range s.Ignored {
		_, err := time.Parse(time.DateOnly, text)
		if err != nil && !met[text] && !row.Except {
			return fmt.Sprintf("is to ignore the holiday %q, which is not in the list", text)
		}
	}
	return ""
}
