package cloudtest

import (
	"net/http"
	"strings"
	"time"
)

func (k *Kisi) getUser(c *call) reply {
	u := c.by.user
	return ok(object{
		"id": u.id, "resource_type": typeUser, "name": u.name, "email": u.email, "image": nil, "locale": "en", "notifications_unread_count": 0,
		"otp_required_for_login": false, "otp_enabled_at": nil, "primary_login_exists": false, "created_at": k.at(u.created),
		"updated_at": k.at(u.updated), "announcements_last_seen_at": nil, "last_read_at": nil, "notes": nullable(u.notes),
		"organization_id": k.org.id, "organization": k.orgStub(),
	})
}

func (k *Kisi) userObject(u *user) object {
	return object{
		"id": u.id, "resource_type": typeUser, "name": u.name, "email": u.email, "created_at": k.at(u.created), "updated_at": k.at(u.updated),
		"metadata": u.metadata, "image": nil, "otp_required_for_login": false, "password_flow_enabled": u.password, "access_enabled": u.enabled,
		"last_accessed_at": nil, "scim_access_enabled": u.scim, "notes": nullable(u.notes), "organization_id": k.org.id,
		"confirmed": u.confirmed, "groups_count": k.counts().userGroups[u.id],
	}
}

func (k *Kisi) listUsers(c *call) reply {
	rows := filter(k.users.rows, func(u *user) bool {
		return c.ids(u.id) && c.same("email", u.email) && c.query(u.email, u.name, u.notes) && c.is("user_id", u.id) &&
			(!c.q.Has("group_id") || k.inGroup(ToUser(u.id), c.number("group_id"))) &&
			(!c.q.Has("place_id") || k.sees(caller{user: u}, c.number("place_id")))
	})
	rows = order(c, rows, sorting[*user]{
		"name":           byText(func(u *user) string { return u.name }),
		"access_enabled": byFlag(func(u *user) bool { return u.enabled }),
		"unlock":         byTime(func(*user) time.Time { return time.Time{} }),
	})
	return page(c, userPages, rows, k.userObject)
}

// inGroup says whether somebody has a right in a group, himself or by a team.
func (k *Kisi) inGroup(who Who, group int) bool {
	for _, a := range k.rightsOf(who) {
		if a.on == OnGroup(group) {
			return true
		}
	}
	return false
}

func (k *Kisi) getUserByID(c *call) reply {
	u, there := k.users.get(c.id)
	return one(u, there, k.userObject)
}

func (k *Kisi) postUser(c *call) reply {
	f, refused := c.form("user")
	if refused != nil {
		return *refused
	}
	u := &user{
		email: f.text("email"), name: f.text("name"), notes: f.text("notes"), enabled: f.flag("access_enabled", true),
		password: f.flag("password_flow_enabled", true), regular: f.flag("send_emails", true), confirmed: f.flag("confirm", false),
		metadata: read[object](f, "metadata"),
	}
	if !strings.Contains(u.email, "@") {
		f.wrong("email", "can't be blank or invalid")
	}
	for _, other := range k.users.rows { // inferred: the document does not say
		if strings.EqualFold(other.email, u.email) {
			f.wrong("email", "has already been taken")
		}
	}
	checkMetadata(f, u.metadata)
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	return ok(k.userObject(k.createUser(c.by.userID(), u)))
}

const (
	maxMetadata      = 50
	maxMetadataKey   = 50
	maxMetadataValue = 500
)

func checkMetadata(f *form, m object) {
	if len(m) > maxMetadata {
		f.wrong("metadata", "has too many keys")
	}
	for name, value := range m {
		s, isText := value.(string)
		_, isObject := value.(map[string]any)
		_, isList := value.([]any)
		if len(name) > maxMetadataKey || isText && len(s) > maxMetadataValue || isObject || isList {
			f.wrong("metadata", "is invalid")
		}
	}
}

func (k *Kisi) createUser(actor int, u *user) *user {
	if u.name == "" {
		u.name, _, _ = strings.Cut(u.email, "@")
	}
	if u.metadata == nil {
		u.metadata = object{}
	}
	u.scim = true
	k.users.add(u, k.now())
	k.changed()
	if u.regular && !u.confirmed {
		k.mail(u.email, MailInvitation, u.id)
	}
	k.noteBy(actor, "user.create", typeUser, u.id, u.name, 0)
	return u
}

func (k *Kisi) patchUser(c *call) reply {
	u, there := k.users.get(c.id)
	if !there {
		return notFound()
	}
	f, refused := c.form("user")
	if refused != nil {
		return *refused
	}
	next := *u // e-mail is not among what can be changed
	if f.given("name") {
		next.name = f.text("name")
	}
	if f.given("notes") {
		next.notes = f.text("notes")
	}
	next.enabled = f.flag("access_enabled", u.enabled)
	next.password = f.flag("password_flow_enabled", u.password)
	if f.has("metadata") {
		next.metadata = read[object](f, "metadata")
		checkMetadata(f, next.metadata)
	}
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	k.updateUser(c.by.userID(), u, next)
	return done()
}

func (k *Kisi) updateUser(actor int, u *user, next user) {
	*u = next
	u.updated = k.now()
	k.changed()
	k.noteBy(actor, "user.update", typeUser, u.id, u.name, 0)
}

func (k *Kisi) deleteUser(c *call) reply {
	u, there := k.users.get(c.id)
	switch {
	case !there:
		return notFound()
	case u.id == k.owner:
		return invalid(map[string][]string{"base": {"The organization owner can not be deleted"}})
	}
	k.destroyUser(c.by.userID(), u)
	return done()
}

// destroyUser removes a person and all that hangs on him: rights, team
// memberships, card assignments and keys.
func (k *Kisi) destroyUser(actor int, u *user) {
	who := ToUser(u.id)
	for _, a := range filter(k.assignments.rows, func(a *assignment) bool { return a.to == who }) {
		k.destroyAssignment(actor, a)
	}
	for _, ca := range filter(k.cardAssignments.rows, func(ca *cardAssignment) bool { return ca.to == who }) {
		k.destroyCardAssignment(actor, ca)
	}
	k.memberships.removeIf(func(m *membership) bool { return m.member == who })
	k.logins.removeIf(func(l *login) bool { return l.user == u.id })
	k.users.remove(u.id)
	k.changed()
	k.noteBy(actor, "user.destroy", typeUser, u.id, u.name, 0)
}

func (k *Kisi) guestObject(g *guest) object {
	return object{
		"id": g.id, "resource_type": typeGuest, "name": g.name, "email": nullable(g.email), "phone_number": nullable(g.phone),
		"created_at": k.at(g.created), "updated_at": k.at(g.updated),
	}
}

func (k *Kisi) listGuests(c *call) reply {
	rows := filter(k.guests.rows, func(g *guest) bool { return c.ids(g.id) && c.query(g.name) })
	return page(c, pageOf10, rows, k.guestObject)
}

func (k *Kisi) getGuest(c *call) reply {
	g, there := k.guests.get(c.id)
	return one(g, there, k.guestObject)
}

func (k *Kisi) teamObject(t *team) object {
	return object{"id": t.id, "resource_type": typeTeam, "name": t.name, "created_at": k.at(t.created), "updated_at": k.at(t.updated)}
}

func (k *Kisi) listTeams(c *call) reply {
	rows := filter(k.teams.rows, func(t *team) bool { return c.ids(t.id) && c.query(t.name) })
	return page(c, pageOf10, rows, k.teamObject)
}

func (k *Kisi) getTeam(c *call) reply {
	t, there := k.teams.get(c.id)
	return one(t, there, k.teamObject)
}

func (k *Kisi) membershipObject(m *membership) object {
	t, _ := k.teams.get(m.team)
	return object{
		"id": m.id, "resource_type": "TeamMembership", "created_at": k.at(m.created), "updated_at": k.at(m.updated), "team_id": m.team,
		"team":        object{"id": t.id, "resource_type": typeTeam, "name": t.name},
		"member_type": m.member.Type, "member_id": m.member.ID, "member": k.whoStub(m.member),
	}
}

func (k *Kisi) listMemberships(c *call) reply {
	rows := filter(k.memberships.rows, func(m *membership) bool {
		return c.ids(m.id) && c.is("team_id", m.team) && c.same("member_type", m.member.Type) && c.is("member_id", m.member.ID)
	})
	return page(c, pageOf10, rows, k.membershipObject)
}

func (k *Kisi) getMembership(c *call) reply {
	m, there := k.memberships.get(c.id)
	return one(m, there, k.membershipObject)
}

// whoStub is an assignee or a member inside another object.
func (k *Kisi) whoStub(w Who) object {
	switch w.Type {
	case typeUser:
		if u, there := k.users.get(w.ID); there {
			return object{"id": u.id, "resource_type": typeUser, "email": u.email, "name": u.name}
		}
	case typeTeam:
		if t, there := k.teams.get(w.ID); there {
			return object{"id": t.id, "resource_type": typeTeam, "name": t.name}
		}
	case typeGuest:
		if g, there := k.guests.get(w.ID); there {
			return object{"id": g.id, "resource_type": typeGuest, "email": nullable(g.email), "name": g.name}
		}
	}
	return nil
}

// exists says whether there is somebody of that type and id.
func (k *Kisi) exists(w Who) bool { return k.whoStub(w) != nil }

func (k *Kisi) loginObject(l *login) object { // no resource_type, unlike most objects
	return object{
		"id": l.id, "type": l.kind, "name": l.name, "device_brand": nil, "device_model": nil, "os_name": nil, "primary": false,
		"expire": l.expire, "last_used_at": k.at(l.lastUsed), "created_at": k.at(l.created), "updated_at": k.at(l.updated), "user_id": l.user,
	}
}

func (k *Kisi) getLogin(c *call) reply {
	o := k.loginObject(c.by.login)
	o["scram_credentials"] = object{"phone_key": k.org.domain, "online_certificate": "00"}
	return ok(o)
}

func (k *Kisi) listLogins(c *call) reply {
	whose := c.by.userID()
	if c.q.Has("user_id") {
		whose = c.number("user_id")
	}
	if whose != c.by.userID() && !c.may("logins_read") {
		return fail(http.StatusForbidden, "fcd8ef", "You are not allowed to do this.")
	}
	rows := filter(k.logins.rows, func(l *login) bool { return l.user == whose && c.ids(l.id) })
	return page(c, pageOf10, rows, k.loginObject)
}

func (k *Kisi) deleteLogin(c *call) reply {
	l, there := k.logins.get(c.id)
	return gone(c, l, there && (l.user == c.by.userID() || c.may("logins_write")), k.destroyLogin)
}

func (k *Kisi) destroyLogin(actor int, l *login) {
	k.logins.remove(l.id)
	k.noteBy(actor, "login.destroy", "Login", l.id, l.name, 0)
}
