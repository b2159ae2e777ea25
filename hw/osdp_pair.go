package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// pairGrace is how much sooner than its caller the panel gives up, so that the
// caller hears why.
const pairGrace = time.Second

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

// pair gives the device a new key. Only one pairing runs at a time.
func (d *osdpDevice) pair(ctx context.Context, say func(step string)) error {
	window := time.Minute
	if until, bounded := ctx.Deadline(); bounded {
		window = max(0, time.Until(until)-pairGrace)
	}
	wait := &osdpPairing{steps: make(chan string, 16), done: make(chan error, 1)}
	d.bus.mu.Lock()
	err := error(nil)
	switch {
	case d.tie.insecure:
		err = errors.New("the settings say insecure = true: take that away first, then pair")
	case d.pairing != nil:
		err = errors.New("it is being paired already")
	default:
		if err = d.peer.Pair(time.Now(), window); err == nil {
			d.pairing = wait
		}
	}
	d.bus.mu.Unlock()
	if err != nil {
		return fmt.Errorf("address %d: %w", d.tie.address, err)
	}
	d.bus.nudge()
	for {
		select {
		case step := <-wait.steps:
			say(step)
		case <-ctx.Done():
			return fmt.Errorf("address %d: %w", d.tie.address, ctx.Err())
		case err := <-wait.done:
			for len(wait.steps) > 0 {
				say(<-wait.steps)
			}
			if err != nil {
				return fmt.Errorf("address %d: %w", d.tie.address, err)
			}
			return nil
		}
	}
}
