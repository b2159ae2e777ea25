package osdp

import (
	"errors"
	"slices"
	"time"
)

var errPairStopped = errors.New("the pairing was stopped; a key that was sent is kept, and tried when the reader is back")

// Withdraw takes a queued command back, because nobody waits for it any more. It
// is never sent from now on; an OUT that was already sent is not repeated, which
// costs the secure channel, since no other command may have its number. Settled
// does not come.
func (p *Peer) Withdraw(now time.Time, ticket Ticket) {
	for r, waiting := range p.queue.waiting {
		p.queue.waiting[r] = slices.DeleteFunc(waiting, func(o order) bool { return o.ticket == ticket })
	}
	if p.doubt.open && p.doubt.order.ticket == ticket {
		p.doubt.open = false
	}
	if p.out.open && p.out.order.ticket == ticket {
		p.out.order.ticket = 0
		if p.out.code == codeOUT {
			p.restart(now)
		}
	}
}

// StopPairing ends a pairing before its time. Paired tells so.
func (p *Peer) StopPairing(now time.Time) {
	if p.pair.on {
		p.pairingFailed(now, errPairStopped)
	}
}
