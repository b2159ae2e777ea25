package access

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// calendar is the schedules of one consequence of a group or a door, ready to
// be asked. Asking allocates nothing. The zero value is never open.
type calendar struct {
	open, shut hours // shut is taken away from open
}

// hours is a union of stretches of time. Once they are settled, those of each list
// are in order and do not touch: thousands of rows take no longer to ask than a few.
type hours struct {
	week  [7][]stretch // of each weekday, in seconds of the day
	once  []stretch    // in UTC microseconds
	dates []stretch    // in days, as Date counts them
}

// stretch is from one point to before another.
type stretch struct{ from, until int64 }

func (c *calendar) add(s *Schedule) {
	to := &c.open
	if s.Except {
		to = &c.shut
	}
	switch {
	case s.Days != 0:
		for day := range to.week {
			if s.Days.On(time.Weekday(day)) {
				to.week[day] = append(to.week[day], stretch{int64(s.From) * 60, int64(s.Until) * 60})
			}
		}
	case len(s.Dates) > 0:
		for _, run := range s.Dates {
			to.dates = append(to.dates, stretch{int64(run.First), int64(run.Last) + 1})
		}
	default:
		to.once = append(to.once, stretch{s.Start.UnixMicro(), s.End.UnixMicro()})
	}
}

// settle puts the hours in order, after the last schedule was added.
func (c *calendar) settle() {
	for _, h := range [...]*hours{&c.open, &c.shut} {
		for day := range h.week {
			h.week[day] = joined(h.week[day])
		}
		h.once, h.dates = joined(h.once), joined(h.dates)
	}
}

// joined puts stretches in order, and makes one of those that overlap or touch.
func joined(rows []stretch) []stretch {
	slices.SortFunc(rows, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	kept := rows[:0]
	for _, s := range rows {
		if n := len(kept); n > 0 && s.from <= kept[n-1].until {
			kept[n-1].until = max(kept[n-1].until, s.until)
		} else {
			kept = append(kept, s)
		}
	}
	return slices.Clone(kept)
}

// within says whether a point lies in one of settled stretches.
func within(rows []stretch, point int64) bool {
	low, high := 0, len(rows) // the first that ends after the point
	for low < high {
		if middle := (low + high) / 2; rows[middle].until > point {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low < len(rows) && rows[low].from <= point
}

// wallClock is what a clock on a wall shows at an instant.
type wallClock struct {
	instant int64 // UTC microseconds
	date    Date
	day     time.Weekday
	second  int32 // of the day
}

func readClock(instant, offset int64) wallClock {
	local := floorDiv(instant, 1e6) + offset
	date := floorDiv(local, secondsADay)
	return wallClock{
		instant: instant, date: Date(date), second: int32(local - date*secondsADay),
		day: weekday(date),
	}
}

// weekday is that of a date.
func weekday(date int64) time.Weekday {
	return time.Weekday(((date+4)%7 + 7) % 7) // 1970-01-01 was a Thursday
}

func (h *hours) at(w wallClock) bool {
	return within(h.week[w.day], int64(w.second)) || within(h.once, w.instant) || within(h.dates, int64(w.date))
}

func (c *calendar) at(w wallClock) bool { return c.open.at(w) && !c.shut.at(w) }

// openAt says whether the calendar is open at an instant, by the clocks of a zone.
func (c *calendar) openAt(instant int64, zone *time.Location) bool {
	_, offset := time.UnixMicro(instant).In(zone).Zone()
	return c.at(readClock(instant, int64(offset)))
}

// openThroughout says whether the calendar is open from an instant until
// another, both inside, without a break.
func (c *calendar) openThroughout(from, until int64, zone *time.Location) bool {
	return c.turn(from, until+1, zone, false) == never
}

// lookAhead is how far next looks. What comes later counts as never.
const lookAhead = 400 * secondsADay * int64(1e6) // what comes once a year comes

// never is an instant that does not come.
const never = math.MaxInt64

// next is the first instant from one on at which the calendar is open, or never.
func (c *calendar) next(from int64, zone *time.Location) int64 {
	return c.turn(from, from+lookAhead, zone, true)
}

// turn is the first instant from one on, and before another, at which the
// calendar is open, or is not; or never. It walks the stretches in which the zone
// keeps one offset, because in each of them the clock on the wall runs evenly.
func (c *calendar) turn(from, limit int64, zone *time.Location, open bool) int64 {
	for begin := from; begin < limit; {
		offset, end := evenStretch(begin, zone)
		search := turnSearch{calendar: c, want: open, begin: begin, end: min(end, limit), offset: offset, best: never}
		if search.run(); search.best != never {
			return search.best
		}
		begin = end
	}
	return never
}

// evenStretch is the offset of a zone at an instant, and a later instant before
// which it does not change.
func evenStretch(instant int64, zone *time.Location) (offset, end int64) {
	t := time.UnixMicro(instant).In(zone)
	_, seconds := t.Zone()
	_, bound := t.ZoneBounds()
	switch {
	case bound.IsZero(): // for ever
		return int64(seconds), never
	case bound.After(t):
		return int64(seconds), bound.UnixMicro()
	}
	// Beyond the last change that its table lists, a zone goes by a rule for the
	// years, and Go takes each for 365 days: the bound of a leap year's last day
	// is the midnight before it. The rule holds until the year ends.
	const day = secondsADay * int64(1e6)
	return int64(seconds), (floorDiv(instant, day) + 1) * day
}

// turnSearch looks at the instants, from begin to before end, at which a calendar
// may turn: between two of them it never does.
type turnSearch struct {
	*calendar
	want               bool
	begin, end, offset int64
	best               int64
}

func (t *turnSearch) run() {
	t.try(t.begin)
	for _, h := range [...]*hours{&t.open, &t.shut} {
		for i := range h.once {
			t.try(h.once[i].from)
			t.try(h.once[i].until)
		}
	}
	for day := floorDiv(floorDiv(t.begin, 1e6)+t.offset, secondsADay); ; day++ {
		midnight := (day*secondsADay - t.offset) * 1e6
		if midnight >= min(t.end, t.best) {
			return
		}
		t.try(midnight) // where whole dates turn
		for _, h := range [...]*hours{&t.open, &t.shut} {
			for _, s := range h.week[weekday(day)] {
				t.try(midnight + s.from*1e6)
				t.try(midnight + s.until*1e6)
			}
		}
	}
}

func (t *turnSearch) try(instant int64) {
	if instant >= t.begin && instant < min(t.end, t.best) && t.at(readClock(instant, t.offset)) == t.want {
		t.best = instant
	}
}
