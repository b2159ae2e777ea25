package cloudtest

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"time"
)

const (
	geofenceRadius = 300.0
	unlockPulse    = 5 * time.Second
)

// refusal is why an unlock was refused. The statuses are inferred: no document
// maps codes to them.
type refusal struct {
	status        int
	code, message string
}

// proof is what a phone may send along with an unlock.
type proof struct {
	Lock struct {
		Proximity any `json:"proximity_proof"` // a string, and in an official sample a number
	} `json:"lock"`
	Context struct {
		Location *struct {
			Latitude  float64 `json:"latitude"`
			Longitude float64 `json:"longitude"`
		} `json:"location"`
	} `json:"context"`
}

func (p *proof) atReader() bool {
	switch v := p.Lock.Proximity.(type) {
	case string:
		return v != ""
	case float64:
		return v != 0
	default:
		return false
	}
}

// unlock is POST /locks/{id}/unlock; its body may be absent.
func (k *Kisi) unlock(c *call) reply {
	l, there := k.locks.get(c.id)
	if !there {
		return fail(http.StatusNotFound, "fad10e", "The door was not found.")
	}
	var p proof
	if len(c.raw) > 0 && json.Unmarshal(c.raw, &p) != nil {
		return fail(http.StatusBadRequest, "000400", "The body is no JSON.")
	}
	roleID, no := k.decide(c.by, l, &p)
	u := Unlock{Lock: l.id, User: c.by.userID(), At: k.now(), OK: no == nil}
	e := event{kind: "lock.unlock", actor: c.by.userID(), objectType: typeLock, object: l.id, name: l.name, place: l.place, roleID: roleID}
	e.by, e.byID = "Login", c.by.loginID()
	if c.by.link != nil {
		u.Link = c.by.link.id
		e.actorType, e.actor, e.by, e.byID = "GroupLink", c.by.link.id, "GroupLink", c.by.link.id
	}
	if no != nil {
		u.Code, e.failed, e.code, e.message = no.code, true, no.code, no.message
	} else {
		l.unlocked = k.now().Add(unlockPulse)
	}
	k.unlocks = append(k.unlocks, u)
	k.note(e)
	if no != nil {
		return fail(no.status, no.code, no.message)
	}
	return ok(object{"message": "Unlocked!"})
}

// decide follows docs.kisi.io on groups and restrictions: the door, the person,
// then every grant until one lets in, then whether the hardware is there.
func (k *Kisi) decide(by caller, l *lock, p *proof) (roleID string, no *refusal) {
	if no := k.doorRefuses(by, l, p); no != nil {
		return "", no
	}
	roleID, no = k.grantsRefuse(by, l, p)
	if no == nil && l.online != nil && !*l.online {
		no = &refusal{http.StatusServiceUnavailable, "fac001", "The controller is currently unavailable."}
	}
	return roleID, no
}

// doorRefuses is what binds everybody, the owner too.
func (k *Kisi) doorRefuses(by caller, l *lock, p *proof) *refusal {
	locked := http.StatusConflict
	if k.opts.Lockdown403 {
		locked = http.StatusForbidden
	}
	where, _ := k.places.get(l.place)
	switch {
	case !l.configured:
		return &refusal{http.StatusConflict, "fad105", "The door is not configured."}
	case !where.lockedDown.IsZero():
		return &refusal{locked, "fad002", "The place is locked down."}
	case !l.lockedDown.IsZero():
		return &refusal{locked, "fad001", "The door is locked down."}
	case by.user != nil && (!by.user.enabled || !by.user.scim):
		return &refusal{http.StatusForbidden, "fcd8ff", "Your access is disabled."}
	case l.hours && !k.allowedNow(OnLock(l.id), l):
		return outsideHours()
	case by.link != nil: // a link works from anywhere
		return nil
	}
	return k.presenceRefuses(l.restrictions, where, p)
}

func outsideHours() *refusal {
	return &refusal{http.StatusForbidden, "34ffaa", "You are outside of the allowed time."}
}

func (k *Kisi) presenceRefuses(r restrictions, where *place, p *proof) *refusal {
	at := p.Context.Location
	switch {
	case r.geofence && at == nil:
		return &refusal{http.StatusForbidden, "bbb99f", "Your location is invalid."}
	case r.geofence && distance(at.Latitude, at.Longitude, where.latitude, where.longitude) > geofenceRadius:
		return &refusal{http.StatusForbidden, "a3995f", "You are too far away."}
	case r.reader && !p.atReader():
		return &refusal{http.StatusForbidden, "bb4faa", "You are not close enough to the door."}
	}
	return nil
}

// distance is in metres, along a great circle.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const earth, degree = 6_371_000, math.Pi / 180
	a := math.Pow(math.Sin((lat2-lat1)*degree/2), 2) +
		math.Cos(lat1*degree)*math.Cos(lat2*degree)*math.Pow(math.Sin((lon2-lon1)*degree/2), 2)
	return 2 * earth * math.Asin(math.Sqrt(a))
}

// rank puts the nearest miss first: it is what the person can act on.
var rank = []string{"f358de", "f35ade", "34ffaa", "bbc93f", "f01337", "34bd8f", "a3995f", "bb4faa", "bbb99f", "fcd8ef"}

// grantsRefuse tries every grant; any that lets in is enough.
func (k *Kisi) grantsRefuse(by caller, l *lock, p *proof) (roleID string, no *refusal) {
	no = &refusal{http.StatusForbidden, "fcd8ef", "You have no access to this door."}
	for _, a := range k.grantsOn(by, l) {
		miss := k.grantRefuses(by, a, l, p)
		if miss == nil {
			return a.role, nil
		}
		if slices.Index(rank, miss.code) < slices.Index(rank, no.code) {
			no = miss
		}
	}
	return "", no
}

// grantsOn is every right of a caller that covers a lock, whatever its times.
func (k *Kisi) grantsOn(by caller, l *lock) []*assignment {
	groups := k.counts().groupsOf[l.id]
	if by.link != nil {
		if !slices.Contains(groups, by.link.group) {
			return nil
		}
		return []*assignment{{on: OnGroup(by.link.group), window: by.link.window}}
	}
	return filter(k.rightsOf(ToUser(by.user.id)), func(a *assignment) bool {
		if r, there := k.role(a.role); !there || !r.permissions["locks_unlock"] {
			return false
		}
		switch a.on.Type {
		case typeOrganization:
			return true
		case typePlace:
			return a.on.ID == l.place
		default:
			return slices.Contains(groups, a.on.ID)
		}
	})
}

func (k *Kisi) grantRefuses(by caller, a *assignment, l *lock, p *proof) *refusal {
	now := k.now()
	switch w := a.window; {
	case !w.From.IsZero() && now.Before(w.From):
		return &refusal{http.StatusForbidden, "f358de", "Your access is not valid yet."}
	case !w.Until.IsZero() && !now.Before(w.Until):
		return &refusal{http.StatusForbidden, "f35ade", "Your access is no longer valid."}
	case a.on.Type != typeGroup:
		return nil
	}
	g, _ := k.groups.get(a.on.ID)
	switch {
	case g.hours && !k.allowedNow(OnGroup(g.id), l):
		return outsideHours()
	case by.link != nil:
		return nil
	case !g.loginable:
		return &refusal{http.StatusForbidden, "f01337", "The group does not include app access."}
	case g.tapToAccess:
		return &refusal{http.StatusForbidden, "bbc93f", "You must tap the reader."}
	case g.primary || g.managed:
		return &refusal{http.StatusForbidden, "34bd8f", "This is not your primary device."}
	}
	where, _ := k.places.get(l.place)
	return k.presenceRefuses(g.restrictions, where, p)
}

// opens says whether somebody has any right on a lock now, as the app shows it.
func (k *Kisi) opens(by caller, l *lock) bool {
	if by.user == nil && by.link == nil {
		return false
	}
	now := k.now()
	return slices.ContainsFunc(k.grantsOn(by, l), func(a *assignment) bool { return a.window.Holds(now) })
}
