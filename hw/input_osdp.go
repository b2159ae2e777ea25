package hw

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/osdp"
)

// osdpInputOptions are the keys of the driver "osdp" of an input.
type osdpInputOptions struct {
	osdpOptions
	circuitOptions
	Input int `toml:"input"` // counted from 0
}

type osdpInputPlan struct {
	use     PortUse
	tie     osdpTie
	circuit circuit
	input   int
}

var _ = registerInput("osdp", checkOSDPInput)

// checkOSDPInput checks the options of a contact on the input of an OSDP device.
func checkOSDPInput(decode Decode) (InputPlan, error) {
	var o osdpInputOptions
	if err := decode(&o); err != nil {
		return nil, err
	}
	circuit, err := o.circuit()
	if err != nil {
		return nil, err
	}
	if o.Input < 0 || o.Input > 31 {
		return nil, fmt.Errorf("input %d: use 0 to 31; the input printed 1 is input 0", o.Input)
	}
	use, tie, err := o.tie(fmt.Sprintf("input %d", o.Input))
	if err != nil {
		return nil, err
	}
	return &osdpInputPlan{use: use, tie: tie, circuit: circuit, input: o.Input}, nil
}

// Port is the line, which other devices and inputs may share.
func (p *osdpInputPlan) Port() PortUse { return p.use }

// Open makes the input.
func (p *osdpInputPlan) Open(lines *Lines, log hclog.Logger) (Input, error) {
	device, release, err := osdpSession(lines, p.use, p.tie, log)
	if err != nil {
		return nil, err
	}
	return &osdpInput{listening: newListening(orSilent(log)), device: device, circuit: p.circuit, number: p.input, release: release}, nil
}

// osdpInput is one contact of one device, which says by itself what changes.
type osdpInput struct {
	*listening
	device  *osdpDevice
	circuit circuit
	number  int
	release func() error
}

// Next is as the contract says.
func (i *osdpInput) Next(ctx context.Context, last Level) (Level, error) {
	within, end, err := i.begin(ctx)
	if err != nil {
		return last, err
	}
	defer end()
	for {
		level, changed := i.now()
		if level != last {
			return level, nil
		}
		select {
		case <-changed:
		case <-within.Done():
			return last, i.ended(ctx)
		}
	}
}

// now is how the contact stands, and what is closed when that may change.
func (i *osdpInput) now() (Level, <-chan struct{}) {
	i.device.bus.mu.Lock()
	defer i.device.bus.mu.Unlock()
	level := LevelUnknown
	if trusted(i.device.state) && i.number < len(i.device.inputs) {
		said := i.device.inputs[i.number]
		switch said {
		case osdp.Inactive, osdp.Active:
			level = i.circuit.level(said == osdp.Active)
		case osdp.Shorted, osdp.Cut, osdp.Faulty:
			level = LevelFault
		case osdp.Unknown:
		}
	}
	return level, i.device.changed
}

// Stats are those of the device.
func (i *osdpInput) Stats() Stats {
	s := i.device.stats()
	i.device.bus.mu.Lock()
	defer i.device.bus.mu.Unlock()
	if s.Up && i.device.inputs != nil && i.number >= len(i.device.inputs) {
		s.Up, s.Err = false, fmt.Sprintf("the device has %d inputs, and none that is number %d", len(i.device.inputs), i.number)
	}
	return s
}

// Close ends a waiting Next and gives the line back.
func (i *osdpInput) Close() error {
	i.shut()
	return i.release()
}
