package hwtest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Relay is one relay of a simulated board: what a door would feel. Any
// goroutine may ask it.
type Relay struct {
	mu        sync.Mutex // guards all below
	energised bool
	welded    bool
	sticking  Sticking
	closed    bool // the contact between COM and NO
	contacts  []func(closed bool)
	history   []Transition
	watchers  []func(Transition)
	changed   chan struct{} // closed at each transition, then replaced
	timer     *time.Timer   // of the board's own pulse
	timers    uint64        // counts settings of timer, so that a late one is ignored
}

// Transition is one movement of a relay.
type Transition struct {
	Energised bool
	At        time.Time
}

func newRelays(n int) []*Relay {
	all := make([]*Relay, n)
	for i := range all {
		all[i] = &Relay{changed: make(chan struct{})}
	}
	return all
}

// Energised says whether the coil is under power, which is all that most boards
// know. Closed says what the contact makes of it.
func (r *Relay) Energised() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.energised
}

// History is every movement since the board was made.
func (r *Relay) History() []Transition {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.history)
}

// Watch has f called after each movement, in order. f must not ask the relay to
// move.
func (r *Relay) Watch(f func(Transition)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, f)
}

// Await waits until the relay stands as said, and tells whether it did before
// ctx ended.
func (r *Relay) Await(ctx context.Context, energised bool) bool {
	for {
		r.mu.Lock()
		is, changed := r.energised, r.changed
		r.mu.Unlock()
		if is == energised {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Weld makes the relay stay as it is, whatever the board says, or lets it move
// again. The board notices: it reads back what it switches. Stick is for a
// contact of which the board knows nothing.
func (r *Relay) Weld(welded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.welded = welded
}

// Force moves the relay as a hand on the board's button would.
func (r *Relay) Force(energised bool) { r.set(energised) }

// set is the board's order; it ends a pulse of the board's own.
func (r *Relay) set(energised bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
	r.move(energised)
}

// flash moves the relay now and back after d.
func (r *Relay) flash(energised bool, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
	r.move(energised)
	mine := r.timers
	r.timer = time.AfterFunc(d, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.timers == mine {
			r.move(!energised)
		}
	})
}

func (r *Relay) stop() {
	r.timers++
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *Relay) move(energised bool) {
	if r.welded || r.energised == energised {
		return
	}
	r.energised = energised
	now := Transition{energised, time.Now()}
	r.history = append(r.history, now)
	close(r.changed)
	r.changed = make(chan struct{})
	for _, f := range r.watchers {
		f(now)
	}
	r.settle()
}
