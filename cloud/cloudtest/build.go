package cloudtest

import (
	"fmt"
	"strings"
)

// find is get for whoever builds a world: an id that is not there is a mistake
// in the test, and stops it.
func find[T interface{ base() *meta }](t *table[T], id int) T {
	row, there := t.get(id)
	if !there {
		panic(fmt.Sprintf("cloudtest: there is no %T with id %d", row, id))
	}
	return row
}

func (k *Kisi) mustExist(w Who) {
	if !k.exists(w) {
		panic(fmt.Sprintf("cloudtest: there is no %s with id %d", w.Type, w.ID))
	}
}

// AddPlace makes a place in an IANA time zone; an empty zone is null.
func (k *Kisi) AddPlace(name, zone string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &place{name: name, zone: zone, address: "1 High Street", latitude: 51.5, longitude: -0.1}
	k.places.add(p, k.now())
	k.noteBy(k.owner, "place.create", typePlace, p.id, p.name, p.id)
	return p.id
}

// AddLock makes a door that is configured and online.
func (k *Kisi) AddLock(place int, name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.places, place)
	online := true
	l := &lock{name: name, place: place, configured: true, online: &online}
	k.locks.add(l, k.now())
	k.changed()
	k.noteBy(k.owner, "lock.create", typeLock, l.id, l.name, place)
	return l.id
}

// AddGroup makes an access group of a place, or with place 0 of the whole
// organisation.
func (k *Kisi) AddGroup(place int, name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if place != 0 {
		find(&k.places, place)
	}
	g := &group{name: name, place: place, loginable: true}
	k.groups.add(g, k.now())
	k.noteBy(k.owner, "group.create", typeGroup, g.id, g.name, place)
	return g.id
}

// PutInGroup puts a lock into a group and returns the id of the group lock.
func (k *Kisi) PutInGroup(group, lock int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.groups, group)
	l := find(&k.locks, lock)
	gl := &groupLock{group: group, lock: lock}
	k.groupLocks.add(gl, k.now())
	k.changed()
	k.noteBy(k.owner, "group_lock.create", "GroupLock", gl.id, l.name, l.place)
	return gl.id
}

// AddUser makes a managed user: one who gets no mail from Kisi.
func (k *Kisi) AddUser(name, email string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.createUser(k.owner, &user{name: name, email: email, enabled: true, confirmed: true}).id
}

// AddRegularUser makes a user with an account of his own, who gets mail.
func (k *Kisi) AddRegularUser(name, email string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.createUser(k.owner, &user{name: name, email: email, enabled: true, regular: true, password: true}).id
}

// AddGuest makes a guest; the address may be empty.
func (k *Kisi) AddGuest(name, email string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := &guest{name: name, email: email}
	k.guests.add(g, k.now())
	k.changed()
	k.noteBy(k.owner, "guest.create", typeGuest, g.id, g.name, 0)
	return g.id
}

// AddTeam makes a team.
func (k *Kisi) AddTeam(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := &team{name: name}
	k.teams.add(t, k.now())
	k.noteBy(k.owner, "team.create", typeTeam, t.id, t.name, 0)
	return t.id
}

// AddTeamMember puts a user or a guest into a team and returns the id of the
// membership.
func (k *Kisi) AddTeamMember(team int, who Who) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.teams, team)
	k.mustExist(who)
	m := &membership{team: team, member: who}
	k.memberships.add(m, k.now())
	k.changed()
	k.noteBy(k.owner, "team_membership.create", "TeamMembership", m.id, k.nameOf(who), 0)
	return m.id
}

// AddCard makes a card of a kind that is known by one value: its UID in
// hexadecimal, the text of its code, the printed token or the data block.
func (k *Kisi) AddCard(kind, value string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	row := &card{kind: kind, uid: value}
	switch kind {
	case CardKisi:
		row.token, row.uid = value, ""
	case CardClassic:
		row.block, row.uid = value, ""
	}
	return k.createCard(k.owner, row).id
}

// AddNumberedCard makes a low-frequency card with a facility code and a number.
func (k *Kisi) AddNumberedCard(kind string, facility, number int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !numbered[kind] {
		panic("cloudtest: a " + kind + " has no facility code")
	}
	return k.createCard(k.owner, &card{kind: kind, facility: facility, number: number}).id
}

// AssignCard gives a card to a user or a guest and returns the id of the card
// assignment.
func (k *Kisi) AssignCard(card int, who Who, activated bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.cards, card)
	k.mustExist(who)
	if k.assigned[card] != nil {
		panic(fmt.Sprintf("cloudtest: card %d is somebody's already", card))
	}
	return k.createCardAssignment(k.owner, &cardAssignment{card: card, to: who, activated: activated}).id
}

// Assign gives the plain role in a group for a window and returns the id of the
// role assignment.
func (k *Kisi) Assign(who Who, group int, window Window) int {
	return k.assign(&assignment{role: "group_basic", to: who, on: OnGroup(group), window: window})
}

// AssignRole gives any role on the organisation, a place or a group.
func (k *Kisi) AssignRole(who Who, role string, on Target) int {
	return k.assign(&assignment{role: role, to: who, on: on})
}

func (k *Kisi) assign(a *assignment) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mustExist(a.to)
	if r, there := k.role(a.role); !there || r.on != a.on.Type || k.targetStub(a.on) == nil {
		panic(fmt.Sprintf("cloudtest: there is no role %q on %s %d", a.role, a.on.Type, a.on.ID))
	}
	return k.createAssignment(k.owner, a).id
}

const mostAPILogins = 10

// AddKey makes an API key of a user and returns the id of the login. A user has
// at most ten.
func (k *Kisi) AddKey(user int, secret string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.users, user)
	if mine := filter(k.logins.rows, func(l *login) bool { return l.user == user && l.kind == "api" }); len(mine) >= mostAPILogins {
		panic("cloudtest: a user has at most ten API keys")
	}
	l := &login{user: user, name: "API key", kind: "api", secret: secret}
	k.logins.add(l, k.now())
	k.noteBy(user, "login.create", "Login", l.id, l.name, 0)
	return l.id
}

// AddLink makes an access link of a group and returns its id and secret.
func (k *Kisi) AddLink(group int, name string, window Window) (id int, secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.groups, group)
	l := k.createLink(k.owner, &groupLink{group: group, name: name, enabled: true, window: window})
	return l.id, l.secret
}

// Restrictions are the switches of a group or a lock (OpenAPI document, Group and Lock). A lock
// has only the first three.
type Restrictions struct {
	Hours, Geofence, Reader                   bool
	PrimaryDevice, ManagedDevice, TapToAccess bool
	NoApp                                     bool // login_enabled is false
}

// RestrictGroup sets all switches of a group.
func (k *Kisi) RestrictGroup(group int, r Restrictions) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := find(&k.groups, group)
	g.restrictions = restrictions{hours: r.Hours, geofence: r.Geofence, reader: r.Reader}
	g.primary, g.managed, g.tapToAccess, g.loginable = r.PrimaryDevice, r.ManagedDevice, r.TapToAccess, !r.NoApp
	g.updated = k.now()
	k.noteBy(k.owner, "group.update", typeGroup, g.id, g.name, g.place)
}

// RestrictLock sets the switches of a lock.
func (k *Kisi) RestrictLock(lock int, r Restrictions) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := find(&k.locks, lock)
	l.restrictions = restrictions{hours: r.Hours, geofence: r.Geofence, reader: r.Reader}
	l.updated = k.now()
	k.noteBy(k.owner, "lock.update", typeLock, l.id, l.name, l.place)
}

// AddSchedule hangs a schedule on a group or a lock (see OnLock) and returns
// its id. It does not switch the restriction on.
func (k *Kisi) AddSchedule(on Target, s Schedule) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if on.Type == typeLock {
		find(&k.locks, on.ID)
	} else {
		find(&k.groups, on.ID)
	}
	row := &schedule{Schedule: s, on: on}
	if s.Region != "" && k.holidays[s.Region] == nil {
		panic("cloudtest: no holidays are known of " + s.Region)
	}
	if strings.Compare(s.Starts, s.Ends) > 0 {
		panic("cloudtest: a schedule must start before it ends; overnight takes two")
	}
	k.schedules.add(row, k.now())
	k.noteBy(k.owner, "schedule.create", "Schedule", row.id, s.Name, 0)
	return row.id
}

// OnLock is one lock, for schedules and lockdowns.
func OnLock(id int) Target { return Target{typeLock, id} }

// AddHoliday puts a day ("2026-12-25") into a holiday calendar.
func (k *Kisi) AddHoliday(region, date, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.holidays[region] = append(k.holidays[region], holiday{date, date, name})
}

// AddMovedHoliday puts a holiday into a calendar that is taken on another day.
func (k *Kisi) AddMovedHoliday(region, date, taken, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.holidays[region] = append(k.holidays[region], holiday{date, taken, name})
}
