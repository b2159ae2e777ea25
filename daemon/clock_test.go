package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// handClock is a clock that is moved by hand.
type handClock struct {
	wall   time.Time
	mono   time.Duration
	synced bool
}

func (c *handClock) clock() Clock {
	return Clock{
		Wall: func() time.Time { return c.wall }, Mono: func() time.Duration { return c.mono }, Synced: func() bool { return c.synced },
	}
}

// A gateway booted ten years ahead, wrote that down, and was set right by the
// network; after the next start the right time must count again.
func TestASyncedClockIsNotBoundByWhatAnUnsetOneWrote(t *testing.T) { // X9, the jump and the bound; drift against HTTP Date is not built yet
	c := &handClock{wall: today, synced: true}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	k.likely = today.AddDate(10, 0, 0)
	if at, got := k.now(); got != access.ClockSynced || !at.Equal(today) {
		t.Errorf("synced: got %v %v, want %v synced", at, got, today)
	}
	c.synced = false
	if at, got := k.now(); got != access.ClockUnset || !at.Equal(k.likely) {
		t.Errorf("not synced: got %v %v, want %v unset", at, got, k.likely)
	}
}

// Where nobody can say that the clock is synced, the step by which the network
// set it must not refuse bookings until somebody restarts the gateway.
func TestAJumpIsForgivenAfterAnHourOfRunningEvenly(t *testing.T) { // X9, the jump and the bound; drift against HTTP Date is not built yet
	c := &handClock{wall: today}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	for _, step := range []struct {
		name       string
		wall, mono time.Duration
		want       access.ClockState
	}{
		{"a step of nine hours", 9 * time.Hour, time.Second, access.ClockJumped},
		{"59 minutes later", 59 * time.Minute, 59 * time.Minute, access.ClockJumped},
		{"an hour later", time.Minute, time.Minute, access.ClockFreeRunning},
		{"another step", -time.Hour, time.Second, access.ClockJumped},
	} {
		c.wall, c.mono = c.wall.Add(step.wall), c.mono+step.mono
		if _, got := k.now(); got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
}

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
