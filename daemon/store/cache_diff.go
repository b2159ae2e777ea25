package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

// difference is what a stage changes of the rows of its source: both are in
// tables of the stage, so that nothing of it is in memory.
type difference struct {
	source int64          // 0: not known yet
	rows   map[string]int // table → how many began, ended or were replaced
	total  int
}

// compare finds the difference. It writes to the stage alone, and nothing
// changes the cache meanwhile: Cache.writing is held.
func compare(ctx context.Context, conn *sql.Conn, source string) (d difference, err error) {
	if d.source, err = findSource(ctx, conn, source); err != nil {
		return d, err
	}
	d.rows = map[string]int{}
	for _, t := range shapes() {
		rows, err := d.of(ctx, conn, t)
		if err != nil {
			return d, fmt.Errorf("%s: %w", t.name, err)
		}
		d.rows[t.name] = rows
		d.total += rows
	}
	return d, nil
}

func (d *difference) of(ctx context.Context, conn *sql.Conn, t shape) (changed int, err error) {
	ours := fmt.Sprintf("t.source = %d AND t.to_generation IS NULL", d.source)
	key := t.columns[:t.keys]
	if _, err = conn.ExecContext(ctx, "CREATE TABLE staged.ended_"+t.name+" AS SELECT "+list("t", key)+", t.from_generation FROM main."+t.name+
		" t WHERE "+ours+" AND NOT EXISTS (SELECT 1 FROM staged."+t.name+" s WHERE "+t.sameKey("s", "t")+" AND "+t.sameRest("s", "t")+")"); err != nil {
		return 0, err
	}
	distinct := ""
	if t.set {
		distinct = "DISTINCT "
	}
	if _, err = conn.ExecContext(ctx, "CREATE TABLE staged.begun_"+t.name+" AS SELECT "+distinct+list("s", t.columns)+" FROM staged."+t.name+
		" s WHERE NOT EXISTS (SELECT 1 FROM main."+t.name+" t WHERE "+ours+" AND "+t.sameKey("t", "s")+" AND "+t.sameRest("t", "s")+
		") ORDER BY "+list("s", t.columns)); err != nil {
		return 0, err
	}
	// One that is replaced ends and begins, and is one change.
	err = conn.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM staged.begun_"+t.name+") + (SELECT count(*) FROM staged.ended_"+t.name+
		" e WHERE NOT EXISTS (SELECT 1 FROM staged."+t.name+" s WHERE "+t.sameKey("s", "e")+"))").Scan(&changed)
	return changed, err
}

func (d *difference) count() int { return d.total }

// write ends and begins the rows as of a generation.
func (d *difference) write(ctx context.Context, tx *sql.Tx, source int64, number uint64) error {
	d.source = source
	for _, t := range shapes() {
		if d.rows[t.name] == 0 {
			continue
		}
		_, err := tx.ExecContext(ctx, "UPDATE main."+t.name+" SET to_generation = ?1 FROM staged.ended_"+t.name+" e WHERE "+t.name+".source = ?2 AND "+
			t.sameKey(t.name, "e")+" AND "+t.name+".from_generation = e.from_generation", int64(number), d.source)
		if err == nil {
			_, err = tx.ExecContext(ctx, "INSERT INTO main."+t.name+" (source, "+strings.Join(t.columns, ", ")+", from_generation) SELECT ?1, "+
				list("b", t.columns)+", ?2 FROM staged.begun_"+t.name+" b ORDER BY b.rowid", d.source, int64(number))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// small is how many rows a change may have that is worth making to the snapshot
// in force, instead of building another.
const small = 2000

// follow makes a change of a few people to the rights in force.
func (d *difference) follow(ctx context.Context, tx *sql.Tx, of source, current *access.Snapshot) (*access.Snapshot, error) {
	people := d.rows[holderTable.name] + d.rows[assignmentTable.name] + d.rows[grantTable.name]
	if d.total == 0 || d.total > small || people < d.total {
		return nil, nil
	}
	var change access.Delta
	var err error
	if change.Ended, change.Begun, err = d.delta(ctx, tx, of.name); err != nil {
		return nil, err
	}
	return follow(ctx, tx, of, current, change)
}

// delta is the rows of a small change.
func (d *difference) delta(ctx context.Context, tx *sql.Tx, source string) (ended, begun access.Roster, err error) {
	for _, side := range []struct {
		into *access.Roster
		from func(t *shape) string
	}{
		{&ended, func(t *shape) string {
			return fmt.Sprintf(" FROM staged.ended_%[1]s e JOIN main.%[1]s t ON t.source = %[2]d AND %[3]s AND t.from_generation = e.from_generation",
				t.name, d.source, t.sameKey("t", "e"))
		}},
		{&begun, func(t *shape) string { return " FROM staged.begun_" + t.name + " t" }},
	} {
		side.into.Holders = read(ctx, tx, &holderTable, side.from, &err)
		side.into.Assignments = read(ctx, tx, &assignmentTable, side.from, &err)
		side.into.Grants = read(ctx, tx, &grantTable, side.from, &err)
		for i := range side.into.Grants {
			side.into.Grants[i].Source = source
		}
	}
	return ended, begun, err
}

func read[T any](ctx context.Context, tx *sql.Tx, t *table[T], from func(t *shape) string, failed *error) (all []T) {
	if *failed != nil {
		return nil
	}
	var r *reader[T]
	if r, *failed = t.query(ctx, tx, "SELECT "+list("t", t.readable())+from(&t.shape)); *failed != nil {
		return nil
	}
	for r.next() {
		all = append(all, r.row)
	}
	*failed = r.close()
	return all
}
