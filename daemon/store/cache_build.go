package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

// assemble builds what all sources said, merged, as of a generation. The people
// and their rights stream from the disk into the snapshot, row by row. It ends
// early, with that error, when over says so.
func assemble(ctx context.Context, tx *sql.Tx, number uint64, contacts []access.Contact, over func() error) (*access.Snapshot, error) {
	all, err := sources(ctx, tx)
	if err != nil {
		return nil, err
	}
	m := merger{tx: tx, number: int64(number), sources: all, into: access.NewAssembly(contacts), over: over}
	for _, step := range []func(context.Context) error{m.building, m.holders, m.teams, m.grants, m.assignments} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return m.into.Done(number)
}

type source struct {
	id   int64
	name string
}

func sources(ctx context.Context, tx *sql.Tx) (all []source, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, name FROM sources ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s source
		if err := rows.Scan(&s.id, &s.name); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// merger lays the rows of all sources side by side as access.Merge does.
type merger struct {
	tx      *sql.Tx
	number  int64
	sources []source // by name: the first has the word
	into    *access.Assembly
	over    func() error
}

func (m *merger) building(ctx context.Context) (err error) {
	var all access.Roster
	for _, s := range m.sources {
		more := buildingOf(ctx, m.tx, rowsAsOf, []any{s.id, m.number}, &err)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = access.Merge(all, more)
	}
	return m.into.Building(all)
}

func (m *merger) holders(ctx context.Context) error {
	var kept access.Holder
	began := false
	err := each(ctx, m, &holderTable, func(a, b *access.Holder) int { return strings.Compare(a.ID, b.ID) }, func(h *access.Holder, _ source) error {
		if began && h.ID == kept.ID {
			kept.Suspended = kept.Suspended || h.Suspended
			kept.Extended = kept.Extended || h.Extended
			return nil
		}
		before := kept
		kept, began = *h, true
		if before.ID == "" {
			return nil
		}
		return m.into.Holder(before)
	})
	if err != nil || !began {
		return err
	}
	return m.into.Holder(kept)
}

func (m *merger) teams(ctx context.Context) error {
	members := "SELECT holder FROM team_members" + strings.Replace(rowsAsOf, " ORDER BY ", " AND team = ?3 ORDER BY holder", 1)
	last := ""
	return each(ctx, m, &teamTable, func(a, b *teamRow) int { return strings.Compare(a.id, b.id) }, func(t *teamRow, s source) error {
		if t.id == last {
			return nil
		}
		last = t.id
		team := access.Team{ID: t.id, Name: t.name}
		err := texts(ctx, m.tx, func(holder string) { team.Members = append(team.Members, holder) }, members, s.id, m.number, t.id)
		if err != nil {
			return err
		}
		return m.into.Team(team)
	})
}

func (m *merger) grants(ctx context.Context) error {
	shared, err := m.sharedGrants(ctx)
	if err != nil {
		return err
	}
	compare := func(a, b *access.Grant) int {
		return cmp.Or(cmp.Compare(assigneeCodes.encode[a.Kind], assigneeCodes.encode[b.Kind]),
			strings.Compare(a.Assignee, b.Assignee), strings.Compare(a.ID, b.ID))
	}
	return each(ctx, m, &grantTable, compare, func(g *access.Grant, s source) error {
		if first, twice := shared[g.ID]; twice && first != s.id {
			return nil
		}
		g.Source = s.name
		return m.into.Grant(*g)
	})
}

// sharedGrants is the ids that several sources have, with the first of these. In
// the order of the key they need not meet: each may name another person.
func (m *merger) sharedGrants(ctx context.Context) (map[string]int64, error) {
	shared := map[string]int64{}
	having, err := m.sourcesOfGrants(ctx)
	if err != nil {
		return nil, err
	}
	const rows = "SELECT id FROM grants WHERE source = ? AND from_generation <= ? AND (to_generation IS NULL OR to_generation > ?)"
	for i, first := range having {
		for _, second := range having[i+1:] {
			few, many := first, second // SQLite keeps the few beside it while it reads the many
			if few.rows > many.rows {
				few, many = many, few
			}
			err := texts(ctx, m.tx, func(id string) {
				if _, known := shared[id]; !known {
					shared[id] = first.id
				}
			}, rows+" AND id IN ("+rows+")", many.id, m.number, m.number, few.id, m.number, m.number)
			if err != nil {
				return nil, err
			}
		}
	}
	return shared, nil
}

type holding struct {
	source
	rows int
}

// sourcesOfGrants are the sources that have grants, and how many, unless it is
// one alone.
func (m *merger) sourcesOfGrants(ctx context.Context) (having []holding, err error) {
	const rows = " FROM grants WHERE source = ?1 AND from_generation <= ?2 AND (to_generation IS NULL OR to_generation > ?2)"
	for _, what := range []string{"SELECT EXISTS (SELECT 1" + rows + ")", "SELECT count(*)" + rows} {
		having = having[:0]
		for _, s := range m.sources {
			one := holding{source: s}
			if err := m.tx.QueryRowContext(ctx, what, s.id, m.number).Scan(&one.rows); err != nil {
				return nil, err
			}
			if one.rows > 0 {
				having = append(having, one)
			}
		}
		if len(having) < 2 {
			return nil, nil
		}
	}
	return having, nil
}

func (m *merger) assignments(ctx context.Context) error {
	// A card that two sources know is two rows; the assembly makes one of them,
	// or refuses both when they name two people.
	compare := func(a, b *access.Assignment) int {
		return cmp.Or(bytes.Compare(a.Digest[:], b.Digest[:]), cmp.Compare(kindCodes.encode[a.Kind], kindCodes.encode[b.Kind]),
			strings.Compare(a.Holder, b.Holder), strings.Compare(a.ID, b.ID))
	}
	return each(ctx, m, &assignmentTable, compare, func(a *access.Assignment, _ source) error { return m.into.Assignment(*a) })
}

// each reads a table of all sources in the order of its key; of rows that
// compare alike that of the first source comes first.
func each[T any](ctx context.Context, m *merger, t *table[T], compare func(a, b *T) int, take func(row *T, of source) error) (err error) {
	type stream struct {
		*reader[T]
		of source
	}
	var open []stream
	defer func() {
		for _, s := range open {
			err = errors.Join(err, s.close())
		}
	}()
	for _, of := range m.sources {
		r, err := t.open(ctx, m.tx, rowsAsOf, []any{of.id, m.number})
		if err != nil {
			return err
		}
		if r.next() {
			open = append(open, stream{r, of})
		} else if err := r.close(); err != nil {
			return err
		}
	}
	for n := 0; len(open) > 0; n++ {
		least := 0
		for i := range open {
			if i > 0 && compare(&open[i].row, &open[least].row) < 0 {
				least = i
			}
		}
		if err := take(&open[least].row, open[least].of); err != nil {
			return err
		}
		if n%1024 == 0 && m.over() != nil {
			return m.over()
		}
		if !open[least].next() {
			ended := open[least]
			open = append(open[:least], open[least+1:]...)
			if err := ended.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// MergeContacts is old brought up to date by newer: a source that was heard of
// has that word's time, also if it is earlier (the clock was ahead); one that was
// not keeps what it had; a source that is new begins with none.
func MergeContacts(old, newer []access.Contact) []access.Contact {
	out := append([]access.Contact(nil), old...)
next:
	for _, c := range newer {
		for i := range out {
			if out[i].Source == c.Source {
				out[i].Ageless = c.Ageless
				if !c.At.IsZero() {
					out[i].At = c.At
				}
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}

// withSourcesOf adds a contact, never heard of, for each source that has grants
// as of a generation and no contact: one that was being taken out when the power
// went, or was taken out since.
func withSourcesOf(ctx context.Context, tx *sql.Tx, number uint64, contacts []access.Contact) ([]access.Contact, error) {
	contacts = slices.Clone(contacts)
	err := texts(ctx, tx, func(name string) {
		if !slices.ContainsFunc(contacts, func(c access.Contact) bool { return c.Source == name }) {
			contacts = append(contacts, access.Contact{Source: name})
		}
	}, `SELECT name FROM sources s WHERE EXISTS (SELECT 1 FROM grants g WHERE g.source = s.id
		AND g.from_generation <= ?1 AND (g.to_generation IS NULL OR g.to_generation > ?1))`, int64(number))
	return contacts, err
}

// texts asks for one text a row.
func texts(ctx context.Context, tx *sql.Tx, take func(string), query string, args ...any) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		take(text)
	}
	return rows.Err()
}
