package cloudtest

import (
	"strconv"
	"strings"
)

// route is one endpoint. In its path {id} is a number and {word} is a word.
type route struct {
	method, path string
	do           func(*call) reply
	need         string // a permission; empty: any key
	link         bool   // a group link may as well
	perSecond    int    // a budget of its own; 0: none
}

// match finds the endpoint of a request.
func (k *Kisi) match(c *call) (route, bool) {
	asked := strings.Split(strings.Trim(c.r.URL.Path, "/"), "/")
	for _, r := range k.routes {
		if r.method == c.r.Method && c.fits(strings.Split(strings.Trim(r.path, "/"), "/"), asked) {
			return r, true
		}
	}
	return route{}, false
}

func (c *call) fits(path, asked []string) bool {
	if len(path) != len(asked) {
		return false
	}
	for i, part := range path {
		switch part {
		case "{id}":
			n, err := strconv.Atoi(asked[i])
			if err != nil {
				return false
			}
			c.id = n
		case "{word}":
			c.sub = asked[i]
		case asked[i]:
		default:
			return false
		}
	}
	return true
}

// allRoutes is every endpoint that a gateway or a provisioner uses
// (Kisi's OpenAPI document), and a few beside.
func (k *Kisi) allRoutes() []route {
	routes := []route{
		{method: "GET", path: "/organization", do: k.getOrganization, link: true},
		{method: "GET", path: "/organizations", do: k.listOrganizations},
		{method: "GET", path: "/user", do: k.getUser},
		{method: "GET", path: "/login", do: k.getLogin},
		{method: "GET", path: "/logins", do: k.listLogins},
		{method: "DELETE", path: "/logins/{id}", do: k.deleteLogin},
		{method: "GET", path: "/roles", do: k.listRoles},
		{method: "GET", path: "/roles/{word}", do: k.getRole},
		{method: "GET", path: "/locks", do: k.listLocks, link: true},
		{method: "POST", path: "/locks/{id}/unlock", do: k.unlock, link: true},
		{method: "GET", path: "/calendar/summary", do: k.calendarSummary, need: "schedules_read"},
		{method: "GET", path: "/holiday_calendars/regions", do: k.holidayRegions},
		{method: "GET", path: "/holiday_calendars/{word}/holidays", do: k.regionHolidays},
		{method: "GET", path: "/events/types", do: k.eventTypes},
		{method: "POST", path: "/event_sets", do: k.createEventSet, need: "events_read", perSecond: 1},
		{method: "GET", path: "/event_sets/{id}", do: k.getEventSet, need: "events_read"},
		{method: "GET", path: "/places", do: k.listPlaces},
		{method: "GET", path: "/places/{id}", do: k.getPlace},
		{method: "GET", path: "/locks/{id}", do: k.getLock},
		{method: "POST", path: "/users", do: k.postUser, need: "users_write"},
		{method: "PATCH", path: "/users/{id}", do: k.patchUser, need: "users_write"},
		{method: "DELETE", path: "/users/{id}", do: k.deleteUser, need: "users_write"},
		{method: "POST", path: "/role_assignments", do: k.postAssignment, need: "role_assignments_write"},
		{method: "PATCH", path: "/role_assignments/{id}", do: k.patchAssignment, need: "role_assignments_write"},
		{method: "DELETE", path: "/role_assignments/{id}", do: k.deleteAssignment, need: "role_assignments_write"},
		{method: "POST", path: "/cards", do: k.postCard, need: "cards_write"},
		{method: "DELETE", path: "/cards/{id}", do: k.deleteCard, need: "cards_write"},
		{method: "POST", path: "/card_assignments", do: k.postCardAssignment, need: "card_assignments_write"},
		{method: "DELETE", path: "/card_assignments/{id}", do: k.deleteCardAssignment, need: "card_assignments_write"},
		{method: "POST", path: "/card_assignments/{id}/activate", do: k.activation(true), need: "cards_activate"},
		{method: "POST", path: "/card_assignments/{id}/deactivate", do: k.activation(false), need: "cards_activate"},
		{method: "GET", path: "/group_links", do: k.listLinks, need: "group_links_read"},
		{method: "POST", path: "/group_links", do: k.postLink, need: "group_links_write"},
		{method: "DELETE", path: "/group_links/{id}", do: k.deleteLink, need: "group_links_write"},
	}
	for _, t := range []struct {
		path, kind, need string
	}{{"/places", typePlace, "places_write"}, {"/locks", typeLock, "locks_write"}} {
		routes = append(routes,
			route{method: "POST", path: t.path + "/{id}/lock_down", do: k.lockdownAction(t.kind, true), need: t.need},
			route{method: "POST", path: t.path + "/{id}/cancel_lockdown", do: k.lockdownAction(t.kind, false), need: t.need})
	}
	return append(routes, k.readRoutes()...)
}

// readRoutes are the lists and the single objects that need one permission.
func (k *Kisi) readRoutes() []route {
	var routes []route
	for _, t := range []struct {
		name      string
		list, one func(*call) reply
	}{
		{"groups", k.listGroups, k.getGroup},
		{"group_locks", k.listGroupLocks, k.getGroupLock},
		{"users", k.listUsers, k.getUserByID},
		{"guests", k.listGuests, k.getGuest},
		{"teams", k.listTeams, k.getTeam},
		{"team_memberships", k.listMemberships, k.getMembership},
		{"role_assignments", k.listAssignments, k.getAssignment},
		{"cards", k.listCards, k.getCard},
		{"card_assignments", k.listCardAssignments, k.getCardAssignment},
		{"schedules", k.listSchedules, k.getSchedule},
	} {
		routes = append(routes,
			route{method: "GET", path: "/" + t.name, do: t.list, need: t.name + "_read"},
			route{method: "GET", path: "/" + t.name + "/{id}", do: t.one, need: t.name + "_read"})
	}
	return routes
}
