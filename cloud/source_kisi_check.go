package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// errHours says that hours are not what Kisi works out, or cannot be read.
var errHours = errors.New("hours are in doubt")

// How much of the hours is compared: the groups and doors with the most
// schedules, a request each.
const (
	checkedGroups = 3
	checkedDoors  = 2
	checkedDays   = 14
)

func (p *probe) schedules(ctx context.Context, _ kisi.Account) (int, error) {
	rows, err := p.source.client.ListSchedules(ctx)
	p.crawl.schedules = rows
	if unsound := p.crawl.soundSchedules(); err == nil && unsound != nil {
		err = fmt.Errorf("%w: %w", errHours, unsound)
	}
	return unseen, err
}

// hours asks Kisi when some groups and doors that are limited to hours are open
// in the next two weeks, and works out the same. Where there is nothing to
// compare it says nothing.
func (p *probe) hours(ctx context.Context) error {
	c := &p.crawl
	if c.choosePlaces() != nil || c.soundSchedules() != nil || c.sound() != nil {
		return nil // a line for that is there, or the first crawl says so
	}
	const what = "compare hours with Kisi's own calendar"
	if err := c.readHolidays(ctx); err != nil {
		return p.judge(what, unseen, err)
	}
	m := newKisiMirror(Deps{}, p.source.rules)
	m.addTopology(c)
	m.addHours(c)
	checks := p.checkable(m)
	for _, h := range checks {
		if err := p.compare(ctx, h); err != nil {
			return p.judge(what, unseen, err)
		}
	}
	if len(checks) > 0 {
		p.line(what, true, "they agree for %d days; groups and doors that were asked about: %d", checkedDays, len(checks))
	}
	return nil
}

// checkable are the groups and doors whose hours can be compared: those that have
// some, in a zone of which Kisi and we can only think the same.
func (p *probe) checkable(m *kisiMirror) []hoursCheck {
	schedules := map[string][]access.Schedule{} // by what they are for
	for _, s := range m.roster.Schedules {
		schedules[s.OnID] = append(schedules[s.OnID], s)
	}
	var groups, doors []hoursCheck
	add := func(all *[]hoursCheck, restricted bool, zone string, c hoursCheck) {
		var err error
		c.schedules = schedules[c.id]
		c.zone, err = time.LoadLocation(zone)
		if restricted && len(c.schedules) > 0 && zone != "" && err == nil {
			*all = append(*all, c)
		}
	}
	for i, g := range p.crawl.groups {
		row := &m.roster.Groups[i]
		add(&groups, row.Restricted, row.Zone, hoursCheck{on: access.ScopeGroup, id: row.ID, source: g.ID, name: g.Name})
	}
	for i, l := range p.crawl.locks {
		row := &m.roster.Doors[i]
		add(&doors, row.Restricted, cmp.Or(row.Zone, m.places[l.PlaceID]), hoursCheck{on: access.ScopeDoor, id: row.ID, source: l.ID, name: l.Name})
	}
	return slices.Concat(busiest(doors, checkedDoors), busiest(groups, checkedGroups))
}

// busiest are those with the most schedules.
func busiest(all []hoursCheck, most int) []hoursCheck {
	slices.SortStableFunc(all, func(a, b hoursCheck) int { return cmp.Compare(len(b.schedules), len(a.schedules)) })
	return all[:min(len(all), most)]
}

// hoursCheck is one group or door whose hours are compared.
type hoursCheck struct {
	on        access.ScopeKind
	id, name  string
	source    int64 // Kisi's id
	zone      *time.Location
	schedules []access.Schedule
}

func (p *probe) compare(ctx context.Context, h hoursCheck) error {
	from := p.crawl.now.UTC().Truncate(time.Minute)
	until := from.AddDate(0, 0, checkedDays)
	ask, word := p.source.client.CalendarOfGroup, "group"
	if h.on == access.ScopeDoor {
		ask, word = p.source.client.CalendarOfLock, "door"
	}
	theirs, err := ask(ctx, h.source, kisi.ConsequenceAllow, from, until)
	if err != nil {
		return err
	}
	ours, err := h.snapshot()
	if err != nil {
		return err
	}
	at, open, differs := h.difference(ours, theirs, from, until)
	if !differs {
		return nil
	}
	say := map[bool]string{true: "open", false: "shut"}
	return fmt.Errorf("%w: the %s %q at %s: Kisi says %s, and tilegate %s: see the choices for hours in [kisi] and \"time_zone\" of the place",
		errHours, word, h.name, at.In(h.zone).Format("Mon 2 Jan 2006 15:04 -07:00"), say[!open], say[open])
}

// snapshot is a door with these hours and somebody who may open it in them.
func (h *hoursCheck) snapshot() (*access.Snapshot, error) {
	r := access.Roster{
		Doors:     []access.Door{{ID: h.id, Zone: h.zone.String(), Restricted: h.on == access.ScopeDoor}},
		Schedules: h.schedules,
		Holders:   []access.Holder{{ID: "somebody"}},
		Grants:    []access.Grant{{ID: "right", Assignee: "somebody", Scope: h.on, ScopeID: h.id, Source: kisiSourceName}},
	}
	if h.on == access.ScopeGroup {
		r.Groups = []access.Group{{ID: h.id, Doors: []string{h.id}, Restricted: true}}
	}
	pruned, _ := access.Prune(r)
	return access.Build(pruned, []access.Contact{{Source: kisiSourceName, Ageless: true}}, 0)
}

// difference is the first minute in which we do not open as Kisi's calendar says.
// The minute of 23:59 does not count: whether hours end before it is a setting.
func (h *hoursCheck) difference(ours *access.Snapshot, theirs kisi.Calendar, from, until time.Time) (at time.Time, open, differs bool) {
	within := func(windows []kisi.Window, at time.Time) bool {
		return slices.ContainsFunc(windows, func(w kisi.Window) bool { return !at.Before(w.StartsAt) && at.Before(w.EndsAt) })
	}
	shut := from // until when nothing of ours opens
	for at = from; at.Before(until); at = at.Add(time.Minute) {
		if open = false; !at.Before(shut) {
			d := ours.DecideHolder("somebody", access.Tap{Door: h.id, At: at}, access.Facts{})
			if open = d.Granted(); !open {
				shut = cmp.Or(ours.Explain(d).Works, until)
			}
		}
		said := within(theirs.Events, at) && !within(theirs.Exceptions, at)
		if open != said && at.In(h.zone).Format("15:04") != "23:59" {
			return at, open, true
		}
	}
	return at, false, false
}
