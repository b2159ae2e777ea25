package daemon

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// A clock that ran ten years ahead for a while must not make every later clock
// look wrong: only what a trusted clock wrote is certain.
func TestTheClockFloorIgnoresWhatAWrongClockWrote(t *testing.T) { // X9, the jump and the bound; drift against HTTP Date is not built yet
	journal, err := store.OpenJournal(filepath.Join(t.TempDir(), "state", "journal.db"), store.JournalOptions{
		Boot: "b", Log: hclog.NewNullLogger(), Now: func() time.Time { return today },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- journal.Run(ctx) }()
	for i, e := range []access.Event{
		{At: today, Clock: access.ClockSynced},
		{At: today.Add(time.Minute), Clock: access.ClockFreeRunning},
		{At: today.AddDate(10, 0, 0), Clock: access.ClockJumped},
	} {
		e.ID, e.Kind = strings.Repeat(string(rune('a'+i)), 32), access.SystemEvent
		written := journal.Append(e)
		<-written.Done()
		if written.Err() != nil {
			t.Fatal(written.Err())
		}
	}
	g := &gateway{journal: journal, options: Options{Built: today.Add(-time.Hour)}}
	sure, likely, err := g.clockFloor()
	if err != nil {
		t.Fatal(err)
	}
	if !sure.Equal(today) {
		t.Errorf("sure: got %v, want %v", sure, today)
	}
	if want := today.Add(time.Minute); !likely.Equal(want) {
		t.Errorf("likely: got %v, want %v", likely, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := journal.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheDigestKeyIsMadeOnceAndKeptClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "digest.key")
	first, err := loadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := loadKey(path); err != nil || !bytes.Equal(again, first) {
		t.Errorf("the second start has another key (%v)", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode: got %o, want 600", got)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: got %v", err)
	}
	if err := os.WriteFile(path, first[:7], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(path); err == nil {
		t.Error("half a key was taken")
	}
}
