package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Install makes a roster the newest word of its source, in one transaction that
// writes only the rows that changed; changed counts those that began, ended or
// were replaced. With nothing changed there is no new generation: changed is 0
// and number is the newest generation, which may still want its Seal. Each
// grant's Source is the source or empty. A row that appears twice refuses the
// whole; prune the roster first. The roster is not changed.
func (c *Cache) Install(source string, r access.Roster, heard access.Contact, at time.Time) (number uint64, changed int, err error) {
	heard.Source, heard.At = source, heard.At.UTC().Truncate(time.Microsecond)
	next, err := plan(source, r)
	if err != nil {
		return 0, 0, fmt.Errorf("install the rights of %s: %w", source, err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	known, had := c.lookup(source)
	fresh := contact{Contact: heard}
	err = c.f.write(func(ctx context.Context, tx *sql.Tx) error {
		if fresh.id, err = sourceID(ctx, tx, source); err != nil {
			return err
		}
		if number, changed, err = apply(ctx, tx, next, fresh.id, at); err != nil {
			return err
		}
		if had && changed == 0 && known.Ageless == heard.Ageless && heard.At.Sub(known.saved).Abs() < confirmEvery {
			fresh.saved = known.saved
			return nil
		}
		fresh.saved = heard.At
		return fresh.store(ctx, tx)
	})
	if err = named(err); err != nil {
		return 0, 0, fmt.Errorf("install the rights of %s: %w", source, err)
	}
	c.remember(fresh)
	return number, changed, nil
}

// Retire takes all rights of a source away, and its contact with them: for a
// source that is no longer in the settings. It is an Install of nothing.
func (c *Cache) Retire(source string, at time.Time) (number uint64, changed int, err error) {
	next, err := plan(source, access.Roster{})
	if err != nil {
		return 0, 0, fmt.Errorf("retire the source %q: %w", source, err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	known, ok := c.lookup(source)
	if !ok {
		return 0, 0, fmt.Errorf("retire the source %q: %w", source, ErrNotFound)
	}
	err = c.f.write(func(ctx context.Context, tx *sql.Tx) error {
		if number, changed, err = apply(ctx, tx, next, known.id, at); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE sources SET contact = NULL WHERE id = ?", known.id)
		return err
	})
	if err = named(err); err != nil {
		return 0, 0, fmt.Errorf("retire the source %q: %w", source, err)
	}
	c.forgetContact(source)
	return number, changed, nil
}

// apply compares all tables before it writes any: only a change makes a
// generation.
func apply(ctx context.Context, tx *sql.Tx, next []change, source int64, at time.Time) (number uint64, changed int, err error) {
	for _, one := range next {
		rows, err := one.compare(ctx, tx, source)
		if err != nil {
			return 0, 0, err
		}
		changed += rows
	}
	if number, err = newestGeneration(ctx, tx); err != nil || (changed == 0 && number > 0) {
		return number, 0, err
	}
	if number, err = nextGeneration(ctx, tx, number, at); err != nil {
		return 0, 0, err
	}
	for _, one := range next {
		if err := one.write(ctx, tx, source, number); err != nil {
			return 0, 0, err
		}
	}
	return number, changed, nil
}

func sourceID(ctx context.Context, tx *sql.Tx, name string) (id int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT id FROM sources WHERE name = ?", name).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO sources (name, ageless) VALUES (?, 0)", name)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func newestGeneration(ctx context.Context, tx *sql.Tx) (uint64, error) {
	var number int64
	err := tx.QueryRowContext(ctx, "SELECT ifnull(max(number), 0) FROM generations").Scan(&number)
	return uint64(number), err
}

func nextGeneration(ctx context.Context, tx *sql.Tx, newest uint64, at time.Time) (uint64, error) {
	_, err := tx.ExecContext(ctx, "INSERT INTO generations (number, at) VALUES (?, ?)", int64(newest+1), at.UnixMicro())
	return newest + 1, err
}

// change is what Install does to one table.
type change interface {
	// compare finds what differs from the current rows of a source.
	compare(ctx context.Context, tx *sql.Tx, source int64) (rows int, err error)
	// write ends and adds rows as of a generation.
	write(ctx context.Context, tx *sql.Tx, source int64, number uint64) error
}

// plan is a change for each table.
func plan(source string, r access.Roster) ([]change, error) {
	if err := storable(source, &r); err != nil {
		return nil, err
	}
	groups, doors := splitGroups(r.Groups)
	teams, members := splitTeams(r.Teams)
	p := planner{}
	add(&p, &placeTable, r.Places)
	add(&p, &doorTable, r.Doors)
	add(&p, &policyTable, r.Policies)
	add(&p, &groupTable, groups)
	add(&p, &groupDoorTable, doors)
	add(&p, &scheduleTable, r.Schedules)
	add(&p, &teamTable, teams)
	add(&p, &memberTable, members)
	add(&p, &holderTable, r.Holders)
	add(&p, &assignmentTable, r.Assignments)
	add(&p, &grantTable, r.Grants)
	return p.changes, errors.Join(p.errs...)
}

// storable refuses what could be written but not be read again.
func storable(source string, r *access.Roster) error {
	for i := range r.Policies {
		if p := &r.Policies[i]; assuranceCodes.encode[p.MinimumAssurance] < 0 {
			return fmt.Errorf("the policy of the door %q asks for an unknown assurance, %d", p.Door, p.MinimumAssurance)
		}
	}
	for i := range r.Schedules {
		if s := &r.Schedules[i]; scopeCodes.encode[s.On] < 0 || consequenceCodes.encode[s.Consequence] < 0 {
			return fmt.Errorf("the schedule %q is of an unknown scope %d or consequence %d", s.ID, s.On, s.Consequence)
		}
	}
	for i := range r.Assignments {
		if a := &r.Assignments[i]; kindCodes.encode[a.Kind] < 0 || assuranceCodes.encode[a.Assurance] < 0 {
			return fmt.Errorf("the credential %q is of an unknown kind %d or assurance %d", a.ID, a.Kind, a.Assurance)
		}
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		if assigneeCodes.encode[g.Kind] < 0 || scopeCodes.encode[g.Scope] < 0 {
			return fmt.Errorf("the grant %q is of an unknown kind %d or scope %d", g.ID, g.Kind, g.Scope)
		}
		if g.Source != "" && g.Source != source {
			return fmt.Errorf("the grant %q says that it comes from %q", g.ID, g.Source)
		}
	}
	return nil
}

type planner struct {
	changes []change
	errs    []error
}

func add[T any](p *planner, t *table[T], rows []T) {
	ordered, err := t.inOrder(rows)
	if err != nil {
		p.errs = append(p.errs, err)
	}
	p.changes = append(p.changes, &delta[T]{table: t, next: ordered})
}

func splitGroups(groups []access.Group) (rows []groupRow, doors []pair) {
	for _, g := range groups {
		rows = append(rows, groupRow{g.ID, g.Name, g.Zone, g.Restricted, g.AtDoorOnly})
		for _, d := range g.Doors {
			doors = append(doors, pair{g.ID, d})
		}
	}
	return rows, doors
}

func splitTeams(teams []access.Team) (rows []teamRow, members []pair) {
	for _, t := range teams {
		rows = append(rows, teamRow{t.ID, t.Name})
		for _, m := range t.Members {
			members = append(members, pair{t.ID, m})
		}
	}
	return rows, members
}

// delta is the change of one table: current rows that end, and next rows that
// begin. Both sides come in the order of the key, so nothing but the
// differences is held in memory.
type delta[T any] struct {
	table *table[T]
	next  []T
	ended []ended[T]
	begun []int32 // indexes in next
}

type ended[T any] struct {
	row  T
	from int64
}

func (d *delta[T]) compare(ctx context.Context, tx *sql.Tx, source int64) (changed int, err error) {
	at, replaced := 0, 0
	begin := func() { d.begun = append(d.begun, int32(at)); at++ }
	err = d.table.each(ctx, tx, currentRows, []any{source}, func(row T, from int64) {
		for at < len(d.next) && d.table.compare(&d.next[at], &row) < 0 {
			begin()
		}
		if at < len(d.next) && d.table.compare(&d.next[at], &row) == 0 {
			if d.table.same(&d.next[at], &row) {
				at++
				return
			}
			replaced++
			begin()
		}
		d.ended = append(d.ended, ended[T]{row, from})
	})
	for at < len(d.next) {
		begin()
	}
	return len(d.ended) + len(d.begun) - replaced, err
}

func (d *delta[T]) write(ctx context.Context, tx *sql.Tx, source int64, number uint64) error {
	if err := d.writeEnded(ctx, tx, source, number); err != nil {
		return fmt.Errorf("%s: %w", d.table.name, err)
	}
	if len(d.begun) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+d.table.name+" (source, "+strings.Join(d.table.columns, ", ")+
		", from_generation) VALUES (?, ?"+strings.Repeat(", ?", len(d.table.columns))+")")
	if err != nil {
		return fmt.Errorf("%s: %w", d.table.name, err)
	}
	defer insert.Close() //nolint:errcheck // the transaction tells whether the rows are there
	for _, i := range d.begun {
		values := append([]any{source}, d.table.bind(&d.next[i])...)
		if _, err := insert.ExecContext(ctx, append(values, int64(number))...); err != nil {
			return fmt.Errorf("%s: %w", d.table.name, err)
		}
	}
	return nil
}

func (d *delta[T]) writeEnded(ctx context.Context, tx *sql.Tx, source int64, number uint64) error {
	if len(d.ended) == 0 {
		return nil
	}
	keys := strings.Join(d.table.columns[:d.table.keys], " = ? AND ")
	end, err := tx.PrepareContext(ctx, "UPDATE "+d.table.name+" SET to_generation = ? WHERE source = ? AND "+keys+" = ? AND from_generation = ?")
	if err != nil {
		return err
	}
	defer end.Close() //nolint:errcheck // the transaction tells whether the rows are there
	for i := range d.ended {
		values := append([]any{int64(number), source}, d.table.bind(&d.ended[i].row)[:d.table.keys]...)
		if _, err := end.ExecContext(ctx, append(values, d.ended[i].from)...); err != nil {
			return err
		}
	}
	return nil
}
