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
	on := func(e access.Event, floor time.Duration) access.Event {
		e.Floor = today.Add(floor)
		return e
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
		{
			"by a clock that was synced for a moment: its time is likely, and sure is what had passed",
			[]access.Event{on(event(10*year, access.ClockSynced), -2*hour)},
			"c",
			clockPast{sure: here(-2 * hour), likely: here(10 * year)},
		},
		{
			"what had passed an hour before in this boot has passed an hour more",
			[]access.Event{on(event(-hour, access.ClockSynced), -2*hour), on(event(-hour, access.ClockUnset), -hour)},
			"b",
			clockPast{
				sure: point{today.Add(-2 * hour), begin - hour}, likely: point{today.Add(-hour), begin - hour},
				held: point{today.Add(-hour), begin - hour}, firm: true,
			},
		},
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

// restarted is a timekeeper that goes on from what a gateway that ran until now
// wrote down.
func restarted(t *testing.T, before *timekeeper, after *handClock, boot string) *timekeeper {
	t.Helper()
	e := newEvent(before, access.SystemEvent, "")
	e.Boot = "b"
	g := &gateway{journal: journalOf(t, e), options: Options{Built: today.Add(-year), Clock: after.clock()}}
	past, err := g.clockPast(t.Context(), boot)
	if err != nil {
		t.Fatal(err)
	}
	return resumeClock(after.clock(), past)
}

// The network time is years ahead for a moment, which is written down, and the
// gateway restarts: that must not refuse everybody until then.
func TestAMomentOfWrongNetworkTimeIsNotHeldAgainstTheRightOne(t *testing.T) { // F-17, X9
	for _, boot := range []string{"b", "c"} {
		c := &handClock{wall: today, synced: true}
		before := newTimekeeper(c.clock(), today.Add(-time.Hour))
		c.pass(2 * time.Hour)
		before.look()
		c.jump(10 * year)
		before.look()
		after := *c
		after.pass(time.Minute)
		after.jump(-10 * year)
		m := restarted(t, before, &after, boot).moment()
		if m.clock != access.ClockSynced || !m.at.Equal(after.wall) || m.floor.After(after.wall) || m.floor.Before(today.Add(2*time.Hour)) {
			t.Errorf("boot %s: %v at %v, and %v has passed; want synced at %v", boot, m.clock, m.at, m.floor, after.wall)
		}
	}
}

// What has passed while nobody knew the time has passed after a restart too: at
// somebody's home, what ended meanwhile must not open again.
func TestARestartTakesNothingBackOfWhatHasPassed(t *testing.T) { // F-16
	c := &handClock{wall: time.Unix(0, 0), bare: true}
	before := newTimekeeper(c.clock(), today.Add(-time.Hour))
	c.pass(30 * 24 * time.Hour)
	before.look()
	was := before.moment()
	for boot, passed := range map[string]time.Duration{"b": time.Hour, "c": 0} { // of another boot nobody knows how long ago
		after := *c
		after.pass(time.Hour)
		m := restarted(t, before, &after, boot).moment()
		if got := m.floor.Sub(was.floor); got != passed || m.at.Before(m.floor) {
			t.Errorf("boot %s: the floor moved by %v, want %v", boot, got, passed)
		}
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
