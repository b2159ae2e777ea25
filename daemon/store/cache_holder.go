package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

const defaultHolders = 20

// Holder is a person by id, for people to read: the newest word of the first
// source by name, sealed or not. Nobody is ErrNotFound.
func (c *Cache) Holder(ctx context.Context, id string) (access.Holder, error) {
	found, err := c.findHolders(ctx, `h.source IN (SELECT id FROM sources) AND h.id = ?1`, id, 1)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return access.Holder{}, fmt.Errorf("holder %q: %w", id, err)
	}
	return found[0], nil
}

// FindHolders are the people whose id is the text or whose name has it in it,
// in any case, by name. A limit of 0 or less is 20. Empty text finds nobody.
func (c *Cache) FindHolders(ctx context.Context, text string, limit int) ([]access.Holder, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if limit <= 0 {
		limit = defaultHolders
	}
	found, err := c.findHolders(ctx, `(h.id = ?1 OR instr(h.folded, lower_text) > 0)`, text, limit)
	if err != nil {
		return nil, fmt.Errorf("find %q: %w", text, err)
	}
	return found, nil
}

// findHolders counts a person whom two sources know once: the first source's
// name, suspended or extended if either says so. It leans on SQLite's rule that beside one
// lone min() the other columns come from that same row.
func (c *Cache) findHolders(ctx context.Context, where, text string, limit int) (found []access.Holder, err error) {
	rows, err := c.f.r.QueryContext(ctx, `SELECT h.id, h.name, sum(h.flags & 1) > 0, sum(h.flags & 2) > 0, min(s.name)
		FROM holders h JOIN sources s ON s.id = h.source, (SELECT ?2 AS lower_text)
		WHERE h.to_generation IS NULL AND `+where+`
		GROUP BY h.id ORDER BY h.id <> ?1, h.folded, h.id LIMIT ?3`, text, strings.ToLower(text), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h access.Holder
		var first string
		if err := rows.Scan(&h.ID, &h.Name, &h.Suspended, &h.Extended, &first); err != nil {
			return nil, err
		}
		found = append(found, h)
	}
	return found, rows.Err()
}
