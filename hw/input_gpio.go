package hw

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// How a GPIO line is looked after. The kernel tells its changes; a chip that was
// pulled out tells nothing.
const (
	gpioWatch      = time.Second
	gpioFirstAgain = 250 * time.Millisecond // until a chip that is absent is tried again, doubling
	gpioLastAgain  = 5 * time.Second
	gpioEdges      = 64 // changes that wait for a Next; a press is not lost while nobody listens
)

// gpioInputOptions are the keys of the driver "gpio" of an input.
type gpioInputOptions struct {
	gpioOptions
	circuitOptions
}

type gpioInputPlan struct {
	wire    wire
	circuit circuit
}

var _ = registerInput("gpio", checkGPIOInput)

// checkGPIOInput checks the options of a circuit on a GPIO line. A line that is
// high is a closed circuit: one to ground with a pull-up needs active_low.
func checkGPIOInput(decode Decode) (InputPlan, error) {
	var o gpioInputOptions
	if err := decode(&o); err != nil {
		return nil, err
	}
	wire, err := o.wire()
	if err != nil {
		return nil, err
	}
	circuit, err := o.circuit()
	if err != nil {
		return nil, err
	}
	return &gpioInputPlan{wire: wire, circuit: circuit}, nil
}

// Port is the chip, which other lines may share.
func (p *gpioInputPlan) Port() PortUse { return p.wire.use }

// Open makes the input.
func (p *gpioInputPlan) Open(lines *Lines, log hclog.Logger) (Input, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	chip, release, err := p.wire.chip(lines)
	if err != nil {
		return nil, err
	}
	return &gpioInput{
		listening: newListening(log.With("chip", p.wire.use.Settings.Path, "address", p.wire.use.Address)),
		plan:      p, chip: chip, release: release, edges: make(chan bool, gpioEdges), again: gpioFirstAgain,
	}, nil
}

// gpioInput is a circuit on one line. The kernel debounces it.
type gpioInput struct {
	*listening
	plan    *gpioInputPlan
	chip    *gpioChip
	release func() error
	edges   chan bool // changes in their order; full: the newest are left to the next look

	asking sync.Mutex // guards all below, for as long as a look takes
	line   GPIOLine   // nil: not ours now
	opened uint64
	retry  time.Time     // when the chip may be asked again
	again  time.Duration // the next back-off
	gone   bool          // closed: nothing is asked for any more
}

// Next is as the contract says. Changes are told in their order, also those
// that came while nobody called.
func (i *gpioInput) Next(ctx context.Context, last Level) (Level, error) {
	within, end, err := i.begin(ctx)
	if err != nil {
		return last, err
	}
	defer end()
	watch := time.NewTimer(0)
	defer watch.Stop()
	level := last
	for level == last {
		select {
		case <-within.Done():
			return last, i.ended(ctx)
		case high := <-i.edges:
			level = i.plan.circuit.level(high)
		case <-watch.C:
			var next time.Duration
			level, next = i.look()
			watch.Reset(next)
		}
	}
	return level, nil
}

// look says how the line stands, and how long to wait for the next look.
func (i *gpioInput) look() (Level, time.Duration) {
	i.asking.Lock()
	defer i.asking.Unlock()
	if i.gone || i.line == nil && time.Now().Before(i.retry) {
		return LevelUnknown, max(time.Until(i.retry), gpioFirstAgain)
	}
	high, err := i.value()
	i.tell(err)
	if err == nil {
		i.again = gpioFirstAgain
		return i.plan.circuit.level(high), gpioWatch
	}
	wait := i.again
	i.retry, i.again = time.Now().Add(wait), min(2*wait, gpioLastAgain)
	return LevelUnknown, wait
}

// value asks the line, which is requested first if it must. A line that gives
// an error is given back.
func (i *gpioInput) value() (bool, error) {
	if i.line == nil {
		for len(i.edges) > 0 {
			<-i.edges // of the line that was lost
		}
		line, err := i.chip.request(i.plan.wire, GPIORequest{Debounce: debounce, Edge: i.edge})
		if err != nil {
			return false, err
		}
		i.line = line
		i.opened++
	}
	high, err := i.line.Value()
	if err != nil {
		_ = i.line.Close()
		i.line = nil
	}
	return high, err
}

func (i *gpioInput) edge(high bool) {
	select {
	case i.edges <- high:
	default:
	}
}

// Stats tells how the input is doing.
func (i *gpioInput) Stats() Stats {
	out := i.stats()
	i.asking.Lock()
	defer i.asking.Unlock()
	out.Reopens = max(i.opened, 1) - 1
	return out
}

// Close ends a waiting Next and gives the line back.
func (i *gpioInput) Close() error {
	if !i.shut() {
		return nil
	}
	i.asking.Lock()
	defer i.asking.Unlock()
	var err error
	if i.line != nil {
		err = i.line.Close()
		i.line = nil
	}
	i.gone = true
	return errors.Join(err, i.release())
}
