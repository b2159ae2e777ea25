package access

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one row of a roster that cannot be used, and why.
type Problem struct {
	Table string `json:"table"`
	ID    string `json:"id"`
	What  string `json:"what"`
}

// String reads as one line for a person.
func (p Problem) String() string { return p.Table + " " + p.ID + ": " + p.What }

// BuildError is a roster refused whole, with every row that is wrong.
type BuildError struct{ Problems []Problem }

// Error names the first problems and counts the rest.
func (e *BuildError) Error() string {
	const show = 3
	var b strings.Builder
	fmt.Fprintf(&b, "roster: %d rows are wrong", len(e.Problems))
	for i, p := range e.Problems {
		if i == show {
			fmt.Fprintf(&b, "; and %d more", len(e.Problems)-show)
			break
		}
		b.WriteString("; " + p.String())
	}
	return b.String()
}

// Prune returns the roster without the rows that point at nothing, appear
// twice or contradict themselves, and what it left out. A cloud may be
// mid-change, so its roster is pruned; a file must be right, so Build refuses
// it whole. The given roster is not changed.
func Prune(r Roster) (Roster, []Problem) {
	c := pruner{}
	r.Places = prune(&c, "place", r.Places, func(p *Place) string { return p.ID }, nil)
	places := ids(r.Places, func(p *Place) string { return p.ID })
	r.Doors = prune(&c, "door", r.Doors, func(d *Door) string { return d.ID }, func(d *Door) string {
		return missing("place", d.Place, places, true)
	})
	doors := ids(r.Doors, func(d *Door) string { return d.ID })
	r.Policies = prune(&c, "door settings", r.Policies, func(p *Policy) string { return p.Door }, nil)
	for i := range r.Policies {
		doors[r.Policies[i].Door] = struct{}{}
	}
	r.Groups = prune(&c, "group", r.Groups, func(g *Group) string { return g.ID }, func(g *Group) string {
		g.Doors = c.refs("group", g.ID, "door", g.Doors, doors)
		return ""
	})
	groups := ids(r.Groups, func(g *Group) string { return g.ID })
	r.Schedules = pruneSchedules(&c, r.Schedules, groups, doors)
	r.Holders = prune(&c, "holder", r.Holders, func(h *Holder) string { return h.ID }, nil)
	holders := ids(r.Holders, func(h *Holder) string { return h.ID })
	r.Teams = prune(&c, "team", r.Teams, func(t *Team) string { return t.ID }, func(t *Team) string {
		t.Members = c.refs("team", t.ID, "holder", t.Members, holders)
		return ""
	})
	teams := ids(r.Teams, func(t *Team) string { return t.ID })
	r.Assignments = prune(&c, "credential", r.Assignments, nil, func(a *Assignment) string {
		return missing("holder", a.Holder, holders, false)
	})
	r.Grants = prune(&c, "grant", r.Grants, func(g *Grant) string { return g.ID }, func(g *Grant) string {
		return grantProblem(g, holders, teams, doors, groups, places)
	})
	return r, c.problems
}

// pruneSchedules leaves out the schedules that cannot be used. One that takes
// time away, or has the door wait for somebody, takes all the others of its kind
// with it: without it they would open for longer than anybody said.
func pruneSchedules(c *pruner, rows []Schedule, groups, doors map[string]struct{}) []Schedule {
	type kind struct {
		on          ScopeKind
		id          string
		consequence Consequence
	}
	spoiled := map[kind]bool{}
	kept := prune(c, "schedule", rows, func(s *Schedule) string { return s.ID }, func(s *Schedule) string {
		what := s.problem()
		if what == "" && s.On == ScopeGroup {
			what = missing("group", s.OnID, groups, false)
		} else if what == "" {
			what = missing("door", s.OnID, doors, false)
		}
		if what != "" && s.Except {
			spoiled[kind{s.On, s.OnID, s.Consequence}] = true
		}
		if what != "" && s.Consequence == FirstToArrive {
			spoiled[kind{s.On, s.OnID, Unlock}] = true
		}
		return what
	})
	return slices.DeleteFunc(kept, func(s Schedule) bool { return spoiled[kind{s.On, s.OnID, s.Consequence}] })
}

func grantProblem(g *Grant, holders, teams, doors, groups, places map[string]struct{}) string {
	assignees, word := holders, "holder"
	if g.Kind == ToTeam {
		assignees, word = teams, "team"
	}
	if what := missing(word, g.Assignee, assignees, false); what != "" {
		return what
	}
	if !g.From.IsZero() && !g.Until.IsZero() && !g.From.Before(g.Until) {
		return "ends before it begins"
	}
	switch g.Scope {
	case ScopeDoor:
		return missing("door", g.ScopeID, doors, false)
	case ScopeGroup:
		return missing("group", g.ScopeID, groups, false)
	case ScopePlace:
		return missing("place", g.ScopeID, places, false)
	case ScopeOrganisation:
		return ""
	}
	return "covers nothing we know"
}

type pruner struct{ problems []Problem }

func (c *pruner) add(table, id, what string) {
	c.problems = append(c.problems, Problem{Table: table, ID: id, What: what})
}

// refs returns the references that exist, reporting the others.
func (c *pruner) refs(table, id, word string, refs []string, known map[string]struct{}) []string {
	var kept []string
	for i, ref := range refs {
		what := missing(word, ref, known, false)
		if what == "" {
			if kept != nil {
				kept = append(kept, ref)
			}
			continue
		}
		c.add(table, id, what)
		if kept == nil {
			kept = append(make([]string, 0, len(refs)), refs[:i]...)
		}
	}
	if kept == nil {
		return refs
	}
	return kept
}

func missing(word, id string, known map[string]struct{}, mayBeEmpty bool) string {
	if id == "" && mayBeEmpty {
		return ""
	}
	if _, ok := known[id]; ok {
		return ""
	}
	return notThere(word, id)
}

func ids[T any](rows []T, id func(*T) string) map[string]struct{} {
	set := make(map[string]struct{}, len(rows))
	for i := range rows {
		set[id(&rows[i])] = struct{}{}
	}
	return set
}

// prune copies the rows that have an id of their own and pass the check; the
// check may change its row, which is a copy.
func prune[T any](c *pruner, table string, rows []T, id func(*T) string, check func(*T) string) []T {
	kept := make([]T, 0, len(rows))
	seen := make(map[string]struct{}, len(rows))
	for i := range rows {
		row := rows[i]
		if id != nil {
			name := id(&row)
			if name == "" {
				c.add(table, fmt.Sprintf("#%d", i+1), "has no id")
				continue
			}
			if _, twice := seen[name]; twice {
				c.add(table, name, "appears twice")
				continue
			}
			seen[name] = struct{}{}
		}
		if check != nil {
			if what := check(&row); what != "" {
				name := fmt.Sprintf("#%d", i+1)
				if id != nil {
					name = id(&row)
				}
				c.add(table, name, what)
				continue
			}
		}
		kept = append(kept, row)
	}
	return kept
}
