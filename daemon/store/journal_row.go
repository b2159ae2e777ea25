package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// eventColumns is the order of a row of events, as bindEvent and scanEvent
// have it.
const eventColumns = `seq, id, kind, at, mono, boot, clock, door, reader, credential, digest, assurance,
	presence, reason, reasons, holder, grant_id, group_id, generation, roster_hash, roster_age,
	last_pass, pin, ref, actor, detail, late, posture, fault, floor, untrusted, warned`

const insertEvent = `INSERT INTO events (` + eventColumns + `) VALUES
	(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// bindEvent writes words as words: a number of an enumeration may mean
// something else after the next upgrade, and these rows outlive it.
func bindEvent(e *access.Event) []any {
	var digest, reasons, fault any
	if e.Credential.Digest != (access.Digest{}) {
		digest = e.Credential.Digest[:]
	}
	if e.Reasons != nil {
		reasons = joinReasons(e.Reasons)
	}
	if e.Fault != access.Granted {
		fault = e.Fault.String()
	}
	return []any{
		int64(e.Seq), e.ID, e.Kind.String(), e.At.UnixMicro(), int64(e.Mono), e.Boot, e.Clock.String(),
		e.Door, e.Reader, e.Credential.Kind.String(), digest, e.Credential.Assurance.String(),
		e.Presence.String(), e.Reason.String(), reasons, e.Holder, e.Grant, e.Group, int64(e.Generation),
		e.RosterHash, int64(e.RosterAge), instant(e.LastPass), pinLabel(e.PIN), e.Ref, e.Actor, e.Detail, e.Late,
		int64(e.Posture), fault, instant(e.Floor), int64(e.Untrusted), e.Warned,
	}
}

// unknownWord stands for a word of a newer tilegate; every enumeration of
// access prints it as unknown.
const unknownWord = 255

func scanEvent(row interface{ Scan(...any) error }) (access.Event, error) {
	var (
		e                                                         access.Event
		kind, clock, credential, assurance, presence, reason, pin string
		reasons, fault                                            sql.NullString
		seq, at, generation, late, posture                        int64
		lastPass, floor                                           sql.NullInt64
		digest                                                    []byte
	)
	err := row.Scan(&seq, &e.ID, &kind, &at, (*int64)(&e.Mono), &e.Boot, &clock, &e.Door, &e.Reader, &credential,
		&digest, &assurance, &presence, &reason, &reasons, &e.Holder, &e.Grant, &e.Group, &generation,
		&e.RosterHash, (*int64)(&e.RosterAge), &lastPass, &pin, &e.Ref, &e.Actor, &e.Detail, &late,
		&posture, &fault, &floor, (*int64)(&e.Untrusted), &e.Warned)
	if err != nil {
		return e, err
	}
	e.Seq, e.Generation, e.Posture, e.Late = uint64(seq), uint64(generation), uint64(posture), late != 0
	e.At, e.LastPass, e.Floor = time.UnixMicro(at).UTC(), timeOf(lastPass), timeOf(floor)
	copy(e.Credential.Digest[:], digest)
	word(&e.Kind, kind)
	word(&e.Clock, clock)
	word(&e.Credential.Kind, credential)
	word(&e.Credential.Assurance, assurance)
	word(&e.Presence, presence)
	word(&e.Reason, reason)
	e.PIN = pinState(pin)
	if reasons.Valid {
		e.Reasons = splitReasons(reasons.String)
	}
	if fault.Valid {
		word(&e.Fault, fault.String)
	}
	return e, nil
}

// timeOf is a time that may be absent.
func timeOf(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64).UTC()
}

// word reads a label; one we do not know becomes unknownWord, because one row
// of a newer version must not hide all others.
func word[T ~uint8, P interface {
	*T
	UnmarshalText([]byte) error
}](into P, label string) {
	if into.UnmarshalText([]byte(label)) != nil {
		*into = unknownWord
	}
}

func joinReasons(all []access.Reason) string {
	labels := make([]string, len(all))
	for i, r := range all {
		labels[i] = r.String()
	}
	return strings.Join(labels, ",")
}

func splitReasons(text string) []access.Reason {
	if text == "" {
		return []access.Reason{}
	}
	labels := strings.Split(text, ",")
	all := make([]access.Reason, len(labels))
	for i, label := range labels {
		word(&all[i], label)
	}
	return all
}

// pinLabels are the words of this file for access.PINState.
var pinLabels = [...]string{access.PINMissing: "missing", access.PINRight: "right", access.PINFailed: "failed", access.PINBlocked: "blocked"}

func pinLabel(p access.PINState) string {
	if int(p) >= len(pinLabels) {
		return "unknown_pin"
	}
	return pinLabels[p]
}

func pinState(label string) access.PINState {
	for i, l := range pinLabels {
		if l == label {
			return access.PINState(i)
		}
	}
	return unknownWord
}

// insert writes events, and what they used up, in one durable transaction,
// numbered from first.
func (f *file) insert(first uint64, entries []entry) error {
	return f.write(func(ctx context.Context, tx *sql.Tx) error {
		for i := range entries {
			entries[i].event.Seq = first + uint64(i)
			if _, err := tx.ExecContext(ctx, insertEvent, bindEvent(&entries[i].event)...); err != nil {
				return fmt.Errorf("insert an event: %w", err)
			}
			if !entries[i].claim.Present() {
				continue
			}
			if err := writeClaim(ctx, tx, entries[i].claim); err != nil {
				return err
			}
		}
		return nil
	})
}

// span is what a journal holds.
type span struct {
	last, count uint64
}

// span counts by the numbers, which have no gaps within a file: counting the
// rows would read all of it.
func (f *file) span() (span, error) {
	ctx := context.Background()
	var first, last sql.NullInt64
	// Two queries: SQLite walks to an end of the tree only for a lone min or max.
	if err := f.r.QueryRowContext(ctx, "SELECT min(seq) FROM events").Scan(&first); err != nil {
		return span{}, err
	}
	if err := f.r.QueryRowContext(ctx, "SELECT max(seq) FROM events").Scan(&last); err != nil || !last.Valid {
		return span{}, err
	}
	return span{uint64(last.Int64), uint64(last.Int64 - first.Int64 + 1)}, nil
}

// readTail reads every field of the newest rows.
func (f *file) readTail(rows int) error {
	_, err := f.events(context.Background(), newestEvents, EventQuery{Limit: rows})
	return err
}
