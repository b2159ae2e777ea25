package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// file is one database: the one connection that may write, and the readers.
type file struct {
	layout layout
	path   string
	w, r   *sql.DB
}

const readers = 4

// openFile opens or makes a database, brings its schema up to date and looks
// at its content for at most the given time.
func openFile(path string, l layout, patience time.Duration) (_ *file, err error) {
	path, err = safePath(path)
	if err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	f := &file{layout: l, path: path, w: sql.OpenDB(connector{layout: l, path: path})}
	f.w.SetMaxOpenConns(1)
	f.w.SetMaxIdleConns(1)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if err := f.migrate(); err != nil {
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	f.r = sql.OpenDB(connector{layout: l, path: path, readOnly: true})
	f.r.SetMaxOpenConns(readers)
	f.r.SetMaxIdleConns(1) // each holds up to 2 MiB of pages
	if err := f.check(patience); err != nil {
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	return f, nil
}

// check runs quick_check until the time is up. What could not be looked at in
// time is not held against the file: a page that is damaged says so when it is
// read. Zero patience looks at everything.
func (f *file) check(patience time.Duration) error {
	ctx := context.Background()
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	err := f.quickCheck(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (f *file) quickCheck(ctx context.Context) error {
	var said string
	err := f.r.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, said)
	}
	return nil
}

// write runs one transaction on the writer. It takes no context: a cancelled
// statement makes SQLite roll back under the driver's feet, and the statement
// after it would commit by itself.
func (f *file) write(work func(ctx context.Context, tx *sql.Tx) error) error {
	return transact(f.w, work)
}

type beginner interface {
	BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error)
}

func transact(on beginner, work func(ctx context.Context, tx *sql.Tx) error) error {
	ctx := context.Background()
	tx, err := on.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(ctx, tx); err != nil {
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			// A full disk makes SQLite roll back by itself; a second
			// ROLLBACK then only says so.
			err = fmt.Errorf("%w (rollback: %w)", err, back)
		}
		return err
	}
	return tx.Commit()
}

// attached gives the writer another database beside its own, as "staged". What the
// work wrote stands by then: a connection that does not let go of the other is
// thrown away, and no error.
func (f *file) attached(ctx context.Context, path string, work func(conn *sql.Conn) error) error {
	conn, err := f.w.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // see above
	if _, err := conn.ExecContext(ctx, "ATTACH ? AS staged", path); err != nil {
		return err
	}
	defer func() {
		if _, detached := conn.ExecContext(context.Background(), "DETACH staged"); detached != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	for _, setting := range []string{"journal_mode = OFF", "synchronous = OFF"} {
		if _, err := conn.ExecContext(ctx, "PRAGMA staged."+setting); err != nil {
			return err
		}
	}
	return work(conn)
}

// read runs queries against one state of the file.
func (f *file) read(ctx context.Context, work func(tx *sql.Tx) error) (err error) {
	tx, err := f.r.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if end := tx.Rollback(); end != nil && !errors.Is(end, sql.ErrTxDone) {
			err = errors.Join(err, end)
		}
	}()
	return work(tx)
}

// close closes the readers first: the writer then takes the log away.
func (f *file) close() error {
	var errs []error
	if f.r != nil {
		errs = append(errs, f.r.Close())
	}
	if f.w != nil {
		errs = append(errs, f.w.Close())
	}
	return errors.Join(errs...)
}
