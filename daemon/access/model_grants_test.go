package access_test

import (
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// right is one grant as the second implementation sees it.
type right struct {
	access.Grant
	group access.Group // of a grant on a group
}

// rights are all that the holder has for this door, own and of teams.
func (m *model) rights() []right {
	var all []right
	for _, g := range m.roster.Grants {
		one := right{Grant: g}
		for _, group := range m.roster.Groups {
			if g.Scope == access.ScopeGroup && group.ID == g.ScopeID {
				one.group = group
			}
		}
		if m.isMine(g) && m.covers(one) {
			all = append(all, one)
		}
	}
	return all
}

func (m *model) isMine(g access.Grant) bool {
	if g.Kind == access.ToHolder {
		return g.Assignee == m.out.holder
	}
	return slices.ContainsFunc(m.roster.Teams, func(t access.Team) bool {
		return t.ID == g.Assignee && slices.Contains(t.Members, m.out.holder)
	})
}

func (m *model) covers(g right) bool {
	switch g.Scope {
	case access.ScopeDoor:
		return g.ScopeID == m.door.ID
	case access.ScopeGroup:
		return slices.Contains(g.group.Doors, m.door.ID)
	case access.ScopePlace:
		return g.ScopeID == m.door.Place
	default:
		return true
	}
}

// checkGrants looks at every right: any that passes opens; otherwise the nearest
// of each reason is told.
func (m *model) checkGrants() {
	var missed []reason
	for _, g := range m.rights() {
		why := m.check(g)
		if why.why == access.Granted {
			m.out.by = append(m.out.by, g.ID)
			continue
		}
		at := slices.IndexFunc(missed, func(r reason) bool { return r.why == why.why })
		switch {
		case at < 0:
			missed = append(missed, why)
		case why.rank.before(missed[at].rank):
			missed[at] = why
		case !missed[at].rank.before(why.rank):
			missed[at].grants = append(missed[at].grants, g.ID)
		}
	}
	switch {
	case len(m.out.by) > 0:
	case len(missed) == 0:
		m.refuse(access.NoGrant, phaseGrants)
	default:
		m.out.reasons = append(m.out.reasons, missed...)
	}
}

// check is what one right fails by: source, clock, window, hours, presence.
func (m *model) check(g right) reason {
	fails := func(why access.Reason, stage int, off int64) reason {
		return reason{why: why, rank: rank{phase: phaseGrants, stage: stage, off: off}, grants: []string{g.ID}}
	}
	if late := m.staleBy(g); late > 0 {
		return fails(access.Stale, 5, late.Microseconds())
	}
	if g.Cancelled {
		off := int64(0)
		if !g.Until.IsZero() {
			off = max(0, m.tap.At.Sub(g.Until).Microseconds())
		}
		return fails(access.Cancelled, 3, off)
	}
	if !g.Until.IsZero() && !m.past.Before(g.Until) {
		return fails(access.Expired, 3, m.past.Sub(g.Until).Microseconds())
	}
	if m.unsure && !m.certain(g) {
		return fails(access.Clock, 4, 0)
	}
	if !m.unsure && m.tap.At.Before(g.From) {
		return m.waits(g, fails(access.NotYet, 3, 0))
	}
	if !m.unsure && g.group.Restricted && !m.groupHours(g).open(m.tap.At) {
		return m.waits(g, fails(access.OutsideHours, 2, 0))
	}
	if m.barred(g) {
		return fails(access.RemoteNotAllowed, 1, 0)
	}
	return reason{why: access.Granted}
}

// waits adds when the right's own window and hours are both open.
func (m *model) waits(g right, r reason) reason {
	if !m.slow {
		return r
	}
	r.rank.off = farAway
	begin := m.begins(g, m.tap.At)
	at, ok := begin, true
	if g.group.Restricted {
		at, ok = opens(begin, m.ahead, m.groupHours(g))
	}
	if ok && (g.Until.IsZero() || at.Before(g.Until)) {
		r.opens, r.rank.off = at, at.Sub(m.tap.At).Microseconds()
	}
	return r
}

func (m *model) begins(g right, from time.Time) time.Time {
	if g.From.After(from) {
		return g.From
	}
	return from
}

// staleBy is by how much the source of an open-ended right was silent for too long.
func (m *model) staleBy(g right) time.Duration {
	if !g.Until.IsZero() || m.policy.Residential {
		return 0
	}
	for _, c := range m.contacts {
		if c.Source == g.Source && !c.Ageless {
			sure := m.past.Sub(c.At)
			if !m.facts.Clock.Trusted() && m.facts.Untrusted > sure {
				sure = m.facts.Untrusted
			}
			return min(sure, m.tap.At.Sub(c.At)) - m.patience()
		}
	}
	return 0
}

// patience is how long nobody needs to confirm what has no end.
func (m *model) patience() time.Duration {
	if m.policy.HighSecurity {
		return 24 * time.Hour
	}
	return 7 * 24 * time.Hour
}

// certain: without hours, beginning and end always; on a perimeter door also what
// had begun and has a week to go, for the first day without the time.
func (m *model) certain(g right) bool {
	if g.group.Restricted {
		return false
	}
	if g.From.IsZero() && g.Until.IsZero() {
		return true
	}
	begun := !m.past.Before(g.From)
	long := g.Until.IsZero() || g.Until.Sub(m.past) >= 7*24*time.Hour
	return begun && long && !m.policy.HighSecurity && m.facts.Untrusted <= 24*time.Hour
}

func (m *model) groupHours(g right) wallHours {
	zone := m.doorZone()
	if g.group.Zone != "" {
		zone = zoneOf(g.group.Zone)
	}
	return hoursOf(m.roster, access.ScopeGroup, g.group.ID, access.Allow, zone)
}

func (m *model) barred(g right) bool {
	return m.tap.Presence == access.Remote && (m.door.AtDoorOnly || g.group.AtDoorOnly)
}

// comeBack says whether nothing but the time refuses, and from when on to look.
func (m *model) comeBack() (from time.Time, may bool) {
	from = m.tap.At
	if m.unsure || m.out.holder == "" || m.door == nil {
		return from, false
	}
	for _, r := range m.out.reasons {
		switch r.why {
		case access.Passback:
			from = r.opens
			may = true
		case access.NotYet, access.OutsideHours, access.DoorHours:
			may = true
		case access.Stale, access.Expired, access.Cancelled, access.RemoteNotAllowed:
		default:
			return from, false
		}
	}
	return from, may
}

// works is when the whole would pass: the first instant at which one of the rights
// that lack nothing but time is open, and so is the door. Zero: never.
func (m *model) works() (best time.Time) {
	for _, g := range m.timely() {
		begin := m.begins(g, m.out.from)
		at, ok := begin, true
		if all := m.bothHours(g); len(all) > 0 {
			at, ok = opens(begin, m.ahead, all...)
		}
		if ok && (g.Until.IsZero() || at.Before(g.Until)) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	return best
}

// worksFirst says whether an instant that is farther ahead than works looks is one
// at which the whole begins to pass. Hours in two zones may meet only when one of
// them has changed its clocks.
func (m *model) worksFirst(at time.Time) bool {
	passes := func(at time.Time) bool {
		return slices.ContainsFunc(m.timely(), func(g right) bool {
			inside := !at.Before(g.From) && (g.Until.IsZero() || at.Before(g.Until))
			return inside && !slices.ContainsFunc(m.bothHours(g), func(h wallHours) bool { return !h.open(at) })
		})
	}
	return at.Sub(m.out.from) > m.ahead && passes(at) && !passes(at.Add(-time.Microsecond))
}

// timely are the rights that lack nothing but time.
func (m *model) timely() (all []right) {
	if !m.out.mayWork {
		return nil
	}
	for _, g := range m.rights() {
		switch m.check(g).why {
		case access.Granted, access.NotYet, access.OutsideHours:
			if !m.barred(g) {
				all = append(all, g)
			}
		}
	}
	return all
}

// bothHours are the hours of a right's group and of the door, as far as they bind.
func (m *model) bothHours(g right) (all []wallHours) {
	if g.group.Restricted {
		all = append(all, m.groupHours(g))
	}
	if m.door.Restricted {
		all = append(all, m.doorHours())
	}
	return all
}
