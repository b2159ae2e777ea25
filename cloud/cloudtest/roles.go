package cloudtest

import (
	"net/http"
	"slices"
	"strings"
)

// role is what an assignment gives.
type role struct {
	id, name, on string // on: Organization, Place or Group
	custom       int    // custom_role_id; 0: not custom
	permissions  map[string]bool
}

// resources have a read and a write permission each (OpenAPI document, Role).
var resources = [...]string{
	"amenities", "bookings", "card_assignments", "cards", "group_links", "group_locks", "groups", "guests", "integrations",
	"locks", "logins", "mobile_cache_policies", "places", "role_assignments", "schedules", "team_memberships", "teams", "users",
}

// single permissions do not come in pairs.
var singles = [...]string{"locks_unlock", "cards_activate", "events_read", "hardware_read", "terminals_trigger"}

// permissions makes the whole set, true where granted says so.
func permissions(granted func(name string) bool) map[string]bool {
	out := map[string]bool{}
	for _, r := range resources {
		for _, verb := range []string{"_read", "_write"} {
			out[r+verb] = granted(r + verb)
		}
	}
	for _, s := range singles {
		out[s] = granted(s)
	}
	return out
}

func only(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func reads(name string) bool { return strings.HasSuffix(name, "_read") }

func everything(string) bool { return true }

// builtinRoles are Kisi's own. The documents give ids for group_basic and
// group_manager, and client code for administrator; the others are inferred
// from their names, so a client must go by permissions and not by ids.
func builtinRoles() []role {
	manager := func(name string) bool {
		return reads(name) || name == "locks_unlock" || name == "cards_activate" ||
			slices.ContainsFunc([]string{"role_assignments_", "group_links_", "card_assignments_", "users_", "guests_"},
				func(p string) bool { return strings.HasPrefix(name, p) })
	}
	people := func(name string) bool { return strings.HasPrefix(name, "users_") || strings.HasPrefix(name, "teams_") }
	return []role{
		{id: "owner", name: "Organization owner", on: typeOrganization, permissions: permissions(everything)},
		{id: "administrator", name: "Organization administrator", on: typeOrganization, permissions: permissions(everything)},
		{id: "access_manager", name: "Organization access manager", on: typeOrganization, permissions: permissions(manager)},
		{id: "user_manager", name: "User manager", on: typeOrganization, permissions: permissions(people)},
		{id: "observer", name: "Observer", on: typeOrganization, permissions: permissions(reads)},
		{id: "place_administrator", name: "Place administrator", on: typePlace, permissions: permissions(everything)},
		{id: "place_access_manager", name: "Place access manager", on: typePlace, permissions: permissions(manager)},
		{id: "place_observer", name: "Place observer", on: typePlace, permissions: permissions(reads)},
		{id: "group_manager", name: "Group manager", on: typeGroup, permissions: permissions(only("locks_unlock", "locks_read", "groups_read", "role_assignments_read", "role_assignments_write"))},
		{id: "group_basic", name: "Group basic", on: typeGroup, permissions: permissions(only("locks_unlock", "locks_read"))},
	}
}

func (k *Kisi) role(id string) (role, bool) {
	for _, r := range k.roles {
		if r.id == id {
			return r, true
		}
	}
	return role{}, false
}

// AddCustomRole makes a role with the given permissions and returns its id. The
// target type is Organization, Place or Group.
func (k *Kisi) AddCustomRole(name, targetType string, granted ...string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 500 + len(k.roles)
	r := role{id: "custom_role_" + k.generate("role")[:6], name: name, on: targetType, custom: n, permissions: permissions(only(granted...))}
	k.roles = append(k.roles, r)
	k.changed()
	k.note(event{kind: "custom_role.create", actor: k.owner, objectType: "CustomRole", object: n, name: name})
	return r.id
}

func (k *Kisi) roleObject(r role) object {
	flags := object{}
	for name, granted := range r.permissions {
		flags[name] = granted
	}
	return object{
		"id": r.id, "resource_type": "Role", "applies_to": r.on, "name": r.name, "description": nil,
		"custom": r.custom != 0, "permissions": flags, "custom_role_id": nullID(r.custom),
	}
}

func (k *Kisi) listRoles(*call) reply { return all(k.roles, k.roleObject) }

func (k *Kisi) getRole(c *call) reply {
	r, there := k.role(c.sub)
	if !there {
		return fail(http.StatusNotFound, "000404", "Not found.")
	}
	return ok(k.roleObject(r))
}
