package daemon

import (
	"os"
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

// syncedMark is touched by systemd-timesyncd(8) when it has set the clock. It
// asks a server at least every 35 minutes (PollIntervalMaxSec= of
// timesyncd.conf(5)); an older mark says nothing, and the clock is free-running.
const (
	syncedMark = "/run/systemd/timesync/synchronized"
	markLasts  = time.Hour
)

// kernelSynced asks adjtimex(2) without setting anything. Our own unit forbids
// even that (ProtectClock= denies the call, not only the change); then the mark
// tells. Where neither can, the clock counts as free-running.
func kernelSynced() bool {
	const unsynced = 0x40 // STA_UNSYNC
	var state unix.Timex
	if _, err := unix.Adjtimex(&state); err == nil {
		return state.Status&unsynced == 0
	}
	return markedSynced(syncedMark, time.Now())
}

func markedSynced(mark string, now time.Time) bool {
	info, err := os.Stat(mark)
	return err == nil && now.Sub(info.ModTime()).Abs() < markLasts
}

const (
	// jumpTolerance is how far wall and monotonic time may part between two looks.
	jumpTolerance = 30 * time.Second
	// jumpPatience is how long a clock must run evenly after a jump to count as
	// free-running where nobody says that it is synced. What jumps a clock is most
	// often the network time, which sets it right.
	jumpPatience = time.Hour
)

// timekeeper judges the clock. Any goroutine may ask.
type timekeeper struct {
	Clock
	mu       sync.Mutex    // guards all below
	floor    time.Time     // the newest instant that surely has passed
	likely   time.Time     // one that a clock wrote which nobody had set: bounds only such a clock
	lastWall time.Time     // at the last look
	lastMono time.Duration // at the last look
	jumped   bool          // until the clock is synced again, or has run evenly for long
	jumpedAt time.Duration // monotonic
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
		t.jumped, t.jumpedAt = true, mono
	}
	synced, floor := t.Synced(), t.floor
	if !synced && t.likely.After(floor) {
		floor = t.likely
	}
	switch {
	case wall.Before(floor):
		// What is certain is that the floor has passed.
		return floor, access.ClockUnset
	case synced:
		t.jumped = false
		return wall, access.ClockSynced
	case t.jumped && mono-t.jumpedAt < jumpPatience:
		return wall, access.ClockJumped
	}
	return wall, access.ClockFreeRunning
}
