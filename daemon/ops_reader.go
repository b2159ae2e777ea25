package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

// strikeDevice is how the strike of a door is named among its devices.
const strikeDevice = "strike"

// deviceOf is one device of a door, whatever it is.
type deviceOf struct {
	name  string
	use   hw.PortUse
	stats func() hw.Stats
	self  any // the device, to ask what else it can
}

// devices lists what is wired to a door.
func (d *openDoor) devices() []deviceOf {
	var all []deviceOf
	for i, t := range d.tiles {
		all = append(all, deviceOf{t.name, d.settings.Readers[i].Plan.Port(), t.reader.Stats, t.reader})
	}
	return append(all, deviceOf{strikeDevice, d.settings.Strike.Port(), d.strike.Stats, d.strike})
}

// Readers lists every device of every door.
func (g *gateway) Readers(context.Context) ([]control.Reader, error) {
	var all []control.Reader
	for _, d := range g.doors.all() {
		for _, one := range d.devices() {
			s := one.stats()
			_, pairable := one.self.(hw.Pairer)
			view := control.Reader{
				Device: device(s, one.use), Door: d.id, Address: one.use.Address, Identity: s.Identity,
				Secure: s.Secure, Pairable: pairable, Tampered: s.Tampered, NoPower: s.NoPower, LastSeen: s.LastSeen,
				Why: s.Drops, Steps: s.Steps,
			}
			view.Name = one.name
			all = append(all, view)
		}
	}
	return all, nil
}

// PairReader gives a device a key of its own. It goes on although the caller
// went away: half a pairing is worse than one that nobody watched.
func (g *gateway) PairReader(ctx context.Context, caller control.Caller, ask control.Pairing, each func(control.Step) error) error {
	d, one, err := g.deviceThat(ask.Door, ask.Device, "be paired", can[hw.Pairer])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ask.Window)
	defer cancel()
	err = one.self.(hw.Pairer).Pair(ctx, g.tell(each))
	d.acted(caller, one, "paired", err)
	if errors.Is(err, context.DeadlineExceeded) {
		return &control.Error{
			Code: control.Timeout, Message: fmt.Sprintf("reader %s of door %s was not paired within %v", one.name, d.id, ask.Window),
			Hint: "is it powered, at the right address and speed, and in install mode? see: tilegate reader list",
		}
	}
	return err
}

// MoveReader gives a device another address, or its line another speed. It goes
// on although the caller went away.
func (g *gateway) MoveReader(ctx context.Context, caller control.Caller, ask control.Moving, each func(control.Step) error) error {
	d, one, err := g.deviceThat(ask.Door, ask.Device, "be moved", can[hw.Mover])
	if err != nil {
		return err
	}
	address := -1 // as it is
	if ask.Address != nil {
		address = *ask.Address
	}
	err = one.self.(hw.Mover).Move(context.WithoutCancel(ctx), address, ask.Baud, g.tell(each))
	d.acted(caller, one, "moved", err)
	return err
}

// tell tells steps to whoever still watches.
func (g *gateway) tell(each func(control.Step) error) func(string) {
	return func(text string) {
		_ = each(control.Step{At: g.clock.moment().at, Text: text}) // nobody watches any more
	}
}

// acted writes down what somebody did to a device, and what came of it.
func (d *openDoor) acted(caller control.Caller, one deviceOf, did string, err error) {
	event := d.event(access.ActionEvent)
	event.Actor, event.Detail, event.Reader = caller.Name, "reader "+did, one.name
	if err != nil {
		event.Detail = "reader not " + did + ": " + oneLine(err.Error())
	}
	d.journal.Append(event)
}

// EnableKeypad switches a keypad on again that guessing switched off. The tries
// that were used stay used.
func (g *gateway) EnableKeypad(_ context.Context, caller control.Caller, door, reader string) (control.Enabled, error) {
	d, err := g.findDoor(door)
	if err != nil {
		return control.Enabled{}, err
	}
	var names []string
	for _, t := range d.tiles {
		names = append(names, t.name)
		if t.name != reader && (reader != "" || len(d.tiles) > 1) {
			continue
		}
		done := control.Enabled{Door: d.id, Reader: t.name, WasOff: g.pins.enable(t.pad.keypad, g.clock.Mono())}
		event := d.event(access.ActionEvent)
		event.Actor, event.Detail, event.Reader = caller.Name, "keypad switched on", t.name
		g.journal.Append(event)
		return done, nil
	}
	return control.Enabled{}, &control.Error{Code: control.NotFound, Message: notThere(d.id, reader), Hint: "it has: " + strings.Join(names, ", ")}
}

// can says whether a device is of a kind.
func can[T any](device any) bool {
	_, ok := device.(T)
	return ok
}

// deviceThat is the device of that name that can do something; without a name,
// the only one that can.
func (g *gateway) deviceThat(door, name, what string, can func(any) bool) (*openDoor, deviceOf, error) {
	d, err := g.findDoor(door)
	if err != nil {
		return nil, deviceOf{}, err
	}
	var able []deviceOf
	var names []string
	for _, one := range d.devices() {
		if name != "" && one.name == name && !can(one.self) {
			return nil, one, &control.Error{
				Code: control.Conflict, Message: fmt.Sprintf("%s of door %s speaks %s, and cannot %s", name, d.id, one.use.Protocol, what),
			}
		}
		if can(one.self) {
			names = append(names, one.name)
			if name == "" || one.name == name {
				able = append(able, one)
			}
		}
	}
	switch {
	case len(able) == 1:
		return d, able[0], nil
	case len(names) == 0:
		return nil, deviceOf{}, &control.Error{Code: control.NotFound, Message: fmt.Sprintf("door %s has no device that can %s", d.id, what), Hint: "see: tilegate reader list"}
	}
	return nil, deviceOf{}, &control.Error{Code: control.NotFound, Message: notThere(d.id, name), Hint: "say which: " + strings.Join(names, ", ")}
}

func notThere(door, name string) string {
	if name == "" {
		return fmt.Sprintf("door %s has several devices", door)
	}
	return fmt.Sprintf("door %s has no device %q", door, name)
}

var (
	_ control.ReaderOps = (*gateway)(nil)
	_ control.MoverOps  = (*gateway)(nil)
)
