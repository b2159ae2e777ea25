package hw

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/hw/serial"
)

type port struct{ closed int }

func (p *port) Close() error { p.closed++; return nil }

type other struct{ port }

func TestDevicesOnOnePortShareItsSession(t *testing.T) {
	lines := NewLines(Host{})
	use := func(protocol, address string, baud int) PortUse {
		return PortUse{Settings: serial.Settings{Path: "/dev/a", Baud: baud}, Protocol: protocol, Address: address}
	}
	opened := 0
	open := func() (*port, error) { opened++; return &port{}, nil }
	first, release1, err := Session(lines, use("modbus", "unit 1", 9600), open)
	if err != nil {
		t.Fatal(err)
	}
	second, release2, err := Session(lines, use("modbus", "unit 2", 9600), open)
	if err != nil || first != second || opened != 1 {
		t.Fatalf("got %p, %v after %d openings, want %p after one", second, err, opened, first)
	}
	for name, refused := range map[string]struct {
		use  PortUse
		want string
	}{
		"another protocol": {use("line", "", 9600), "already used for modbus"},
		"another speed":    {use("modbus", "unit 3", 19200), "other settings"},
		"the same address": {use("modbus", "unit 2", 9600), "another device at unit 2"},
		"no address":       {use("modbus", "", 9600), "alone"},
	} {
		if _, _, err := Session(lines, refused.use, open); err == nil || !strings.Contains(err.Error(), refused.want) {
			t.Errorf("%s: got %v, want %q", name, err, refused.want)
		}
	}
	if _, _, err := Session(lines, use("modbus", "unit 4", 9600), func() (*other, error) { return &other{}, nil }); err == nil {
		t.Error("another type of session: got no error")
	}
	for range 2 {
		if err := release1(); err != nil || first.closed != 0 {
			t.Fatalf("the first of two gave back: %v, closed %d times", err, first.closed)
		}
	}
	for range 2 {
		if err := release2(); err != nil || first.closed != 1 {
			t.Fatalf("the last gave back: %v, closed %d times", err, first.closed)
		}
	}
	again, _, err := Session(lines, use("line", "", 115200), open)
	if err != nil || again == first {
		t.Fatalf("the port anew: got %v", err)
	}
	if _, _, err := Session(lines, use("line", "x", 115200), open); err == nil {
		t.Error("beside a device that needs the port alone: got no error")
	}
	if err := lines.Close(); err != nil || again.closed != 1 {
		t.Errorf("close: %v, closed %d times", err, again.closed)
	}
}

func TestSessionThatCannotBeMadeNamesThePort(t *testing.T) {
	use := PortUse{Settings: serial.Settings{Path: "/dev/a"}}
	_, _, err := Session(NewLines(Host{}), use, func() (*port, error) { return nil, io.ErrUnexpectedEOF })
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "/dev/a") {
		t.Errorf("got %v", err)
	}
}
