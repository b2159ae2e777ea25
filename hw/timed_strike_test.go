package hw

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
)

// fakeRelay is a board in memory, in fake time. It writes down what it is told.
type fakeRelay struct {
	start time.Time

	mu        sync.Mutex // guards all below
	told      []string
	energised bool
	session   int
	absent    error // from every call
	deaf      error // from set
	welded    bool
}

func newFakeRelay() *fakeRelay { return &fakeRelay{start: time.Now(), session: 1} }

func (f *fakeRelay) note(what string) {
	f.told = append(f.told, fmt.Sprintf("%s %s", time.Since(f.start), what))
}

// but changes the board in the middle of a test.
func (f *fakeRelay) but(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeRelay) reach(context.Context) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.session, f.absent
}

func (f *fakeRelay) set(_ context.Context, energised bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.absent != nil {
		return f.absent
	}
	f.note(map[bool]string{true: "on", false: "off"}[energised])
	if f.deaf != nil {
		return f.deaf
	}
	if !f.welded {
		f.energised = energised
	}
	return nil
}

// speaking says how it stands.
type speaking struct{ *fakeRelay }

func (s speaking) state(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.energised, s.absent
}

// flashing times pulses itself.
type flashing struct{ speaking }

func (f flashing) flash(_ context.Context, energised bool, d time.Duration) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.absent != nil {
		return true, f.absent
	}
	f.note(fmt.Sprintf("flash %t for %s", energised, d))
	f.energised = energised
	return true, nil
}

func openFake(t *testing.T, r relay, o outputs) *timedStrike {
	s := newTimedStrike(r, o, func() error { return nil }, hclog.NewNullLogger())
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// pass lets fake time pass, and what was due in it be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func told(t *testing.T, f *fakeRelay, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(f.told, want); diff != "" {
		t.Errorf("told: got, want differ:\n%s", diff)
	}
}

func TestPulseIsEndedByUsWhereTheBoardCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		must(t, s.Rest(t.Context()))
		must(t, s.Pulse(t.Context(), 5*time.Second))
		pass(time.Minute)
		told(t, board, "0s off", "0s on", "5s off")
		if got := s.stats(); !got.Up || got.Err != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestPulseExtendsToTheLaterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		must(t, s.Pulse(t.Context(), 5*time.Second))
		pass(3 * time.Second)
		must(t, s.Pulse(t.Context(), 5*time.Second)) // to 8 s
		must(t, s.Pulse(t.Context(), time.Second))   // changes nothing
		pass(time.Minute)
		told(t, board, "0s on", "3s on", "3s on", "8s off")
	})
}

func TestPulseIsClamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		must(t, s.Pulse(t.Context(), 0))
		pass(10 * time.Second)
		must(t, s.Pulse(t.Context(), time.Hour))
		pass(time.Minute)
		told(t, board, "0s on", "500ms off", "10s on", "40s off")
	})
}

func TestBoardTimesThePulseAndIsNotToldTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, flashing{speaking{board}}, outputs{})
		must(t, s.Pulse(t.Context(), 5*time.Second))
		pass(2 * time.Second)
		must(t, s.Pulse(t.Context(), 4*time.Second)) // to 6 s
		time.AfterFunc(4*time.Second, func() { board.but(func() { board.energised = false }) })
		pass(time.Minute)
		told(t, board, "0s flash true for 5s", "2s flash true for 4s")
	})
}

func TestBoardThatForgetsToLockIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, flashing{speaking{board}}, outputs{})
		must(t, s.Pulse(t.Context(), time.Second))
		pass(time.Minute)
		told(t, board, "0s flash true for 1s", "1.3s off")
		if got := s.stats(); !got.Up {
			t.Errorf("got %+v", got)
		}
	})
}

func TestStuckStrikeIsReportedAndToldForAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		must(t, s.Pulse(t.Context(), time.Second))
		board.but(func() { board.welded = true })
		pass(1500 * time.Millisecond)
		told(t, board, "0s on", "1s off", "1s off", "1s off")
		if got := s.stats(); got.Up || !strings.HasPrefix(got.Err, "strike stuck on") {
			t.Errorf("got %+v", got)
		}
		pass(time.Second)
		board.but(func() { board.welded = false })
		pass(time.Minute)
		if got := s.stats(); !got.Up || got.Err != "" || board.energised {
			t.Errorf("mended: got %+v", got)
		}
		if got := len(board.told); got != 8 { // on, three tries at 1 s and 2 s, one at 3 s
			t.Errorf("told %q", board.told)
		}
	})
}

// No restart, reconnect or replay moves a relay away from rest.
func TestPortLostInAPulseIsDrivenToRestAtTheNextContact(t *testing.T) {
	gone := errors.New("gone")
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		must(t, s.Pulse(t.Context(), 5*time.Second))
		pass(time.Second)
		board.but(func() { board.absent = gone })
		pass(10500 * time.Millisecond)
		if got := s.stats(); got.Up || got.Err != "gone" {
			t.Errorf("without a port: got %+v", got)
		}
		board.but(func() { board.absent, board.session = nil, 2 })
		pass(time.Minute)
		told(t, board, "0s on", "12s off")
	})
	synctest.Test(t, func(t *testing.T) { // back before the pulse ends
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		must(t, s.Pulse(t.Context(), 20*time.Second))
		board.but(func() { board.session = 2 })
		pass(time.Second)
		must(t, s.Pulse(t.Context(), time.Second)) // somebody else, at the door now
		pass(time.Minute)
		told(t, board, "0s on", "1s off", "1s on", "2s off")
	})
}

func TestPulseThatFailedHalfWayIsUndone(t *testing.T) {
	deaf := errors.New("no answer")
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		board.but(func() { board.deaf = deaf })
		if err := s.Pulse(t.Context(), 5*time.Second); !errors.Is(err, deaf) {
			t.Errorf("got %v, want %v", err, deaf)
		}
		pass(1500 * time.Millisecond)
		board.but(func() { board.deaf = nil })
		pass(time.Minute)
		told(t, board, "0s on", "1s off", "2s off")
	})
}

func TestAbsentPortIsToldNothingAndFailsAtOnce(t *testing.T) {
	gone := errors.New("gone")
	synctest.Test(t, func(t *testing.T) {
		board := newFakeRelay()
		s := openFake(t, speaking{board}, outputs{})
		board.but(func() { board.absent = gone })
		start := time.Now()
		if err := s.Pulse(t.Context(), 5*time.Second); !errors.Is(err, gone) || time.Since(start) != 0 {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		if err := s.Rest(t.Context()); !errors.Is(err, gone) {
			t.Errorf("rest: got %v, want %v", err, gone)
		}
		pass(10500 * time.Millisecond)
		board.but(func() { board.absent = nil })
		pass(time.Minute)
		told(t, board, "11s off") // the rest that was asked for, never the pulse
	})
}

func TestPulseWaitsForItsTurnOnlyAsLongAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openFake(t, speaking{newFakeRelay()}, outputs{})
		s.turn <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Pulse(ctx, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		<-s.turn
	})
}

func TestMagnetRestsUnderPowerAndClosesAsToldTo(t *testing.T) {
	for _, tt := range []struct {
		onStop bool
		last   string
	}{{true, "10s on"}, {false, "10s off"}} {
		synctest.Test(t, func(t *testing.T) {
			board := newFakeRelay()
			s := openFake(t, speaking{board}, outputs{rest: true, onStop: tt.onStop})
			must(t, s.Rest(t.Context()))
			must(t, s.Pulse(t.Context(), 5*time.Second))
			pass(10 * time.Second)
			must(t, s.Close())
			must(t, s.Close())
			pass(time.Minute)
			told(t, board, "0s on", "0s off", "5s on", tt.last)
		})
	}
}

// Life safety, design §6.
func TestWhatNeedsPowerToLockIsChosenWithOpenEyes(t *testing.T) {
	for _, tt := range []struct {
		in   strikeOptions
		want outputs
		err  string
	}{
		{strikeOptions{}, outputs{}, ""},
		{strikeOptions{EnergiseTo: "open", OnStop: "lock"}, outputs{}, ""},
		{strikeOptions{EnergiseTo: "open", OnStop: "open"}, outputs{}, "for as long as tilegate is stopped"},
		{strikeOptions{OnStop: "open"}, outputs{}, "for as long as tilegate is stopped"},
		{strikeOptions{EnergiseTo: "lock"}, outputs{}, "needs on_stop"},
		{strikeOptions{EnergiseTo: "lock", OnStop: "lock"}, outputs{rest: true, onStop: true}, ""},
		{strikeOptions{EnergiseTo: "lock", OnStop: "open"}, outputs{rest: true}, ""},
		{strikeOptions{EnergiseTo: "hold"}, outputs{}, "use open or lock"},
		{strikeOptions{OnStop: "stay"}, outputs{}, "use lock or open"},
	} {
		got, err := tt.in.outputs()
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: got %+v, %v, want %+v, %q", tt.in, got, err, tt.want, tt.err)
		}
	}
}
