package cloud

import (
	"context"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// tray takes rows in memory, and looks for what is wrong with them in the plainest
// way there is.
type tray struct {
	rows  access.Roster
	lines []trayLine
	full  error // what Add says
}

type trayLine struct {
	rows   access.Roster
	line   int
	shared bool
}

func (t *tray) Add(r access.Roster, line int, shared bool) error {
	t.lines = append(t.lines, trayLine{r, line, shared})
	all := &t.rows
	all.Places, all.Doors, all.Policies = append(all.Places, r.Places...), append(all.Doors, r.Doors...), append(all.Policies, r.Policies...)
	all.Groups, all.Schedules, all.Teams = append(all.Groups, r.Groups...), append(all.Schedules, r.Schedules...), append(all.Teams, r.Teams...)
	all.Holders, all.Assignments, all.Grants = append(all.Holders, r.Holders...), append(all.Assignments, r.Assignments...), append(all.Grants, r.Grants...)
	return t.full
}

func (t *tray) Wrong(_ context.Context, tell func(line int, table, id, other string) bool) error {
	seen := map[[2]string]bool{}
	cards := map[cardKey]string{}
	more := true
	say := func(line int, table, id, other string) { more = more && tell(line, table, id, other) }
	there := func(line int, table, id string) {
		if seen[[2]string{table, id}] {
			say(line, table, id, "")
		}
		seen[[2]string{table, id}] = true
	}
	for _, l := range t.lines {
		for _, p := range l.rows.Places {
			there(l.line, "places", p.ID)
		}
		for _, d := range l.rows.Doors {
			there(l.line, "doors", d.ID)
		}
		for _, g := range l.rows.Groups {
			there(l.line, "groups", g.ID)
		}
		for _, m := range l.rows.Teams {
			there(l.line, "teams", m.ID)
		}
		for _, h := range l.rows.Holders {
			there(l.line, "holders", h.ID)
		}
		for _, g := range l.rows.Grants {
			there(l.line, "grants", g.ID)
		}
		told := map[string]bool{}
		for _, a := range l.rows.Assignments {
			key := cardKey{a.Kind, a.Digest}
			if first, taken := cards[key]; l.shared {
				continue
			} else if taken && !told[a.ID] {
				told[a.ID] = true
				say(l.line, "assignments", a.ID, first)
			} else if !taken {
				cards[key] = a.Holder
			}
		}
	}
	named := func(line int, table, id, in string) {
		if !seen[[2]string{in, id}] {
			say(line, table, id, in)
		}
	}
	for _, l := range t.lines {
		for _, d := range l.rows.Doors {
			if d.Place != "" {
				named(l.line, "doors", d.Place, "places")
			}
		}
		for _, g := range l.rows.Groups {
			for _, id := range g.Doors {
				named(l.line, "group_doors", id, "doors")
			}
		}
		for _, m := range l.rows.Teams {
			for _, id := range m.Members {
				named(l.line, "team_members", id, "holders")
			}
		}
		for _, g := range l.rows.Grants {
			named(l.line, "grants", g.Assignee, map[access.AssigneeKind]string{access.ToHolder: "holders", access.ToTeam: "teams"}[g.Kind])
			if in := map[access.ScopeKind]string{access.ScopeDoor: "doors", access.ScopeGroup: "groups", access.ScopePlace: "places"}[g.Scope]; in != "" {
				named(l.line, "grants", g.ScopeID, in)
			}
		}
	}
	return nil
}

// taken fetches and reads all that a source says.
func taken(tb testing.TB, source Source) (access.Roster, error) {
	tb.Helper()
	var in tray
	fetched, err := source.Fetch(tb.Context(), "")
	if err == nil {
		err = fetched.Rows(tb.Context(), &in)
	}
	return in.rows, err
}
