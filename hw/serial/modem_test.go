package serial_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

func TestModemLinesAreMovedAsTheSettingsSay(t *testing.T) {
	for _, tt := range []struct {
		name         string
		in           serial.Settings
		raise, lower int
	}{
		{"left alone", serial.Settings{}, 0, 0},
		{"DTR down", serial.Settings{DTR: serial.LineOff}, 0, unix.TIOCM_DTR},
		{"DTR up, RTS down", serial.Settings{DTR: serial.LineOn, RTS: serial.LineOff}, unix.TIOCM_DTR, unix.TIOCM_RTS},
		{"both up", serial.Settings{DTR: serial.LineOn, RTS: serial.LineOn}, unix.TIOCM_DTR | unix.TIOCM_RTS, 0},
	} {
		if raise, lower := serial.ModemBits(tt.in); raise != tt.raise || lower != tt.lower {
			t.Errorf("%s: raises %#x and lowers %#x, want %#x and %#x", tt.name, raise, lower, tt.raise, tt.lower)
		}
	}
}

// A pseudo-terminal has no modem lines, as many devices have none.
func TestDeviceWithoutModemLinesIsOpenedAllTheSame(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p, err := serial.Open(serial.Settings{Path: pty.Path(), DTR: serial.LineOff, RTS: serial.LineOn})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	for _, on := range []bool{false, true} {
		if err := p.SetDTR(on); err != nil {
			t.Errorf("SetDTR(%t): %v", on, err)
		}
	}
}

func TestModemLinesThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct {
		in   serial.Settings
		want string
	}{
		{serial.Settings{Path: "/dev/a", DTR: "up"}, `dtr "up"`},
		{serial.Settings{Path: "/dev/a", RTS: "low"}, `rts "low"`},
		{serial.Settings{Path: "/dev/a", RS485: true, RTS: serial.LineOff}, "the kernel moves it"},
	} {
		if err := tt.in.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.in, err, tt.want)
		}
	}
}
