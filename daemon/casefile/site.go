package casefile

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
)

// reader makes a case of the rows of a file, and notes every mistake.
type reader struct {
	strict *config.Strict
	rows   *file
	out    *Case
	names  map[string]map[string]bool // of each kind of thing
}

func (r *reader) read() {
	r.out.Zone = time.UTC
	if zone := r.zone("zone", r.rows.Zone); zone != nil {
		r.out.Zone = zone
	}
	r.readSources()
	r.readPlaces()
	r.readDoors()
	r.readGroups()
	r.readPeople()
	r.readRights()
	r.readLockdowns()
	for i := range r.rows.Taps {
		r.readTap(fmt.Sprintf("tap[%d]", i), &r.rows.Taps[i])
	}
	for i := range r.rows.Stands {
		r.readStands(fmt.Sprintf("stands[%d]", i), &r.rows.Stands[i])
	}
	if len(r.rows.Taps)+len(r.rows.Stands) == 0 {
		r.strict.Blame("", `add a [[tap]] with who, door, at, and granted or refused`, "a case without taps shows nothing")
	}
}

// zone is a time zone that there is; nil where none is given or it is blamed.
func (r *reader) zone(key, name string) *time.Location {
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		r.strict.Blame(key, `write it as "Europe/Rome"`, "%q is no time zone", name)
		return nil
	}
	return zone
}

// name notes that a thing of a kind exists.
func (r *reader) name(kind, key, name string) {
	switch {
	case name == "":
		r.strict.Blame(key, `add name = "…"`, "this %s has no name", kind)
	case r.names[kind][name]:
		r.strict.Blame(key+".name", "", "there are two of the kind %s with the name %q", kind, name)
	case r.names[kind] == nil:
		r.names[kind] = map[string]bool{}
		fallthrough
	default:
		r.names[kind][name] = true
	}
}

// refer demands that a thing exists.
func (r *reader) refer(kind, key, name string) {
	if !r.names[kind][name] {
		r.strict.Blame(key, fmt.Sprintf("add a [[%s]] with that name, or correct this one", kind), "there is no %s %q", kind, name)
	}
}

// time reads a time, or none.
func (r *reader) time(key, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := readTime(text, r.out.Zone)
	if err != nil {
		r.strict.Blame(key, timeHint, "%v", err)
	}
	return at
}

// cloud is the source of whatever names none.
const cloud = "kisi"

func (r *reader) readSources() {
	for i, row := range r.rows.Sources {
		key := fmt.Sprintf("source[%d]", i)
		r.name("source", key, row.Name)
		r.out.sources = append(r.out.sources, source{name: row.Name, heard: r.time(key+".heard", row.Heard), ageless: row.NeverStale})
	}
	if !r.names["source"][cloud] {
		r.name("source", "", cloud)
		r.out.sources = append(r.out.sources, source{name: cloud})
	}
}

func (r *reader) readPlaces() {
	for i, row := range r.rows.Places {
		r.name("place", fmt.Sprintf("place[%d]", i), row.Name)
		r.out.roster.Places = append(r.out.roster.Places, access.Place{ID: row.Name, Zone: row.Zone, LockedDown: row.LockedDown})
	}
}

func (r *reader) readDoors() {
	for i := range r.rows.Doors {
		row, key := &r.rows.Doors[i], fmt.Sprintf("door[%d]", i)
		r.name("door", key, row.Name)
		if row.Place != "" {
			r.refer("place", key+".place", row.Place)
		}
		r.out.roster.Doors = append(r.out.roster.Doors, access.Door{
			ID: row.Name, Place: row.Place, Zone: row.Zone, LockedDown: row.LockedDown, AtDoorOnly: row.AtDoorOnly, Restricted: row.LimitedToHours,
		})
		policy := access.Policy{
			Door: row.Name, AskPIN: row.AskPIN, HighSecurity: row.HighSecurity, Residential: row.Residential,
			Passback: time.Duration(row.Passback), PassbackRefuses: row.PassbackRefuses, Zone: r.rows.Zone,
		}
		if row.MinimumAssurance != "" {
			r.label(key+".minimum_assurance", row.MinimumAssurance, &policy.MinimumAssurance)
		}
		r.out.roster.Policies = append(r.out.roster.Policies, policy)
		of := owner{kind: access.ScopeDoor, name: row.Name, key: key}
		r.readHours(of, "hours", row.Hours, access.Allow, false)
		r.readHours(of, "except", row.Except, access.Allow, true)
		r.readHours(of, "unlock", row.Unlock, access.Unlock, false)
		r.readHours(of, "unlock_except", row.UnlockExcept, access.Unlock, true)
		r.readHours(of, "first_to_arrive", row.FirstToArrive, access.FirstToArrive, false)
		r.readHours(of, "first_to_arrive_except", row.WaitExcept, access.FirstToArrive, true)
	}
}

func (r *reader) readGroups() {
	for i := range r.rows.Groups {
		row, key := &r.rows.Groups[i], fmt.Sprintf("group[%d]", i)
		r.name("group", key, row.Name)
		for j, door := range row.Doors {
			r.refer("door", fmt.Sprintf("%s.doors[%d]", key, j), door)
		}
		r.out.roster.Groups = append(r.out.roster.Groups, access.Group{
			ID: row.Name, Doors: row.Doors, Zone: row.Zone, AtDoorOnly: row.AtDoorOnly, Restricted: row.LimitedToHours,
		})
		of := owner{kind: access.ScopeGroup, name: row.Name, key: key}
		r.readHours(of, "hours", row.Hours, access.Allow, false)
		r.readHours(of, "except", row.Except, access.Allow, true)
	}
}

// owner is the group or the door that hours are of.
type owner struct {
	kind      access.ScopeKind
	name, key string
}

func (r *reader) readHours(of owner, word string, lines []string, consequence access.Consequence, except bool) {
	for i, line := range lines {
		key := fmt.Sprintf("%s.%s[%d]", of.key, word, i)
		s, err := readHours(line, r.out.Zone)
		if err != nil {
			r.strict.Blame(key, hoursHint, "%v", err)
			continue
		}
		s.ID, s.Name, s.On, s.OnID, s.Consequence, s.Except = key, line, of.kind, of.name, consequence, except
		r.out.roster.Schedules = append(r.out.roster.Schedules, s)
	}
}

// label reads a word of a closed set.
func (r *reader) label(key, text string, into interface{ UnmarshalText([]byte) error }) {
	if err := into.UnmarshalText([]byte(text)); err != nil {
		r.strict.Blame(key, "", "%v", err)
	}
}

func (r *reader) readLockdowns() {
	for i, row := range r.rows.Lockdowns {
		key := fmt.Sprintf("lockdown[%d]", i)
		l := lockdown{from: r.time(key+".from", row.From), until: r.time(key+".until", row.Until)}
		l.Scope, l.ScopeID = r.scope(key, row.Door, "", row.Place, row.Everywhere)
		r.inOrder(key, "lockdown", l.from, l.until)
		r.out.lockdowns = append(r.out.lockdowns, l)
	}
}

// inOrder demands that a right or a lockdown ends after it begins.
func (r *reader) inOrder(key, kind string, from, until time.Time) {
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		r.strict.Blame(key+".until", "", "the %s ends before it begins", kind)
	}
}

// scope is what a right or a lockdown covers: exactly one of its keys.
func (r *reader) scope(key, door, group, place string, everywhere bool) (access.ScopeKind, string) {
	given := 0
	kind, id := access.ScopeOrganisation, ""
	if everywhere {
		given++
	}
	for _, one := range []struct {
		kind access.ScopeKind
		word string
		name string
	}{{access.ScopeDoor, "door", door}, {access.ScopeGroup, "group", group}, {access.ScopePlace, "place", place}} {
		if one.name == "" {
			continue
		}
		given++
		kind, id = one.kind, one.name
		r.refer(one.word, key+"."+one.word, one.name)
	}
	if given != 1 {
		r.strict.Blame(key, `say one of door, place and everywhere = true; a right may also name a group`, "it must cover exactly one thing")
	}
	return kind, id
}

// clone is a copy that may be sorted.
func clone(r access.Roster) access.Roster {
	r.Places, r.Doors, r.Policies = slices.Clone(r.Places), slices.Clone(r.Doors), slices.Clone(r.Policies)
	r.Groups, r.Schedules, r.Teams = slices.Clone(r.Groups), slices.Clone(r.Schedules), slices.Clone(r.Teams)
	r.Holders, r.Assignments, r.Grants = slices.Clone(r.Holders), slices.Clone(r.Assignments), slices.Clone(r.Grants)
	return r
}
