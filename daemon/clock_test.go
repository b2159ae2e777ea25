package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheMarkOfTimesyncdSaysThatTheClockIsSynced(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "synchronized")
	if markedSynced(mark, today) {
		t.Error("synced without a mark")
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		at   time.Time
		want bool
	}{
		{"half an hour ago", today.Add(-30 * time.Minute), true},
		{"two hours ago", today.Add(-2 * time.Hour), false},
		{"before the clock jumped back", today.Add(3 * time.Hour), false},
	} {
		if err := os.Chtimes(mark, tt.at, tt.at); err != nil {
			t.Fatal(err)
		}
		if got := markedSynced(mark, today); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A box without a clock chip goes on from the last time that it wrote down: what it
// shows looks right, and is behind by as long as the power was away.
func TestAClockIsBorneOutByAChipOrByTheNetwork(t *testing.T) { // F-16, X9
	chip := func(numbers map[string]int64) func(dir string) error {
		return func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, "rtc0"), 0o700); err != nil {
				return err
			}
			for name, n := range numbers {
				if err := os.WriteFile(filepath.Join(dir, "rtc0", name), []byte(strconv.FormatInt(n, 10)+"\n"), 0o600); err != nil {
					return err
				}
			}
			return nil
		}
	}
	noChips := func(dir string) error { return os.Mkdir(dir, 0o700) }
	for _, tt := range []struct {
		name  string
		chips func(dir string) error
		mark  bool
		want  bool
	}{
		{name: "a machine that does not say whether it has chips", chips: func(string) error { return nil }, want: true},
		{name: "no chip", chips: noChips},
		{name: "no chip, but the network set it in this boot", chips: noChips, mark: true, want: true},
		{name: "a chip that the kernel took the time from", chips: chip(map[string]int64{"hctosys": 1, "since_epoch": today.Unix()}), want: true},
		{name: "and that keeps local time", chips: chip(map[string]int64{"hctosys": 1, "since_epoch": today.Add(14 * time.Hour).Unix()}), want: true},
		{name: "and whose battery was empty: systemd went on from what it wrote down", chips: chip(map[string]int64{"hctosys": 1, "since_epoch": 7})},
		{name: "a chip that shows the same", chips: chip(map[string]int64{"hctosys": 0, "since_epoch": today.Unix() - 29}), want: true},
		{name: "a chip that shows another time", chips: chip(map[string]int64{"hctosys": 0, "since_epoch": today.Unix() - 31})},
		{name: "a chip that cannot be read, as with an empty battery", chips: chip(nil)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			chips, mark := filepath.Join(dir, "rtc"), filepath.Join(dir, "synchronized")
			if err := tt.chips(chips); err != nil {
				t.Fatal(err)
			}
			if tt.mark {
				if err := os.WriteFile(mark, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := wasSet(chips, mark, today); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Mono of the system's clock goes on across restarts of the gateway, and while the
// machine sleeps: it is the kernel's own count since the boot.
func TestTheSystemClockCountsFromTheBoot(t *testing.T) { // F-67
	boot := func() time.Duration {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
			t.Fatal(err)
		}
		return time.Duration(now.Nano())
	}
	before := boot()
	got := SystemClock().Mono()
	if after := boot(); got < before || got > after {
		t.Errorf("it shows %v, and the kernel %v, then %v", got, before, after)
	}
}
