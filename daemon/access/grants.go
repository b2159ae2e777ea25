package access

import (
	"cmp"
	"slices"
	"time"
)

// What the doors allow while the gateway does not know the time.
const (
	longRight      = 7 * 24 * time.Hour // left of a right that counts as a long one
	clockPatience  = 24 * time.Hour     // how long long rights are honoured
	maxGrantMisses = 8                  // one for each reason that a grant can fail by
)

// grantSearch walks the grants of one tap.
type grantSearch struct {
	s        *Snapshot
	holder   int32
	door     int32
	at       int64
	floor    int64 // an instant that has surely passed; at itself where that is sure
	now      time.Time
	presence Presence
	facts    Facts
	// unsure: windows and hours cannot be decided by the clock at this door.
	unsure bool

	misses [maxGrantMisses]near
	count  int
}

func (s *Snapshot) newSearch(holder, door int32, tap Tap, facts Facts) grantSearch {
	g := grantSearch{
		s: s, holder: holder, door: door, at: tap.At.UnixMicro(), now: tap.At, presence: tap.Presence, facts: facts,
		unsure: !facts.Clock.Trusted() && !s.doors[door].policy.Residential,
	}
	g.floor = g.at
	if g.unsure && !facts.Floor.IsZero() {
		g.floor = facts.Floor.UnixMicro()
	}
	return g
}

// each calls one function for every grant of the holder, and of the holder's
// teams, that covers the door, until it returns false.
func (g *grantSearch) each(do func(at int32, grant *grant) bool) {
	s := g.s
	all := func(of run) bool {
		for i := of.from; i < of.to; i++ {
			if term := s.term(int32(i)); s.covers(term, g.door) && !do(int32(i), term) {
				return false
			}
		}
		for _, i := range of.list {
			if term := s.term(i); s.covers(term, g.door) && !do(i, term) {
				return false
			}
		}
		return true
	}
	if !all(s.grantsOfHolder(g.holder)) {
		return
	}
	for _, team := range s.teamsOf(g.holder) {
		if !all(s.grantsOfTeam(team)) {
			return
		}
	}
}

// passing is the first grant that opens, or -1.
func (g *grantSearch) passing() int32 {
	found := int32(-1)
	g.each(func(at int32, grant *grant) bool {
		if reason, _ := g.check(grant); reason == Granted {
			found = at
		}
		return found < 0
	})
	return found
}

// nearest is why each grant failed: the nearest miss of each reason, nearest
// first. It is asked only when none passes.
func (g *grantSearch) nearest() []near {
	g.each(func(at int32, grant *grant) bool {
		reason, stage := g.check(grant)
		off, opens := g.distance(reason, grant)
		g.note(near{miss: Miss{Reason: reason, grant: at, opens: opens}, stage: stage, off: off})
		return true
	})
	misses := g.misses[:g.count]
	slices.SortFunc(misses, func(a, b near) int {
		return cmp.Or(cmp.Compare(b.stage, a.stage), cmp.Compare(a.off, b.off))
	})
	return misses
}

// near is a grant that did not pass: how far it came, and how far off it was.
type near struct {
	miss  Miss
	stage int8
	off   int64
}

func (g *grantSearch) note(n near) {
	for i := range g.count {
		if g.misses[i].miss.Reason == n.miss.Reason {
			if n.off < g.misses[i].off {
				g.misses[i] = n
			}
			return
		}
	}
	if g.count < len(g.misses) {
		g.misses[g.count] = n
		g.count++
	}
}

func (s *Snapshot) covers(g *grant, at int32) bool {
	switch g.kind {
	case ScopeDoor:
		return int32(g.scope) == at
	case ScopeGroup:
		return s.groups[g.scope].doors[at/64]&(1<<(at%64)) != 0
	case ScopePlace:
		return s.doors[at].place == int32(g.scope)
	case ScopeOrganisation:
		return true
	}
	return false
}

// The stages of a grant, in the order of the checks. The further a grant came,
// the nearer it was.
const (
	stageSource int8 = iota
	stageClock
	stageWindow
	stageHours
	stagePresence
	stagePassed
)

// check is the first thing that this grant fails by, and how far it came.
func (g *grantSearch) check(grant *grant) (Reason, int8) {
	door := &g.s.doors[g.door]
	if g.stale(grant, &door.policy) > 0 {
		return Stale, stageSource
	}
	if grant.cancelled {
		return Cancelled, stageWindow
	}
	// What has certainly ended is refused, even by a clock that lags.
	if g.floor >= grant.until {
		return Expired, stageWindow
	}
	restricted := grant.kind == ScopeGroup && g.s.groups[grant.scope].restricted
	if g.unsure {
		if !g.certain(grant, restricted, &door.policy) {
			return Clock, stageClock
		}
	} else {
		if g.at < grant.from {
			return NotYet, stageWindow
		}
		if restricted && !g.inHours(grant) {
			return OutsideHours, stageHours
		}
	}
	if g.barred(grant) {
		return RemoteNotAllowed, stagePresence
	}
	return Granted, stagePassed
}

// barred says whether the grant opens only for somebody at the door, and nobody is.
func (g *grantSearch) barred(grant *grant) bool {
	return g.presence == Remote &&
		(g.s.doors[g.door].atDoorOnly || grant.kind == ScopeGroup && g.s.groups[grant.scope].atDoorOnly)
}

// certain says whether a grant may be used without knowing the time: one without
// a beginning, an end and hours always; on a perimeter door also one that had
// begun and has long to go, for a while.
func (g *grantSearch) certain(grant *grant, restricted bool, policy *Policy) bool {
	switch {
	case restricted:
		return false
	case grant.from == sinceEver && grant.until == openEnded:
		return true
	case policy.HighSecurity:
		return false
	}
	long := grant.until == openEnded || grant.until-g.floor >= longRight.Microseconds()
	return long && grant.from <= g.floor && g.facts.Untrusted <= clockPatience
}

// stale is by how much the source of an open-ended right has been silent for
// longer than this door's patience, or 0. A right with an end runs to its end.
func (g *grantSearch) stale(grant *grant, policy *Policy) int64 {
	contact := &g.s.contacts[grant.source]
	if contact.Ageless || policy.Residential || grant.until != openEnded {
		return 0
	}
	// A clock that leaped ahead makes nothing old, and one that lags no older than
	// its own time says, by which the journal keeps ages. What elapsed since it lost
	// its trust has passed, also where the floor lags far behind.
	age := g.at - contact.At.UnixMicro()
	age = min(age, max(g.floor-contact.At.UnixMicro(), g.facts.Untrusted.Microseconds()))
	return max(age-policy.patience().Microseconds(), 0)
}

// groupHours are those of a grant's group, and the zone they are read in at a
// door: nil where there are none, and nil where the zone is not known.
func (s *Snapshot) groupHours(grant *grant, door int32) (*calendar, *time.Location) {
	group := &s.groups[grant.scope]
	zone := group.zone
	if zone == nil && !group.badZone {
		zone = s.doors[door].zone
	}
	return group.allow, zone
}

func (g *grantSearch) inHours(grant *grant) bool {
	hours, zone := g.s.groupHours(grant, g.door)
	return hours != nil && zone != nil && hours.openAt(g.at, zone)
}

// distance is how far off a grant was, in microseconds, and when it would pass by
// itself; 0: not by waiting.
func (g *grantSearch) distance(reason Reason, grant *grant) (off, opens int64) {
	switch reason {
	case Stale:
		return g.stale(grant, &g.s.doors[g.door].policy), 0
	case Expired:
		return g.floor - grant.until, 0
	case Cancelled:
		return max(g.at-grant.until, 0), 0
	case NotYet, OutsideHours:
		opens = g.opens(grant, g.at)
		if opens == never {
			return never, 0
		}
		return opens - g.at, opens
	default:
		return 0, 0
	}
}

// opens is the first instant from one on in which the grant's own window and
// hours are both open, or never.
func (g *grantSearch) opens(grant *grant, from int64) int64 {
	from = max(from, grant.from)
	if grant.kind == ScopeGroup && g.s.groups[grant.scope].restricted {
		hours, zone := g.s.groupHours(grant, g.door)
		if hours == nil || zone == nil {
			return never
		}
		from = hours.next(from, zone)
	}
	if from >= grant.until {
		return never
	}
	return from
}

// works is the first instant at which one of the grants and the door's own hours
// are open together, or never: when somebody who was refused only for the time
// may come back.
func (g *grantSearch) works(from int64) int64 {
	best := int64(never)
	g.each(func(_ int32, grant *grant) bool {
		reason, _ := g.check(grant)
		if (reason == Granted || reason == NotYet || reason == OutsideHours) && !g.barred(grant) {
			best = min(best, g.together(grant, from))
		}
		return true
	})
	return best
}

// maxTurns bounds how often the hours of a group and of a door take turns.
const maxTurns = 1000

// together is the first instant from one on at which the grant and the door's own
// hours are both open, or never.
func (g *grantSearch) together(grant *grant, from int64) int64 {
	door, at := &g.s.doors[g.door], max(from, grant.from)
	end := at + lookAhead
	for turns := 0; at < end && turns < maxTurns; turns++ {
		opens := g.opens(grant, at)
		if opens != never && door.restricted {
			opens = door.opens(opens)
		}
		if opens == at || opens == never {
			return opens
		}
		at = opens
	}
	return never
}

// opens is the first instant from one on in the door's own hours, or never.
func (d *door) opens(from int64) int64 {
	if d.allow == nil || d.zone == nil {
		return never
	}
	return d.allow.next(from, d.zone)
}
