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
	if err := holdError(d.id, err, a.err); err != nil {
		return control.Held{}, err
	}
	now, _ := g.clock.now()
	return control.Held{Door: d.id, Until: now.Add(hold.For), Event: a.event}, nil
}

// ReleaseDoor ends a hold.
func (g *gateway) ReleaseDoor(ctx context.Context, caller control.Caller, id string) (control.Held, error) {
	d, err := g.findDoor(id)
	if err != nil {
		return control.Held{}, err
	}
	a, err := d.ask(ctx, ask{do: d.releasing(caller.Name)})
	if err := holdError(d.id, err, a.err); err != nil {
		return control.Held{}, err
	}
	return control.Held{Door: d.id, Event: a.event}, nil
}

// holdError puts into words why a hold could not be changed.
func holdError(door string, asked, did error) error {
	switch {
	case asked != nil:
		return asked
	case errors.Is(did, errLockedDown), errors.Is(did, errNotHeld):
		return &control.Error{Code: control.Conflict, Message: fmt.Sprintf("door %s: %v", door, did), Hint: "see: tilegate door list"}
	case did != nil:
		return fmt.Errorf("door %s: %w", door, did)
	}
	return nil
}

var _ control.HoldOps = (*gateway)(nil)
