package access

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
)

// overlay is what a snapshot says otherwise than the packed base that it shares
// with the one it came from. It does not change once a snapshot has it.
type overlay struct {
	people map[uint32]*person // by index
	added  map[string]uint32  // who is not in the base: they are numbered on after it
	cards  map[Digest]*held
	teams  map[uint32][]int32 // the grants of a team, in the order of their ids
	grants []addedGrant       // that are not in the base: they are numbered on after it
}

// person is all that a snapshot knows of somebody whom a delta touched.
type person struct {
	id string
	traits
	gone   bool
	cards  int      // credential rows that name the person
	teams  []uint32 // in their order
	grants []int32  // in the order of their ids
}

// held is all rows of one digest, by kind and holder, and what comes of them.
type held struct {
	rows  []assignment
	found []assignment // one of each kind
}

type addedGrant struct {
	grant
	id, cause string
}

func (o *overlay) clone() *overlay {
	if o == nil {
		return &overlay{people: map[uint32]*person{}, added: map[string]uint32{}, cards: map[Digest]*held{}, teams: map[uint32][]int32{}}
	}
	return &overlay{
		people: maps.Clone(o.people), added: maps.Clone(o.added), cards: maps.Clone(o.cards),
		teams: maps.Clone(o.teams), grants: slices.Clone(o.grants),
	}
}

func (o *overlay) size() int { return len(o.people) + len(o.cards) + len(o.teams) + len(o.grants) }

// person is what a delta made of somebody, or nil.
func (s *Snapshot) person(at int32) *person {
	if s.over == nil {
		return nil
	}
	return s.over.people[uint32(at)]
}

// traitsOf is what is said of a holder.
func (s *Snapshot) traitsOf(at int32) traits {
	if p := s.person(at); p != nil {
		return p.traits
	}
	return s.holders[at].traits
}

func (s *Snapshot) holderID(at int32) string {
	if p := s.person(at); p != nil {
		return p.id
	}
	return s.holderIDs.get(int(at))
}

// findHolder is the index of a holder, or -1.
func (s *Snapshot) findHolder(id string) int32 {
	at := int32(s.holderIDs.find(id))
	if s.over == nil {
		return at
	}
	if added, ok := s.over.added[id]; ok {
		at = int32(added)
	}
	if at >= 0 {
		if p := s.person(at); p != nil && p.gone {
			return -1
		}
	}
	return at
}

// run is grants of one assignee: a stretch of them, or a list.
type run struct {
	from, to uint32
	list     []int32
}

func (s *Snapshot) grantsOfHolder(at int32) run {
	if p := s.person(at); p != nil {
		return run{list: p.grants}
	}
	return run{from: s.holders[at].firstGrant, to: s.holders[at+1].firstGrant}
}

func (s *Snapshot) grantsOfTeam(at uint32) run {
	if s.over != nil {
		if list, ok := s.over.teams[at]; ok {
			return run{list: list}
		}
	}
	from, to := s.teamGrants.of(int(at))
	return run{from: from, to: to}
}

func (s *Snapshot) teamsOf(at int32) []uint32 {
	if p := s.person(at); p != nil {
		return p.teams
	}
	return s.memberTeams[s.holders[at].firstTeam:s.holders[at+1].firstTeam]
}

// term is what a grant says.
func (s *Snapshot) term(at int32) *grant {
	if n := len(s.grants); int(at) >= n {
		return &s.over.grants[int(at)-n].grant
	}
	return &s.terms[s.grants[at]]
}

func (s *Snapshot) grantID(at int32) string {
	if n := len(s.grants); int(at) >= n {
		return s.over.grants[int(at)-n].id
	}
	return s.packedID(at)
}

func (s *Snapshot) causeOf(at int32) string {
	if n := len(s.grants); int(at) >= n {
		return s.over.grants[int(at)-n].cause
	}
	return s.causes[s.term(at).cause]
}

// lookUp is what is known of a credential, or nil.
func (s *Snapshot) lookUp(d *Digest) *assignment {
	if s.over != nil {
		if h, ok := s.over.cards[*d]; ok {
			if len(h.found) == 0 {
				return nil
			}
			return &h.found[0]
		}
	}
	if at := s.shelves.find(s.assignments, d); at >= 0 {
		return &s.assignments[at]
	}
	return nil
}

// fetch reads the first grant of somebody, of which nothing is known yet, so that
// it is on its way from memory while the person and the door are looked at. It is
// worth about a sixth of a decision among 500,000.
func (s *Snapshot) fetch(at uint32) {
	if int(at) < len(s.grants) {
		_ = s.terms[s.grants[at]]
	}
}

// known is what is known of a credential that exactly one holder has, or nil.
func (s *Snapshot) known(c Credential) *assignment {
	if a := s.lookUp(&c.Digest); a != nil && !a.clash {
		return a
	}
	return nil
}

// hasPIN says whether an active PIN of the holder has the digest.
func (s *Snapshot) hasPIN(holder uint32, digits Digest) bool {
	if s.over != nil {
		if h, ok := s.over.cards[digits]; ok {
			return slices.ContainsFunc(h.rows, func(a assignment) bool { return a.kind == PIN && a.active && a.holder == holder })
		}
	}
	want := pin{holder: holder, digest: digits}
	i := sort.Search(len(s.pins), func(i int) bool { return comparePINs(s.pins[i], want) >= 0 })
	return i < len(s.pins) && s.pins[i] == want
}

// rowsOf is all rows of a digest, by kind and holder.
func (s *Snapshot) rowsOf(d *Digest) []assignment {
	if s.over != nil {
		if h, ok := s.over.cards[*d]; ok {
			return h.rows
		}
	}
	var all []assignment
	at := s.shelves.find(s.assignments, d)
	for ; at >= 0 && at < len(s.assignments) && s.assignments[at].digest == *d; at++ {
		only := true
		twin := sort.Search(len(s.twins), func(i int) bool { return bytes.Compare(s.twins[i].digest[:], d[:]) >= 0 })
		for ; twin < len(s.twins) && s.twins[twin].digest == *d; twin++ {
			if s.twins[twin].kind == s.assignments[at].kind {
				all, only = append(all, s.twins[twin]), false
			}
		}
		if only {
			row := s.assignments[at]
			row.ahead = 0
			all = append(all, row)
		}
	}
	return all
}

// compareRows is the order of the rows of one digest.
func (s *Snapshot) compareRows(a, b assignment) int {
	if a.kind != b.kind || a.holder == b.holder {
		return cmp.Compare(a.kind, b.kind)
	}
	return strings.Compare(s.holderID(int32(a.holder)), s.holderID(int32(b.holder)))
}

// resolve is what comes of all rows of one digest and kind, by holder. Rows of
// one holder are one, active if any is, and no more assured than all are. Of two
// holders the one whose row is active has it; where both are, it is refused for
// both.
func resolve(rows []assignment) assignment {
	found := rows[0]
	for _, next := range rows[1:] {
		switch {
		case next.active && found.active:
			found.clash = found.clash || next.holder != found.holder
		case next.active:
			found = next // it was given back by whoever had it before
		}
	}
	for _, row := range rows {
		if row.holder == found.holder {
			found.assurance = min(found.assurance, row.assurance)
		}
	}
	return found
}

// resolveAll is what comes of all rows of one digest, one of each kind.
func resolveAll(rows []assignment) []assignment {
	var found []assignment
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].kind == rows[0].kind {
			n++
		}
		found = append(found, resolve(rows[:n]))
		rows = rows[n:]
	}
	return found
}
