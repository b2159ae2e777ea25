package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Terms is what a change of the rights needs to know beside its rows.
type Terms struct {
	// Contacts are all sources, with when each was heard of.
	Contacts []access.Contact
	// Current is what is in force: a change of a few people is made to it, if it
	// is what was sealed last. Nil: the snapshot is built anew.
	Current *access.Snapshot
	At      time.Time
}

// Change is what became of a change.
type Change struct {
	Number uint64 // the newest generation
	Rows   int    // that began, ended or were replaced
	// Snapshot is sealed as Number; nil: what was sealed last still holds.
	Snapshot *access.Snapshot
}

// Install makes the rows of a stage the newest word of their source, in one
// transaction that writes only the rows that changed and seals the snapshot of
// them. With nothing changed there is no new generation. Rows that cannot be
// used leave everything as it was, and so does the end of ctx. Each grant's
// Source is the source or empty.
func (c *Cache) Install(ctx context.Context, s *Stage, heard access.Contact, t Terms) (done Change, err error) {
	heard.Source = s.source
	if err = s.finish(ctx); err == nil {
		err = s.repeated(ctx)
	}
	if err != nil {
		return Change{}, fmt.Errorf("install the rights of %s: %w", s.source, err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	err = c.f.attached(ctx, s.path, func(conn *sql.Conn) error {
		d, err := compare(ctx, conn, s.source)
		if err != nil {
			return err
		}
		done, err = c.change(conn, heard, t, ctx.Err, &d)
		return err
	})
	if err = named(err); err != nil {
		return Change{}, fmt.Errorf("install the rights of %s: %w", s.source, err)
	}
	return done, nil
}

// rowChange is rows of one source that begin and end.
type rowChange interface {
	// count is how many; with none there is no new generation.
	count() int
	// write ends and begins them as of a generation.
	write(ctx context.Context, tx *sql.Tx, source int64, number uint64) error
	// follow makes a small change to the rights in force; nil: they must be
	// built anew.
	follow(ctx context.Context, tx *sql.Tx, source source, current *access.Snapshot) (*access.Snapshot, error)
}

// change writes the rows that a source changes, and its contact, and seals what
// comes of them; writing is held.
func (c *Cache) change(on beginner, heard access.Contact, t Terms, over func() error, rows rowChange) (done Change, err error) {
	heard.At = heard.At.UTC().Truncate(time.Microsecond)
	known, had := c.lookup(heard.Source)
	fresh := contact{Contact: heard}
	err = transact(on, func(ctx context.Context, tx *sql.Tx) error {
		if fresh.id, err = sourceID(ctx, tx, heard.Source); err != nil {
			return err
		}
		if done, err = conclude(ctx, tx, source{fresh.id, heard.Source}, t, over, rows); err != nil {
			return err
		}
		if had && done.Rows == 0 && known.Ageless == heard.Ageless && heard.At.Sub(known.saved).Abs() < confirmEvery {
			fresh.saved = known.saved
			return nil
		}
		fresh.saved = heard.At
		return fresh.store(ctx, tx)
	})
	if err != nil {
		return Change{}, err
	}
	c.remember(fresh)
	return done, nil
}

// conclude writes the rows and seals the snapshot of them, unless nothing is new.
func conclude(ctx context.Context, tx *sql.Tx, of source, t Terms, over func() error, rows rowChange) (done Change, err error) {
	newest, err := newestSeal(ctx, tx)
	if err != nil {
		return done, err
	}
	done.Number, done.Rows = newest.Number, rows.count()
	if done.Rows == 0 && newest.sealed {
		return done, nil
	}
	if done.Rows > 0 || newest.Number == 0 || newest.older {
		if done.Number, err = nextGeneration(ctx, tx, newest.Number, t.At); err != nil {
			return done, err
		}
		if err := rows.write(ctx, tx, of.id, done.Number); err != nil {
			return done, err
		}
	}
	if newest.is(t.Current) {
		if done.Snapshot, err = rows.follow(ctx, tx, of, t.Current); err != nil {
			return done, err
		}
	}
	if done.Snapshot == nil {
		if done.Snapshot, err = assemble(ctx, tx, done.Number, t.Contacts, over); err != nil {
			return done, err
		}
	}
	done.Snapshot = done.Snapshot.WithGeneration(done.Number)
	hash := done.Snapshot.Hash()
	_, err = tx.ExecContext(ctx, "UPDATE generations SET hash = ?, form = ? WHERE number = ?", hash[:], access.HashForm, int64(done.Number))
	return done, err
}

// Rebuild seals the newest rows on disk as they are: those of a change that was
// not sealed, or of an older tilegate. What that sealed keeps its number and its
// hash, by which events name it: the same rows are sealed as the next generation.
func (c *Cache) Rebuild(ctx context.Context, t Terms) (done Change, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err = c.f.write(func(forever context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(forever, "UPDATE generations SET hash = NULL WHERE form = ? AND number = (SELECT max(number) FROM generations)",
			access.HashForm); err != nil {
			return err
		}
		t.Current = nil
		done, err = conclude(forever, tx, source{}, t, ctx.Err, &difference{})
		return err
	})
	if err = named(err); err != nil {
		return Change{}, fmt.Errorf("take the newest rights up: %w", err)
	}
	return done, nil
}

// Retire takes all rights of a source away, and its contact with them: for a
// source that is no longer in the settings. Terms has the contacts that stay.
func (c *Cache) Retire(ctx context.Context, name string, t Terms) (done Change, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	known, ok := c.lookup(name)
	if !ok {
		return Change{}, fmt.Errorf("retire the source %q: %w", name, ErrNotFound)
	}
	err = c.f.write(func(forever context.Context, tx *sql.Tx) error {
		all := allOf{sources: []source{{known.id, name}}}
		if err := all.find(forever, tx); err != nil {
			return err
		}
		if done, err = conclude(forever, tx, source{known.id, name}, t, ctx.Err, &all); err != nil {
			return err
		}
		_, err = tx.ExecContext(forever, "UPDATE sources SET contact = NULL WHERE id = ?", known.id)
		return err
	})
	if err = named(err); err != nil {
		return Change{}, fmt.Errorf("retire the source %q: %w", name, err)
	}
	c.forgetContact(name)
	return done, nil
}

// Clear takes all rights of all sources away at once: those that cannot be used.
// Terms has the sources that are to bring others.
func (c *Cache) Clear(ctx context.Context, t Terms) (done Change, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	err = c.f.write(func(forever context.Context, tx *sql.Tx) error {
		all := allOf{}
		if all.sources, err = sources(forever, tx); err != nil {
			return err
		}
		if err := all.find(forever, tx); err != nil {
			return err
		}
		if done, err = conclude(forever, tx, source{}, t, ctx.Err, &all); err != nil {
			return err
		}
		_, err := tx.ExecContext(forever, "UPDATE sources SET contact = NULL")
		return err
	})
	if err = named(err); err != nil {
		return Change{}, fmt.Errorf("take all rights away: %w", err)
	}
	for _, known := range c.known() {
		c.forgetContact(known.Source)
	}
	return done, nil
}

// allOf ends all rows of some sources.
type allOf struct {
	sources []source
	rows    int
}

func (a *allOf) find(ctx context.Context, tx *sql.Tx) error {
	for _, of := range a.sources {
		for _, t := range shapes() {
			var rows int
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+t.name+" WHERE source = ? AND to_generation IS NULL", of.id).Scan(&rows); err != nil {
				return err
			}
			a.rows += rows
		}
	}
	return nil
}

func (a *allOf) count() int { return a.rows }

func (a *allOf) write(ctx context.Context, tx *sql.Tx, _ int64, number uint64) error {
	for _, of := range a.sources {
		for _, t := range shapes() {
			if _, err := tx.ExecContext(ctx, "UPDATE "+t.name+" SET to_generation = ? WHERE source = ? AND to_generation IS NULL", int64(number), of.id); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

func (*allOf) follow(context.Context, *sql.Tx, source, *access.Snapshot) (*access.Snapshot, error) {
	return nil, nil
}

type asker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// findSource is the number of a source, or 0.
func findSource(ctx context.Context, on asker, name string) (id int64, err error) {
	err = on.QueryRowContext(ctx, "SELECT id FROM sources WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func sourceID(ctx context.Context, tx *sql.Tx, name string) (int64, error) {
	id, err := findSource(ctx, tx, name)
	if err != nil || id != 0 {
		return id, err
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO sources (name, ageless) VALUES (?, 0)", name)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// sealing is the newest generation.
type sealing struct {
	Number uint64
	sealed bool
	older  bool // sealed, by a tilegate that hashed otherwise
	hash   [32]byte
}

// is says whether the snapshot is what was sealed.
func (s *sealing) is(snapshot *access.Snapshot) bool {
	return s.sealed && snapshot != nil && snapshot.Hash() == s.hash
}

func newestSeal(ctx context.Context, tx *sql.Tx) (s sealing, err error) {
	var hash []byte
	var form int
	err = tx.QueryRowContext(ctx, "SELECT number, hash, form FROM generations ORDER BY number DESC LIMIT 1").Scan(&s.Number, &hash, &form)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	s.sealed, s.older = hash != nil && form == access.HashForm, hash != nil && form != access.HashForm
	copy(s.hash[:], hash)
	return s, err
}

func nextGeneration(ctx context.Context, tx *sql.Tx, newest uint64, at time.Time) (uint64, error) {
	_, err := tx.ExecContext(ctx, "INSERT INTO generations (number, at) VALUES (?, ?)", int64(newest+1), at.UnixMicro())
	return newest + 1, err
}
