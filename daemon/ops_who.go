package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// namesAtOnce is how many people wait for their names before they are told.
const namesAtOnce = 200

// pastPatience is how long a list of another time may take to be read: while it is,
// nobody else may ask of another time.
const pastPatience = 3 * time.Minute

// Who tells who could open a door, person by person: no list of them is ever held.
func (g *gateway) Who(ctx context.Context, q control.WhoQuery, each func(control.Opener) error) error {
	return g.atMoment(ctx, q.At, func(m standpoint) error {
		if m.past { // others wait for their turn
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, pastPatience)
			defer stop()
		}
		if !m.rights.HasDoor(q.Door) {
			_, err := g.findDoor(q.Door)
			if err != nil {
				return err
			}
		}
		teller := openers{g: g, each: each}
		var failed error
		tap, facts := access.Exact(access.Tap{Door: q.Door, Presence: q.Presence, At: m.at}, m.facts)
		m.rights.Openings(tap, facts, func(o access.Opening) bool {
			if counts(&o, q.All) {
				failed = teller.add(ctx, opener(m.rights, &o))
			} else {
				failed = ctx.Err()
			}
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		return teller.flush(ctx)
	})
}

// counts says whether somebody is to be told of: who could open the door, or with
// all who has a right that covers it.
func counts(o *access.Opening, all bool) bool {
	if o.Decision.Granted() && !o.Unarmed {
		return true
	}
	return all && !slices.ContainsFunc(o.Decision.Misses(), func(m access.Miss) bool { return m.Reason == access.NoGrant })
}

func opener(s *access.Snapshot, o *access.Opening) control.Opener {
	e := s.Explain(o.Decision)
	told := control.Opener{
		Holder: o.Holder, Granted: e.Granted && !o.Unarmed, Reason: e.Reason, Grant: e.Grant, Until: o.Until, Works: e.Works, NoCard: o.Unarmed,
	}
	for i := range e.Misses {
		if told.Grant == nil {
			told.Grant = e.Misses[i].Grant
		}
	}
	return told
}

// openers gives people their names, some at once.
type openers struct {
	g       *gateway
	each    func(control.Opener) error
	waiting []control.Opener
}

func (t *openers) add(ctx context.Context, o control.Opener) error {
	t.waiting = append(t.waiting, o)
	if len(t.waiting) < namesAtOnce {
		return nil
	}
	return t.flush(ctx)
}

func (t *openers) flush(ctx context.Context) error {
	ids := make([]string, len(t.waiting))
	for i := range t.waiting {
		ids[i] = t.waiting[i].Holder
	}
	names, err := t.g.cache.Names(ctx, ids)
	if err != nil {
		return err
	}
	for _, o := range t.waiting {
		if err := ctx.Err(); err != nil {
			return err
		}
		o.Name = names[o.Holder]
		if err := t.each(o); err != nil {
			return err
		}
	}
	t.waiting = t.waiting[:0]
	return nil
}

var _ control.WhoOps = (*gateway)(nil)
