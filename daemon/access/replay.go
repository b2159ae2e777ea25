package access

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Describe writes into an event what was decided, and all that it was decided by
// but the rights themselves, of which it names the generation.
func (s *Snapshot) Describe(e *Event, tap Tap, facts Facts, d Decision) {
	explained := s.Explain(d)
	e.At, e.Clock = tap.At, facts.Clock
	e.Reader, e.Credential, e.Presence, e.Fault = tap.Reader, tap.Credential, tap.Presence, tap.Fault
	e.Reason, e.Holder, e.Warned = d.Reason, explained.Holder, d.Warned()
	for _, miss := range explained.Misses {
		e.Reasons = append(e.Reasons, miss.Reason)
	}
	e.Grant, e.Group = explained.nearest()
	e.Generation, e.RosterHash, e.RosterAge, e.Posture = d.Generation, s.hashText(), s.OldestAge(tap.At), s.Postures()
	e.LastPass, e.PIN = facts.LastPassage, facts.PIN
	if !facts.Clock.Trusted() { // else neither matters to the decision
		e.Floor, e.Untrusted = facts.Floor, facts.Untrusted
	}
}

// nearest is the grant that opened, or came nearest, and its group.
func (e *Explanation) nearest() (grant, group string) {
	g := e.Grant
	if g == nil && len(e.Misses) > 0 {
		g = e.Misses[0].Grant
	}
	switch {
	case g == nil:
		return "", ""
	case g.Scope == ScopeGroup.String():
		return g.ID, g.ScopeID
	}
	return g.ID, ""
}

func (s *Snapshot) hashText() string {
	hash := s.Hash()
	return hex.EncodeToString(hash[:])
}

// Tap is the tap of a decision.
func (e *Event) Tap() Tap {
	return Tap{Door: e.Door, Reader: e.Reader, Credential: e.Credential, Presence: e.Presence, At: e.At, Fault: e.Fault}
}

// Facts are those of a decision.
func (e *Event) Facts() Facts {
	return Facts{Clock: e.Clock, Floor: e.Floor, Untrusted: e.Untrusted, PIN: e.PIN, LastPassage: e.LastPass}
}

// Exact is the tap and the facts in the measure of the journal, which keeps
// microseconds: what was decided can then be decided again, also on a boundary.
func Exact(tap Tap, facts Facts) (Tap, Facts) {
	for _, at := range []*time.Time{&tap.At, &facts.Floor, &facts.LastPassage} {
		*at = at.UTC().Truncate(time.Microsecond)
	}
	return tap, facts
}

// Review is a decision that was made again.
type Review struct {
	Decision
	// Added is why the door stayed shut though the rights would have opened it,
	// NotRecorded or PINWrong; Granted: nothing was added.
	Added Reason
	// Differs says in words what is not as it was recorded; empty: it agrees.
	Differs []string
}

// Replay makes a recorded decision again. The snapshot must be that of the
// generation, of the lockdowns and of the age that the event names; see WithAge.
func (s *Snapshot) Replay(e *Event) Review {
	r := Review{Decision: s.Decide(e.Tap(), e.Facts())}
	var now Event
	if r.Granted() && (e.Reason == NotRecorded || e.Reason == PINWrong) && slices.Equal(e.Reasons, []Reason{e.Reason}) {
		r.Added = e.Reason
		r.Refuse(e.Reason)
	}
	s.Describe(&now, e.Tap(), e.Facts(), r.Decision)
	differs := func(what string, was, is any) {
		if was != is {
			r.Differs = append(r.Differs, fmt.Sprintf("%s: recorded %v, now %v", what, orNone(was), orNone(is)))
		}
	}
	differs("reason", e.Reason, now.Reason)
	if !slices.Equal(e.Reasons, now.Reasons) {
		r.Differs = append(r.Differs, fmt.Sprintf("all reasons: recorded %v, now %v", e.Reasons, now.Reasons))
	}
	differs("person", e.Holder, now.Holder)
	differs("right", e.Grant, now.Grant)
	differs("group", e.Group, now.Group)
	if r.Added == Granted {
		differs("warning", e.Warned, now.Warned)
	}
	return r
}

func orNone(value any) any {
	if value == "" {
		return "none"
	}
	return value
}

// WithAge is the same rights, of which every source that can go stale was last
// heard of so long before an instant. It shares everything else, so it is cheap.
func (s *Snapshot) WithAge(at time.Time, age time.Duration) *Snapshot {
	next := *s
	next.contacts = slices.Clone(s.contacts)
	for i := range next.contacts {
		if c := &next.contacts[i]; !c.Ageless {
			c.At = at.Add(-age)
		}
	}
	return &next
}
