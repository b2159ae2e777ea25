package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// The lease of a door that is held open: the strike is never told to stay
// unlocked, only to stay so for another while. A gateway that dies leaves a door
// that locks by itself.
const (
	leaseLength = hw.MaxPulse
	leaseEvery  = 10 * time.Second
	leaseRetry  = 5 * time.Second // when the strike did not answer
)

var (
	errLockedDown = errors.New("the door is locked down, which wins; end the lockdown first")
	errNotHeld    = errors.New("the door is not held open")
)

// lease is a hold, while it is on.
type lease struct {
	on    bool
	by    string
	until time.Duration // monotonic: the end of the hold
	renew time.Duration // when the strike is told again
}

// holding is what an ask does that holds the door open.
func (d *door) holding(actor string, length time.Duration) func(context.Context) answer {
	return func(ctx context.Context) answer { return d.holdOpen(ctx, actor, length) }
}

// releasing is what an ask does that ends a hold.
func (d *door) releasing(actor string) func(context.Context) answer {
	return func(ctx context.Context) answer { return d.release(ctx, actor) }
}

// holdOpen unlocks the door until a time has passed, or somebody releases it.
// Another hold takes the place of the first.
func (d *door) holdOpen(ctx context.Context, actor string, length time.Duration) answer {
	ctx = context.WithoutCancel(ctx)
	if d.rights.Load().LockedDown(d.id) {
		return answer{err: errLockedDown}
	}
	event := d.event(access.ActionEvent)
	event.Actor, event.Detail = actor, "hold open for "+length.String()
	event.Credential.Kind, event.Presence = access.Operator, access.Remote
	late := d.record(event, true)
	now := d.clock.Mono()
	err := d.prolong(ctx, min(leaseLength, length))
	d.outcome(event.ID, late, "held open", err)
	if err != nil && !d.lease.on {
		return answer{event: event.ID, err: err}
	}
	d.lease = lease{on: true, by: actor, until: now + length, renew: now + leaseEvery}
	d.way.heldIs(now, true)
	d.follow(ctx, now, d.way.judge(now))
	return answer{event: event.ID, err: err}
}

// release ends a hold because somebody asks.
func (d *door) release(ctx context.Context, actor string) answer {
	ctx = context.WithoutCancel(ctx)
	if !d.lease.on {
		return answer{err: errNotHeld}
	}
	event := d.event(access.ActionEvent)
	event.Actor, event.Detail = actor, "hold released"
	event.Credential.Kind, event.Presence = access.Operator, access.Remote
	err := d.lockNow(ctx) // which waits for no disk
	d.endLease(ctx)
	d.record(event, true)
	return answer{event: event.ID, err: err}
}

// renew keeps a hold going, or ends it: when its time is over the last pulse runs
// out by itself, and a lockdown locks at once.
func (d *door) renew(ctx context.Context, now time.Duration) {
	switch {
	case !d.lease.on:
	case d.rights.Load().LockedDown(d.id):
		if err := d.lockNow(ctx); err != nil {
			d.log.Error("the door is locked down and was held open; the strike was not told, its pulse ends by itself", "error", err)
		}
		d.endLease(ctx)
		d.leaseOver("the door is locked down")
	case now >= d.lease.until:
		d.endLease(ctx)
		d.leaseOver("its time is over")
	case now >= d.lease.renew:
		d.lease.renew = now + leaseEvery
		if err := d.prolong(ctx, min(leaseLength, d.lease.until-now)); err != nil {
			d.lease.renew = now + leaseRetry
			d.log.Warn("the door cannot be held open, the strike does not answer", "error", err)
		}
	}
}

// endLease ends a hold. It locks nothing.
func (d *door) endLease(ctx context.Context) {
	now := d.clock.Mono()
	d.lease = lease{}
	d.way.heldIs(now, false)
	d.follow(ctx, now, d.way.judge(now))
}

// leave is the last thing that the loop of the door does. Nobody waits at its
// tiles afterwards, and what was counted is told.
func (d *door) leave(ctx context.Context) {
	for _, t := range d.tiles {
		for _, c := range t.pad.giveUp() {
			d.admit(ctx, d.rights.Load(), heard{Read: hw.Read{At: time.Now()}, tile: t}, c, "")
		}
		d.coalesced(t, t.flood.end())
	}
	if d.lease.on {
		d.leaseOver("the gateway stops, or the door has new settings")
	}
}

// leaseOver writes down why a hold ended that nobody released.
func (d *door) leaseOver(why string) {
	event := d.event(access.SystemEvent)
	event.Detail = "hold ended: " + why
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
