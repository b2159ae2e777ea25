package store

import "github.com/tilegate/tilegate/daemon/access"

// merge adds the rows of the next source by name.
func merge(r, more access.Roster) access.Roster {
	r.Places = mergeBy(r.Places, more.Places, func(p *access.Place) string { return p.ID },
		func(kept, other *access.Place) { kept.LockedDown = kept.LockedDown || other.LockedDown })
	r.Doors = mergeBy(r.Doors, more.Doors, func(d *access.Door) string { return d.ID },
		func(kept, other *access.Door) {
			kept.LockedDown = kept.LockedDown || other.LockedDown
			kept.Restricted = kept.Restricted || other.Restricted
			kept.AtDoorOnly = kept.AtDoorOnly || other.AtDoorOnly
		})
	r.Policies = mergeBy(r.Policies, more.Policies, func(p *access.Policy) string { return p.Door }, nil)
	r.Groups = mergeBy(r.Groups, more.Groups, func(g *access.Group) string { return g.ID },
		func(kept, other *access.Group) {
			kept.Restricted = kept.Restricted || other.Restricted
			kept.AtDoorOnly = kept.AtDoorOnly || other.AtDoorOnly
		})
	r.Teams = mergeBy(r.Teams, more.Teams, func(t *access.Team) string { return t.ID }, nil)
	r.Holders = mergeBy(r.Holders, more.Holders, func(h *access.Holder) string { return h.ID },
		func(kept, other *access.Holder) { kept.Suspended = kept.Suspended || other.Suspended })
	r.Grants = mergeBy(r.Grants, more.Grants, func(g *access.Grant) string { return g.ID }, nil)
	if len(r.Assignments) == 0 {
		r.Assignments = more.Assignments
	} else {
		// A card that two sources know is two rows; building the snapshot
		// makes one of them, or refuses both when they name two people.
		r.Assignments = append(r.Assignments, more.Assignments...)
	}
	return r
}

// mergeBy appends the rows whose id is new. For the others the row that is
// there stays, and bind adds what the other forbids.
func mergeBy[T any](rows, more []T, id func(*T) string, bind func(kept, other *T)) []T {
	if len(rows) == 0 {
		return more
	}
	if len(more) == 0 {
		return rows
	}
	at := make(map[string]int, len(rows))
	for i := range rows {
		at[id(&rows[i])] = i
	}
	for i := range more {
		if kept, twice := at[id(&more[i])]; !twice {
			rows = append(rows, more[i])
		} else if bind != nil {
			bind(&rows[kept], &more[i])
		}
	}
	return rows
}
