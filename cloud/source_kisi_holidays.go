package cloud

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// holidayCalendar is a list of holidays that schedules name.
type holidayCalendar struct {
	region   string
	observed bool // on the days they are taken on
}

// holidays are the days of a calendar in all years that matter.
type holidays map[access.Date][]string // → names

// holidayList is one answer of Kisi's.
type holidayList struct {
	holidayCalendar
	year int
}

// holidayBook keeps lists of holidays. It may be used by several goroutines.
type holidayBook struct {
	mu   sync.Mutex
	kept map[holidayList]keptHolidays
}

type keptHolidays struct {
	at   time.Time
	days []kisi.Holiday
}

// A list of holidays is read anew after a day; one that is shorter by half than
// before is not believed.
const holidaysFresh = 24 * time.Hour

func (b *holidayBook) get(l holidayList) (keptHolidays, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, there := b.kept[l]
	return kept, there
}

func (b *holidayBook) put(l holidayList, kept keptHolidays) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil {
		b.kept = map[holidayList]keptHolidays{}
	}
	b.kept[l] = kept
}

// readHolidays reads the holidays that schedules name: those of this year and
// the next, and in its first days those of the year before, for the places where
// it is still that. A list that cannot be read is taken as it was read before; if
// it never was, everything fails: the rights in force stand, rather than hours
// that ignore holidays.
func (c *kisiCrawl) readHolidays(ctx context.Context) error {
	c.holidays = map[holidayCalendar]holidays{}
	var lists []holidayList
	for i := range c.schedules {
		s := &c.schedules[i]
		calendar := holidayCalendar{s.Region, s.Observed.On}
		if _, seen := c.holidays[calendar]; seen || !c.needsHolidays(s) {
			continue
		}
		c.holidays[calendar] = holidays{}
		for _, year := range yearsAround(c.now) {
			lists = append(lists, holidayList{calendar, year})
		}
	}
	c.total += len(lists)
	for _, l := range lists {
		days, err := c.listHolidays(ctx, l)
		if err := c.step("holidays", err); err != nil {
			return err
		}
		for _, d := range days {
			var date access.Date
			if err := date.UnmarshalText([]byte(d.Date)); err != nil {
				return fmt.Errorf("kisi: the holidays of %q in %d: %w", l.region, l.year, err)
			}
			c.holidays[l.holidayCalendar][date] = append(c.holidays[l.holidayCalendar][date], d.Name)
		}
	}
	return nil
}

// needsHolidays says whether a schedule is a holiday calendar that counts, of a
// group or lock of ours.
func (c *kisiCrawl) needsHolidays(s *kisi.Schedule) bool {
	if s.Type != kisi.ScheduleHolidays || !s.Enabled.On || s.Region == "" || !s.Observed.Told || s.Consequence == kisi.ConsequencePermit {
		return false
	}
	switch s.ScheduleableType {
	case kisi.ScheduleableGroup:
		return slices.ContainsFunc(c.groups, func(g kisi.Group) bool { return g.ID == s.ScheduleableID })
	case kisi.ScheduleableLock:
		return slices.ContainsFunc(c.locks, func(l kisi.Lock) bool { return l.ID == s.ScheduleableID })
	}
	return false
}

func yearsAround(now time.Time) []int {
	now = now.UTC()
	years := []int{now.Year(), now.Year() + 1}
	if now.YearDay() <= 7 {
		years = append(years, now.Year()-1)
	}
	return years
}

// listHolidays reads one list, or takes it as it was read before.
func (c *kisiCrawl) listHolidays(ctx context.Context, l holidayList) ([]kisi.Holiday, error) {
	book := &c.source.holidays
	kept, known := book.get(l)
	if age := c.now.Sub(kept.at); known && age >= 0 && age < holidaysFresh {
		return kept.days, nil
	}
	days, err := c.source.client.ListHolidays(ctx, l.region, l.year, l.observed)
	if err == nil {
		err = l.believable(days, kept.days, c.now)
	}
	switch {
	case err == nil:
		book.put(l, keptHolidays{at: c.now, days: days})
	case known && ctx.Err() == nil:
		c.reused = append(c.reused, access.Problem{
			Table: "holidays", ID: fmt.Sprintf("%s %d", l.region, l.year),
			What: fmt.Sprintf("cannot be read anew, so those of %s count: %v", kept.at.UTC().Format(time.DateOnly), err),
		})
		days, err = kept.days, nil
	}
	return days, err
}

// believable refuses a list that is not the year's, that lost half of what it
// had, or that is empty. Of the year to come there may be none yet.
func (l holidayList) believable(days, before []kisi.Holiday, now time.Time) error {
	if len(days)*2 < len(before) || len(days) == 0 && l.year <= now.UTC().Year() {
		return fmt.Errorf("kisi: %w: the cloud says that %q has %d holidays in %d: see the holiday calendars in Kisi; the rights in force stand",
			ErrNobody, l.region, len(days), l.year)
	}
	// A holiday that is taken on another day may be in the year beside.
	first, last := fmt.Sprintf("%d-12-28", l.year-1), fmt.Sprintf("%d-01-04", l.year+1)
	for _, d := range days {
		if err := new(access.Date).UnmarshalText([]byte(d.Date)); err != nil {
			return fmt.Errorf("kisi: the holidays of %q in %d: %w; the rights in force stand", l.region, l.year, err)
		}
		if d.Date < first || d.Date > last {
			return fmt.Errorf("kisi: asked for the holidays of %q in %d, and %s was answered; the rights in force stand", l.region, l.year, d.Date)
		}
	}
	return nil
}
