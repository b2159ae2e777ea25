package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

// The names of the readers that say which way somebody goes.
const (
	wayIn  = "in"
	wayOut = "out"
)

// beforeThat is how many events in a row must be older than what is asked for until
// nobody looks on: a clock that was set back wrote some that look older.
const beforeThat = 2000

// Seen lists who was let in at any door since an instant. Who looks is recorded.
func (g *gateway) Seen(ctx context.Context, caller control.Caller, since time.Time) (control.Seen, error) {
	now, _ := g.clock.now()
	if since.IsZero() {
		since = midnight(now, g.zone())
	}
	doors := g.inForce().Doors
	seen := control.Seen{Since: since.UTC(), At: now.UTC(), People: []control.SeenPerson{}}
	seen.Evacuation, seen.Why = evacuation(doors)
	people := sighting{since: since, perimeter: perimeterOf(doors), unused: map[string]bool{}, last: map[string]control.SeenPerson{}}
	if err := g.journal.Backward(ctx, people.take); err != nil {
		return seen, err
	}
	for _, p := range people.last {
		seen.People = append(seen.People, p)
	}
	if err := g.nameAll(ctx, seen.People); err != nil {
		return seen, err
	}
	event := newEvent(g.clock, access.ActionEvent, "")
	event.Actor, event.Detail = caller.Name, "looked at who was seen since "+since.In(g.zone()).Format(time.RFC3339)
	written := g.journal.Append(event)
	select { // nobody sees the list before it is known who did
	case <-written.Done():
		return seen, written.Err()
	case <-ctx.Done():
		return control.Seen{}, ctx.Err()
	}
}

// nameAll gives the people and doors their names, and sorts by those.
func (g *gateway) nameAll(ctx context.Context, people []control.SeenPerson) error {
	ids := make([]string, len(people))
	for i := range people {
		ids[i] = people[i].Holder
	}
	names, err := g.cache.Names(ctx, ids)
	if err != nil {
		return err
	}
	rights := g.rights.Load()
	for i := range people {
		p := &people[i]
		p.Name, p.DoorName = names[p.Holder], rights.DoorName(p.Door)
	}
	slices.SortFunc(people, func(a, b control.SeenPerson) int {
		return cmp.Or(strings.Compare(strings.ToLower(cmp.Or(a.Name, a.Holder)), strings.ToLower(cmp.Or(b.Name, b.Holder))), strings.Compare(a.Holder, b.Holder))
	})
	return nil
}

// midnight is when the day of an instant began, by the clock of a zone.
func midnight(now time.Time, zone *time.Location) time.Time {
	year, month, day := now.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// perimeterOf are the doors between the outside and the inside.
func perimeterOf(doors []config.Door) map[string]bool {
	perimeter := map[string]bool{}
	for _, d := range doors {
		if !d.Interior {
			perimeter[d.ID] = true
		}
	}
	return perimeter
}

// evacuation says whether who was seen and did not leave is who is inside: every
// perimeter door must read who comes and who goes. Otherwise it says why not.
func evacuation(doors []config.Door) (is bool, why string) {
	var oneWay []string
	perimeter := 0
	for _, d := range doors {
		if d.Interior {
			continue
		}
		perimeter++
		named := func(name string) bool {
			return slices.ContainsFunc(d.Readers, func(r config.Reader) bool { return r.Name == name })
		}
		if !named(wayIn) || !named(wayOut) {
			oneWay = append(oneWay, d.Name)
		}
	}
	switch {
	case perimeter == 0:
		return false, "this gateway has no door to the outside, so nobody knows who came in"
	case len(oneWay) > 0:
		return false, "who leaves is not read at every door to the outside: " + strings.Join(oneWay, ", ")
	}
	return true, ""
}

// sighting gathers who was let in, from the newest event back.
type sighting struct {
	since     time.Time
	perimeter map[string]bool
	unused    map[string]bool // decisions that opened nothing, or that nobody used
	last      map[string]control.SeenPerson
	older     int
}

func (s *sighting) take(e access.Event) bool {
	if e.At.Before(s.since) {
		s.older++
		return s.older < beforeThat
	}
	s.older = 0
	switch e.Kind {
	case access.OutcomeEvent, access.AlarmEvent:
		if notUsed(&e) {
			s.unused[e.Ref] = true
		}
	case access.DecisionEvent:
		s.tap(&e)
	case access.ActionEvent, access.SystemEvent:
	}
	return true
}

// tap takes a decision; the newest of a person counts. Who opens from afar, and a tap
// that was simulated, was not seen. Who was let out and did not go is still inside.
func (s *sighting) tap(e *access.Event) {
	if e.Reason != access.Granted || e.Holder == "" || e.Presence == access.Remote || e.Reader == simulatedReader {
		return
	}
	if _, later := s.last[e.Holder]; later {
		return
	}
	p := control.SeenPerson{Holder: e.Holder, Door: e.Door, At: e.At}
	if e.Reader == wayIn || e.Reader == wayOut {
		p.Way = e.Reader
	}
	p.Left = p.Way == wayOut && s.perimeter[e.Door] && !s.unused[e.ID]
	s.last[e.Holder] = p
}

var _ control.SeenOps = (*gateway)(nil)
