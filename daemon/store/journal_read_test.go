package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// morning is a journal of a few events of all sorts, numbered from 1.
func morning(t *testing.T) *Journal {
	t.Helper()
	j := openJournal(t, journalPath(t))
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	events := []access.Event{
		{ID: "start", Kind: access.SystemEvent, At: at(0)},
		{ID: "anna in", Kind: access.DecisionEvent, At: at(1), Door: "front", Reason: access.Granted},
		{ID: "opened", Kind: access.OutcomeEvent, At: at(2), Door: "front"},
		{ID: "berta out", Kind: access.DecisionEvent, At: at(3), Door: "studio", Reason: access.Expired},
		{ID: "carlo in", Kind: access.DecisionEvent, At: at(4), Door: "studio", Reason: access.Granted},
	}
	if err := j.f.insert(1, entries(events...)); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestEventsAreFound(t *testing.T) {
	tests := []struct {
		name string
		in   EventQuery
		want []string
	}{
		{"newest two, oldest first", EventQuery{Limit: 2}, []string{"berta out", "carlo in"}},
		{"next two after one", EventQuery{After: 1, Limit: 2}, []string{"anna in", "opened"}},
		{"all by default", EventQuery{}, []string{"start", "anna in", "opened", "berta out", "carlo in"}},
		{"after the last", EventQuery{After: 5}, nil},
		{"by door", EventQuery{Door: "front"}, []string{"anna in", "opened"}},
		{"by kind", EventQuery{Kind: "system"}, []string{"start"}},
		{"by reason only decisions", EventQuery{Reason: "granted"}, []string{"anna in", "carlo in"}},
		{"since", EventQuery{Since: noon.Add(3 * time.Minute)}, []string{"berta out", "carlo in"}},
		{"until is outside", EventQuery{Until: noon.Add(time.Minute)}, []string{"start"}},
		{"all filters", EventQuery{After: 1, Door: "studio", Kind: "decision", Reason: "granted", Since: noon, Until: noon.Add(time.Hour)}, []string{"carlo in"}},
		{"a word nobody uses", EventQuery{Reason: "' OR 1=1 --"}, nil},
	}
	j := morning(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := j.Events(t.Context(), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ids(got)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMissingEventIsNotFound(t *testing.T) {
	if _, err := morning(t).Event(t.Context(), 6); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v, want ErrNotFound", err)
	}
}

func TestCancelledReadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := morning(t).Events(ctx, EventQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

// A row of a newer tilegate must not hide all others.
func TestUnknownWordReadsAsUnknown(t *testing.T) {
	j := morning(t)
	_, err := j.f.w.ExecContext(t.Context(), "UPDATE events SET kind = 'omen', reason = 'eclipse', reasons = 'granted,eclipse', pin = 'sung' WHERE seq = 4")
	if err != nil {
		t.Fatal(err)
	}
	e, err := j.Event(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %v %v", e.Kind, e.Reason, e.Reasons); got != "unknown_event unknown_reason [granted unknown_reason]" {
		t.Errorf("read %s", got)
	}
	if got := len(all(t, j)); got != 5 {
		t.Errorf("%d events, want 5", got)
	}
}

func TestNumbersAndNewestOutliveAReopen(t *testing.T) {
	path := journalPath(t)
	j, err := OpenJournal(path, JournalOptions{Boot: "boot-0"})
	if err != nil {
		t.Fatal(err)
	}
	stop := runJournal(t, j)
	for i := range 3 {
		if err := settle(t, j.Append(access.Event{ID: fmt.Sprint(i), At: noon.Add(time.Duration(i) * time.Hour)})); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, path)
	newest, err := j.Events(t.Context(), EventQuery{Limit: 1})
	if err != nil || len(newest) != 1 || newest[0].Seq != 3 || !newest[0].At.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("newest = %+v, %v; want 3 at %v", newest, err, noon.Add(2*time.Hour))
	}
	if s := j.Stats(); s.Count != 3 || s.Last != 3 {
		t.Errorf("stats = %+v, want 3 events", s)
	}
	runJournal(t, j)
	r := j.Append(tap("next"))
	if err := settle(t, r); err != nil || r.Seq() != 4 {
		t.Errorf("next seq = %d, %v; want 4", r.Seq(), err)
	}
	if got := j.Recovered(); got != "" {
		t.Errorf("recovered = %q from a sound file", got)
	}
}

func TestEmptyJournalHasNoNewest(t *testing.T) {
	j := openJournal(t, journalPath(t))
	newest, err := j.Events(t.Context(), EventQuery{Limit: 1})
	if err != nil || len(newest) != 0 || j.Stats().Last != 0 {
		t.Errorf("newest = %+v, %v, last %d; want none", newest, err, j.Stats().Last)
	}
}

func TestWaitReturnsWithTheNextEvent(t *testing.T) {
	j := openJournal(t, journalPath(t))
	runJournal(t, j)
	got := make(chan error, 1)
	go func() { got <- j.Wait(context.Background(), 0) }()
	if err := settle(t, j.Append(tap("one"))); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-got:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Wait did not return")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := j.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait for an event that never comes = %v", err)
	}
}

func TestReadingDoesNotWaitForAWriter(t *testing.T) {
	j := morning(t)
	tx, err := j.f.w.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM events"); err != nil {
		t.Fatal(err)
	}
	got, err := j.Events(t.Context(), EventQuery{})
	if err != nil || len(got) != 5 {
		t.Errorf("%d events, %v; want the 5 from before the open transaction", len(got), err)
	}
}
