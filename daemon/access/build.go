package access

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Build checks a roster whole and indexes it. Any wrong row refuses all of it
// with a BuildError; see Prune for sources that may be mid-change. The rows are
// sorted in place; nothing else of the roster is kept or changed. For rosters
// that are too large to be in memory twice there is Assembly.
func Build(r Roster, contacts []Contact, generation uint64) (*Snapshot, error) {
	if _, problems := Prune(r); len(problems) > 0 {
		return nil, &BuildError{Problems: problems}
	}
	sortRoster(&r)
	a := NewAssembly(contacts)
	if err := a.Building(r); err != nil {
		return nil, err
	}
	for _, h := range r.Holders {
		if err := a.Holder(h); err != nil {
			return nil, err
		}
	}
	for _, t := range r.Teams {
		if err := a.Team(t); err != nil {
			return nil, err
		}
	}
	for _, g := range r.Grants {
		if err := a.Grant(g); err != nil {
			return nil, err
		}
	}
	for _, x := range r.Assignments {
		if err := a.Assignment(x); err != nil {
			return nil, err
		}
	}
	return a.Done(generation)
}

// sortRoster makes the order of the rows irrelevant to the result.
func sortRoster(r *Roster) {
	slices.SortFunc(r.Places, func(a, b Place) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Doors, func(a, b Door) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Policies, func(a, b Policy) int { return strings.Compare(a.Door, b.Door) })
	slices.SortFunc(r.Schedules, func(a, b Schedule) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Groups, func(a, b Group) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Teams, func(a, b Team) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Holders, func(a, b Holder) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.Grants, func(a, b Grant) int { return compareGrants(&a, &b) })
	slices.SortFunc(r.Assignments, func(a, b Assignment) int { return compareAssignments(&a, &b) })
}

// builder makes the parts of a snapshot.
type builder struct {
	*Snapshot
	sum                hasher
	grants             grantsWriter
	assignments, twins rows[assignment]
	pins               rows[pin]
	holderAt, teamAt   int // whose grants come
}

func (b *builder) addBuilding(r *Roster) {
	b.addPlacesAndDoors(r)
	b.addGroups(r.Groups)
	b.addSchedules(r)
	for i := range r.Places {
		b.sum.place(&r.Places[i])
	}
	for i := range r.Doors {
		b.sum.door(&r.Doors[i])
	}
	for i := range r.Policies {
		b.sum.policy(&r.Policies[i])
	}
	for i := range r.Groups {
		b.sum.group(&r.Groups[i])
		for _, id := range asSet(r.Groups[i].Doors) {
			b.sum.pair(formGroupDoor, r.Groups[i].ID, id)
		}
	}
	for i := range r.Schedules {
		b.sum.schedule(&r.Schedules[i])
	}
}

func (b *builder) addPlacesAndDoors(r *Roster) {
	b.placeIndex = make(map[string]uint32, len(r.Places))
	for i, p := range r.Places {
		b.placeIndex[p.ID] = uint32(i)
		b.places = append(b.places, place{id: p.ID, name: cmp.Or(p.Name, p.ID), lockedDown: p.LockedDown})
	}
	b.doorIndex = make(map[string]int32, len(r.Doors)+len(r.Policies))
	for _, d := range r.Doors {
		at := int32(-1)
		if i, ok := b.placeIndex[d.Place]; ok {
			at = int32(i)
		}
		b.doorIndex[d.ID] = int32(len(b.doors))
		b.doors = append(b.doors, door{
			id: d.ID, name: cmp.Or(d.Name, d.ID), place: at,
			lockedDown: d.LockedDown, restricted: d.Restricted, atDoorOnly: d.AtDoorOnly,
		})
	}
	for _, p := range r.Policies {
		i, ok := b.doorIndex[p.Door]
		if !ok {
			i = int32(len(b.doors))
			b.doorIndex[p.Door] = i
			b.doors = append(b.doors, door{id: p.Door, place: -1})
		}
		b.doors[i].policy = p
		b.doors[i].name = cmp.Or(p.Name, b.doors[i].name, p.Door)
	}
}

func (b *builder) addGroups(groups []Group) {
	b.groupIndex = make(map[string]uint32, len(groups))
	words := (len(b.doors) + 63) / 64
	for i, g := range groups {
		b.groupIndex[g.ID] = uint32(i)
		set := make([]uint64, words)
		for _, id := range g.Doors {
			at := b.doorIndex[id]
			set[at/64] |= 1 << (at % 64)
		}
		b.groups = append(b.groups, group{
			id: g.ID, name: cmp.Or(g.Name, g.ID), doors: set, restricted: g.Restricted, atDoorOnly: g.AtDoorOnly,
		})
	}
}

// addMembers gives each holder the teams that the holder is of, in their order.
// The members come team by team.
func (b *builder) addMembers(members *rows[membership]) {
	next := make([]uint32, len(b.holders)+1)
	for i := range members.n {
		next[members.at(i).holder+1]++
	}
	for i := range b.holders {
		next[i+1] += next[i]
		b.holders[i].firstTeam = next[i]
	}
	b.memberTeams = make([]uint32, members.n)
	for i := range members.n {
		m := members.at(i)
		b.memberTeams[next[m.holder]] = m.team
		next[m.holder]++
	}
}

// addGrant relies on the grants coming in order: holders' first, by assignee.
func (b *builder) addGrant(g *Grant) error {
	scope, what := b.check(g)
	if what == "" {
		what = b.turnTo(g)
	}
	if what != "" {
		return grantError(g, what)
	}
	return b.grants.add(g, scope)
}

// turnTo makes the grants that follow those of another assignee. Assignees come
// in the order of the holders, and then of the teams.
func (b *builder) turnTo(g *Grant) (what string) {
	n := uint32(b.grants.grants.n)
	if g.Kind == ToHolder {
		for ; b.holderAt < b.holderIDs.len() && b.holderIDs.get(b.holderAt) < g.Assignee; b.holderAt++ {
			b.holders[b.holderAt+1].firstGrant = n
		}
		if b.holderAt == b.holderIDs.len() || b.holderIDs.get(b.holderAt) != g.Assignee {
			return notThere("holder", g.Assignee)
		}
		return ""
	}
	b.endHolders()
	for ; b.teamAt < b.teamIDs.len() && b.teamIDs.get(b.teamAt) < g.Assignee; b.teamAt++ {
		b.teamGrants = append(b.teamGrants, n)
	}
	if b.teamAt == b.teamIDs.len() || b.teamIDs.get(b.teamAt) != g.Assignee {
		return notThere("team", g.Assignee)
	}
	return ""
}

// endHolders ends the grants of the holders, and begins those of the teams.
func (b *builder) endHolders() {
	if b.teamGrants != nil {
		return
	}
	n := uint32(b.grants.grants.n)
	for ; b.holderAt < b.holderIDs.len(); b.holderAt++ {
		b.holders[b.holderAt+1].firstGrant = n
	}
	b.teamGrants = append(make(spans, 0, b.teamIDs.len()+1), n)
}

func (b *builder) endGrants() {
	b.endHolders()
	for ; b.teamAt < b.teamIDs.len(); b.teamAt++ {
		b.teamGrants = append(b.teamGrants, uint32(b.grants.grants.n))
	}
	b.grants.done(b.Snapshot)
}

// check is the index of what a grant covers, or what is wrong with the grant by
// itself.
func (s *Snapshot) check(g *Grant) (scope uint32, what string) {
	if !g.From.IsZero() && !g.Until.IsZero() && !g.From.Before(g.Until) {
		return 0, "ends before it begins"
	}
	ok := true
	switch g.Scope {
	case ScopeDoor:
		var door int32
		door, ok = s.doorIndex[g.ScopeID]
		scope = uint32(door)
	case ScopeGroup:
		scope, ok = s.groupIndex[g.ScopeID]
	case ScopePlace:
		scope, ok = s.placeIndex[g.ScopeID]
	case ScopeOrganisation:
	default:
		return 0, "covers nothing we know"
	}
	if !ok {
		return 0, notThere(g.Scope.String(), g.ScopeID)
	}
	return scope, ""
}

// addAssignment adds what comes of all the rows of one digest and kind.
func (b *builder) addAssignment(rows []assignment) {
	found := resolve(rows)
	if found.clash && found.kind != PIN { // people may have one PIN; alone it opens for none of them
		b.clashes++
	}
	b.assignments.add(found)
	if len(rows) > 1 {
		for i := range rows {
			b.twins.add(rows[i])
		}
	}
}

func micros(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return t.UnixMicro()
}
