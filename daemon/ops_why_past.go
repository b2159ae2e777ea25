package daemon

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// standpoint is what a question is decided by.
type standpoint struct {
	moment
	rights *access.Snapshot
	facts  access.Facts
	past   bool
	of     time.Time // since when the rights were in force, where they are not those of now
	note   string
}

// atMoment has a question asked of the rights and lockdowns of an instant. A past
// one has those that were in force by the wall clock of then; one to come has those
// of now, with sources as old as they are now.
func (g *gateway) atMoment(ctx context.Context, at time.Time, use func(standpoint) error) error {
	now := g.clock.moment()
	m := standpoint{moment: now, rights: g.rights.Load(), facts: now.facts()}
	m.facts.PIN = access.PINRight // a question is not about digits
	if at.IsZero() {
		return use(m)
	}
	m.moment, m.facts = moment{at: at}, access.Facts{PIN: access.PINRight} // by a clock that is right
	if !at.Before(now.at) {
		m.rights = m.rights.WithAge(at, m.rights.OldestAge(now.at))
		m.note = "the rights are those of now: what changes until then is not known"
		return use(m)
	}
	number, err := g.cache.NumberAt(ctx, at)
	if errors.Is(err, store.ErrNotFound) {
		return &control.Error{
			Code: control.NotFound, Message: "the rights of that time are not kept: they are kept for 30 days, and since the first sync",
			Hint: "what was decided then is in the journal: tilegate event list --until TIME",
		}
	}
	if err != nil {
		return err
	}
	generation, err := g.cache.Generation(ctx, number)
	if err != nil {
		return err
	}
	posture, err := g.ledger.PostureAt(ctx, at)
	if err != nil {
		return err
	}
	m.past, m.of, m.note = true, generation.At, "that the cloud had been heard of by then is taken as given"
	then := rightsThen{number, hex.EncodeToString(generation.Hash[:]), posture}
	return g.withRights(ctx, then, func(s *access.Snapshot) error {
		m.rights = s.WithAge(at, 0)
		return use(m)
	})
}

// Why rights of another time cannot be had.
var (
	errNotKept     = errors.New("the rights of then are not kept any more: they are for 30 days")
	errOtherRights = errors.New("the rights of then are not on the disk: the mirror was begun anew since, or the power went before a change was written")
	errNoLockdowns = errors.New("the lockdowns of then are not known: the ledger was restored from a copy of before them")
)

// rightsThen names the rights of another time: their generation, their hash, and the
// newest word on lockdowns by our own staff.
type rightsThen struct {
	generation uint64
	hash       string
	posture    uint64
}

// withRights has somebody use the rights of another time, with the lockdowns of
// then. Those in force are there; past ones are put together from the disk, one at a
// time, and let go of before the next, so that the doors never share the memory with
// two of them.
func (g *gateway) withRights(ctx context.Context, then rightsThen, use func(*access.Snapshot) error) error {
	lockdowns, err := g.ledger.LockdownsAt(ctx, then.posture)
	if errors.Is(err, store.ErrNotFound) {
		return errNoLockdowns
	}
	if err != nil {
		return err
	}
	if now := g.rights.Load(); hashText(now) == then.hash {
		return use(now.WithLockdowns(lockdowns, then.posture))
	}
	select {
	case g.past <- struct{}{}:
	case <-ctx.Done(): // nobody waits for the answer any more
		return ctx.Err()
	}
	defer func() { <-g.past }()
	defer debug.FreeOSMemory() // also of the rows that it was made of
	s, err := g.pastRights(ctx, then.generation, then.hash)
	if err != nil {
		return err
	}
	return use(s.WithLockdowns(lockdowns, then.posture))
}

func hashText(s *access.Snapshot) string {
	hash := s.Hash()
	return hex.EncodeToString(hash[:])
}

// pastRights puts the rights of a generation together.
func (g *gateway) pastRights(ctx context.Context, number uint64, hash string) (*access.Snapshot, error) {
	if number == 0 { // before there were any
		return access.Build(access.Roster{}, g.rights.Load().Contacts(), 0)
	}
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != len(store.Generation{}.Hash) {
		return nil, errOtherRights
	}
	generation, err := g.cache.GenerationOf(ctx, number, [32]byte(sum))
	if errors.Is(err, store.ErrNotFound) {
		return nil, g.missingRights(ctx, number)
	}
	if err != nil {
		return nil, err
	}
	s, err := g.cache.SnapshotAt(ctx, generation.Number, g.rights.Load().Contacts())
	switch {
	case err != nil:
		return nil, fmt.Errorf("the rights of generation %d cannot be put together: %w", generation.Number, err)
	case generation.Form == access.HashForm && hashText(s) != hash: // one of another form cannot be compared
		return nil, errOtherRights
	}
	return s, nil
}

// missingRights is why rights that decided cannot be found.
func (g *gateway) missingRights(ctx context.Context, number uint64) error {
	switch _, err := g.cache.Generation(ctx, number); {
	case errors.Is(err, store.ErrNotFound):
		return errNotKept
	case err != nil:
		return err
	}
	return errOtherRights
}
