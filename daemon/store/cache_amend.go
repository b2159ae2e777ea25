package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

// ErrLarge says that a change has rows that are no small change: groups, schedules
// or policies. Install the source whole.
var ErrLarge = errors.New("only places, doors, people, teams, cards and rights can be changed one by one")

// Resolve is a small change as it must be made to what is in force: with the rows
// that end as they are written here, found by their keys, and without those that
// are as they should be already. A row that begins takes the place of the one that
// is there under its key. Alone says that no other source has a row of the same
// id; else the rights must be built anew.
func (c *Cache) Resolve(ctx context.Context, name string, d access.Delta) (exact access.Delta, alone bool, err error) {
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		id, err := findSource(ctx, tx, name)
		if err != nil {
			return err
		}
		a, err := resolve(ctx, tx, source{id, name}, d)
		if err != nil {
			return err
		}
		exact = a.exact
		alone, err = isAlone(ctx, tx, source{id, name}, exact)
		return err
	})
	if err = named(err); err != nil {
		return access.Delta{}, false, fmt.Errorf("change the rights of %s: %w", name, err)
	}
	return exact, alone, nil
}

// Amend writes a small change of one source as a generation of its own and seals
// what comes of it; see Resolve for what the rows mean. It counts as a word of the
// source.
func (c *Cache) Amend(ctx context.Context, d access.Delta, heard access.Contact, t Terms) (done Change, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err = storable(heard.Source, &d.Begun)
	if err == nil {
		var a amendment
		err = c.f.read(ctx, func(tx *sql.Tx) error {
			id, err := findSource(ctx, tx, heard.Source)
			if err == nil {
				a, err = resolve(ctx, tx, source{id, heard.Source}, d)
			}
			return err
		})
		if err == nil {
			done, err = c.change(c.f.w, heard, t, ctx.Err, &a)
		}
	}
	if err = named(err); err != nil {
		return Change{}, fmt.Errorf("change the rights of %s: %w", heard.Source, err)
	}
	return done, nil
}

// amendment is rows that end and begin, found by their keys.
type amendment struct {
	exact access.Delta
	steps []func(ctx context.Context, tx *sql.Tx, source int64, number uint64) error
	rows  int
}

func resolve(ctx context.Context, tx *sql.Tx, of source, d access.Delta) (a amendment, err error) {
	for _, r := range []*access.Roster{&d.Ended, &d.Begun} {
		if len(r.Groups)+len(r.Schedules)+len(r.Policies) > 0 {
			return a, ErrLarge
		}
	}
	e, b := &a.exact.Ended, &a.exact.Begun
	e.Places, b.Places = amend(ctx, tx, of, &a, &placeTable, d.Ended.Places, d.Begun.Places, &err)
	e.Doors, b.Doors = amend(ctx, tx, of, &a, &doorTable, d.Ended.Doors, d.Begun.Doors, &err)
	e.Holders, b.Holders = amend(ctx, tx, of, &a, &holderTable, d.Ended.Holders, d.Begun.Holders, &err)
	e.Teams, b.Teams = a.teams(ctx, tx, of, d, &err)
	e.Grants, b.Grants = amend(ctx, tx, of, &a, &grantTable, d.Ended.Grants, d.Begun.Grants, &err)
	e.Assignments, b.Assignments = amend(ctx, tx, of, &a, &assignmentTable, d.Ended.Assignments, d.Begun.Assignments, &err)
	for _, grants := range [][]access.Grant{e.Grants, b.Grants} {
		for i := range grants {
			grants[i].Source = of.name
		}
	}
	return a, err
}

// amend is what of one table ends and begins.
func amend[T any](ctx context.Context, tx *sql.Tx, of source, a *amendment, t *table[T], ended, begun []T, failed *error) (e, b []T) {
	seen := map[string]bool{}
	for i, row := range slices.Concat(begun, ended) {
		key := fmt.Sprintf("%q", t.bind(&row)[:t.naming()])
		if *failed != nil || seen[key] {
			continue
		}
		seen[key] = true
		var have []T
		if have, *failed = t.current(ctx, tx, of.id, &row); *failed != nil {
			continue
		}
		begins := i < len(begun)
		if len(have) == 1 && begins && reflect.DeepEqual(t.bind(&have[0]), t.bind(&row)) {
			continue
		}
		e = append(e, have...)
		if begins {
			b = append(b, row)
		}
		if begins || len(have) > 0 {
			a.rows++
		}
	}
	a.steps = append(a.steps, func(ctx context.Context, tx *sql.Tx, source int64, number uint64) error {
		return t.replace(ctx, tx, source, number, e, b)
	})
	return e, b
}

// current is what is there under the key of another row.
func (t *table[T]) current(ctx context.Context, tx *sql.Tx, source int64, like *T) (all []T, err error) {
	where := " WHERE source = ? AND to_generation IS NULL AND " + strings.Join(t.columns[:t.naming()], " = ? AND ") + " = ?"
	r, err := t.query(ctx, tx, "SELECT "+strings.Join(t.readable(), ", ")+" FROM "+t.name+where, append([]any{source}, t.bind(like)[:t.naming()]...)...)
	if err != nil {
		return nil, err
	}
	for r.next() {
		all = append(all, r.row)
	}
	return all, r.close()
}

// replace ends rows and begins others.
func (t *table[T]) replace(ctx context.Context, tx *sql.Tx, source int64, number uint64, ended, begun []T) error {
	for i := range ended {
		values := append([]any{int64(number), source}, t.bind(&ended[i])[:t.keys]...)
		if _, err := tx.ExecContext(ctx, "UPDATE "+t.name+" SET to_generation = ? WHERE source = ? AND to_generation IS NULL AND "+
			strings.Join(t.columns[:t.keys], " = ? AND ")+" = ?", values...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	for i := range begun {
		values := append([]any{source, int64(number)}, t.bind(&begun[i])...)
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+t.name+" (source, from_generation, "+strings.Join(t.columns, ", ")+
			") VALUES (?, ?"+strings.Repeat(", ?", len(t.columns))+")", values...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// teams is who leaves and who joins teams that stay.
func (a *amendment) teams(ctx context.Context, tx *sql.Tx, of source, d access.Delta, failed *error) (e, b []access.Team) {
	if *failed != nil || len(d.Ended.Teams)+len(d.Begun.Teams) == 0 {
		return nil, nil
	}
	before, left := splitTeams(d.Ended.Teams)
	after, joined := splitTeams(d.Begun.Teams)
	byID := func(x, y teamRow) int { return strings.Compare(x.id, y.id) }
	slices.SortFunc(before, byID)
	slices.SortFunc(after, byID)
	if !slices.EqualFunc(before, after, func(x, y teamRow) bool { return x.id == y.id }) {
		*failed = ErrLarge
		return nil, nil
	}
	_, _ = amend(ctx, tx, of, a, &teamTable, nil, after, failed)
	left = slices.DeleteFunc(left, func(p pair) bool { return slices.Contains(joined, p) })
	left, joined = amend(ctx, tx, of, a, &memberTable, left, joined, failed)
	for i := range after {
		was, err := teamTable.current(ctx, tx, of.id, &after[i])
		if err != nil || len(was) == 0 {
			*failed = errors.Join(*failed, err)
			b = append(b, access.Team{ID: after[i].id, Name: after[i].name})
			continue
		}
		e = append(e, access.Team{ID: was[0].id, Name: was[0].name, Members: membersOf(was[0].id, left)})
		b = append(b, access.Team{ID: after[i].id, Name: after[i].name, Members: membersOf(after[i].id, joined)})
	}
	return e, b
}

func membersOf(team string, pairs []pair) (members []string) {
	for _, p := range pairs {
		if p.owner == team {
			members = append(members, p.member)
		}
	}
	return members
}

func (a *amendment) count() int { return a.rows }

func (a *amendment) write(ctx context.Context, tx *sql.Tx, source int64, number uint64) error {
	for _, step := range a.steps {
		if err := step(ctx, tx, source, number); err != nil {
			return err
		}
	}
	return nil
}

func (a *amendment) follow(ctx context.Context, tx *sql.Tx, of source, current *access.Snapshot) (*access.Snapshot, error) {
	return follow(ctx, tx, of, current, a.exact)
}

// follow makes a small change to the rights in force, or says by nil that they
// must be built anew, which then says what is wrong with it.
func follow(ctx context.Context, tx *sql.Tx, of source, current *access.Snapshot, d access.Delta) (*access.Snapshot, error) {
	alone, err := isAlone(ctx, tx, of, d)
	if err != nil || !alone {
		return nil, err
	}
	next, err := current.With(d)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return next, nil
}

// isAlone says whether no other source has a row under an id of the change, nor
// doors that a lockdown of its places may bind. Cards are laid side by side, whoever
// knows them.
func isAlone(ctx context.Context, tx *sql.Tx, of source, d access.Delta) (bool, error) {
	all, err := sources(ctx, tx)
	if err != nil {
		return false, err
	}
	ids := idsOf(d)
	for _, among := range ids {
		if len(among) > 2*small {
			return false, nil // not worth the questions
		}
	}
	for _, other := range all {
		if other.id == of.id {
			continue
		}
		if len(ids[placeTable.name]) > 0 {
			// Where two sources have a door, it stands in the place that the first says,
			// and the lockdown of either place binds it.
			if found, err := has(ctx, tx, other, doorTable.name, nil); err != nil || found {
				return false, err
			}
		}
		for table, among := range ids {
			if found, err := has(ctx, tx, other, table, among); err != nil || found {
				return false, err
			}
		}
	}
	return true, nil
}

// has says whether a source has a row of one of these ids; none: any row.
func has(ctx context.Context, tx *sql.Tx, of source, table string, among []any) (found bool, err error) {
	which := ""
	if len(among) > 0 {
		which = " AND id IN (?" + strings.Repeat(", ?", len(among)-1) + ")"
	}
	err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+" WHERE source = ? AND to_generation IS NULL"+which+")",
		append([]any{of.id}, among...)...).Scan(&found)
	return found, err
}

// idsOf is the ids of the rows of a change that two sources may have, by table.
func idsOf(d access.Delta) map[string][]any {
	ids := map[string][]any{}
	for _, r := range []*access.Roster{&d.Ended, &d.Begun} {
		for i := range r.Places {
			ids[placeTable.name] = append(ids[placeTable.name], r.Places[i].ID)
		}
		for i := range r.Doors {
			ids[doorTable.name] = append(ids[doorTable.name], r.Doors[i].ID)
		}
		for i := range r.Holders {
			ids[holderTable.name] = append(ids[holderTable.name], r.Holders[i].ID)
		}
		for i := range r.Teams {
			ids[teamTable.name] = append(ids[teamTable.name], r.Teams[i].ID)
		}
		for i := range r.Grants {
			ids[grantTable.name] = append(ids[grantTable.name], r.Grants[i].ID)
		}
	}
	return ids
}
