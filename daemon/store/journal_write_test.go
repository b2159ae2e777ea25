package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"

	"github.com/tilegate/tilegate/daemon/access"
)

// until polls for something that must become true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never came true: %s", what)
}

// all is every event of a journal, oldest first.
func all(t *testing.T, j *Journal) []access.Event {
	t.Helper()
	events, err := j.Events(t.Context(), EventQuery{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func ids(events []access.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}

func TestWaitingEventsShareOneCommit(t *testing.T) {
	var j *Journal
	var second []*Receipt
	observed := 0
	j, err := OpenJournal(journalPath(t), JournalOptions{Observe: func(time.Duration) {
		if observed++; observed == 1 { // while the writer is busy, others append
			for i := range 500 {
				second = append(second, j.Append(tap(fmt.Sprintf("second-%d", i))))
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	var first []*Receipt
	for i := range 1000 {
		first = append(first, j.Append(tap(fmt.Sprintf("first-%d", i))))
	}
	stop := runJournal(t, j)
	for i, r := range first {
		if err := settle(t, r); err != nil || r.Seq() != uint64(i+1) {
			t.Fatalf("event %d: seq %d, %v", i, r.Seq(), err)
		}
	}
	until(t, "all are written", func() bool { return j.Stats().Last == 1500 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for i, r := range second {
		if err := settle(t, r); err != nil || r.Seq() != uint64(1001+i) {
			t.Fatalf("event %d: seq %d, %v", i, r.Seq(), err)
		}
	}
	if s := j.Stats(); s.Commits != 2 || s.Count != 1500 || s.Failed != 0 {
		t.Errorf("stats = %+v, want 2 commits of 1500 events", s)
	}
}

func TestFullQueueRefusesAtOnceAndTheJournalAdmitsIt(t *testing.T) {
	j := openJournal(t, journalPath(t))
	for i := range queueSize {
		j.Append(tap(fmt.Sprint(i)))
	}
	r := j.Append(tap("too many"))
	select {
	case <-r.Done():
	default:
		t.Fatal("the receipt did not fail at once")
	}
	if !errors.Is(r.Err(), ErrQueueFull) || r.Seq() != 0 {
		t.Errorf("receipt: %v, seq %d; want ErrQueueFull", r.Err(), r.Seq())
	}
	if s := j.Stats(); s.Failed != 1 || s.Lost != 1 || s.Queued != queueSize {
		t.Errorf("stats = %+v, want 1 failed, 1 lost, %d queued", s, queueSize)
	}
	runJournal(t, j)
	until(t, "the queue is written", func() bool { return j.Stats().Last == queueSize+1 })
	gap := all(t, j)[0]
	if gap.Kind != access.SystemEvent || gap.Detail != "journal_gap: 1 events could not be kept" || gap.Boot != "boot-1" {
		t.Errorf("gap event = %+v", gap)
	}
}

// A database may grow no further: what SQLite says then is what it says on a
// full disk.
func fill(t *testing.T, j *Journal) {
	t.Helper()
	var pages int
	if err := j.f.w.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	var limit int
	if err := j.f.w.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&limit); err != nil {
		t.Fatal(err)
	}
}

func large(id string) access.Event {
	e := tap(id)
	e.Detail = strings.Repeat("x", 4096)
	return e
}

func TestEventRefusedByAFullDiskIsWrittenLateAndOnce(t *testing.T) {
	j := openJournal(t, journalPath(t))
	fill(t, j)
	stop := runJournal(t, j)
	r := j.Append(large("in the dark"))
	err := settle(t, r)
	var code sqlite3.Error
	if !errors.Is(err, ErrUnavailable) || !errors.As(err, &code) || code.Code != sqlite3.ErrFull {
		t.Fatalf("receipt: %v, want ErrUnavailable for a full disk", err)
	}
	// The limit belongs to the handle that failed and goes with it.
	until(t, "the event is written after all", func() bool { return j.Stats().Last == 1 })
	if err := settle(t, j.Append(tap("after"))); err != nil {
		t.Fatal(err)
	}
	events := all(t, j)
	if diff := cmp.Diff([]string{"in the dark", "after"}, ids(events)); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
	if !events[0].Late || events[1].Late {
		t.Errorf("late = %v, %v; want true, false", events[0].Late, events[1].Late)
	}
	if s := j.Stats(); s.LastErr != nil || s.Failed != 1 || s.Lost != 0 || s.Queued != 0 {
		t.Errorf("stats = %+v, want healthy with 1 failed", s)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// An error from a commit does not mean that nothing was written.
func TestEventOnDiskDespiteAnErrorIsNotWrittenTwice(t *testing.T) {
	j := openJournal(t, journalPath(t))
	written, other := tap("written"), tap("not written")
	if err := j.f.insert(1, entries(written)); err != nil {
		t.Fatal(err)
	}
	j.writer.broken = errors.New("disk I/O error")
	j.writer.backlog = entries(written, other)
	runJournal(t, j)
	until(t, "the other one is written", func() bool { return j.Stats().Last == 2 })
	if diff := cmp.Diff([]string{"written", "not written"}, ids(all(t, j))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestBacklogIsBoundedAndWhatIsDroppedIsAdmitted(t *testing.T) {
	j := openJournal(t, journalPath(t))
	j.writer.broken, j.writer.retry = errors.New("disk I/O error"), time.Now().Add(time.Hour)
	for round := range 2 {
		for i := range queueSize {
			j.Append(tap(fmt.Sprintf("%d-%d", round, i)))
		}
		j.writeWaiting()
	}
	if s := j.Stats(); s.Lost != queueSize || s.Queued != queueSize || s.Failed != 2*queueSize {
		t.Fatalf("stats = %+v", s)
	}
	j.writer.retry = time.Time{}
	j.writeWaiting()
	events := all(t, j)
	if len(events) != queueSize+1 || events[0].Detail != fmt.Sprintf("journal_gap: %d events could not be kept", queueSize) {
		t.Errorf("%d events, the first says %q", len(events), events[0].Detail)
	}
	if events[1].ID != "0-0" {
		t.Errorf("first kept event = %s, want the oldest", events[1].ID)
	}
}

func TestEndOfContextDrainsTheQueue(t *testing.T) {
	j := openJournal(t, journalPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := j.Append(tap("waiting"))
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := settle(t, r); err != nil {
		t.Errorf("waiting event: %v", err)
	}
	if err := settle(t, j.Append(tap("too late"))); !errors.Is(err, ErrClosed) {
		t.Errorf("event after the end: %v, want ErrClosed", err)
	}
	if err := j.Run(ctx); err == nil {
		t.Error("a second writer ran")
	}
}

func TestDrainSaysWhatWasNotWritten(t *testing.T) {
	j := openJournal(t, journalPath(t))
	j.files.Lock()
	path, f := j.path, j.f
	j.path, j.f = filepath.Join(path, "no", "directory"), nil // every opening fails
	j.files.Unlock()
	defer func() { _ = f.close() }()
	j.writer.drain = 300 * time.Millisecond
	r := j.Append(tap("lost"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	err := j.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "1 events were not written") {
		t.Errorf("Run = %v, want to hear of 1 event", err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("the drain took %v", took)
	}
	if err := settle(t, r); !errors.Is(err, ErrUnavailable) {
		t.Errorf("receipt: %v, want ErrUnavailable", err)
	}
}

func TestCloseFailsWhatWaits(t *testing.T) {
	j := openJournal(t, journalPath(t))
	r := j.Append(tap("nobody writes"))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := settle(t, r); !errors.Is(err, ErrClosed) {
		t.Errorf("receipt: %v, want ErrClosed", err)
	}
	if _, err := j.Events(t.Context(), EventQuery{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Events: %v, want ErrClosed", err)
	}
	if err := j.Wait(t.Context(), 5); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: %v, want ErrClosed", err)
	}
}

func TestBeatRisesWhileIdle(t *testing.T) {
	j := openJournal(t, journalPath(t))
	runJournal(t, j)
	for range 3 {
		before := j.Beat()
		until(t, "the next beat", func() bool { return j.Beat() > before })
	}
}

func TestLateMarkIsTakenUntilTheWriterHasTheEvent(t *testing.T) {
	j := openJournal(t, journalPath(t))
	r := j.Append(tap("slow"))
	if !r.MarkLate() {
		t.Error("a waiting event could not be marked")
	}
	runJournal(t, j)
	if err := settle(t, r); err != nil {
		t.Fatal(err)
	}
	if r.MarkLate() {
		t.Error("a written event was marked")
	}
	if e, err := j.Event(t.Context(), r.Seq()); err != nil || !e.Late {
		t.Errorf("event: late %v, %v; want true", e.Late, err)
	}
}

func TestLogMovesIntoTheFileWhileIdle(t *testing.T) {
	j := openJournal(t, journalPath(t))
	runJournal(t, j)
	for range 60 {
		var last *Receipt
		for i := range 20 {
			last = j.Append(large(fmt.Sprint(i)))
		}
		if err := settle(t, last); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the log is moved", func() bool {
		pages, err := j.f.logPages()
		return err == nil && pages == 0
	})
}
