package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is what the machine knows of the time. Nothing decides by Wall but the
// timekeeper, which knows how far to believe it.
type Clock struct {
	Wall func() time.Time
	// Mono is for everything that elapses: it never steps and never stops, also
	// while the machine sleeps. Where it begins says nothing.
	Mono func() time.Duration
	// Synced says whether the kernel believes its clock is set from outside.
	Synced func() bool
	// Set says whether anything bears out that the clock was set since the machine
	// started; nil: nobody can tell, and it counts as set.
	Set func() bool
}

// SystemClock is the clock of this machine. Mono counts from its start, so that
// events of one boot can be set in relation across restarts of the gateway.
func SystemClock() Clock {
	c := Clock{
		Wall:   func() time.Time { return time.Now().Round(0) },
		Mono:   sinceBoot,
		Synced: kernelSynced,
		Set:    func() bool { return wasSet(clockChips, syncedMark, time.Now()) },
	}
	if sinceBoot() == 0 { // a kernel that does not have it
		start := time.Now()
		c.Mono = func() time.Duration { return time.Since(start) }
	}
	return c
}

// sinceBoot is CLOCK_BOOTTIME. The monotonic clock of Go stands still while the
// machine sleeps, and after that the wall would seem to have jumped, and rights,
// holds and wrong PINs would be younger than they are.
func sinceBoot() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// syncedMark is touched by systemd-timesyncd(8) when it has set the clock. It
// asks a server at least every 35 minutes (PollIntervalMaxSec= of
// timesyncd.conf(5)); an older mark says nothing, and the clock is free-running.
const (
	syncedMark = "/run/systemd/timesync/synchronized"
	markLasts  = time.Hour
	clockChips = "/sys/class/rtc"
	localTime  = 15 * time.Hour // is never further from UTC
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

// wasSet says whether anything bears the clock out that the machine started with:
// the network time set it since (the mark, however old: /run is empty at each
// start), or a clock chip shows the same. Without either systemd goes on from the
// last time that it wrote down, and the clock is behind by as long as the power was
// away: it looks right and is not. So it does where the battery of a chip is empty,
// which shows a time long ago, though the kernel took that one over. A chip that
// keeps local time is hours off from a clock that was set by it.
// A machine that does not show whether it has chips gets the benefit of the doubt.
func wasSet(chips, mark string, now time.Time) bool {
	if _, err := os.Stat(mark); err == nil {
		return true
	}
	if _, err := os.Stat(chips); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	found, _ := filepath.Glob(filepath.Join(chips, "rtc*")) // the pattern is sound
	for _, chip := range found {
		within := jumpTolerance
		if shows(chip, "hctosys") == 1 {
			within = localTime
		}
		if at := shows(chip, "since_epoch"); at != 0 && now.Sub(time.Unix(at, 0)).Abs() < within {
			return true
		}
	}
	return false
}

// shows is a number that a chip shows, or 0.
func shows(chip, name string) int64 {
	text, err := os.ReadFile(filepath.Join(chip, name)) //nolint:gosec // a fixed name below a directory of the kernel
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
