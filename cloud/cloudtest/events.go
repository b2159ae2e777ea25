package cloudtest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is one line of Kisi's log.
type event struct {
	uuid, kind string
	sequence   uint64
	at         time.Time

	actorType  string // empty with an actor: User
	actor      int
	by         string // authenticated_by_type
	byID       int
	roleID     string // authorized_by_role_id
	objectType string
	object     int
	name       string // of the object
	place      int
	failed     bool
	code       string
	message    string
}

// note writes an event.
func (k *Kisi) note(e event) {
	e.uuid = uuid(k.generate("event"))
	e.sequence = k.serial
	e.at = k.now()
	if e.actorType == "" && e.actor != 0 {
		e.actorType = typeUser
	}
	k.events = append(k.events, &e)
}

func uuid(hex string) string {
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:32]
}

// noteBy writes an event of what a caller did; 0 is nobody.
func (k *Kisi) noteBy(actor int, kind, objectType string, id int, name string, place int) {
	k.note(event{kind: kind, actor: actor, objectType: objectType, object: id, name: name, place: place})
}

// eventSet is a question about the log, with its answer.
type eventSet struct {
	meta
	interval string
	echo     object
	place    any
	rows     []*event
	polls    int // how often it is still in progress
}

const (
	eventSetLife  = 24 * time.Hour
	maxInterval   = 90 * 24 * time.Hour
	eventPage     = 50
	mostEventPage = 250 // unstated; 200 was seen live
)

var eventFilters = [...]string{
	"event_type", "event_success", "event_object_type", "event_object_id", "event_actor_type", "event_actor_id",
	"event_authenticated_by_type", "event_place_id", "event_sequence", "event_uuid",
}

func (k *Kisi) createEventSet(c *call) reply {
	f, refused := c.form("event_set")
	if refused != nil {
		return *refused
	}
	from, until := k.interval(f)
	if f.has("event_place_id") && f.has("place_id") {
		f.wrong("event_place_id", "can not be given together with place_id")
	}
	set := &eventSet{echo: object{}, place: nil, polls: max(k.opts.EventSetPolls, 0)}
	for _, name := range eventFilters {
		if f.has(name) {
			set.echo[name] = f.any(name)
		}
	}
	if f.has("place_id") {
		set.place = f.integer("place_id")
	}
	keep := k.eventFilter(f)
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	set.interval = from.Format(time.RFC3339) + "/" + until.Format(time.RFC3339)
	seen := k.now().Add(-k.opts.EventLag)
	for _, e := range k.events {
		if !e.at.Before(from) && !e.at.After(until) && !e.at.After(seen) && keep(e) {
			set.rows = append(set.rows, e)
		}
	}
	if k.opts.EventsNewestFirst {
		slices.Reverse(set.rows)
	}
	k.eventSets.removeIf(func(old *eventSet) bool { return k.now().Sub(old.created) > eventSetLife })
	k.eventSets.add(set, k.now())
	return ok(k.eventSetObject(set, 0, eventPage))
}

// interval reads start/end; the default is the last 90 days, which is the most.
func (k *Kisi) interval(f *form) (from, until time.Time) {
	now := k.now()
	if !f.has("interval") {
		return now.Add(-maxInterval), now
	}
	start, end, _ := strings.Cut(f.text("interval"), "/")
	from, err := time.Parse(time.RFC3339, start)
	until, err2 := time.Parse(time.RFC3339, end)
	switch {
	case err != nil || err2 != nil || until.Before(from):
		f.wrong("interval", "is invalid")
	case until.Sub(from) > maxInterval:
		f.wrong("interval", "must not be longer than 90 days")
	}
	return from, until
}

func (k *Kisi) eventFilter(f *form) func(*event) bool {
	list := func(name string) func(string) bool {
		if !f.has(name) {
			return func(string) bool { return true }
		}
		words := strings.Split(f.text(name), ",")
		return func(s string) bool { return slices.Contains(words, s) }
	}
	id := func(name string) func(int) bool {
		if !f.has(name) {
			return func(int) bool { return true }
		}
		want := f.integer(name)
		return func(n int) bool { return n == want }
	}
	kinds, objects, actors, by := list("event_type"), list("event_object_type"), list("event_actor_type"), list("event_authenticated_by_type")
	sequences, uuids := list("event_sequence"), list("event_uuid")
	object, actor, inPlace := id("event_object_id"), id("event_actor_id"), id("event_place_id")
	success, asked := f.flag("event_success", true), f.has("event_success")
	return func(e *event) bool {
		return kinds(e.kind) && objects(e.objectType) && actors(e.actorType) && by(e.by) &&
			sequences(strconv.FormatUint(e.sequence, 10)) && uuids(e.uuid) &&
			object(e.object) && actor(e.actor) && inPlace(e.place) && (!asked || success != e.failed)
	}
}

func (k *Kisi) getEventSet(c *call) reply {
	set, there := k.eventSets.get(c.id)
	if !there || k.now().Sub(set.created) > eventSetLife {
		return notFound()
	}
	limit := eventPage
	if c.q.Has("limit") {
		n, err := strconv.Atoi(c.q.Get("limit"))
		if err != nil || n < 1 || n > mostEventPage {
			return fail(http.StatusBadRequest, "000400", "The parameter limit is invalid.")
		}
		limit = n
	}
	from := 0
	if cursor := c.q.Get("cursor"); cursor != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(cursor, "after-"))
		if err != nil || n < 0 || n > len(set.rows) {
			return fail(http.StatusBadRequest, "000400", "The parameter cursor is invalid.")
		}
		from = n
	}
	if set.polls > 0 {
		set.polls--
	}
	return ok(k.eventSetObject(set, from, limit))
}

func (k *Kisi) eventSetObject(set *eventSet, from, limit int) object {
	o := object{
		"id": set.id, "created_at": k.at(set.created), "status": "in_progress", "interval": set.interval,
		"cursor": nil, "place_id": set.place,
	}
	maps.Copy(o, set.echo)
	if set.polls > 0 {
		return o
	}
	o["status"] = "finished"
	to := min(from+limit, len(set.rows))
	rows := []object{}
	for _, e := range set.rows[from:to] {
		rows = append(rows, k.eventObject(e))
	}
	o["events"] = rows
	if to < len(set.rows) {
		o["cursor"] = "after-" + strconv.Itoa(to)
	}
	return o
}

func (k *Kisi) eventObject(e *event) object {
	var name, email any
	if e.actorType == typeUser {
		if u, there := k.users.get(e.actor); there {
			name, email = u.name, u.email
		}
	}
	_, action, _ := strings.Cut(e.kind, ".")
	o := object{
		"uuid": e.uuid, "type": e.kind, "actor_type": nullable(e.actorType), "actor_id": nullID(e.actor), "actor_name": name,
		"actor_email": email, "authenticated_by_type": nullable(e.by), "authenticated_by_id": nullID(e.byID),
		"authorized_by_type": nil, "authorized_by_id": nil, "authorized_by_role_id": nullable(e.roleID),
		"object_type": e.objectType, "object_id": e.object, "object_name": e.name, "action": action, "created_at": k.at(e.at),
		"message": e.kind + " " + e.name, "success": !e.failed, "code": nullable(e.code),
		"sequence": strconv.FormatUint(e.sequence, 10), "organization_id": k.org.id, "place_id": nullID(e.place),
		"error_code": nullable(e.code), "error_message": nullable(e.message), "details": object{}, "via": object{},
	}
	return o
}

// eventTypes are those of which this fake writes events.
func (k *Kisi) eventTypes(*call) reply {
	kinds := []string{"lock.unlock", "lock.lock_down", "lock.cancel_lockdown", "place.lock_down", "place.cancel_lockdown"}
	for _, subject := range []string{"card", "guest", "group", "group_link", "group_lock", "lock", "login", "place", "role_assignment", "schedule", "team", "team_membership", "user"} {
		kinds = append(kinds, subject+".create", subject+".destroy", subject+".update")
	}
	kinds = append(kinds, "card.activate", "card.assign", "card.deactivate", "card.deassign", "custom_role.create")
	slices.Sort(kinds)
	return ok(kinds)
}
