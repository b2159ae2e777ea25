package hw

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
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
	fault error // its key cannot be read

	changed  chan struct{} // closed when something below changes, then replaced
	gone     bool
	state    osdp.State
	since    time.Time // of the last change between believed and not
	identity string
	known    string // who it was when it was paired
	local    osdp.Local
	attached []byte // how readers stand that hang on this one
	outputs  []bool
	inputs   osdpInputs
	frames   uint64
	rekeyed  uint64
	drops    map[string]uint64

	reader  *osdpReader // nil: nobody reads it
	waiting map[osdp.Ticket]chan error
	pairing *osdpPairing // nil: none runs
	moving  chan error   // nil: it stays where it is
}

// The words for what a reader drops, beside osdp.Refusals, and for what came on
// the line while nobody was asked.
const (
	osdpDropDecode  = "decode" // a card or code that is not as the settings say
	osdpDropRepeat  = "repeat" // the card stays in the field
	osdpDropRate    = "rate"   // faster than people can be
	osdpDropVendor  = "vendor" // a message of the maker's own that no setting asks for
	osdpDropText    = "fmt"    // a card as text, which nobody sends any more
	osdpDropFull    = "overflow"
	osdpDropUnasked = "unasked"
	osdpDropPanel   = "second_panel"
)

func newOSDPDevice(b *osdpBus, tie osdpTie) (*osdpDevice, error) {
	d := &osdpDevice{
		bus: b, tie: tie, users: 1, changed: make(chan struct{}), since: time.Now(), drops: map[string]uint64{},
		waiting: map[osdp.Ticket]chan error{},
	}
	for _, word := range slices.Concat(osdp.Refusals(), []string{
		osdpDropDecode, osdpDropRepeat, osdpDropRate, osdpDropVendor, osdpDropText, osdpDropFull, osdpDropUnasked,
	}) {
		d.drops[word] = 0
	}
	return d, d.meet()
}

// meet makes the peer, with the key that is kept of it. A key that cannot be
// read leaves the device unpaired, and the others on the line as they are.
func (d *osdpDevice) meet() error {
	set := osdp.Settings{Address: d.tie.address, Insecure: d.tie.insecure, Checksum: d.tie.checksum, Poll: d.tie.poll, Keep: d.keep}
	kept, err := d.bus.keys.Keys(d.tie.key)
	if err == nil {
		if set.Keys, err = osdpKeys(kept); err != nil {
			err = fmt.Errorf("key %s is damaged, %w: restore it from a backup, or reset the device to install mode and pair it again", d.tie.key, err)
		}
	}
	if err != nil {
		d.fault, set.Keys = err, osdp.Keys{}
		d.bus.log.Error("key of a device cannot be used", "address", d.tie.address, "error", err)
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
		d.settle(e.Ticket, e.Err)
		if !d.inputs.answered(e) {
			return
		}
	case osdp.Refused:
		d.refused(e)
		return
	case osdp.Progress:
		d.say(e.Step)
		return
	case osdp.KeysNotKept:
		// The device has the key and works; the record still has it as
		// pending, which is tried first after a restart.
		d.say("the key could not be recorded as the device's own, only as sent to it: " + e.Err.Error())
		d.bus.log.Error("key of a device is recorded as pending only", "address", d.tie.address, "error", e.Err)
		return
	case osdp.Moved:
		d.moved(e)
	case osdp.Paired:
		d.paired(e)
	case osdp.StateChanged:
		d.became(e)
	case osdp.Identified:
		d.identity = e.Device.String()
	case osdp.LocalSaid:
		d.local = e.Local
	case osdp.Attached:
		d.attached = e.States
	case osdp.Inputs:
		d.inputs.told(e)
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

func (d *osdpDevice) settle(ticket osdp.Ticket, err error) {
	if waits, ok := d.waiting[ticket]; ok {
		delete(d.waiting, ticket)
		waits <- err
	}
}

func (d *osdpDevice) became(e osdp.StateChanged) {
	if trusted(e.State) != trusted(d.state) {
		d.since = e.At
	}
	d.inputs.forget()
	d.outputs, d.attached = nil, nil
	d.state = e.State
	log := d.bus.log.Info
	if !trusted(e.State) {
		log = d.bus.log.Warn
		d.hole()
	}
	log("osdp device", "address", d.tie.address, "state", e.State.String(), "why", e.Why.String())
}

// hole tells the reader that something that was typed may be lost.
func (d *osdpDevice) hole() {
	if d.reader != nil {
		d.reader.keys.hole()
	}
}

// trusted says whether what a device in this state says counts.
func trusted(s osdp.State) bool { return s == osdp.Secure || s == osdp.Clear }

func (d *osdpDevice) refused(e osdp.Refused) {
	d.drops[e.Why.String()] += e.Count
	switch e.Why {
	case osdp.RefusedSession:
		d.rekeyed += e.Count
		d.hole()
	case osdp.RefusedSecondPanel:
		d.bus.foreign = time.Now()
	}
}

// deaf forgets what may have changed unheard, since the port is or was gone.
func (d *osdpDevice) deaf() {
	d.inputs.forget()
	d.outputs = nil
	d.tell()
}

// fail ends everything that waits for an answer of the device. None of it is
// done later.
func (d *osdpDevice) fail(now time.Time, why error) {
	for ticket := range d.waiting {
		d.peer.Withdraw(now, ticket)
		d.settle(ticket, why)
	}
}

// orphan ends everything that waits for the device.
func (d *osdpDevice) orphan() {
	d.gone = true
	d.fail(time.Now(), os.ErrClosed)
	d.paired(osdp.Paired{Err: os.ErrClosed})
	d.moved(osdp.Moved{Err: os.ErrClosed})
	d.tell()
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

// connectWithin is how long a device may take to be believed after the port was
// opened or it was lost: as long, who needs it waits for it.
const connectWithin = 4 * time.Second

// connected waits for a device that is just being met, and says why it cannot be
// told anything.
func (d *osdpDevice) connected(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	for {
		err := d.reachable()
		d.bus.mu.Lock()
		hopeful, changed := d.hopeful(time.Now()), d.changed
		d.bus.mu.Unlock()
		if err == nil || !hopeful {
			return err
		}
		select {
		case <-changed:
		case <-within.Done():
			return err
		}
	}
}

// hopeful says whether a device that is not believed may be soon. The caller
// holds mu.
func (d *osdpDevice) hopeful(now time.Time) bool {
	why := d.peer.Why()
	return !d.gone && d.state == osdp.Offline && d.fault == nil && (why == 0 || why == osdp.RefusedTimeout) &&
		(now.Sub(d.since) < connectWithin || now.Sub(d.bus.began) < connectWithin)
}

// trouble is why the device is not believed, or nil. The caller holds mu.
func (d *osdpDevice) trouble() error {
	switch {
	case trusted(d.state):
		return nil
	case d.fault != nil:
		return d.fault
	case d.state == osdp.Unpaired:
		return errOSDPUnpaired
	case d.state == osdp.Swapped:
		return fmt.Errorf("another device answers in its place: it was %s, this is %s; if it was replaced, pair the new one: tilegate reader pair", d.known, d.peer.Device().Identity())
	}
	if why := d.peer.Why(); why != 0 && why != osdp.RefusedTimeout {
		return fmt.Errorf("the device is not believed: %s; the runbook tells each word under reader_down", why.String())
	}
	return errOSDPSilent
}

// stats are those of the device, with the bytes of the line that it shares.
func (d *osdpDevice) stats() Stats {
	s := statsOf(d.bus.line.Stats())
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	s.LastSeen, s.Frames, s.Drops = d.peer.LastHeard(), d.frames, maps.Clone(d.drops)
	s.Drops[osdpDropUnasked] += d.bus.unasked
	s.Drops[osdpDropPanel] += d.bus.panels
	s.Steps = map[string]uint64{"rekey": d.rekeyed, "reopen": d.bus.resets}
	s.Identity, s.Secure = d.identity, d.state == osdp.Secure
	s.Tampered, s.NoPower = d.local.Tampered || slices.Contains(d.attached, 2), d.local.NoPower
	s.Foreign = time.Since(d.bus.foreign) < foreignFor
	switch err := d.trouble(); {
	case !s.Up:
	case err != nil:
		s.Up, s.Err = false, err.Error()
	case !s.LastSeen.After(s.Since): // what it said before the port was opened anew proves nothing
		s.Up, s.Err = false, errOSDPSilent.Error()
	}
	if d.since.After(s.Since) {
		s.Since = d.since
	}
	return s
}

// foreignFor is how long somebody who spoke as a panel is remembered.
const foreignFor = 5 * time.Minute
