package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// The times of what a tile shows.
const (
	signalPatience = time.Second      // for a tile to take a signal
	standAgain     = 10 * time.Second // before a tile that did not take one is asked again
	shutEvery      = 5 * time.Second  // while the door should be shut
)

// tile is one reader of a door.
type tile struct {
	name   string
	reader hw.Reader
	beat   atomic.Uint64 // rises while its loop lives

	waiting atomic.Int32 // reads that the door has not taken yet

	power     hw.Strike     // its pulse takes the power from the reader; nil: none
	cycles    atomic.Uint64 // how often that was done
	unpowered atomic.Bool   // the last time it could not be done

	// Of the loop of the door alone:
	pad   pinPad
	flood flood

	// Of the loop of the tile alone:
	healer healer
	stand  standing
	asked  time.Duration // when it last asked for the door to be shut; 0: not
}

// standing is what a tile shows while nobody is there.
type standing struct {
	known  bool
	signal hw.Signal
	since  time.Time     // of the connection in which it was told
	retry  time.Duration // not before
}

// listen hands what a tile read to the door, until ctx ends, and looks after the
// tile in between.
func (d *door) listen(ctx context.Context, t *tile) error {
	if t.power != nil {
		if err := rest(ctx, t.power); err != nil {
			d.log.Warn("the power relay of a reader did not come to rest at start", "reader", t.name, "error", err)
		}
	}
	var looked time.Duration
	for ctx.Err() == nil {
		read, err := hear(ctx, t.reader)
		switch {
		case err == nil:
			t.beat.Add(1)
			d.hand(heard{read, t})
		case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
			t.beat.Add(1)
		default:
			d.log.Error("the reader cannot be read", "reader", t.name, "error", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
		if now := d.clock.Mono(); now-looked >= time.Second && ctx.Err() == nil {
			looked = now
			d.care(ctx, t, now)
		}
	}
	return nil
}

// hand gives the door what a tile read. A tile that reads faster than the door
// decides loses its own reads, and no other's.
func (d *door) hand(read heard) {
	if read.tile.waiting.Add(1) <= pendingReads {
		select {
		case d.reads <- read:
			return
		default:
		}
	}
	read.tile.waiting.Add(-1)
	d.metrics.discarded.Inc()
}

// hear waits a while for a read, so that the watchdog sees a loop that lives.
func hear(ctx context.Context, reader hw.Reader) (hw.Read, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return reader.Read(ctx)
}

// care looks after a tile: its power, and what it shows while nobody is there.
func (d *door) care(ctx context.Context, t *tile, now time.Duration) {
	stats := t.reader.Stats()
	d.heal(ctx, t, now, stats.Up)
	signaler, ok := t.reader.(hw.Signaler)
	if !ok || !stats.Up {
		t.stand.known = false
		return
	}
	want := hw.SignalReady
	if d.site.isAway() {
		want = hw.SignalOffline
	}
	if s := &t.stand; now >= s.retry && (!s.known || s.signal != want || !s.since.Equal(stats.Since)) {
		if err := signal(ctx, signaler, hw.Notice{Signal: want}); err != nil {
			s.known, s.retry = false, now+standAgain
			d.log.Debug("the tile did not take how it should stand", "reader", t.name, "error", err)
		} else {
			*s = standing{known: true, signal: want, since: stats.Since}
		}
	}
	d.askToShut(ctx, t, signaler, now)
}

// askToShut has the tile ask for the door to be shut, again and again.
func (d *door) askToShut(ctx context.Context, t *tile, signaler hw.Signaler, now time.Duration) {
	switch {
	case !d.warning.Load():
		t.asked = 0
	case t.asked == 0 || now-t.asked >= shutEvery:
		t.asked = max(now, 1)
		if err := signal(ctx, signaler, hw.Notice{Signal: hw.SignalShut}); err != nil {
			d.log.Debug("the tile did not take its signal", "reader", t.name, "error", err)
		}
	}
}

func signal(ctx context.Context, signaler hw.Signaler, notice hw.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, signalPatience)
	defer cancel()
	return signaler.Signal(ctx, notice)
}

// show answers the member: green only after the strike acknowledged. Whoever is
// sent away is given a code to read out to the desk.
func (d *door) show(ctx context.Context, read heard, a answer) {
	if read.tile == nil {
		return
	}
	notice := hw.Notice{Signal: signalOf(read.Read, a)}
	if notice.Signal == hw.SignalRefused || notice.Signal == hw.SignalAskDesk {
		notice.Code = access.ShortCode(a.event)
	}
	d.tellTile(ctx, read.tile, notice)
}

// tellTile shows a notice where the tile can.
func (d *door) tellTile(ctx context.Context, t *tile, notice hw.Notice) {
	signaler, ok := t.reader.(hw.Signaler)
	if !ok {
		return
	}
	if err := signal(ctx, signaler, notice); err != nil {
		d.log.Debug("the tile did not take its signal", "error", err)
	}
}

// signalOf is what a member is shown.
func signalOf(read hw.Read, a answer) hw.Signal {
	switch {
	case a.decision.Granted() && a.err != nil:
		return hw.SignalAskDesk
	case a.decision.Granted():
		return hw.SignalGranted
	case read.Several:
		return hw.SignalOneCard
	default:
		return hw.SignalRefused
	}
}

// healed says what was done to heal a tile, in words that follow others.
func (t *tile) healed() string {
	text := ""
	switch n := t.cycles.Load(); n {
	case 0:
	case 1:
		text = "; power-cycled once"
	default:
		text = fmt.Sprintf("; power-cycled %d times", n)
	}
	if t.unpowered.Load() {
		text += "; its power relay does not answer"
	}
	return text
}
