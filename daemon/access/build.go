package access

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Build checks a roster whole and indexes it. Any wrong row refuses all of it
// with a BuildError; see Prune for sources that may be mid-change. The rows are
// sorted in place; nothing else of the roster is kept or changed.
func Build(r Roster, contacts []Contact, generation uint64) (*Snapshot, error) {
	if _, problems := Prune(r); len(problems) > 0 {
		return nil, &BuildError{Problems: problems}
	}
	if len(contacts) > math.MaxUint8 || len(r.Grants) > math.MaxInt32 || len(r.Assignments) > math.MaxInt32 {
		return nil, fmt.Errorf("roster: too large to index (%d sources, %d credentials, %d grants)",
			len(contacts), len(r.Assignments), len(r.Grants))
	}
	sortRoster(&r)
	s := &Snapshot{generation: generation, contacts: slices.Clone(contacts), hash: hashRoster(&r)}
	b := builder{Snapshot: s}
	b.addPlacesAndDoors(&r)
	b.addGroups(r.Groups)
	b.addSchedules(&r)
	b.addPeople(&r)
	if err := b.addGrants(r.Grants); err != nil {
		return nil, err
	}
	b.addAssignments(r.Assignments)
	b.addPINs(r.Assignments)
	return s, nil
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
	slices.SortFunc(r.Grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Assignee, b.Assignee), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(r.Assignments, func(a, b Assignment) int {
		return cmp.Or(slices.Compare(a.Digest[:], b.Digest[:]), cmp.Compare(a.Kind, b.Kind),
			strings.Compare(a.Holder, b.Holder), strings.Compare(a.ID, b.ID))
	})
}

type builder struct {
	*Snapshot
	placeIndex, groupIndex, holderIndex, teamIndex map[string]uint32
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

func (b *builder) addPeople(r *Roster) {
	b.holderIndex = make(map[string]uint32, len(r.Holders))
	b.holders = make([]holder, len(r.Holders)+1)
	for i, h := range r.Holders {
		b.holderIndex[h.ID] = uint32(i)
		b.holders[i].suspended, b.holders[i].extended = h.Suspended, h.Extended
	}
	b.holderIDs = packTexts(len(r.Holders), func(i int) string { return r.Holders[i].ID })

	type membership struct{ holder, team uint32 }
	var memberships []membership
	b.teamIndex = make(map[string]uint32, len(r.Teams))
	for i, t := range r.Teams {
		b.teamIndex[t.ID] = uint32(i)
		for _, id := range t.Members {
			memberships = append(memberships, membership{b.holderIndex[id], uint32(i)})
		}
	}
	slices.SortFunc(memberships, func(x, y membership) int {
		return cmp.Or(cmp.Compare(x.holder, y.holder), cmp.Compare(x.team, y.team))
	})
	memberships = slices.Compact(memberships)
	for i, first := range packSpans(len(r.Holders), len(memberships), func(i int) uint32 { return memberships[i].holder }) {
		b.holders[i].firstTeam = first
	}
	b.memberTeams = make([]uint32, len(memberships))
	for i, m := range memberships {
		b.memberTeams[i] = m.team
	}
}

// addGrants relies on the grants being sorted: holders' first, by assignee.
func (b *builder) addGrants(grants []Grant) error {
	sources := make(map[string]uint8, len(b.contacts))
	for i, c := range b.contacts {
		sources[c.Source] = uint8(i)
	}
	causes := map[string]uint16{}
	b.grants = make([]grant, len(grants))
	firstTeam := len(grants)
	for i, g := range grants {
		if g.Kind == ToTeam && i < firstTeam {
			firstTeam = i
		}
		source, ok := sources[g.Source]
		if !ok {
			return &BuildError{Problems: []Problem{{Table: "grant", ID: g.ID, What: fmt.Sprintf("comes from the source %q, which is not there", g.Source)}}}
		}
		cause, ok := causes[g.Cause]
		if !ok && len(causes) < math.MaxUint16 {
			cause = uint16(len(causes))
			causes[g.Cause] = cause
			b.causes = append(b.causes, g.Cause)
		}
		b.grants[i] = grant{
			from: micros(g.From, sinceEver), until: micros(g.Until, openEnded),
			scope: b.scopeIndex(g), cause: cause, source: source, kind: g.Scope, cancelled: g.Cancelled,
		}
	}
	b.grantIDs = packTexts(len(grants), func(i int) string { return grants[i].ID })
	for i, first := range packSpans(b.holderIDs.len(), firstTeam, func(i int) uint32 { return b.holderIndex[grants[i].Assignee] }) {
		b.holders[i].firstGrant = first
	}
	b.teamGrants = packSpans(len(b.teamIndex), len(grants)-firstTeam, func(i int) uint32 {
		return b.teamIndex[grants[firstTeam+i].Assignee]
	})
	for i := range b.teamGrants {
		b.teamGrants[i] += uint32(firstTeam)
	}
	return nil
}

func (b *builder) scopeIndex(g Grant) uint32 {
	switch g.Scope {
	case ScopeDoor:
		return uint32(b.doorIndex[g.ScopeID])
	case ScopeGroup:
		return b.groupIndex[g.ScopeID]
	case ScopePlace:
		return b.placeIndex[g.ScopeID]
	default:
		return 0
	}
}

// addAssignments relies on the rows being sorted by digest and kind. Rows of
// one digest and one holder become one, active if any is. Of two holders the one
// whose row is active has it; where both are, it is refused for both.
func (b *builder) addAssignments(rows []Assignment) {
	b.assignments = make([]assignment, 0, len(rows))
	for _, row := range rows {
		next := assignment{
			digest: row.Digest, kind: row.Kind, holder: b.holderIndex[row.Holder],
			assurance: row.Assurance, active: row.Active,
		}
		if n := len(b.assignments); n > 0 && b.assignments[n-1].digest == next.digest && b.assignments[n-1].kind == next.kind {
			last := &b.assignments[n-1]
			switch {
			case last.holder == next.holder:
				last.active = last.active || next.active
			case last.active && next.active:
				if !last.clash && last.kind != PIN { // people may have one PIN; alone it opens for none of them
					b.clashes++
				}
				last.clash = true
			case next.active:
				*last = next // it was given back by whoever had it before
			}
			continue
		}
		b.assignments = append(b.assignments, next)
	}
	b.assignments = slices.Clip(b.assignments)
	if len(b.assignments) == 0 {
		return
	}
	size := 1 << bits.Len(uint(len(b.assignments)*3/2))
	b.slots = make([]uint32, size)
	mask := uint64(size - 1)
	for i := range b.assignments {
		at := binary.LittleEndian.Uint64(b.assignments[i].digest[:8]) & mask
		for b.slots[at] != 0 {
			at = (at + 1) & mask
		}
		b.slots[at] = uint32(i + 1)
	}
}

func micros(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return t.UnixMicro()
}

func packTexts(n int, get func(int) string) texts {
	size := 0
	for i := range n {
		size += len(get(i))
	}
	var all strings.Builder
	all.Grow(size)
	at := make([]uint32, n+1)
	for i := range n {
		all.WriteString(get(i))
		at[i+1] = uint32(all.Len())
	}
	return texts{all: all.String(), at: at}
}

// packSpans makes the runs of n rows that are sorted by their owner.
func packSpans(owners, n int, owner func(int) uint32) spans {
	out := make(spans, owners+1)
	for i := range n {
		out[owner(i)+1]++
	}
	for i := 1; i < len(out); i++ {
		out[i] += out[i-1]
	}
	return out
}
