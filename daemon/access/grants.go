package access

import "time"

// grantSearch walks grants for one tap and remembers the nearest misses.
type grantSearch struct {
	s        *Snapshot
	door     int32
	at       int64
	now      time.Time
	presence Presence
	clock    ClockState

	found  bool
	passed int32
	misses [8]near // one for each reason that a grant can fail by
	count  int
}

// run looks at a run of grants until one passes.
func (g *grantSearch) run(from, to uint32) {
	for i := from; i < to; i++ {
		if !g.s.covers(&g.s.grants[i], g.door) {
			continue
		}
		reason, stage, off, opens := g.check(&g.s.grants[i])
		if reason == Granted {
			g.found, g.passed = true, int32(i)
			return
		}
		g.note(near{miss: Miss{Reason: reason, grant: int32(i), opens: opens}, stage: stage, off: off})
	}
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
)

// check is the first thing that this grant fails by, how far off it was in
// microseconds, and when it would pass by itself.
func (g *grantSearch) check(grant *grant) (reason Reason, stage int8, off, opens int64) {
	door := &g.s.doors[g.door]
	if old := g.stale(grant, &door.policy); old > 0 {
		return Stale, stageSource, old, 0
	}
	// What has certainly ended is refused, even by a clock that lags.
	if grant.cancelled {
		return Cancelled, stageWindow, max(g.at-grant.until, 0), 0
	}
	if g.at >= grant.until {
		return Expired, stageWindow, g.at - grant.until, 0
	}
	if !g.clock.Trusted() && g.needsClock(grant) && !door.policy.Residential {
		return Clock, stageClock, 0, 0
	}
	if g.at < grant.from {
		return NotYet, stageWindow, grant.from - g.at, grant.from
	}
	atDoorOnly := door.atDoorOnly
	if grant.kind == ScopeGroup {
		// Hours that are not evaluated yet are outside: fail closed.
		if g.s.groups[grant.scope].restricted {
			return OutsideHours, stageHours, 0, 0
		}
		atDoorOnly = atDoorOnly || g.s.groups[grant.scope].atDoorOnly
	}
	if atDoorOnly && g.presence == Remote {
		return RemoteNotAllowed, stagePresence, 0, 0
	}
	return Granted, 0, 0, 0
}

// stale is by how much the source of an open-ended right has been silent for
// longer than this door's patience, or 0. A right with an end runs to its end.
func (g *grantSearch) stale(grant *grant, policy *Policy) int64 {
	contact := &g.s.contacts[grant.source]
	if contact.Ageless || policy.Residential || grant.until != openEnded {
		return 0
	}
	patience := perimeterPatience
	if policy.HighSecurity {
		patience = highSecurityPatience
	}
	return max((g.now.Sub(contact.At) - patience).Microseconds(), 0)
}

// needsClock says whether the answer depends on what time it is.
func (g *grantSearch) needsClock(grant *grant) bool {
	if grant.from != sinceEver || grant.until != openEnded {
		return true
	}
	return grant.kind == ScopeGroup && g.s.groups[grant.scope].restricted
}
