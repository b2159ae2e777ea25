package store

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

// patience bounds a wait for something that must happen; it is no expectation.
const patience = 30 * time.Second

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// openJournal opens a journal in a directory of its own.
func openJournal(t testing.TB, path string) *Journal {
	t.Helper()
	j, err := OpenJournal(path, JournalOptions{Boot: "boot-1", Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// runJournal starts the writer; the returned function ends it and waits.
func runJournal(t testing.TB, j *Journal) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() { cancel(); err = <-ended })
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func journalPath(t testing.TB) string { return filepath.Join(t.TempDir(), "journal.db") }

// settle waits for a receipt.
func settle(t testing.TB, r *Receipt) error {
	t.Helper()
	select {
	case <-r.Done():
		return r.Err()
	case <-time.After(patience):
		t.Fatal("the receipt never came")
		return nil
	}
}

func tap(id string) access.Event {
	return access.Event{ID: id, Kind: access.DecisionEvent, At: noon, Door: "front", Reason: access.Granted}
}

// entries are events that use nothing up.
func entries(events ...access.Event) (all []entry) {
	for _, e := range events {
		all = append(all, entry{event: e})
	}
	return all
}

// anyEvent draws an event with every field set to anything it may hold.
func anyEvent(t *rapid.T) access.Event {
	text := func(label string) string { return rapid.StringN(0, 20, -1).Draw(t, label) }
	at := func(label string) time.Time {
		return time.UnixMicro(rapid.Int64Range(-1<<50, 1<<52).Draw(t, label)).UTC()
	}
	e := access.Event{
		ID: text("id"), Kind: access.EventKind(rapid.IntRange(0, int(access.SystemEvent)).Draw(t, "kind")),
		At: at("at"), Mono: time.Duration(rapid.Int64().Draw(t, "mono")),
		Clock: access.ClockState(rapid.IntRange(0, int(access.ClockUnset)).Draw(t, "clock")),
		Door:  text("door"), Reader: text("reader"),
		Credential: access.Credential{
			Kind:      access.Kind(rapid.IntRange(0, int(access.Operator)).Draw(t, "credential")),
			Assurance: access.Assurance(rapid.IntRange(0, int(access.HighAssured)).Draw(t, "assurance")),
		},
		Presence: access.Presence(rapid.IntRange(0, int(access.Remote)).Draw(t, "presence")),
		Reason:   rapid.SampledFrom(access.Reasons()).Draw(t, "reason"),
		Holder:   text("holder"), Grant: text("grant"), Group: text("group"),
		Generation: rapid.Uint64().Draw(t, "generation"), RosterHash: text("hash"),
		RosterAge: time.Duration(rapid.Int64().Draw(t, "age")),
		PIN:       access.PINState(rapid.IntRange(0, int(access.PINBlocked)).Draw(t, "pin")),
		Ref:       text("ref"), Actor: text("actor"), Detail: text("detail"), Late: rapid.Bool().Draw(t, "late"),
	}
	copy(e.Credential.Digest[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "digest"))
	if rapid.Bool().Draw(t, "has reasons") {
		e.Reasons = rapid.SliceOfN(rapid.SampledFrom(access.Reasons()), 0, 5).Draw(t, "reasons")
	}
	if rapid.Bool().Draw(t, "passed before") {
		e.LastPass = at("last pass")
	}
	if rapid.Bool().Draw(t, "by a clock in doubt") {
		e.Floor, e.Untrusted = at("floor"), time.Duration(rapid.Int64().Draw(t, "untrusted"))
	}
	e.Posture, e.Warned = rapid.Uint64().Draw(t, "posture"), rapid.Bool().Draw(t, "warned")
	e.Fault = rapid.SampledFrom(access.Reasons()).Draw(t, "fault")
	return e
}

func TestEventReadsBackEqual(t *testing.T) {
	j := openJournal(t, journalPath(t))
	runJournal(t, j)
	rapid.Check(t, func(r *rapid.T) {
		want := anyEvent(r)
		receipt := j.Append(want)
		<-receipt.Done()
		if err := receipt.Err(); err != nil {
			r.Fatal(err)
		}
		want.Seq, want.Boot = receipt.Seq(), "boot-1"
		got, err := j.Event(context.Background(), want.Seq)
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}
