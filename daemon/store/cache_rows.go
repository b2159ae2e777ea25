package store

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// shape is how a table of the cache looks. The first keys of its columns are the
// key, and rows are read in its order; every row also has a source and
// generations.
type shape struct {
	name    string
	columns []string
	keys    int
	// set says that the key is the whole row, so that a repeated row is the
	// same row and no contradiction.
	set bool
	// named is how many columns say which row a change means, where that is not the
	// whole key.
	named int
}

func (t *shape) naming() int { return cmp.Or(t.named, t.keys) }

// table says how one kind of row is kept.
type table[T any] struct {
	shape
	bind func(row *T) []any
	// read takes the columns in the same order.
	read func(c cells) T
}

// cells are the values of one row that is being read.
type cells struct {
	values []any
	bad    *bool // set when a value has not the type that the schema says
}

func (c cells) text(i int) string {
	s, ok := c.values[i].(string)
	*c.bad = *c.bad || !ok
	return s
}

func (c cells) number(i int) int64 {
	n, ok := c.values[i].(int64)
	*c.bad = *c.bad || !ok
	return n
}

func (c cells) digest(i int) (d access.Digest) {
	b, ok := c.values[i].([]byte)
	*c.bad = *c.bad || !ok || len(b) != len(d)
	copy(d[:], b)
	return d
}

// instant is a time that may be absent.
func (c cells) instant(i int) time.Time {
	if c.values[i] == nil {
		return time.Time{}
	}
	return time.UnixMicro(c.number(i)).UTC()
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// flags packs booleans into one number, the first is 1.
func flags(all ...bool) int64 {
	var n int64
	for i, b := range all {
		if b {
			n |= 1 << i
		}
	}
	return n
}

// codes are the numbers of this file for an enumeration of access, which may
// count otherwise after an upgrade. A label never changes its place.
type codes[T ~uint8] struct {
	encode [math.MaxUint8 + 1]int64
	decode []T
}

func newCodes[T ~uint8](label func(T) string, labels ...string) codes[T] {
	var c codes[T]
	for v := range c.encode {
		c.encode[v] = -1
	}
	for i, l := range labels {
		for v := range c.encode {
			if c.encode[v] < 0 && label(T(v)) == l {
				c.encode[v] = int64(i)
				c.decode = append(c.decode, T(v))
				break
			}
		}
	}
	return c
}

func (c *codes[T]) value(row cells, i int) T {
	n := row.number(i)
	if n < 0 || n >= int64(len(c.decode)) {
		*row.bad = true
		return 0
	}
	return c.decode[n]
}

var (
	kindCodes      = newCodes(access.Kind.String, "none", "card", "wiegand", "qr", "pass", "sun", "pkoc", "pin", "login", "operator")
	assuranceCodes = newCodes(access.Assurance.String, "any", "low", "medium", "high")
	scopeCodes     = newCodes(access.ScopeKind.String, "door", "group", "place", "organisation")
	assigneeCodes  = newCodes(assigneeLabel, "holder", "team")
)

func assigneeLabel(k access.AssigneeKind) string {
	switch k {
	case access.ToHolder:
		return "holder"
	case access.ToTeam:
		return "team"
	}
	return ""
}

// groupRow is a group without its doors, which are pairs of their own: a door
// that joins a group is one row written.
type groupRow struct {
	id, name, zone         string
	restricted, atDoorOnly bool
}

type teamRow struct{ id, name string }

type pair struct{ owner, member string }

func bindPair(p *pair) []any { return []any{p.owner, p.member} }

func readPair(c cells) pair { return pair{c.text(0), c.text(1)} }

var placeTable = table[access.Place]{
	shape: shape{name: "places", columns: []string{"id", "name", "zone", "flags"}, keys: 1},
	bind:  func(p *access.Place) []any { return []any{p.ID, p.Name, p.Zone, flags(p.LockedDown)} },
	read: func(c cells) access.Place {
		return access.Place{ID: c.text(0), Name: c.text(1), Zone: c.text(2), LockedDown: c.number(3)&1 != 0}
	},
}

var doorTable = table[access.Door]{
	shape: shape{name: "doors", columns: []string{"id", "name", "place", "zone", "flags"}, keys: 1},
	bind: func(d *access.Door) []any {
		return []any{d.ID, d.Name, d.Place, d.Zone, flags(d.LockedDown, d.Restricted, d.AtDoorOnly)}
	},
	read: func(c cells) access.Door {
		f := c.number(4)
		return access.Door{
			ID: c.text(0), Name: c.text(1), Place: c.text(2), Zone: c.text(3),
			LockedDown: f&1 != 0, Restricted: f&2 != 0, AtDoorOnly: f&4 != 0,
		}
	},
}

var policyTable = table[access.Policy]{
	shape: shape{name: "policies", columns: []string{"door", "name", "zone", "assurance", "flags", "passback"}, keys: 1},
	bind: func(p *access.Policy) []any {
		return []any{
			p.Door, p.Name, p.Zone, assuranceCodes.encode[p.MinimumAssurance],
			flags(p.AskPIN, p.HighSecurity, p.Residential, p.PassbackRefuses), int64(p.Passback),
		}
	},
	read: func(c cells) access.Policy {
		f := c.number(4)
		return access.Policy{
			Door: c.text(0), Name: c.text(1), Zone: c.text(2), MinimumAssurance: assuranceCodes.value(c, 3),
			AskPIN: f&1 != 0, HighSecurity: f&2 != 0, Residential: f&4 != 0, PassbackRefuses: f&8 != 0, Passback: time.Duration(c.number(5)),
		}
	},
}

var groupTable = table[groupRow]{
	shape: shape{name: "groups", columns: []string{"id", "name", "zone", "flags"}, keys: 1},
	bind:  func(g *groupRow) []any { return []any{g.id, g.name, g.zone, flags(g.restricted, g.atDoorOnly)} },
	read: func(c cells) groupRow {
		f := c.number(3)
		return groupRow{id: c.text(0), name: c.text(1), zone: c.text(2), restricted: f&1 != 0, atDoorOnly: f&2 != 0}
	},
}

var groupDoorTable = table[pair]{
	shape: shape{name: "group_doors", columns: []string{"group_id", "door"}, keys: 2, set: true},
	bind:  bindPair, read: readPair,
}

var teamTable = table[teamRow]{
	shape: shape{name: "teams", columns: []string{"id", "name"}, keys: 1},
	bind:  func(t *teamRow) []any { return []any{t.id, t.name} },
	read:  func(c cells) teamRow { return teamRow{c.text(0), c.text(1)} },
}

var memberTable = table[pair]{
	shape: shape{name: "team_members", columns: []string{"team", "holder"}, keys: 2, set: true},
	bind:  bindPair, read: readPair,
}

var holderTable = table[access.Holder]{
	shape: shape{name: "holders", columns: []string{"id", "name", "flags", folded}, keys: 1},
	bind: func(h *access.Holder) []any {
		return []any{h.ID, h.Name, flags(h.Suspended, h.Extended), strings.ToLower(h.Name)}
	},
	read: func(c cells) access.Holder {
		f := c.number(2)
		return access.Holder{ID: c.text(0), Name: c.text(1), Suspended: f&1 != 0, Extended: f&2 != 0}
	},
}

var assignmentTable = table[access.Assignment]{
	shape: shape{name: "assignments", columns: []string{"digest", "kind", "holder", "id", "assurance", "flags"}, keys: 6, set: true, named: 4},
	bind: func(a *access.Assignment) []any {
		return []any{
			a.Digest[:], kindCodes.encode[a.Kind], a.Holder, a.ID,
			assuranceCodes.encode[a.Assurance], flags(a.Active),
		}
	},
	read: func(c cells) access.Assignment {
		return access.Assignment{
			Digest: c.digest(0), Kind: kindCodes.value(c, 1), Holder: c.text(2), ID: c.text(3),
			Assurance: assuranceCodes.value(c, 4), Active: c.number(5)&1 != 0,
		}
	},
}

var grantTable = table[access.Grant]{
	shape: shape{
		name:    "grants",
		columns: []string{"kind", "assignee", "id", "scope", "scope_id", "valid_from", "valid_until", "cause", "flags"}, keys: 3,
	},
	bind: func(g *access.Grant) []any {
		return []any{
			assigneeCodes.encode[g.Kind], g.Assignee, g.ID, scopeCodes.encode[g.Scope], g.ScopeID,
			instant(g.From), instant(g.Until), g.Cause, flags(g.Cancelled),
		}
	},
	read: func(c cells) access.Grant {
		return access.Grant{
			Kind: assigneeCodes.value(c, 0), Assignee: c.text(1), ID: c.text(2), Scope: scopeCodes.value(c, 3), ScopeID: c.text(4),
			From: c.instant(5), Until: c.instant(6), Cause: c.text(7), Cancelled: c.number(8)&1 != 0,
		}
	},
}

// shapes are all tables with generations, in the order in which they are built.
func shapes() []shape {
	return []shape{
		placeTable.shape, doorTable.shape, policyTable.shape, groupTable.shape, groupDoorTable.shape, scheduleTable.shape,
		holderTable.shape, teamTable.shape, memberTable.shape, grantTable.shape, assignmentTable.shape,
	}
}

// folded is the name in lower case, to find people by; it is never read.
const folded = "folded"

// readable is the columns that are read.
func (t *shape) readable() []string {
	return slices.DeleteFunc(slices.Clone(t.columns), func(c string) bool { return c == folded })
}

// notText are the columns that are no text, with what they are instead.
var notText = map[string]string{
	"digest": "BLOB", "flags": "INTEGER", "assurance": "INTEGER", "passback": "INTEGER", "kind": "INTEGER", "scope": "INTEGER",
	"valid_from": "INTEGER", "valid_until": "INTEGER", "consequence": "INTEGER", "days": "INTEGER", "from_minute": "INTEGER",
	"until_minute": "INTEGER", "starts": "INTEGER", "ends": "INTEGER",
}

// typed is the columns as a schema has them.
func (t *shape) typed() string {
	var all []string
	for _, c := range t.columns {
		all = append(all, c+" "+cmp.Or(notText[c], "TEXT"))
	}
	return strings.Join(all, ", ")
}

// list is columns of a table that goes by a short name in the query.
func list(of string, columns []string) string {
	return of + "." + strings.Join(columns, ", "+of+".")
}

// equal says in SQL that two tables have the same in these columns.
func equal(a, b string, columns []string) string {
	all := []string{"1"}
	for _, c := range columns {
		all = append(all, a+"."+c+" IS "+b+"."+c)
	}
	return strings.Join(all, " AND ")
}

// sameKey says in SQL that two tables have the same key.
func (t *shape) sameKey(a, b string) string {
	return strings.ReplaceAll(equal(a, b, t.columns[:t.keys]), " IS ", " = ")
}

// sameRest says in SQL that two tables have the same beside the key.
func (t *shape) sameRest(a, b string) string { return equal(a, b, t.columns[t.keys:]) }
