package daemon

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// journalOf is a journal that holds these events, in this order.
func journalOf(t *testing.T, events ...access.Event) *store.Journal {
	t.Helper()
	journal, err := store.OpenJournal(filepath.Join(t.TempDir(), "state", "journal.db"), store.JournalOptions{
		Boot: "b", Log: hclog.NewNullLogger(), Now: func() time.Time { return today },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- journal.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, journal.Close()); err != nil {
			t.Error(err)
		}
	})
	for i, e := range events {
		e.ID, e.Kind = strings.Repeat(string(rune('a'+i)), 32), access.SystemEvent
		written := journal.Append(e)
		<-written.Done()
		if written.Err() != nil {
			t.Fatal(written.Err())
		}
	}
	return journal
}

// What bounds the clock is what a clock wrote that could be believed: one that ran
// ten years ahead for a while must not make every later clock look wrong, and what
// was written later corrects.
func TestTheJournalBoundsTheClock(t *testing.T) { // X9, F-16
	hour, begin := time.Hour, 90*time.Hour // since this boot
	event := func(past time.Duration, clock access.ClockState) access.Event {
		return access.Event{At: today.Add(past), Mono: begin - hour, Clock: clock}
	}
	here := func(past time.Duration) point { return point{today.Add(past), begin} }
	built := here(-24 * hour)
	tests := []struct {
		name   string
		events []access.Event
		boot   string
		want   clockPast
	}{
		{"nothing is written", nil, "b", clockPast{sure: built}},
		{"by a synced clock", []access.Event{event(-hour, access.ClockSynced)}, "c", clockPast{sure: here(-hour)}},
		{"before the build", []access.Event{event(-48*hour, access.ClockSynced)}, "c", clockPast{sure: built}},
		{
			"then by clocks that are not trusted",
			[]access.Event{event(-hour, access.ClockSynced), event(10*year, access.ClockJumped), event(20*year, access.ClockUnset)},
			"c",
			clockPast{sure: here(-hour)},
		},
		{
			"the network time was years ahead, and was set right",
			[]access.Event{event(10*year, access.ClockSynced), event(-hour, access.ClockSynced)},
			"c",
			clockPast{sure: here(-hour)},
		},
		{
			"then by a free-running clock",
			[]access.Event{event(-hour, access.ClockSynced), event(hour, access.ClockFreeRunning)},
			"c",
			clockPast{sure: here(-hour), likely: here(hour)},
		},
		{
			"a free-running clock that was set right",
			[]access.Event{event(10*year, access.ClockFreeRunning), event(-hour, access.ClockSynced)},
			"c",
			clockPast{sure: here(-hour)},
		},
		{
			"in this boot",
			[]access.Event{event(-hour, access.ClockSynced)},
			"b",
			clockPast{sure: here(-hour), held: point{today.Add(-hour), begin - hour}, firm: true},
		},
		{
			"in this boot, and it ran on",
			[]access.Event{event(-hour, access.ClockSynced), event(-hour+time.Second, access.ClockFreeRunning)},
			"b",
			clockPast{sure: here(-hour), likely: here(-hour + time.Second), held: point{today.Add(-hour + time.Second), begin - hour}, firm: true},
		},
		{
			"in this boot, and somebody set it by hand",
			[]access.Event{event(-hour, access.ClockSynced), event(hour, access.ClockFreeRunning)},
			"b",
			clockPast{sure: here(-hour), likely: here(hour), held: point{today.Add(hour), begin - hour}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &handClock{wall: today, mono: begin}
			g := &gateway{journal: journalOf(t, tt.events...), options: Options{Built: built.wall, Clock: c.clock()}}
			got, err := g.clockPast(t.Context(), tt.boot)
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
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
