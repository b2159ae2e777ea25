package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// CompareKisi decides again what Kisi decided in the last days.
func (g *gateway) CompareKisi(ctx context.Context, ask control.Comparison, each func(control.Compared) error) error {
	var kisi cloud.Comparer
	for _, s := range g.sources.all() {
		if comparer, can := s.source.(cloud.Comparer); can {
			kisi = comparer
		}
	}
	if kisi == nil {
		return &control.Error{Code: control.NotFound, Message: "Kisi is not connected", Hint: "add a [kisi] section with api_key_file to the settings, then: tilegate reload"}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	until, _ := g.clock.now()
	from := until.Add(-time.Duration(ask.Days) * 24 * time.Hour)
	report, err := kisi.Compare(ctx, from, until, pastRights{g.cache, g.rights}, func(step cloud.Comparing) {
		if err := each(control.Compared{Comparing: step}); err != nil {
			stop(err) // nobody listens any more
		}
	})
	switch {
	case errors.Is(err, cloud.ErrComparing):
		return &control.Error{Code: control.Busy, Message: err.Error(), Hint: "try again later"}
	case err != nil && context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	return each(control.Compared{Report: &report})
}

// pastRights are the rights of earlier days, as far as the cache keeps them.
type pastRights struct {
	cache *store.Cache
	now   *rights
}

// NumberAt is the generation in force at an instant, or today's.
func (p pastRights) NumberAt(ctx context.Context, at time.Time) (number uint64, kept bool, err error) {
	number, err = p.cache.NumberAt(ctx, at)
	if errors.Is(err, store.ErrNotFound) {
		return p.now.Load().Generation(), false, nil
	}
	return number, err == nil, err
}

// RosterOf is what all sources said in a generation.
func (p pastRights) RosterOf(ctx context.Context, number uint64) (access.Roster, error) {
	return p.cache.At(ctx, number)
}
