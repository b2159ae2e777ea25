package daemon

import (
	"slices"

	"github.com/tilegate/tilegate/daemon/access"
)

// without is a change but for the rows that a later one of the same source has a
// word on, by their keys.
func (a *ahead) without(later *ahead) ahead {
	left := *a
	if a.source == later.source {
		left.want, left.delta = deltaWithout(a.want, &later.want), deltaWithout(a.delta, &later.want)
	}
	return left
}

func deltaWithout(d access.Delta, later *access.Delta) access.Delta {
	d.Ended, d.Begun = rosterWithout(d.Ended, later), rosterWithout(d.Begun, later)
	return d
}

func rosterWithout(r access.Roster, later *access.Delta) access.Roster {
	e, b := &later.Ended, &later.Begun
	r.Places = rowsWithout(r.Places, func(p *access.Place) string { return p.ID }, e.Places, b.Places)
	r.Doors = rowsWithout(r.Doors, func(d *access.Door) string { return d.ID }, e.Doors, b.Doors)
	r.Holders = rowsWithout(r.Holders, func(h *access.Holder) string { return h.ID }, e.Holders, b.Holders)
	r.Grants = rowsWithout(r.Grants, func(g *access.Grant) access.Grant {
		return access.Grant{Kind: g.Kind, Assignee: g.Assignee, ID: g.ID}
	}, e.Grants, b.Grants)
	r.Assignments = rowsWithout(r.Assignments, func(a *access.Assignment) access.Assignment {
		return access.Assignment{Digest: a.Digest, Kind: a.Kind, Holder: a.Holder, ID: a.ID}
	}, e.Assignments, b.Assignments)
	r.Teams = slices.Clone(r.Teams)
	for i := range r.Teams {
		for _, said := range slices.Concat(e.Teams, b.Teams) {
			if said.ID == r.Teams[i].ID {
				r.Teams[i].Members = slices.DeleteFunc(slices.Clone(r.Teams[i].Members), func(m string) bool { return slices.Contains(said.Members, m) })
			}
		}
	}
	return r
}

func rowsWithout[T any, K comparable](rows []T, key func(*T) K, ended, begun []T) []T {
	said := map[K]bool{}
	for _, row := range slices.Concat(ended, begun) {
		said[key(&row)] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row T) bool { return said[key(&row)] })
}
