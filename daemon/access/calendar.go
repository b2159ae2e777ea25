package access

import (
	"math"
	"time"
)

// calendar is the schedules of one consequence of a group or a door, ready to
// be asked. Asking allocates nothing. The zero value is never open.
type calendar struct {
	open, shut hours // shut is taken away from open
}

// hours is a union of stretches of time.
type hours struct {
	weekly []weekly
	once   []stretch
	dates  []Dates
}

type weekly struct {
	days        Weekdays
	from, until int32 // seconds of the day
}

// stretch is from an instant to before another, UTC microseconds.
type stretch struct{ from, until int64 }

func (c *calendar) add(s *Schedule) {
	to := &c.open
	if s.Except {
		to = &c.shut
	}
	switch {
	case s.Days != 0:
		to.weekly = append(to.weekly, weekly{s.Days, int32(s.From) * 60, int32(s.Until) * 60})
	case len(s.Dates) > 0:
		to.dates = append(to.dates, s.Dates...)
	default:
		to.once = append(to.once, stretch{s.Start.UnixMicro(), s.End.UnixMicro()})
	}
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
		day: time.Weekday(((date+4)%7 + 7) % 7), // 1970-01-01 was a Thursday
	}
}

func (h *hours) at(w wallClock) bool {
	for i := range h.weekly {
		if r := &h.weekly[i]; r.days.On(w.day) && w.second >= r.from && w.second < r.until {
			return true
		}
	}
	for i := range h.once {
		if w.instant >= h.once[i].from && w.instant < h.once[i].until {
			return true
		}
	}
	for i := range h.dates {
		if w.date >= h.dates[i].First && w.date <= h.dates[i].Last {
			return true
		}
	}
	return false
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
			for i := range h.weekly {
				t.try(midnight + int64(h.weekly[i].from)*1e6)
				t.try(midnight + int64(h.weekly[i].until)*1e6)
			}
		}
	}
}

func (t *turnSearch) try(instant int64) {
	if instant >= t.begin && instant < min(t.end, t.best) && t.at(readClock(instant, t.offset)) == t.want {
		t.best = instant
	}
}
