package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Caution tells of clear text.
func (p *osdpInputPlan) Caution() string { return p.tie.caution() }

// Open makes the input.
func (p *osdpInputPlan) Open(lines *Lines, log hclog.Logger) (Input, error) {
	device, release, err := osdpSession(lines, p.use, p.tie)
	if err != nil {
		return nil, err
	}
	device.bus.mu.Lock()
	device.inputs.users++
	device.bus.mu.Unlock()
	log = orSilent(log).With("port", p.use.Settings.Path, "address", p.use.Address)
	return &osdpInput{listening: newListening(log), device: device, circuit: p.circuit, number: p.input, release: release}, nil
}

// osdpInputs are the inputs of a device as it last told.
type osdpInputs struct {
	levels []osdp.Level // nil: it has not told, or cannot be heard
	at     time.Time
	users  int // inputs that somebody listens to
	asked  time.Time
	ticket osdp.Ticket // of the last question
	held   osdp.Inputs // what was told and is not believed yet
}

// told takes what a device says of its inputs. While nothing is known of them that
// is not believed until a question of ours is answered: on a port that was opened
// anew, a reader first repeats what it said to the last question before.
func (i *osdpInputs) told(e osdp.Inputs) {
	i.held = e
	if i.levels != nil {
		i.levels, i.at = e.Levels, e.At
	}
}

// answered says whether a question about the inputs was the one that was settled,
// and so what was told last is how they stand.
func (i *osdpInputs) answered(e osdp.Settled) bool {
	if e.Ticket != i.ticket || e.Err != nil || i.held.Levels == nil {
		return false
	}
	i.levels, i.at = i.held.Levels, i.held.At
	return true
}

// forget is what follows when they may have moved unheard.
func (i *osdpInputs) forget() {
	i.levels, i.held, i.ticket, i.asked = nil, osdp.Inputs{}, 0, time.Time{}
}

// The times of inputs.
const (
	inputLost    = 2 * time.Second        // of silence: how they stand is not known any more
	inputAgain   = 250 * time.Millisecond // between two questions that are not answered
	inputRefresh = 10 * time.Second       // a change may be lost with the reply of a reader that does not keep it
)

// lookAfterInputs asks again when it is time, and forgets what is too old. The
// caller holds mu.
func (d *osdpDevice) lookAfterInputs(now time.Time) {
	if d.inputs.users == 0 || !trusted(d.state) {
		return
	}
	can := d.peer.Capabilities()
	switch silent := now.Sub(d.peer.LastHeard()); {
	case silent >= inputLost && d.inputs.levels != nil:
		d.inputs.forget()
		d.tell()
	case silent < inputLost && can.Of(osdp.FunctionInputs).Listed && (d.inputs.levels == nil || now.Sub(d.inputs.at) >= inputRefresh):
		d.askInputs(now)
	}
}

// askInputs asks how the inputs stand, unless that was just asked. The caller
// holds mu.
func (d *osdpDevice) askInputs(now time.Time) {
	if now.Sub(d.inputs.asked) < inputAgain && !d.inputs.at.After(d.inputs.asked) {
		return
	}
	d.inputs.asked = now
	// If it cannot be asked now, it is lost or soon asked again.
	if ticket, err := d.peer.Queue(now, osdp.ISTAT(), now.Add(inputLost)); err == nil {
		d.inputs.ticket = ticket
	}
}

// osdpInput is one contact of one device, which says by itself what changes.
type osdpInput struct {
	*listening
	device  *osdpDevice
	circuit circuit
	number  int
	release func() error
}

// Next is as the contract says. A change counts when the device was asked 50 ms
// later and says the same.
func (i *osdpInput) Next(ctx context.Context, last Level) (Level, error) {
	within, end, err := i.begin(ctx)
	if err != nil {
		return last, err
	}
	defer end()
	seen, since := last, time.Time{}
	for {
		level, at, changed := i.now()
		switch {
		case level == last:
			seen = last
		case level == LevelUnknown || last == LevelUnknown || level == seen && at.Sub(since) >= debounce:
			return level, nil
		case level != seen:
			seen, since = level, at
		}
		var again <-chan time.Time
		if seen != last {
			again = time.After(debounce)
		}
		select {
		case <-changed:
		case <-again:
			i.ask()
		case <-within.Done():
			return last, i.ended(ctx)
		}
	}
}

func (i *osdpInput) ask() {
	i.device.bus.mu.Lock()
	i.device.askInputs(time.Now())
	i.device.bus.mu.Unlock()
	i.device.bus.nudge()
}

// now is how the contact stands, since when that is known, and what is closed
// when it may change.
func (i *osdpInput) now() (Level, time.Time, <-chan struct{}) {
	i.device.bus.mu.Lock()
	level, at, changed := LevelUnknown, i.device.inputs.at, i.device.changed
	if levels := i.device.inputs.levels; i.number < len(levels) {
		switch said := levels[i.number]; said {
		case osdp.Inactive, osdp.Active:
			level = i.circuit.level(said == osdp.Active)
		case osdp.Shorted, osdp.Cut, osdp.Faulty:
			level = LevelFault
		case osdp.Unknown:
		}
	}
	i.device.bus.mu.Unlock()
	if level == LevelUnknown {
		i.tell(i.why())
	} else {
		i.tell(nil)
	}
	return level, at, changed
}

// why is why the contact cannot be heard.
func (i *osdpInput) why() error {
	if err := i.device.reachable(); err != nil {
		return err
	}
	i.device.bus.mu.Lock()
	defer i.device.bus.mu.Unlock()
	can := i.device.peer.Capabilities()
	switch levels := i.device.inputs.levels; {
	case levels == nil && !can.Of(osdp.FunctionInputs).Listed:
		return errors.New("the device says that it has no inputs")
	case levels != nil && i.number >= len(levels):
		return fmt.Errorf("the device has %d inputs, and none that is number %d", len(levels), i.number)
	}
	return errNotReached
}

// Stats are those of the input and of its device.
func (i *osdpInput) Stats() Stats {
	own, s := i.stats(), i.device.stats()
	s.Frames = own.Frames
	if s.Up && !own.Up {
		s.Up, s.Since, s.Err = false, own.Since, own.Err
	}
	return s
}

// Pair gives the device a key of its own.
func (i *osdpInput) Pair(ctx context.Context, say func(step string)) error {
	return i.device.pair(ctx, say)
}

// Close ends a waiting Next and gives the line back.
func (i *osdpInput) Close() error {
	if i.shut() {
		i.device.bus.mu.Lock()
		i.device.inputs.users--
		i.device.bus.mu.Unlock()
	}
	return i.release()
}
