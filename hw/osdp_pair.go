package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// How long a pairing may take if nobody said so, and how much sooner than its
// caller the panel gives up, so that the caller hears why.
const (
	pairWindow = time.Minute
	pairGrace  = time.Second
)

// Why a device is not paired.
var (
	errPairInsecure = errors.New("the settings say insecure = true: take that away first, then pair")
	errPairTwice    = errors.New("it is being paired already")
)

// osdpPairing is somebody who waits for a device to be paired.
type osdpPairing struct {
	steps chan string
	done  chan error
}

// say tells whoever waits for the pairing; the caller holds mu.
func (d *osdpDevice) say(step string) {
	if d.pairing == nil {
		return
	}
	select {
	case d.pairing.steps <- step:
	default:
	}
}

// paired ends the pairing; the caller holds mu.
func (d *osdpDevice) paired(e osdp.Paired) {
	if e.Err == nil {
		d.known = e.Identity
	}
	if d.pairing != nil {
		d.pairing.done <- e.Err
		d.pairing = nil
	}
}

// pair gives the device a new key. Only one pairing runs at a time, and none
// goes on without who asked for it.
func (d *osdpDevice) pair(ctx context.Context, say func(step string)) error {
	ctx, cancel := context.WithTimeout(ctx, pairWindow)
	defer cancel()
	wait, err := d.beginPairing(ctx)
	if err != nil {
		return fmt.Errorf("address %d: %w", d.tie.address, err)
	}
	d.bus.nudge()
	for {
		select {
		case step := <-wait.steps:
			say(step)
			continue
		case err = <-wait.done:
		case <-ctx.Done():
			err = d.endPairing(ctx, wait)
		}
		for len(wait.steps) > 0 {
			say(<-wait.steps)
		}
		if err != nil {
			return fmt.Errorf("address %d: %w", d.tie.address, err)
		}
		d.awaitTrust(ctx)
		return nil
	}
}

// awaitTrust waits, not for long, until a device that was paired has said what it
// kept from before, and is believed.
func (d *osdpDevice) awaitTrust(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	for {
		d.bus.mu.Lock()
		done, changed := d.gone || trusted(d.state), d.changed
		d.bus.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-within.Done():
			return
		}
	}
}

func (d *osdpDevice) beginPairing(ctx context.Context) (*osdpPairing, error) {
	if line := d.bus.line.Stats(); !line.Up {
		return nil, errors.New(line.Err)
	}
	until, _ := ctx.Deadline()
	wait := &osdpPairing{steps: make(chan string, 64), done: make(chan error, 1)}
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	switch {
	case d.tie.insecure:
		return nil, errPairInsecure
	case d.pairing != nil:
		return nil, errPairTwice
	}
	if err := d.peer.Pair(time.Now(), max(0, time.Until(until)-pairGrace)); err != nil {
		return nil, err
	}
	d.pairing = wait
	return wait, nil
}

// endPairing stops a pairing that nobody waits for any more.
func (d *osdpDevice) endPairing(ctx context.Context, wait *osdpPairing) error {
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	if d.pairing != wait {
		return <-wait.done // it ended meanwhile
	}
	d.pairing = nil
	d.peer.StopPairing(time.Now())
	return ctx.Err()
}
