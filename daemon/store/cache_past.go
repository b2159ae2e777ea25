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

const generationColumns = "SELECT number, at, hash, form FROM generations WHERE hash IS NOT NULL AND "

// Generation is a past generation that is still kept and was in force, or
// ErrNotFound.
func (c *Cache) Generation(ctx context.Context, number uint64) (Generation, error) {
	g, err := c.generation(ctx, generationColumns+"number = ?", int64(number))
	if err != nil {
		return Generation{}, fmt.Errorf("generation %d of the rights: %w", number, err)
	}
	return g, nil
}

// GenerationOf is the generation of that number if it hashes so, or else the next
// one that does: a small change is at the doors before the disk has it, under the
// number of what it was made to. It is ErrNotFound where there is none.
func (c *Cache) GenerationOf(ctx context.Context, number uint64, hash [32]byte) (Generation, error) {
	g, err := c.generation(ctx, generationColumns+"number >= ? AND hash = ? ORDER BY number LIMIT 1", int64(number), hash[:])
	if err != nil {
		return Generation{}, fmt.Errorf("generation %d of the rights, as it was: %w", number, err)
	}
	return g, nil
}

func (c *Cache) generation(ctx context.Context, query string, args ...any) (g Generation, err error) {
	var hash []byte
	var at int64
	err = c.f.r.QueryRowContext(ctx, query, args...).Scan(&g.Number, &at, &hash, &g.Form)
	if errors.Is(err, sql.ErrNoRows) {
		return Generation{}, ErrNotFound
	}
	if err = named(err); err != nil {
		return Generation{}, err
	}
	g.At = time.UnixMicro(at).UTC()
	copy(g.Hash[:], hash)
	return g, nil
}

// NumberAt is the generation that was in force at an instant, or ErrNotFound when
// none is kept of that time.
func (c *Cache) NumberAt(ctx context.Context, at time.Time) (number uint64, err error) {
	var found sql.NullInt64
	err = c.f.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT max(number) FROM generations WHERE at <= ? AND hash IS NOT NULL", at.UnixMicro()).Scan(&found)
	})
	if err == nil && !found.Valid {
		err = ErrNotFound
	}
	if err = named(err); err != nil {
		return 0, fmt.Errorf("the rights of %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	return uint64(found.Int64), nil
}

// SnapshotAt is what all sources said, merged, as of a past generation, or
// ErrNotFound when that is no longer kept. The contacts are the sources with when
// each was heard of then; one that is missing was never heard of. Compare the hash
// of the snapshot with the event's: numbers begin again after a damaged cache was
// set aside.
func (c *Cache) SnapshotAt(ctx context.Context, number uint64, contacts []access.Contact) (s *access.Snapshot, err error) {
	err = c.past(ctx, number, func(tx *sql.Tx) error {
		contacts, err := withSourcesOf(ctx, tx, number, contacts)
		if err != nil {
			return err
		}
		s, err = assemble(ctx, tx, number, contacts, ctx.Err)
		return err
	})
	return s, err
}

// At is the rows of a past generation, merged, or ErrNotFound when that is no
// longer kept. They are in memory whole, so it is for sites of which that is known
// to fit.
func (c *Cache) At(ctx context.Context, number uint64) (r access.Roster, err error) {
	err = c.past(ctx, number, func(tx *sql.Tx) error {
		all, err := sources(ctx, tx)
		for _, s := range all {
			more, err := rowsOf(ctx, tx, s.name, rowsAsOf, s.id, int64(number))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			r = access.Merge(r, more)
		}
		return err
	})
	return r, err
}

func (c *Cache) past(ctx context.Context, number uint64, read func(tx *sql.Tx) error) error {
	err := c.f.read(ctx, func(tx *sql.Tx) error {
		var found int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM generations WHERE number = ?", int64(number)).Scan(&found)
		if err == nil && found == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return read(tx)
	})
	if err = named(err); err != nil {
		return fmt.Errorf("the rights of generation %d: %w", number, err)
	}
	return nil
}

// namesAtOnce is how many names one query asks for.
const namesAtOnce = 200

// Names are the names of people by id, as they were called last: also of those who
// are gone, as long as their rows are kept. Who has none is not among them.
func (c *Cache) Names(ctx context.Context, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	for len(ids) > 0 {
		n := min(namesAtOnce, len(ids))
		if err := c.addNames(ctx, ids[:n], names); err != nil {
			return nil, fmt.Errorf("the names of %d people: %w", n, named(err))
		}
		ids = ids[n:]
	}
	return names, nil
}

func (c *Cache) addNames(ctx context.Context, ids []string, names map[string]string) (err error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	// The last row of an id wins: the newest of the first source by name.
	rows, err := c.f.r.QueryContext(ctx, `SELECT h.id, h.name FROM holders h JOIN sources s ON s.id = h.source
		WHERE h.source IN (SELECT id FROM sources) AND h.id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)
		ORDER BY h.to_generation IS NULL, s.name DESC, h.from_generation`, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if name != "" {
			names[id] = name
		}
	}
	return rows.Err()
}
