package hw

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// Why a device on an OSDP line is not believed.
var (
	errOSDPSilent   = errors.New("the device does not answer: look at its power, its address and speed, and whether A and B are swapped")
	errOSDPUnpaired = errors.New("the device has no key of its own, so it is not believed; pair it with: tilegate reader pair")
)

// osdpDevice is one device on the line: a reader, a module, or both. The bus's
// mu guards all of it.
type osdpDevice struct {
	bus   *osdpBus
	tie   osdpTie
	users int
	peer  *osdp.Peer
	fault error // its key cannot be read or kept

	changed  chan struct{} // closed when something below changes, then replaced
	gone     bool
	state    osdp.State
	why      osdp.Refusal // of the state
	since    time.Time    // of the last change between believed and not
	identity string
	known    string // who it was when it was paired
	local    osdp.Local
	inputs   []osdp.Level
	outputs  []bool
	frames   uint64
	rekeyed  uint64
	foreign  time.Time // when somebody else last spoke as a panel
	drops    map[string]uint64

	reader  *osdpReader // nil: nobody reads it
	waiting map[osdp.Ticket]chan error
	pairing *osdpPairing // nil: none runs
}

// osdpPairing is somebody who waits for a device to be paired.
type osdpPairing struct {
	steps chan string
	done  chan error
}

// meet makes the peer, with the key that is kept of it. A key that cannot be
// read leaves the device unpaired, and the others on the line as they are.
func (d *osdpDevice) meet() (err error) {
	set := osdp.Settings{Address: d.tie.address, Insecure: d.tie.insecure, Checksum: d.tie.checksum, Keep: d.keep}
	kept, err := d.bus.keys.Keys(d.tie.key)
	if err == nil {
		set.Keys, err = osdpKeys(kept)
	}
	if err != nil {
		d.fault, set.Keys = err, osdp.Keys{}
	}
	d.known = set.Keys.Identity
	d.peer, err = osdp.NewPeer(set)
	return err
}

// osdpKeys are kept keys as the panel takes them.
func osdpKeys(kept DeviceKeys) (keys osdp.Keys, err error) {
	keys.Identity = kept.Identity
	if len(kept.Current) > 0 {
		if keys.Current, err = osdp.MakeKey(kept.Current); err != nil {
			return osdp.Keys{}, err
		}
	}
	if len(kept.Pending) > 0 {
		if keys.Pending, err = osdp.MakeKey(kept.Pending); err != nil {
			return osdp.Keys{}, err
		}
	}
	return keys, nil
}

// keep makes keys durable. It is called by the panel before it goes on.
func (d *osdpDevice) keep(keys osdp.Keys) error {
	err := d.bus.keys.Keep(d.tie.key, DeviceKeys{Current: keys.Current.Bytes(), Pending: keys.Pending.Bytes(), Identity: keys.Identity})
	if err == nil {
		d.fault, d.known = nil, keys.Identity
	}
	return err
}

// take notes what the device said, and tells whoever waits for it.
func (d *osdpDevice) take(event osdp.Event) {
	switch e := event.(type) {
	case osdp.CardRead, osdp.KeysPressed, osdp.CharsRead, osdp.VendorSaid:
		d.frames++
		if d.reader != nil {
			d.reader.take(e)
		}
		return
	case osdp.Settled:
		if waits, ok := d.waiting[e.Ticket]; ok {
			delete(d.waiting, e.Ticket)
			waits <- e.Err
		}
		return
	case osdp.Refused:
		d.refused(e)
		return
	case osdp.Progress:
		d.say(e.Step)
		return
	case osdp.Paired:
		d.paired(e)
	case osdp.KeysNotKept:
		d.fault = fmt.Errorf("the key of the device could not be kept: %w", e.Err)
		d.bus.log.Error("key not kept", "address", d.tie.address, "error", e.Err)
	case osdp.StateChanged:
		d.became(e)
	case osdp.Identified:
		d.identity = e.Device.String()
	case osdp.LocalSaid:
		d.local = e.Local
	case osdp.Inputs:
		d.inputs = e.Levels
	case osdp.Outputs:
		d.outputs = e.On
	}
	d.tell()
}

// tell wakes who waits for a change.
func (d *osdpDevice) tell() {
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *osdpDevice) became(e osdp.StateChanged) {
	if trusted(e.State) != trusted(d.state) {
		d.since = e.At
	}
	if !trusted(e.State) {
		d.inputs, d.outputs = nil, nil
	}
	d.state, d.why = e.State, e.Why
	log := d.bus.log.Info
	if !trusted(e.State) {
		log = d.bus.log.Warn
	}
	log("osdp device", "address", d.tie.address, "state", e.State.String(), "why", e.Why.String())
}

// trusted says whether what a device in this state says counts.
func trusted(s osdp.State) bool { return s == osdp.Secure || s == osdp.Clear }

func (d *osdpDevice) refused(e osdp.Refused) {
	d.drops[e.Why.String()] += e.Count
	switch e.Why {
	case osdp.RefusedSession:
		d.rekeyed += e.Count
	case osdp.RefusedSecondPanel:
		d.foreign = time.Now()
	}
}

// orphan ends everything that waits for the device.
func (d *osdpDevice) orphan() {
	d.gone = true
	for ticket, waits := range d.waiting {
		delete(d.waiting, ticket)
		waits <- os.ErrClosed
	}
	if d.pairing != nil {
		d.pairing.done <- os.ErrClosed
		d.pairing = nil
	}
	d.tell()
}

// order sends a command and waits until the device did it. It is not sent once
// ctx has ended.
func (d *osdpDevice) order(ctx context.Context, command osdp.Command) error {
	if err := d.reachable(); err != nil {
		return err
	}
	until, bounded := ctx.Deadline()
	if !bounded {
		until = time.Now().Add(answerTime + time.Second)
	}
	d.bus.mu.Lock()
	ticket, err := d.peer.Queue(time.Now(), command, until)
	waits := make(chan error, 1)
	if err == nil {
		d.waiting[ticket] = waits
	}
	d.bus.mu.Unlock()
	if err != nil {
		return fmt.Errorf("address %d: %w", d.tie.address, err)
	}
	d.bus.nudge()
	select {
	case err = <-waits:
	case <-ctx.Done():
		err = ctx.Err()
		d.bus.mu.Lock()
		delete(d.waiting, ticket)
		d.bus.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("address %d: %w", d.tie.address, err)
	}
	return nil
}

// show sends commands that nobody waits for.
func (d *osdpDevice) show(commands ...osdp.Command) error {
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
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

// reachable is why the device cannot be told anything now, or nil.
func (d *osdpDevice) reachable() error {
	line := d.bus.line.Stats()
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	switch {
	case d.gone:
		return os.ErrClosed
	case !line.Up:
		return errors.New(line.Err)
	}
	return d.trouble()
}

// trouble is why the device is not believed, or nil. The caller holds mu.
func (d *osdpDevice) trouble() error {
	switch {
	case trusted(d.state) && d.fault == nil:
		return nil
	case d.fault != nil:
		return d.fault
	}
	switch d.state {
	case osdp.Unpaired:
		return errOSDPUnpaired
	case osdp.Swapped:
		return fmt.Errorf("another device answers in its place: it was %s, this is %s; if it was replaced, pair the new one: tilegate reader pair", d.known, d.identity)
	}
	if d.why != 0 && d.why != osdp.RefusedTimeout {
		return fmt.Errorf("the device is not believed: %s; the runbook tells each word under reader_down", d.why)
	}
	return errOSDPSilent
}

// stats are those of the device, with the bytes of the line that it shares.
func (d *osdpDevice) stats() Stats {
	s := statsOf(d.bus.line.Stats())
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	s.LastSeen, s.Frames, s.Drops = d.peer.LastHeard(), d.frames, maps.Clone(d.drops)
	s.Steps = map[string]uint64{"rekey": d.rekeyed, "reopen": d.bus.resets}
	s.Identity, s.Secure = d.identity, d.state == osdp.Secure
	s.Tampered, s.NoPower = d.local.Tampered, d.local.NoPower
	s.Foreign = time.Since(d.foreign) < foreignFor
	if err := d.trouble(); s.Up && err != nil {
		s.Up, s.Err = false, err.Error()
	}
	if d.since.After(s.Since) {
		s.Since = d.since
	}
	return s
}

// foreignFor is how long somebody who spoke as a panel is remembered.
const foreignFor = 5 * time.Minute
