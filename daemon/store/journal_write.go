package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// writer is what Run knows between two commits.
type writer struct {
	// backlog holds events whose receipts failed, oldest first, until the disk
	// takes them.
	backlog []entry
	broken  error         // why the file must be opened again; nil: it is well
	retry   time.Time     // when
	pause   time.Duration // until the retry after that
	worked  time.Time     // when the newest commit ended
	unsaved bool          // committed since the last look at the log
	drain   time.Duration
}

// Run writes what is appended: all that waits goes into one durable
// transaction, so the busier the doors the fewer the commits. It is called once.
// When ctx ends it refuses new events, writes what waits for at most five
// seconds, and returns an error when events had to be left.
func (j *Journal) Run(ctx context.Context) error {
	if j.running.Swap(true) {
		return errors.New("the journal has one writer, and it runs already")
	}
	tick := time.NewTicker(idleTick)
	defer tick.Stop()
	for {
		j.beat.Add(1)
		select {
		case <-ctx.Done():
			return j.drain()
		case <-j.wake:
		case <-tick.C:
			j.tidy()
		}
		j.writeWaiting()
	}
}

// Beat rises at least once a second while the writer lives, also when there is
// nothing to write. It stands still while a commit is stuck in the disk.
func (j *Journal) Beat() uint64 { return j.beat.Load() }

// drain ends the writer.
func (j *Journal) drain() error {
	j.closeQueue()
	w := &j.writer
	for end := time.Now().Add(w.drain); time.Now().Before(end); {
		w.retry = time.Time{}
		j.writeWaiting()
		if len(w.backlog) == 0 {
			return nil
		}
		j.beat.Add(1)
		time.Sleep(idleAfter)
	}
	return fmt.Errorf("%d events were not written: %w", len(w.backlog), w.broken)
}

// writeWaiting writes the backlog and all that waits, or fails the receipts.
func (j *Journal) writeWaiting() {
	w := &j.writer
	batch := j.takeQueue()
	if len(batch) == 0 && len(w.backlog) == 0 {
		return
	}
	if w.broken != nil && !j.repair() {
		j.postpone(batch, w.broken)
		return
	}
	entries := j.assemble(batch)
	first := j.last() + 1
	start := time.Now()
	err := j.withFile(func(f *file) error { return f.insert(first, entries) })
	w.worked = time.Now()
	took := w.worked.Sub(start)
	if j.o.Observe != nil {
		j.o.Observe(took)
	}
	if err != nil {
		j.failed(batch, err, took)
		return
	}
	own := len(entries) - len(batch)
	w.backlog, w.unsaved, w.pause = nil, true, 0
	j.committed(entries, took)
	for i, r := range batch {
		r.settle(first+uint64(own+i), nil)
	}
}

// assemble puts what is to be written in order: an admission of what is
// missing, the backlog, what waits.
func (j *Journal) assemble(batch []*Receipt) []entry {
	entries := make([]entry, 0, len(j.writer.backlog)+len(batch)+1)
	j.state.Lock()
	missed := j.state.missed
	j.state.missed = 0
	j.state.Unlock()
	if missed > 0 {
		gap := j.ownEvent(fmt.Sprintf("%s: %d events could not be kept", journalGap, missed))
		j.writer.backlog = slices.Insert(j.writer.backlog, 0, entry{event: gap})
	}
	entries = append(entries, j.writer.backlog...)
	j.state.Lock()
	j.state.Queued = len(entries) + len(batch)
	j.state.Unlock()
	for _, r := range batch {
		entries = append(entries, r.take())
	}
	return entries
}

func (j *Journal) last() uint64 {
	j.state.Lock()
	defer j.state.Unlock()
	return j.state.Last
}

func (j *Journal) committed(entries []entry, took time.Duration) {
	j.state.Lock()
	defer j.state.Unlock()
	if j.state.LastErr != nil {
		j.o.Log.Info("the journal is written again", "events", len(entries))
	}
	j.state.Last = entries[len(entries)-1].event.Seq
	j.state.Count += uint64(len(entries))
	j.state.Commits++
	j.state.LastCommit, j.state.LastErr, j.state.Queued = took, nil, 0
	j.signal()
}

// failed leaves the file alone until it was opened again: the kernel may have
// dropped the pages it could not write and say next time that all is well.
func (j *Journal) failed(batch []*Receipt, err error, took time.Duration) {
	w := &j.writer
	j.state.Lock()
	if j.state.LastErr == nil || j.state.LastErr.Error() != err.Error() {
		j.o.Log.Error("the journal cannot be written; events are kept in memory", "error", err)
	}
	j.state.LastErr, j.state.LastCommit = err, took
	j.state.Unlock()
	w.broken, w.pause = err, max(w.pause, retryAfter)
	w.retry = time.Now().Add(w.pause)
	j.postpone(batch, err)
}

// postpone fails receipts and keeps their events for later, as many as fit.
func (j *Journal) postpone(batch []*Receipt, cause error) {
	w := &j.writer
	var dropped uint64
	for _, r := range batch {
		e := r.take()
		e.refuse()
		e.event.Seq, e.event.Late = 0, true
		if len(w.backlog) < queueSize {
			w.backlog = append(w.backlog, e)
		} else {
			dropped++
		}
		r.settle(0, fmt.Errorf("%w: %w", ErrUnavailable, cause))
	}
	j.state.Lock()
	defer j.state.Unlock()
	j.state.Failed += uint64(len(batch))
	j.state.Lost += dropped
	j.state.missed += dropped
	j.state.Queued = len(w.backlog)
}

// repair opens the file again after a failure, and less often the longer the
// failure lasts, as opening reads the file. It takes out of the backlog what
// turns out to be on disk: an error from a commit does not mean that nothing was
// written.
func (j *Journal) repair() bool {
	w := &j.writer
	if time.Now().Before(w.retry) {
		return false
	}
	w.pause = min(max(2*w.pause, retryAfter), retryAtMost)
	w.retry = time.Now().Add(w.pause)
	before := j.last()
	if err := j.reopen(before); err != nil {
		w.broken = err
		j.state.Lock()
		j.state.LastErr = err
		j.state.Unlock()
		return false
	}
	// After 0 asks for the newest, which is all of them in a new file.
	written, err := j.Events(context.Background(), EventQuery{After: before, Limit: 2 * queueSize})
	if err != nil {
		w.broken = err
		return false
	}
	onDisk := make(map[string]struct{}, len(written))
	for _, e := range written {
		onDisk[e.ID] = struct{}{}
	}
	w.backlog = slices.DeleteFunc(w.backlog, func(e entry) bool {
		_, ok := onDisk[e.event.ID]
		return ok && e.event.ID != ""
	})
	w.broken = nil
	return true
}

// reopen closes all handles and opens the file as at the start, setting it
// aside if it is damaged.
func (j *Journal) reopen(last uint64) error {
	j.files.Lock()
	old := j.f
	j.f = nil
	j.files.Unlock()
	if old != nil {
		if err := old.close(); err != nil {
			j.o.Log.Warn("closing the failed journal", "error", err)
		}
	}
	j.state.Lock()
	closed := j.state.closed
	j.state.Unlock()
	if closed {
		return fmt.Errorf("journal: %w", ErrClosed)
	}
	return j.open(last)
}

// tidy does, while nobody is at a door, what no tap shall wait for: it forgets
// what may be forgotten, and moves the log into the file long before a commit
// would have to do it.
func (j *Journal) tidy() {
	w := &j.writer
	if w.broken != nil || time.Since(w.worked) < idleAfter {
		return
	}
	j.forgetClaims()
	if !w.unsaved {
		return
	}
	w.unsaved = false
	err := j.withFile(func(f *file) error {
		pages, err := f.logPages()
		if err != nil || pages < idleLogPages {
			return err
		}
		return f.checkpoint()
	})
	if err != nil && !errors.Is(err, ErrClosed) {
		j.o.Log.Warn("moving the log into the journal", "error", err)
	}
}

// logPages is how many pages of the log are not in the file yet.
func (f *file) logPages() (int, error) {
	var busy, pages, moved int
	err := f.w.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &pages, &moved)
	return pages - moved, err
}

// checkpoint moves the log into the file as far as readers let it.
func (f *file) checkpoint() error {
	var busy, pages, moved int
	return f.w.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved)
}
