package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// PostureWhat is what a posture says.
type PostureWhat string

// What postures say. The first two are of a door, a place or the whole site, the
// others of one door.
const (
	LockDown    PostureWhat = "lock_down"    // nobody may enter
	EndLockdown PostureWhat = "end_lockdown" // by staff: what the cloud locked down stays so
	Hold        PostureWhat = "hold"         // the door stands open until a time
	Release     PostureWhat = "release"      // no hold, nothing kept locked
	KeepLocked  PostureWhat = "keep_locked"  // no unlock hours until a time
	Arrived     PostureWhat = "arrived"      // somebody with a right opened the door
)

// Tightens says whether the word only ever shuts doors. Such a word may count
// before it is durable.
func (w PostureWhat) Tightens() bool {
	return w == LockDown || w == Release || w == KeepLocked
}

// aspect is what a word is about: the newest word of each aspect counts.
func (w PostureWhat) aspect() PostureWhat {
	switch w {
	case LockDown, EndLockdown:
		return LockDown
	case Hold, Release, KeepLocked:
		return Hold
	case Arrived:
	}
	return w
}

// Posture is one word on how doors are to stand.
type Posture struct {
	Seq     uint64
	At      time.Time         // UTC, microseconds
	Clock   access.ClockState // how far At and Until can be trusted
	What    PostureWhat
	Scope   access.ScopeKind // ScopeDoor, ScopePlace, or ScopeOrganisation for the whole site
	ScopeID string
	Until   time.Time // of Hold and KeepLocked
	Actor   string
	Reason  string
}

// subject is what a posture is about, and of which doors.
type subject struct {
	aspect PostureWhat
	scope  access.ScopeKind
	id     string
}

// Postures is how doors are to stand: the newest word on everything. The zero
// value is that of a gateway to which nobody has said anything.
type Postures struct {
	newest map[subject]Posture
}

// Take adds a word. An older word than the newest changes nothing, so that the
// order in which they come does not matter.
func (p *Postures) Take(word Posture) {
	at := subject{word.What.aspect(), word.Scope, word.ScopeID}
	if p.newest[at].Seq >= word.Seq {
		return
	}
	if p.newest == nil {
		p.newest = map[subject]Posture{}
	}
	p.newest[at] = word
}

// Seq is the number of the newest word; 0: there is none.
func (p *Postures) Seq() (newest uint64) {
	for _, word := range p.newest {
		newest = max(newest, word.Seq)
	}
	return newest
}

// Lockdowns are the words by which something is locked down, the oldest first.
func (p *Postures) Lockdowns() []Posture {
	var all []Posture
	for _, word := range p.newest {
		if word.What == LockDown {
			all = append(all, word)
		}
	}
	slices.SortFunc(all, func(a, b Posture) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

// Locked is the word by which exactly this door, place or site is locked down.
func (p *Postures) Locked(scope access.ScopeKind, id string) (Posture, bool) {
	word, ok := p.newest[subject{LockDown, scope, id}]
	return word, ok && word.What == LockDown
}

// Order is the newest Hold, Release or KeepLocked of a door; its What is empty
// where there is none.
func (p *Postures) Order(door string) Posture {
	return p.newest[subject{Hold, access.ScopeDoor, door}]
}

// Arrived is when somebody was last the first to arrive at a door; zero: never.
// A time that a clock wrote which was not trusted counts as never.
func (p *Postures) Arrived(door string) time.Time {
	word := p.newest[subject{Arrived, access.ScopeDoor, door}]
	if !word.Clock.Trusted() {
		return time.Time{}
	}
	return word.At
}

// AppendPosture writes a word down and returns its number. It is durable when it
// returns. A Seq of 0 is given the next number; another must be new.
func (l *Ledger) AppendPosture(p Posture) (seq uint64, err error) {
	err = l.f.write(func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO postures (seq, at, clock, what, scope, scope_id, until, actor, reason)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			sql.NullInt64{Int64: int64(p.Seq), Valid: p.Seq != 0}, p.At.UnixMicro(), p.Clock.String(), string(p.What), p.Scope.String(), p.ScopeID,
			instant(p.Until), p.Actor, p.Reason)
		if err != nil {
			return err
		}
		id, err := done.LastInsertId()
		seq = uint64(id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("write the posture down (%s %s %s): %w", p.What, p.Scope, p.ScopeID, err)
	}
	return seq, nil
}

// Postures are all words folded into the newest of each.
func (l *Ledger) Postures(ctx context.Context) (Postures, error) {
	var p Postures
	err := l.f.read(ctx, func(tx *sql.Tx) error {
		return eachPosture(ctx, tx, "", nil, p.Take)
	})
	if err != nil {
		return Postures{}, fmt.Errorf("read the postures: %w", err)
	}
	return p, nil
}

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

// LockdownsAt are the lockdowns that were in force when the posture of a number
// was the newest. Number 0 is before the first. One that this ledger has not
// reached is ErrNotFound: the file was restored from a copy of before it.
func (l *Ledger) LockdownsAt(ctx context.Context, seq uint64) ([]access.Lockdown, error) {
	var p Postures
	err := l.f.read(ctx, func(tx *sql.Tx) error {
		var newest sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(seq) FROM postures").Scan(&newest); err != nil {
			return err
		}
		if seq > uint64(newest.Int64) {
			return fmt.Errorf("posture %d: the ledger ends at %d: %w", seq, newest.Int64, ErrNotFound)
		}
		return eachPosture(ctx, tx, "WHERE seq <= ? AND what IN ('lock_down', 'end_lockdown')", []any{int64(seq)}, p.Take)
	})
	if err != nil {
		return nil, fmt.Errorf("read the lockdowns of then: %w", err)
	}
	var all []access.Lockdown
	for _, word := range p.Lockdowns() {
		all = append(all, access.Lockdown{Scope: word.Scope, ScopeID: word.ScopeID})
	}
	return all, nil
}

// eachPosture tells the newest word of each kind and scope among those that are
// selected, which is all that counts of them.
func eachPosture(ctx context.Context, tx *sql.Tx, where string, args []any, tell func(Posture)) (err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, at, clock, what, scope, scope_id, until, actor, reason FROM postures
		WHERE seq IN (SELECT max(seq) FROM postures `+where+` GROUP BY what, scope, scope_id)`, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		word, err := scanPosture(rows)
		if err != nil {
			return err
		}
		tell(word)
	}
	return rows.Err()
}

func scanPosture(rows *sql.Rows) (p Posture, err error) {
	var at int64
	var until sql.NullInt64
	var clock, what, scope string
	if err := rows.Scan(&p.Seq, &at, &clock, &what, &scope, &p.ScopeID, &until, &p.Actor, &p.Reason); err != nil {
		return p, err
	}
	p.At, p.Until, p.What = time.UnixMicro(at).UTC(), timeOf(until), PostureWhat(what)
	if err := p.Clock.UnmarshalText([]byte(clock)); err != nil {
		return p, fmt.Errorf("posture %d: %w", p.Seq, err)
	}
	for _, kind := range []access.ScopeKind{access.ScopeDoor, access.ScopePlace, access.ScopeOrganisation} {
		if kind.String() == scope {
			p.Scope = kind
			return p, nil
		}
	}
	return p, fmt.Errorf("posture %d: %w: scope %q", p.Seq, ErrDamaged, scope)
}
