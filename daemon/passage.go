package daemon

import (
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// passages remembers which credential went through a door when, for as long as
// the door's passback asks. It belongs to the loop of the door and begins anew
// with the gateway: after a restart a card may be handed back once.
type passages struct {
	within time.Duration // 0: nothing is remembered
	last   map[passage]time.Time
}

// passage is a credential without how sure we are of it.
type passage struct {
	kind   access.Kind
	digest access.Digest
}

// of is when the credential last went through; zero: not lately.
func (p *passages) of(c access.Credential) time.Time {
	return p.last[passage{c.Kind, c.Digest}]
}

// note takes a passage, and forgets those that no longer count. A clock that was
// set back leaves none behind that count for ever.
func (p *passages) note(c access.Credential, at time.Time) {
	if p.within <= 0 {
		return
	}
	if p.last == nil {
		p.last = map[passage]time.Time{}
	}
	for key, was := range p.last {
		if age := at.Sub(was); age >= p.within || age < 0 {
			delete(p.last, key)
		}
	}
	p.last[passage{c.Kind, c.Digest}] = at
}
