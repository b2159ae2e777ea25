package hwtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
)

// StrikeSuite is what every strike must do, tried on a simulated board. A
// driver is done when it passes.
type StrikeSuite struct {
	// Check checks the driver's options for the port.
	Check func(port string) (hw.StrikePlan, error)
	// Board makes the board at the other end. Its relay 0 is the strike's.
	// nil: the strike hangs on line 0 of a GPIO chip.
	Board func(line io.ReadWriter) Board
	// RestEnergised says that the options have energise_to = "lock".
	RestEnergised bool
	// OnStopAway says that the output is away from rest after Close.
	OnStopAway bool
	// Mute says that the board cannot say how it stands, so that nobody can
	// notice when it is dead or its relay stuck.
	Mute bool
	// BoardTimed says that the board ends the pulse, whatever becomes of us.
	BoardTimed bool
	// Keys are those that the gateway has, by the names of the devices.
	Keys map[string]hw.DeviceKeys
}

// Run runs the suite. Its tests run side by side.
func (s StrikeSuite) Run(t *testing.T) {
	tests := map[string]func(*strikeBench){
		"OpenMovesNoRelay":                    testOpenMovesNothing,
		"PulseUnlocksAndLocksAgainAfterHold":  testPulse,
		"PulseDuringPulseExtends":             testExtend,
		"ShorterPulseDoesNotCutTheLongerOne":  testShorter,
		"PulsesAtOnceDoNotQueue":              testTogether,
		"RestLocksAtOnce":                     testRest,
		"CloseLeavesTheOutputAsOnStopSays":    testClose,
		"AbsentPortFailsAtOnceAndHeals":       testAbsent,
		"PulseIsNotReplayedAfterReconnect":    testNoReplay,
		"CancelledPulseLeavesNothingUnlocked": testCancelled,
	}
	if !s.Mute {
		tests["DeadBoardIsAnErrorAndHeals"] = testDead
		tests["StuckRelayIsReported"] = testStuck
		tests["RelayMovedByOthersIsReportedAndLeftAlone"] = testMoved
	}
	if s.BoardTimed {
		tests["BoardLocksWhenTheLineIsCut"] = testCut
	}
	all := map[string]func(*testing.T){}
	for name, test := range tests {
		all[name] = func(t *testing.T) { test(s.open(t)) }
	}
	sideBySide(t, all)
}

type strikeBench struct {
	*bench
	suite  StrikeSuite
	board  Board
	relay  *Relay
	strike hw.Strike
}

func (s StrikeSuite) open(t *testing.T) *strikeBench {
	t.Helper()
	host := NewHost(t)
	var chip *GPIO
	if s.Board == nil {
		chip = NewGPIO(1)
		host.GPIO = chip
	}
	keep(t, host.Keys, s.Keys)
	b := newBenchOn(t, host)
	b.chip = chip
	board := Board(chip)
	if s.Board != nil {
		board = s.Board(b.pty.Master)
	}
	if s.RestEnergised {
		board.Relay(0).Force(true) // as it stands at a site that works
	}
	b.power(board.Run)
	plan, err := s.Check(b.port())
	if err != nil {
		t.Fatal(err)
	}
	strike, err := plan.Open(b.lines, b.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = strike.Close() })
	return &strikeBench{bench: b, suite: s, board: board, relay: board.Relay(0), strike: strike}
}

// away says whether a transition unlocks.
func (b *strikeBench) away(energised bool) bool { return energised != b.suite.RestEnergised }

func (b *strikeBench) mustRest() {
	b.Helper()
	if err := b.strike.Rest(b.Context()); err != nil {
		b.Fatalf("rest: %v", err)
	}
}

func (b *strikeBench) mustPulse(d time.Duration) {
	b.Helper()
	if err := b.strike.Pulse(b.Context(), d); err != nil {
		b.Fatalf("pulse: %v", err)
	}
}

// await waits until the relay is away from rest, or at rest.
func (b *strikeBench) await(away bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if !b.relay.Await(ctx, away != b.suite.RestEnergised) {
		b.Fatalf("relay away from rest: still %t after %s; stats %+v", !away, patience, b.strike.Stats())
	}
}

// pulses are the times that the relay was away from rest, each as long as it
// was; one that has not ended is left out.
func (b *strikeBench) pulses() (all []time.Duration) {
	var from time.Time
	for i, move := range b.relay.History() {
		switch {
		case b.suite.RestEnergised && i == 0: // how the bench began
		case b.away(move.Energised):
			from = move.At
		case !from.IsZero():
			all = append(all, move.At.Sub(from))
		}
	}
	return all
}

// onePulse checks that there was one pulse and that it was at least so long.
func (b *strikeBench) onePulse(least time.Duration) {
	b.Helper()
	got := b.pulses()
	grace := 100 * time.Millisecond
	if b.suite.Mute {
		grace = 1500 * time.Millisecond // nobody told us when the board woke up to it
	}
	if len(got) != 1 || got[0] < least-grace || got[0] > least+patience {
		b.Errorf("pulses: got %v, want one of %s or a little more", got, least)
	}
}

func testOpenMovesNothing(b *strikeBench) {
	before := len(b.relay.History())
	time.Sleep(200 * time.Millisecond)
	if got := b.relay.History(); len(got) != before {
		b.Errorf("after Open: got %v", got[before:])
	}
	if s := b.strike.Stats(); s.Up || s.Err == "" {
		b.Errorf("before the first contact: got %+v, want not up, and why", s)
	}
}

func testPulse(b *strikeBench) {
	b.mustRest()
	b.mustPulse(700 * time.Millisecond)
	if !b.suite.Mute && !b.away(b.relay.Energised()) {
		b.Error("acknowledged, but the relay did not move")
	}
	b.await(true)
	b.await(false)
	b.onePulse(700 * time.Millisecond)
	b.until("up", func() bool { return b.strike.Stats().Up })
	s := b.strike.Stats()
	if s.Err != "" || s.BytesOut == 0 && b.chip == nil || !b.suite.Mute && (s.BytesIn == 0 || s.Frames == 0 || s.LastSeen.IsZero()) {
		b.Errorf("stats: got %+v", s)
	}
}

func testExtend(b *strikeBench) {
	b.mustRest()
	b.mustPulse(4 * time.Second)
	b.await(true)
	time.Sleep(500 * time.Millisecond)
	b.mustPulse(4 * time.Second)
	b.await(false)
	b.onePulse(4500 * time.Millisecond)
}

func testShorter(b *strikeBench) {
	b.mustRest()
	b.mustPulse(4 * time.Second)
	b.mustPulse(hw.MinPulse)
	b.await(true)
	b.await(false)
	b.onePulse(4 * time.Second)
}

func testTogether(b *strikeBench) {
	b.mustRest()
	var all sync.WaitGroup
	start := time.Now()
	for range 8 {
		all.Go(func() {
			if err := b.strike.Pulse(b.Context(), 3*time.Second); err != nil {
				b.Errorf("pulse: %v", err)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	b.await(true)
	b.await(false)
	b.onePulse(3 * time.Second)
	if got := b.pulses(); len(got) == 1 && got[0] > took+10*time.Second {
		b.Errorf("eight pulses of 3 s asked for within %s: unlocked for %s", took, got[0])
	}
}

func testRest(b *strikeBench) {
	b.mustPulse(20 * time.Second)
	b.await(true)
	b.mustRest()
	b.await(false)
	if got := b.pulses(); len(got) != 1 || got[0] > 15*time.Second {
		b.Errorf("pulses: got %v, want one that Rest ended", got)
	}
}

func testClose(b *strikeBench) {
	b.mustRest()
	b.mustPulse(20 * time.Second)
	b.await(true)
	for range 2 {
		if err := b.strike.Close(); err != nil {
			b.Fatalf("close: %v", err)
		}
	}
	b.await(b.suite.OnStopAway)
	if err := b.strike.Pulse(b.Context(), time.Second); err == nil {
		b.Error("a pulse after Close: got no error")
	}
	if err := b.strike.Rest(b.Context()); err == nil {
		b.Error("a rest after Close: got no error")
	}
}

func testAbsent(b *strikeBench) {
	b.mustRest()
	b.unplug()
	start := time.Now()
	err := b.strike.Pulse(b.Context(), time.Second)
	if err == nil {
		b.Fatal("pulse without a port: got no error")
	}
	if took := time.Since(start); took > 2*time.Second {
		b.Errorf("pulse without a port: took %s", took)
	}
	if !strings.Contains(err.Error(), b.port()) {
		b.Errorf("pulse without a port: got %q, want it to name the port", err)
	}
	if s := b.strike.Stats(); s.Up || s.Err == "" {
		b.Errorf("stats without a port: got %+v", s)
	}
	b.replug()
	b.until("up again", func() bool { return b.strike.Stats().Up })
	if got := b.pulses(); len(got) != 0 || b.away(b.relay.Energised()) {
		b.Errorf("the pulse that failed came after all: %v", b.relay.History())
	}
	b.mustPulse(time.Second)
	b.await(true)
	b.await(false)
	b.onePulse(time.Second)
	if s := b.strike.Stats(); s.Reopens == 0 {
		b.Errorf("stats: got %+v, want the opening counted", s)
	}
}

// testNoReplay cuts the line in a pulse: a link that comes or goes moves no
// relay away from rest.
func testNoReplay(b *strikeBench) {
	b.mustRest()
	b.mustPulse(6 * time.Second)
	b.await(true)
	b.unplug()
	time.Sleep(300 * time.Millisecond)
	b.replug()
	b.await(false)
	moves := len(b.relay.History())
	b.until("up again", func() bool { return b.strike.Stats().Up })
	time.Sleep(2 * time.Second)
	if got := b.relay.History(); len(got) != moves {
		b.Errorf("after the reconnect: got %v", got[moves:])
	}
	b.onePulse(0)
}

func testCut(b *strikeBench) {
	b.mustRest()
	b.mustPulse(2 * time.Second)
	b.await(true)
	b.unplug()
	b.await(false)
	b.onePulse(2 * time.Second)
}

func testCancelled(b *strikeBench) {
	b.mustRest()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	if err := b.strike.Pulse(ctx, time.Second); !errors.Is(err, context.Canceled) {
		b.Errorf("got %v, want %v", err, context.Canceled)
	}
	b.await(false)
	b.mustPulse(time.Second) // and it works as before
	b.await(true)
	b.await(false)
}

func testDead(b *strikeBench) {
	b.mustRest()
	b.board.SetFault(Dead)
	if err := b.strike.Pulse(b.Context(), time.Second); err == nil {
		b.Fatal("a pulse on a dead board: got no error")
	}
	if s := b.strike.Stats(); s.Up || s.Err == "" {
		b.Errorf("stats with a dead board: got %+v", s)
	}
	b.board.SetFault(Healthy)
	b.until("up again", func() bool { return b.strike.Stats().Up })
	if len(b.pulses()) != 0 {
		b.Errorf("the pulse that failed came after all: %v", b.relay.History())
	}
	b.mustPulse(time.Second)
	b.await(true)
	b.await(false)
}

func testStuck(b *strikeBench) {
	b.mustRest()
	b.mustPulse(hw.MinPulse)
	b.await(true)
	b.relay.Weld(true)
	b.until("stuck on", func() bool {
		s := b.strike.Stats()
		return !s.Up && strings.Contains(s.Err, "strike stuck on")
	})
	b.relay.Weld(false)
	b.await(false)
	b.until("up again", func() bool { return b.strike.Stats().Up })
}

func testMoved(b *strikeBench) {
	b.mustRest()
	b.relay.Force(!b.suite.RestEnergised)
	b.until("not at rest", func() bool { s := b.strike.Stats(); return !s.Up && strings.Contains(s.Err, "not at rest") })
	if !b.away(b.relay.Energised()) {
		b.Error("the relay was moved back without being asked")
	}
	b.mustRest()
	b.await(false)
}
