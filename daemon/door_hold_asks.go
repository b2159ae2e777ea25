package daemon

import (
	"context"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// holding is what an ask does that holds the door open. Until its word is durable,
// which its answer tells, the hold is only of this run.
func (d *door) holding(actor string, length time.Duration) func(context.Context) answer {
	return func(ctx context.Context) answer { return d.holdOpen(ctx, actor, length) }
}

// releasing is what an ask does that has a door stand open no longer.
func (d *door) releasing(actor string) func(context.Context) answer {
	return func(ctx context.Context) answer { return d.release(ctx, actor) }
}

// holdOpen unlocks the door until a time has passed, or somebody releases it.
// Another hold takes the place of the first. One that the strike does not take is
// none.
func (d *door) holdOpen(ctx context.Context, actor string, length time.Duration) answer {
	ctx = context.WithoutCancel(ctx)
	if d.rights.Load().LockedDown(d.id) {
		return answer{err: errLockedDown}
	}
	event := d.byStaff(actor, "hold open for "+length.String())
	late := d.record(event, true)
	if d.shutMeanwhile(event.ID, late) {
		return answer{event: event.ID, err: errLockedDown}
	}
	now := d.clock.Mono()
	err := d.prolong(ctx, min(leaseLength, length))
	d.outcome(event.ID, late, "held open", err)
	if err != nil {
		return answer{event: event.ID, err: err}
	}
	back := d.notHeld()
	word := d.postures.sayHold(d.id, actor, length)
	if d.lease.why == standsUnlocked {
		d.leaseOver("hold begins")
	}
	d.lease = lease{why: standsHeld, seq: word.Seq, by: actor, until: now + length, ends: word.Until, renew: now + leaseEvery}
	d.way.heldIs(now, true)
	d.follow(ctx, now, d.way.judge(now))
	return answer{event: event.ID, posture: word, back: back, kept: d.postures.later(word)}
}

// notHeld is the word that ends a hold which is not to be: what staff said before it,
// if that was to keep the door locked in its hours, else that it is released.
func (d *door) notHeld() store.Posture {
	word := store.Posture{What: store.Release, Scope: access.ScopeDoor, ScopeID: d.id, Actor: byGateway, Reason: "it could not be answered for"}
	wall, _ := d.clock.now()
	if said := d.postures.of(d.id); said.kept(wall) {
		word.What, word.Until, word.Actor = store.KeepLocked, said.order.Until, said.order.Actor
	}
	return word
}

// unlessGone ends a hold again if whoever asked for it was told meanwhile that the
// door did not answer.
func (d *door) unlessGone(gone <-chan struct{}, a answer) answer {
	select {
	case <-gone:
		if a.posture.What == store.Hold {
			d.postures.later(d.postures.say(a.back))
		}
	default:
	}
	return a
}

// shutMeanwhile says whether a lockdown has begun since it was decided to open the
// door, which then stays shut. If not, the next lockdown ends the pulse that is about
// to begin, also if the door has not seen yet that the last one is over.
func (d *door) shutMeanwhile(decision string, late bool) bool {
	if d.rights.Load().LockedDown(d.id) {
		d.outcome(decision, late, lockedMeanwhile, nil)
		return true
	}
	d.locked = false
	return false
}

// lockedMeanwhile is the outcome of what a lockdown overtook.
const lockedMeanwhile = "locked down meanwhile: the door stayed shut"

// release locks a door that is held open, or that its hours unlock; these have no
// word then until they end.
func (d *door) release(ctx context.Context, actor string) answer {
	ctx = context.WithoutCancel(ctx)
	wall, clock := d.clock.now()
	said := d.postures.of(d.id)
	word := store.Posture{What: store.Release, Scope: access.ScopeDoor, ScopeID: d.id, Actor: actor}
	if d.unlocks && !said.kept(wall) {
		snapshot := d.rights.Load()
		if snapshot.Unlocking(d.id, wall, clock, said.arrived).Open {
			word.What, word.Until = store.KeepLocked, snapshot.UnlockEnds(d.id, wall)
		}
	}
	held := d.lease.why == standsHeld || said.order.What == store.Hold
	if !held && d.lease.why != standsUnlocked && word.What != store.KeepLocked {
		return answer{err: errNotHeld}
	}
	detail := "hold released"
	if !held {
		detail = "unlock hours ended by hand"
	}
	event := d.byStaff(actor, detail)
	word = d.postures.say(word)
	err := d.lockNow(ctx)          // which waits for no disk
	kept := d.postures.later(word) // also if whoever asked is gone by now
	d.forget(ctx, d.clock.Mono())
	d.record(event, true)
	return answer{event: event.ID, posture: word, kept: kept, held: held, err: err}
}

// open unlocks once because somebody of the staff said so. Into a door that is
// locked down nobody is let by mistake: whoever means it says so.
func (d *door) open(ctx context.Context, actor string, anyway bool) answer {
	ctx = context.WithoutCancel(ctx)
	locked := d.rights.Load().LockedDown(d.id)
	if locked && !anyway {
		return answer{err: errLockedDown}
	}
	detail := "open"
	if locked {
		detail = "open anyway, though locked down"
	}
	event := d.byStaff(actor, detail)
	start := time.Now()
	late := d.record(event, true)
	if !anyway && d.shutMeanwhile(event.ID, late) {
		return answer{event: event.ID, err: errLockedDown}
	}
	err := d.strikeFor(ctx, event.ID, late, d.hold)
	d.unlocked(d.hold, "", err) // who opens from afar does not walk in
	return answer{event: event.ID, hold: d.hold, took: time.Since(start), err: err}
}

// byStaff begins a line of the journal about what somebody of the staff does.
func (d *door) byStaff(actor, detail string) access.Event {
	event := d.event(access.ActionEvent)
	event.Actor, event.Detail = actor, detail
	event.Credential.Kind, event.Presence = access.Operator, access.Remote
	return event
}

// arrive notes the first to arrive: somebody who opened the door at its own tile,
// and not to go out, while its hours wait for that.
func (d *door) arrive(s *access.Snapshot, event *access.Event, at *tile) {
	if !d.unlocks || at == nil || at.name == wayOut || event.Presence == access.Remote {
		return
	}
	arrived := d.postures.of(d.id).arrived
	if d.arrived.After(arrived) {
		arrived = d.arrived // on its way to the disk
	}
	if s.Unlocking(d.id, event.At, event.Clock, arrived).Waits {
		d.arrived = event.At
		d.postures.later(d.postures.say(store.Posture{
			At: event.At, Clock: event.Clock, What: store.Arrived, Scope: access.ScopeDoor, ScopeID: d.id, Actor: byGateway, Reason: "event " + event.ID,
		}))
	}
}
