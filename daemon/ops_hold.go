package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilegate/tilegate/daemon/control"
)

// HoldDoor holds a door open for a while.
func (g *gateway) HoldDoor(ctx context.Context, caller control.Caller, hold control.Hold) (control.Held, error) {
	d, err := g.findDoor(hold.Door)
	if err != nil {
		return control.Held{}, err
	}
	a, err := d.ask(ctx, ask{do: d.holding(caller.Name, hold.For)})
	if err := g.holdError(d.id, err, a.err); err != nil {
		return control.Held{}, err
	}
	if err := keptIn(ctx, a.kept); err != nil {
		g.postures.later(g.postures.say(a.back))
		return control.Held{}, fmt.Errorf("door %s: the hold could not be written down, so it was ended: %w", d.id, err)
	}
	return control.Held{Door: d.id, Until: a.posture.Until, Event: a.event}, nil
}

// Release ends our own lockdown of exactly this door, place or site; of a door
// that has none, its hold or its unlock hours.
func (g *gateway) Release(ctx context.Context, caller control.Caller, where control.Where) (control.Released, error) {
	scope, where, err := g.scopeOf(where, true)
	if err != nil {
		return control.Released{}, err
	}
	if _, ours := g.postures.locked(scope); ours {
		return g.endLockdown(caller, scope, where)
	}
	if where.Door == "" {
		return control.Released{}, &control.Error{
			Code: control.Conflict, Message: where.String() + " is not locked down from here", Hint: "see: tilegate door list",
		}
	}
	d, err := g.findDoor(where.Door)
	if err != nil {
		return control.Released{}, err
	}
	a, err := d.ask(ctx, ask{do: d.releasing(caller.Name)})
	if err := g.holdError(d.id, err, a.err); err != nil {
		return control.Released{}, err
	}
	if err := keptIn(ctx, a.kept); err != nil {
		return control.Released{}, fmt.Errorf("door %s is locked, but that is not written down yet: after a restart it may stand open again: %w", d.id, err)
	}
	done := control.Released{Where: where, Ended: "unlock_hours", Kept: a.posture.Until, Event: a.event}
	if a.held {
		done.Ended = "hold"
	}
	return done, nil
}

// keptIn waits until what was said is durable.
func keptIn(ctx context.Context, kept <-chan error) error {
	select {
	case err := <-kept:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holdError puts into words why a door does not stand as it was asked to.
func (g *gateway) holdError(door string, asked, did error) error {
	switch {
	case asked != nil:
		return asked
	case did != nil && g.rights.Load().LockedDown(door):
		return &control.Error{Code: control.Conflict, Message: g.shutWords(door), Hint: g.endOf(door)}
	case errors.Is(did, errLockedDown), errors.Is(did, errNotHeld):
		return &control.Error{Code: control.Conflict, Message: fmt.Sprintf("door %s: %v", door, did), Hint: "see: tilegate door list"}
	case did != nil:
		return fmt.Errorf("door %s: %w", door, did)
	}
	return nil
}

var _ control.HoldOps = (*gateway)(nil)
