package access

import (
	"slices"
	"time"
)

// How long an open-ended right lasts after its source was last heard of.
const (
	perimeterPatience    = 7 * 24 * time.Hour
	highSecurityPatience = 24 * time.Hour
)

// Miss is one reason why a tap was refused and, where a grant came close, which.
type Miss struct {
	Reason Reason
	locked lockedBy // whose lockdown it is
	grant  int32    // index in the snapshot, or -1
	opens  int64    // when this alone would pass, UTC microseconds; 0: not by waiting
}

const maxMisses = 16

// Decision is the answer to one tap. It is a plain value; Snapshot.Explain
// puts it into words.
type Decision struct {
	Reason     Reason
	Generation uint64
	// Age is how long ago the source behind the answer was heard of; the
	// oldest source where no grant decided.
	Age    time.Duration
	holder int32 // -1: unknown
	grant  int32 // the one that opened, or -1
	door   int32 // of no meaning where nobody knows it
	at     int64 // of the tap, UTC microseconds
	works  int64 // when the whole would pass, UTC microseconds; 0: not by waiting
	warns  bool  // granted, but the same credential came too soon
	misses [maxMisses]Miss
	count  uint8
}

// Warned says that the door opens to a credential that came again too soon, where
// the door only warns of that.
func (d *Decision) Warned() bool { return d.warns }

// Granted says whether the door opens.
func (d *Decision) Granted() bool { return d.Reason == Granted }

// Misses are all the reasons of a refusal, the one to tell first.
func (d *Decision) Misses() []Miss { return d.misses[:d.count] }

func (d *Decision) has(reason Reason) bool {
	return slices.ContainsFunc(d.Misses(), func(m Miss) bool { return m.Reason == reason })
}

func (d *Decision) miss(m Miss) {
	if int(d.count) < len(d.misses) {
		d.misses[d.count] = m
		d.count++
	}
}

// Decide answers a tap from this snapshot alone, in Kisi's order. It never
// stops at the first obstacle: every reason is kept, so that nobody is sent
// away twice. Any one grant that passes opens; what binds the door or the
// person binds whatever the grants say.
func (s *Snapshot) Decide(tap Tap, facts Facts) Decision {
	d := Decision{Generation: s.generation, holder: -1, grant: -1, Age: s.OldestAge(tap.At)}
	if tap.Fault != Granted {
		d.miss(Miss{Reason: tap.Fault, grant: -1})
	}
	doorAt, known := s.doorIndex[tap.Door]
	var held *assignment
	if tap.Fault == Granted {
		if held = s.known(tap.Credential); held == nil {
			d.miss(Miss{Reason: Unknown, grant: -1})
		}
	}
	if held != nil {
		d.holder = int32(held.holder)
		s.fetch(held.ahead)
		if !held.active {
			d.miss(Miss{Reason: NotActivated, grant: -1})
		}
	}
	s.decideRest(&d, doorAt, known, tap, facts)
	return d
}

// DecideHolder answers as Decide does for somebody whose credential is beyond
// doubt: a question about a person, not a tap.
func (s *Snapshot) DecideHolder(holderID string, tap Tap, facts Facts) Decision {
	d := Decision{Generation: s.generation, holder: -1, grant: -1, Age: s.OldestAge(tap.At)}
	doorAt, known := s.doorIndex[tap.Door]
	if at := s.findHolder(holderID); at >= 0 {
		d.holder = at
	} else {
		d.miss(Miss{Reason: Unknown, grant: -1})
	}
	tap.Credential.Assurance = HighAssured
	s.decideRest(&d, doorAt, known, tap, facts)
	return d
}

// decideRest checks all that comes after the credential itself.
func (s *Snapshot) decideRest(d *Decision, doorAt int32, known bool, tap Tap, facts Facts) {
	if !known {
		d.decideNowhere(s)
		return
	}
	d.door, d.at = doorAt, tap.At.UnixMicro()
	if by := s.lockedBy(doorAt); by != notLocked {
		d.miss(Miss{Reason: LockedDown, locked: by, grant: -1})
	}
	search := s.newSearch(d.holder, doorAt, tap, facts)
	if d.holder >= 0 {
		s.bindPerson(d, doorAt, tap.Credential, facts)
		d.decideGrants(&search)
	}
	s.bindDoor(d, doorAt, &search)
	if d.count > 0 {
		d.Reason, d.grant, d.warns = d.misses[0].Reason, -1, false
		d.comeBack(&search)
	}
}

// decideNowhere refuses at a door that nobody knows.
func (d *Decision) decideNowhere(s *Snapshot) {
	if d.holder >= 0 {
		if s.traitsOf(d.holder).suspended {
			d.miss(Miss{Reason: Suspended, grant: -1})
		}
		d.miss(Miss{Reason: NoGrant, grant: -1})
	}
	d.Reason = d.misses[0].Reason
}

// comeBack finds when the whole would pass, where nothing but the time refuses.
func (d *Decision) comeBack(g *grantSearch) {
	from := g.at
	timely := false
	for _, m := range d.Misses() {
		switch m.Reason {
		case NotYet, OutsideHours, DoorHours:
			timely = true
		case Passback:
			timely, from = true, max(from, m.opens)
		case Stale, Expired, Cancelled, RemoteNotAllowed: // of other grants
		default:
			return
		}
	}
	if !timely || d.holder < 0 || g.unsure {
		return
	}
	if at := g.works(from); at != never {
		d.works = at
	}
}

// bindPerson checks what no grant can lift.
func (s *Snapshot) bindPerson(d *Decision, at int32, credential Credential, facts Facts) {
	if s.traitsOf(d.holder).suspended {
		d.miss(Miss{Reason: Suspended, grant: -1})
	}
	policy := &s.doors[at].policy
	if credential.Assurance < policy.MinimumAssurance {
		d.miss(Miss{Reason: LowAssurance, grant: -1})
	}
	if policy.AskPIN {
		state := facts.PIN
		if credential.Kind == PIN && state == PINRight {
			state = PINMissing // digits are no second factor of themselves
		}
		switch state {
		case PINRight:
		case PINBlocked:
			d.miss(Miss{Reason: PINLocked, grant: -1})
		case PINMissing, PINFailed:
			d.miss(Miss{Reason: PINWrong, grant: -1})
		}
	}
}

// bindDoor checks what binds everybody at this door, after the grants.
func (s *Snapshot) bindDoor(d *Decision, at int32, g *grantSearch) {
	door := &s.doors[at]
	switch {
	case !door.restricted:
	case g.unsure:
		if !d.has(Clock) {
			d.miss(Miss{Reason: Clock, grant: -1})
		}
	case door.allow == nil || door.zone == nil || !door.allow.openAt(g.at, door.zone):
		m := Miss{Reason: DoorHours, grant: -1}
		if opens := door.opens(g.at); opens != never {
			m.opens = opens
		}
		d.miss(m)
	}
	pause, last := door.policy.Passback, g.facts.LastPassage
	if pause <= 0 || last.IsZero() || g.now.Sub(last) >= pause {
		return
	}
	if !door.policy.PassbackRefuses {
		d.warns = true
		return
	}
	d.miss(Miss{Reason: Passback, grant: -1, opens: last.Add(pause).UnixMicro()})
}

// OldestAge is how long before an instant the source that has been silent longest
// was heard of; 0 where none can go stale.
func (s *Snapshot) OldestAge(at time.Time) time.Duration {
	var age time.Duration
	for i := range s.contacts {
		if c := &s.contacts[i]; !c.Ageless {
			age = max(age, at.Sub(c.At))
		}
	}
	return age
}

// decideGrants looks at every grant of the holder and of the holder's teams
// that covers the door. The first that passes decides; otherwise the nearest
// miss of each reason is kept, nearest first.
func (d *Decision) decideGrants(g *grantSearch) {
	if d.grant = g.passing(); d.grant >= 0 {
		d.Age = g.s.age(d.grant, g.now)
		return
	}
	misses := g.nearest()
	for i := range misses {
		d.miss(misses[i].miss)
	}
	if len(misses) == 0 {
		d.miss(Miss{Reason: NoGrant, grant: -1})
	}
}

func (s *Snapshot) age(grant int32, at time.Time) time.Duration {
	c := &s.contacts[s.term(grant).source]
	if c.Ageless {
		return 0
	}
	return at.Sub(c.At)
}
