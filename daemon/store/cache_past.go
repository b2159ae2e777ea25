package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
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
