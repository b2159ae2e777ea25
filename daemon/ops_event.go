package daemon

import (
	"context"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// Events reads the journal, oldest first.
func (g *gateway) Events(ctx context.Context, q control.EventQuery) ([]access.Event, error) {
	return g.journal.Events(ctx, store.EventQuery(q))
}

// Follow calls each for every event after q.After, or from now on if that is 0.
func (g *gateway) Follow(ctx context.Context, q control.EventQuery, each func(access.Event) error) error {
	after := q.After
	if after == 0 {
		after = g.journal.Stats().Last
	}
	for {
		if err := g.journal.Wait(ctx, after); err != nil {
			return err
		}
		// Before the events are read: what is written meanwhile is for the next round.
		last := g.journal.Stats().Last
		events, err := g.journal.Events(ctx, store.EventQuery{After: after, Limit: 500, Door: q.Door, Kind: q.Kind, Reason: q.Reason})
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := each(e); err != nil {
				return err
			}
			after = e.Seq
		}
		if len(events) < 500 && last > after {
			// Everything up to last was looked at; the rest did not match.
			after = last
		}
	}
}
