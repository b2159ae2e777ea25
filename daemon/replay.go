package daemon

import (
	"sync"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

const (
	// mostClaims bounds what is remembered of tags and passes. Only what somebody
	// signed or a tag counted gets in, so it is reached by use, not by noise.
	mostClaims = 200_000
	// rememberFor is how long after its end a pass is remembered: longer than
	// clocks are apart.
	rememberFor = 24 * time.Hour
	forgetEvery = time.Hour
	// strangeJump is how far a tag's counter may rise between two readings before
	// somebody should know: it was read a thousand times elsewhere.
	strangeJump = 1000
)

// replays remembers what proofs have used up, for all doors at once, so that a
// replay is known before anything moves. It begins with what the journal keeps,
// and says at once; what is durable is the journal's part.
type replays struct {
	forget func(before time.Time) // tells the journal what may be deleted

	mu     sync.Mutex // guards all below
	used   map[access.Digest]usage
	purged time.Time
}

// usage is the newest counter of a tag, or how often a pass was used.
type usage struct {
	counter uint64
	expires time.Time // zero: never
}

// newReplays begins with what was used up in earlier runs. forget must return at
// once.
func newReplays(kept []access.Claim, forget func(before time.Time)) *replays {
	r := &replays{forget: forget, used: make(map[access.Digest]usage, len(kept))}
	for _, c := range kept {
		r.used[c.Key] = usage{c.Counter, c.Expires}
	}
	return r
}

// reservation is a claim that nobody else can make any more. Whoever has it
// writes it down with a grant, or releases it. It is used by one goroutine.
type reservation struct {
	of    *replays
	claim access.Claim
	jump  uint64 // by how much the counter of a tag rose since it was last seen
	done  bool
}

// reserve makes a claim, or says why not: Replayed, or NotRecorded when there is
// no room to remember it. The counter of a tag is used from now on, whatever
// becomes of the tap. What ended before the sweep may be forgotten.
func (r *replays) reserve(c access.Claim, sweep time.Time) (*reservation, access.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.purge(sweep)
	have, known := r.used[c.Key]
	if !known && len(r.used) >= mostClaims {
		return nil, access.NotRecorded
	}
	res := &reservation{of: r}
	if c.UsedByGrant() {
		if have.counter >= uint64(c.Uses) {
			return nil, access.Replayed
		}
		c.Counter = have.counter + 1
	} else if known {
		if c.Counter <= have.counter {
			return nil, access.Replayed
		}
		res.jump = c.Counter - have.counter
	}
	if c.Expires.Before(have.expires) { // a pass that was issued again, for longer
		c.Expires = have.expires
	}
	r.used[c.Key] = usage{c.Counter, c.Expires}
	res.claim = c
	return res, access.Granted
}

// spent says whether a claim could not be made, without making it.
func (r *replays) spent(c access.Claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	have, known := r.used[c.Key]
	if c.UsedByGrant() {
		return have.counter >= uint64(c.Uses)
	}
	return known && c.Counter <= have.counter
}

// counted says whether this is the counter of a tag, which is used whatever
// becomes of the tap and therefore always written down. Nil is nothing.
func (res *reservation) counted() bool { return res != nil && !res.claim.UsedByGrant() }

// release gives the use of a pass back that opened nothing. It may be called on
// nil and more than once.
func (res *reservation) release() {
	if res == nil || res.done || !res.claim.UsedByGrant() {
		return
	}
	res.done = true
	res.of.mu.Lock()
	defer res.of.mu.Unlock()
	have, known := res.of.used[res.claim.Key]
	switch {
	case !known || have.counter == 0:
	case have.counter == 1:
		delete(res.of.used, res.claim.Key)
	default:
		have.counter--
		res.of.used[res.claim.Key] = have
	}
}

// purge forgets what ended long ago, here and in the journal; r.mu is held. Only
// what has surely passed counts: what is forgotten can be used again, and a clock
// that jumped ahead would forget what is still good.
func (r *replays) purge(sweep time.Time) {
	if sweep.Sub(r.purged).Abs() < forgetEvery {
		return
	}
	r.purged = sweep
	before := sweep.Add(-rememberFor)
	for key, u := range r.used {
		if !u.expires.IsZero() && u.expires.Before(before) {
			delete(r.used, key)
		}
	}
	r.forget(before)
}

// claimReceipt is a promise that an event and its claim will be durable.
type claimReceipt interface {
	receipt
	Withdraw() bool // the door stays shut; false: it is being written by now
}

// claimJournal takes events with what they use up; it never blocks on the disk.
type claimJournal interface {
	AppendClaim(e access.Event, c access.Claim) claimReceipt
}

// AppendClaim hands the event and what it uses up to the writer.
func (j storeJournal) AppendClaim(e access.Event, c access.Claim) claimReceipt {
	return j.Journal.AppendClaim(e, c)
}

var _ claimReceipt = (*store.Receipt)(nil)

// record writes a decision down together with what its tap used up, and says
// whether the door may open: a proof that could be shown again opens nothing
// before it is durable. It waits for a grant only, and not longer than patience.
// When it says no to a grant, the event is written as a refusal, not_recorded,
// if that was still possible; an outcome should say that the door stayed shut.
func (res *reservation) record(j claimJournal, event access.Event, patience time.Duration) (open bool) {
	if event.Reason != access.Granted {
		claim := res.claim
		if claim.UsedByGrant() {
			claim = access.Claim{}
		}
		j.AppendClaim(event, claim)
		res.release()
		return false
	}
	written := j.AppendClaim(event, res.claim)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-written.Done():
		open = written.Err() == nil
	case <-timer.C:
		open = !written.Withdraw() && done(written)
	}
	if !open {
		res.release()
	}
	return open
}

// done says whether a receipt is settled, and well.
func done(r receipt) bool {
	select {
	case <-r.Done():
		return r.Err() == nil
	default:
		return false
	}
}
