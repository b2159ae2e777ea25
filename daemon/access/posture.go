package access

import "time"

// lockedBy says whose lockdown shuts a door.
type lockedBy uint8

const (
	notLocked lockedBy = iota
	lockedDoorByStaff
	lockedPlaceByStaff
	lockedSite
	lockedDoor  // by the source
	lockedPlace // by the source
)

var lockedWords = [...]string{
	notLocked:          "",
	lockedDoorByStaff:  "staff locked down this door",
	lockedPlaceByStaff: "staff locked down this place",
	lockedSite:         "staff locked down the whole site",
	lockedDoor:         "the door is locked down in the cloud",
	lockedPlace:        "the place is locked down in the cloud",
}

// lockdowns are those of our own staff, by index.
type lockdowns struct {
	site          bool
	places, doors []uint64
}

func has(set []uint64, at int32) bool {
	return int(at/64) < len(set) && set[at/64]&(1<<(at%64)) != 0
}

// WithLockdowns is the same rights with the lockdowns of our own staff, all of
// them. It shares everything else, so it is cheap. One of a door or a place that
// is not there is ignored.
func (s *Snapshot) WithLockdowns(all []Lockdown) *Snapshot {
	next := *s
	next.lockdowns = lockdowns{places: make([]uint64, len(s.places)/64+1), doors: make([]uint64, len(s.doors)/64+1)}
	for _, l := range all {
		switch l.Scope {
		case ScopeOrganisation:
			next.lockdowns.site = true
		case ScopeDoor:
			if at, ok := s.doorIndex[l.ScopeID]; ok {
				next.lockdowns.doors[at/64] |= 1 << (at % 64)
			}
		case ScopePlace:
			for at := range s.places {
				if s.places[at].id == l.ScopeID {
					next.lockdowns.places[at/64] |= 1 << (at % 64)
				}
			}
		case ScopeGroup:
		}
	}
	return &next
}

func (s *Snapshot) lockedBy(at int32) lockedBy {
	door, ours := &s.doors[at], &s.lockdowns
	switch {
	case ours.site:
		return lockedSite
	case has(ours.doors, at):
		return lockedDoorByStaff
	case door.place >= 0 && has(ours.places, door.place):
		return lockedPlaceByStaff
	case door.place >= 0 && s.places[door.place].lockedDown:
		return lockedPlace
	case door.lockedDown:
		return lockedDoor
	}
	return notLocked
}

// Unlocked says whether a schedule has the door stand open for everybody at an
// instant. arrived is when somebody with a right last opened it, as far as that
// is known: hours that wait for the first to arrive begin with that. A lockdown
// wins, and a clock that is not trusted opens nothing.
func (s *Snapshot) Unlocked(id string, at time.Time, clock ClockState, arrived time.Time) bool {
	index, ok := s.doorIndex[id]
	if !ok || !clock.Trusted() || s.lockedBy(index) != notLocked {
		return false
	}
	door, instant := &s.doors[index], at.UnixMicro()
	if door.unlock == nil || door.zone == nil || !door.unlock.openAt(instant, door.zone) {
		return false
	}
	if door.arrive == nil || !door.arrive.openAt(instant, door.zone) {
		return true
	}
	// Whoever came must have come in this very stretch of the hours that wait.
	return !arrived.IsZero() && !arrived.After(at) && door.arrive.openThroughout(arrived.UnixMicro(), instant, door.zone)
}
