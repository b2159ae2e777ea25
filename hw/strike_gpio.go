package hw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// gpioStrikeOptions are the keys of the driver "gpio" of a strike.
type gpioStrikeOptions struct {
	gpioOptions
	strikeOptions
}

type gpioStrikePlan struct {
	wire    wire
	outputs outputs
}

var _ = registerStrike("gpio", checkGPIOStrike)

// checkGPIOStrike checks the options of a strike on a GPIO line. A line that is
// high is a relay under power.
//
// The kernel keeps a line only while we hold it. When we end, however that is,
// it stays or floats as the chip likes: on_stop is done and then not kept. What
// a floating line means is for the wiring to say, with a resistor that pulls the
// relay's input to the side that locks.
func checkGPIOStrike(decode Decode) (StrikePlan, error) {
	var o gpioStrikeOptions
	if err := decode(&o); err != nil {
		return nil, err
	}
	wire, err := o.wire()
	if err != nil {
		return nil, err
	}
	outputs, err := o.outputs()
	if err != nil {
		return nil, err
	}
	if wire.bias == BiasUp || wire.bias == BiasDown {
		if pulled := (wire.bias == BiasUp) != wire.activeLow; pulled != outputs.onStop {
			return nil, fmt.Errorf("bias %q pulls the line to the other side than on_stop says when nobody drives it; turn it round", string(wire.bias))
		}
	}
	return &gpioStrikePlan{wire: wire, outputs: outputs}, nil
}

// Port is the chip, which other lines may share.
func (p *gpioStrikePlan) Port() PortUse { return p.wire.use }

// Open makes the strike. It asks for no line yet, so nothing moves.
func (p *gpioStrikePlan) Open(lines *Lines, log hclog.Logger) (Strike, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	chip, release, err := p.wire.chip(lines)
	if err != nil {
		return nil, err
	}
	output := &gpioOutput{plan: p, chip: chip}
	giveBack := func() error { return errors.Join(output.close(), release()) }
	log = log.With("chip", p.wire.use.Settings.Path, "address", p.wire.use.Address)
	return &gpioStrike{timedStrike: newTimedStrike(output, p.outputs, giveBack, log), output: output}, nil
}

// gpioStrike adds how often the chip was opened to a strike's own numbers.
type gpioStrike struct {
	*timedStrike
	output *gpioOutput
}

// Stats tells how the strike is doing.
func (s *gpioStrike) Stats() Stats {
	out := s.stats()
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	out.Reopens = uint64(max(s.output.session, 1) - 1)
	return out
}

// gpioOutput is a relay on one line.
type gpioOutput struct {
	plan *gpioStrikePlan
	chip *gpioChip

	mu      sync.Mutex // guards all below
	line    GPIOLine   // nil: not ours now
	session int
	closed  bool
}

// reach asks for the line if it must. The line stands at rest from the first
// moment.
func (o *gpioOutput) reach(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.have()
	return o.session, err
}

// have is the line; the caller holds mu.
func (o *gpioOutput) have() (GPIOLine, error) {
	if o.closed {
		return nil, os.ErrClosed
	}
	if o.line == nil {
		line, err := o.chip.request(o.plan.wire, GPIORequest{Output: true, High: o.plan.outputs.rest})
		if err != nil {
			return nil, err
		}
		o.line = line
		o.session++
	}
	return o.line, nil
}

func (o *gpioOutput) set(_ context.Context, energised bool) error {
	return o.with(func(line GPIOLine) error { return line.Set(energised) })
}

// state is how the line stands at the pin, not what we last asked for.
func (o *gpioOutput) state(context.Context) (energised bool, err error) {
	err = o.with(func(line GPIOLine) error {
		energised, err = line.Value()
		return err
	})
	return energised, err
}

// with works on the line. One that gives an error is given back, and asked for
// anew at the next contact.
func (o *gpioOutput) with(work func(GPIOLine) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	line, err := o.have()
	if err != nil {
		return err
	}
	if err := work(line); err != nil {
		_ = line.Close()
		o.line = nil
		return fmt.Errorf("%s %s: %w", o.chip.path, o.plan.wire.use.Address, err)
	}
	return nil
}

func (o *gpioOutput) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.line == nil {
		return nil
	}
	err := o.line.Close()
	o.line = nil
	return err
}
