package hw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// order sends a command and waits until the device did it. Once ctx has ended it
// is not sent any more.
func (d *osdpDevice) order(ctx context.Context, command osdp.Command) error {
	err := ctx.Err()
	if err == nil {
		err = d.reachable()
	}
	if err == nil {
		err = d.wait(ctx, command)
	}
	if err != nil {
		return fmt.Errorf("address %d: %w", d.tie.address, err)
	}
	return nil
}

func (d *osdpDevice) wait(ctx context.Context, command osdp.Command) error {
	until, bounded := ctx.Deadline()
	if own := time.Now().Add(answerTime + time.Second); !bounded || until.After(own) {
		until = own
	}
	within, cancel := context.WithDeadline(ctx, until.Add(answerTime))
	defer cancel()
	ticket, waits, err := d.queue(command, until)
	for errors.Is(err, osdp.ErrFull) && pause(within, queueFull) == nil {
		ticket, waits, err = d.queue(command, until)
	}
	if err != nil {
		return err
	}
	d.bus.nudge()
	select {
	case err := <-waits:
		return err
	case <-within.Done():
	}
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	if _, still := d.waiting[ticket]; !still {
		return <-waits // it was answered meanwhile
	}
	delete(d.waiting, ticket)
	d.peer.Withdraw(time.Now(), ticket)
	if err := ctx.Err(); err != nil {
		return err
	}
	return errOSDPSilent
}

// queueFull is how soon a command is tried again that found the queue full, as
// when all sixteen doors of a module are opened at once.
const queueFull = 10 * time.Millisecond

func (d *osdpDevice) queue(command osdp.Command, until time.Time) (osdp.Ticket, <-chan error, error) {
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	if d.gone {
		return 0, nil, os.ErrClosed
	}
	ticket, err := d.peer.Queue(time.Now(), command, until)
	if err != nil {
		return 0, nil, err
	}
	waits := make(chan error, 1)
	d.waiting[ticket] = waits
	return ticket, waits, nil
}

// show sends commands that nobody waits for.
func (d *osdpDevice) show(commands ...osdp.Command) error {
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	if d.gone {
		return os.ErrClosed
	}
	now := time.Now()
	var all []error
	for _, c := range commands {
		_, err := d.peer.Queue(now, c, now.Add(2*time.Second))
		if !errors.Is(err, osdp.ErrUnsupported) {
			all = append(all, err)
		}
	}
	d.bus.nudge()
	return errors.Join(all...)
}
