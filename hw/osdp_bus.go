package hw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/osdp"
	"github.com/tilegate/tilegate/hw/serial"
)

// muteLine is how long all devices of a line may be silent before its port is
// opened anew: some adapters hang until then.
const muteLine = 30 * time.Second

// errMuteLine is why.
var errMuteLine = errors.New("no device on the line answers; the port is opened anew, in case the adapter hangs")

// osdpBus is one OSDP line. Its loop is the only one that touches the port; what
// devices want is queued in the panel, and the loop is woken.
type osdpBus struct {
	line *serial.Line
	keys KeyRing
	log  hclog.Logger
	wake chan struct{} // capacity 1: something was queued

	once   sync.Once
	closed chan struct{}

	mu      sync.Mutex // guards all below, and all in the devices
	panel   *osdp.Bus
	devices map[byte]*osdpDevice
	heard   time.Time // when any device last answered, or the port was opened
	resets  uint64    // how often the port was opened anew because all were silent
}

func newOSDPBus(use PortUse, keys KeyRing, log hclog.Logger) *osdpBus {
	return &osdpBus{
		line: serial.NewLine(use.Settings, log), keys: keys, log: log.With("port", use.Settings.Path),
		wake: make(chan struct{}, 1), closed: make(chan struct{}),
		panel: osdp.NewBus(use.Settings.Baud), devices: map[byte]*osdpDevice{},
	}
}

// Close ends the loop and gives the port back.
func (b *osdpBus) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.line.Close()
}

// loop speaks on the line until ctx ends or the bus is closed.
func (b *osdpBus) loop(ctx context.Context) error {
	buf := make([]byte, 2048)
	last := 0
	for {
		port, session, err := b.line.Up(ctx)
		switch {
		case err != nil && (ctx.Err() != nil || errors.Is(err, os.ErrClosed)):
			return nil
		case err != nil:
			return err
		case session != last:
			last = session
			b.opened()
		}
		if err := b.turn(ctx, port, buf); err != nil && ctx.Err() == nil {
			b.line.Lost(session, err)
		}
	}
}

// opened begins anew on a port that was just opened.
func (b *osdpBus) opened() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = time.Now()
	b.panel.Restart(b.heard)
}

// turn is one question and its answer, or the silence until there is one.
func (b *osdpBus) turn(ctx context.Context, port *serial.Port, buf []byte) error {
	now := time.Now()
	b.mu.Lock()
	turn := b.panel.Next(now)
	b.deliver()
	mute := now.Sub(b.heard) > muteLine && len(b.devices) > 0
	if mute {
		b.resets++
	}
	b.mu.Unlock()
	switch {
	case mute:
		return errMuteLine
	case turn.Frame == nil:
		return b.idle(ctx, turn.Until)
	}
	if err := port.Discard(); err != nil { // a reply that came too late answers nothing
		return err
	}
	if err := port.Write(ctx, turn.Frame); err != nil {
		return err
	}
	return b.listen(ctx, port, buf, turn.Until)
}

// idle waits until the panel has something to say.
func (b *osdpBus) idle(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.wake:
	case <-b.closed:
	case <-ctx.Done():
	}
	return nil
}

// listen takes what is answered until the panel has enough, or the time is over.
func (b *osdpBus) listen(ctx context.Context, port *serial.Port, buf []byte, until time.Time) error {
	for {
		within, cancel := context.WithDeadline(ctx, until)
		n, err := port.Read(within, buf)
		cancel()
		if n == 0 && err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
		now, done := time.Now(), true
		b.mu.Lock()
		if n > 0 {
			until, done = b.panel.Heard(now, buf[:n])
		} else {
			b.panel.Silence(now)
		}
		b.deliver()
		b.mu.Unlock()
		if done {
			return nil
		}
	}
}

// deliver hands what the devices said to whom it concerns. The caller holds mu.
func (b *osdpBus) deliver() {
	for _, d := range b.devices {
		for _, event := range d.peer.Drain() {
			d.take(event)
		}
		if seen := d.peer.LastHeard(); seen.After(b.heard) {
			b.heard = seen
		}
	}
}

// nudge wakes the loop, because something was queued.
func (b *osdpBus) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// attach is the device at an address, made by the first that asks. All that
// share a device must tie it alike. Each gives it back with detach.
func (b *osdpBus) attach(tie osdpTie) (*osdpDevice, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if have, ok := b.devices[tie.address]; ok {
		if have.tie != tie {
			return nil, fmt.Errorf("address %d: key, insecure and checksum must be the same for everything on one device", tie.address)
		}
		have.users++
		return have, nil
	}
	d := &osdpDevice{bus: b, tie: tie, users: 1, changed: make(chan struct{}), since: time.Now(), drops: map[string]uint64{}, waiting: map[osdp.Ticket]chan error{}}
	for _, word := range osdp.Refusals() {
		d.drops[word] = 0
	}
	if err := d.meet(); err != nil {
		return nil, err
	}
	if err := b.panel.Add(d.peer); err != nil {
		return nil, err
	}
	b.devices[tie.address] = d
	b.nudge()
	return d, nil
}

// detach gives a device back; after the last it is no longer spoken to.
func (b *osdpBus) detach(d *osdpDevice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.users--; d.users > 0 {
		return
	}
	b.panel.Remove(d.peer)
	delete(b.devices, d.tie.address)
	d.orphan()
}

// osdpSession is a device on a line, and how it is given back.
func osdpSession(lines *Lines, use PortUse, tie osdpTie, log hclog.Logger) (*osdpDevice, func() error, error) {
	bus, release, err := Session(lines, use, func() (*osdpBus, error) {
		return newOSDPBus(use, lines.Keys(), orSilent(log)), nil
	})
	if err != nil {
		return nil, nil, err
	}
	device, err := bus.attach(tie)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("port %s: %w", use.Settings.Path, err), release())
	}
	return device, sync.OnceValue(func() error {
		bus.detach(device)
		if err := release(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
		return nil
	}), nil
}

// orSilent is a log, also where none was given.
func orSilent(log hclog.Logger) hclog.Logger {
	if log == nil {
		return hclog.NewNullLogger()
	}
	return log
}
