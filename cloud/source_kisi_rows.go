package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

const kisiSourceName = "kisi"

// kisiMirror turns what Kisi says into rows.
type kisiMirror struct {
	deps    Deps
	rules   kisiRules
	roster  access.Roster
	dropped []access.Problem
	counts  map[string]int
	off     map[string]struct{} // schedules that are told and do not count
	places  map[int64]string    // → zone
	groups  map[int64]bool
	locks   map[int64]bool
	holders map[string]int // id → row
	teams   map[int64]int  // Kisi's id → row
}

func newKisiMirror(d Deps, rules kisiRules) *kisiMirror {
	return &kisiMirror{
		deps: d, rules: rules, counts: map[string]int{}, off: map[string]struct{}{}, places: map[int64]string{},
		groups: map[int64]bool{}, locks: map[int64]bool{}, holders: map[string]int{}, teams: map[int64]int{},
	}
}

func (m *kisiMirror) drop(table, id, what string, args ...any) {
	m.dropped = append(m.dropped, access.Problem{Table: table, ID: id, What: fmt.Sprintf(what, args...)})
}

func rowID(kind string, id int64) string { return "kisi-" + kind + "-" + strconv.FormatInt(id, 10) }

func (m *kisiMirror) doorID(lock int64) string {
	return cmp.Or(m.deps.Doors["kisi:"+strconv.FormatInt(lock, 10)], rowID("lock", lock))
}

// holderID is our holder for a user or a guest, whose ids are of two sequences.
func (m *kisiMirror) holderID(kind string, id int64) string {
	kind = strings.ToLower(kind)
	return cmp.Or(m.deps.Links["kisi:"+kind+":"+strconv.FormatInt(id, 10)], rowID(kind, id))
}

func (m *kisiMirror) add(c *kisiCrawl) {
	m.addTopology(c)
	m.addHours(c)
	m.addPeople(c)
	m.addTeams(c)
	m.addRights(c)
	m.addCards(c)
}

// addTopology adds places, doors and groups.
func (m *kisiMirror) addTopology(c *kisiCrawl) {
	for _, p := range c.places {
		m.places[p.ID] = p.TimeZone
		m.roster.Places = append(m.roster.Places, access.Place{ID: rowID("place", p.ID), Name: p.Name, Zone: p.TimeZone, LockedDown: *p.LockedDown})
	}
	for _, l := range c.locks {
		m.locks[l.ID] = true
		m.roster.Doors = append(m.roster.Doors, access.Door{
			ID: m.doorID(l.ID), Name: l.Name, Place: rowID("place", l.PlaceID), LockedDown: *l.LockedDown,
			Restricted: l.TimeRestricted.On, Zone: l.TimeRestrictionZone, AtDoorOnly: l.GeofenceRestricted.On || l.ReaderRestricted.On,
		})
	}
	for _, g := range c.groups {
		m.groups[g.ID] = true
		row := access.Group{
			ID: rowID("group", g.ID), Name: g.Name, Restricted: g.TimeRestricted.On, Zone: m.zoneOf(g, c.zone), AtDoorOnly: m.atDoorOnly(g),
		}
		for _, lock := range c.inGroup[g.ID] {
			row.Doors = append(row.Doors, m.doorID(lock))
		}
		slices.Sort(row.Doors)
		m.roster.Groups = append(m.roster.Groups, row)
		if g.UsersCount != nil {
			m.counts[row.ID] = *g.UsersCount
		}
	}
}

// zoneOf is the zone that a group's hours are in; empty: that of the door.
func (m *kisiMirror) zoneOf(g kisi.Group, organisation string) string {
	switch {
	case g.TimeRestrictionZone != "":
		return g.TimeRestrictionZone
	case g.PlaceID != nil:
		return m.places[*g.PlaceID]
	case m.rules.zoneOfOrganisation:
		return organisation
	}
	return ""
}

// atDoorOnly says whether the members of a group may not open from afar. What
// binds their phones binds no card: at the tile it does not matter. A switch that
// is not told binds them, and stops no crawl.
func (m *kisiMirror) atDoorOnly(g kisi.Group) bool {
	binds := func(f kisi.Flag) bool { return f.On || !f.Told }
	phone := binds(g.PrimaryDeviceRestricted) || binds(g.ManagedDeviceRestricted) || !g.LoginEnabled.On
	return g.GeofenceRestricted.On || g.ReaderRestricted.On || g.TapToAccessRestricted.On || phone && !m.rules.appAnywhere
}

// addPeople adds users and guests. Two of them that are linked to one holder
// are one person, suspended when either is.
func (m *kisiMirror) addPeople(c *kisiCrawl) {
	add := func(row access.Holder) {
		if at, there := m.holders[row.ID]; there {
			m.roster.Holders[at].Suspended = m.roster.Holders[at].Suspended || row.Suspended
			return
		}
		m.holders[row.ID] = len(m.roster.Holders)
		m.roster.Holders = append(m.roster.Holders, row)
	}
	for _, u := range c.users {
		add(access.Holder{
			ID: m.holderID(kisi.AssigneeUser, u.ID), Name: cmp.Or(u.Name, u.Email),
			Suspended: !*u.AccessEnabled || !*u.ScimAccessEnabled,
		})
	}
	for _, g := range c.guests {
		add(access.Holder{ID: m.holderID(kisi.AssigneeGuest, g.ID), Name: cmp.Or(g.Name, g.Email)})
	}
}

// addTeams makes the teams from who is in them and who was given a right:
// their names are not worth a list of their own.
func (m *kisiMirror) addTeams(c *kisiCrawl) {
	team := func(id int64) *access.Team {
		at, there := m.teams[id]
		if !there {
			at = len(m.roster.Teams)
			m.teams[id] = at
			m.roster.Teams = append(m.roster.Teams, access.Team{ID: rowID("team", id)})
		}
		return &m.roster.Teams[at]
	}
	for _, a := range c.rights {
		if a.AssigneeType == kisi.AssigneeTeam {
			team(a.AssigneeID)
		}
	}
	for _, row := range c.members {
		if row.MemberType != kisi.AssigneeUser && row.MemberType != kisi.AssigneeGuest {
			m.drop("team", rowID("team", row.TeamID), "has a member of the kind %q, which is not known", row.MemberType)
			continue
		}
		t := team(row.TeamID)
		if id := m.holderID(row.MemberType, row.MemberID); !slices.Contains(t.Members, id) {
			t.Members = append(t.Members, id)
		}
	}
}

// addRights turns role assignments into grants. A role opens doors only when
// its own permissions say so; ids of roles mean nothing.
func (m *kisiMirror) addRights(c *kisiCrawl) {
	unlocks := make(map[string]bool, len(c.roles))
	for _, r := range c.roles {
		unlocks[r.ID] = r.Unlocks()
	}
	for _, a := range c.rights {
		id := rowID("ra", a.ID)
		opens, known := unlocks[a.RoleID]
		if !known {
			m.drop("grant", id, "names the role %q, which is not there", a.RoleID)
			continue
		}
		g := access.Grant{ID: id, From: instant(a.ValidFrom), Until: instant(a.ValidUntil), Source: kisiSourceName, Cause: "role"}
		if !opens || !m.target(&g, a) || !m.assignee(&g, a) {
			continue
		}
		m.roster.Grants = append(m.roster.Grants, g)
	}
}

// target fills in what the right is for; what lies in other places is not ours.
func (m *kisiMirror) target(g *access.Grant, a kisi.RoleAssignment) (ours bool) {
	switch a.AppliesToType {
	case kisi.AppliesToGroup:
		g.Scope, g.ScopeID, ours = access.ScopeGroup, rowID("group", a.AppliesToID), m.groups[a.AppliesToID]
	case kisi.AppliesToPlace:
		g.Scope, g.ScopeID, ours = access.ScopePlace, rowID("place", a.AppliesToID), m.hasPlace(a.AppliesToID)
	case kisi.AppliesToOrganization:
		g.Scope, ours = access.ScopeOrganisation, true
	default:
		m.drop("grant", g.ID, "applies to a %q, which is not known", a.AppliesToType)
	}
	return ours
}

func (m *kisiMirror) assignee(g *access.Grant, a kisi.RoleAssignment) bool {
	switch a.AssigneeType {
	case kisi.AssigneeUser, kisi.AssigneeGuest:
		g.Kind, g.Assignee = access.ToHolder, m.holderID(a.AssigneeType, a.AssigneeID)
	case kisi.AssigneeTeam:
		g.Kind, g.Assignee = access.ToTeam, rowID("team", a.AssigneeID)
	default:
		m.drop("grant", g.ID, "is given to a %q, which is not known", a.AssigneeType)
		return false
	}
	return true
}

func (m *kisiMirror) hasPlace(id int64) bool { _, there := m.places[id]; return there }

// instant is an end that is given, or none. The year one is given as well.
func instant(t *time.Time) time.Time {
	switch {
	case t == nil:
		return time.Time{}
	case t.IsZero():
		return t.UTC().Add(time.Microsecond)
	}
	return t.UTC()
}

// addCards adds every card that is somebody's, in every form that a reader
// tells it.
func (m *kisiMirror) addCards(c *kisiCrawl) {
	cards := make(map[int64]*kisi.Card, len(c.cards))
	for i := range c.cards {
		cards[c.cards[i].ID] = &c.cards[i]
	}
	for _, a := range c.cardGiven {
		id := rowID("card", a.CardID)
		card := cards[a.CardID]
		switch {
		case card == nil:
			m.drop("credential", id, "is assigned, but is not among the cards")
			continue
		case a.AssigneeType != kisi.AssigneeUser && a.AssigneeType != kisi.AssigneeGuest:
			m.drop("credential", id, "is given to a %q, which is not known", a.AssigneeType)
			continue
		}
		kind, forms, err := kisiForms(card)
		if err != nil {
			m.drop("credential", id, "cannot be used: %v", err)
			continue
		}
		holder := m.holderID(a.AssigneeType, a.AssigneeID)
		rows := credentialRows(m.deps.Digest, id, holder, kind, a.Status == kisi.CardActivated, forms...)
		m.roster.Assignments = append(m.roster.Assignments, rows...)
	}
}
