package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// The lease of a door that stands open: the strike is never told to stay
// unlocked, only to stay so for another while. A gateway that dies leaves a door
// that locks by itself.
const (
	leaseLength = hw.MaxPulse
	leaseEvery  = 10 * time.Second
	leaseRetry  = 5 * time.Second // when the strike did not answer
)

var (
	errLockedDown = errors.New("the door is locked down, which wins; end the lockdown first")
	errNotHeld    = errors.New("the door is neither held open nor unlocked by its hours")
)

// openWhy is why a door stands open for everybody.
type openWhy uint8

const (
	standsLocked   openWhy = iota // it does not
	standsHeld                    // staff hold it open
	standsUnlocked                // by its unlock hours
)

var openNames = [...]string{standsLocked: "", standsHeld: "hold", standsUnlocked: "unlock hours"}

// lease is how a door stands open, while it does.
type lease struct {
	why   openWhy
	seq   uint64             // the word that holds it
	by    string             // who said it
	kind  access.Consequence // of unlock hours
	until time.Duration      // monotonic: when it ends by itself, as far as is known
	ends  time.Time          // the same, for people
	renew time.Duration      // when the strike is told again
}

// same says whether two leases are of one word, or both of the hours.
func (l *lease) same(o *lease) bool { return l.why == o.why && l.seq == o.seq }

// detail names what a lease is of, for the journal.
func (l *lease) detail() string {
	if l.why == standsUnlocked && l.kind == access.FirstToArrive {
		return "unlock hours (first_to_arrive)"
	}
	return openNames[l.why]
}

// stand has the door stand as it should by now: by lockdowns first, then by what
// staff said, then by its hours. It is called once a second and whenever any of
// them may have changed. Beside it only holdOpen lets a door stand open.
func (d *door) stand(ctx context.Context, now time.Duration) {
	ctx = context.WithoutCancel(ctx)
	snapshot := d.rights.Load()
	d.shutAtLockdown(ctx, snapshot, now)
	want, why := d.wanted(snapshot, now)
	switch {
	case want.why == standsLocked && d.lease.why == standsLocked:
	case want.why == standsLocked:
		d.endLease(ctx, now, why)
	case d.lease.same(&want):
		d.lease.until, d.lease.ends = want.until, want.ends
		d.renew(ctx, now)
	default:
		if d.lease.why != standsLocked {
			d.leaseOver(why)
		}
		d.begin(ctx, now, want)
	}
}

// shutAtLockdown ends whatever pulse runs as a lockdown begins. A door that staff
// open during one, on purpose, stays open for its pulse.
func (d *door) shutAtLockdown(ctx context.Context, s *access.Snapshot, now time.Duration) {
	before := d.locked
	d.locked = s.LockedDown(d.id)
	if before || !d.locked || d.lease.why != standsLocked || int64(now) >= d.openUntil.Load() {
		return
	}
	if err := d.lockNow(ctx); err != nil {
		d.log.Error("the door is locked down while it is unlocked; the strike was not told, its pulse ends by itself", "error", err)
	}
}

// wanted is how the door should stand open, and why it stands as it does no longer.
func (d *door) wanted(s *access.Snapshot, now time.Duration) (want lease, why string) {
	wall, clock := d.clock.now()
	word := d.postures.of(d.id)
	if d.locked {
		if word.order.What == store.Hold || d.lease.why == standsHeld {
			d.unhold(whyLockedDown)
		}
		return lease{}, whyLockedDown
	}
	if want, why = d.held(word, now, wall, clock); want.why != standsLocked {
		return want, "a hold begins"
	}
	kept := word.kept(wall)
	if d.unlocks && !kept {
		if u := s.Unlocking(d.id, wall, clock, word.arrived); u.Open {
			ends := s.UnlockEnds(d.id, wall)
			return lease{why: standsUnlocked, kind: u.Kind, until: now + ends.Sub(wall), ends: ends}, why
		}
	}
	if d.lease.why == standsUnlocked {
		switch {
		case kept:
			why = holdReleased
		case !wall.Before(d.lease.ends):
			why = holdOver
		case !clock.Trusted():
			why = waitsClock
		default:
			why = "the rights no longer say so, or are too old"
		}
	}
	return lease{}, why
}

const whyLockedDown = "the door is locked down"

// held is the lease by which staff hold the door open, if they do; else why not.
func (d *door) held(word doorWord, now time.Duration, wall time.Time, clock access.ClockState) (want lease, why string) {
	mine := d.lease
	holds := mine.why == standsHeld
	var left time.Duration
	var over bool
	if holds && mine.seq > word.order.Seq { // its word is on its way to the disk
		left, why, over = mine.until-now, holdOver, true
	} else if left, why, over = word.left(now, wall, clock); holds && mine.seq == word.order.Seq && mine.until-now < left {
		left, why, over = mine.until-now, holdOver, true // a clock that is set makes it no longer
	}
	if left > 0 {
		d.told = ""
		seq, by := word.order.Seq, word.order.Actor
		if mine.seq > seq {
			seq, by = mine.seq, mine.by
		}
		return lease{why: standsHeld, seq: seq, by: by, until: now + left, ends: wall.Add(left)}, ""
	}
	said := word.order.What == store.Hold
	if said && !holds && d.told != why {
		d.leaseNote("the hold of " + word.order.Actor + " is not taken up: " + why)
	}
	if d.told = why; over && (said || holds && mine.seq > word.order.Seq) {
		d.unhold(why)
	}
	return lease{}, why
}

// unhold says for good that a hold has ended, so that no clock and no restart
// brings it back.
func (d *door) unhold(why string) {
	d.postures.later(d.postures.say(store.Posture{
		What: store.Release, Scope: access.ScopeDoor, ScopeID: d.id, Actor: byGateway, Reason: why,
	}))
}

// begin has the door stand open.
func (d *door) begin(ctx context.Context, now time.Duration, want lease) {
	event := d.event(access.SystemEvent)
	event.Detail = want.detail() + " began"
	if want.why == standsHeld {
		event.Detail = "hold of " + want.by + " goes on"
	}
	event.Detail += ", until " + want.ends.UTC().Format(time.RFC3339)
	d.record(event, true)
	d.lease = want
	d.way.heldIs(now, true)
	d.renew(ctx, now)
	d.follow(ctx, now, d.way.judge(now))
}

// renew tells the strike again when it is time, never beyond the end.
func (d *door) renew(ctx context.Context, now time.Duration) {
	if now < d.lease.renew || d.rights.Load().LockedDown(d.id) { // which stand is about to see
		return
	}
	d.lease.renew = now + leaseEvery
	if err := d.prolong(ctx, min(leaseLength, d.lease.until-now)); err != nil {
		d.lease.renew = now + leaseRetry
		d.log.Warn("the door cannot be kept open, the strike does not answer", "error", err)
	}
}

// endLease has the door stand open no longer. When its time came, the last pulse
// runs out by itself; otherwise it is locked at once.
func (d *door) endLease(ctx context.Context, now time.Duration, why string) {
	if why != holdOver {
		if err := d.lockNow(ctx); err != nil {
			d.log.Error("the door should be locked now; the strike was not told, its pulse ends by itself", "why", why, "error", err)
		}
	}
	d.leaseOver(why)
	d.forget(ctx, now)
}

// forget ends a lease. It locks nothing.
func (d *door) forget(ctx context.Context, now time.Duration) {
	d.lease = lease{}
	d.way.heldIs(now, false)
	d.follow(ctx, now, d.way.judge(now))
}

// leave is the last thing that the loop of the door does. Nobody waits at its
// tiles afterwards, and what was counted is told. What staff said stays said: the
// next loop of the door takes it up.
func (d *door) leave(ctx context.Context) {
	for _, t := range d.tiles {
		for _, c := range t.pad.giveUp() {
			d.admit(ctx, d.rights.Load(), heard{Read: hw.Read{At: time.Now()}, tile: t}, c, "")
		}
		d.coalesced(t, t.flood.end())
	}
	if d.lease.why != standsLocked {
		d.leaseNote(d.lease.detail() + " interrupted: the gateway stops, or the door has new settings")
	}
}

// leaseOver writes down why a lease ended that nobody ended by hand.
func (d *door) leaseOver(why string) { d.leaseNote(d.lease.detail() + " ended: " + why) }

func (d *door) leaseNote(detail string) {
	event := d.event(access.SystemEvent)
	event.Detail = detail
	d.journal.Append(event)
}

// prolong has the strike stay unlocked for another while.
func (d *door) prolong(ctx context.Context, length time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, pulsePatience)
	defer cancel()
	err := d.strike.Pulse(ctx, length)
	d.unlocked(length, "", err)
	return err
}
