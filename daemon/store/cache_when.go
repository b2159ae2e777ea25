package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

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
