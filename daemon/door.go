package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// recordPatience is how long a member waits for a worn card to take the record.
const recordPatience = 150 * time.Millisecond

// pulsePatience is how long a strike may take to answer.
const pulsePatience = 2 * time.Second

// readPatience is how old a read may be when the door gets to it. Behind a
// strike that hangs reads pile up; when it answers again, nobody stands there.
const readPatience = 3 * time.Second

// receipt is a promise that an event will be durable.
type receipt interface {
	Done() <-chan struct{}
	Err() error     // after Done
	MarkLate() bool // the strike moves first; false: it is being written by now
}

// journal takes events, and what they use up; it never blocks on the disk.
type journal interface {
	claimJournal
	Append(e access.Event) receipt
}

// door is one door of this gateway. Its loop is the only one to move its
// strike; everything that wants the door goes through its channels.
type door struct {
	id       string
	name     string
	hold     time.Duration
	extended time.Duration // for people who need longer
	tiles    []*tile
	strike   hw.Strike
	rights   *rights
	postures *postures
	unlocks  bool // its unlock hours have it stand open
	journal  journal
	clock    *timekeeper
	offers   *offers
	metrics  *doorMetrics
	log      hclog.Logger

	reads     chan heard    // bounded: from the loops of the tiles
	asks      chan ask      // bounded: from people
	wake      chan struct{} // it may have to stand otherwise
	beat      atomic.Uint64 // rises while the loop of the door lives
	last      atomic.Pointer[lastTap]
	openUntil atomic.Int64 // monotonic: when the pulse that runs ends

	senses
}

// heard is what a tile of the door read; a simulated tap has no tile.
type heard struct {
	hw.Read
	tile *tile
}

// lastTap is what staff see of a door.
type lastTap struct {
	at     time.Time
	reason access.Reason
}

// ask is somebody who wants the door to do something, without a tile.
type ask struct {
	actor  string
	read   *hw.Read                         // a simulated tap
	do     func(ctx context.Context) answer // something else; neither: open once, by order
	anyway bool                             // also if the door is locked down
	gone   <-chan struct{}                  // closed when nobody waits for the answer any more
	reply  chan<- answer
}

// answer is what an ask brought.
type answer struct {
	event    string
	decision access.Decision
	snapshot *access.Snapshot
	hold     time.Duration // how long the strike stays unlocked; 0: it was not
	took     time.Duration
	posture  store.Posture // what is said by it
	back     store.Posture // what ends it again, if it is a hold that is not to be
	kept     <-chan error  // told once that is durable, or is not; nil: nothing was said
	held     bool          // it was a hold that was released
	err      error
}

// run is the loop of the door: one thing at a time, until ctx ends. It begins
// with the strike at rest, whatever the last run left behind.
func (d *door) run(ctx context.Context) error {
	if err := rest(ctx, d.strike); err != nil {
		d.log.Warn("the strike did not come to rest at start; it will with the next contact", "error", err)
	}
	d.stand(ctx, d.clock.Mono())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		d.beat.Add(1)
		select {
		case <-ctx.Done():
			d.leave(ctx)
			return nil
		case <-tick.C:
			d.tend(ctx)
			d.lapse(ctx)
		case <-d.wake:
			d.tend(ctx)
		case s := <-d.levels:
			d.sense(ctx, s)
		case read := <-d.reads:
			read.tile.waiting.Add(-1)
			if time.Since(read.At) > readPatience {
				d.metrics.discarded.Inc()
				continue
			}
			d.receive(ctx, read, "")
		case a := <-d.asks:
			d.obey(ctx, a)
		}
	}
}

// obey does what somebody asks for who still waits. Who gave up was told that
// the door did not answer, and it must not open behind their back.
func (d *door) obey(ctx context.Context, a ask) {
	select {
	case <-a.gone:
	default:
		switch {
		case a.read != nil:
			a.reply <- d.receive(ctx, heard{Read: *a.read}, a.actor)
		case a.do != nil:
			a.reply <- d.unlessGone(a.gone, a.do(ctx))
		default:
			a.reply <- d.open(ctx, a.actor, a.anyway)
		}
	}
}

// admit is the path of a tap whose credential is known: decision, record, strike,
// answer. Nothing in it waits for the network, and for the disk only a bounded
// time. What was begun is finished, also while the gateway stops. The snapshot is
// the one that the PIN was compared by: no decision mixes two.
func (d *door) admit(ctx context.Context, snapshot *access.Snapshot, read heard, c pinCase, actor string) answer {
	ctx = context.WithoutCancel(ctx)
	tap, facts := access.Exact(c.tap, d.facts(c))
	decision := snapshot.Decide(tap, facts)
	if c.without {
		decision.Refuse(access.PINWrong)
	}

	event := d.event(access.DecisionEvent)
	snapshot.Describe(&event, tap, facts, decision)
	event.Actor, event.Detail = actor, c.detail
	late, line := d.write(event, c, read.tile, &decision)
	d.heed(c, read.tile, snapshot, decision.Granted())
	if decision.Granted() && d.shutMeanwhile(event.ID, late) {
		decision.Refuse(access.LockedDown)
	}

	a := answer{decision: decision, snapshot: snapshot}
	if line { // else there is nothing that anybody could look up
		a.event = event.ID
	}
	if decision.Granted() {
		a.hold = d.holdFor(snapshot, decision)
		a.err = d.strikeFor(ctx, event.ID, late, a.hold)
		d.unlocked(a.hold, event.ID, a.err)
		if a.err == nil {
			d.passages.note(tap.Credential, d.clock.Mono(), event.ID)
			d.arrive(snapshot, &event, read.tile)
		}
		a.took = time.Since(read.At)
		d.metrics.struck(a.took, a.err)
	}
	d.show(ctx, read, a)
	d.metrics.tapped(decision)
	d.last.Store(&lastTap{at: tap.At, reason: decision.Reason})
	return a
}

// from is the name of the tile.
func (h heard) from() string {
	if h.tile == nil {
		return simulatedReader
	}
	return h.tile.name
}

// facts are what a decision needs beside the rights.
func (d *door) facts(c pinCase) access.Facts {
	now := d.clock.moment()
	facts := now.facts()
	facts.PIN, facts.LastPassage = c.pin, d.passages.of(c.tap.Credential, now.mono, now.at)
	return facts
}

// record writes the event down. A grant waits until it is durable, but not
// longer than a member would notice: then it is late, and the outcome says so.
func (d *door) record(event access.Event, wait bool) (late bool) {
	written := d.journal.Append(event)
	return wait && await(written)
}

// await waits for a record, a while, and says whether it is late.
func await(written receipt) (late bool) {
	patience := time.NewTimer(recordPatience)
	defer patience.Stop()
	select {
	case <-written.Done():
		return written.Err() != nil
	case <-patience.C:
	}
	written.MarkLate()
	return true
}

// strikeFor pulses the strike for a decision that was granted and records what
// came of it. It returns as soon as the board acknowledged.
func (d *door) strikeFor(ctx context.Context, decision string, late bool, hold time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, pulsePatience)
	defer cancel()
	err := d.strike.Pulse(ctx, hold)
	d.outcome(decision, late, access.DidUnlock, err)
	return err
}

// outcome records what the strike did about a decision or an order.
func (d *door) outcome(decision string, late bool, did string, err error) {
	outcome := d.event(access.OutcomeEvent)
	outcome.Ref, outcome.Late, outcome.Detail = decision, late, did
	if err != nil {
		outcome.Detail = access.StrikeFailed + err.Error()
		d.log.Error("granted, but the strike did not answer", "error", err)
	}
	d.journal.Append(outcome)
	if late {
		d.metrics.late.Add(1)
	}
}

// event begins a line of the journal.
func (d *door) event(kind access.EventKind) access.Event {
	return newEvent(d.clock, kind, d.id)
}

func newEvent(clock *timekeeper, kind access.EventKind, door string) access.Event {
	now := clock.moment()
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand never fails
	return access.Event{
		ID: hex.EncodeToString(id[:]), Kind: kind, Door: door,
		At: now.at.UTC().Truncate(time.Microsecond), Mono: now.mono, Clock: now.clock, Floor: now.floor.UTC().Truncate(time.Microsecond),
	}
}
