package cloudtest

import (
	"cmp"
	"slices"
	"time"
)

const dateOnly = time.DateOnly

// span is from an instant to before another.
type span struct{ from, to time.Time }

// day is one date of the calendar in a zone, from its first instant to the first
// of the next.
type day struct {
	span
	date    string // "2026-12-25"
	weekday time.Weekday
}

// dayIn is the day so many days after the one that t bears in a zone.
func dayIn(t time.Time, zone *time.Location, later int) day {
	t = t.In(zone)
	date := time.Date(t.Year(), t.Month(), t.Day()+later, 0, 0, 0, 0, time.UTC)
	return day{span{startOf(date, zone), startOf(date.AddDate(0, 0, 1), zone)}, date.Format(dateOnly), date.Weekday()}
}

// startOf is the first minute that bears a date: some zones change their clocks
// at midnight, and have a day that begins at one.
func startOf(t time.Time, zone *time.Location) time.Time {
	date := t.Format(dateOnly)
	start := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone).Add(-2 * time.Hour)
	for start.Format(dateOnly) < date {
		start = start.Add(time.Minute)
	}
	return start
}

// changes says that the clocks are changed on this day, or at its midnight.
func (d day) changes() bool { return d.to.Sub(d.from) != 24*time.Hour }

// between is what the clock on the wall shows as from one time of the day until
// before another. On a day on which it is changed that is looked up minute by
// minute: a time that it shows twice counts twice, one that it skips never.
func (d day) between(starts, ends string) (out []span) {
	if !d.changes() {
		return []span{{d.clock(starts), d.clock(ends)}}
	}
	for t := d.from; t.Before(d.to); t = t.Add(time.Minute) {
		if shown := t.Format("15:04"); shown >= starts && shown < ends {
			out = append(out, span{t, t.Add(time.Minute)})
		}
	}
	return out
}

// midnight is the end of a day, later than anything that a clock shows.
const midnight = "24:00"

func (d day) clock(shown string) time.Time {
	if shown == midnight {
		return d.to
	}
	t, err := time.Parse("15:04", shown)
	if err != nil {
		panic("cloudtest: a schedule's time must be hh:mm, not " + shown)
	}
	return d.from.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
}

// spansOn says when the schedule is in effect on one day.
func (k *Kisi) spansOn(s *schedule, d day) []span {
	whole := []span{d.span}
	switch s.kind() {
	case "holiday_calendar":
		if slices.ContainsFunc(k.holidays[s.Region], func(h holiday) bool {
			date := h.on(!s.Unobserved)
			return date == d.date && !slices.Contains(s.Ignored, date) && !slices.Contains(s.Ignored, h.name)
		}) {
			return whole
		}
	case "single_event": // seconds are ignored
		from, to := s.From.Truncate(time.Minute), s.Until.Truncate(time.Minute)
		if from.Before(d.to) && d.from.Before(to) {
			return []span{{later(from, d.from), earlier(to, d.to)}}
		}
	case "single_all_day_event":
		if d.date >= s.FirstDate && d.date <= s.LastDate {
			return whole
		}
	default:
		switch {
		case !slices.Contains(s.Days, d.weekday):
		case s.Starts == "":
			return whole
		case s.Ends == "23:59" && k.opts.MidnightAt2359:
			return d.between(s.Starts, midnight)
		default:
			return d.between(s.Starts, s.Ends)
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// zoneOf is the zone of a group or a lock: its own, or that of its place, else,
// and this is inferred, of the organisation.
func (k *Kisi) zoneOf(on Target) *time.Location {
	place, own := 0, ""
	switch on.Type {
	case typeGroup:
		if g, there := k.groups.get(on.ID); there {
			place, own = g.place, g.zone
		}
	case typeLock:
		if l, there := k.locks.get(on.ID); there {
			place, own = l.place, l.zone
		}
	}
	ofPlace := ""
	if p, there := k.places.get(place); there {
		ofPlace = p.zone
	}
	zone, err := time.LoadLocation(cmp.Or(own, ofPlace, k.org.zone))
	if err != nil {
		return time.UTC // a name of which this machine has not heard
	}
	return zone
}

// summary is what a target allows between two instants: the union of its
// schedules less the union of those that override.
func (k *Kisi) summary(on Target, zone *time.Location, consequence string, from, to time.Time) (events, exceptions []span, byDay map[string][]int) {
	byDay = map[string][]int{}
	for n := 0; ; n++ {
		d := dayIn(from, zone, n)
		if !d.from.Before(to) {
			break
		}
		for _, s := range k.schedules.rows {
			if s.on != on || s.Disabled || s.consequence() != consequence {
				continue
			}
			for _, sp := range k.spansOn(s, d) {
				sp = span{later(sp.from, from), earlier(sp.to, to)}
				if !sp.from.Before(sp.to) {
					continue
				}
				if !slices.Contains(byDay[d.date], s.id) {
					byDay[d.date] = append(byDay[d.date], s.id)
				}
				if s.Override {
					exceptions = append(exceptions, sp)
				} else {
					events = append(events, sp)
				}
			}
		}
	}
	exceptions = union(exceptions)
	return less(union(events), exceptions), exceptions, byDay
}

func union(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return a.from.Compare(b.from) })
	var out []span
	for _, s := range all {
		if n := len(out); n > 0 && !s.from.After(out[n-1].to) {
			out[n-1].to = later(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

func less(all, taken []span) []span {
	for _, t := range taken {
		var out []span
		for _, s := range all {
			for _, rest := range []span{{s.from, earlier(s.to, t.from)}, {later(s.from, t.to), s.to}} {
				if rest.from.Before(rest.to) {
					out = append(out, rest)
				}
			}
		}
		all = out
	}
	return all
}

// allowedNow says whether a restricted group or lock lets people in at a lock.
// Without any schedule it does not, which is inferred, like the zone of a group
// of the organisation.
func (k *Kisi) allowedNow(on Target, at *lock) bool {
	has := slices.ContainsFunc(k.schedules.rows, func(s *schedule) bool {
		return s.on == on && !s.Disabled && !s.Override && s.consequence() == "allow"
	})
	if !has {
		return k.opts.OpenWithoutSchedule
	}
	zone := k.zoneOf(on)
	if g, there := k.groups.get(on.ID); there && on.Type == typeGroup && g.place == 0 && g.zone == "" && k.opts.HoursAtDoor {
		zone = k.zoneOf(OnLock(at.id))
	}
	now := k.now()
	events, _, _ := k.summary(on, zone, "allow", now, now.Add(time.Second))
	return len(events) > 0 && !events[0].from.After(now)
}
