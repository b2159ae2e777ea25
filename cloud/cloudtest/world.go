package cloudtest

import (
	"cmp"
	"slices"
	"time"
)

// meta is what every object has.
type meta struct {
	id               int
	created, updated time.Time
}

func (m *meta) base() *meta { return m }

type organization struct {
	meta
	name, domain, zone string
}

type place struct {
	meta
	name, address, zone string
	latitude, longitude float64
	lockedDown          time.Time // zero: not
}

// restrictions are the switches that groups and locks have in common.
type restrictions struct {
	hours    bool // time_restriction_enabled
	geofence bool
	reader   bool
}

type lock struct {
	meta
	restrictions
	name       string
	place      int
	zone       string // time_restriction_time_zone; empty is null
	configured bool
	online     *bool
	lockedDown time.Time
	unlocked   time.Time // until when
}

type group struct {
	meta
	restrictions
	name, description      string
	place                  int    // 0: of the organization
	zone                   string // time_restriction_time_zone; empty is null
	primary, managed       bool
	tapToAccess, loginable bool
}

type groupLock struct {
	meta
	group, lock int
}

type user struct {
	meta
	name, email, notes string
	metadata           object
	enabled, scim      bool
	confirmed          bool
	regular            bool // gets Kisi's mail
	password           bool
}

type guest struct {
	meta
	name, email, phone string
}

type team struct {
	meta
	name string
}

type membership struct {
	meta
	team   int
	member Who
}

type card struct {
	meta
	kind     string // its type
	uid      string
	token    string
	block    string // data_block_value
	facility int
	number   int
	length   int
	lastUsed time.Time
}

type cardAssignment struct {
	meta
	card      int
	to        Who
	activated bool
	changed   time.Time
	by        int
	pin       string
}

type login struct {
	meta
	user     int
	name     string
	kind     string // api or device
	secret   string
	expire   bool
	lastUsed time.Time
}

type assignment struct {
	meta
	role   string
	to     Who
	on     Target
	window Window
	notify bool
	by     int
}

type groupLink struct {
	meta
	group              int
	name, email, phone string
	enabled            bool
	code               string // quick_response_code_type
	window             Window
	secret             string
	by                 int
	lastUsed           time.Time
}

// Who is somebody who can hold cards and rights.
type Who struct {
	Type string // User, Team or Guest
	ID   int
}

// The words of the API for who and what.
const (
	typeUser         = "User"
	typeTeam         = "Team"
	typeGuest        = "Guest"
	typeOrganization = "Organization"
	typePlace        = "Place"
	typeGroup        = "Group"
	typeLock         = "Lock"
)

// ToUser is a user as the one who gets something.
func ToUser(id int) Who { return Who{typeUser, id} }

// ToTeam is a team as the one who gets something.
func ToTeam(id int) Who { return Who{typeTeam, id} }

// ToGuest is a guest as the one who gets something.
func ToGuest(id int) Who { return Who{typeGuest, id} }

// Target is what a role is held on.
type Target struct {
	Type string // Organization, Place or Group
	ID   int
}

// OnOrganization is the whole organisation.
func OnOrganization() Target { return Target{Type: typeOrganization} }

// OnPlace is one place.
func OnPlace(id int) Target { return Target{typePlace, id} }

// OnGroup is one group.
func OnGroup(id int) Target { return Target{typeGroup, id} }

// Window is from when to when; a zero end is open.
type Window struct{ From, Until time.Time }

// Holds says whether an instant is inside.
func (w Window) Holds(at time.Time) bool {
	return (w.From.IsZero() || !at.Before(w.From)) && (w.Until.IsZero() || at.Before(w.Until))
}

// table keeps the rows of one resource in the order they were made. Ids are
// of the resource only: a user and a guest may well have the same one, as in a
// database with a sequence for each table.
type table[T interface{ base() *meta }] struct {
	next int
	rows []T
	byID map[int]T
}

func newTable[T interface{ base() *meta }](first int) table[T] {
	return table[T]{next: first, byID: map[int]T{}}
}

func (t *table[T]) get(id int) (T, bool) {
	row, there := t.byID[id]
	return row, there
}

func (t *table[T]) add(row T, now time.Time) {
	m := row.base()
	m.id, m.created, m.updated = t.next, now, now
	t.next++
	t.rows = append(t.rows, row)
	t.byID[m.id] = row
}

func (t *table[T]) remove(id int) {
	delete(t.byID, id)
	at, there := slices.BinarySearchFunc(t.rows, id, func(row T, id int) int { return cmp.Compare(row.base().id, id) })
	if there {
		t.rows = slices.Delete(t.rows, at, at+1)
	}
}

// removeIf takes out all rows that a test names.
func (t *table[T]) removeIf(gone func(T) bool) {
	t.rows = slices.DeleteFunc(t.rows, func(row T) bool {
		if !gone(row) {
			return false
		}
		delete(t.byID, row.base().id)
		return true
	})
}

// world is the organisation: everything an endpoint speaks of.
type world struct {
	places          table[*place]
	locks           table[*lock]
	groups          table[*group]
	groupLocks      table[*groupLock]
	users           table[*user]
	guests          table[*guest]
	teams           table[*team]
	memberships     table[*membership]
	cards           table[*card]
	cardAssignments table[*cardAssignment]
	logins          table[*login]
	assignments     table[*assignment]
	links           table[*groupLink]
	schedules       table[*schedule]
	eventSets       table[*eventSet]
	roles           []role
	holidays        map[string][]holiday
	assigned        map[int]*cardAssignment // by card
}

func newWorld() world {
	return world{
		places:          newTable[*place](46),
		locks:           newTable[*lock](2006),
		groups:          newTable[*group](45274),
		groupLocks:      newTable[*groupLock](9001),
		users:           newTable[*user](1804),
		guests:          newTable[*guest](1804),
		teams:           newTable[*team](1804),
		memberships:     newTable[*membership](310),
		cards:           newTable[*card](8325),
		cardAssignments: newTable[*cardAssignment](5001),
		logins:          newTable[*login](71),
		assignments:     newTable[*assignment](777001),
		links:           newTable[*groupLink](6001),
		schedules:       newTable[*schedule](120),
		eventSets:       newTable[*eventSet](15),
		holidays:        map[string][]holiday{},
		assigned:        map[int]*cardAssignment{},
		roles:           builtinRoles(),
	}
}

// counts are totals that many objects carry; made anew after a change.
type counts struct {
	version     uint64
	groupUsers  map[int]int
	userGroups  map[int]int
	groupLocks  map[int]int
	lockGroups  map[int]int
	placeLocks  map[int]int
	memberOf    map[Who][]int
	groupsOf    map[int][]int // lock → groups
	byRecipient map[Who][]*assignment
}

// changed marks that counts are out of date.
func (k *Kisi) changed() { k.version++ }

func (k *Kisi) counts() *counts {
	if k.counted != nil && k.counted.version == k.version {
		return k.counted
	}
	c := &counts{
		version: k.version, groupUsers: map[int]int{}, userGroups: map[int]int{}, groupLocks: map[int]int{}, lockGroups: map[int]int{},
		placeLocks: map[int]int{}, memberOf: map[Who][]int{}, groupsOf: map[int][]int{},
		byRecipient: map[Who][]*assignment{},
	}
	type pair struct{ user, group int }
	seen := map[pair]bool{}
	for _, a := range k.assignments.rows {
		c.byRecipient[a.to] = append(c.byRecipient[a.to], a)
		p := pair{a.to.ID, a.on.ID}
		if a.to.Type == typeUser && a.on.Type == typeGroup && !seen[p] {
			seen[p] = true
			c.groupUsers[p.group]++
			c.userGroups[p.user]++
		}
	}
	for _, gl := range k.groupLocks.rows {
		c.groupLocks[gl.group]++
		c.lockGroups[gl.lock]++
		c.groupsOf[gl.lock] = append(c.groupsOf[gl.lock], gl.group)
	}
	for _, l := range k.locks.rows {
		c.placeLocks[l.place]++
	}
	for _, m := range k.memberships.rows {
		c.memberOf[m.member] = append(c.memberOf[m.member], m.team)
	}
	k.counted = c
	return c
}

// reaches says whether what an assignee gets is also somebody's: the same, or
// a team of his.
func (k *Kisi) reaches(assignee, who Who) bool {
	if assignee == who {
		return true
	}
	return assignee.Type == typeTeam && slices.Contains(k.counts().memberOf[who], assignee.ID)
}
