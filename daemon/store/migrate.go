package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// step is one numbered change of a schema.
type step struct {
	number int64
	sql    string
}

// steps reads the numbered files of a schema. They count from 1 without a gap.
func steps(schema fs.FS) ([]step, error) {
	names, err := fs.Glob(schema, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []step
	for i, name := range names {
		number, _, ok := strings.Cut(name, "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || n != int64(i+1) {
			return nil, fmt.Errorf("schema file %s: want the number %04d in front", name, i+1)
		}
		text, err := fs.ReadFile(schema, name)
		if err != nil {
			return nil, err
		}
		all = append(all, step{n, string(text)})
	}
	return all, nil
}

// migrate brings the schema up to date. Each step is one transaction with its
// user_version, so a power cut leaves the file at one step or the next.
func (f *file) migrate() error {
	all, err := steps(f.layout.schema)
	if err != nil {
		return err
	}
	ctx := context.Background()
	var at int64
	if err := f.w.QueryRowContext(ctx, "PRAGMA user_version").Scan(&at); err != nil {
		return err
	}
	if newest := int64(len(all)); at > newest {
		return fmt.Errorf("%s is at schema %d, this tilegate knows %d: %w", f.path, at, newest, ErrNewerSchema)
	}
	if at < 0 {
		return fmt.Errorf("%w: schema number %d", ErrDamaged, at)
	}
	for _, s := range all[at:] {
		if at > 0 { // a file that was just made has nothing to keep
			if err := f.keepBefore(s.number); err != nil {
				return fmt.Errorf("copy before schema %d: %w", s.number, err)
			}
		}
		if err := f.apply(s); err != nil {
			return fmt.Errorf("schema %d: %w", s.number, err)
		}
	}
	return nil
}

func (f *file) apply(s step) error {
	return f.write(func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, s.sql); err != nil {
			return err
		}
		if s.number == 1 {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", f.layout.application)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", s.number))
		return err
	})
}

// keepBefore copies the file to <file>.before-N. The copy appears whole or not
// at all: SQLite does not sync what VACUUM INTO writes.
func (f *file) keepBefore(number int64) error {
	final := fmt.Sprintf("%s.before-%d", f.path, number)
	part := final + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := create(part); err != nil {
		return err
	}
	if _, err := f.w.ExecContext(context.Background(), "VACUUM INTO ?", part); err != nil {
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, final); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(final))
}

// syncFile syncs a file that no connection has open.
func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
