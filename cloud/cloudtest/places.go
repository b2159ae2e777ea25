package cloudtest

import (
	"encoding/json"
	"slices"
	"time"
)

var (
	pageOf50  = limits{50, 250}
	pageOf10  = limits{10, 250}
	userPages = limits{50, 100}
)

// radius is a decimal, never an integer.
const radius = json.Number("300.0")

func (k *Kisi) orgStub() object {
	return object{"id": k.org.id, "resource_type": typeOrganization, "name": k.org.name, "domain": k.org.domain}
}

func (k *Kisi) getOrganization(c *call) reply {
	if c.by.link != nil { // a link sees less
		return ok(object{
			"id": k.org.id, "name": k.org.name, "domain": k.org.domain, "logo": nil, "address": nil, "description": nil,
			"time_zone": k.org.zone, "transfer_to_id": nil, "image": nil, "color": nil,
		})
	}
	return ok(k.organizationObject())
}

func (k *Kisi) listOrganizations(*call) reply { return ok([]object{k.organizationObject()}) }

func (k *Kisi) organizationObject() object {
	return object{
		"id": k.org.id, "resource_type": typeOrganization, "name": k.org.name, "domain": k.org.domain, "logo": nil, "address": nil,
		"description": nil, "device_logins_expire_after": 1209600, "places_count": len(k.places.rows), "scim_enabled": false,
		"sso_flow_enabled": false, "sso_expiration_override_enabled": false, "sso_expiration_override": nil, "metadata": nil,
		"time_zone": k.org.zone, "web_authentication_api_enabled": false, "apple_pass_enabled": false,
		"created_at": k.at(k.org.created), "updated_at": k.at(k.org.updated), "user_id": k.owner, "transfer_to_id": nil,
		"image": nil, "color": nil,
	}
}

func (k *Kisi) placeObject(p *place) object {
	return object{
		"id": p.id, "resource_type": typePlace, "name": p.name, "description": nil, "created_at": k.at(p.created), "updated_at": k.at(p.updated),
		"latitude": p.latitude, "longitude": p.longitude, "address": p.address, "image": nil, "time_zone": nullable(p.zone),
		"tz_time_zone": nullable(p.zone), "locks_count": k.counts().placeLocks[p.id], "integrations_count": 0,
		"locked_down": !p.lockedDown.IsZero(), "locked_down_since": k.at(p.lockedDown), "occupancy_rate": nil,
		"organization_id": k.org.id, "organization": k.orgStub(), "color": nil, "logo": nil, "user_id": nil, "members_count": 0,
	}
}

func (k *Kisi) listPlaces(c *call) reply {
	admin := c.may("places_read")
	rows := filter(k.places.rows, func(p *place) bool {
		return c.ids(p.id) && c.query(p.name) && c.flag("favorite", false) && (admin || k.sees(c.by, p.id))
	})
	rows = order(c, rows, sorting[*place]{"name": byText(func(p *place) string { return p.name }), "favorite": byFlag(func(*place) bool { return false })})
	return page(c, pageOf50, rows, k.placeObject)
}

// sees says whether somebody without a role in the organisation may open any
// lock of a place, as the app then shows it.
func (k *Kisi) sees(by caller, place int) bool {
	return slices.ContainsFunc(k.locks.rows, func(l *lock) bool { return l.place == place && k.opens(by, l) })
}

func (k *Kisi) getPlace(c *call) reply {
	p, there := k.places.get(c.id)
	return one(p, there && (c.may("places_read") || k.sees(c.by, p.id)), k.placeObject)
}

func (k *Kisi) lockObject(l *lock) object {
	p, _ := k.places.get(l.place)
	var online any
	if l.online != nil {
		online = *l.online
	}
	return object{
		"id": l.id, "resource_type": typeLock, "created_at": k.at(l.created), "updated_at": k.at(l.updated), "configured": l.configured,
		"description": nil, "first_to_arrive_required_until": nil, "first_to_arrive_satisfied": true, "latitude": nil, "longitude": nil,
		"locked_down": !l.lockedDown.IsZero(), "locked_down_since": k.at(l.lockedDown), "name": l.name, "on_scheduled_unlock": false,
		"online": online, "open": false, "order_id": nil, "unlocked": k.now().Before(l.unlocked),
		"geofence_restriction_enabled": l.geofence, "geofence_restriction_radius": radius,
		"reader_restriction_enabled": l.reader, "time_restriction_enabled": l.hours, "time_restriction_time_zone": nullable(l.zone),
		"place_id": l.place, "place": lockPlaceStub(p), "floor_id": nil,
		"groups_count": k.counts().lockGroups[l.id], "unlocked_until": nil,
	}
}

// lockPlaceStub is the one stub with coordinates and without resource_type.
func lockPlaceStub(p *place) object {
	return object{"id": p.id, "name": p.name, "latitude": p.latitude, "longitude": p.longitude}
}

// lockForLink is a lock as a group link sees it.
func (k *Kisi) lockForLink(l *lock) object {
	whole, out := k.lockObject(l), object{}
	for _, name := range []string{"id", "configured", "description", "locked_down_since", "locked_down", "name", "online", "open", "unlocked_until", "unlocked", "place_id", "place"} {
		out[name] = whole[name]
	}
	return out
}

func (k *Kisi) listLocks(c *call) reply {
	admin := c.may("locks_read")
	now := k.now()
	rows := filter(k.locks.rows, func(l *lock) bool {
		return c.ids(l.id) && c.query(l.name) && c.is("place_id", l.place) && c.is("floor_id", 0) && c.flag("configured", l.configured) &&
			c.flag("online", l.online != nil && *l.online) && c.flag("unlocked", now.Before(l.unlocked)) &&
			c.flag("locked_down", !l.lockedDown.IsZero()) && c.flag("favorite", false) && (admin || k.opens(c.by, l))
	})
	rows = order(c, rows, sorting[*lock]{"name": byText(func(l *lock) string { return l.name }), "favorite": byFlag(func(*lock) bool { return false })})
	if c.by.link != nil {
		return page(c, pageOf50, rows, k.lockForLink)
	}
	return page(c, pageOf50, rows, k.lockObject)
}

func (k *Kisi) getLock(c *call) reply {
	l, there := k.locks.get(c.id)
	return one(l, there && (c.may("locks_read") || k.opens(c.by, l)), k.lockObject)
}

func (k *Kisi) placeStub(id int) object {
	p, there := k.places.get(id)
	if !there {
		return nil
	}
	return object{"id": p.id, "resource_type": typePlace, "name": p.name}
}

func (k *Kisi) groupStub(id int) object {
	g, there := k.groups.get(id)
	if !there {
		return nil
	}
	return object{"id": g.id, "resource_type": typeGroup, "name": g.name}
}

func (k *Kisi) groupObject(g *group) object {
	n := k.counts()
	o := object{
		"id": g.id, "resource_type": typeGroup, "name": g.name, "description": nullable(g.description),
		"created_at": k.at(g.created), "updated_at": k.at(g.updated),
		"geofence_restriction_enabled": g.geofence, "geofence_restriction_radius": radius,
		"primary_device_restriction_enabled": g.primary, "managed_device_restriction_enabled": g.managed,
		"reader_restriction_enabled": g.reader, "time_restriction_enabled": g.hours, "tap_to_access_restriction_enabled": g.tapToAccess,
		"login_enabled": g.loginable, "users_count": n.groupUsers[g.id], "locks_count": n.groupLocks[g.id], "elevator_stops_count": 0,
		"place_id": nullID(g.place), "time_restriction_time_zone": nullable(g.zone), "members_count": n.groupUsers[g.id],
	}
	if g.place != 0 { // missing, not null, for a group of the organisation
		o["place"] = k.placeStub(g.place)
	}
	return o
}

func (k *Kisi) listGroups(c *call) reply {
	groupsOf := k.counts().groupsOf
	rows := filter(k.groups.rows, func(g *group) bool {
		scope := "organization"
		if g.place != 0 {
			scope = "place"
		}
		return c.ids(g.id) && c.query(g.name) && c.same("scope", scope) && c.is("place_id", g.place) && c.is("elevator_stop_id", 0) &&
			(!c.q.Has("lock_id") || slices.Contains(groupsOf[c.number("lock_id")], g.id))
	})
	rows = order(c, rows, sorting[*group]{"name": byText(func(g *group) string { return g.name })})
	return page(c, pageOf10, rows, k.groupObject)
}

func (k *Kisi) getGroup(c *call) reply {
	g, there := k.groups.get(c.id)
	return one(g, there, k.groupObject)
}

func (k *Kisi) groupLockObject(gl *groupLock) object {
	l, _ := k.locks.get(gl.lock)
	return object{
		"id": gl.id, "resource_type": "GroupLock", "created_at": k.at(gl.created), "updated_at": k.at(gl.updated),
		"group_id": gl.group, "group": k.groupStub(gl.group), "lock_id": gl.lock,
		"lock": object{"id": l.id, "description": nil, "name": l.name}, "place_id": l.place, "place": k.placeStub(l.place),
	}
}

func (k *Kisi) listGroupLocks(c *call) reply {
	if c.q.Get("group_id") == "" {
		return fail(400, "000400", "The parameter group_id is missing.")
	}
	if _, there := k.groups.get(c.number("group_id")); !there {
		return notFound()
	}
	rows := filter(k.groupLocks.rows, func(gl *groupLock) bool {
		l, _ := k.locks.get(gl.lock)
		return c.ids(gl.id) && c.is("group_id", gl.group) && c.is("lock_id", gl.lock) && c.query(l.name)
	})
	return page(c, pageOf10, rows, k.groupLockObject)
}

func (k *Kisi) getGroupLock(c *call) reply {
	gl, there := k.groupLocks.get(c.id)
	return one(gl, there, k.groupLockObject)
}

// lockDown closes or reopens a place or a lock for everybody.
func (k *Kisi) lockDown(actor int, on Target, down bool) bool {
	since := time.Time{}
	kind := ".cancel_lockdown"
	if down {
		since, kind = k.now(), ".lock_down"
	}
	switch on.Type {
	case typePlace:
		p, there := k.places.get(on.ID)
		if !there {
			return false
		}
		p.lockedDown, p.updated = since, k.now()
		k.noteBy(actor, "place"+kind, typePlace, p.id, p.name, p.id)
	case typeLock:
		l, there := k.locks.get(on.ID)
		if !there {
			return false
		}
		l.lockedDown, l.updated = since, k.now()
		k.noteBy(actor, "lock"+kind, typeLock, l.id, l.name, l.place)
	}
	return true
}

// lockdownAction is POST /places|locks/{id}/lock_down|cancel_lockdown.
func (k *Kisi) lockdownAction(kind string, down bool) func(*call) reply {
	return func(c *call) reply {
		if !k.lockDown(c.by.userID(), Target{kind, c.id}, down) {
			return notFound()
		}
		return done()
	}
}
