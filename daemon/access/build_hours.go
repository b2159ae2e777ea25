package access

import (
	"cmp"
	"slices"
	"time"
)

// zones loads each time zone once.
type zones struct {
	known map[string]*time.Location // nil: nobody knows it
	bad   []string
}

// load reads a zone from the zone database of the machine, or else from the one
// that the program carries.
func (z *zones) load(name string) *time.Location {
	if zone, seen := z.known[name]; seen {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		zone = nil
		z.bad = append(z.bad, name)
	}
	if z.known == nil {
		z.known = map[string]*time.Location{}
	}
	z.known[name] = zone
	return zone
}

// addSchedules gives every group and door its hours, and the clock that they are
// read by. It comes after the doors and groups.
func (b *builder) addSchedules(r *Roster) {
	var z zones
	ofPlace := make([]string, len(r.Places))
	for i := range r.Places {
		ofPlace[i] = r.Places[i].Zone
	}
	for i := range b.doors {
		d, name := &b.doors[i], ""
		if i < len(r.Doors) {
			name = r.Doors[i].Zone
		}
		if d.place >= 0 {
			name = cmp.Or(name, ofPlace[d.place])
		}
		d.zone = z.load(cmp.Or(name, d.policy.Zone, "UTC"))
	}
	for i := range r.Groups {
		if name := r.Groups[i].Zone; name != "" {
			b.groups[i].zone = z.load(name)
			b.groups[i].badZone = b.groups[i].zone == nil
		}
	}
	for i := range r.Schedules {
		s := &r.Schedules[i]
		calendarOf(b, s).add(s)
	}
	b.settleHours()
	slices.Sort(z.bad)
	b.badZones = z.bad
}

// settleHours makes the calendars ready to be asked.
func (b *builder) settleHours() {
	for i := range b.groups {
		if c := b.groups[i].allow; c != nil {
			c.settle()
		}
	}
	for i := range b.doors {
		for _, c := range [...]*calendar{b.doors[i].allow, b.doors[i].unlock, b.doors[i].arrive} {
			if c != nil {
				c.settle()
			}
		}
	}
}

// calendarOf is the calendar that a schedule is part of.
func calendarOf(b *builder, s *Schedule) *calendar {
	var at **calendar
	if s.On == ScopeGroup {
		at = &b.groups[b.groupIndex[s.OnID]].allow
	} else {
		d := &b.doors[b.doorIndex[s.OnID]]
		at = [...]**calendar{Allow: &d.allow, Unlock: &d.unlock, FirstToArrive: &d.arrive}[s.Consequence]
	}
	if *at == nil {
		*at = new(calendar)
	}
	return *at
}
