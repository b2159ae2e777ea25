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

// Load is what all sources said, merged, as of the newest sealed generation,
// with when each source was last heard of. Without a sealed generation the
// roster is empty and the generation is 0.
//
// A row that two sources have under one id is taken from the first source by
// name, but what forbids binds from either: a lockdown, hours, at the door
// only, a suspension.
func (c *Cache) Load(ctx context.Context) (r access.Roster, contacts []access.Contact, g Generation, err error) {
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		var hash []byte
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT number, at, hash, form FROM generations WHERE hash IS NOT NULL
			ORDER BY number DESC LIMIT 1`).Scan(&g.Number, &at, &hash, &g.Form)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		g.At = time.UnixMicro(at).UTC()
		copy(g.Hash[:], hash)
		r, err = merged(ctx, tx, g.Number)
		return err
	})
	if err = named(err); err != nil {
		return access.Roster{}, nil, Generation{}, fmt.Errorf("load the rights: %w", err)
	}
	return r, c.Contacts(), g, nil
}

// At is what all sources said, merged, as of a past generation, or ErrNotFound
// when that is no longer kept. Compare the hash of the snapshot with the
// event's: numbers begin again after a damaged cache was set aside.
func (c *Cache) At(ctx context.Context, number uint64) (r access.Roster, err error) {
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		var found int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM generations WHERE number = ?", int64(number)).Scan(&found)
		if err != nil {
			return err
		}
		if found == 0 {
			return ErrNotFound
		}
		r, err = merged(ctx, tx, number)
		return err
	})
	if err = named(err); err != nil {
		return access.Roster{}, fmt.Errorf("the rights of generation %d: %w", number, err)
	}
	return r, nil
}

// LoadSource is what one source said last, sealed or not; empty if it never
// said anything.
func (c *Cache) LoadSource(ctx context.Context, source string) (r access.Roster, err error) {
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx, "SELECT id FROM sources WHERE name = ?", source).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
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

func merged(ctx context.Context, tx *sql.Tx, number uint64) (r access.Roster, err error) {
	all, err := sources(ctx, tx)
	if err != nil {
		return r, err
	}
	for _, s := range all {
		more, err := rowsOf(ctx, tx, s.name, rowsAsOf, s.id, int64(number))
		if err != nil {
			return r, fmt.Errorf("%s: %w", s.name, err)
		}
		r = access.Merge(r, more)
	}
	return r, nil
}

// rowsOf is the roster of one source.
func rowsOf(ctx context.Context, tx *sql.Tx, source, which string, args ...any) (r access.Roster, err error) {
	r.Places = load(ctx, tx, &placeTable, which, args, &err)
	r.Doors = load(ctx, tx, &doorTable, which, args, &err)
	r.Policies = load(ctx, tx, &policyTable, which, args, &err)
	r.Groups = joinGroups(load(ctx, tx, &groupTable, which, args, &err), load(ctx, tx, &groupDoorTable, which, args, &err))
	r.Schedules = load(ctx, tx, &scheduleTable, which, args, &err)
	r.Teams = joinTeams(load(ctx, tx, &teamTable, which, args, &err), load(ctx, tx, &memberTable, which, args, &err))
	r.Holders = load(ctx, tx, &holderTable, which, args, &err)
	r.Assignments = load(ctx, tx, &assignmentTable, which, args, &err)
	r.Grants = load(ctx, tx, &grantTable, which, args, &err)
	for i := range r.Grants {
		r.Grants[i].Source = source
	}
	return r, err
}

// load is all rows of a table that a source has; after an error it does
// nothing.
func load[T any](ctx context.Context, tx *sql.Tx, t *table[T], which string, args []any, failed *error) (all []T) {
	if *failed == nil {
		*failed = t.each(ctx, tx, which, args, func(row T, _ int64) {
			if len(all) == cap(all) {
				all = slices.Grow(all, len(all)+64) // twice as large: append's own steps copy 100,000 rows five times
			}
			all = append(all, row)
		})
	}
	return all
}

// each reads rows in the order of the key. Nothing is allocated for a row but
// its texts.
func (t *table[T]) each(ctx context.Context, tx *sql.Tx, which string, args []any, take func(row T, from int64)) (err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+strings.Join(t.columns, ", ")+", from_generation FROM "+t.name+
		which+strings.Join(t.columns[:t.keys], ", "), args...)
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := cells{values: make([]any, len(t.columns)+1), bad: new(bool)}
	into := make([]any, len(row.values))
	for i := range into {
		into[i] = &row.values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		take(t.read(row), row.number(len(t.columns)))
		if *row.bad {
			return fmt.Errorf("%s: %w: a row that cannot be read", t.name, ErrDamaged)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
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
