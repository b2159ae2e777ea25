package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

//go:embed schema
var schemas embed.FS

func schema(name string) fs.FS {
	sub, err := fs.Sub(schemas, "schema/"+name)
	if err != nil {
		panic(err) // the name is a constant of this package
	}
	return sub
}

// journalLayout: small pages, because each commit writes whole pages to flash;
// checkpoints are rare and made while nobody is at a door, because they are
// what a lying disk turns into damage. See DESIGN.md.
func journalLayout() layout {
	return layout{
		name: "journal.db", application: 0x54_67_4a_31, pageSize: 1024,
		checkpoint: 4000, walLimit: 8 << 20, schema: schema("journal"),
	}
}

const (
	queueSize    = 4096
	idleTick     = 500 * time.Millisecond
	retryAfter   = time.Second
	retryAtMost  = 10 * time.Second
	drainFor     = 5 * time.Second
	journalCheck = 100 * time.Millisecond
	idleAfter    = 200 * time.Millisecond
	idleLogPages = 1000
	tailRows     = 256
	seqGap       = 10_000 // left free above a damaged file, whose tail may be gone
	// seqBelievable is more than any count of events and any time in
	// milliseconds; a number above it was made by the damage.
	seqBelievable = 1 << 52
	logReset      = "log_reset"
	journalGap    = "journal_gap"
)

// JournalOptions is what a journal needs to know of the daemon.
type JournalOptions struct {
	// Boot is written into every event: the id of this run of the machine.
	Boot string
	Log  hclog.Logger // nil: none
	// Now is the wall clock of the daemon, for events of the journal's own.
	// Nil: time.Now.
	Now func() time.Time
	// Observe is called by the writer with the time each commit took, also of
	// those that failed. It must not block. Nil: nobody asks.
	Observe func(time.Duration)
}

// Journal is the log of what happened: appended to by anybody, written by Run,
// read by anybody. All methods may be called at once.
type Journal struct {
	o    JournalOptions
	path string

	// files guards f: the writer replaces it when the disk failed.
	files sync.RWMutex
	f     *file

	queue struct {
		sync.Mutex
		waiting []*Receipt
		closed  bool
	}
	wake    chan struct{} // capacity 1: there is something to write
	forget  atomic.Int64  // claims that ended before this, microseconds UTC; 0: none
	beat    atomic.Uint64
	running atomic.Bool

	state struct {
		sync.Mutex
		JournalStats
		changed   chan struct{} // closed when Last rises
		recovered string
		missed    uint64 // events that will never be written and are not yet admitted to
		closed    bool
	}

	writer writer // of Run alone
}

// JournalStats is how the journal does.
type JournalStats struct {
	Last       uint64        // newest sequence number on disk
	Count      uint64        // events on disk
	Queued     int           // events not yet on disk
	Failed     uint64        // receipts that failed since the start
	Lost       uint64        // events refused or dropped for good since the start
	LastErr    error         // of the newest commit; nil when it went well
	WALBytes   int64         // size of the write-ahead log
	LastCommit time.Duration // how long the newest commit took
	Commits    uint64        // since the start
}

// OpenJournal opens or makes journal.db. A damaged file is set aside whole and a
// new one begun, with a "log_reset" event that names the old one; see
// Recovered. Numbers go on above those of the old file: where these cannot be
// read, from the milliseconds since 1970, which no count of events reaches.
func OpenJournal(path string, o JournalOptions) (*Journal, error) {
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	j := &Journal{o: o, path: path, wake: make(chan struct{}, 1)}
	j.state.changed = make(chan struct{})
	j.writer.drain = drainFor
	if err := j.open(0); err != nil {
		return nil, err
	}
	return j, nil
}

// open opens the file, or sets it aside and begins a new one above the floor.
func (j *Journal) open(floor uint64) error {
	f, err := openSound(j.path)
	if err == nil {
		return j.adopt(f, floor)
	}
	if !isDamage(err) {
		return fmt.Errorf("open the journal: %w", err)
	}
	cause := err
	floor = max(floor, newestReadable(j.path))
	dir, err := SetAside(j.path, j.o.Now())
	if err != nil {
		return fmt.Errorf("open the journal: %w", errors.Join(cause, err))
	}
	j.o.Log.Error("the journal was damaged; it was set aside and a new one begun", "kept", dir, "error", cause)
	j.state.Lock()
	j.state.recovered = fmt.Sprintf("journal.db was damaged (%v); it is kept in %s and a new one was begun", cause, dir)
	j.state.Unlock()
	f, err = openSound(j.path)
	if err != nil {
		return fmt.Errorf("begin a new journal: %w", err)
	}
	return j.adopt(f, floor)
}

// begin writes the first event of a journal that follows a damaged one, above
// all numbers of that one, and takes over what was used up.
func (j *Journal) begin(f *file, floor uint64, kept string) error {
	if floor > 0 {
		floor += seqGap
	} else {
		floor = uint64(max(0, j.o.Now().UnixMilli()))
	}
	reset := j.ownEvent(logReset + ": the damaged journal is kept in " + kept)
	// Before the reset, which says that this is done.
	if err := f.writeClaims(j.keptClaims(kept)); err != nil {
		return err
	}
	return f.insert(floor+1, []entry{{event: reset}})
}

// openSound opens the file and reads its newest rows, however large it is.
func openSound(path string) (*file, error) {
	f, err := openFile(path, journalLayout(), journalCheck)
	if err != nil {
		return nil, err
	}
	if err := f.readTail(tailRows); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// newestReadable is the newest number of a damaged file, or 0.
func newestReadable(path string) uint64 {
	f, err := openFile(path, journalLayout(), time.Nanosecond)
	if err != nil {
		return 0
	}
	span, err := f.span()
	if err := errors.Join(err, f.close()); err != nil || span.last > seqBelievable {
		return 0
	}
	return span.last
}

// adopt takes a file into use. An empty one beside one that was set aside wants
// its first event, also when the power went before that was written.
func (j *Journal) adopt(f *file, floor uint64) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the journal: %w", errors.Join(err, f.close()))
		}
	}()
	held, err := f.span()
	if err != nil {
		return err
	}
	if kept := newestAside(j.path); held.count == 0 && kept != "" {
		if err := j.begin(f, floor, kept); err != nil {
			return err
		}
		if held, err = f.span(); err != nil {
			return err
		}
	}
	j.files.Lock()
	j.f = f
	j.files.Unlock()
	j.state.Lock()
	defer j.state.Unlock()
	j.state.Last = max(held.last, floor)
	j.state.Count = held.count
	j.signal()
	return nil
}

// signal wakes who waits for events; state is held.
func (j *Journal) signal() {
	close(j.state.changed)
	j.state.changed = make(chan struct{})
}

// Recovered says in words what was damaged at the last opening and where it is
// kept, or "".
func (j *Journal) Recovered() string {
	j.state.Lock()
	defer j.state.Unlock()
	return j.state.recovered
}

// Wait returns when an event newer than after is on disk, with the error of ctx
// when that ends first, or with ErrClosed.
func (j *Journal) Wait(ctx context.Context, after uint64) error {
	for {
		j.state.Lock()
		last, changed, closed := j.state.Last, j.state.changed, j.state.closed
		j.state.Unlock()
		if last > after {
			return nil
		}
		if closed {
			return fmt.Errorf("wait for events: %w", ErrClosed)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stats is how the journal does at this instant.
func (j *Journal) Stats() JournalStats {
	j.queue.Lock()
	queued := len(j.queue.waiting)
	j.queue.Unlock()
	j.state.Lock()
	s := j.state.JournalStats
	j.state.Unlock()
	s.Queued += queued
	if info, err := os.Stat(j.path + "-wal"); err == nil {
		s.WALBytes = info.Size()
	}
	return s
}

// Check reads the whole file and says whether it is sound; at open only as much
// was read as there was time for. It may be cancelled, and blocks nobody.
//
// It has a connection of its own, so that a failed file can be opened again
// while it still reads.
func (j *Journal) Check(ctx context.Context) (err error) {
	f := &file{layout: journalLayout(), path: j.path}
	f.r = sql.OpenDB(connector{layout: f.layout, path: j.path, readOnly: true})
	defer func() { err = errors.Join(err, f.close()) }()
	return f.quickCheck(ctx)
}

// Close closes the file. Let Run return first: what it has not written is not
// written by Close.
func (j *Journal) Close() error {
	j.closeQueue()
	for _, r := range j.takeQueue() {
		r.settle(0, fmt.Errorf("journal: %w", ErrClosed))
	}
	j.state.Lock()
	already := j.state.closed
	j.state.closed = true
	j.signal()
	j.state.Unlock()
	if already {
		return nil
	}
	j.files.Lock()
	defer j.files.Unlock()
	f := j.f
	j.f = nil
	if f == nil {
		return nil
	}
	return f.close()
}

// withFile lends the open file for as long as work runs.
func (j *Journal) withFile(work func(f *file) error) error {
	j.files.RLock()
	defer j.files.RUnlock()
	if j.f == nil {
		return fmt.Errorf("journal: %w", ErrClosed)
	}
	return work(j.f)
}
