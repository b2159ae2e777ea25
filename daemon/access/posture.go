package access

import (
	"iter"
	"time"
)

// lockedBy says whose lockdown shuts a door.
type lockedBy uint8

const (
	notLocked lockedBy = iota
	lockedSite
	lockedDoorByStaff
	lockedPlaceByStaff
	lockedPlace // by the source
	lockedDoor  // by the source
)

var lockedWords = [...]string{
	notLocked:          "",
	lockedDoorByStaff:  "staff locked down this door",
	lockedPlaceByStaff: "staff locked down this place",
	lockedSite:         "staff locked down the whole site",
	lockedDoor:         "the door is locked down in the cloud",
	lockedPlace:        "the place is locked down in the cloud",
}

// lockdowns are those of our own staff, by index, and the number of the newest
// posture that they are of.
type lockdowns struct {
	seq           uint64
	site          bool
	places, doors []uint64
}

func has(set []uint64, at int32) bool {
	return int(at/64) < len(set) && set[at/64]&(1<<(at%64)) != 0
}

// WithLockdowns is the same rights with the lockdowns of our own staff, all of
// them, as they stood when the posture of that number was the newest. It shares
// everything else, so it is cheap. One of a door or a place that is not there is
// ignored.
func (s *Snapshot) WithLockdowns(all []Lockdown, seq uint64) *Snapshot {
	next := *s
	next.lockdowns = lockdowns{seq: seq, places: make([]uint64, len(s.places)/64+1), doors: make([]uint64, len(s.doors)/64+1)}
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

// Postures is the number of the newest posture whose lockdowns these rights are
// decided with; 0: there was none yet.
func (s *Snapshot) Postures() uint64 { return s.lockdowns.seq }

// binds says whether one kind of lockdown shuts a door.
func (s *Snapshot) binds(by lockedBy, at int32) bool {
	door, ours := &s.doors[at], &s.lockdowns
	switch by {
	case lockedSite:
		return ours.site
	case lockedDoorByStaff:
		return has(ours.doors, at)
	case lockedPlaceByStaff:
		return door.place >= 0 && has(ours.places, door.place)
	case lockedPlace:
		return door.place >= 0 && s.places[door.place].lockedDown
	case lockedDoor:
		return door.lockedDown
	case notLocked:
	}
	return false
}

func (s *Snapshot) lockedBy(at int32) lockedBy {
	for by := lockedSite; by <= lockedDoor; by++ {
		if s.binds(by, at) {
			return by
		}
	}
	return notLocked
}

// LockdownView is one lockdown that shuts a door, in words.
type LockdownView struct {
	Lockdown
	Cloud bool   // it was begun there and ends only there; else by our own staff
	Words string // whose it is
}

// Lockdowns are all lockdowns that shut a door now.
func (s *Snapshot) Lockdowns(door string) []LockdownView {
	at, ok := s.doorIndex[door]
	if !ok {
		return nil
	}
	var all []LockdownView
	for by := lockedSite; by <= lockedDoor; by++ {
		if !s.binds(by, at) {
			continue
		}
		v := LockdownView{Cloud: by >= lockedPlace, Words: lockedWords[by]}
		switch by {
		case lockedDoorByStaff, lockedDoor:
			v.Lockdown = Lockdown{Scope: ScopeDoor, ScopeID: door}
		case lockedPlaceByStaff, lockedPlace:
			v.Lockdown = Lockdown{Scope: ScopePlace, ScopeID: s.places[s.doors[at].place].id}
		case lockedSite:
			v.Lockdown = Lockdown{Scope: ScopeOrganisation}
		case notLocked:
		}
		all = append(all, v)
	}
	return all
}

// Places are the ids of all places with their names.
func (s *Snapshot) Places() iter.Seq2[string, string] {
	return func(yield func(id, name string) bool) {
		for i := range s.places {
			if !yield(s.places[i].id, s.places[i].name) {
				return
			}
		}
	}
}

// Unlocking is how the unlock hours of a door stand at an instant.
type Unlocking struct {
	Open  bool        // the door is to stand open for everybody
	Kind  Consequence // of hours that are Open: Unlock, or FirstToArrive if somebody had to come first
	Waits bool        // who opens the door now with a right of their own is the first to arrive
}

// Unlocking says whether the hours of a door have it stand open for everybody at
// an instant. arrived is when somebody with a right last opened it, as far as
// that is known: hours that wait for the first to arrive begin with that. A
// lockdown wins; a clock that is not trusted opens nothing, and nor do hours of
// sources that were silent for longer than this door has patience with rights.
func (s *Snapshot) Unlocking(id string, at time.Time, clock ClockState, arrived time.Time) Unlocking {
	index, ok := s.doorIndex[id]
	if !ok || !clock.Trusted() || s.lockedBy(index) != notLocked {
		return Unlocking{}
	}
	door, instant := &s.doors[index], at.UnixMicro()
	if door.zone == nil || s.OldestAge(at) > door.policy.patience() {
		return Unlocking{}
	}
	waits := false
	u := Unlocking{Kind: Unlock}
	if door.arrive != nil && door.arrive.openAt(instant, door.zone) {
		u.Kind = FirstToArrive
		// Whoever came must have come in this very stretch of the hours that wait.
		waits = arrived.IsZero() || arrived.After(at) || !door.arrive.openThroughout(arrived.UnixMicro(), instant, door.zone)
	}
	u.Waits = waits
	u.Open = !waits && door.unlock != nil && door.unlock.openAt(instant, door.zone)
	return u
}

// UnlockEnds is when the unlock hours that are open at an instant end. Hours
// without an end within a while end then: whoever asks will ask again.
func (s *Snapshot) UnlockEnds(id string, at time.Time) time.Time {
	const while = 7 * 24 * time.Hour
	last := at.Add(while)
	index, ok := s.doorIndex[id]
	if !ok || s.doors[index].unlock == nil || s.doors[index].zone == nil {
		return at
	}
	if end := s.doors[index].unlock.turn(at.UnixMicro(), last.UnixMicro(), s.doors[index].zone, false); end != never {
		return time.UnixMicro(end).UTC()
	}
	return last
}

// HasUnlockHours says whether a source has hours in which the door is to stand
// open.
func (s *Snapshot) HasUnlockHours(id string) bool {
	index, ok := s.doorIndex[id]
	return ok && s.doors[index].unlock != nil
}

// patience is how long rights that nobody confirms count at the door.
func (p *Policy) patience() time.Duration {
	if p.HighSecurity {
		return highSecurityPatience
	}
	return perimeterPatience
}
