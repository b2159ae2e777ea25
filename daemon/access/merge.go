package access

import (
	"cmp"
	"slices"
)

// Merge lays the rows of one source beside those of others. Sources are merged
// in the order of their names: where two have a row of one id the first has the
// word, but what either forbids binds. Neither roster is changed.
func Merge(r, more Roster) Roster {
	locked := lockedPlaces(r.Places, more.Places)
	r.Places = mergeBy(r.Places, more.Places, func(p *Place) string { return p.ID },
		func(kept, other *Place) { kept.LockedDown = kept.LockedDown || other.LockedDown })
	r.Doors = mergeBy(r.Doors, more.Doors, func(d *Door) string { return d.ID },
		func(kept, other *Door) {
			kept.Place = cmp.Or(kept.Place, other.Place)
			// A door has one place, and the lockdown of either binds.
			kept.LockedDown = kept.LockedDown || other.LockedDown || locked[other.Place]
			kept.Restricted = kept.Restricted || other.Restricted
			kept.AtDoorOnly = kept.AtDoorOnly || other.AtDoorOnly
			kept.Zone = cmp.Or(kept.Zone, other.Zone)
		})
	r.Policies = mergeBy(r.Policies, more.Policies, func(p *Policy) string { return p.Door }, nil)
	r.Groups = mergeBy(r.Groups, more.Groups, func(g *Group) string { return g.ID },
		func(kept, other *Group) {
			kept.Restricted = kept.Restricted || other.Restricted
			kept.AtDoorOnly = kept.AtDoorOnly || other.AtDoorOnly
		})
	r.Schedules = mergeBy(r.Schedules, more.Schedules, func(s *Schedule) string { return s.ID }, nil)
	r.Teams = mergeBy(r.Teams, more.Teams, func(t *Team) string { return t.ID }, nil)
	r.Holders = mergeBy(r.Holders, more.Holders, func(h *Holder) string { return h.ID },
		func(kept, other *Holder) {
			kept.Suspended = kept.Suspended || other.Suspended
			kept.Extended = kept.Extended || other.Extended // a need that one source knows of is a need
		})
	r.Grants = mergeBy(r.Grants, more.Grants, func(g *Grant) string { return g.ID }, nil)
	// A card that two sources know is two rows; Build makes one of them, or
	// refuses both when they name two people.
	r.Assignments = slices.Concat(r.Assignments, more.Assignments)
	return r
}

// lockedPlaces are the places that any source has locked down.
func lockedPlaces(sources ...[]Place) map[string]bool {
	locked := map[string]bool{}
	for _, places := range sources {
		for i := range places {
			if places[i].LockedDown {
				locked[places[i].ID] = true
			}
		}
	}
	return locked
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
	rows = slices.Clone(rows)
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
