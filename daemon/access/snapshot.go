package access

import (
	"math"
	"time"
)

// Snapshot is a roster checked, indexed and immutable: many goroutines may ask
// it at once, and asking allocates nothing. It is packed for size: rows refer
// to each other by number, ids are slices of one long text, times are UTC
// microseconds.
type Snapshot struct {
	generation uint64
	hash       rowSum
	contacts   []Contact

	places    []place
	doors     []door
	doorIndex map[string]int32
	groups    []group
	// By id, for grants.
	placeIndex, groupIndex map[string]uint32

	holderIDs   texts
	holders     []holder // one more than there are, so that each run has an end
	teamIDs     texts
	memberTeams []uint32
	teamGrants  spans    // of grants
	grants      []uint32 // of terms
	terms       []grant
	grantIDs    grantIDs
	causes      []string

	assignments []assignment
	twins       []assignment // every row of a digest and kind that has several
	pins        []pin        // of active rows, sorted
	pinCount    int
	shelves     shelves
	clashes     int
	counts      Counts

	over *overlay // what is otherwise than all of the above; nil in one that was built

	lockdowns lockdowns // by our own staff
	badZones  []string
}

type place struct {
	id, name   string
	lockedDown bool
}

type door struct {
	id, name   string
	place      int32 // -1: none
	lockedDown bool
	restricted bool
	atDoorOnly bool
	policy     Policy
	// The schedules of the door, and the clock that they are read by; nil where
	// there are none, or the zone is not known.
	allow, unlock, arrive *calendar
	zone                  *time.Location
}

type group struct {
	id, name   string
	doors      []uint64 // a bit for each door
	restricted bool
	atDoorOnly bool
	allow      *calendar
	zone       *time.Location // nil: that of the door
	badZone    bool           // it names one that nobody knows
}

const (
	sinceEver = math.MinInt64
	openEnded = math.MaxInt64
)

// grant is what a grant says: all but whom it is for, and its number. Many grants
// say the same, and share it.
type grant struct {
	from, until int64
	scope       uint32 // index of a door, group or place
	cause       uint32
	pattern     uint16 // how the id is made
	source      uint8
	kind        ScopeKind
	cancelled   bool
}

// holder is where a person's rows begin; they end where the next one's begin.
// All that a tap needs of a person lies together: one cache line, not three.
type holder struct {
	firstGrant uint32 // of grants
	firstTeam  uint32 // of memberTeams
	cards      uint16 // credential rows that name the person; manyCards: so many or more
	traits
}

const manyCards = math.MaxUint16

type traits struct{ suspended, extended bool }

type assignment struct {
	digest    Digest
	holder    uint32
	ahead     uint32 // where the holder's grants begin, to be fetched early; only in Snapshot.assignments
	kind      Kind
	assurance Assurance
	active    bool
	clash     bool
}

// Generation is the number under which the rights were installed.
func (s *Snapshot) Generation() uint64 { return s.generation }

// Hash is a checksum of the content: equal rights have equal hashes, and rights
// that were damaged or changed have others.
func (s *Snapshot) Hash() [32]byte { return s.hash.bytes() }

// Clashes counts the digests that two holders claim; both are refused.
func (s *Snapshot) Clashes() int { return s.clashes }

// Counts are the sizes of a snapshot.
type Counts struct {
	Places      int `json:"places"`
	Doors       int `json:"doors"`
	Groups      int `json:"groups"`
	Holders     int `json:"holders"`
	Credentials int `json:"credentials"`
	Grants      int `json:"grants"`
}

// Counts tells how much is in the snapshot.
func (s *Snapshot) Counts() Counts { return s.counts }

// Contacts tells when each source was last heard of.
func (s *Snapshot) Contacts() []Contact { return append([]Contact(nil), s.contacts...) }

// WithContact is the same rights with the latest verified contact of one source.
// The latest word counts also when its time is earlier: the clock was ahead
// then, and a contact in the future would never age. It shares everything else,
// so it is cheap. An unknown source is ignored.
func (s *Snapshot) WithContact(source string, at time.Time) *Snapshot {
	next := *s
	next.contacts = append([]Contact(nil), s.contacts...)
	for i := range next.contacts {
		if next.contacts[i].Source == source {
			next.contacts[i].At = at
		}
	}
	return &next
}

// WithGeneration is the same rights under the number they were installed as.
func (s *Snapshot) WithGeneration(generation uint64) *Snapshot {
	next := *s
	next.generation = generation
	return &next
}

// CredentialOf is the best credential of the holder: an active one before one that
// is not, the safer before the other, and a PIN only if there is nothing else. It
// looks at every credential, so it is for questions, not for taps.
func (s *Snapshot) CredentialOf(holderID string) (Credential, bool) {
	of, book := s.findHolder(holderID), s.openBook()
	best := &assignment{}
	book.each(func(_ int32, a *assignment) {
		if of >= 0 && a.holder == uint32(of) && a.better(best) {
			best = a
		}
	})
	return best.credential(), best.rank() > 0
}

// DoorName is how people call a door, or its id.
func (s *Snapshot) DoorName(id string) string {
	if at, ok := s.doorIndex[id]; ok {
		return s.doors[at].name
	}
	return id
}

// LockedDown says whether nobody may open the door now.
func (s *Snapshot) LockedDown(id string) bool {
	at, ok := s.doorIndex[id]
	return ok && s.lockedBy(at) != notLocked
}

// Hourless lists the groups and doors that are limited to hours and have none,
// so that they never open; and the time zones that nobody knows, in which no
// hours are either.
func (s *Snapshot) Hourless() (names, zones []string) {
	for i := range s.groups {
		if g := &s.groups[i]; g.restricted && g.allow == nil {
			names = append(names, g.name)
		}
	}
	for i := range s.doors {
		if d := &s.doors[i]; d.restricted && d.allow == nil {
			names = append(names, d.name)
		}
	}
	return names, s.badZones
}

// HasDoor says whether the snapshot knows the door.
func (s *Snapshot) HasDoor(id string) bool { _, ok := s.doorIndex[id]; return ok }
