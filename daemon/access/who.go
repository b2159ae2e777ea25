package access

import (
	"bytes"
	"time"
)

// Opening is whether somebody could open a door, and until when.
type Opening struct {
	Holder   string
	Decision Decision
	// Until is when the right that opens ends, or its hours or those of the door do;
	// zero: no end is known.
	Until time.Time
	// Unarmed: there is no card or code; the decision is for one that would be there.
	Unarmed bool
}

// Openings decides the same tap for everybody, each with the best credential that
// they have, and calls each until it returns false. The credential of the tap does
// not matter. People come in the order of their ids; whom a small change added, last.
func (s *Snapshot) Openings(tap Tap, facts Facts, each func(Opening) bool) {
	book := s.openBook()
	best := book.best()
	for i := range best {
		at := int32(i)
		if p := s.person(at); p != nil && p.gone {
			continue
		}
		o := Opening{Holder: s.holderID(at), Unarmed: best[i] < 0}
		if o.Unarmed {
			o.Decision = s.DecideHolder(o.Holder, tap, facts)
		} else {
			tap.Credential = book.at(best[i]).credential()
			o.Decision = s.Decide(tap, facts)
		}
		o.Until = s.until(&o.Decision, tap)
		if !each(o) {
			return
		}
	}
}

// cardBook is what is known of every credential, by number: of those that the
// snapshot was built with, then of those that changes were made to.
type cardBook struct {
	*Snapshot
	changed []assignment
}

func (s *Snapshot) openBook() cardBook {
	b := cardBook{Snapshot: s}
	if s.over != nil {
		for _, h := range s.over.cards {
			b.changed = append(b.changed, h.found...)
		}
	}
	return b
}

func (b *cardBook) at(i int32) *assignment {
	if n := int32(len(b.assignments)); i >= n {
		return &b.changed[i-n]
	}
	return &b.assignments[i]
}

func (b *cardBook) each(do func(i int32, a *assignment)) {
	for i := range b.assignments {
		if a := &b.assignments[i]; b.over == nil || b.over.cards[a.digest] == nil {
			do(int32(i), a)
		}
	}
	for i := range b.changed {
		do(int32(len(b.assignments)+i), &b.changed[i])
	}
}

// best is the number of the best credential of each holder, or -1.
func (b *cardBook) best() []int32 {
	people := b.holderIDs.len()
	if b.over != nil {
		people += len(b.over.added)
	}
	best := make([]int32, people)
	for i := range best {
		best[i] = -1
	}
	b.each(func(i int32, a *assignment) {
		if has := best[a.holder]; a.rank() > 0 && (has < 0 || a.better(b.at(has))) {
			best[a.holder] = i
		}
	})
	return best
}

func (a *assignment) credential() Credential {
	return Credential{Kind: a.kind, Digest: a.digest, Assurance: a.assurance}
}

// rank is how good a credential is to ask a question with; 0: two people have it, or
// it is none.
func (a *assignment) rank() int {
	if a.clash || a.kind == NoKind {
		return 0
	}
	rank := 1 + int(a.assurance)
	if a.active {
		rank += int(assuranceClasses)
	}
	if a.kind != PIN {
		rank += 2 * int(assuranceClasses)
	}
	return rank
}

// better says which of two is asked with: of two as good, always the same.
func (a *assignment) better(other *assignment) bool {
	rank, than := a.rank(), other.rank()
	return rank > than || rank == than && rank > 0 && bytes.Compare(a.digest[:], other.digest[:]) < 0
}

// endWithin is how far until looks for the end of hours; later there is no end that
// anybody wants to know now.
const endWithin = 31 * secondsADay * int64(1e6)

// until is when what opened a door ends; zero: no end is known.
func (s *Snapshot) until(d *Decision, tap Tap) time.Time {
	if d.grant < 0 {
		return time.Time{}
	}
	g, door, at := s.term(d.grant), &s.doors[d.door], tap.At.UnixMicro()
	end := g.until
	shut := func(hours *calendar, zone *time.Location) {
		if hours != nil && zone != nil {
			end = min(end, hours.turn(at, at+endWithin, zone, false))
		}
	}
	if g.kind == ScopeGroup && s.groups[g.scope].restricted {
		shut(s.groupHours(g, d.door))
	}
	if door.restricted {
		shut(door.allow, door.zone)
	}
	if end == openEnded {
		return time.Time{}
	}
	return time.UnixMicro(end).UTC()
}
