package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// PINLimits are what wrong PINs have cost each keypad and card, as it was kept.
func (l *Ledger) PINLimits(ctx context.Context) (limits map[string]string, err error) {
	defer func() {
		if err != nil {
			limits, err = nil, fmt.Errorf("read what wrong PINs have cost: %w", err)
		}
	}()
	rows, err := l.f.r.QueryContext(ctx, "SELECT subject, state FROM pin_limits")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	limits = map[string]string{}
	for rows.Next() {
		var subject, state string
		if err := rows.Scan(&subject, &state); err != nil {
			return nil, err
		}
		limits[subject] = state
	}
	return limits, rows.Err()
}

// KeepPINLimits keeps some of them, and forgets those whose state is empty. It is
// durable when it returns.
func (l *Ledger) KeepPINLimits(limits map[string]string) error {
	err := l.f.write(func(ctx context.Context, tx *sql.Tx) error {
		for subject, state := range limits {
			query, args := "INSERT OR REPLACE INTO pin_limits (subject, state) VALUES (?, ?)", []any{subject, state}
			if state == "" {
				query, args = "DELETE FROM pin_limits WHERE subject = ?", args[:1]
			}
			if _, err := tx.ExecContext(ctx, query, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep what wrong PINs have cost: %w", err)
	}
	return nil
}
