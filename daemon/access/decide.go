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
	grant  int32 // index in the snapshot, or -1
	opens  int64 // when this alone would pass, UTC microseconds; 0: not by waiting
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
	misses [maxMisses]Miss
	count  uint8
}

// Granted says whether the door opens.
func (d *Decision) Granted() bool { return d.Reason == Granted }

// Misses are all the reasons of a refusal, the one to tell first.
func (d *Decision) Misses() []Miss { return d.misses[:d.count] }

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
	d := Decision{Generation: s.generation, holder: -1, grant: -1, Age: s.oldest(tap.At)}
	if tap.Fault != Granted {
		d.miss(Miss{Reason: tap.Fault, grant: -1})
	}
	doorAt, known := s.doorIndex[tap.Door]
	credential := -1
	if tap.Fault == Granted {
		credential = s.known(tap.Credential)
		if credential < 0 {
			d.miss(Miss{Reason: Unknown, grant: -1})
		}
	}
	if credential >= 0 {
		d.holder = int32(s.assignments[credential].holder)
		if !s.assignments[credential].active {
			d.miss(Miss{Reason: NotActivated, grant: -1})
		}
	}
	s.decideRest(&d, doorAt, known, tap, facts)
	return d
}

// DecideHolder answers as Decide does for somebody whose credential is beyond
// doubt: a question about a person, not a tap.
func (s *Snapshot) DecideHolder(holderID string, tap Tap, facts Facts) Decision {
	d := Decision{Generation: s.generation, holder: -1, grant: -1, Age: s.oldest(tap.At)}
	doorAt, known := s.doorIndex[tap.Door]
	if at := s.holderIDs.find(holderID); at >= 0 {
		d.holder = int32(at)
	} else {
		d.miss(Miss{Reason: Unknown, grant: -1})
	}
	tap.Credential.Assurance = HighAssured
	s.decideRest(&d, doorAt, known, tap, facts)
	return d
}

// decideRest checks all that comes after the credential itself.
func (s *Snapshot) decideRest(d *Decision, doorAt int32, known bool, tap Tap, facts Facts) {
	if known && s.lockedDown(doorAt) {
		d.miss(Miss{Reason: LockedDown, grant: -1})
	}
	if d.holder >= 0 {
		s.bindPerson(d, doorAt, known, tap.Credential, facts)
		s.decideGrants(d, doorAt, known, tap, facts)
	}
	if known {
		s.bindDoor(d, doorAt, tap, facts)
	}
	if d.count > 0 {
		d.Reason, d.grant = d.misses[0].Reason, -1
	}
}

// known is the index of a credential that exactly one holder has, or -1.
func (s *Snapshot) known(c Credential) int {
	at := s.lookUp(c)
	if at >= 0 && s.assignments[at].clash {
		return -1
	}
	return at
}

func (s *Snapshot) lockedDown(at int32) bool {
	door := &s.doors[at]
	return door.lockedDown || (door.place >= 0 && s.places[door.place].lockedDown)
}

// bindPerson checks what no grant can lift.
func (s *Snapshot) bindPerson(d *Decision, at int32, known bool, credential Credential, facts Facts) {
	if s.holders[d.holder].suspended {
		d.miss(Miss{Reason: Suspended, grant: -1})
	}
	if !known {
		return
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
func (s *Snapshot) bindDoor(d *Decision, at int32, tap Tap, facts Facts) {
	door := &s.doors[at]
	// A door whose hours are not evaluated yet is outside them: fail closed.
	if door.restricted {
		d.miss(Miss{Reason: DoorHours, grant: -1})
	}
	pause := door.policy.Passback
	if pause > 0 && !facts.LastPassage.IsZero() && tap.At.Sub(facts.LastPassage) < pause {
		d.miss(Miss{Reason: Passback, grant: -1, opens: facts.LastPassage.Add(pause).UnixMicro()})
	}
}

// oldest is the age of the source that has been silent longest.
func (s *Snapshot) oldest(at time.Time) time.Duration {
	var age time.Duration
	for i := range s.contacts {
		if c := &s.contacts[i]; !c.Ageless {
			age = max(age, at.Sub(c.At))
		}
	}
	return age
}

// near is a grant that did not pass: how far it came, and how far off it was.
type near struct {
	miss  Miss
	stage int8
	off   int64
}

// decideGrants looks at every grant of the holder and of the holder's teams
// that covers the door. The first that passes decides; otherwise the nearest
// miss of each reason is kept, nearest first.
func (s *Snapshot) decideGrants(d *Decision, at int32, known bool, tap Tap, facts Facts) {
	if !known {
		d.miss(Miss{Reason: NoGrant, grant: -1})
		return
	}
	search := grantSearch{s: s, door: at, at: tap.At.UnixMicro(), now: tap.At, presence: tap.Presence, clock: facts.Clock}
	mine, next := s.holders[d.holder], s.holders[d.holder+1]
	search.run(mine.firstGrant, next.firstGrant)
	for _, team := range s.memberTeams[mine.firstTeam:next.firstTeam] {
		if search.found {
			break
		}
		search.run(s.teamGrants.of(int(team)))
	}
	if search.found {
		d.grant = search.passed
		d.Age = s.age(search.passed, tap.At)
		return
	}
	if search.count == 0 {
		d.miss(Miss{Reason: NoGrant, grant: -1})
		return
	}
	misses := search.misses[:search.count]
	slices.SortFunc(misses, func(a, b near) int {
		if a.stage != b.stage {
			return int(b.stage - a.stage)
		}
		switch {
		case a.off < b.off:
			return -1
		case a.off > b.off:
			return 1
		}
		return 0
	})
	for i := range misses {
		d.miss(misses[i].miss)
	}
}

func (s *Snapshot) age(grant int32, at time.Time) time.Duration {
	c := &s.contacts[s.grants[grant].source]
	if c.Ageless {
		return 0
	}
	return at.Sub(c.At)
}
