package cloud

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

// heldMark is in the id of every row that a guard keeps. No source makes ids
// with it.
const heldMark = "#held"

// unheld is the source's own id of a row that may be a held one.
func unheld(id string) string {
	own, _, _ := strings.Cut(id, heldMark)
	return own
}

// withHeld is the roster with the rows that keep the held rights alive. They
// are exact: a held person keeps the very doors that are held and gets no
// other, which is why a held right is a grant of its own on a group of its
// own, and not the old rows beside the new ones: an old membership in a group
// that has just been given another door would open that one too.
func (c *crawl) withHeld(next access.Roster, held []loss) access.Roster {
	if len(held) == 0 {
		return next
	}
	k := keeper{
		crawl: c, next: next, doors: map[string]struct{}{}, places: map[string]struct{}{},
		holders: map[string]struct{}{}, grants: map[string]*heldGrant{}, groups: map[string]struct{}{},
	}
	k.next.Places, k.next.Doors = slices.Clip(next.Places), slices.Clip(next.Doors)
	k.next.Groups, k.next.Grants = slices.Clip(next.Groups), slices.Clip(next.Grants)
	k.next.Holders, k.next.Assignments = slices.Clip(next.Holders), slices.Clip(next.Assignments)
	k.next.Schedules = slices.Clip(next.Schedules)
	slices.SortFunc(held, func(a, b loss) int { return strings.Compare(a.holder, b.holder) })
	for _, l := range held {
		k.keepHolder(l.holder)
		for d := range l.doors.all() {
			k.keepDoor(c.doors.ids[d])
		}
		if l.grant != nil {
			k.note(l)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(k.grants)) {
		k.keepGrant(id, k.grants[id])
	}
	return k.next
}

// keeper adds rows of before to the rows of now.
type keeper struct {
	*crawl
	next                           access.Roster
	doors, places, holders, groups map[string]struct{}
	grants                         map[string]*heldGrant // by the id of the held grant
}

// heldGrant is one right of one person that is kept for some doors.
type heldGrant struct {
	holder string
	grant  *access.Grant
	doors  doorSet
}

// once says whether the id is met for the first time.
func once(seen map[string]struct{}, id string) bool {
	_, again := seen[id]
	seen[id] = struct{}{}
	return !again
}

// keepHolder keeps the person and every credential that nobody has now.
func (k *keeper) keepHolder(id string) {
	if !once(k.holders, id) {
		return
	}
	if k.after.holders[id] == nil {
		if row := k.before.holders[id]; row != nil {
			k.next.Holders = append(k.next.Holders, *row)
		}
	}
	for _, a := range k.before.carded[id] {
		if _, there := k.after.cards[cardKey{a.Kind, a.Digest}]; !there {
			k.next.Assignments = append(k.next.Assignments, *a)
		}
	}
}

// keepDoor keeps the door, in its place.
func (k *keeper) keepDoor(id string) {
	if k.after.rows[id] != nil || !once(k.doors, id) {
		return
	}
	row := access.Door{ID: id}
	if was := k.before.rows[id]; was != nil {
		row = *was
	}
	if k.after.places[row.Place] == nil {
		if place := k.before.places[row.Place]; place != nil && once(k.places, row.Place) {
			k.next.Places = append(k.next.Places, *place)
		}
	}
	k.next.Doors = append(k.next.Doors, row)
	k.keepHours(k.old.Schedules, access.ScopeDoor, id, id, "")
}

// keepHours adds the hours of a group or a door of before to a kept one.
func (k *keeper) keepHours(rows []access.Schedule, on access.ScopeKind, id, kept, mark string) {
	for i := range rows {
		if s := rows[i]; s.On == on && s.OnID == id {
			s.ID, s.OnID = unheld(s.ID)+mark, kept
			if !slices.ContainsFunc(k.next.Schedules, func(now access.Schedule) bool { return now.ID == s.ID }) {
				k.next.Schedules = append(k.next.Schedules, s)
			}
		}
	}
}

// note collects what is kept of one grant for one person: the same right may
// be lost as a row of the source and as a row that was held before.
func (k *keeper) note(l loss) {
	id := unheld(l.grant.ID) + heldMark
	if l.grant.Kind == access.ToTeam || strings.HasPrefix(l.grant.ID, id+":") {
		id += ":" + l.holder
	}
	if h := k.grants[id]; h != nil {
		h.doors = slices.Clone(h.doors)
		h.doors.addAll(l.doors)
		if l.grant.ID == unheld(l.grant.ID) {
			h.grant = l.grant
		}
		return
	}
	k.grants[id] = &heldGrant{holder: l.holder, grant: l.grant, doors: l.doors}
}

// keepGrant adds the right as a grant of the person on a group of the held
// doors. Its hours and window are those of now where the source still has them.
func (k *keeper) keepGrant(id string, h *heldGrant) {
	row := *h.grant
	if n := k.after.grants[unheld(row.ID)]; n != nil && k.after.isFor(n, h.holder) {
		row.From, row.Until, row.Cause = n.From, n.Until, n.Cause
	}
	row.ID, row.Kind, row.Assignee = id, access.ToHolder, h.holder
	row.ScopeID = k.keepGroup(h.grant, h.doors)
	row.Scope = access.ScopeGroup
	k.next.Grants = append(k.next.Grants, row)
}

// scopeName is what people call what a right is for; empty: it has no name.
func (k *keeper) scopeName(g *access.Grant, scope string) string {
	for _, r := range []*reach{k.after, k.before} {
		switch {
		case g.Scope == access.ScopeOrganisation:
			return "the whole organisation"
		case g.Scope == access.ScopePlace && r.places[scope] != nil:
			return r.places[scope].Name
		case g.Scope == access.ScopeDoor && r.rows[scope] != nil:
			return r.rows[scope].Name
		}
	}
	return ""
}

// keepGroup adds the group of just the held doors and returns its id, which is
// the same in every crawl that holds the same doors.
func (k *keeper) keepGroup(g *access.Grant, doors doorSet) string {
	ids := make([]string, 0, len(k.crawl.doors.ids))
	for d := range doors.all() {
		ids = append(ids, k.crawl.doors.ids[d])
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "\x00")))
	scope := cmp.Or(unheld(g.ScopeID), g.Scope.String())
	id := scope + heldMark + "-" + hex.EncodeToString(sum[:8])
	if !once(k.groups, id) {
		return id
	}
	row := access.Group{Name: k.scopeName(g, scope)}
	mark := strings.TrimPrefix(id, scope)
	if now := k.after.groups[scope]; now != nil {
		row = *now
		k.keepHours(k.next.Schedules, access.ScopeGroup, scope, id, mark)
	} else if was := k.before.groups[g.ScopeID]; was != nil {
		row = *was
		k.keepHours(k.old.Schedules, access.ScopeGroup, g.ScopeID, id, mark)
	}
	row.ID, row.Doors = id, ids
	k.next.Groups = append(k.next.Groups, row)
	return id
}
