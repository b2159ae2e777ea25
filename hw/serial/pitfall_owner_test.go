package serial_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

func TestPitfall6SecondOwnerIsRefused(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	_, err := serial.Open(serial.Settings{Path: pty.Path(), Baud: 9600})
	if !errors.Is(err, serial.ErrBusy) {
		t.Fatalf("got %v, want ErrBusy", err)
	}
	if !strings.Contains(err.Error(), "fuser -v "+pty.Path()) {
		t.Errorf("got %q, want what to do", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	openPort(t, pty.Path()) // given back
}

// reprogram does what a probe does: it knows no lock and sets the line for all,
// so that a timed read of tarm/serial would wait without end.
func reprogram(t *testing.T, path string) {
	t.Helper()
	other, err := tarm.OpenPort(&tarm.Config{Name: path, Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
}

func TestPitfall6LineChangedByAnotherProgramIsNoticed(t *testing.T) {
	privileged(t)
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	reprogram(t, pty.Path())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	within(t, "Read", func() {
		if _, err := p.Read(ctx, make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silent line: got %v, want DeadlineExceeded", err)
		}
	})
	if _, err := pty.Master.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(soon(t), make([]byte, 1)); !errors.Is(err, serial.ErrBusy) {
		t.Errorf("bytes after the change: got %v, want ErrBusy", err)
	}
}

func TestPitfall7LockHoldsForRootAndExclusiveModeForOthers(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	open := func() error {
		f, err := os.OpenFile(pty.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	unprivileged(t, func() {
		if err := open(); !errors.Is(err, unix.EBUSY) {
			t.Errorf("stranger while open: got %v, want EBUSY", err)
		}
		if _, err := serial.Open(serial.Settings{Path: pty.Path()}); !errors.Is(err, serial.ErrBusy) {
			t.Errorf("second owner: got %v, want ErrBusy", err)
		}
	})
	if _, err := serial.Open(serial.Settings{Path: pty.Path()}); !errors.Is(err, serial.ErrBusy) {
		t.Errorf("second owner, as whoever runs the test: got %v, want ErrBusy", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		if err := open(); err != nil {
			t.Errorf("stranger after Close: got %v, want it open", err)
		}
	})
}
