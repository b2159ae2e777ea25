package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// entry is an event and what the tap behind it used up, if it did. They are
// written together or not at all.
type entry struct {
	event access.Event
	claim access.Claim
}

// refuse makes a refusal of a grant whose claim was not durable in time: the door
// stays shut, so nothing was used. What a tag counted stays counted.
func (e *entry) refuse() {
	if !e.claim.Present() || e.event.Kind != access.DecisionEvent || e.event.Reason != access.Granted {
		return
	}
	e.event.Reason, e.event.Reasons, e.event.Warned = access.NotRecorded, []access.Reason{access.NotRecorded}, false
	if e.claim.UsedByGrant() {
		e.claim = access.Claim{}
	}
}

// AppendClaim hands an event to the writer as Append does, with what the tap used
// up: both are on disk when the receipt is done without an error, or neither is.
// Whoever must not believe the same proof twice waits for that before a door
// opens, and calls Receipt.Withdraw when it took too long. A grant that the disk
// does not take is written later as a refusal, not_recorded. An empty claim is
// none.
func (j *Journal) AppendClaim(e access.Event, c access.Claim) *Receipt {
	return j.append(entry{event: e, claim: c})
}

// Withdraw takes back a grant that was not durable in time, and that the door
// therefore refused: it is written as a refusal, not_recorded, and uses nothing
// up. False says that the writer already has it, and that it may come out as a
// grant: then look at Done once more, and if the door stays shut, write an outcome
// that says so.
func (r *Receipt) Withdraw() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken {
		return false
	}
	r.entry.refuse()
	return true
}

// A counter that is written again, or late, never goes back.
const upsertClaim = `INSERT INTO claims (key, counter, expires) VALUES (?, ?, ?)
	ON CONFLICT (key) DO UPDATE SET counter = max(counter, excluded.counter), expires = max(expires, excluded.expires)`

func writeClaim(ctx context.Context, tx *sql.Tx, c access.Claim) error {
	var expires any
	if !c.Expires.IsZero() {
		expires = c.Expires.UnixMicro()
	}
	if _, err := tx.ExecContext(ctx, upsertClaim, c.Key[:], int64(c.Counter), expires); err != nil {
		return fmt.Errorf("write what was used up: %w", err)
	}
	return nil
}

// writeClaims takes over what an older file knew.
func (f *file) writeClaims(claims []access.Claim) error {
	return f.write(func(ctx context.Context, tx *sql.Tx) error {
		for _, c := range claims {
			if err := writeClaim(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// Claims is everything that was used up and not yet forgotten, for the start of
// the daemon. Uses is not kept: the proof says it again.
func (j *Journal) Claims(ctx context.Context) (all []access.Claim, err error) {
	err = j.withFile(func(f *file) error {
		all, err = readClaims(ctx, f.r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was used up: %w", err)
	}
	return all, nil
}

// readClaims reads as far as it can: with an error come the rows before it.
func readClaims(ctx context.Context, db *sql.DB) (all []access.Claim, err error) {
	rows, err := db.QueryContext(ctx, "SELECT key, counter, expires FROM claims")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var key []byte
		var counter int64
		var expires sql.NullInt64
		if err := rows.Scan(&key, &counter, &expires); err != nil {
			return all, err
		}
		if len(key) != len(access.Digest{}) || counter < 0 {
			return all, fmt.Errorf("%w: a claim of %d bytes, counter %d", ErrDamaged, len(key), counter)
		}
		c := access.Claim{Key: access.Digest(key), Counter: uint64(counter)}
		if expires.Valid {
			c.Expires = time.UnixMicro(expires.Int64).UTC()
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// ForgetClaims tells the writer to delete, when nobody is at a door, what ended
// by itself before the given time. It returns at once. Call it only with a time
// that surely has passed: what is forgotten can be used again.
func (j *Journal) ForgetClaims(before time.Time) { j.forget.Store(before.UnixMicro()) }

// forgetClaims deletes what may be forgotten.
func (j *Journal) forgetClaims() {
	before := j.forget.Swap(0)
	if before == 0 {
		return
	}
	err := j.withFile(func(f *file) error {
		return f.write(func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM claims WHERE expires < ?", before)
			return err
		})
	})
	if err != nil && !errors.Is(err, ErrClosed) {
		j.o.Log.Warn("deleting what was used up long ago", "error", err)
	}
}

// keptClaims reads what was used up out of a journal that was set aside, as far
// as it can be read. It migrates nothing there.
func (j *Journal) keptClaims(kept string) []access.Claim {
	path := filepath.Join(kept, filepath.Base(j.path))
	old := &file{layout: journalLayout(), path: path}
	old.r = sql.OpenDB(connector{layout: old.layout, path: path, readOnly: true})
	claims, err := readClaims(context.Background(), old.r)
	if err = errors.Join(err, old.close()); err != nil {
		j.o.Log.Error("the damaged journal does not say all of what was used up; a pass that was used may open once more",
			"kept", kept, "read", len(claims), "error", err)
	}
	return claims
}
