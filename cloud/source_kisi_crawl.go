package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// kisiCrawl is everything that Kisi says, as it says it.
type kisiCrawl struct {
	source *kisiSource
	now    time.Time
	zone   string // the organisation's
	quiet  bool   // nobody is told how far it is
	done   int
	total  int

	roles     []kisi.Role
	places    []kisi.Place
	locks     []kisi.Lock
	groups    []kisi.Group
	inGroup   map[int64][]int64 // group → locks
	schedules []kisi.Schedule
	holidays  map[holidayCalendar]holidays
	reused    []access.Problem // lists of holidays that could not be read anew
	users     []kisi.User
	guests    []kisi.Guest
	members   []kisi.TeamMembership
	rights    []kisi.RoleAssignment
	cards     []kisi.Card
	cardGiven []kisi.CardAssignment
}

// read reads every list, topology first: what the people's lists point at is
// then older than they are, and a new group's member is only reported.
func (c *kisiCrawl) read(ctx context.Context) error {
	const lists = 11
	c.total = lists
	client := c.source.client
	for _, step := range []func() error{
		func() (err error) { c.roles, err = client.ListRoles(ctx); return c.step("roles", err) },
		func() (err error) { c.places, err = client.ListPlaces(ctx); return c.step("places", err) },
		func() (err error) { c.locks, err = c.listLocks(ctx); return c.step("locks", err) },
		func() (err error) { c.groups, err = client.ListGroups(ctx); return c.step("groups", err) },
		c.choosePlaces,
		func() error { return c.readGroupLocks(ctx) },
		func() (err error) { c.schedules, err = client.ListSchedules(ctx); return c.step("schedules", err) },
		c.soundSchedules,
		func() error { return c.readHolidays(ctx) },
		func() (err error) { c.users, err = client.ListUsers(ctx); return c.step("users", err) },
		func() (err error) { c.guests, err = client.ListGuests(ctx); return c.step("guests", err) },
		func() (err error) { c.members, err = client.ListTeamMemberships(ctx); return c.step("teams", err) },
		func() (err error) { c.rights, err = c.listRights(ctx); return c.step("role assignments", err) },
		func() (err error) { c.cards, err = client.ListCards(ctx); return c.step("cards", err) },
		func() (err error) {
			c.cardGiven, err = client.ListCardAssignments(ctx)
			return c.step("card assignments", err)
		},
		c.believable,
		c.sound,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// step counts a list that was read.
func (c *kisiCrawl) step(what string, err error) error {
	c.done++
	if tell := c.source.deps.Progress; tell != nil && !c.quiet {
		tell(c.done, c.total, what)
	}
	return err
}

func (c *kisiCrawl) listLocks(ctx context.Context) ([]kisi.Lock, error) {
	if len(c.source.places) == 1 {
		return c.source.client.ListLocks(ctx, kisi.InPlace(c.source.places[0]))
	}
	return c.source.client.ListLocks(ctx)
}

// choosePlaces leaves out what lies in places that are not ours. A place that
// was chosen and is not there stops everything: its doors would be forgotten.
func (c *kisiCrawl) choosePlaces() error {
	chosen := c.source.places
	if len(chosen) == 0 {
		return nil
	}
	for _, id := range chosen {
		if !slices.ContainsFunc(c.places, func(p kisi.Place) bool { return p.ID == id }) {
			return fmt.Errorf("kisi: the place %d of the settings is not among the %d places that the key can see: check the number and that the key was created by the Organization Owner", id, len(c.places))
		}
	}
	c.places = slices.DeleteFunc(c.places, func(p kisi.Place) bool { return !slices.Contains(chosen, p.ID) })
	c.locks = slices.DeleteFunc(c.locks, func(l kisi.Lock) bool { return !slices.Contains(chosen, l.PlaceID) })
	c.groups = slices.DeleteFunc(c.groups, func(g kisi.Group) bool { return g.PlaceID != nil && !slices.Contains(chosen, *g.PlaceID) })
	return nil
}

// readGroupLocks finds which doors each group has. Kisi lists them only for
// one group, or the groups of one lock: whichever takes fewer requests.
func (c *kisiCrawl) readGroupLocks(ctx context.Context) error {
	c.inGroup = make(map[int64][]int64, len(c.groups))
	ours := make(map[int64]bool, len(c.locks))
	for _, l := range c.locks {
		ours[l.ID] = true
	}
	c.total += min(len(c.groups), len(c.locks))
	if len(c.locks) < len(c.groups) {
		for _, l := range c.locks {
			groups, err := c.source.client.ListGroups(ctx, kisi.WithLock(l.ID))
			if err := c.step("doors of groups", err); err != nil {
				return err
			}
			for _, g := range groups {
				c.inGroup[g.ID] = append(c.inGroup[g.ID], l.ID)
			}
		}
		return nil
	}
	for _, g := range c.groups {
		rows, err := c.source.client.ListGroupLocks(ctx, g.ID)
		if err := c.step("doors of groups", err); err != nil {
			return err
		}
		for _, row := range rows {
			if row.GroupID != g.ID {
				return fmt.Errorf("kisi: asked for the doors of group %d, and those of group %d were answered", g.ID, row.GroupID)
			}
			if ours[row.LockID] {
				c.inGroup[g.ID] = append(c.inGroup[g.ID], row.LockID)
			}
		}
	}
	return nil
}

// listRights reads all role assignments at once, or target by target where
// they are more than Kisi lets anybody read in one list.
func (c *kisiCrawl) listRights(ctx context.Context) ([]kisi.RoleAssignment, error) {
	client := c.source.client
	all, err := client.ListRoleAssignments(ctx)
	if !errors.Is(err, kisi.ErrBeyondReach) {
		return all, err
	}
	organisation, err := client.GetOrganization(ctx)
	if err != nil {
		return nil, err
	}
	targets := []kisi.Filter{kisi.OnTarget(kisi.AppliesToOrganization, organisation.ID)}
	for _, p := range c.places {
		targets = append(targets, kisi.OnTarget(kisi.AppliesToPlace, p.ID))
	}
	for _, g := range c.groups {
		targets = append(targets, kisi.OnTarget(kisi.AppliesToGroup, g.ID))
	}
	c.total += len(targets)
	all = nil
	for _, target := range targets {
		rows, err := client.ListRoleAssignments(ctx, target)
		if err := c.step("role assignments", err); err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// believable refuses lists that cannot be empty: the key itself belongs to a
// user who holds a role, and a mirror without a lock opens nothing.
func (c *kisiCrawl) believable() error {
	for _, list := range []struct {
		rows       int
		what, help string
	}{
		{len(c.roles), "no roles", "the key's user must be an administrator or the owner"},
		{len(c.locks), "no locks", "check that the key may list locks, that it was created by the Organization Owner, and that the places of the settings have doors"},
		{len(c.users), "no users", "the key itself belongs to one: check that it may list users and was created by the Organization Owner"},
		{len(c.rights), "no role assignments", "the key's own user holds one: check that it may list them and was created by the Organization Owner"},
	} {
		if list.rows == 0 {
			return fmt.Errorf("kisi: %w: the cloud says that there are %s: %s; the rights in force stand", ErrNobody, list.what, list.help)
		}
	}
	return nil
}

// sound refuses rows that lack what every such row has: they are an answer of
// another kind that happens to have ids, or Kisi renamed a field. A user of
// whom it is not told would look suspended, and a lock would look released.
func (c *kisiCrawl) sound() error {
	for _, p := range c.places {
		if p.LockedDown == nil {
			return unsound("place", p.ID)
		}
	}
	for _, l := range c.locks {
		if l.Name == "" || l.PlaceID <= 0 || l.LockedDown == nil ||
			!l.TimeRestricted.Told || !l.ReaderRestricted.Told || !l.GeofenceRestricted.Told {
			return unsound("lock", l.ID)
		}
	}
	for _, g := range c.groups {
		if g.Name == "" || !g.TimeRestricted.Told || !g.ReaderRestricted.Told || !g.GeofenceRestricted.Told || !g.TapToAccessRestricted.Told {
			return unsound("group", g.ID)
		}
	}
	for _, u := range c.users {
		if u.Email == "" || u.AccessEnabled == nil || u.ScimAccessEnabled == nil {
			return unsound("user", u.ID)
		}
	}
	for _, r := range c.rights {
		if r.RoleID == "" || r.AppliesToType == "" || r.AssigneeType == "" || r.AssigneeID <= 0 || r.AppliesToID <= 0 {
			return unsound("role assignment", r.ID)
		}
	}
	for _, a := range c.cardGiven {
		if a.Status == "" || a.AssigneeID <= 0 || a.CardID <= 0 {
			return unsound("card assignment", a.ID)
		}
	}
	return nil
}

// soundSchedules refuses schedules of which it is not told what every schedule
// tells: an exception that looks like hours would open instead of shutting. Where
// not one says when it is, Kisi renamed a field, and nobody is to be shut out by that.
func (c *kisiCrawl) soundSchedules() error {
	unclear, clear := int64(0), false
	for i := range c.schedules {
		s := &c.schedules[i]
		if !s.Enabled.Told || !s.Override.Told || s.Type == "" || s.Consequence == "" || s.ScheduleableType == "" || s.ScheduleableID <= 0 {
			return unsound("schedule", s.ID)
		}
		if s.Type == kisi.ScheduleRecurring {
			unclear, clear = s.ID, clear || s.TellsWhen()
		}
	}
	if unclear != 0 && !clear {
		return unsound("schedule", unclear)
	}
	return nil
}

func unsound(what string, id int64) error {
	return fmt.Errorf("kisi: the %s %d lacks what every %s has: this is not an answer that was agreed; the rights in force stand. If it lasts, ask for a newer tilegate", what, id, what)
}
