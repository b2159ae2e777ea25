package store

import (
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
)

// The SQLite that is linked is part of the product: a bare go build would ship
// other rules than make build.
func TestSQLiteIsBuiltAsTheMakefileSays(t *testing.T) {
	if _, number, _ := sqlite3.Version(); number < 3_051_003 {
		t.Errorf("SQLite %d: want 3.51.3 or newer, older ones can damage a file while they reset the log", number)
	}
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	var said string
	err := l.f.r.QueryRowContext(t.Context(), `SELECT "nosuch"`).Scan(&said)
	if err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf(`SELECT "nosuch" gave %q, %v; want an unknown column (DQS=0)`, said, err)
	}
	var options []string
	rows, err := l.f.r.QueryContext(t.Context(), "PRAGMA compile_options")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(&said); err != nil {
			t.Fatal(err)
		}
		options = append(options, said)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(options, "\n") + "\n"
	for _, want := range []string{"DQS=0", "DEFAULT_FOREIGN_KEYS", "OMIT_LOAD_EXTENSION", "OMIT_SHARED_CACHE", "THREADSAFE=1"} {
		if !strings.Contains(all, want+"\n") {
			t.Errorf("SQLite was built without %s; build with make, or with its CGO_CFLAGS and tags.\n%s", want, all)
		}
	}
}

// safety is what must be so on each connection, said here a second time on
// purpose: a changed setting must be changed in two places.
var safety = map[string]string{
	"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "recursive_triggers": "1", "cell_size_check": "1",
	"trusted_schema": "0", "mmap_size": "0", "auto_vacuum": "0", "busy_timeout": "2000", "locking_mode": "normal",
}

func TestEveryConnectionHasTheSafeSettings(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal.db"))
	c := openCache(t, filepath.Join(dir, "cache.db"))
	l := openLedger(t, filepath.Join(dir, "ledger.db"))
	tests := []struct {
		name string
		f    *file
		page string
	}{
		{"journal", j.f, "1024"},
		{"cache", c.f, "4096"},
		{"ledger", l.f, "4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := map[string]string{"page_size": tt.page, "query_only": "0"}
			maps.Copy(want, safety)
			checkConnections(t, tt.f.w, 1, want)
			want["query_only"] = "1"
			checkConnections(t, tt.f.r, readers, want)
		})
	}
}

// checkConnections holds n connections at once, so that each is another one.
func checkConnections(t *testing.T, db *sql.DB, n int, want map[string]string) {
	t.Helper()
	for i := range n {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for name, value := range want {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got != value {
				t.Errorf("connection %d: %s = %s, want %s", i, name, got, value)
			}
		}
	}
}

func TestPoolOpensOneWriter(t *testing.T) {
	c := openCache(t, cachePath(t))
	if got := c.f.w.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("writers = %d, want 1", got)
	}
}

func TestReaderCannotWrite(t *testing.T) {
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	conn, err := l.f.r.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, also := range []string{"SELECT 1", "PRAGMA query_only = 0"} { // two locks: the second is mode=ro
		if _, err := conn.ExecContext(t.Context(), also); err != nil {
			t.Fatal(err)
		}
		_, err := conn.ExecContext(t.Context(), "INSERT INTO links (outside, holder, at) VALUES ('a', 'b', 1)")
		var code sqlite3.Error
		if !errors.As(err, &code) || code.Code != sqlite3.ErrReadonly {
			t.Errorf("after %s: %v, want a read-only database", also, err)
		}
	}
}

func TestConnectionIsRefusedWhenASettingDoesNotTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := openLedger(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	other := ledgerLayout()
	other.pageSize = 1024 // fixed at 4096 when the file was made
	_, err := openFile(path, other, time.Second)
	if !errors.Is(err, ErrSetting) {
		t.Errorf("error = %v, want ErrSetting", err)
	}
}

// A text column refuses a number and the other way round: STRICT everywhere.
func TestEveryTableIsStrict(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []*file{
		openJournal(t, filepath.Join(dir, "journal.db")).f, openCache(t, filepath.Join(dir, "cache.db")).f,
		openLedger(t, filepath.Join(dir, "ledger.db")).f,
	} {
		var tables, strict int
		err := f.r.QueryRowContext(t.Context(), "SELECT count(*), sum(strict) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'").Scan(&tables, &strict)
		if err != nil {
			t.Fatal(err)
		}
		if tables == 0 || strict != tables {
			t.Errorf("%s: %d of %d tables are strict", f.layout.name, strict, tables)
		}
	}
}

func TestEventsHaveNoSecondIndex(t *testing.T) {
	j := openJournal(t, journalPath(t))
	var indexes int
	if err := j.f.r.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE type = 'index'").Scan(&indexes); err != nil {
		t.Fatal(err)
	}
	if indexes != 0 {
		t.Errorf("indexes = %d, want none: each costs a page of flash an event", indexes)
	}
}

func TestPathWithEveryOddCharacterIsOneFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?b#c%41 d;e&mode=memory")
	l := openLedger(t, filepath.Join(dir, "ledger.db"))
	if err := l.Link("kisi:user:1", "anna", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ledger.db")); err != nil {
		t.Error(err)
	}
}

func TestFilesAreOursAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "journal.db")
	j := openJournal(t, path)
	stop := runJournal(t, j)
	if err := settle(t, j.Append(tap("one"))); err != nil {
		t.Fatal(err)
	}
	want := map[string]os.FileMode{dir: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600}
	for name, mode := range want {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), mode)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestWideOpenFileIsClosedToOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := openLedger(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	openLedger(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %o, want 600", got)
	}
}

func TestUnsafePathIsRefused(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
	}{
		{"symbolic link", func(t *testing.T, path string) {
			must(t, openLedger(t, path+".real").Close())
			must(t, os.Symlink(path+".real", path))
		}},
		{"hard link", func(t *testing.T, path string) {
			must(t, openLedger(t, path).Close())
			must(t, os.Link(path, path+".other"))
		}},
		{"log is a symbolic link", func(t *testing.T, path string) {
			must(t, os.Symlink("/dev/null", path+"-wal"))
		}},
		{"directory in its place", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
		}},
		{"directory that anybody may write", func(t *testing.T, path string) {
			must(t, os.Chmod(filepath.Dir(path), 0o777))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			tt.make(t, path)
			l, err := OpenLedger(path, nil)
			if err == nil {
				_ = l.Close()
			}
			if !errors.Is(err, ErrUnsafePath) {
				t.Errorf("error = %v, want ErrUnsafePath", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNetworkFileSystemIsRefused(t *testing.T) {
	if err := safeSystem("/mnt", 0x6969); !errors.Is(err, ErrUnsafePath) { // NFS
		t.Errorf("NFS: %v, want ErrUnsafePath", err)
	}
	if err := safeSystem("/var", 0xef53); err != nil { // ext4
		t.Errorf("ext4: %v", err)
	}
}

func openLedger(t testing.TB, path string) *Ledger {
	t.Helper()
	l, err := OpenLedger(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}
