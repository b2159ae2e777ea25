package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// EventQuery says which events to read. Empty fields do not limit.
type EventQuery struct {
	// After asks for events newer than this number, oldest of them first. Zero
	// asks for the newest Limit.
	After  uint64
	Limit  int // 0: 100
	Door   string
	Kind   string // label of an access.EventKind
	Reason string // label of an access.Reason; only decisions have one
	Since  time.Time
	Until  time.Time // the instant itself is outside
}

const defaultEvents = 100

const eventFilter = ` FROM events WHERE seq > ?1 AND (?2 = '' OR door = ?2) AND (?3 = '' OR kind = ?3)
	AND (?4 = '' OR (kind = 'decision' AND reason = ?4)) AND at >= ?5 AND at < ?6 ORDER BY seq `

const (
	nextEvents   = "SELECT " + eventColumns + eventFilter + "LIMIT ?7"
	newestEvents = "SELECT " + eventColumns + eventFilter + "DESC LIMIT ?7"
)

// Events reads from the journal, oldest first. A filter that matches little
// reads the whole file; ctx may end it.
func (j *Journal) Events(ctx context.Context, q EventQuery) (found []access.Event, err error) {
	query := nextEvents
	if q.After == 0 {
		query = newestEvents
	}
	err = j.withFile(func(f *file) error {
		found, err = f.events(ctx, query, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	if q.After == 0 {
		slices.Reverse(found)
	}
	return found, nil
}

func (f *file) events(ctx context.Context, query string, q EventQuery) (found []access.Event, err error) {
	if q.Limit <= 0 {
		q.Limit = defaultEvents
	}
	since, until := int64(sinceEver), int64(openEnded)
	if !q.Since.IsZero() {
		since = q.Since.UnixMicro()
	}
	if !q.Until.IsZero() {
		until = q.Until.UnixMicro()
	}
	err = f.eachEvent(ctx, func(e access.Event) bool { found = append(found, e); return true },
		query, int64(q.After), q.Door, q.Kind, q.Reason, since, until, q.Limit)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Event reads one event, or returns ErrNotFound.
func (j *Journal) Event(ctx context.Context, seq uint64) (e access.Event, err error) {
	err = j.withFile(func(f *file) error {
		e, err = scanEvent(f.r.QueryRowContext(ctx, "SELECT "+eventColumns+" FROM events WHERE seq = ?", int64(seq)))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("event %d: %w", seq, ErrNotFound)
	}
	if err != nil {
		return e, fmt.Errorf("event %d: %w", seq, err)
	}
	return e, nil
}
