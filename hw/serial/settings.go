// Package serial is one serial line with deadlines, hang-up and one owner. It
// is the only importer of tarm/serial and gives it what it lacks through a
// second descriptor on the same terminal.
package serial

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Parity is the parity bit.
type Parity string

// The parities.
const (
	NoParity   Parity = "none"
	EvenParity Parity = "even"
	OddParity  Parity = "odd"
)

// ModemLine is how DTR or RTS stands while the port is open.
type ModemLine string

// The ways. The kernel raises both when it opens a port, which resets some
// boards and keys some RS-485 adapters.
const (
	LineAsOpened ModemLine = ""
	LineOn       ModemLine = "on"
	LineOff      ModemLine = "off"
)

func (m ModemLine) known() bool { return m == LineAsOpened || m == LineOn || m == LineOff }

// Settings say which line and how. They are comparable: equal settings are the
// same line.
type Settings struct {
	Path     string // a stable name: /dev/serial/by-id/… or by-path
	Baud     int    // 0: 115200
	DataBits int    // 7 or 8; 0: 8
	Parity   Parity // "": none
	StopBits int    // 1 or 2; 0: 1
	RS485    bool   // ask the kernel to switch direction; most USB adapters do it themselves
	DTR, RTS ModemLine
}

// Check says what is wrong with the settings, without touching the port.
func (s Settings) Check() error {
	if !strings.HasPrefix(s.Path, "/") {
		return fmt.Errorf("port %q: give the full path, best below /dev/serial/by-id", s.Path)
	}
	if s.DataBits != 0 && s.DataBits != 7 && s.DataBits != 8 {
		return fmt.Errorf("data_bits %d: use 7 or 8", s.DataBits)
	}
	if s.StopBits != 0 && s.StopBits != 1 && s.StopBits != 2 {
		return fmt.Errorf("stop_bits %d: use 1 or 2", s.StopBits)
	}
	switch s.Parity {
	case "", NoParity, EvenParity, OddParity:
	default:
		return fmt.Errorf("parity %q: use none, even or odd", s.Parity)
	}
	if !s.DTR.known() {
		return fmt.Errorf("dtr %q: use on or off", string(s.DTR))
	}
	if !s.RTS.known() {
		return fmt.Errorf("rts %q: use on or off", string(s.RTS))
	}
	if s.RS485 && s.RTS != LineAsOpened {
		return errors.New("rts: with rs485 the kernel moves it; leave it away")
	}
	return checkBaud(s.Baud)
}

// ByteTime is how long one byte takes on the wire.
func (s Settings) ByteTime() time.Duration {
	baud, bits := s.Baud, 1+s.DataBits+s.StopBits
	if baud == 0 {
		baud = 115200
	}
	if s.DataBits == 0 {
		bits += 8
	}
	if s.StopBits == 0 {
		bits++
	}
	if s.Parity == EvenParity || s.Parity == OddParity {
		bits++
	}
	return time.Duration(bits) * time.Second / time.Duration(baud)
}
