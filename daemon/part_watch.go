package daemon

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// watch looks at everything once a second: it keeps the board of troubles, the
// one line for systemd, and feeds the watchdog while the loops live.
type watch struct {
	g      *gateway
	log    hclog.Logger
	every  time.Duration        // of the watchdog; 0: none
	fed    time.Duration        // monotonic
	seen   map[string]heartbeat // by feed
	looked map[string]heartbeat // by look
	doors  map[string]bool      // at the last look
	tiles  map[string]bool      // at the last look, by door and name
	alarms map[troubleKey]bool  // at the last look
	clock  clockLog
	line   string
}

// heartbeat is when a loop was last seen to move.
type heartbeat struct {
	count uint64
	at    time.Duration
}

// stall is how long a loop may stand still before the watchdog is let starve.
// It is longer than the longest thing a door does: a record that is late and a
// strike that does not answer.
const stall = 6 * time.Second

// journalStall is how long a write may take before a person should know. It is
// well below stall: a disk that hangs is a trouble, and no reason to restart a
// gateway whose doors open, and which would lose what waits to be written.
const journalStall = 3 * time.Second

func newWatch(g *gateway) *watch {
	every, err := watchdogEvery()
	log := g.log.Named("watch")
	if err != nil {
		log.Warn("cannot tell how often systemd wants to hear from us", "error", err)
	}
	return &watch{g: g, log: log, every: every, seen: map[string]heartbeat{}, looked: map[string]heartbeat{}, clock: newClockLog()}
}

func (w *watch) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (w *watch) look() {
	g := w.g
	w.lookAtClock()
	stats := g.journal.Stats()
	g.troubles.set(g.journal.Recovered() != "", troubleJournalReset, "", g.journal.Recovered())
	err := stats.LastErr
	if err == nil && stats.Queued > 0 && w.still("journal", g.journal.Beat()) > journalStall {
		err = errors.New("the disk does not answer")
	}
	g.troubles.set(err != nil, troubleJournal, "", errWords(err))
	doors := g.doors.all()
	w.lookAtDoors(doors)
	w.lookAtAlarms(doors)
	g.sources.judge(g.clock.now())
	w.lookAtClouds()
	if line := g.statusLine(); line != w.line {
		w.line = line
		g.notify.status(line)
	}
	w.feed()
}

// still is for how long a loop has not moved.
func (w *watch) still(name string, count uint64) time.Duration {
	now := w.g.clock.Mono()
	if last, known := w.looked[name]; known && last.count == count {
		return now - last.at
	}
	w.looked[name] = heartbeat{count, now}
	return 0
}

// lookAtDoors puts how the devices are on the board, and takes off what was there
// of doors that a reload took away.
func (w *watch) lookAtDoors(doors []*openDoor) {
	snapshot, troubles, gone, goneTiles := w.g.rights.Load(), w.g.troubles, w.doors, w.tiles
	w.doors, w.tiles = map[string]bool{}, map[string]bool{}
	for _, d := range doors {
		w.doors[d.id] = true
		delete(gone, d.id)
		for _, t := range d.tiles {
			stats := t.reader.Stats()
			troubles.set(!stats.Up, troubleReaderDown, t.of(d.id), strings.TrimPrefix(stats.Err+t.healed(), "; "))
			w.tiles[t.of(d.id)] = true
			delete(goneTiles, t.of(d.id))
		}
		strike := d.strike.Stats()
		troubles.set(!strike.Up, troubleStrikeDown, d.id, strike.Err)
		troubles.set(d.settings.UnlockUnsaid && snapshot.HasUnlockHours(d.id), troubleUnlock, d.id, "")
	}
	for id := range gone {
		troubles.set(false, troubleStrikeDown, id, "")
		troubles.set(false, troubleUnlock, id, "")
		delete(w.seen, doorLoop+id)
	}
	for id := range goneTiles {
		troubles.set(false, troubleReaderDown, id, "")
		delete(w.seen, readerLoop+id)
	}
}

// of is the tile as the subject of a trouble: the door alone where it has one
// name only, as most have.
func (t *tile) of(door string) string {
	if t.name == usualReader {
		return door
	}
	return door + " " + t.name
}

// The loops of a door, as the watchdog knows them.
const (
	doorLoop   = "door "
	readerLoop = "reader "
)

// feed pings systemd at a third of its patience, but only while every loop has
// moved lately or is in a declared trouble. Cloud, pages and provisioning never
// count: a door must not be restarted because the internet is slow.
func (w *watch) feed() {
	now := w.g.clock.Mono()
	if w.every == 0 || now-w.fed < w.every/3 {
		return
	}
	if !w.alive("journal", w.g.journal.Beat(), now, w.g.troubles.declared(troubleJournal, "")) {
		return
	}
	for _, d := range w.g.doors.all() {
		if !w.alive(doorLoop+d.id, d.beat.Load(), now, w.g.troubles.declared(troubleStrikeDown, d.id)) {
			return
		}
		for _, t := range d.tiles {
			if !w.alive(readerLoop+t.of(d.id), t.beat.Load(), now, w.g.troubles.declared(troubleReaderDown, t.of(d.id))) {
				return
			}
		}
	}
	w.fed = now
	w.g.notify.alive()
}

func (w *watch) alive(name string, count uint64, now time.Duration, declared bool) bool {
	last, known := w.seen[name]
	if !known || last.count != count || declared {
		w.seen[name] = heartbeat{count, now}
		return true
	}
	if now-last.at < stall {
		return true
	}
	w.log.Error("a loop stands still, the watchdog is not fed", "loop", name, "for", (now - last.at).String())
	return false
}

func errWords(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func droppedWords(dropped []access.Problem) string {
	if len(dropped) == 0 {
		return ""
	}
	words := dropped[0].String()
	if len(dropped) > 1 {
		words += "; and others"
	}
	return words
}

var _ cloud.Keeper = (*rights)(nil)
