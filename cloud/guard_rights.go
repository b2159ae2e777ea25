package cloud

import (
	"iter"
	"math/bits"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// doorIndex numbers doors, so that a set of them is a few words.
type doorIndex struct {
	ids []string
	at  map[string]int
}

func (x *doorIndex) newSet() doorSet { return make(doorSet, (len(x.ids)+63)/64) }

// doorSet is a set of numbered doors.
type doorSet []uint64

func (s doorSet) add(d int)      { s[d/64] |= 1 << (d % 64) }
func (s doorSet) has(d int) bool { return s[d/64]&(1<<(d%64)) != 0 }
func (s doorSet) addAll(other doorSet) {
	for i := range other {
		s[i] |= other[i]
	}
}

func (s doorSet) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

// only is what of s is also in other; without is what is not.
func (s doorSet) only(other doorSet) doorSet {
	out := make(doorSet, len(s))
	for i := range s {
		out[i] = s[i] & other[i]
	}
	return out
}

func (s doorSet) without(other doorSet) doorSet {
	out := make(doorSet, len(s))
	for i := range s {
		out[i] = s[i] &^ other[i]
	}
	return out
}

func (s doorSet) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// cardKey is a credential as a door knows it.
type cardKey struct {
	kind   access.Kind
	digest access.Digest
}

// reach is a roster indexed by who reaches which door.
type reach struct {
	doors   *doorIndex
	places  map[string]*access.Place
	rows    map[string]*access.Door
	groups  map[string]*access.Group
	holders map[string]*access.Holder
	grants  map[string]*access.Grant
	teams   map[string]map[string]struct{} // team → its members
	cards   map[cardKey]struct{}
	carded  map[string][]*access.Assignment // holder → rows

	byGroup map[string]doorSet
	byPlace map[string]doorSet
	every   doorSet
	given   map[string][]*access.Grant // holder → grants, also those of the holder's teams
}

func newReach(r *access.Roster, doors *doorIndex) *reach {
	x := &reach{
		doors:  doors,
		places: rowsByID(r.Places, func(p *access.Place) string { return p.ID }),
		rows:   rowsByID(r.Doors, func(d *access.Door) string { return d.ID }),
		groups: rowsByID(r.Groups, func(g *access.Group) string { return g.ID }),

		holders: rowsByID(r.Holders, func(h *access.Holder) string { return h.ID }),
		grants:  rowsByID(r.Grants, func(g *access.Grant) string { return g.ID }),
		teams:   make(map[string]map[string]struct{}, len(r.Teams)),
		cards:   make(map[cardKey]struct{}, len(r.Assignments)),
		carded:  make(map[string][]*access.Assignment),
		byGroup: make(map[string]doorSet, len(r.Groups)),
		byPlace: make(map[string]doorSet, len(r.Places)),
		every:   doors.newSet(),
		given:   make(map[string][]*access.Grant, len(r.Holders)),
	}
	x.addDoors(r)
	x.addPeople(r)
	return x
}

func (x *reach) addDoors(r *access.Roster) {
	for i := range r.Doors {
		d, watched := x.doors.at[r.Doors[i].ID]
		if !watched {
			continue
		}
		x.every.add(d)
		if x.byPlace[r.Doors[i].Place] == nil {
			x.byPlace[r.Doors[i].Place] = x.doors.newSet()
		}
		x.byPlace[r.Doors[i].Place].add(d)
	}
	for i := range r.Groups {
		set := x.doors.newSet()
		for _, id := range r.Groups[i].Doors {
			if d, watched := x.doors.at[id]; watched {
				set.add(d)
			}
		}
		x.byGroup[r.Groups[i].ID] = set
	}
}

func (x *reach) addPeople(r *access.Roster) {
	for i := range r.Teams {
		members := make(map[string]struct{}, len(r.Teams[i].Members))
		for _, m := range r.Teams[i].Members {
			members[m] = struct{}{}
		}
		x.teams[r.Teams[i].ID] = members
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		if g.Kind == access.ToHolder {
			x.given[g.Assignee] = append(x.given[g.Assignee], g)
			continue
		}
		for m := range x.teams[g.Assignee] {
			x.given[m] = append(x.given[m], g)
		}
	}
	for i := range r.Assignments {
		a := &r.Assignments[i]
		x.cards[cardKey{a.Kind, a.Digest}] = struct{}{}
		x.carded[a.Holder] = append(x.carded[a.Holder], a)
	}
}

// covers is the set of watched doors that a grant is for.
func (x *reach) covers(g *access.Grant) doorSet {
	var set doorSet
	switch g.Scope {
	case access.ScopeDoor:
		set = x.doors.newSet()
		if d, watched := x.doors.at[g.ScopeID]; watched {
			set.add(d)
		}
	case access.ScopeGroup:
		set = x.byGroup[g.ScopeID]
	case access.ScopePlace:
		set = x.byPlace[g.ScopeID]
	case access.ScopeOrganisation:
		set = x.every
	}
	if set == nil {
		set = x.doors.newSet()
	}
	return set
}

// reaches is every watched door that some grant of the holder is for that has
// not ended. Hours, suspensions and lockdowns do not matter here: they are
// said, not missing.
func (x *reach) reaches(holder string, now time.Time) doorSet {
	set := x.doors.newSet()
	for _, g := range x.given[holder] {
		if lasting(g, now) {
			set.addAll(x.covers(g))
		}
	}
	return set
}

// isFor says whether the grant is the holder's, directly or by a team.
func (x *reach) isFor(g *access.Grant, holder string) bool {
	if g.Kind == access.ToHolder {
		return g.Assignee == holder
	}
	_, member := x.teams[g.Assignee][holder]
	return member
}

// people counts, for each group, whom its grants that have not ended name.
func (x *reach) people(now time.Time) map[string]int {
	count := make(map[string]int, len(x.groups))
	for _, grants := range x.given {
		mine := make(map[string]struct{}, len(grants))
		for _, g := range grants {
			if g.Scope == access.ScopeGroup && lasting(g, now) {
				mine[g.ScopeID] = struct{}{}
			}
		}
		for id := range mine {
			count[id]++
		}
	}
	return count
}

// lasting says that a grant has not ended: it may not have begun.
func lasting(g *access.Grant, now time.Time) bool {
	return !g.Cancelled && (g.Until.IsZero() || g.Until.After(now))
}

func rowsByID[T any](rows []T, id func(*T) string) map[string]*T {
	m := make(map[string]*T, len(rows))
	for i := range rows {
		m[id(&rows[i])] = &rows[i]
	}
	return m
}
