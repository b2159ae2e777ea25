package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/osdp"
)

// osdpStrikeOptions are the keys of the driver "osdp" of a strike.
type osdpStrikeOptions struct {
	osdpOptions
	strikeOptions
	Output int  `toml:"output"` // counted from 0
	Inside bool `toml:"inside"` // the module hangs inside: nobody outside can reach its relay
}

type osdpStrikePlan struct {
	use     PortUse
	tie     osdpTie
	outputs outputs
	output  byte
}

var _ = registerStrike("osdp", checkOSDPStrike)

// checkOSDPStrike checks the options of a strike on the output of an OSDP module.
func checkOSDPStrike(decode Decode) (StrikePlan, error) {
	var o osdpStrikeOptions
	if err := decode(&o); err != nil {
		return nil, err
	}
	outputs, err := o.outputs()
	if err != nil {
		return nil, err
	}
	if o.Output < 0 || o.Output > 15 {
		return nil, fmt.Errorf("output %d: use 0 to 15; the output printed 1 is output 0", o.Output)
	}
	use, tie, err := o.tie(fmt.Sprintf("output %d", o.Output))
	if err != nil {
		return nil, err
	}
	if !o.Inside {
		return nil, errors.New("inside is missing: whoever takes a reader off the outer wall can bridge its relay, so a strike may hang only on a module inside; if this one is, say inside = true")
	}
	return &osdpStrikePlan{use: use, tie: tie, outputs: outputs, output: byte(o.Output)}, nil
}

// Port is the line, which other devices and outputs may share.
func (p *osdpStrikePlan) Port() PortUse { return p.use }

// Caution tells of clear text.
func (p *osdpStrikePlan) Caution() string { return p.tie.caution() }

// Open makes the strike. It moves no relay.
func (p *osdpStrikePlan) Open(lines *Lines, log hclog.Logger) (Strike, error) {
	device, release, err := osdpSession(lines, p.use, p.tie)
	if err != nil {
		return nil, err
	}
	output := &osdpOutput{device: device, number: p.output}
	strike := newTimedStrike(output, p.outputs, release, orSilent(log).With("port", p.use.Settings.Path, "address", p.use.Address))
	return &osdpStrike{timedStrike: strike, device: device}, nil
}

// osdpStrike adds what the module says of itself to a strike's own numbers.
type osdpStrike struct {
	*timedStrike
	device *osdpDevice
}

// Stats are those of the strike and of its module.
func (s *osdpStrike) Stats() Stats {
	out, module := s.stats(), s.device.stats()
	if out.Up && !module.Up {
		out.Up, out.Since, out.Err = false, module.Since, module.Err
	}
	module.Up, module.Since, module.Err = out.Up, out.Since, out.Err
	module.Frames = out.Frames
	return module
}

// Pair gives the module a key of its own.
func (s *osdpStrike) Pair(ctx context.Context, say func(step string)) error {
	return s.device.pair(ctx, say)
}

// osdpOutput is one output of a module.
type osdpOutput struct {
	device *osdpDevice
	number byte
}

// reach opens nothing: the bus does. Its session is that of the line.
func (o *osdpOutput) reach(ctx context.Context) (int, error) {
	_, session, err := o.device.bus.line.Try(ctx)
	if err != nil {
		return 0, err
	}
	return session, o.device.connected(ctx)
}

// order waits for a module that is just being met.
func (o *osdpOutput) order(ctx context.Context, command osdp.Command) error {
	if _, err := o.reach(ctx); err != nil {
		return err
	}
	return o.device.order(ctx, command)
}

func (o *osdpOutput) set(ctx context.Context, energised bool) error {
	control := osdp.OutputOff
	if energised {
		control = osdp.OutputOn
	}
	return o.order(ctx, osdp.OUT(osdp.Output{Number: o.number, Control: control}))
}

// flash has the module time the pulse. That a module acknowledged an order does
// not mean that it did it, so the output is looked at.
func (o *osdpOutput) flash(ctx context.Context, energised bool, d time.Duration) (bool, error) {
	control := osdp.OutputPulseOff
	if energised {
		control = osdp.OutputPulse
	}
	const unit = 100 * time.Millisecond
	d = (d + unit - 1) / unit * unit
	sent := time.Now()
	if err := o.order(ctx, osdp.OUT(osdp.Output{Number: o.number, Control: control, Timer: d})); err != nil {
		return true, err
	}
	is, err := o.state(ctx)
	switch {
	case err != nil:
		return true, err
	case is != energised && time.Since(sent) < d:
		return true, errNotSwitched
	}
	return true, nil
}

// state asks how the output stands.
func (o *osdpOutput) state(ctx context.Context) (bool, error) {
	if err := o.order(ctx, osdp.OSTAT()); err != nil {
		return false, err
	}
	o.device.bus.mu.Lock()
	defer o.device.bus.mu.Unlock()
	if int(o.number) >= len(o.device.outputs) {
		return false, fmt.Errorf("the module has %d outputs, and none that is number %d", len(o.device.outputs), o.number)
	}
	return o.device.outputs[o.number], nil
}
