package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// PostureAt is the number of the newest posture at an instant, by the wall clock of
// then; 0: there was none yet.
func (l *Ledger) PostureAt(ctx context.Context, at time.Time) (uint64, error) {
	var seq sql.NullInt64
	err := l.f.r.QueryRowContext(ctx, "SELECT max(seq) FROM postures WHERE at <= ?", at.UnixMicro()).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("the postures of %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	return uint64(seq.Int64), nil
}
