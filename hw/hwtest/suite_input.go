package hwtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw"
)

// Circuit is a simulated circuit, and the plug of the board that it hangs on.
type Circuit struct {
	Port           string     // of the board, for the settings of the driver
	GPIO           hw.GPIO    // nil: the board needs none
	Set            func(bool) // closes or opens the circuit
	Glitch         func()     // opens and closes it, or the other way round, faster than any hand
	Unplug, Replug func() error
}

// NewModbusCircuit is the first contact of a Modbus board on a line of its own.
func NewModbusCircuit(t *testing.T) Circuit {
	t.Helper()
	b := newBench(t)
	board := NewModbusBoard(b.pty.Master, 4)
	b.power(board.Run)
	return Circuit{
		Port: b.pty.Path(), Set: func(closed bool) { board.Input(0, closed) }, Glitch: func() { board.Glitch(0) },
		Unplug: b.pty.Unplug, Replug: b.pty.Replug,
	}
}

// NewGPIOCircuit is the first line of a GPIO chip, high while the circuit is
// closed.
func NewGPIOCircuit(*testing.T) Circuit {
	chip := NewGPIO(1)
	return Circuit{
		Port: GPIOPath, GPIO: chip, Set: func(closed bool) { chip.Drive(0, closed) }, Glitch: func() { chip.Glitch(0) },
		Unplug: chip.Unplug, Replug: chip.Replug,
	}
}

// InputSuite is what every input must do, tried on a simulated circuit. A driver
// is done when it passes.
type InputSuite struct {
	// Check checks the driver's options for the port.
	Check func(port string) (hw.InputPlan, error)
	// Circuit makes the other end. It begins open.
	Circuit func(t *testing.T) Circuit
	// NormallyClosed says that the options have normally = "closed".
	NormallyClosed bool
	// Keys are those that the gateway has, by the names of the devices.
	Keys map[string]hw.DeviceKeys
}

// soonLost is how soon a circuit that cannot be heard must be called so. On a
// machine that is busy with other things the suite waits longer for it.
const soonLost = 2 * time.Second

// Run runs the suite. Its tests run side by side.
func (s InputSuite) Run(t *testing.T) {
	all := map[string]func(*testing.T){}
	for name, test := range map[string]func(*inputBench){
		"FirstNextSaysHowItStands":         testFirstLevel,
		"EachChangeIsTold":                 testChanges,
		"BounceIsFiltered":                 testBounce,
		"NextWaitsWhileNothingChanges":     testStill,
		"UnplugIsUnknownAndHeals":          testInputUnplug,
		"AbsentAtFirstIsUnknownAndHeals":   testInputAbsent,
		"CancelledNextReturnsAtOnce":       testCancelledNext,
		"CloseEndsNextAndMayBeCalledTwice": testCloseNext,
	} {
		all[name] = func(t *testing.T) { test(s.open(t)) }
	}
	sideBySide(t, all)
}

type inputBench struct {
	*testing.T
	suite   InputSuite
	circuit Circuit
	lines   *hw.Lines
	input   hw.Input
	stop    func() // ends the listening; may be called twice

	mu     sync.Mutex // guards levels
	levels []hw.Level
}

func (s InputSuite) open(t *testing.T) *inputBench {
	t.Helper()
	b := &inputBench{T: t, suite: s, circuit: s.Circuit(t)}
	host := NewHost(t)
	host.GPIO = b.circuit.GPIO
	keep(t, host.Keys, s.Keys)
	b.lines = hw.NewLines(host)
	plan, err := s.Check(b.circuit.Port)
	if err != nil {
		t.Fatal(err)
	}
	if b.input, err = plan.Open(b.lines, hclog.NewNullLogger()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.input.Close() })
	b.circuit.Set(s.NormallyClosed)
	return b
}

// listen calls Next in a loop until it is stopped.
func (b *inputBench) listen() {
	ctx, cancel := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	listening.Go(func() {
		for last := hw.LevelUnknown; ; {
			level, err := b.input.Next(ctx, last)
			if err != nil {
				return
			}
			b.mu.Lock()
			b.levels = append(b.levels, level)
			b.mu.Unlock()
			last = level
		}
	})
	b.stop = func() { cancel(); listening.Wait() }
	b.Cleanup(b.stop)
}

func (b *inputBench) told() []hw.Level {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]hw.Level(nil), b.levels...)
}

// await waits until so many levels were told and checks that they are these.
func (b *inputBench) await(want ...hw.Level) {
	b.Helper()
	for end := time.Now().Add(patience); len(b.told()) < len(want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("levels: got %v, want %v within %s; stats %+v", b.told(), want, patience, b.input.Stats())
		}
	}
	b.same(want...)
}

func (b *inputBench) same(want ...hw.Level) {
	b.Helper()
	got := b.told()
	if len(got) != len(want) {
		b.Fatalf("levels: got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			b.Fatalf("levels: got %v, want %v", got, want)
		}
	}
}

// move brings the circuit away from normal, or back.
func (b *inputBench) move(active bool) { b.circuit.Set(active != b.suite.NormallyClosed) }

func testFirstLevel(b *inputBench) {
	if s := b.input.Stats(); s.Up || s.Err == "" {
		b.Errorf("before the first look: got %+v, want not up, and why", s)
	}
	b.listen()
	b.await(hw.LevelNormal)
	if s := b.input.Stats(); !s.Up || s.Err != "" || s.LastSeen.IsZero() || s.Frames == 0 {
		b.Errorf("stats: got %+v", s)
	}
}

func testChanges(b *inputBench) {
	b.listen()
	want := []hw.Level{hw.LevelNormal}
	b.await(want...)
	for i := range 6 {
		b.move(i%2 == 0)
		want = append(want, []hw.Level{hw.LevelActive, hw.LevelNormal}[i%2])
		b.await(want...)
	}
}

func testBounce(b *inputBench) {
	b.listen()
	b.await(hw.LevelNormal)
	for range 3 {
		b.circuit.Glitch()
		time.Sleep(400 * time.Millisecond) // longer than a driver may take to fall for it
	}
	b.same(hw.LevelNormal)
	b.circuit.Glitch()
	b.move(true)
	b.await(hw.LevelNormal, hw.LevelActive)
}

func testStill(b *inputBench) {
	b.move(true)
	b.listen()
	b.await(hw.LevelActive)
	time.Sleep(time.Second)
	b.same(hw.LevelActive)
}

func testInputUnplug(b *inputBench) {
	b.listen()
	b.await(hw.LevelNormal)
	if err := b.circuit.Unplug(); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	b.await(hw.LevelNormal, hw.LevelUnknown)
	b.Logf("unknown after %s, to be within %s on a machine that is not busy", time.Since(start), soonLost)
	if s := b.input.Stats(); s.Up || s.Err == "" {
		b.Errorf("stats of a circuit that cannot be heard: got %+v", s)
	}
	b.move(true) // nobody saw it move
	if err := b.circuit.Replug(); err != nil {
		b.Fatal(err)
	}
	b.await(hw.LevelNormal, hw.LevelUnknown, hw.LevelActive)
	if s := b.input.Stats(); !s.Up || s.Reopens == 0 {
		b.Errorf("stats after it healed: got %+v, want up, and the opening counted", s)
	}
}

func testInputAbsent(b *inputBench) {
	if err := b.circuit.Unplug(); err != nil {
		b.Fatal(err)
	}
	b.listen()
	time.Sleep(500 * time.Millisecond)
	b.same() // it is unknown, which is what it was called
	if s := b.input.Stats(); s.Up || s.Err == "" {
		b.Errorf("stats of a circuit that is absent: got %+v", s)
	}
	b.move(true)
	if err := b.circuit.Replug(); err != nil {
		b.Fatal(err)
	}
	b.await(hw.LevelActive)
}

func testCancelledNext(b *inputBench) {
	b.listen()
	b.await(hw.LevelNormal)
	b.stop()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { _, err := b.input.Next(ctx, hw.LevelNormal); done <- err }()
	time.Sleep(50 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			b.Errorf("got %v, want %v", err, context.Canceled)
		}
	case <-time.After(patience):
		b.Fatal("a cancelled Next did not return")
	}
	b.move(true) // and the input still listens
	if level, err := b.input.Next(b.Context(), hw.LevelNormal); err != nil || level != hw.LevelActive {
		b.Errorf("got %s, %v, want %s", level, err, hw.LevelActive)
	}
}

func testCloseNext(b *inputBench) {
	done := make(chan error, 1)
	go func() {
		level, err := b.input.Next(b.Context(), hw.LevelUnknown)
		if err == nil {
			_, err = b.input.Next(b.Context(), level)
		}
		done <- err
	}()
	time.Sleep(100 * time.Millisecond)
	for range 2 {
		if err := b.input.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
	}
	select {
	case err := <-done:
		if err == nil {
			b.Error("a Next of a closed input: got no error")
		}
	case <-time.After(patience):
		b.Fatal("Close did not end Next")
	}
	if _, err := b.input.Next(b.Context(), hw.LevelUnknown); err == nil {
		b.Error("a Next after Close: got no error")
	}
}
