package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// checkpointed moves the whole log into the file and closes it, so that what is
// damaged afterwards is all there is.
func checkpointed(t *testing.T, f *file) {
	t.Helper()
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the log is still there: %v", err)
	}
}

func garbage(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database. ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// scribble overwrites a stretch in the middle of a file.
func scribble(t *testing.T, path string, at, size int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", int(size))), at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// foreign makes a database of some other program.
func foreign(t *testing.T, path string) {
	t.Helper()
	l := ledgerLayout()
	l.application, l.schema, l.pageSize = 4711, schemaOf(stepOne), 1024
	f, err := openFile(path, l, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	checkpointed(t, f)
}

// aside is the one directory into which a database was set aside.
func aside(t *testing.T, path string) string {
	t.Helper()
	found, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(found) != 1 {
		t.Fatalf("set aside: %v, %v; want one directory", found, err)
	}
	if _, err := os.Stat(filepath.Join(found[0], filepath.Base(path))); err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// fullJournal makes a closed journal of n large events.
func fullJournal(t *testing.T, path string, n int) {
	t.Helper()
	j, err := OpenJournal(path, JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]access.Event, n)
	for i := range events {
		events[i] = large(fmt.Sprint(i))
	}
	if err := j.f.insert(1, entries(events...)); err != nil {
		t.Fatal(err)
	}
	checkpointed(t, j.f)
}

func TestDamagedJournalIsSetAsideAndBegunAnew(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		// above is what every new number must exceed, below what it must not.
		above, below uint64
	}{
		{"a page in the middle", func(t *testing.T, path string) { scribble(t, path, 100<<10, 4096) }, 100 + seqGap, 101 + 2*seqGap},
		{"no database at all", garbage, uint64(noon.UnixMilli()), uint64(noon.UnixMilli()) + 10},
		{"cut short", func(t *testing.T, path string) {
			if err := os.Truncate(path, 50<<10); err != nil {
				t.Fatal(err)
			}
		}, uint64(noon.UnixMilli()), uint64(noon.UnixMilli()) + 10},
		{"of another program", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			foreign(t, path)
		}, uint64(noon.UnixMilli()), uint64(noon.UnixMilli()) + 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := journalPath(t)
			fullJournal(t, path, 100)
			tt.damage(t, path)
			j := openJournal(t, path)
			kept := aside(t, path)
			if !strings.Contains(j.Recovered(), kept) {
				t.Errorf("recovered = %q, want it to name %s", j.Recovered(), kept)
			}
			events := all(t, j)
			if len(events) != 1 || events[0].Kind != access.SystemEvent || events[0].Detail != "log_reset: the damaged journal is kept in "+kept {
				t.Fatalf("events = %+v, want one log_reset", events)
			}
			runJournal(t, j)
			r := j.Append(tap("next"))
			if err := settle(t, r); err != nil {
				t.Fatal(err)
			}
			if r.Seq() <= tt.above || r.Seq() > tt.below {
				t.Errorf("next number = %d, want above %d, at most %d", r.Seq(), tt.above, tt.below)
			}
		})
	}
}

// A power cut between setting aside and the first event of the new file must not
// begin the numbers again.
func TestEmptyJournalBesideADamagedOneNumbersOn(t *testing.T) {
	path := journalPath(t)
	garbage(t, path)
	dir, err := SetAside(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	events := all(t, openJournal(t, path))
	if len(events) != 1 || events[0].Seq != uint64(noon.UnixMilli())+1 || !strings.HasSuffix(events[0].Detail, dir) {
		t.Errorf("events = %+v, want a log_reset numbered by the time that names %s", events, dir)
	}
}

// A number that only damage can have made is not counted on from.
func TestUnbelievableNumberIsNotCountedOnFrom(t *testing.T) {
	path := journalPath(t)
	j, err := OpenJournal(path, JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.f.insert(1<<62, entries(tap("broken"))); err != nil {
		t.Fatal(err)
	}
	checkpointed(t, j.f)
	if got := newestReadable(path); got != 0 {
		t.Errorf("newest readable = %d, want none", got)
	}
}

// A file that is damaged while it is open shows when the writer opens it again.
func TestJournalDamagedWhileOpenLosesNoNewEvent(t *testing.T) {
	path := journalPath(t)
	fullJournal(t, path, 100)
	j := openJournal(t, path)
	fill(t, j)
	garbage(t, path)
	runJournal(t, j)
	if err := settle(t, j.Append(large("in the dark"))); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("receipt: %v, want ErrUnavailable", err)
	}
	until(t, "the event is in a new journal", func() bool {
		events, err := j.Events(t.Context(), EventQuery{})
		return err == nil && len(events) == 2
	})
	events := all(t, j)
	if !strings.HasPrefix(events[0].Detail, logReset) || events[1].ID != "in the dark" || events[0].Seq <= 100 || events[1].Seq <= events[0].Seq {
		t.Errorf("events = %+v, want log_reset, then the one that waited, numbered above 100", events)
	}
	if j.Recovered() == "" {
		t.Error("the journal does not say that it was set aside")
	}
	aside(t, path)
}

func TestDamagedCacheIsSetAsideAndBegunEmpty(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
	}{
		{"no database at all", garbage},
		{"a page in the middle", func(t *testing.T, path string) { scribble(t, path, 64<<10, 8192) }},
		{"of another program", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			foreign(t, path)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := cachePath(t)
			c, err := OpenCache(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			install(t, c, "kisi", big(500), noon)
			checkpointed(t, c.f)
			tt.damage(t, path)
			c = openCache(t, path)
			if kept := aside(t, path); !strings.Contains(c.Recovered(), kept) {
				t.Errorf("recovered = %q, want it to name %s", c.Recovered(), kept)
			}
			if got := loaded(t, c); got.Snapshot.Counts().Grants != 0 || len(got.Snapshot.Contacts()) != 0 || got.Sealed.Number != 0 {
				t.Errorf("load = %+v of %+v; want nothing", got.Snapshot.Counts(), got.Sealed)
			}
			install(t, c, "kisi", building(), noon)
		})
	}
}

func TestOnlyTheNewestDamagedCachesAreKept(t *testing.T) {
	path := cachePath(t)
	for range 4 {
		garbage(t, path)
		c, err := OpenCache(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkpointed(t, c.f)
	}
	found, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(found) != cacheAside {
		t.Errorf("kept %v, %v; want %d", found, err, cacheAside)
	}
}

func TestDamagedLedgerIsAnErrorAndStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := OpenLedger(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := l.Link(fmt.Sprintf("kisi:user:%d", i), fmt.Sprintf("holder-%d", i), noon); err != nil {
			t.Fatal(err)
		}
	}
	checkpointed(t, l.f)
	scribble(t, path, 20<<10, 4096)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = OpenLedger(path, nil); err == nil || !isDamage(err) || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("error = %v, want damage and what to do", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the damaged ledger was changed (%v)", err)
	}
}

// Nothing of a damaged row may turn into a right.
func TestUnreadableRowFailsTheLoadAsDamage(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", building(), noon)
	if _, err := c.f.w.ExecContext(t.Context(), "UPDATE assignments SET kind = 200"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load(t.Context(), nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("error = %v, want ErrDamaged", err)
	}
}

// What was used up is taken over from the journal that was damaged last, also where
// the clock had gone back to 1970 by then.
func TestTheNewestOfWhatWasSetAsideIsKnownWhateverTheClockShowed(t *testing.T) { // F-16, I4
	path := filepath.Join(t.TempDir(), "journal.db")
	for i, now := range []time.Time{noon, time.Unix(0, 0), noon, noon.AddDate(10, 0, 0), noon.Add(time.Hour)} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		dir, err := SetAside(path, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := newestAside(path); got != dir {
			t.Errorf("%d: the newest is %s, want %s", i, got, dir)
		}
	}
}

// The log of a file that was set aside must never be replayed into the next.
func TestSetAsideTakesTheLogAlong(t *testing.T) {
	path := journalPath(t)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		garbage(t, name)
	}
	dir, err := SetAside(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	again := path
	garbage(t, again)
	second, err := SetAside(path, noon)
	if err != nil || second == dir {
		t.Errorf("the second of one second went to %s, %v; want another directory than %s", second, err, dir)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s stayed: %v", suffix, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "journal.db"+suffix)); err != nil {
			t.Error(err)
		}
	}
}

func TestSoundJournalPassesTheFullCheck(t *testing.T) {
	path := journalPath(t)
	fullJournal(t, path, 10)
	j := openJournal(t, path)
	if err := j.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A large file opens in time; the full check then finds what opening had no
// time for.
func TestFullCheckFindsWhatOpeningHadNoTimeFor(t *testing.T) {
	path := journalPath(t)
	fullJournal(t, path, 100)
	scribble(t, path, 100<<10, 4096)
	f := &file{layout: journalLayout(), path: path}
	f.r = sql.OpenDB(connector{layout: f.layout, path: path, readOnly: true})
	defer func() { _ = f.close() }()
	if err := f.check(time.Nanosecond); err != nil {
		t.Errorf("no time, but %v", err)
	}
	if err := f.check(0); !errors.Is(err, ErrDamaged) {
		t.Errorf("all the time: %v, want ErrDamaged", err)
	}
}
