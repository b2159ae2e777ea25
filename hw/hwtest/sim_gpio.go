package hwtest

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/tilegate/tilegate/hw"
)

// GPIOPath is the name under which the simulated chip is found.
const GPIOPath = "/dev/gpiochip-sim"

// GPIO simulates one GPIO chip as the kernel shows it (Linux, "GPIO Character
// Device Userspace API"): a line has one owner; a debounced line changes only
// after it stood still; what an output does when its owner let go is for the
// wiring to say, here to fall; a chip that was pulled out answers ENODEV to who
// has its lines. It is also a board: each line moves the relay of its number.
type GPIO struct {
	relays []*Relay

	mu     sync.Mutex // guards all below; held while a change is told
	absent bool
	pins   []gpioPin
}

// gpioPin is one line. Levels are those of the voltage, whatever the owner
// calls active.
type gpioPin struct {
	driven bool // from outside
	seen   bool // debounced
	owner  *gpioOwned
}

// NewGPIO makes a chip with so many lines.
func NewGPIO(lines int) *GPIO {
	return &GPIO{relays: newRelays(lines), pins: make([]gpioPin, lines)}
}

// Run is Board.Run; a chip has no line to serve.
func (g *GPIO) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Relay is Board.Relay.
func (g *GPIO) Relay(line int) *Relay { return g.relays[line] }

// SetFault is Board.SetFault: Dead is a chip that is not there.
func (g *GPIO) SetFault(f Fault) { g.plug(f != Dead) }

// Unplug takes the chip away.
func (g *GPIO) Unplug() error { g.plug(false); return nil }

// Replug brings it back. Who had its lines must ask for them again.
func (g *GPIO) Replug() error { g.plug(true); return nil }

func (g *GPIO) plug(in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.absent = !in
	if in {
		return
	}
	for i := range g.pins {
		if owner := g.pins[i].owner; owner != nil {
			owner.letGo()
			owner.gone = true
		}
	}
}

// Drive puts voltage on a line, or takes it away.
func (g *GPIO) Drive(line int, high bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pin := &g.pins[line]
	if pin.driven = high; pin.owner == nil || pin.owner.how.Debounce == 0 {
		g.settle(line, pin.owner)
		return
	}
	owner := pin.owner
	if owner.timer != nil {
		owner.timer.Stop()
	}
	owner.timer = time.AfterFunc(owner.how.Debounce, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.pins[line].owner == owner {
			g.settle(line, owner)
		}
	})
}

// Believed is the level of a line after debouncing.
func (g *GPIO) Believed(line int) (high bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pins[line].seen
}

// Glitch moves a line and back, faster than any debouncing: who asked for none
// is told both changes.
func (g *GPIO) Glitch(line int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pin := &g.pins[line]
	if pin.owner == nil || pin.owner.how.Debounce > 0 {
		return
	}
	pin.driven = !pin.driven
	g.settle(line, pin.owner)
	pin.driven = !pin.driven
	g.settle(line, pin.owner)
}

// settle believes the voltage and tells the owner. The caller holds mu.
func (g *GPIO) settle(line int, owner *gpioOwned) {
	pin := &g.pins[line]
	if pin.seen == pin.driven {
		return
	}
	pin.seen = pin.driven
	if owner != nil && owner.how.Edge != nil {
		owner.how.Edge(pin.seen != owner.how.ActiveLow)
	}
}

// Request is hw.GPIO.Request.
func (g *GPIO) Request(chip string, line int, how hw.GPIORequest) (hw.GPIOLine, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case chip != GPIOPath || g.absent:
		return nil, fmt.Errorf("open %s: %w", chip, syscall.ENOENT)
	case line >= len(g.pins):
		return nil, syscall.EINVAL
	case g.pins[line].owner != nil:
		return nil, syscall.EBUSY
	}
	owner := &gpioOwned{chip: g, at: line, how: how}
	pin := &g.pins[line]
	pin.owner, pin.seen = owner, pin.driven
	if how.Output {
		g.relays[line].set(how.High != how.ActiveLow)
	}
	return owner, nil
}

// gpioOwned is a line that somebody has.
type gpioOwned struct {
	chip  *GPIO
	at    int
	how   hw.GPIORequest
	timer *time.Timer
	gone  bool
}

// Value is hw.GPIOLine.Value.
func (o *gpioOwned) Value() (bool, error) {
	o.chip.mu.Lock()
	defer o.chip.mu.Unlock()
	if o.gone {
		return false, syscall.ENODEV
	}
	if o.how.Output {
		return o.chip.relays[o.at].Energised() != o.how.ActiveLow, nil
	}
	return o.chip.pins[o.at].seen != o.how.ActiveLow, nil
}

// Set is hw.GPIOLine.Set.
func (o *gpioOwned) Set(high bool) error {
	o.chip.mu.Lock()
	defer o.chip.mu.Unlock()
	switch {
	case o.gone:
		return syscall.ENODEV
	case !o.how.Output:
		return syscall.EPERM
	}
	o.chip.relays[o.at].set(high != o.how.ActiveLow)
	return nil
}

// Close is hw.GPIOLine.Close.
func (o *gpioOwned) Close() error {
	o.chip.mu.Lock()
	defer o.chip.mu.Unlock()
	if !o.gone {
		o.letGo()
		o.gone = true
	}
	return nil
}

// letGo frees the line; an output falls. The caller holds mu of the chip.
func (o *gpioOwned) letGo() {
	if o.timer != nil {
		o.timer.Stop()
	}
	o.chip.pins[o.at].owner = nil
	if o.how.Output {
		o.chip.relays[o.at].set(false)
	}
}

var (
	_ hw.GPIO = (*GPIO)(nil)
	_ Board   = (*GPIO)(nil)
)
