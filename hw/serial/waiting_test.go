package serial_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

func TestWaitingCountsWhatNobodyHasRead(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	if n, err := p.Waiting(); n != 0 || err != nil {
		t.Errorf("before anything came: got %d, %v", n, err)
	}
	if _, err := pty.Master.Write([]byte("seven!!")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1)
	if _, err := p.Read(soon(t), buf); err != nil { // and so they have come
		t.Fatal(err)
	}
	if n, err := p.Waiting(); n != 6 || err != nil {
		t.Errorf("after one of seven was read: got %d, %v, want 6", n, err)
	}
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Waiting(); !errors.Is(err, serial.ErrGone) {
		t.Errorf("unplugged: got %v, want %v", err, serial.ErrGone)
	}
}

func TestLineIsOpenedAnewAtItsNewSpeed(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	_, session := up(t, l)
	l.SetBaud(9600)
	if _, again := up(t, l); again == session {
		t.Error("the line was not opened anew")
	}
	tty, err := os.OpenFile(pty.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EBUSY) {
		t.Skip("needs root: the exclusive mode keeps everybody else out")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	if set, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS); err != nil || set.Cflag&unix.CBAUD != unix.B9600 {
		t.Errorf("the line does not stand at 9600: %+v, %v", set, err)
	}
	if reopens := l.Stats().Reopens; reopens != 1 {
		t.Errorf("got %d openings, want one more", reopens)
	}
}
