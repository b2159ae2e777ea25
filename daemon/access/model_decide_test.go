package access_test

import (
	"math"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// question is one tap, or one person, and all that decides about it.
type question struct {
	roster   *access.Roster
	contacts []access.Contact
	locked   []access.Lockdown
	tap      access.Tap
	person   string // asked about without a credential
	facts    access.Facts
	ahead    time.Duration // how far to look for when it would pass
}

// rank is where a reason stands in the list: first what binds whatever the
// rights say, in the order of the design; then the rights, what came further
// before what came less far, and nearer before farther; then the door.
type rank struct {
	phase int
	stage int // the lower, the further a right came
	off   int64
}

func (r rank) before(o rank) bool {
	if r.phase != o.phase {
		return r.phase < o.phase
	}
	if r.stage != o.stage {
		return r.stage < o.stage
	}
	return r.off < o.off
}

// reason is one reason of a refusal.
type reason struct {
	why    access.Reason
	rank   rank
	grants []string  // the rights it may be told of, equally near; nil: none
	opens  time.Time // zero: not by waiting
}

// verdict is what the second implementation says.
type verdict struct {
	granted, warned bool
	by              []string // the rights that would open
	reasons         []reason
	holder          string
	mayWork         bool // nothing but the time refuses
	from            time.Time
}

const (
	phaseCredential = iota
	phaseLockdown
	phaseSuspended
	phaseAssurance
	phasePIN
	phaseGrants
	phaseDoor
	phasePassback
)

const farAway = math.MaxInt64

// model is one decision by brute force over plain rows, written from kisi-api.md
// section 2 and design sections 2 and 3, not from decide.go.
type model struct {
	question
	door   *access.Door // nil: nobody knows it
	policy access.Policy
	place  access.Place
	unsure bool
	past   time.Time // what has surely passed
	slow   bool      // also when it would pass, and which right is nearest
	out    verdict
}

func (q question) decide(slow bool) (*model, verdict) {
	m := &model{question: q, slow: slow}
	m.findDoor()
	m.unsure = q.facts.Clock != access.ClockSynced && q.facts.Clock != access.ClockFreeRunning && !m.policy.Residential
	m.past = q.tap.At
	if m.unsure && !q.facts.Floor.IsZero() {
		m.past = q.facts.Floor
	}
	m.identify()
	if m.door == nil {
		m.nowhere()
	} else {
		m.atTheDoor()
	}
	m.out.granted = len(m.out.reasons) == 0
	m.out.warned = m.out.warned && m.out.granted
	if !m.out.granted {
		m.out.by = nil
	}
	m.out.from, m.out.mayWork = m.comeBack()
	return m, m.out
}

func (m *model) refuse(why access.Reason, phase int) {
	m.out.reasons = append(m.out.reasons, reason{why: why, rank: rank{phase: phase}})
}

func (m *model) findDoor() {
	for i := range m.roster.Doors {
		if m.roster.Doors[i].ID == m.tap.Door {
			m.door = &m.roster.Doors[i]
		}
	}
	for _, p := range m.roster.Policies {
		if p.Door == m.tap.Door {
			m.policy = p
			if m.door == nil {
				m.door = &access.Door{ID: p.Door}
			}
		}
	}
	if m.door == nil {
		return
	}
	for _, p := range m.roster.Places {
		if p.ID == m.door.Place {
			m.place = p
		}
	}
}

// identify finds whose credential it is: the one active holder's; where none is
// active, the first idle one's, who is told so.
func (m *model) identify() {
	if m.person == "" && m.tap.Fault != access.Granted {
		m.refuse(m.tap.Fault, phaseCredential)
		return
	}
	if m.person != "" {
		m.tap.Credential.Assurance = access.HighAssured
		if slices.ContainsFunc(m.roster.Holders, func(h access.Holder) bool { return h.ID == m.person }) {
			m.out.holder = m.person
			return
		}
		m.refuse(access.Unknown, phaseCredential)
		return
	}
	active, idle := holdersOf(m.roster, m.tap.Credential)
	switch {
	case len(active) == 1:
		m.out.holder = active[0]
	case len(active) == 0 && len(idle) > 0:
		m.out.holder = idle[0]
		m.refuse(access.NotActivated, phaseCredential)
	default:
		m.refuse(access.Unknown, phaseCredential)
	}
}

// holdersOf are those who have a credential, sorted: active or only idle.
func holdersOf(r *access.Roster, c access.Credential) (active, idle []string) {
	for _, a := range r.Assignments {
		switch {
		case a.Digest != c.Digest || a.Kind != c.Kind:
		case a.Active:
			active = append(active, a.Holder)
		default:
			idle = append(idle, a.Holder)
		}
	}
	slices.Sort(active)
	slices.Sort(idle)
	return slices.Compact(active), slices.Compact(idle)
}

func (m *model) suspended() bool {
	return slices.ContainsFunc(m.roster.Holders, func(h access.Holder) bool { return h.ID == m.out.holder && h.Suspended })
}

func (m *model) nowhere() {
	if m.out.holder == "" {
		return
	}
	if m.suspended() {
		m.refuse(access.Suspended, phaseSuspended)
	}
	m.refuse(access.NoGrant, phaseGrants)
}

func (m *model) atTheDoor() {
	if len(m.lockdowns()) > 0 {
		m.refuse(access.LockedDown, phaseLockdown)
	}
	if m.out.holder != "" {
		m.checkPerson()
		m.checkGrants()
	}
	m.checkDoor()
}

// lockdowns are all that shut the door, in words.
func (m *model) lockdowns() []string {
	var all []string
	if m.door.LockedDown {
		all = append(all, "the door is locked down in the cloud")
	}
	if m.place.LockedDown {
		all = append(all, "the place is locked down in the cloud")
	}
	for _, l := range m.locked {
		switch {
		case l.Scope == access.ScopeOrganisation:
			all = append(all, "staff locked down the whole site")
		case l.Scope == access.ScopeDoor && l.ScopeID == m.door.ID:
			all = append(all, "staff locked down this door")
		case l.Scope == access.ScopePlace && m.door.Place != "" && l.ScopeID == m.door.Place:
			all = append(all, "staff locked down this place")
		}
	}
	return all
}

func (m *model) checkPerson() {
	if m.suspended() {
		m.refuse(access.Suspended, phaseSuspended)
	}
	if m.tap.Credential.Assurance < m.policy.MinimumAssurance {
		m.refuse(access.LowAssurance, phaseAssurance)
	}
	if !m.policy.AskPIN {
		return
	}
	alone := m.person == "" && m.tap.Credential.Kind == access.PIN
	switch {
	case m.facts.PIN == access.PINBlocked:
		m.refuse(access.PINLocked, phasePIN)
	case m.facts.PIN != access.PINRight || alone:
		m.refuse(access.PINWrong, phasePIN)
	}
}

// checkDoor is what binds everybody after the rights: hours, and passback.
func (m *model) checkDoor() {
	if m.door.Restricted {
		hours := m.doorHours()
		clockSaid := slices.ContainsFunc(m.out.reasons, func(r reason) bool { return r.why == access.Clock })
		switch {
		case m.unsure && !clockSaid:
			m.refuse(access.Clock, phaseDoor)
		case !m.unsure && !hours.open(m.tap.At):
			var at time.Time
			if m.slow {
				at, _ = opens(m.tap.At, m.ahead, hours)
			}
			m.out.reasons = append(m.out.reasons, reason{why: access.DoorHours, rank: rank{phase: phaseDoor}, opens: at})
		}
	}
	last, pause := m.facts.LastPassage, m.policy.Passback
	if pause == 0 || last.IsZero() || m.tap.At.Sub(last) >= pause {
		return
	}
	if m.policy.PassbackRefuses {
		m.out.reasons = append(m.out.reasons, reason{why: access.Passback, rank: rank{phase: phasePassback}, opens: last.Add(pause)})
	} else {
		m.out.warned = true
	}
}

func (m *model) doorZone() *time.Location {
	for _, name := range []string{m.door.Zone, m.place.Zone, m.policy.Zone} {
		if name != "" {
			return zoneOf(name)
		}
	}
	return time.UTC
}

func (m *model) doorHours() wallHours {
	return hoursOf(m.roster, access.ScopeDoor, m.door.ID, access.Allow, m.doorZone())
}

// unlocking says whether hours have the door stand open for everybody. The
// patience with old hours is that with old rights, and no longer in a home.
func (m *model) unlocking(arrived time.Time) (u access.Unlocking) {
	trusted := m.facts.Clock == access.ClockSynced || m.facts.Clock == access.ClockFreeRunning
	if m.door == nil || len(m.lockdowns()) > 0 || !trusted || m.doorZone() == nil {
		return u
	}
	for _, c := range m.contacts {
		if !c.Ageless && m.tap.At.Sub(c.At) > m.patience() {
			return u
		}
	}
	zone, at := m.doorZone(), m.tap.At
	wait := hoursOf(m.roster, access.ScopeDoor, m.door.ID, access.FirstToArrive, zone)
	u.Kind = access.Unlock
	if wait.open(at) {
		u.Kind = access.FirstToArrive
		u.Waits = arrived.IsZero() || arrived.After(at) || !wait.openThroughout(arrived, at)
	}
	u.Open = !u.Waits && hoursOf(m.roster, access.ScopeDoor, m.door.ID, access.Unlock, zone).open(at)
	return u
}
