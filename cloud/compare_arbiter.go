package cloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// arbiter decides by the rights of one generation, as far as they are Kisi's.
type arbiter struct {
	number   uint64
	roster   access.Roster
	snapshot *access.Snapshot
	cards    map[string]int // id → one of its rows
	holders  map[string]int // id → row
}

// question is an event as we would have met it.
type question struct {
	holder, door, card string
	at                 time.Time
	presence           access.Presence
}

func (c *comparing) question(e *kisi.Event) question {
	q := question{
		holder: c.mirror.holderID(e.ActorType, e.ActorID), door: c.mirror.doorID(e.ObjectID),
		at: e.CreatedAt, presence: access.Remote,
	}
	switch e.AuthenticatedBy {
	case "Card":
		q.presence, q.card = access.AtReader, "kisi-card-"+string(e.AuthenticatedByID)
	case "ApplePassInstance":
		q.presence = access.AtReader
	}
	return q
}

// arbiterOf is the arbiter of a generation. The last one is kept, since events come
// in the order of their time.
func (c *comparing) arbiterOf(ctx context.Context, number uint64) (*arbiter, error) {
	if c.arbiter != nil && c.arbiter.number == number {
		return c.arbiter, nil
	}
	c.arbiter = nil // so that never two are held at once
	roster, err := c.past.RosterOf(ctx, number)
	if err != nil {
		return nil, err
	}
	c.arbiter, err = newArbiter(number, onlyKisi(roster))
	return c.arbiter, err
}

// onlyKisi leaves Kisi's own rights, and of our settings only the zone of the
// site: what else they ask for, Kisi does not know.
func onlyKisi(r access.Roster) access.Roster {
	r.Grants = slices.DeleteFunc(slices.Clone(r.Grants), func(g access.Grant) bool { return g.Source != kisiSourceName })
	zone := ""
	for _, p := range r.Policies {
		zone = cmp.Or(zone, p.Zone)
	}
	r.Policies = make([]access.Policy, len(r.Doors))
	for i := range r.Doors {
		r.Policies[i] = access.Policy{Door: r.Doors[i].ID, Zone: zone}
	}
	return r
}

func newArbiter(number uint64, roster access.Roster) (*arbiter, error) {
	contact := []access.Contact{{Source: kisiSourceName, Ageless: true}}
	snapshot, err := access.Build(roster, contact, number)
	if err != nil {
		return nil, fmt.Errorf("rights of generation %d: %w", number, err)
	}
	a := &arbiter{number: number, roster: roster, snapshot: snapshot, cards: map[string]int{}, holders: map[string]int{}}
	for i := range roster.Assignments {
		a.cards[roster.Assignments[i].ID] = i
	}
	for i := range roster.Holders {
		a.holders[roster.Holders[i].ID] = i
	}
	return a, nil
}

func (a *arbiter) knows(holder string) bool { _, known := a.holders[holder]; return known }

// answer decides, as if the phone had been held to the tile if only that makes it
// fit: the log does not say.
func (a *arbiter) answer(q question, said verdict) (d access.Decision, near bool) {
	d = a.decide(q)
	if said.opened && !d.Granted() && q.presence == access.Remote {
		q.presence = access.Near
		if close := a.decide(q); close.Granted() {
			return close, true
		}
	}
	return d, false
}

func (a *arbiter) decide(q question) access.Decision {
	tap := access.Tap{Door: q.door, Presence: q.presence, At: q.at}
	facts := access.Facts{Clock: access.ClockSynced, PIN: access.PINRight}
	if at, known := a.cards[q.card]; known && a.roster.Assignments[at].Holder == q.holder {
		row := &a.roster.Assignments[at]
		tap.Credential = access.Credential{Kind: row.Kind, Digest: row.Digest, Assurance: row.Assurance}
		return a.snapshot.Decide(tap, facts)
	}
	return a.snapshot.DecideHolder(q.holder, tap, facts)
}

func (a *arbiter) example(e *kisi.Event, q question, d access.Decision) Example {
	explained := a.snapshot.Explain(d)
	x := Example{
		At: e.CreatedAt.UTC(), Person: q.holder, PersonID: q.holder, Door: a.snapshot.DoorName(q.door), DoorID: q.door,
		By: cmp.Or(e.AuthenticatedBy, "nothing named"), Words: explained.Words,
	}
	if at, known := a.holders[q.holder]; known {
		x.Person = cmp.Or(a.roster.Holders[at].Name, q.holder)
	}
	grant := explained.Grant
	for _, m := range explained.Misses {
		x.Reasons = append(x.Reasons, m.Reason)
		x.Detail = cmp.Or(x.Detail, m.Detail)
		if grant == nil {
			grant = m.Grant
		}
	}
	if grant != nil {
		x.Group = cmp.Or(grant.ScopeName, grant.ScopeID)
	}
	return x
}
