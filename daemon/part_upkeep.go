package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/store"
)

// How often the files are looked after, and how long past rights are kept so
// that a decision can be replayed.
const (
	upkeepFirst  = 10 * time.Minute // after the start: the doors come first
	upkeepEvery  = 24 * time.Hour
	rightsReplay = 30 * 24 * time.Hour
)

// upkeep reads the files whole once a day and drops what is no longer needed.
// No tap ever waits for it.
type upkeep struct {
	g   *gateway
	log hclog.Logger
}

func (u upkeep) run(ctx context.Context) error {
	next := time.NewTimer(upkeepFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
			u.round(ctx)
			next.Reset(upkeepEvery)
		}
	}
}

func (u upkeep) round(ctx context.Context) {
	g := u.g
	// Nothing is dropped but by what has surely passed, whatever the clock shows.
	if err := g.cache.Forget(ctx, g.clock.moment().sweep.Add(-rightsReplay)); err != nil {
		u.log.Warn("old rights could not be dropped", "error", err)
	}
	for _, file := range []struct {
		name  string
		check func(context.Context) error
	}{{"journal.db", g.journal.Check}, {"cache.db", g.cache.Check}, {"ledger.db", g.ledger.Check}} {
		err := file.check(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			u.log.Error("a file is not sound", "file", file.name, "error", err)
		}
		g.troubles.set(errors.Is(err, store.ErrDamaged), troubleFileDamaged, file.name, errWords(err))
	}
}
