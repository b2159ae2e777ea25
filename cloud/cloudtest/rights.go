package cloudtest

import (
	"net/http"
	"slices"
	"strings"
)

// rightsOf is every assignment that somebody has, himself or by a team.
func (k *Kisi) rightsOf(who Who) []*assignment {
	n := k.counts()
	out := slices.Clone(n.byRecipient[who])
	for _, team := range n.memberOf[who] {
		out = append(out, n.byRecipient[ToTeam(team)]...)
	}
	return out
}

func (k *Kisi) assignmentObject(a *assignment) object {
	scope := strings.ToLower(a.on.Type)
	target := k.targetStub(a.on)
	o := object{
		"id": a.id, "resource_type": "RoleAssignment", "created_at": k.at(a.created), "updated_at": k.at(a.updated), "role_id": a.role,
		"notify": a.notify, "applies_to_type": a.on.Type, "applies_to_id": target["id"], "applies_to": target,
		"assignee_type": a.to.Type, "assignee_id": a.to.ID, "assignee": k.whoStub(a.to),
		"created_by_type": typeUser, "created_by_id": nullID(a.by), "user_id": nil, "assignee_team_id": nil, "guest_id": nil,
		"issued_by_id": nullID(a.by), "type": scope, "scope": scope,
	}
	if a.by == 0 {
		o["created_by_type"] = nil
	}
	switch a.to.Type {
	case typeUser:
		o["user_id"] = a.to.ID
	case typeTeam:
		o["assignee_team_id"] = a.to.ID
	case typeGuest:
		o["guest_id"] = a.to.ID
	}
	o[scope+"_id"], o[scope] = target["id"], target
	if a.on.Type == typeGroup { // only rights on groups are bound in time
		o["valid_from"], o["valid_until"] = k.at(a.window.From), k.at(a.window.Until)
	}
	return o
}

func (k *Kisi) targetStub(t Target) object {
	switch t.Type {
	case typeGroup:
		return k.groupStub(t.ID)
	case typePlace:
		return k.placeStub(t.ID)
	default:
		return k.orgStub()
	}
}

func (k *Kisi) listAssignments(c *call) reply {
	now := k.now()
	rows := filter(k.assignments.rows, func(a *assignment) bool {
		return c.ids(a.id) && c.same("role_id", a.role) && c.same("assignee_type", a.to.Type) && c.is("assignee_id", a.to.ID) &&
			c.same("applies_to_type", a.on.Type) && c.is("applies_to_id", k.targetID(a.on)) && k.oldAssignmentFilters(c, a) &&
			(!k.opts.HideExpired || a.window.Until.IsZero() || now.Before(a.window.Until)) && k.assigneeMatches(c, a)
	})
	name := func(a *assignment) string {
		s, _ := k.whoStub(a.to)["name"].(string)
		return s
	}
	rows = order(c, rows, sorting[*assignment]{"user.name": byText(name)})
	return page(c, pageOf10, rows, k.assignmentObject)
}

func (k *Kisi) targetID(t Target) int {
	if t.Type == typeOrganization {
		return k.org.id
	}
	return t.ID
}

// oldAssignmentFilters are deprecated and still work.
func (k *Kisi) oldAssignmentFilters(c *call, a *assignment) bool {
	scope := c.q.Get("scope")
	inScope := scope == "" || strings.EqualFold(scope, a.on.Type) || scope == "team" && a.to.Type == typeTeam
	of := func(name, kind string, has string, id int) bool {
		return !c.q.Has(name) || has == kind && c.is(name, id)
	}
	return inScope && of("user_id", typeUser, a.to.Type, a.to.ID) && of("place_id", typePlace, a.on.Type, a.on.ID) && of("group_id", typeGroup, a.on.Type, a.on.ID)
}

func (k *Kisi) assigneeMatches(c *call, a *assignment) bool {
	if c.text("query") == "" {
		return true
	}
	u, there := k.users.get(a.to.ID)
	return there && a.to.Type == typeUser && c.query(u.email, u.name)
}

func (k *Kisi) getAssignment(c *call) reply {
	a, there := k.assignments.get(c.id)
	return one(a, there, k.assignmentObject)
}

// assignmentFrom reads the current form of the body, and the older one with
// user_id and group_id that live clients still send (docs.kisi.io, share access).
func (k *Kisi) assignmentFrom(f *form) *assignment {
	a := &assignment{role: f.required("role_id"), window: f.window(), notify: f.flag("notify", k.opts.NotifyByDefault)}
	if f.has("user_id") || f.has("group_id") {
		a.to, a.on = ToUser(f.integer("user_id")), OnGroup(f.integer("group_id"))
	} else {
		a.to = Who{f.required("assignee_type"), f.integer("assignee_id")}
		a.on = Target{f.required("applies_to_type"), f.integer("applies_to_id")}
	}
	if a.on.Type == typeOrganization {
		if a.on.ID != k.org.id {
			f.wrong("applies_to", "must exist")
		}
		a.on = OnOrganization()
	} else if k.targetStub(a.on) == nil || a.on.Type != typePlace && a.on.Type != typeGroup {
		f.wrong("applies_to", "must exist")
	}
	if !k.exists(a.to) {
		f.wrong("assignee", "must exist")
	}
	if r, there := k.role(a.role); !there || r.on != a.on.Type {
		f.wrong("role_id", "is not included in the list")
	}
	if a.on.Type != typeGroup && a.window != (Window{}) {
		f.wrong("valid_until", "is only for groups")
	}
	return a
}

func (k *Kisi) postAssignment(c *call) reply {
	f, refused := c.form("role_assignment")
	if refused != nil {
		return *refused
	}
	a := k.assignmentFrom(f)
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	if k.opts.Duplicates != DuplicatesAllowed && k.duplicate(a) {
		if k.opts.Duplicates == Duplicates422 {
			return invalid(map[string][]string{"assignee_id": {"has already been taken"}})
		}
		return fail(http.StatusConflict, "000409", "The role assignment already exists.")
	}
	return ok(k.assignmentObject(k.createAssignment(c.by.userID(), a)))
}

func (k *Kisi) duplicate(a *assignment) bool {
	return slices.ContainsFunc(k.counts().byRecipient[a.to], func(other *assignment) bool { return other.on == a.on })
}

func (k *Kisi) createAssignment(actor int, a *assignment) *assignment {
	a.by = actor
	k.assignments.add(a, k.now())
	k.changed()
	k.notify(a)
	k.note(event{kind: "role_assignment.create", actor: actor, objectType: "RoleAssignment", object: a.id, name: k.nameOf(a.to), place: k.placeOf(a.on)})
	return a
}

// notify mails the one who got a right, at once and not when it begins. A
// managed user gets no mail.
func (k *Kisi) notify(a *assignment) {
	if !a.notify {
		return
	}
	switch a.to.Type {
	case typeUser:
		if u, there := k.users.get(a.to.ID); there && (u.regular || k.opts.NotifyManaged) {
			k.mail(u.email, MailAccess, a.id)
		}
	case typeGuest:
		if g, there := k.guests.get(a.to.ID); there {
			k.mail(g.email, MailAccess, a.id)
		}
	}
}

func (k *Kisi) nameOf(w Who) string {
	s, _ := k.whoStub(w)["name"].(string)
	return s
}

func (k *Kisi) placeOf(t Target) int {
	switch t.Type {
	case typePlace:
		return t.ID
	case typeGroup:
		if g, there := k.groups.get(t.ID); there {
			return g.place
		}
	}
	return 0
}

func (k *Kisi) patchAssignment(c *call) reply {
	a, there := k.assignments.get(c.id)
	if !there {
		return notFound()
	}
	f, refused := c.form("role_assignment")
	if refused != nil {
		return *refused
	}
	next := *a
	if f.has("role_id") {
		next.role = f.text("role_id")
		if r, known := k.role(next.role); !known || r.on != a.on.Type {
			f.wrong("role_id", "is not included in the list")
		}
	}
	if f.given("valid_from") && !k.opts.PatchIgnoresValidity {
		next.window.From = f.instant("valid_from")
	}
	if f.given("valid_until") && !k.opts.PatchIgnoresValidity {
		next.window.Until = f.instant("valid_until")
	}
	if !next.window.From.IsZero() && !next.window.Until.IsZero() && !next.window.From.Before(next.window.Until) {
		f.wrong("valid_until", "must be after valid from")
	}
	next.notify = f.flag("notify", a.notify)
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	k.updateAssignment(c.by.userID(), a, next)
	if k.opts.PatchNotifies && f.flag("notify", false) {
		k.notify(a)
	}
	return done()
}

func (k *Kisi) updateAssignment(actor int, a *assignment, next assignment) {
	*a = next
	a.updated = k.now()
	k.changed()
	k.note(event{kind: "role_assignment.update", actor: actor, objectType: "RoleAssignment", object: a.id, name: k.nameOf(a.to), place: k.placeOf(a.on)})
}

func (k *Kisi) deleteAssignment(c *call) reply {
	a, there := k.assignments.get(c.id)
	return gone(c, a, there, k.destroyAssignment)
}

func (k *Kisi) destroyAssignment(actor int, a *assignment) {
	k.assignments.remove(a.id)
	k.changed()
	k.note(event{kind: "role_assignment.destroy", actor: actor, objectType: "RoleAssignment", object: a.id, name: k.nameOf(a.to), place: k.placeOf(a.on)})
}
