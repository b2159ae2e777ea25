package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"
)

// schemaOf is a schema of some steps.
func schemaOf(steps ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i, text := range steps {
		fs["000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

const (
	stepOne = "CREATE TABLE one (a INTEGER PRIMARY KEY) STRICT; INSERT INTO one VALUES (7);"
	stepTwo = "CREATE TABLE two (b INTEGER) STRICT; INSERT INTO two SELECT a FROM one;"
)

func openSchema(t *testing.T, path string, steps ...string) (*file, error) {
	t.Helper()
	l := ledgerLayout()
	l.schema = schemaOf(steps...)
	f, err := openFile(path, l, time.Second)
	if err == nil {
		t.Cleanup(func() { _ = f.close() })
	}
	return f, err
}

func one(t *testing.T, db *sql.DB, query string) (got int) {
	t.Helper()
	if err := db.QueryRowContext(context.Background(), query).Scan(&got); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func TestOlderFileIsMigratedAndCopiedFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	f, err := openSchema(t, path, stepOne)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".before-1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a new file was copied: %v", err)
	}
	f, err = openSchema(t, path, stepOne)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.w.ExecContext(t.Context(), "UPDATE one SET a = 8"); err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	f, err = openSchema(t, path, stepOne, stepTwo)
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, f.r, "SELECT b FROM two"); got != 8 {
		t.Errorf("migrated value = %d, want 8", got)
	}
	if got := one(t, f.r, "PRAGMA user_version"); got != 2 {
		t.Errorf("user_version = %d, want 2", got)
	}
	before, err := openSchema(t, path+".before-2", stepOne)
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, before.r, "SELECT a FROM one"); got != 8 {
		t.Errorf("copied value = %d, want 8", got)
	}
	info, err := os.Stat(path + ".before-2")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("copy: mode %v, %v; want 600", info.Mode(), err)
	}
	fresh := filepath.Join(t.TempDir(), "y.db")
	if _, err := openSchema(t, fresh, stepOne, stepTwo); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fresh + ".before-2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that was just made was copied: %v", err)
	}
}

func TestFailedStepLeavesTheFileAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	f, err := openSchema(t, path, stepOne)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the copy of the first try is no obstacle to the second
		if _, err = openSchema(t, path, stepOne, stepTwo+"SELECT nosuch;"); err == nil {
			t.Fatal("a step with an error went through")
		}
	}
	f, err = openSchema(t, path, stepOne)
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, f.r, "SELECT count(*) FROM sqlite_schema WHERE name = 'two'"); got != 0 {
		t.Error("half of a failed step stayed")
	}
}

func TestNewerFileIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	f, err := openSchema(t, path, stepOne, stepTwo)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openSchema(t, path, stepOne); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("error = %v, want ErrNewerSchema", err)
	}
	if _, err := openSchema(t, path, stepOne, stepTwo); err != nil {
		t.Errorf("the newer version cannot open its file any more: %v", err)
	}
}
