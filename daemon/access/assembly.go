package access

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Assembly builds a snapshot from rows that come one by one, each table in the
// order of its key, so that a roster is never in memory whole. A row that is
// wrong, points at nothing or comes out of its turn ends the assembly: its error
// comes again from every later call, so that no row is silently left out.
//
// The order: Building, then every Holder, every Team, every Grant and every
// Assignment, then Done. It is for one goroutine.
type Assembly struct {
	b     builder
	stage stage
	err   error
	last  lastRows

	holderRows textsWriter
	holders    rows[holder]
	finder     finder
	teamRows   textsWriter
	members    rows[membership]
	cards      int          // rows so far
	twins      []assignment // rows of one digest and kind
}

// stage is the table that rows come from.
type stage uint8

const (
	stageBuilding stage = iota
	stageHolders
	stageTeams
	stageGrants
	stageAssignments
	stageDone
)

var stageNames = [...]string{"building", "holders", "teams", "grants", "assignments", "end"}

// lastRows are the keys that the next rows must come after.
type lastRows struct {
	holder, team string
	grant        Grant
	card         Assignment
}

type membership struct{ holder, team uint32 }

// NewAssembly begins a snapshot of what these sources say.
func NewAssembly(contacts []Contact) *Assembly {
	a := &Assembly{}
	a.b.Snapshot = &Snapshot{contacts: slices.Clone(contacts)}
	a.b.sum = newHasher()
	a.b.grants = newGrantsWriter(contacts)
	if len(contacts) > math.MaxUint8 {
		a.err = fmt.Errorf("%w: %d sources", errTooLarge, len(contacts))
	}
	return a
}

// Building adds the places, doors, policies, groups and schedules, all of them,
// in any order. What else the roster has is not looked at.
func (a *Assembly) Building(r Roster) error {
	if a.err != nil {
		return a.err
	}
	if a.stage != stageBuilding {
		return a.fail(errors.New("roster: the building was added twice"))
	}
	r = Roster{Places: r.Places, Doors: r.Doors, Policies: r.Policies, Groups: r.Groups, Schedules: r.Schedules}
	r, problems := Prune(r)
	if len(problems) > 0 {
		return a.fail(&BuildError{Problems: problems})
	}
	sortRoster(&r)
	a.b.addBuilding(&r)
	a.stage = stageHolders
	return nil
}

// Holder adds a person. They come by ID.
func (a *Assembly) Holder(h Holder) error {
	if err := a.enter(stageHolders); err != nil {
		return err
	}
	if what := inTurn(h.ID, cmp.Compare(h.ID, a.last.holder)); what != "" {
		return a.wrong("holder", h.ID, what)
	}
	a.last.holder = h.ID
	if err := a.holderRows.add(h.ID); err != nil {
		return a.fail(err)
	}
	a.holders.add(holder{traits: traits{h.Suspended, h.Extended}})
	a.b.sum.holder(&h)
	return nil
}

// Team adds a team with its members. Teams come by ID, after the holders.
func (a *Assembly) Team(t Team) error {
	if err := a.enter(stageTeams); err != nil {
		return err
	}
	if what := inTurn(t.ID, cmp.Compare(t.ID, a.last.team)); what != "" {
		return a.wrong("team", t.ID, what)
	}
	a.last.team = t.ID
	at := uint32(a.teamRows.len())
	if err := a.teamRows.add(t.ID); err != nil {
		return a.fail(err)
	}
	a.b.sum.team(t.ID, t.Name)
	for _, id := range asSet(t.Members) {
		who, ok := a.finder.find(id)
		if !ok {
			return a.wrong("team", t.ID, notThere("holder", id))
		}
		a.members.add(membership{holder: who, team: at})
		a.b.sum.pair(formMember, t.ID, id)
	}
	return nil
}

// Grant adds a grant. They come by Kind, Assignee and ID, after the teams.
func (a *Assembly) Grant(g Grant) error {
	if err := a.enter(stageGrants); err != nil {
		return err
	}
	if what := inTurn(g.ID, compareGrants(&g, &a.last.grant)); what != "" {
		return a.wrong("grant", g.ID, what)
	}
	a.last.grant = g
	if err := a.b.addGrant(&g); err != nil {
		return a.fail(err)
	}
	a.b.sum.grant(&g)
	return nil
}

// Assignment adds a credential of somebody. They come by Digest, Kind, Holder and
// ID, after the grants. A row that is there already counts once.
func (a *Assembly) Assignment(x Assignment) error {
	if err := a.enter(stageAssignments); err != nil {
		return err
	}
	a.cards++
	if a.cards > 1 && compareAssignments(&x, &a.last.card) < 0 {
		return a.wrong("credential", fmt.Sprintf("#%d", a.cards), outOfTurn)
	}
	who, ok := a.finder.find(x.Holder)
	if !ok {
		return a.wrong("credential", fmt.Sprintf("#%d", a.cards), notThere("holder", x.Holder))
	}
	if a.cards > 1 && (x.Digest != a.last.card.Digest || x.Kind != a.last.card.Kind) {
		a.b.addAssignment(a.twins)
		a.twins = a.twins[:0]
	}
	a.last.card = x
	a.twins = append(a.twins, rowOf(&x, who))
	if h := &a.b.holders[who]; h.cards < manyCards {
		h.cards++
	}
	if x.Kind == PIN && x.Active {
		a.b.pins.add(pin{holder: who, digest: x.Digest})
	}
	a.b.sum.assignment(&x)
	return nil
}

// Done is the snapshot, under the number that the rights are installed as. The
// assembly is of no use afterwards.
func (a *Assembly) Done(generation uint64) (*Snapshot, error) {
	if err := a.enter(stageDone); err != nil {
		return nil, err
	}
	if len(a.twins) > 0 {
		a.b.addAssignment(a.twins)
	}
	s := a.b.Snapshot
	a.finder = finder{}
	s.assignments = a.b.assignments.flat(0)
	for i := range s.assignments {
		s.assignments[i].ahead = s.holders[s.assignments[i].holder].firstGrant
	}
	s.shelves = newShelves(s.assignments)
	s.pins = a.b.pins.flat(0)
	slices.SortFunc(s.pins, comparePINs)
	s.pins = slices.Clip(slices.Compact(s.pins))
	s.twins, s.pinCount = a.b.twins.flat(0), len(s.pins)
	s.counts = Counts{
		Places: len(s.places), Doors: len(s.doors), Groups: len(s.groups),
		Holders: s.holderIDs.len(), Credentials: len(s.assignments), Grants: len(s.grants),
	}
	s.hash, s.generation = a.b.sum.sum, generation
	*a = Assembly{err: errors.New("roster: the assembly is done")}
	return s, nil
}

// enter goes on to a table, closing those before it.
func (a *Assembly) enter(to stage) error {
	switch {
	case a.err != nil:
		return a.err
	case a.stage == to:
		return nil
	case a.stage == stageBuilding:
		return a.fail(fmt.Errorf("roster: the building must be added before the %s", stageNames[to]))
	case a.stage > to:
		return a.fail(fmt.Errorf("roster: the %s must be added before the %s", stageNames[to], stageNames[a.stage]))
	}
	for ; a.stage < to; a.stage++ {
		switch a.stage {
		case stageHolders:
			a.b.holderIDs = a.holderRows.done()
			a.b.holders = append(a.holders.flat(1), holder{}) // so that each run has an end
			a.finder = newFinder(&a.b.holderIDs)
		case stageTeams:
			a.b.teamIDs = a.teamRows.done()
			a.b.addMembers(&a.members)
			a.members = rows[membership]{}
		case stageGrants:
			a.b.endGrants()
		case stageBuilding, stageAssignments, stageDone:
		}
	}
	return nil
}

func (a *Assembly) fail(err error) error {
	a.err = err
	return err
}

// wrong ends the assembly for the sake of one row.
func (a *Assembly) wrong(table, id, what string) error {
	return a.fail(&BuildError{Problems: []Problem{{Table: table, ID: id, What: what}}})
}

const outOfTurn = "comes after one that it should come before"

// inTurn says what is wrong with a row that compares so to the one before.
func inTurn(id string, order int) string {
	switch {
	case id == "":
		return "has no id"
	case order == 0:
		return "appears twice"
	case order < 0:
		return outOfTurn
	}
	return ""
}

func notThere(word, id string) string {
	return fmt.Sprintf("names the %s %q, which is not there", word, id)
}

func compareGrants(a, b *Grant) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Assignee, b.Assignee), strings.Compare(a.ID, b.ID))
}

func compareAssignments(a, b *Assignment) int {
	return cmp.Or(bytes.Compare(a.Digest[:], b.Digest[:]), cmp.Compare(a.Kind, b.Kind),
		strings.Compare(a.Holder, b.Holder), strings.Compare(a.ID, b.ID))
}

// asSet is names sorted, each once.
func asSet(names []string) []string {
	if slices.IsSorted(names) {
		return slices.Compact(slices.Clone(names))
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
