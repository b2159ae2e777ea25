package daemon

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// watched is a watch over two doors and a journal whose loops move when the test
// says so, with the time in its hands.
type watched struct {
	*watch
	t          *testing.T
	mono       time.Duration
	front      *door
	lab        *door
	systemd    *net.UnixConn
	writing    bool   // the journal's writer lives
	stopWriter func() // ends it
	standing   map[*door]bool
	mute       map[*door]bool // of the reader's loop
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	dir := t.TempDir()
	w := &watched{t: t, writing: true, standing: map[*door]bool{}, mute: map[*door]bool{}}
	clock := Clock{
		Wall: func() time.Time { return today.Add(w.mono) }, Mono: func() time.Duration { return w.mono }, Synced: func() bool { return true },
	}
	journal, err := store.OpenJournal(filepath.Join(dir, "journal.db"), store.JournalOptions{Boot: "b"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- journal.Run(ctx) }()
	w.stopWriter = sync.OnceFunc(func() {
		w.writing = false
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the journal's writer: %v", err)
		}
	})
	t.Cleanup(func() { w.stopWriter(); _ = journal.Close() })
	w.front, w.lab = &door{id: "front", tiles: []*tile{{name: usualReader, reader: fakeTile{}}}}, &door{id: "lab", tiles: []*tile{{name: usualReader, reader: fakeTile{}}}}
	g := &gateway{
		log: hclog.NewNullLogger(), troubles: newTroubles(clock), clock: newTimekeeper(clock, time.Time{}), journal: journal,
		notify: notifier{hclog.NewNullLogger()},
		doors:  &doorsPart{open: map[string]*openDoor{"front": {door: w.front}, "lab": {door: w.lab}}},
	}
	w.watch = &watch{g: g, log: hclog.NewNullLogger(), every: 9 * time.Second, seen: map[string]heartbeat{}}

	path := filepath.Join(dir, "notify")
	if w.systemd, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.systemd.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return w
}

// pass lets time pass, a second at a time, in which every loop moves that is not
// to stand still.
func (w *watched) pass(seconds int) {
	for range seconds {
		w.mono += time.Second
		for _, d := range []*door{w.front, w.lab} {
			if !w.standing[d] {
				d.beat.Add(1)
			}
			if !w.mute[d] {
				d.tiles[0].beat.Add(1)
			}
		}
		if w.writing {
			w.write()
		}
		w.feed()
	}
}

// write has the journal's writer move.
func (w *watched) write() {
	w.t.Helper()
	before := w.g.journal.Beat()
	<-w.g.journal.Append(newEvent(w.g.clock, access.SystemEvent, "")).Done()
	for end := time.Now().Add(20 * time.Second); w.g.journal.Beat() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("the journal's writer does not move")
		}
	}
}

// fedTimes is how often systemd was told that we live since the last time it
// was asked.
func (w *watched) fedTimes() int {
	w.t.Helper()
	buf := make([]byte, 256)
	for n := 0; ; n++ {
		// What was sent is there already: the socket is of this machine.
		_ = w.systemd.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		size, err := w.systemd.Read(buf)
		if err != nil {
			return n
		}
		if got := string(buf[:size]); got != "WATCHDOG=1" {
			w.t.Fatalf("systemd heard %q", got)
		}
	}
}

// The watchdog starves when a loop stands still, and not for what everybody
// knows already: a restart mends no cable.
func TestTheWatchdogStarvesOnlyForAnUnexplainedStandstill(t *testing.T) {
	tests := []struct {
		name    string
		happens func(*watched)
		starves bool
	}{
		{"all is well", func(*watched) {}, false},
		{"a door stands still", func(w *watched) { w.standing[w.lab] = true }, true},
		{"a door waits for a strike that is known to be away", func(w *watched) {
			w.standing[w.lab] = true
			w.g.troubles.set(true, troubleStrikeDown, "lab", "unplugged")
		}, false},
		{"a door stands still, and the strike of another is away", func(w *watched) {
			w.standing[w.lab] = true
			w.g.troubles.set(true, troubleStrikeDown, "front", "unplugged")
		}, true},
		{"a reader's loop stands still", func(w *watched) { w.mute[w.front] = true }, true},
		{"a reader's loop waits for a tile that is known to be away", func(w *watched) {
			w.mute[w.front] = true
			w.g.troubles.set(true, troubleReaderDown, "front", "unplugged")
		}, false},
		{"the journal stands still", func(w *watched) { w.stopWriter() }, true},
		{"the journal fails and says so", func(w *watched) {
			w.stopWriter()
			w.g.troubles.set(true, troubleJournal, "", "disk full")
		}, false},
		{"the cloud is away", func(w *watched) { w.g.troubles.set(true, troubleSyncFailed, "kisi", "no network") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatched(t)
			w.pass(10)
			if got := w.fedTimes(); got != 3 {
				t.Errorf("in ten good seconds: fed %d times, want every three seconds", got)
			}
			tt.happens(w)
			w.pass(int(stall/time.Second) + 1)
			w.fedTimes() // patience is not over before stall
			w.pass(30)
			got := w.fedTimes()
			if starved := got == 0; starved != tt.starves {
				t.Errorf("fed %d times in half a minute; want it to starve: %v", got, tt.starves)
			}
			if !tt.starves || !w.writing {
				return
			}
			clear(w.standing)
			clear(w.mute)
			w.pass(10)
			if got := w.fedTimes(); got == 0 {
				t.Error("the loop moves again, and systemd is not told")
			}
		})
	}
}

func TestNobodyIsFedWithoutAWatchdog(t *testing.T) {
	w := newWatched(t)
	w.every = 0
	w.pass(20)
	if got := w.fedTimes(); got != 0 {
		t.Errorf("fed %d times, want never: systemd did not ask", got)
	}
}
