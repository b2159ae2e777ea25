package serial_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

func TestOpenSaysWhyNot(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("nowhere"), at("dangling")); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for _, tc := range []struct {
		name, in, want string
		is             error
	}{
		{"nothing there", at("nowhere"), "is it plugged in", serial.ErrAbsent},
		{"link of a device that left", at("dangling"), "is it plugged in", serial.ErrAbsent},
		{"file", at("file"), "it is a file, not a serial device", nil},
		{"directory", dir, "it is a directory, not a serial device", nil},
		{"pipe", at("pipe"), "it is a pipe, not a serial device", nil},
		{"socket", at("socket"), "it is a socket, not a serial device", nil},
		{"device of another kind", "/dev/null", "it is not a serial device", nil},
		{"another kind with a poller", "/dev/random", "it is not a serial device", nil},
		{"below a file", at("file/tty"), "not a directory", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(descriptors(t))
			p, err := serial.Open(serial.Settings{Path: tc.in})
			if err == nil {
				_ = p.Close()
				t.Fatal("it opened")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.in) {
				t.Errorf("got %q, want the path and %q", err, tc.want)
			}
			for _, kind := range []error{serial.ErrAbsent, serial.ErrBusy, serial.ErrGone} {
				if got, want := errors.Is(err, kind), errors.Is(tc.is, kind); got != want {
					t.Errorf("errors.Is(%q, %q): got %v, want %v", err, kind, got, want)
				}
			}
			if after := len(descriptors(t)); after != before {
				t.Errorf("got %d descriptors after, want %d", after, before)
			}
		})
	}
}

func TestOpenWithoutRightsNamesTheGroup(t *testing.T) {
	pty := hwtest.NewPTY(t)
	slave, err := os.Readlink(pty.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(slave, 0); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		_, err := serial.Open(serial.Settings{Path: pty.Path()})
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "dialout") {
			t.Errorf("got %v, want what group to be in", err)
		}
	})
}

func TestOpenFindsTheDeviceUnderItsNewNumber(t *testing.T) {
	pty := hwtest.NewPTY(t)
	first, err := os.Readlink(pty.Path())
	if err != nil {
		t.Fatal(err)
	}
	held := openPort(t, pty.Path()) // while somebody holds it, its number is not free
	if err := pty.Replug(); err != nil {
		t.Fatal(err)
	}
	second, err := os.Readlink(pty.Path())
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Skip("the kernel gave the same number again")
	}
	p := openPort(t, pty.Path())
	if err := p.Write(soon(t), []byte("x")); err != nil {
		t.Errorf("new port: %v", err)
	}
	if err := held.Write(soon(t), []byte("x")); !errors.Is(err, serial.ErrGone) {
		t.Errorf("old port: got %v, want ErrGone", err)
	}
}

// Else one port would wait on one device and read another.
func TestBothDescriptorsAreOneDeviceThoughTheNameMoves(t *testing.T) {
	pty := hwtest.NewPTY(t)
	err := serial.OpenWhile(serial.Settings{Path: pty.Path()}, func() {
		if err := pty.Replug(); err != nil {
			t.Fatal(err)
		}
	})
	if !errors.Is(err, serial.ErrAbsent) {
		t.Errorf("got %v, want ErrAbsent: the device that was opened first is gone", err)
	}
}
