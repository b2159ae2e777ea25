package serial_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

// termios is how the line stands, seen past the port.
func termios(t *testing.T, path string) *unix.Termios {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPitfall9ParityIsChecked(t *testing.T) {
	privileged(t) // to look past the exclusive mode
	for _, tc := range []struct {
		name string
		in   serial.Parity
		want bool
	}{
		{"none", serial.NoParity, false},
		{"default", "", false},
		{"even", serial.EvenParity, true},
		{"odd", serial.OddParity, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pty := hwtest.NewPTY(t)
			p, err := serial.Open(serial.Settings{Path: pty.Path(), DataBits: 7, Parity: tc.in, StopBits: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Close() }()
			got := termios(t, pty.Path())
			if checked := got.Iflag&unix.INPCK != 0; checked != tc.want {
				t.Errorf("INPCK: got %v, want %v", checked, tc.want)
			}
			if got.Cflag&unix.CSTOPB == 0 {
				t.Error("two stop bits were asked for, the line has one")
			}
		})
	}
}

func TestPitfall10UnknownSpeedNamesTheNearest(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   int
		want string
	}{
		{"between", 14400, "the nearest are 9600 and 19200"},
		{"MIDI", 31250, "the nearest are 19200 and 38400"},
		{"a digit too few", 11520, "the nearest are 9600 and 19200"},
		{"Windows", 256000, "the nearest are 230400 and 460800"},
		{"too slow", 45, "the slowest is 50"},
		{"negative", -1, "the slowest is 50"},
		{"too fast", 12_000_000, "the fastest is 4000000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := serial.Settings{Path: "/dev/ttyUSB0", Baud: tc.in}.Check()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if _, open := serial.Open(serial.Settings{Path: "/dev/ttyUSB0", Baud: tc.in}); fmt.Sprint(open) != fmt.Sprint(err) {
				t.Errorf("Open: got %v, want %v", open, err)
			}
		})
	}
}

func TestPitfall10SpeedsAreThoseOfTheLibrary(t *testing.T) {
	pty := hwtest.NewPTY(t)
	ours := map[int]bool{}
	for _, baud := range serial.Rates() {
		ours[baud] = true
		p, err := serial.Open(serial.Settings{Path: pty.Path(), Baud: baud})
		if err != nil {
			t.Errorf("%d: %v", baud, err)
			continue
		}
		_ = p.Close()
	}
	for _, baud := range []int{14400, 28800, 31250, 56000, 76800, 128000, 250000, 256000, 750000} {
		p, err := tarm.OpenPort(&tarm.Config{Name: pty.Path(), Baud: baud})
		if err == nil {
			_ = p.Close()
		}
		if (err == nil) != ours[baud] {
			t.Errorf("%d: the library says %v, we say %v", baud, err, ours[baud])
		}
	}
}

func TestPitfall11BreakIsNoByteAndNoFlowControl(t *testing.T) {
	privileged(t)
	pty := hwtest.NewPTY(t)
	openPort(t, pty.Path())
	got := termios(t, pty.Path())
	if got.Iflag&unix.IGNBRK == 0 {
		t.Error("a break would be read as a zero byte")
	}
	if got.Iflag&(unix.IXON|unix.IXOFF) != 0 || got.Cflag&unix.CRTSCTS != 0 {
		t.Error("flow control is on")
	}
	if got.Cflag&unix.CLOCAL == 0 {
		t.Error("the line waits for a carrier")
	}
	if got.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 || got.Oflag&unix.OPOST != 0 {
		t.Errorf("the line is not raw: lflag %x, oflag %x", got.Lflag, got.Oflag)
	}
}

func TestRS485WithoutKernelSupportIsLeftToTheHardware(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p, err := serial.Open(serial.Settings{Path: pty.Path(), RS485: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Write(t.Context(), []byte{1}), p.Close()); err != nil {
		t.Error(err)
	}
}

func TestByteTimeCountsEveryBit(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   serial.Settings
		want time.Duration
	}{
		{"default 115200 8N1", serial.Settings{}, 86805 * time.Nanosecond},
		{"9600 8N1", serial.Settings{Baud: 9600}, 1041666 * time.Nanosecond},
		{"9600 7E1", serial.Settings{Baud: 9600, DataBits: 7, Parity: serial.EvenParity}, 1041666 * time.Nanosecond},
		{"9600 8E2", serial.Settings{Baud: 9600, Parity: serial.EvenParity, StopBits: 2}, 1250 * time.Microsecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.in.ByteTime(); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestBadSettingsAreNamedWithoutTouchingThePort(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   serial.Settings
		want string
	}{
		{"relative path", serial.Settings{Path: "ttyUSB0"}, "give the full path"},
		{"no path", serial.Settings{}, "give the full path"},
		{"five bits", serial.Settings{Path: "/dev/x", DataBits: 5}, "use 7 or 8"},
		{"three stop bits", serial.Settings{Path: "/dev/x", StopBits: 3}, "use 1 or 2"},
		{"mark parity", serial.Settings{Path: "/dev/x", Parity: "mark"}, "use none, even or odd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.in.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
