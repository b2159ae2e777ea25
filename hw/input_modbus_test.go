package hw_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func openInput(t *testing.T, lines *hw.Lines, driver, keys string) hw.Input {
	t.Helper()
	plan, err := hw.CheckInput(driver, options(keys))
	if err != nil {
		t.Fatal(err)
	}
	input, err := plan.Open(lines, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := input.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return input
}

// nextLevel is what Next says within the patience of the test.
func nextLevel(t *testing.T, input hw.Input, last hw.Level) hw.Level {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	level, err := input.Next(ctx, last)
	if err != nil {
		t.Fatalf("next after %s: %v; stats %+v", last, err, input.Stats())
	}
	return level
}

// follow calls Next until the test ends.
func follow(t *testing.T, input hw.Input) {
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		for last := hw.LevelUnknown; ; {
			level, err := input.Next(ctx, last)
			if err != nil {
				return
			}
			last = level
		}
	})
	t.Cleanup(func() { stop(); following.Wait() })
}

func TestInputsOfOneBoardAreReadInOneExchange(t *testing.T) {
	t.Parallel()
	pty, b := board(t, nil)
	lines := hw.NewLines(hw.Host{})
	for channel := range 8 {
		input := openInput(t, lines, "modbus", fmt.Sprintf("port = %q\nchannel = %d\nnormally = \"open\"", pty.Path(), channel))
		nextLevel(t, input, hw.LevelUnknown)
		follow(t, input)
	}
	time.Sleep(300 * time.Millisecond) // until they have found each other
	before, start := b.InputReads(), time.Now()
	time.Sleep(2 * time.Second)
	got, took := b.InputReads()-before, time.Since(start)
	// Eight that read alone would need 80 a second, together they need 10; 20
	// would be all of them at twice the pace.
	if most := int(took/(50*time.Millisecond)) + 1; got == 0 || got > most {
		t.Errorf("%d exchanges in %s for eight contacts, want 1 to %d", got, took, most)
	}
}

// A strike and the contacts of its door on one board.
func TestContactsAndRelaysShareABoard(t *testing.T) {
	t.Parallel()
	pty, b := board(t, func(b *hwtest.ModbusBoard) { b.Echo = true })
	lines := hw.NewLines(hw.Host{})
	s := openStrike(t, lines, "modbus", pty.Path(), "channel = 0")
	contact := openInput(t, lines, "modbus", fmt.Sprintf("port = %q\nchannel = 0\nnormally = \"closed\"", pty.Path()))
	button := openInput(t, lines, "modbus", fmt.Sprintf("port = %q\nchannel = 7\nnormally = \"open\"", pty.Path()))
	b.Input(0, true)
	if got := nextLevel(t, contact, hw.LevelUnknown); got != hw.LevelNormal {
		t.Errorf("contact: got %s, want %s", got, hw.LevelNormal)
	}
	if got := nextLevel(t, button, hw.LevelUnknown); got != hw.LevelNormal {
		t.Errorf("button: got %s, want %s", got, hw.LevelNormal)
	}
	if err := s.Pulse(t.Context(), time.Second); err != nil || !b.Relay(0).Energised() {
		t.Errorf("pulse: got %v, relay %t", err, b.Relay(0).Energised())
	}
	b.Input(0, false)
	if got := nextLevel(t, contact, hw.LevelNormal); got != hw.LevelActive {
		t.Errorf("contact after the door opened: got %s, want %s", got, hw.LevelActive)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b.Input(7, true)
	if got := nextLevel(t, button, hw.LevelNormal); got != hw.LevelActive {
		t.Errorf("button after the strike was closed: got %s, want %s", got, hw.LevelActive)
	}
}

// Six boards that are dead are each asked again and again; the pulse of the one
// that lives waits for the beginning of one of those questions, not for six.
func TestPulseGoesBeforeThePollsThatWait(t *testing.T) {
	t.Parallel()
	pty, b := board(t, nil)
	lines := hw.NewLines(hw.Host{})
	s := openStrike(t, lines, "modbus", pty.Path(), "channel = 0")
	if err := s.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	for unit := 2; unit <= 7; unit++ {
		follow(t, openInput(t, lines, "modbus", fmt.Sprintf("port = %q\nunit = %d\nnormally = \"open\"", pty.Path(), unit)))
	}
	time.Sleep(time.Second)
	const pulses = 5
	fastest := time.Hour
	for range 4 { // the machine of the test has others to serve
		start := time.Now()
		for range pulses {
			if err := s.Pulse(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
		}
		fastest = min(fastest, time.Since(start))
	}
	// One question to a dead board is 0.32 s at this speed, of which a pulse
	// waits for 0.08; six of them would make each pulse wait two seconds.
	if fastest > pulses*200*time.Millisecond {
		t.Errorf("%d pulses among six dead boards took %s", pulses, fastest)
	}
	if !b.Relay(0).Energised() {
		t.Error("the relay did not move")
	}
}

func TestContactThatTheBoardHasNotIsUnknownAndSilencesNobody(t *testing.T) {
	t.Parallel()
	pty, b := board(t, nil)
	b.Input(0, true)
	lines := hw.NewLines(hw.Host{})
	keys := "port = %q\nchannel = %d\nnormally = \"open\""
	there := openInput(t, lines, "modbus", fmt.Sprintf(keys, pty.Path(), 0))
	missing := openInput(t, lines, "modbus", fmt.Sprintf(keys, pty.Path(), 12))
	follow(t, missing)
	if got := nextLevel(t, there, hw.LevelUnknown); got != hw.LevelActive {
		t.Errorf("the contact that is there: got %s, want %s", got, hw.LevelActive)
	}
	for end := time.Now().Add(patience); !strings.Contains(missing.Stats().Err, "no such channel"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the contact that is missing: got %+v", missing.Stats())
		}
	}
	b.Input(0, false)
	if got := nextLevel(t, there, hw.LevelActive); got != hw.LevelNormal {
		t.Errorf("the contact that is there: got %s, want %s", got, hw.LevelNormal)
	}
}

func TestDeadBoardIsUnknownAndHeals(t *testing.T) {
	t.Parallel()
	for _, fault := range []hwtest.Fault{hwtest.Dead, hwtest.Garbled, hwtest.TooSlow, hwtest.Refusing} {
		t.Run(fmt.Sprint(fault), func(t *testing.T) {
			t.Parallel()
			pty, b := board(t, nil)
			input := openInput(t, hw.NewLines(hw.Host{}), "modbus", fmt.Sprintf("port = %q\nnormally = \"open\"", pty.Path()))
			if got := nextLevel(t, input, hw.LevelUnknown); got != hw.LevelNormal {
				t.Fatalf("got %s, want %s", got, hw.LevelNormal)
			}
			b.SetFault(fault)
			if got := nextLevel(t, input, hw.LevelNormal); got != hw.LevelUnknown {
				t.Errorf("got %s, want %s", got, hw.LevelUnknown)
			}
			if s := input.Stats(); s.Up || s.Err == "" {
				t.Errorf("stats: got %+v, want down, and why", s)
			}
			b.SetFault(hwtest.Healthy)
			if got := nextLevel(t, input, hw.LevelUnknown); got != hw.LevelNormal {
				t.Errorf("got %s, want %s", got, hw.LevelNormal)
			}
		})
	}
}

// One answer that got lost on the line is no reason to call a door unknown.
func TestMissedAnswerIsNoLoss(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	lossy := &lossyLine{ReadWriteCloser: pty.Master}
	b := hwtest.NewModbusBoard(lossy, 2)
	power(t, b.Run)
	input := openInput(t, hw.NewLines(hw.Host{}), "modbus", fmt.Sprintf("port = %q\nnormally = \"open\"", pty.Path()))
	if got := nextLevel(t, input, hw.LevelUnknown); got != hw.LevelNormal {
		t.Fatalf("got %s, want %s", got, hw.LevelNormal)
	}
	lossy.lose(1)
	b.Input(0, true)
	if got := nextLevel(t, input, hw.LevelNormal); got != hw.LevelActive {
		t.Errorf("got %s, want %s", got, hw.LevelActive)
	}
	if input.Stats().Drops["no_answer"] == 0 {
		t.Error("the missed answer was not counted")
	}
}

// lossyLine loses what the board says, so many times.
type lossyLine struct {
	io.ReadWriteCloser
	mu   sync.Mutex // guards left
	left int
}

func (l *lossyLine) lose(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = n
}

func (l *lossyLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left > 0 {
		l.left--
		return len(p), nil
	}
	return l.ReadWriteCloser.Write(p)
}

func TestInputOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct{ driver, keys, want string }{
		{"modbus", `normally = "open"`, "port is missing"},
		{"modbus", `port = "/dev/a"`, "normally is missing: say how the circuit is while all is well"},
		{"modbus", "port = \"/dev/a\"\nnormally = \"shut\"", "normally \"shut\""},
		{"modbus", "port = \"/dev/a\"\nnormally = \"open\"\nunit = 0", "unit 0"},
		{"modbus", "port = \"/dev/a\"\nnormally = \"open\"\nchannel = 64", "channel 64"},
		{"modbus", "port = \"/dev/a\"\nnormally = \"open\"\ndebounce = 5", "unknown key debounce"},
		{"gpio", "line = 4\nnormally = \"open\"", "chip is missing"},
		{"gpio", "chip = \"gpiochip0\"\nline = 4\nnormally = \"open\"", "full path"},
		{"gpio", "chip = \"/dev/gpiochip0\"\nnormally = \"open\"", "line is missing"},
		{"gpio", "chip = \"/dev/gpiochip0\"\nline = -1\nnormally = \"open\"", "line -1"},
		{"gpio", "chip = \"/dev/gpiochip0\"\nline = 4", "normally is missing"},
		{"gpio", "chip = \"/dev/gpiochip0\"\nline = 4\nnormally = \"open\"\nbias = \"up\"", "bias \"up\": use pull-up, pull-down or none"},
	} {
		_, err := hw.CheckInput(tt.driver, options(tt.keys))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: got %v, want %q", tt.driver, tt.keys, err, tt.want)
		}
	}
}
