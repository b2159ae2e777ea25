package access

import (
	"errors"
	"maps"
	"slices"
)

// Delta is a small change of the merged roster that a snapshot is of: the rows
// that end and the rows that begin. A row that changes is in both.
//
// It may have holders, grants and credentials. A team whose members change is in
// both, with those who leave among the members that end and those who join among
// the members that begin; members that are in both, or in neither, stay. A door
// or a place may be in both with nothing but its lockdown changed.
type Delta struct{ Ended, Begun Roster }

// ErrRebuild says that a delta is not for Snapshot.With: it changes doors,
// groups, schedules, policies or which teams there are, or there were too many
// changes since the snapshot was built. Build the rights anew.
var ErrRebuild = errors.New("rights: this change cannot be laid over them; build them anew")

// maxOverlay bounds what is laid over a snapshot: people, cards, teams and grants
// that changed since it was built. All of it is copied for each change.
const maxOverlay = 4096

// With is the snapshot with a small change, at a cost that does not depend on how
// many people there are. What it came from stays as it is; the two share nearly
// everything. Decisions, explanations, counts and the hash are those of a
// snapshot that was built from the changed roster.
//
// A row that ends and is not there, or begins and points at nothing, is a
// BuildError. Names, and the ids of cards, are not kept and so not compared: a
// delta that ends a row that never was by these shows in the hash alone. As in an
// Assembly, a grant that begins is held against those of its assignee only.
func (s *Snapshot) With(d Delta) (*Snapshot, error) {
	if !d.fits() {
		return nil, ErrRebuild
	}
	c := newChange(s)
	if err := c.building(&d); err != nil {
		return nil, err
	}
	leave, join, err := c.members(&d)
	if err != nil {
		return nil, err
	}
	c.end(&d.Ended, leave)
	c.begin(&d.Begun, join)
	return c.done()
}

// fits says whether a delta has only tables that can change, and not too much.
func (d *Delta) fits() bool {
	rows := 0
	for _, r := range []*Roster{&d.Ended, &d.Begun} {
		if len(r.Policies)+len(r.Groups)+len(r.Schedules) > 0 {
			return false
		}
		rows = max(rows, len(r.Holders)+len(r.Grants)+len(r.Assignments))
	}
	return rows <= maxOverlay
}

// change is a snapshot that is being made of another.
type change struct {
	*Snapshot
	sum      hasher
	people   map[uint32]bool // those whose person is of this change
	teams    map[uint32]bool
	rebuild  bool
	problems []Problem
}

func newChange(s *Snapshot) *change {
	next := *s
	next.over = s.over.clone()
	return &change{Snapshot: &next, sum: hasher{sum: s.hash}, people: map[uint32]bool{}, teams: map[uint32]bool{}}
}

func (c *change) wrong(table, id, what string) {
	c.problems = append(c.problems, Problem{Table: table, ID: id, What: what})
}

const notSo = "is to end, and is not there like this"

// done checks what only the whole can tell.
func (c *change) done() (*Snapshot, error) {
	for _, at := range slices.Sorted(maps.Keys(c.people)) {
		if p := c.over.people[at]; p.gone && (p.cards > 0 || len(p.teams) > 0 || len(p.grants) > 0) {
			c.wrong("holder", p.id, "is to end, and still has credentials, teams or grants")
		}
	}
	if len(c.problems) > 0 {
		return nil, &BuildError{Problems: c.problems}
	}
	if c.rebuild || c.over.size() > maxOverlay {
		return nil, ErrRebuild
	}
	c.hash = c.sum.sum
	return c.Snapshot, nil
}

// building changes the lockdowns of the sources.
func (c *change) building(d *Delta) error {
	doors, ok := pairs(d.Ended.Doors, d.Begun.Doors, func(d *Door) string { return d.ID })
	places, both := pairs(d.Ended.Places, d.Begun.Places, func(p *Place) string { return p.ID })
	if !ok || !both {
		return ErrRebuild
	}
	if len(doors) > 0 {
		c.doors = slices.Clone(c.doors)
	}
	for _, p := range doors {
		at, ok := c.doorIndex[p.ended.ID]
		if !ok || c.doors[at].lockedDown != p.ended.LockedDown {
			c.wrong("door", p.ended.ID, notSo)
			continue
		}
		alike := p.ended
		alike.LockedDown = p.begun.LockedDown
		if alike != p.begun {
			return ErrRebuild
		}
		c.doors[at].lockedDown = p.begun.LockedDown
		c.away().door(&p.ended)
		c.back().door(&p.begun)
	}
	if len(places) > 0 {
		c.places = slices.Clone(c.places)
	}
	for _, p := range places {
		at, ok := c.placeIndex[p.ended.ID]
		if !ok || c.places[at].lockedDown != p.ended.LockedDown {
			c.wrong("place", p.ended.ID, notSo)
			continue
		}
		alike := p.ended
		alike.LockedDown = p.begun.LockedDown
		if alike != p.begun {
			return ErrRebuild
		}
		c.places[at].lockedDown = p.begun.LockedDown
		c.away().place(&p.ended)
		c.back().place(&p.begun)
	}
	return nil
}

// away is the hash, to take rows out of it.
func (c *change) away() *hasher {
	c.sum.away = true
	return &c.sum
}

// back is the hash, to put rows into it.
func (c *change) back() *hasher {
	c.sum.away = false
	return &c.sum
}

type pair[T any] struct{ ended, begun T }

// pairs are the rows before and after, by id; not ok: one is only before, only
// after, or twice.
func pairs[T any](ended, begun []T, id func(*T) string) (all []pair[T], ok bool) {
	if len(ended) != len(begun) {
		return nil, false
	}
	after := make(map[string]int, len(begun))
	for i := range begun {
		after[id(&begun[i])] = i
	}
	for i := range ended {
		at, found := after[id(&ended[i])]
		if !found {
			return nil, false
		}
		delete(after, id(&ended[i]))
		all = append(all, pair[T]{ended[i], begun[at]})
	}
	return all, true
}

// member is somebody who leaves or joins a team.
type member struct {
	team       uint32
	id, holder string
}

// members finds who leaves which team, and who joins.
func (c *change) members(d *Delta) (leave, join []member, err error) {
	teams, ok := pairs(d.Ended.Teams, d.Begun.Teams, func(t *Team) string { return t.ID })
	if !ok {
		return nil, nil, ErrRebuild
	}
	for _, t := range teams {
		at := c.teamIDs.find(t.ended.ID)
		if at < 0 {
			return nil, nil, ErrRebuild
		}
		c.away().team(t.ended.ID, t.ended.Name)
		c.back().team(t.begun.ID, t.begun.Name)
		ended, begun := asSet(t.ended.Members), asSet(t.begun.Members)
		for _, id := range ended {
			if _, stays := slices.BinarySearch(begun, id); !stays {
				leave = append(leave, member{uint32(at), t.ended.ID, id})
			} else if !c.isMember(uint32(at), id) {
				c.wrong("team", t.ended.ID, notSo)
			}
		}
		for _, id := range begun {
			if _, stays := slices.BinarySearch(ended, id); !stays {
				join = append(join, member{uint32(at), t.ended.ID, id})
			}
		}
	}
	if len(leave) > maxOverlay || len(join) > maxOverlay {
		return nil, nil, ErrRebuild
	}
	return leave, join, nil
}

func (c *change) isMember(team uint32, id string) bool {
	at := c.findHolder(id)
	return at >= 0 && slices.Contains(c.teamsOf(at), team)
}

func (c *change) end(r *Roster, leave []member) {
	for i := range r.Grants {
		c.endGrant(&r.Grants[i])
	}
	for i := range r.Assignments {
		c.endCard(&r.Assignments[i])
	}
	for _, m := range leave {
		c.leave(m)
	}
	for i := range r.Holders {
		c.endHolder(&r.Holders[i])
	}
}

func (c *change) begin(r *Roster, join []member) {
	for i := range r.Holders {
		c.beginHolder(&r.Holders[i])
	}
	for _, m := range join {
		c.join(m)
	}
	for i := range r.Grants {
		c.beginGrant(&r.Grants[i])
	}
	for i := range r.Assignments {
		c.beginCard(&r.Assignments[i])
	}
}
