package cloudtest

import (
	"slices"
	"strings"
	"time"
)

// Schedule is when a group or a lock is open to its people (OpenAPI document, Schedule).
// The kind follows from what is set: a region, an instant, a date, or else the
// days of the week.
type Schedule struct {
	Name        string
	Consequence string // empty is "allow"
	Override    bool   // taken away from the others
	Disabled    bool

	Days         []time.Weekday
	Starts, Ends string // "08:00"; empty is all day

	From, Until time.Time // a single event

	FirstDate, LastDate string // "2026-12-25", both inside

	Region  string   // a holiday calendar
	Ignored []string // dates of it that do not count
}

type schedule struct {
	meta
	Schedule
	on Target // Group or Lock
}

type holiday struct{ date, name string }

const dateOnly = time.DateOnly

func (s *schedule) kind() string {
	switch {
	case s.Region != "":
		return "holiday_calendar"
	case !s.From.IsZero():
		return "single_event"
	case s.FirstDate != "":
		return "single_all_day_event"
	default:
		return "recurring_event"
	}
}

// span is from an instant to before another.
type span struct{ from, to time.Time }

// spanOn says when the schedule is in effect on one day of a zone. A day of the
// clock change has the hours the wall clock shows.
func (k *Kisi) spanOn(s *schedule, day time.Time) (span, bool) {
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, day.Location())
	whole := span{midnight, time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, day.Location())}
	date := day.Format(dateOnly)
	switch s.kind() {
	case "holiday_calendar":
		return whole, !slices.Contains(s.Ignored, date) &&
			slices.ContainsFunc(k.holidays[s.Region], func(h holiday) bool { return h.date == date })
	case "single_event": // seconds are ignored
		from, to := s.From.Truncate(time.Minute), s.Until.Truncate(time.Minute)
		return span{later(from, whole.from), earlier(to, whole.to)}, from.Before(whole.to) && whole.from.Before(to)
	case "single_all_day_event":
		return whole, date >= s.FirstDate && date <= s.LastDate
	}
	if !slices.Contains(s.Days, day.Weekday()) {
		return span{}, false
	}
	if s.Starts == "" {
		return whole, true
	}
	return span{clockOn(day, s.Starts), clockOn(day, s.Ends)}, true
}

func clockOn(day time.Time, clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic("cloudtest: a schedule's time must be hh:mm, not " + clock)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), 0, 0, day.Location())
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

// zoneOf is the zone of a group or a lock: that of its place, else, and this
// is inferred, of the organisation.
func (k *Kisi) zoneOf(on Target) *time.Location {
	id := 0
	switch on.Type {
	case typeGroup:
		id = k.placeOf(on)
	case typeLock:
		if l, there := k.locks.get(on.ID); there {
			id = l.place
		}
	}
	name := k.org.zone
	if p, there := k.places.get(id); there && p.zone != "" {
		name = p.zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic("cloudtest: " + err.Error())
	}
	return zone
}

// summary is what a target allows between two instants: the union of its
// schedules less the union of those that override.
func (k *Kisi) summary(on Target, consequence string, from, to time.Time) (events, exceptions []span, byDay map[string][]int) {
	byDay = map[string][]int{}
	zone := k.zoneOf(on)
	for day := from.In(zone).AddDate(0, 0, -1); !day.After(to.In(zone).AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		for _, s := range k.schedules.rows {
			if s.on != on || s.Disabled || s.consequence() != consequence {
				continue
			}
			sp, in := k.spanOn(s, day)
			sp = span{later(sp.from, from), earlier(sp.to, to)}
			if !in || !sp.from.Before(sp.to) {
				continue
			}
			date := day.Format(dateOnly)
			byDay[date] = append(byDay[date], s.id)
			if s.Override {
				exceptions = append(exceptions, sp)
			} else {
				events = append(events, sp)
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

// allowedNow says whether a restricted target lets its people in. Without any
// schedule it never does, which is inferred.
func (k *Kisi) allowedNow(on Target) bool {
	now := k.now()
	events, _, _ := k.summary(on, "allow", now, now.Add(time.Second))
	return len(events) > 0 && !events[0].from.After(now)
}

func (s *schedule) consequence() string {
	if s.Consequence == "" {
		return "allow"
	}
	return s.Consequence
}

func (k *Kisi) scheduleObject(s *schedule) object {
	name := ""
	if g, there := k.groups.get(s.on.ID); there && s.on.Type == typeGroup {
		name = g.name
	} else if l, there := k.locks.get(s.on.ID); there {
		name = l.name
	}
	place := k.placeOf(s.on)
	if l, there := k.locks.get(s.on.ID); there && s.on.Type == typeLock {
		place = l.place
	}
	o := object{
		"id": s.id, "resource_type": "Schedule", "created_at": k.at(s.created), "updated_at": k.at(s.updated), "name": nullable(s.Name),
		"enabled": !s.Disabled, "override": s.Override, "consequence": s.consequence(), "scheduleable_type": s.on.Type, "scheduleable_id": s.on.ID,
		"scheduleable": object{"id": s.on.ID, "type": s.on.Type, "name": name}, "place_id": nullID(place), "integration_id": nil, "type": s.kind(),
	}
	if place != 0 {
		o["place"] = k.placeStub(place)
	}
	switch s.kind() {
	case "holiday_calendar":
		o["region"], o["observed"], o["ignored_holidays"] = s.Region, true, append([]string{}, s.Ignored...)
	case "single_event":
		o["starts_at"], o["ends_at"] = k.at(s.From), k.at(s.Until)
	case "single_all_day_event":
		o["starts_at_date"], o["ends_at_date"] = s.FirstDate, s.LastDate
	default:
		for d := time.Sunday; d <= time.Saturday; d++ {
			o[strings.ToLower(d.String())] = slices.Contains(s.Days, d)
		}
		o["starts_at_time"], o["ends_at_time"] = nullable(s.Starts), nullable(s.Ends)
		o["next_occurence"] = k.nextOccurrence(s) // misspelt like this
	}
	return o
}

func (k *Kisi) nextOccurrence(s *schedule) any {
	now := k.now().In(k.zoneOf(s.on))
	for days := range 8 {
		if sp, in := k.spanOn(s, now.AddDate(0, 0, days)); in && sp.to.After(now) {
			return object{"starts_at": k.at(sp.from), "ends_at": k.at(sp.to)}
		}
	}
	return nil
}

func (k *Kisi) listSchedules(c *call) reply {
	if c.q.Has("scheduleable_type") != c.q.Has("scheduleable_id") {
		return fail(400, "000400", "The parameters scheduleable_type and scheduleable_id go together.")
	}
	rows := filter(k.schedules.rows, func(s *schedule) bool {
		return c.ids(s.id) && c.same("consequence", s.consequence()) && c.same("scheduleable_type", s.on.Type) && c.is("scheduleable_id", s.on.ID)
	})
	return page(c, pageOf10, rows, k.scheduleObject)
}

func (k *Kisi) getSchedule(c *call) reply {
	s, there := k.schedules.get(c.id)
	return one(s, there, k.scheduleObject)
}
