package daemon

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tilegate/tilegate/hw"
)

// stuckStrike hangs until it is let go, as a board does that lost its power.
type stuckStrike struct {
	*fakeStrike
	free chan struct{}
}

func (f stuckStrike) Pulse(ctx context.Context, d time.Duration) error {
	select {
	case <-f.free:
		return f.fakeStrike.Pulse(ctx, d)
	case <-ctx.Done():
		f.seen.say("no answer")
		return ctx.Err()
	}
}

// runStuck runs a door whose strike hangs. The end of the test ends it.
func runStuck(t *testing.T) (*stage, stuckStrike) {
	t.Helper()
	s := newStage(t, nil)
	stuck := stuckStrike{s.strike, make(chan struct{})}
	s.door.strike = stuck
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; time.Sleep(10 * time.Second) })
	return s, stuck
}

// Nobody stands at the door any more when a board comes back.
func TestReadsThatWaitedForAStuckStrikeOpenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stuck := runStuck(t)
		for range 5 {
			s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		}
		time.Sleep(3900 * time.Millisecond) // two of them met the strike that hangs
		close(stuck.free)
		time.Sleep(10 * time.Second)
		if got := strings.Count(s.seen.String(), "unlock 5s"); got != 1 {
			t.Errorf("unlocked %d times, want 1: for the second read, which the door took up in time:\n%s", got, s.seen)
		}
		if got := testutil.ToFloat64(s.metrics.discarded); got != 3 {
			t.Errorf("discarded: got %v, want 3", got)
		}
	})
}

// Who was told that the door did not answer must not see it open later.
func TestADoorDoesNotOpenForWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stuck := runStuck(t)
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		synctest.Wait() // the door is busy
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.ask(ctx, ask{actor: "desk"}); err == nil {
			t.Fatal("a door that is busy answered")
		}
		close(stuck.free)
		time.Sleep(10 * time.Second)
		want := "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked"
		if got := s.seen.String(); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// A line that goes takes everything on it along: however many alarms that is, a
// worn card holds the member up once.
func TestManyAlarmsHoldTheDoorUpNoLongerThanOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.journal.delay = time.Minute
		tile := &mutableTile{fakeTile: fakeTile{s.seen}}
		tile.set(hw.Stats{Up: true, Tampered: true, NoPower: true, Foreign: true})
		s.tiles[0].reader = tile
		start := time.Now()
		s.tend(t.Context())
		if took := time.Since(start); took > recordPatience {
			t.Errorf("the door was busy for %v", took)
		}
		if got := len(s.journal.all); got != 3 {
			t.Errorf("%d alarms were written, want 3", got)
		}
		time.Sleep(2 * time.Minute)
	})
}
