package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// moveWithin is how long a device may take to be found where it was sent.
const moveWithin = 20 * time.Second

// Why a device is not moved.
var (
	errMoveTwice  = errors.New("the device is being moved already")
	errMoveOthers = errors.New("not every device on the line answers: one that is left behind at the old speed can only be reached by going there; put them all in order first")
)

// moved ends a move; the caller holds mu.
func (d *osdpDevice) moved(e osdp.Moved) {
	if d.moving != nil {
		d.moving <- e.Err
		d.moving = nil
	}
}

// move gives the device another address, and then its line another speed. Each
// is proved by finding the device there.
func (d *osdpDevice) move(ctx context.Context, address, baud int, say func(step string)) error {
	from, speed := d.place()
	if address < 0 {
		address = from
	}
	if baud == 0 {
		baud = speed
	}
	if err := d.mayMove(address, baud); err != nil {
		return fmt.Errorf("address %d: %w", d.tie.address, err)
	}
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	if address != from {
		if err := d.keepFor(address); err != nil {
			return fmt.Errorf("address %d: its key cannot be kept for address %d, so it stays: %w", from, address, err)
		}
		say(fmt.Sprintf("sending the device from address %d to %d", from, address))
		if err := d.awaitMove(ctx, func() error { return d.bus.panel.Readdress(d.peer, byte(address)) }); err != nil {
			return fmt.Errorf("address %d: moving to %d: %w", from, address, err)
		}
		say(fmt.Sprintf("found at address %d", address))
	}
	if baud != speed {
		say(fmt.Sprintf("telling all devices of the line to go from %d to %d baud", speed, baud))
		if err := d.awaitMove(ctx, func() error { return d.bus.hasten(baud) }); err != nil {
			return fmt.Errorf("address %d: changing to %d baud: %w", address, baud, err)
		}
		say(fmt.Sprintf("found at %d baud", baud))
	}
	say(fmt.Sprintf("now write address = %d and baud = %d into the settings and reload", address, baud))
	return nil
}

// place is where the device is now.
func (d *osdpDevice) place() (address, baud int) {
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	return int(d.peer.Address()), d.bus.speed
}

// mayMove says what is against a move.
func (d *osdpDevice) mayMove(address, baud int) error {
	if address < 0 || address > 126 {
		return fmt.Errorf("to address %d: use 0 to 126", address)
	}
	if !osdpSpeed(baud) {
		return fmt.Errorf("to %d baud: use one of %d", baud, osdpSpeeds)
	}
	if err := d.reachable(); err != nil {
		return err
	}
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	if baud == d.bus.speed {
		return nil
	}
	for _, other := range d.bus.devices {
		if !trusted(other.state) {
			return errMoveOthers
		}
	}
	return nil
}

// keepFor puts the key where it is looked for when the settings have the new
// address and name no key.
func (d *osdpDevice) keepFor(address int) error {
	if d.tie.key != keyNameOf(d.bus.path, int(d.tie.address)) {
		return nil
	}
	kept, err := d.bus.keys.Keys(d.tie.key)
	if err != nil || len(kept.Current)+len(kept.Pending) == 0 {
		return err
	}
	return d.bus.keys.Keep(keyNameOf(d.bus.path, address), kept)
}

// hasten changes the speed of the line once every reader on it can follow. The
// caller holds mu.
func (b *osdpBus) hasten(baud int) error {
	for _, d := range b.devices {
		if !d.peer.Movable() {
			return osdp.ErrOffline
		}
	}
	return b.panel.Speed(time.Now(), baud)
}

// moveAgain is how soon a device is asked again that could not move just now,
// since it is just being met.
const moveAgain = 50 * time.Millisecond

// awaitMove begins a move and waits for its end.
func (d *osdpDevice) awaitMove(ctx context.Context, begin func() error) error {
	wait := make(chan error, 1)
	err := errMoveTwice
	for first := true; first || errors.Is(err, osdp.ErrOffline) && pause(ctx, moveAgain) == nil; first = false {
		d.bus.mu.Lock()
		if err = errMoveTwice; d.moving == nil {
			if err = begin(); err == nil {
				d.moving = wait
			}
		}
		d.bus.mu.Unlock()
	}
	if err != nil {
		return err
	}
	d.bus.nudge()
	select {
	case err := <-wait:
		return err
	case <-ctx.Done():
	}
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	d.moving = nil
	return ctx.Err()
}
