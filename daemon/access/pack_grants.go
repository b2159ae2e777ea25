package access

import (
	"fmt"
	"hash/maphash"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Of the ids of grants: how they are made, beside the prefixes that numbers have.
const (
	idDerived uint16 = iota // of the assignee and the scope
	idText                  // kept as it is
	idNumber                // the first prefix
)

// maxPrefixes bounds how many patterns ids may have before they are kept as they
// are.
const maxPrefixes = 1000

// grantIDs are the ids of the grants, small: most are a number after one of a few
// prefixes, or say once more whom the grant is for and what it covers.
type grantIDs struct {
	prefixes []string
	numbers  []uint32 // of the grants up to the last one whose id is not derived: the number, or which text
	texts    texts
}

// derivedID is the id that the file source gives a grant that has none.
func derivedID(kind AssigneeKind, assignee, scopeID string) string {
	if scopeID == "" {
		scopeID = "everywhere"
	}
	if kind == ToTeam {
		return "team:" + assignee + "@" + scopeID
	}
	return assignee + "@" + scopeID
}

// isDerived says whether id is the derived one, and makes nothing.
func isDerived(g *Grant) bool {
	id, scope := g.ID, g.ScopeID
	if g.Scope == ScopeOrganisation && scope != "" {
		return false // what it names is not kept
	}
	if scope == "" {
		scope = "everywhere"
	}
	if g.Kind == ToTeam {
		var ok bool
		if id, ok = strings.CutPrefix(id, "team:"); !ok {
			return false
		}
	}
	n := len(g.Assignee)
	return len(id) == n+1+len(scope) && id[:n] == g.Assignee && id[n] == '@' && id[n+1:] == scope
}

// numbered cuts an id into a text and the number that it ends with, which is
// written without leading zeros.
func numbered(id string) (prefix string, number uint32, ok bool) {
	at := len(id)
	for at > 0 && id[at-1] >= '0' && id[at-1] <= '9' {
		at--
	}
	for at < len(id)-1 && id[at] == '0' {
		at++
	}
	n, err := strconv.ParseUint(id[at:], 10, 32)
	return id[:at], uint32(n), err == nil
}

// grantsWriter packs grants as they come.
type grantsWriter struct {
	terms    rows[grant]
	slots    []uint32 // of terms, as in finder
	seed     maphash.Seed
	grants   rows[uint32]
	numbers  rows[uint32] // of the ids; none while all are derived
	order    []string     // the prefixes
	texts    textsWriter
	prefixes map[string]uint16
	causes   map[string]uint32
	sources  map[string]uint8
}

func newGrantsWriter(contacts []Contact) grantsWriter {
	w := grantsWriter{
		seed: maphash.MakeSeed(), slots: make([]uint32, 1<<10),
		prefixes: map[string]uint16{}, causes: map[string]uint32{}, sources: make(map[string]uint8, len(contacts)),
	}
	for i, c := range contacts {
		w.sources[c.Source] = uint8(i)
	}
	return w
}

// add packs one more grant; scope is the index of what it covers.
func (w *grantsWriter) add(g *Grant, scope uint32) error {
	if w.grants.n == math.MaxInt32 {
		return fmt.Errorf("%w: %d grants", errTooLarge, w.grants.n)
	}
	source, ok := w.sources[g.Source]
	if !ok {
		return grantError(g, noSource(g))
	}
	cause, ok := w.causes[g.Cause]
	if !ok {
		cause = uint32(len(w.causes))
		w.causes[strings.Clone(g.Cause)] = cause
	}
	pattern, number, err := w.id(g)
	if err != nil {
		return err
	}
	if pattern != idDerived {
		for w.numbers.n < w.grants.n {
			w.numbers.add(0)
		}
		w.numbers.add(number)
	}
	w.grants.add(w.term(termOf(g, scope, cause, source, pattern)))
	return nil
}

// termOf is what a grant says, packed.
func termOf(g *Grant, scope, cause uint32, source uint8, pattern uint16) grant {
	return grant{
		from: micros(g.From, sinceEver), until: micros(g.Until, openEnded),
		scope: scope, cause: cause, pattern: pattern, source: source, kind: g.Scope, cancelled: g.Cancelled,
	}
}

// id is how the id of a grant is made, and of what number.
func (w *grantsWriter) id(g *Grant) (pattern uint16, number uint32, err error) {
	if isDerived(g) {
		return idDerived, 0, nil
	}
	if prefix, number, ok := numbered(g.ID); ok {
		pattern, known := w.prefixes[prefix]
		if !known && len(w.prefixes) < maxPrefixes {
			pattern, known = idNumber+uint16(len(w.prefixes)), true
			prefix = strings.Clone(prefix)
			w.prefixes[prefix] = pattern
			w.order = append(w.order, prefix)
		}
		if known {
			return pattern, number, nil
		}
	}
	number = uint32(w.texts.len())
	return idText, number, w.texts.add(g.ID)
}

// term is the index of a term among those that are told apart.
func (w *grantsWriter) term(g grant) uint32 {
	if 3*w.terms.n >= 2*len(w.slots) {
		w.slots = make([]uint32, 2*len(w.slots))
		for i := range w.terms.n {
			w.slots[w.slotOf(*w.terms.at(i))] = uint32(i + 1)
		}
	}
	at := w.slotOf(g)
	if w.slots[at] == 0 {
		w.terms.add(g)
		w.slots[at] = uint32(w.terms.n)
	}
	return w.slots[at] - 1
}

// slotOf is the slot that has the term, or the empty one that it belongs into.
func (w *grantsWriter) slotOf(g grant) int {
	at := int(maphash.Comparable(w.seed, g) & uint64(len(w.slots)-1))
	for w.slots[at] != 0 && *w.terms.at(int(w.slots[at] - 1)) != g {
		at = (at + 1) & (len(w.slots) - 1)
	}
	return at
}

// done hands the packed grants over to a snapshot.
func (w *grantsWriter) done(s *Snapshot) {
	w.slots = nil
	s.terms, s.grants = w.terms.flat(0), w.grants.flat(0)
	s.grantIDs = grantIDs{prefixes: w.order, numbers: w.numbers.flat(0), texts: w.texts.done()}
	s.causes = make([]string, len(w.causes))
	for cause, at := range w.causes {
		s.causes[at] = cause
	}
	*w = grantsWriter{}
}

func noSource(g *Grant) string {
	return fmt.Sprintf("comes from the source %q, which is not there", g.Source)
}

func grantError(g *Grant, what string) error {
	return &BuildError{Problems: []Problem{{Table: "grant", ID: g.ID, What: what}}}
}

// packedID is the id of a grant of the base.
func (s *Snapshot) packedID(at int32) string {
	switch g := s.term(at); g.pattern {
	case idDerived:
		kind, assignee := s.assignee(at)
		return derivedID(kind, assignee, s.scopeID(g))
	case idText:
		return s.grantIDs.texts.get(int(s.grantIDs.numbers[at]))
	default:
		return s.grantIDs.prefixes[g.pattern-idNumber] + strconv.FormatUint(uint64(s.grantIDs.numbers[at]), 10)
	}
}

// assignee is whom a grant is for: the last one whose run begins at or before it.
func (s *Snapshot) assignee(at int32) (AssigneeKind, string) {
	if first := s.teamGrants[0]; uint32(at) >= first {
		return ToTeam, s.teamIDs.get(sort.Search(s.teamIDs.len(), func(i int) bool { return s.teamGrants[i+1] > uint32(at) }))
	}
	return ToHolder, s.holderIDs.get(sort.Search(s.holderIDs.len(), func(i int) bool { return s.holders[i+1].firstGrant > uint32(at) }))
}

// scopeID is the id of what a grant covers.
func (s *Snapshot) scopeID(g *grant) string {
	switch g.kind {
	case ScopeDoor:
		return s.doors[g.scope].id
	case ScopeGroup:
		return s.groups[g.scope].id
	case ScopePlace:
		return s.places[g.scope].id
	case ScopeOrganisation:
	}
	return ""
}
