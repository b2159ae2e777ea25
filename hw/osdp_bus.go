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

// The port is opened anew when all devices of a line have been silent for so
// long, since some adapters hang until then; each time that does not help, later.
const (
	muteFirst = 30 * time.Second
	muteLast  = 10 * time.Minute
)

// errMuteLine is why.
var errMuteLine = errors.New("no device on the line answers; the port is opened anew, in case the adapter hangs")

// osdpBus is one OSDP line. Its loop is the only one that touches the port; what
// devices want is queued in the panel, and the loop is woken.
type osdpBus struct {
	path string
	line *serial.Line
	keys KeyRing
	log  hclog.Logger
	wake chan struct{} // capacity 1: something was queued

	once   sync.Once
	closed chan struct{}

	// Of the loop.
	stray osdp.Scanner // what comes while nobody is asked
	sent  []byte       // the last frame

	mu      sync.Mutex // guards all below, and all in the devices
	panel   *osdp.Bus
	speed   int // of the line
	devices map[byte]*osdpDevice
	began   time.Time     // when the port was opened
	heard   time.Time     // when any device last answered, or the port was opened
	patient time.Duration // before the port is opened anew
	resets  uint64        // how often it was, because all were silent
	unasked uint64        // that came while nobody was asked: noise, or replies too late
	panels  uint64        // commands of somebody else
	foreign time.Time     // when somebody else last spoke as a panel
}

func newOSDPBus(use PortUse, keys KeyRing, log hclog.Logger) *osdpBus {
	return &osdpBus{
		path: use.Settings.Path, line: serial.NewLine(use.Settings, log), keys: keys, log: log.With("port", use.Settings.Path),
		wake: make(chan struct{}, 1), closed: make(chan struct{}),
		panel: osdp.NewBus(use.Settings.Baud), speed: use.Settings.Baud, devices: map[byte]*osdpDevice{}, patient: muteFirst,
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
		port, session, err := b.line.Try(ctx)
		if err != nil && ctx.Err() == nil {
			b.cut(err)
			port, session, err = b.line.Up(ctx)
		}
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
	b.began = time.Now()
	b.heard = b.began
	b.panel.Restart(b.began)
	for _, d := range b.devices {
		d.deaf()
	}
}

// cut tells everybody that the port is gone: what waited for an answer has
// failed, and will not be done when the port is back.
func (b *osdpBus) cut(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.devices {
		d.fail(time.Now(), why)
		d.deaf()
	}
}

// turn is one question and its answer, or the silence until there is one.
func (b *osdpBus) turn(ctx context.Context, port *serial.Port, buf []byte) error {
	if err := b.overhear(ctx, port, buf); err != nil {
		return err
	}
	now := time.Now()
	b.mu.Lock()
	turn := b.panel.Next(now)
	b.deliver(now)
	mute, other := b.mute(now), turn.Baud != b.speed
	b.speed = turn.Baud
	b.mu.Unlock()
	b.sent = turn.Frame
	switch {
	case mute:
		return errMuteLine
	case other: // speed: the readers were told to change
		b.line.SetBaud(turn.Baud)
		return nil
	case turn.Frame == nil:
		b.idle(ctx, turn.Until)
		return nil
	}
	if err := port.Write(ctx, turn.Frame); err != nil {
		return err
	}
	return b.listen(ctx, port, buf, turn.Until)
}

// mute says whether it is time to open the port anew. The caller holds mu.
func (b *osdpBus) mute(now time.Time) bool {
	if len(b.devices) == 0 || now.Sub(b.heard) < b.patient {
		return false
	}
	b.resets++
	b.patient = min(2*b.patient, muteLast)
	return true
}

// strayMost is how much is looked at that came while nobody was asked; what is
// beyond it is thrown away unseen.
const strayMost = 4096

// overhear looks at what came while nobody was asked, and throws it away: a
// reply that is late answers nothing. A command that is not ours is somebody
// else's, who speaks as if he were us.
func (b *osdpBus) overhear(ctx context.Context, port *serial.Port, buf []byte) error {
	waiting, err := port.Waiting()
	if waiting == 0 || err != nil {
		return err
	}
	b.stray.Begin(b.sent) // whose echo may be late
	unasked, panels := uint64(0), uint64(0)
	for seen := 0; waiting > 0 && seen < strayMost && err == nil; {
		var n int
		if n, err = port.Read(ctx, buf); err != nil {
			break
		}
		seen += n
		for in := buf[:n]; len(in) > 0; {
			in = in[b.stray.Write(in):]
			count(&b.stray, false, &unasked, &panels)
		}
		waiting, err = port.Waiting()
	}
	count(&b.stray, true, &unasked, &panels)
	b.mu.Lock()
	b.unasked += unasked
	if b.panels += panels; panels > 0 {
		b.foreign = time.Now()
	}
	b.mu.Unlock()
	if err == nil && waiting > 0 {
		err = port.Discard()
	}
	return err
}

// count goes through what a scanner has found.
func count(s *osdp.Scanner, final bool, unasked, panels *uint64) {
	for {
		switch _, refusal, found := s.Next(final); {
		case !found:
			return
		case refusal == osdp.RefusedSecondPanel:
			*panels++
		default:
			*unasked++
		}
	}
}

// idle waits until the panel has something to say.
func (b *osdpBus) idle(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.wake:
	case <-b.closed:
	case <-ctx.Done():
	}
}

// listen takes what is answered until the panel has enough, or the time is over.
func (b *osdpBus) listen(ctx context.Context, port *serial.Port, buf []byte, until time.Time) error {
	for done := false; !done; {
		within, cancel := context.WithDeadline(ctx, until)
		n, err := port.Read(within, buf)
		cancel()
		if n == 0 && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
		now := time.Now()
		b.mu.Lock()
		if n > 0 {
			until, done = b.panel.Heard(now, buf[:n])
		} else {
			b.panel.Silence(now)
			done = true
		}
		b.deliver(now)
		b.mu.Unlock()
	}
	return nil
}

// deliver hands what the devices said to whom it concerns. The caller holds mu.
func (b *osdpBus) deliver(now time.Time) {
	for _, d := range b.devices {
		for _, event := range d.peer.Drain() {
			d.take(event)
		}
		d.lookAfterInputs(now)
		if seen := d.peer.LastHeard(); seen.After(b.heard) {
			b.heard, b.patient = seen, muteFirst
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
			return nil, fmt.Errorf("address %d: poll, key, insecure and checksum must be the same for everything on one device", tie.address)
		}
		have.users++
		return have, nil
	}
	d, err := newOSDPDevice(b, tie)
	if err == nil {
		err = b.panel.Add(d.peer)
	}
	if err != nil {
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
func osdpSession(lines *Lines, use PortUse, tie osdpTie) (*osdpDevice, func() error, error) {
	bus, release, err := Session(lines, use, func() (*osdpBus, error) {
		return newOSDPBus(use, lines.Keys(), lines.log()), nil
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
