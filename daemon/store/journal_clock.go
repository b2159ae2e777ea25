package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tilegate/tilegate/daemon/access"
)

// clockRows is how many of the newest events are looked through: a start must not
// read a file of years for a clock that was never set.
const clockRows = 50_000

// LastBy is the newest event that was written by a clock in this state, among the
// newest 50,000, or ErrNotFound.
func (j *Journal) LastBy(ctx context.Context, clock access.ClockState) (e access.Event, err error) {
	err = j.withFile(func(f *file) error {
		e, err = scanEvent(f.r.QueryRowContext(ctx, "SELECT "+eventColumns+` FROM events
			WHERE seq > (SELECT coalesce(max(seq), 0) FROM events) - ? AND clock = ? ORDER BY seq DESC LIMIT 1`, clockRows, clock.String()))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("an event by a clock that is %v: %w", clock, ErrNotFound)
	}
	if err != nil {
		return e, fmt.Errorf("the newest event by a clock that is %v: %w", clock, err)
	}
	return e, nil
}
