package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

const (
	currentRows = " WHERE source = ?1 AND to_generation IS NULL ORDER BY "
	rowsAsOf    = " WHERE source = ?1 AND from_generation <= ?2 AND (to_generation IS NULL OR to_generation > ?2) ORDER BY "
)

// ErrUnsound says that rights were read and still cannot be used: they do not
// hang together, or do not hash to what was sealed.
var ErrUnsound = errors.New("the rights on disk cannot be used")

// Loaded is the rights of an earlier run.
type Loaded struct {
	Snapshot *access.Snapshot // of nothing where there is no sealed generation
	Sealed   Generation
	// Behind says that the newest rows on disk are not sealed, and Older that what
	// was sealed was by a tilegate that hashed otherwise. Rebuild takes the newest
	// rows into use and seals them.
	Behind, Older bool
}

// Load is what all sources said, merged, as of the newest sealed generation. A
// source that has rights and is not among the contacts has one too, never heard of.
//
// A row that two sources have under one id is taken from the first source by
// name, but what forbids binds from either: a lockdown, hours, at the door
// only, a suspension.
func (c *Cache) Load(ctx context.Context, contacts []access.Contact) (l Loaded, err error) {
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		if err := readGenerations(ctx, tx, &l); err != nil {
			return err
		}
		var err error
		if contacts, err = withSourcesOf(ctx, tx, l.Sealed.Number, contacts); err != nil {
			return err
		}
		l.Snapshot, err = assemble(ctx, tx, l.Sealed.Number, contacts, ctx.Err)
		return err
	})
	if wrong, ok := errors.AsType[*access.BuildError](err); ok {
		err = fmt.Errorf("%w: generation %d: %w", ErrUnsound, l.Sealed.Number, wrong)
	}
	if err == nil && l.Sealed.Number != 0 && !l.Older && l.Snapshot.Hash() != l.Sealed.Hash {
		err = fmt.Errorf("%w: generation %d does not hash to what was sealed", ErrUnsound, l.Sealed.Number)
	}
	if err = named(err); err != nil {
		return Loaded{}, fmt.Errorf("load the rights: %w", err)
	}
	return l, nil
}

func readGenerations(ctx context.Context, tx *sql.Tx, l *Loaded) error {
	var hash []byte
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT number, at, hash, form FROM generations WHERE hash IS NOT NULL
		ORDER BY number DESC LIMIT 1`).Scan(&l.Sealed.Number, &at, &hash, &l.Sealed.Form)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil {
		l.Sealed.At = time.UnixMicro(at).UTC()
		copy(l.Sealed.Hash[:], hash)
	}
	l.Older = l.Sealed.Number != 0 && l.Sealed.Form != access.HashForm
	newest, err := newestSeal(ctx, tx)
	l.Behind = newest.Number > l.Sealed.Number
	return err
}

// LoadSource is what one source said last; empty if it never said anything. It
// is in memory whole, so it is for sources of which that is known to fit.
func (c *Cache) LoadSource(ctx context.Context, source string) (r access.Roster, err error) {
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		id, err := findSource(ctx, tx, source)
		if err != nil || id == 0 {
			return err
		}
		r, err = rowsOf(ctx, tx, source, currentRows, id)
		return err
	})
	if err = named(err); err != nil {
		return access.Roster{}, fmt.Errorf("the rights of %s: %w", source, err)
	}
	return r, nil
}

// rowsOf is the roster of one source.
func rowsOf(ctx context.Context, tx *sql.Tx, source, which string, args ...any) (r access.Roster, err error) {
	r = buildingOf(ctx, tx, which, args, &err)
	r.Teams = joinTeams(load(ctx, tx, &teamTable, which, args, &err), load(ctx, tx, &memberTable, which, args, &err))
	r.Holders = load(ctx, tx, &holderTable, which, args, &err)
	r.Assignments = load(ctx, tx, &assignmentTable, which, args, &err)
	r.Grants = load(ctx, tx, &grantTable, which, args, &err)
	for i := range r.Grants {
		r.Grants[i].Source = source
	}
	return r, err
}

// buildingOf is the part of it that is small.
func buildingOf(ctx context.Context, tx *sql.Tx, which string, args []any, failed *error) (r access.Roster) {
	r.Places = load(ctx, tx, &placeTable, which, args, failed)
	r.Doors = load(ctx, tx, &doorTable, which, args, failed)
	r.Policies = load(ctx, tx, &policyTable, which, args, failed)
	r.Groups = joinGroups(load(ctx, tx, &groupTable, which, args, failed), load(ctx, tx, &groupDoorTable, which, args, failed))
	r.Schedules = load(ctx, tx, &scheduleTable, which, args, failed)
	return r
}

// load is all rows of a table that a source has; after an error it does
// nothing.
func load[T any](ctx context.Context, tx *sql.Tx, t *table[T], which string, args []any, failed *error) (all []T) {
	if *failed != nil {
		return nil
	}
	var r *reader[T]
	if r, *failed = t.open(ctx, tx, which, args); *failed != nil {
		return nil
	}
	for r.next() {
		if len(all) == cap(all) {
			all = slices.Grow(all, len(all)+64) // twice as large: append's own steps copy 100,000 rows five times
		}
		all = append(all, r.row)
	}
	*failed = r.close()
	return all
}

// reader reads the rows of one source in the order of the key. Nothing is
// allocated for a row but its texts. It must be closed, which tells what failed.
type reader[T any] struct {
	table *table[T]
	rows  *sql.Rows
	cells cells
	into  []any
	row   T
	err   error
}

func (t *table[T]) open(ctx context.Context, tx *sql.Tx, which string, args []any) (*reader[T], error) {
	return t.query(ctx, tx, "SELECT "+strings.Join(t.readable(), ", ")+" FROM "+t.name+which+strings.Join(t.columns[:t.keys], ", "), args...)
}

// query reads rows that have the columns of the table.
func (t *table[T]) query(ctx context.Context, tx *sql.Tx, query string, args ...any) (*reader[T], error) {
	rows, err := tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck // by close
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	r := &reader[T]{table: t, rows: rows, cells: cells{values: make([]any, len(t.readable())), bad: new(bool)}}
	for i := range r.cells.values {
		r.into = append(r.into, &r.cells.values[i])
	}
	return r, nil
}

func (r *reader[T]) next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	if r.err = r.rows.Scan(r.into...); r.err != nil {
		return false
	}
	r.row = r.table.read(r.cells)
	if *r.cells.bad {
		r.err = fmt.Errorf("%w: a row that cannot be read", ErrDamaged)
		return false
	}
	return true
}

func (r *reader[T]) close() error {
	if err := errors.Join(r.err, r.rows.Err(), r.rows.Close()); err != nil {
		return fmt.Errorf("%s: %w", r.table.name, err)
	}
	return nil
}

// joinGroups gives the groups their doors; both come in the order of the group.
func joinGroups(rows []groupRow, doors []pair) []access.Group {
	groups := make([]access.Group, 0, len(rows))
	for _, row := range rows {
		g := access.Group{ID: row.id, Name: row.name, Zone: row.zone, Restricted: row.restricted, AtDoorOnly: row.atDoorOnly}
		g.Doors, doors = takeMembers(row.id, doors)
		groups = append(groups, g)
	}
	return groups
}

func joinTeams(rows []teamRow, members []pair) []access.Team {
	teams := make([]access.Team, 0, len(rows))
	for _, row := range rows {
		t := access.Team{ID: row.id, Name: row.name}
		t.Members, members = takeMembers(row.id, members)
		teams = append(teams, t)
	}
	return teams
}

// takeMembers takes the members of an owner from the front of the pairs.
func takeMembers(owner string, pairs []pair) (members []string, rest []pair) {
	n := 0
	for n < len(pairs) && pairs[n].owner == owner {
		members = append(members, pairs[n].member)
		n++
	}
	return members, pairs[n:]
}
