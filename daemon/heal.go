package daemon

import (
	"context"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// The times of healing. A reader has its own driver, which resets and reopens it
// first; then its power is all that is left.
const (
	healAfter   = 20 * time.Second // of silence
	healPulse   = 3 * time.Second  // without power: long enough for its capacitors
	healPause   = 2 * time.Minute  // between the first two tries; then twice as long each
	healLongest = 30 * time.Minute
	healTrust   = 10 * time.Minute // heard for so long: the next silence is a new one
)

// powerCycle is the step of healing that is the daemon's own.
const powerCycle = "power_cycle"

// healer decides when a silent reader loses its power for a moment. The zero
// value has seen nothing yet. It knows no clock.
type healer struct {
	seen  bool
	up    bool
	since time.Duration // how it has been as it is
	pause time.Duration // after the last try; 0: there was none
	next  time.Duration // not before
}

// look takes how the reader is now, and says whether its power should go. Time is
// monotonic.
func (h *healer) look(now time.Duration, up bool) bool {
	if !h.seen || h.up != up {
		h.seen, h.up, h.since = true, up, now
	}
	switch {
	case up:
		if now-h.since >= healTrust {
			h.pause = 0
		}
		return false
	case now-h.since < healAfter || now < h.next:
		return false
	}
	h.pause = min(max(2*h.pause, healPause), healLongest)
	h.next = now + h.pause
	return true
}

// heal takes the power from a reader that was silent for too long, if there is a
// relay for that. It is called by the loop of the tile, so that a relay that does
// not answer holds up no other tile.
func (d *door) heal(ctx context.Context, t *tile, now time.Duration, up bool) {
	if t.power == nil || !t.healer.look(now, up) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pulsePatience)
	defer cancel()
	err := t.power.Pulse(ctx, healPulse)
	event := d.event(access.SystemEvent)
	event.Reader, event.Detail = t.name, "reader was silent, power-cycled"
	if err != nil {
		event.Detail = "reader is silent, and its power relay does not answer: " + oneLine(err.Error())
		d.log.Error("a silent reader could not be power-cycled", "reader", t.name, "error", err)
	} else {
		t.cycles.Add(1)
		d.log.Warn("a silent reader was power-cycled", "reader", t.name)
	}
	d.journal.Append(event)
	t.unpowered.Store(err != nil)
}
