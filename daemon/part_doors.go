package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// usualReader is the name of a reader that was given none.
const usualReader = "in"

// simulatedReader is where a tap comes from that somebody simulates.
const simulatedReader = "simulated"

// pendingReads is how many reads of each tile may wait for a busy door; more are
// discarded and counted, for a member taps again sooner than a queue drains.
const pendingReads = 4

// pendingLevels is how many changes of inputs may wait; the loop of an input
// waits with the next, and then tells how the input stands by then.
const pendingLevels = 8

// doorsPart is the doors, their devices and the ports these share.
type doorsPart struct {
	g     *gateway
	log   hclog.Logger
	lines *hw.Lines

	mu   sync.Mutex // guards open
	open map[string]*openDoor
}

// openDoor is a door that runs.
type openDoor struct {
	*door
	settings config.Door
	crew     *crew
}

func newDoorsPart(g *gateway) *doorsPart {
	p := &doorsPart{g: g, log: g.log.Named("door"), open: map[string]*openDoor{}}
	p.lines = hw.NewLines(hw.Host{Run: g.crew.start, Log: g.log.Named("line"), Keys: deviceKeysIn(g.inForce().State.Dir)})
	g.registry.MustRegister(p)
	g.postures.doors.Store(p)
	return p
}

// apply makes the running doors equal to the settings. It touches only what
// changed; doors that share a port differ in nothing that the port needs. One
// caller at a time; nobody who looks at the doors meanwhile waits for a device.
func (p *doorsPart) apply(o *config.Options) error {
	wanted := map[string]config.Door{}
	for _, d := range o.Doors {
		wanted[d.ID] = d
	}
	var gone []*openDoor
	for _, have := range p.all() {
		if want, stays := wanted[have.id]; !stays || !sameDoor(have.settings, want) {
			gone = append(gone, have)
		}
	}
	failures := []error{p.shut(gone)}
	for _, have := range gone {
		if _, stays := wanted[have.id]; !stays {
			p.g.metrics.dropDoor(have.id)
		}
	}
	for _, d := range o.Doors {
		if p.find(d.ID) != nil {
			continue
		}
		opened, err := p.start(d)
		if err != nil {
			failures = append(failures, fmt.Errorf("door %s: %w", d.ID, err))
			continue
		}
		p.put(d.ID, opened)
	}
	return errors.Join(failures...)
}

// put shows a door to everybody, or with nil takes it away from them.
func (p *doorsPart) put(id string, d *openDoor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d == nil {
		delete(p.open, id)
		return
	}
	p.open[id] = d
}

// sameDoor says whether two settings make the same door.
func sameDoor(a, b config.Door) bool { return reflect.DeepEqual(a, b) }

// start opens the devices of a door and starts its loops. An absent device is a
// trouble, not an error.
func (p *doorsPart) start(settings config.Door) (*openDoor, error) {
	log := p.log.With("door", settings.ID)
	d := &door{
		id: settings.ID, name: settings.Name, hold: settings.Hold, extended: settings.ExtendedHold,
		rights: p.g.rights, postures: p.g.postures, unlocks: settings.UnlockSchedules, journal: storeJournal{p.g.journal}, clock: p.g.clock, offers: p.g.offers,
		metrics: p.g.metrics.forDoor(settings.ID), log: log,
		reads: make(chan heard, pendingReads*len(settings.Readers)), asks: make(chan ask, 1), wake: make(chan struct{}, 1),
		senses: senses{levels: make(chan sensed, pendingLevels), site: &p.g.site, way: doorway{doorwayRules: rulesOf(settings)}, passages: passages{within: settings.Policy.Passback}},
	}
	if err := p.wire(d, settings); err != nil {
		return nil, errors.Join(err, d.close())
	}
	p.g.restorePassages(d)
	opened := &openDoor{door: d, settings: settings, crew: p.g.crew.child()}
	opened.crew.start("door "+d.id, d.run)
	for _, t := range d.tiles {
		opened.crew.start("reader "+t.name+" of "+d.id, func(ctx context.Context) error { return d.listen(ctx, t) })
	}
	for _, in := range d.inputs {
		opened.crew.start(in.name+" of "+d.id, func(ctx context.Context) error { return d.feel(ctx, in) })
	}
	return opened, nil
}

// rulesOf is what the settings say of the doorway.
func rulesOf(settings config.Door) doorwayRules {
	return doorwayRules{
		forced: settings.ForcedAlarm, relock: settings.RelockOnOpen,
		heldAfter: settings.HeldAfter, heldWarning: settings.HeldWarning,
	}
}

// wire opens the devices of a door.
func (p *doorsPart) wire(d *door, settings config.Door) (err error) {
	if d.strike, err = settings.Strike.Open(p.lines, d.log.Named("strike")); err != nil {
		return fmt.Errorf("strike: %w", err)
	}
	for _, r := range settings.Readers {
		t := &tile{name: r.Name, pad: pinPad{keypad: settings.ID + "/" + r.Name, limits: p.g.pins}}
		if t.reader, err = r.Plan.Open(p.lines, d.log.Named("reader").With("reader", r.Name)); err != nil {
			return fmt.Errorf("reader %s: %w", r.Name, err)
		}
		d.tiles = append(d.tiles, t)
		if r.Power == nil {
			continue
		}
		if t.power, err = r.Power.Open(p.lines, d.log.Named("power").With("reader", r.Name)); err != nil {
			return fmt.Errorf("power of reader %s: %w", r.Name, err)
		}
	}
	for _, wired := range inputsOf(settings) {
		if wired.plan == nil {
			continue
		}
		in := &input{name: wired.name}
		if in.Input, err = wired.plan.Open(p.lines, d.log.Named("input").With("input", in.name)); err != nil {
			return fmt.Errorf("%s: %w", in.name, err)
		}
		d.inputs = append(d.inputs, in)
	}
	return nil
}

// wiredInput is an input of a door as the settings have it.
type wiredInput struct {
	name string
	plan hw.InputPlan // nil: none
}

func inputsOf(settings config.Door) []wiredInput {
	return []wiredInput{{contactInput, settings.Contact}, {exitInput, settings.ExitButton}, {tamperInput, settings.Tamper}}
}

// close gives the devices of a door back, locked.
func (d *door) close() error {
	var all []error
	for _, in := range d.inputs {
		all = append(all, in.Close())
	}
	for _, t := range d.tiles {
		all = append(all, t.reader.Close())
		if t.power != nil {
			all = append(all, t.power.Close())
		}
	}
	if d.strike != nil {
		all = append(all, d.strike.Close())
	}
	return errors.Join(all...)
}

func rest(ctx context.Context, strike hw.Strike) error {
	ctx, cancel := context.WithTimeout(ctx, pulsePatience)
	defer cancel()
	return strike.Rest(ctx)
}

// shut takes doors away from everybody and closes them, all at once: a board that
// does not answer takes its time.
func (p *doorsPart) shut(doors []*openDoor) error {
	return together(len(doors), func(i int) error {
		p.put(doors[i].id, nil)
		return doors[i].shut()
	})
}

// shut stops the loops of a door and gives its devices back, locked. That a
// device cannot be reached is for the log: its settings are changed, or the
// gateway stopped, often for that very reason.
func (d *openDoor) shut() error {
	err := d.crew.stop(stopPatience)
	if err := d.close(); err != nil {
		d.log.Warn("the devices of the door could not be given back in order", "error", err)
	}
	return err
}

// close shuts every door and every port.
func (p *doorsPart) close() error {
	return errors.Join(p.shut(p.all()), p.lines.Close())
}

// all lists the doors by id.
func (p *doorsPart) all() []*openDoor {
	p.mu.Lock()
	defer p.mu.Unlock()
	doors := make([]*openDoor, 0, len(p.open))
	for _, d := range p.open {
		doors = append(doors, d)
	}
	slices.SortFunc(doors, func(a, b *openDoor) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return doors
}

// wake has every door look at once how it is to stand.
func (p *doorsPart) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.open {
		select {
		case d.wake <- struct{}{}:
		default: // it is about to look
		}
	}
}

// find is a running door, or nil.
func (p *doorsPart) find(id string) *openDoor {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[id]
}

func (p *doorsPart) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// storeJournal is the journal as a door needs it.
type storeJournal struct{ *store.Journal }

// Append hands the event to the writer.
func (j storeJournal) Append(e access.Event) receipt { return j.Journal.Append(e) }
