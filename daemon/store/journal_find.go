package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilegate/tilegate/daemon/access"
)

const (
	// findAmong is how many of the newest events are looked at for the front of an
	// id: a code that was read out is of a tap of today.
	findAmong = 200_000
	// wholeID is the length of an id, which is looked for among all.
	wholeID = 32
	// aboutWithin is how many events after a decision may still be about it.
	aboutWithin = 5000
)

const (
	eventsByID = "SELECT " + eventColumns + ` FROM events WHERE seq > ?1 AND substr(id, 1, length(?2)) = ?2
		ORDER BY seq DESC LIMIT ?3`
	eventsAbout = "SELECT " + eventColumns + ` FROM events WHERE seq > ?1 AND seq <= ?1 + ?2 AND ref = ?3 ORDER BY seq`
	backwards   = "SELECT " + eventColumns + " FROM events ORDER BY seq DESC"
)

// ByID are the events whose id begins so, newest first. A whole id is looked for
// among all events, less than that among the newest 200,000.
func (j *Journal) ByID(ctx context.Context, id string, limit int) (found []access.Event, err error) {
	after := uint64(0)
	if last := j.last(); len(id) < wholeID && last > findAmong {
		after = last - findAmong
	}
	err = j.each(ctx, func(e access.Event) bool { found = append(found, e); return true }, eventsByID, int64(after), id, limit)
	if err != nil {
		return nil, fmt.Errorf("find the event %q: %w", id, err)
	}
	return found, nil
}

// About are the events that name a decision: what the strike did, and that nobody
// went in. They are looked for among the next 5,000.
func (j *Journal) About(ctx context.Context, decision access.Event) (found []access.Event, err error) {
	found = []access.Event{}
	err = j.each(ctx, func(e access.Event) bool { found = append(found, e); return true },
		eventsAbout, int64(decision.Seq), aboutWithin, decision.ID)
	if err != nil {
		return nil, fmt.Errorf("what came of event %d: %w", decision.Seq, err)
	}
	return found, nil
}

// Backward calls each for the events, the newest first, until it returns false. It
// holds one event at a time. each must be quick: a journal that has to be opened
// again waits for it.
func (j *Journal) Backward(ctx context.Context, each func(access.Event) bool) error {
	if err := j.each(ctx, each, backwards); err != nil {
		return fmt.Errorf("read the journal backwards: %w", err)
	}
	return nil
}

func (j *Journal) each(ctx context.Context, take func(access.Event) bool, query string, args ...any) error {
	return j.withFile(func(f *file) error { return f.eachEvent(ctx, take, query, args...) })
}

func (f *file) eachEvent(ctx context.Context, take func(access.Event) bool, query string, args ...any) (err error) {
	rows, err := f.r.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return err
		}
		if !take(e) {
			return nil
		}
	}
	return rows.Err()
}
