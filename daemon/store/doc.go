// Package store keeps what must outlive a restart, in three SQLite files: the
// journal (events, irreplaceable), the cache (rights, rebuilt from the clouds)
// and the ledger (what we alone know). It is the only package that knows
// SQLite, so that one place sets what makes a commit survive a power cut.
//
// Every connection has its settings read back and is refused on a mismatch.
// Writes go through one connection a file and are never cancelled; reads go
// through connections that cannot write, and may be cancelled. DESIGN.md in
// this directory says why, and what is load-bearing.
package store

import (
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
)

// ErrNotFound says that nothing is kept under that number or name.
var ErrNotFound = errors.New("not found")

// ErrClosed says that the file is closed, or is being closed.
var ErrClosed = errors.New("the file is closed")

// ErrQueueFull says that an event was refused because too many are waiting for
// the disk. It is counted, and the journal says later how many are missing.
var ErrQueueFull = errors.New("too many events are waiting for the disk")

// ErrUnavailable says that the disk does not take events at present. The event
// is kept in memory and written, marked late, as soon as the disk takes it: do
// not append it again.
var ErrUnavailable = errors.New("the journal cannot be written")

// ErrNewerSchema says that a file was made by a newer tilegate. Install that
// version again, or move the file away: the .before-N copy beside it is what
// the older version wrote.
var ErrNewerSchema = errors.New("the file was written by a newer tilegate; install that version again, or put the .before copy back in its place")

// ErrDamaged says that a file is not what SQLite wrote. Close it and SetAside
// what can be rebuilt; opening it again then begins a new one.
var ErrDamaged = errors.New("the database file is damaged")

// ErrForeign says that a file is a database of some other program.
var ErrForeign = errors.New("the file belongs to another program")

// ErrUnsafePath says that a path may not hold a database: a link, a file with
// several names, or a network file system, on which locks and syncs lie.
var ErrUnsafePath = errors.New("unsafe place for a database")

// ErrSetting says that SQLite did not take a setting that keeps events safe.
var ErrSetting = errors.New("SQLite refused a setting that keeps data safe")

// isDamage tells a file that must be set aside from a disk that will not
// answer at the moment.
func isDamage(err error) bool {
	if code, ok := errors.AsType[sqlite3.Error](err); ok {
		return code.Code == sqlite3.ErrCorrupt || code.Code == sqlite3.ErrNotADB
	}
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrForeign)
}

// named makes damage known by ErrDamaged, whoever found it.
func named(err error) error {
	if isDamage(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
