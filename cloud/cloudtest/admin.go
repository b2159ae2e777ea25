package cloudtest

import "time"

// What an administrator does later, in the dashboard: by the same code as the
// API's own writes, each with its event. An id that is not there stops the test.

// RemoveAssignment takes a role assignment away.
func (k *Kisi) RemoveAssignment(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.destroyAssignment(k.owner, find(&k.assignments, id))
}

// ChangeWindow moves the window of a role assignment.
func (k *Kisi) ChangeWindow(id int, window Window) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := find(&k.assignments, id)
	next := *a
	next.window = window
	k.updateAssignment(k.owner, a, next)
}

// SuspendUser suspends somebody's access; rights and cards stay.
func (k *Kisi) SuspendUser(id int) { k.enable(id, false) }

// ResumeUser ends a suspension.
func (k *Kisi) ResumeUser(id int) { k.enable(id, true) }

func (k *Kisi) enable(id int, on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	u := find(&k.users, id)
	next := *u
	next.enabled = on
	k.updateUser(k.owner, u, next)
}

// SetSCIM says what the directory of the organisation thinks of a user.
func (k *Kisi) SetSCIM(id int, enabled bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	u := find(&k.users, id)
	next := *u
	next.scim = enabled
	k.updateUser(k.owner, u, next)
}

// RemoveUser removes a person with all rights, cards and keys.
func (k *Kisi) RemoveUser(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.destroyUser(k.owner, find(&k.users, id))
}

// ActivateCard activates a card that was assigned.
func (k *Kisi) ActivateCard(card int) { k.setCard(card, true) }

// DeactivateCard blocks a card; it stays assigned.
func (k *Kisi) DeactivateCard(card int) { k.setCard(card, false) }

func (k *Kisi) setCard(card int, active bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.cards, card)
	ca := k.assigned[card]
	if ca == nil {
		panic("cloudtest: the card is nobody's")
	}
	k.activate(k.owner, ca, active)
}

// UnassignCard takes a card from its holder.
func (k *Kisi) UnassignCard(card int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.cards, card)
	if ca := k.assigned[card]; ca != nil {
		k.destroyCardAssignment(k.owner, ca)
	}
}

// DeleteCard removes a card with its assignment.
func (k *Kisi) DeleteCard(card int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.destroyCard(k.owner, find(&k.cards, card))
}

// TakeFromGroup takes a lock out of a group, by the id of the group lock.
func (k *Kisi) TakeFromGroup(groupLock int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.destroyGroupLock(find(&k.groupLocks, groupLock))
}

func (k *Kisi) destroyGroupLock(gl *groupLock) {
	l := find(&k.locks, gl.lock)
	k.groupLocks.remove(gl.id)
	k.changed()
	k.noteBy(k.owner, "group_lock.destroy", "GroupLock", gl.id, l.name, l.place)
}

// RemoveTeamMember ends a membership, by its id.
func (k *Kisi) RemoveTeamMember(membership int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := find(&k.memberships, membership)
	k.memberships.remove(m.id)
	k.changed()
	k.noteBy(k.owner, "team_membership.destroy", "TeamMembership", m.id, k.nameOf(m.member), 0)
}

// RemoveGroup removes a group with its rights, links and schedules.
func (k *Kisi) RemoveGroup(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := find(&k.groups, id)
	for _, a := range filter(k.assignments.rows, func(a *assignment) bool { return a.on == OnGroup(id) }) {
		k.destroyAssignment(k.owner, a)
	}
	for _, gl := range filter(k.groupLocks.rows, func(gl *groupLock) bool { return gl.group == id }) {
		k.destroyGroupLock(gl)
	}
	for _, l := range filter(k.links.rows, func(l *groupLink) bool { return l.group == id }) {
		k.destroyLink(k.owner, l)
	}
	k.schedules.removeIf(func(s *schedule) bool { return s.on == OnGroup(id) })
	k.groups.remove(id)
	k.changed()
	k.noteBy(k.owner, "group.destroy", typeGroup, id, g.name, g.place)
}

// RemoveLock removes a lock from everything.
func (k *Kisi) RemoveLock(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := find(&k.locks, id)
	for _, gl := range filter(k.groupLocks.rows, func(gl *groupLock) bool { return gl.lock == id }) {
		k.destroyGroupLock(gl)
	}
	k.schedules.removeIf(func(s *schedule) bool { return s.on == OnLock(id) })
	k.locks.remove(id)
	k.changed()
	k.noteBy(k.owner, "lock.destroy", typeLock, id, l.name, l.place)
}

// RemoveSchedule removes a schedule.
func (k *Kisi) RemoveSchedule(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := find(&k.schedules, id)
	k.schedules.remove(id)
	k.noteBy(k.owner, "schedule.destroy", "Schedule", id, s.Name, 0)
}

// SwitchSchedule switches a schedule on or off; it stays listed.
func (k *Kisi) SwitchSchedule(id int, on bool) {
	k.changeSchedule(id, func(s *Schedule) { s.Disabled = !on })
}

// ChangeSchedule gives a schedule other hours.
func (k *Kisi) ChangeSchedule(id int, next Schedule) {
	k.changeSchedule(id, func(s *Schedule) { *s = next })
}

func (k *Kisi) changeSchedule(id int, change func(*Schedule)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := find(&k.schedules, id)
	change(&s.Schedule)
	s.updated = k.now()
	k.noteBy(k.owner, "schedule.update", "Schedule", id, s.Name, 0)
}

// SetPlaceZone changes the time zone of a place; empty is null.
func (k *Kisi) SetPlaceZone(place int, zone string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := find(&k.places, place)
	p.zone, p.updated = zone, k.now()
	k.noteBy(k.owner, "place.update", typePlace, p.id, p.name, p.id)
}

// SetLockZone gives a lock a time zone of its own; empty is null.
func (k *Kisi) SetLockZone(lock int, zone string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := find(&k.locks, lock)
	l.zone, l.updated = zone, k.now()
	k.noteBy(k.owner, "lock.update", typeLock, l.id, l.name, l.place)
}

// SetGroupZone gives a group a time zone of its own, which is deprecated; empty
// is null.
func (k *Kisi) SetGroupZone(group int, zone string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := find(&k.groups, group)
	g.zone, g.updated = zone, k.now()
	k.noteBy(k.owner, "group.update", typeGroup, g.id, g.name, g.place)
}

// MoveLock puts a lock into another place.
func (k *Kisi) MoveLock(lock, place int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := find(&k.locks, lock)
	l.place, l.updated = find(&k.places, place).id, k.now()
	k.changed()
	k.noteBy(k.owner, "lock.update", typeLock, l.id, l.name, place)
}

// LockDownPlace closes a place for everybody.
func (k *Kisi) LockDownPlace(id int) { k.setLockdown(OnPlace(id), true) }

// CancelPlaceLockdown opens it again.
func (k *Kisi) CancelPlaceLockdown(id int) { k.setLockdown(OnPlace(id), false) }

// LockDownLock closes a lock for everybody.
func (k *Kisi) LockDownLock(id int) { k.setLockdown(OnLock(id), true) }

// CancelLockLockdown opens it again.
func (k *Kisi) CancelLockLockdown(id int) { k.setLockdown(OnLock(id), false) }

func (k *Kisi) setLockdown(on Target, down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.lockDown(k.owner, on, down) {
		panic("cloudtest: there is no such " + on.Type)
	}
}

// RevokeKey deletes the key with this secret.
func (k *Kisi) RevokeKey(secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.logins.rows {
		if l.secret == secret {
			k.destroyLogin(k.owner, l)
			return
		}
	}
	panic("cloudtest: there is no such key")
}

// RemoveLink withdraws an access link.
func (k *Kisi) RemoveLink(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.destroyLink(k.owner, find(&k.links, id))
}

// SetOnline says whether the controller of a lock can be reached.
func (k *Kisi) SetOnline(lock int, online bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.locks, lock).online = &online
}

// SetOnlineUnknown makes the state of a lock null, as for one with no
// controller.
func (k *Kisi) SetOnlineUnknown(lock int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	find(&k.locks, lock).online = nil
}

// Now is the time by Kisi's clock, with its skew.
func (k *Kisi) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now()
}
