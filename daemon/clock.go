package daemon

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/daemon/access"
)

// Clock is what the gateway knows of the time. Wall is for windows and people,
// Mono for everything that elapses.
type Clock struct {
	Wall func() time.Time
	Mono func() time.Duration
	// Synced says whether the kernel believes its clock is set from outside.
	Synced func() bool
}

// SystemClock is the clock of this machine; Mono counts from now.
func SystemClock() Clock {
	start := time.Now()
	return Clock{
		Wall:   func() time.Time { return time.Now().Round(0) },
		Mono:   func() time.Duration { return time.Since(start) },
		Synced: kernelSynced,
	}
}

// kernelSynced asks adjtimex(2) without setting anything. A sandbox may forbid
// even that; then the clock counts as free-running.
func kernelSynced() bool {
	const unsynced = 0x40 // STA_UNSYNC
	var state unix.Timex
	_, err := unix.Adjtimex(&state)
	return err == nil && state.Status&unsynced == 0
}

// jumpTolerance is how far wall and monotonic time may part between two looks.
const jumpTolerance = 30 * time.Second

// timekeeper judges the clock. Any goroutine may ask.
type timekeeper struct {
	Clock
	mu       sync.Mutex    // guards all below
	floor    time.Time     // the newest instant that surely has passed
	lastWall time.Time     // at the last look
	lastMono time.Duration // at the last look
	jumped   bool          // until the clock is synced again
}

// newTimekeeper starts with a floor: now is never before it.
func newTimekeeper(clock Clock, floor time.Time) *timekeeper {
	return &timekeeper{Clock: clock, floor: floor, lastWall: clock.Wall(), lastMono: clock.Mono()}
}

// now is the wall time, and how far it can be trusted.
func (t *timekeeper) now() (time.Time, access.ClockState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wall, mono := t.Wall(), t.Mono()
	parted := wall.Sub(t.lastWall) - (mono - t.lastMono)
	t.lastWall, t.lastMono = wall, mono
	if parted.Abs() > jumpTolerance {
		t.jumped = true
	}
	switch {
	case wall.Before(t.floor):
		// What is certain is that the floor has passed.
		return t.floor, access.ClockUnset
	case t.Synced():
		t.jumped = false
		return wall, access.ClockSynced
	case t.jumped:
		return wall, access.ClockJumped
	}
	return wall, access.ClockFreeRunning
}
