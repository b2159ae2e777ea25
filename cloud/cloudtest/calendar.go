package cloudtest

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const longestSummary = 366 * 24 * time.Hour

// calendarSummary is GET /calendar/summary: what a group or a lock allows
// around an interval.
func (k *Kisi) calendarSummary(c *call) reply {
	from, to, sound := around(c.q.Get("around"))
	if !sound || to.Sub(from) > longestSummary {
		return fail(400, "000400", "The parameter around is invalid.")
	}
	consequence := c.q.Get("consequence")
	if consequence == "" {
		consequence = "allow"
	}
	var on Target
	there := false
	switch {
	case c.q.Has("group_id"):
		on = Target{typeGroup, c.number("group_id")}
		_, there = k.groups.get(on.ID)
	case c.q.Has("lock_id"):
		on = Target{typeLock, c.number("lock_id")}
		_, there = k.locks.get(on.ID)
	default:
		return fail(400, "000400", "The parameter group_id is missing.")
	}
	if !there {
		return notFound()
	}
	events, exceptions, byDay := k.summary(on, k.zoneOf(on), consequence, from, to)
	days := []object{}
	for _, date := range slices.Sorted(maps.Keys(byDay)) {
		days = append(days, object{"date": date, "schedule_ids": byDay[date]})
	}
	return ok(object{"events": k.spanObjects(events), "exceptions": k.spanObjects(exceptions), "schedules_by_day": days})
}

func (k *Kisi) spanObjects(spans []span) []object {
	out := []object{}
	for _, s := range spans {
		out = append(out, object{"starts_at": k.at(s.from), "ends_at": k.at(s.to)})
	}
	return out
}

var durationPattern = regexp.MustCompile(`^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// around reads an ISO 8601 interval: start/end, start/duration, duration/end.
func around(s string) (from, to time.Time, sound bool) {
	first, second, _ := strings.Cut(s, "/")
	from, fromErr := time.Parse(time.RFC3339, first)
	to, toErr := time.Parse(time.RFC3339, second)
	switch {
	case fromErr == nil && toErr == nil:
	case fromErr == nil && isDuration(second):
		to = from.Add(duration(second))
	case toErr == nil && isDuration(first):
		from = to.Add(-duration(first))
	default:
		return from, to, false
	}
	return from, to, from.Before(to)
}

func isDuration(s string) bool { return len(s) > 2 && durationPattern.MatchString(s) }

func duration(s string) (d time.Duration) {
	units := [...]time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second}
	for i, digits := range durationPattern.FindStringSubmatch(s)[1:] {
		if n, err := strconv.Atoi(digits); err == nil {
			d += time.Duration(n) * units[i]
		}
	}
	return d
}

func (k *Kisi) holidayRegions(*call) reply {
	regions := slices.Sorted(maps.Keys(k.holidays))
	if regions == nil {
		regions = []string{}
	}
	return ok(regions)
}

func (k *Kisi) regionHolidays(c *call) reply {
	all, there := k.holidays[c.sub]
	if !there {
		return notFound()
	}
	year := c.q.Get("year")
	if year == "" {
		year = strconv.Itoa(k.now().Year())
	}
	observed := c.q.Get("observed") == "true"
	out := []object{}
	for _, h := range all {
		if date := h.on(observed); strings.HasPrefix(date, year+"-") {
			out = append(out, object{"date": date, "name": h.name})
		}
	}
	return ok(out)
}
