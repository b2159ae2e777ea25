package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// notKept is what the outcome says of a grant whose use could not be recorded.
const notKept = "not recorded in time: the door stayed shut"

// receive takes what a tile read. Most reads are decided at once; at a door that
// asks for a PIN a card waits for it.
func (d *door) receive(ctx context.Context, read heard, actor string) (a answer) {
	snapshot := d.rights.Load()
	offer := d.offers.tap(read.Read, scene{
		moment: d.clock.moment(), door: d.id, reader: read.from(), anyClock: snapshot.PolicyOf(d.id).Residential,
	})
	if read.tile == nil { // who simulates a tap vouches for the PIN
		return d.admit(ctx, snapshot, read, pinCase{offered: offer, pin: access.PINRight}, actor)
	}
	cases, wait := read.tile.pad.offer(snapshot, offer, d.clock.Mono())
	for _, c := range cases {
		a = d.admit(ctx, snapshot, read, c, actor)
	}
	if wait == waitPIN {
		d.tellTile(ctx, read.tile, hw.Notice{Signal: hw.SignalPIN})
	}
	return a
}

// lapse decides cards whose PIN did not come, and ends what was coalesced.
func (d *door) lapse(ctx context.Context) {
	for _, t := range d.tiles {
		now := d.clock.Mono()
		for _, c := range t.pad.lapse(now) {
			d.admit(ctx, d.rights.Load(), heard{Read: hw.Read{At: time.Now()}, tile: t}, c, "")
		}
		d.coalesced(t, t.flood.turn(now))
	}
}

// write records a decision together with what its proof uses up. A grant that
// cannot be recorded in time, and could be shown again, is refused. A refusal that
// is only counted has no line of its own.
func (d *door) write(event access.Event, c pinCase, at *tile, decision *access.Decision) (late, line bool) {
	if at != nil && noise(event) && !c.uses.counted() {
		itself, more := at.flood.write(d.clock.Mono())
		d.coalesced(at, more)
		if !itself {
			c.uses.release()
			return false, false
		}
	}
	if c.uses == nil {
		return d.record(event, decision.Granted()), true
	}
	if open := c.uses.record(d.journal, event, recordPatience); decision.Granted() && !open {
		decision.Refuse(access.NotRecorded)
		outcome := d.event(access.OutcomeEvent)
		outcome.Ref, outcome.Detail = event.ID, notKept
		d.journal.Append(outcome)
	}
	return false, true
}

// noise says whether a decision may be coalesced with others: a refusal with no
// holder in it.
func noise(event access.Event) bool { return event.Reason != access.Granted && event.Holder == "" }

// coalesced writes how many refusals of a tile were not written one by one.
func (d *door) coalesced(at *tile, more int) {
	if more == 0 {
		return
	}
	event := d.event(access.SystemEvent)
	event.Reader, event.Detail = at.name, fmt.Sprintf("%d more refusals at this reader were counted and not written one by one", more)
	d.journal.Append(event)
}

// heed takes what a decision means for the keypad, and waits a while until what
// a wrong PIN costs is on disk: a power cut must not buy another try.
func (d *door) heed(c pinCase, at *tile, s *access.Snapshot, granted bool) {
	if at == nil {
		return
	}
	news := at.pad.decided(c, s, granted, d.clock.Mono())
	if news.disabled {
		d.log.Warn("a keypad was switched off: somebody guesses PINs", "reader", at.name)
	}
	if news.kept == nil {
		return
	}
	patience := time.NewTimer(recordPatience)
	defer patience.Stop()
	select {
	case <-news.kept:
	case <-patience.C:
	}
}
