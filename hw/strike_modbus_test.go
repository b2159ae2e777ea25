package hw_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/modbus"
)

// patience bounds what must happen on a machine that is busy with other things.
const patience = 20 * time.Second

// board runs a simulated Modbus board on a line of its own.
func board(t *testing.T, set func(*hwtest.ModbusBoard)) (*hwtest.PTY, *hwtest.ModbusBoard) {
	t.Helper()
	pty := hwtest.NewPTY(t)
	b := hwtest.NewModbusBoard(pty.Master, 8)
	if set != nil {
		set(b)
	}
	power(t, b.Run)
	return pty, b
}

func power(t *testing.T, run func(context.Context) error) {
	ctx, off := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = run(ctx) })
	t.Cleanup(func() { off(); running.Wait() })
}

func openStrike(t *testing.T, lines *hw.Lines, driver, port, keys string) hw.Strike {
	t.Helper()
	plan, err := strike(driver, keys)(port)
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(lines, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	})
	return s
}

func TestModbusStrikeSaysWhatIsWrongWithTheBoard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		set   func(*hwtest.ModbusBoard)
		fault hwtest.Fault
		want  string // part of the error; empty: none
		drop  string
	}{
		{"healthy", nil, hwtest.Healthy, "", ""},
		{"slow", nil, hwtest.Slow, "", ""},
		{"noise before its answers", nil, hwtest.Noisy, "", ""},
		{"dead", nil, hwtest.Dead, "does not answer", "no_answer"},
		{"wrong checksum", nil, hwtest.Garbled, "garbled", "garbled"},
		{"refuses", nil, hwtest.Refusing, "the board failed while it did it", "refused"},
		{"another unit", func(b *hwtest.ModbusBoard) { b.Unit = 9 }, hwtest.Healthy, "does not answer", "no_answer"},
		{"no timed command", func(b *hwtest.ModbusBoard) { b.Plain = true }, hwtest.Healthy, "timed = false", "refused"},
		{"echo of a dead board", func(b *hwtest.ModbusBoard) { b.Echo = true }, hwtest.Dead, "garbled", "garbled"},
		{"echo", func(b *hwtest.ModbusBoard) { b.Echo = true }, hwtest.Healthy, "", ""},
		{"echo and slow", func(b *hwtest.ModbusBoard) { b.Echo = true }, hwtest.Slow, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pty, b := board(t, tt.set)
			b.SetFault(tt.fault)
			s := openStrike(t, hw.NewLines(hw.Host{}), "modbus", pty.Path(), "")
			err := s.Pulse(t.Context(), 10*time.Second)
			if tt.want == "" {
				if err != nil || !b.Relay(0).Energised() {
					t.Errorf("got %v, relay %t, want a pulse", err, b.Relay(0).Energised())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if got := s.Stats(); got.Up || got.Err == "" || got.Drops[tt.drop] == 0 {
				t.Errorf("stats: got %+v", got)
			}
		})
	}
}

// An adapter that returns what we send, with a board that died after it was
// known to live: the echo alone is no acknowledgement.
func TestEchoIsNoAcknowledgement(t *testing.T) {
	t.Parallel()
	pty, b := board(t, func(b *hwtest.ModbusBoard) { b.Echo = true })
	s := openStrike(t, hw.NewLines(hw.Host{}), "modbus", pty.Path(), "")
	if err := s.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.SetFault(hwtest.Dead)
	if err := s.Pulse(t.Context(), time.Second); err == nil {
		t.Error("a dead board on a line that echoes acknowledged a pulse")
	}
}

func TestRefusalKeepsItsCode(t *testing.T) {
	t.Parallel()
	pty, b := board(t, nil)
	b.SetFault(hwtest.Refusing)
	s := openStrike(t, hw.NewLines(hw.Host{}), "modbus", pty.Path(), "")
	if err := s.Rest(t.Context()); !errors.Is(err, modbus.Exception(4)) {
		t.Errorf("got %v, want exception 4", err)
	}
}

func TestChannelsOfOneBoardShareThePort(t *testing.T) {
	t.Parallel()
	pty, b := board(t, nil)
	lines := hw.NewLines(hw.Host{})
	var all []hw.Strike
	for _, keys := range []string{"channel = 0", "channel = 1", "channel = 7\ntimed = false"} {
		all = append(all, openStrike(t, lines, "modbus", pty.Path(), keys))
	}
	var pulses sync.WaitGroup
	for _, s := range all {
		pulses.Go(func() {
			if err := s.Pulse(t.Context(), 2*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	pulses.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for channel := range 8 {
		if channel == 0 || channel == 1 || channel == 7 {
			if len(b.Relay(channel).History()) == 0 || !b.Relay(channel).Await(ctx, false) {
				t.Errorf("channel %d: got %v, want a pulse", channel, b.Relay(channel).History())
			}
		} else if got := b.Relay(channel).History(); len(got) != 0 {
			t.Errorf("channel %d: got %v, want nothing", channel, got)
		}
	}
	if err := all[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := all[1].Pulse(t.Context(), time.Second); err != nil {
		t.Errorf("after its neighbour closed: %v", err)
	}
	if _, err := hw.CheckStrike("modbus", options("port = \""+pty.Path()+"\"\nchannel = 1")); err != nil {
		t.Fatal(err)
	}
}

func TestCancelledPulseReturnsWhileTheBoardIsSilent(t *testing.T) {
	t.Parallel()
	pty, b := board(t, nil)
	b.SetFault(hwtest.Dead)
	s := openStrike(t, hw.NewLines(hw.Host{}), "modbus", pty.Path(), "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Pulse(ctx, time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestStrikeOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct{ driver, keys, want string }{
		{"modbus", ``, "port is missing"},
		{"modbus", `port = "ttyUSB0"`, "full path"},
		{"modbus", "port = \"/dev/a\"\nunit = 0", "unit 0"},
		{"modbus", "port = \"/dev/a\"\nunit = 248", "unit 248"},
		{"modbus", "port = \"/dev/a\"\nchannel = -1", "channel -1"},
		{"modbus", "port = \"/dev/a\"\nchannel = 64", "channel 64"},
		{"modbus", "port = \"/dev/a\"\nparity = \"mark\"", "parity"},
		{"modbus", "port = \"/dev/a\"\nbaud = -9600", "baud"},
		{"modbus", "port = \"/dev/a\"\nenergise_to = \"lock\"", "on_stop"},
		{"modbus", "port = \"/dev/a\"\nspeed = 9600", "unknown key speed"},
		{"usbrelay", `port = "/dev/a"`, "board \"\" is not known; there are: devantech, e3, kmtronic, lcus"},
		{"usbrelay", "port = \"/dev/a\"\nboard = \"numato\"", "board \"numato\""},
		{"usbrelay", "port = \"/dev/a\"\nboard = \"e3\"\nchannel = 1", "channel 1"},
		{"usbrelay", "port = \"/dev/a\"\nboard = \"lcus\"\nchannels = 3", "channels 3"},
		{"usbrelay", "board = \"lcus\"", "port is missing"},
		{"usbrelay", "port = \"/dev/a\"\nboard = \"lcus\"\non_stop = \"open\"", "on_stop"},
		{"solenoid", "", "strike driver \"solenoid\" is not known; there are: gpio, modbus, "},
	} {
		_, err := hw.CheckStrike(tt.driver, options(tt.keys))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: got %v, want %q", tt.driver, tt.keys, err, tt.want)
		}
	}
}

func TestPlansSayWhatTheyNeedOfThePort(t *testing.T) {
	a, err := strike("modbus", "unit = 3\nchannel = 1\nparity = \"even\"")("/dev/a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := strike("modbus", "unit = 3\nchannel = 2\nparity = \"even\"\nbaud = 9600\ndata_bits = 8\nstop_bits = 1")("/dev/a")
	if err != nil {
		t.Fatal(err)
	}
	if a.Port().Settings != b.Port().Settings || a.Port().Protocol != "modbus" || a.Port().Address != "unit 3 channel 1" {
		t.Errorf("got %+v and %+v, want the same line and unit 3 channel 1", a.Port(), b.Port())
	}
	c, err := strike("usbrelay", "board = \"lcus\"")("/dev/a")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Port(); got.Protocol == a.Port().Protocol || got.Address != "channel 0" || got.Settings.Baud != 9600 {
		t.Errorf("got %+v", got)
	}
}
