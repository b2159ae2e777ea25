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

	Region     string   // a holiday calendar
	Ignored    []string // dates or names of it that do not count
	Unobserved bool     // on the days themselves, not on those they are taken on
}

type schedule struct {
	meta
	Schedule
	on Target // Group or Lock
}

// holiday is a day off: the date, and the date on which it is taken if it falls
// on a day that is off anyway.
type holiday struct{ date, observed, name string }

// on is the date of the holiday in a calendar that is observed or is not.
func (h holiday) on(observed bool) string {
	if observed {
		return h.observed
	}
	return h.date
}

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
		o["region"], o["observed"], o["ignored_holidays"] = s.Region, !s.Unobserved, append([]string{}, s.Ignored...)
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
	now, zone := k.now(), k.zoneOf(s.on)
	for days := range 8 {
		for _, sp := range k.spansOn(s, dayIn(now, zone, days)) {
			if sp.to.After(now) {
				return object{"starts_at": k.at(sp.from), "ends_at": k.at(sp.to)}
			}
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
