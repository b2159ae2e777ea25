package daemon

import (
	"maps"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// passages remembers which credential went through a door when, for as long as
// the door's passback asks. It belongs to the loop of the door, and begins with what
// the journal knows.
type passages struct {
	within time.Duration             // 0: nothing is remembered
	last   map[access.Digest]passage // by card, however it was read
}

// passage is when somebody went through, in monotonic time, and by which decision.
type passage struct {
	at       time.Duration
	decision string
}

// of is when the credential last went through; zero: not lately. It is told in
// the time of the wall, and counted in that which elapsed: a clock that is set
// neither keeps anybody out nor lets a card be handed back.
func (p *passages) of(c access.Credential, now time.Duration, wall time.Time) time.Time {
	was, ok := p.last[c.Digest]
	if !ok {
		return time.Time{}
	}
	return wall.Add(was.at - now)
}

// note takes a passage, and forgets those that no longer count.
func (p *passages) note(c access.Credential, now time.Duration, decision string) {
	if p.within <= 0 {
		return
	}
	if p.last == nil {
		p.last = map[access.Digest]passage{}
	}
	maps.DeleteFunc(p.last, func(_ access.Digest, was passage) bool { return now-was.at >= p.within })
	p.last[c.Digest] = passage{now, decision}
}

// undo forgets the passage of a decision that nobody used: who did not get to the
// door in time may ask again.
func (p *passages) undo(decision string) {
	maps.DeleteFunc(p.last, func(_ access.Digest, was passage) bool { return was.decision == decision })
}
