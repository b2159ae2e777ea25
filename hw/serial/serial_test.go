package serial_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

// patience bounds what must happen; nothing is concluded from how long it took.
const patience = 20 * time.Second

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func openPort(t *testing.T, path string) *serial.Port {
	t.Helper()
	p, err := serial.Open(serial.Settings{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestBytesGoBothWays(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	if err := p.Write(t.Context(), []byte("ask")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	n, err := pty.Master.Read(buf)
	if err != nil || string(buf[:n]) != "ask" {
		t.Fatalf("got %q, %v, want ask", buf[:n], err)
	}
	if _, err := pty.Master.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	n, err = p.Read(soon(t), buf)
	if err != nil || string(buf[:n]) != "answer" {
		t.Fatalf("got %q, %v, want answer", buf[:n], err)
	}
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(soon(t), buf); !errors.Is(err, serial.ErrGone) {
		t.Errorf("got %d, %v, want ErrGone", n, err)
	}
}
