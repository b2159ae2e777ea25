package serial

import (
	"errors"
	"fmt"
	"os"
	"time"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

// Open opens the line and takes it for itself, or says why not: ErrAbsent,
// ErrBusy, or words that tell what is wrong with the path, the rights or the
// settings. The path is resolved anew, so a by-id name finds the adapter under
// whatever number it has now. Input that was waiting is thrown away. Open does
// not wait for a carrier.
func Open(s Settings) (*Port, error) { return open(s, &counts{}) }

func open(s Settings, c *counts) (*Port, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	side, err := openSide(s.Path)
	if err != nil {
		return nil, err
	}
	p := &Port{
		path: s.Path, byteTime: s.ByteTime(), side: side, counts: c, dtr: s.DTR,
		reading: make(chan struct{}, 1), writing: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	if err := p.setUp(s); err != nil {
		if p.line != nil {
			_ = p.line.Close()
		}
		_ = side.Close()
		return nil, err
	}
	return p, nil
}

// openSide opens the second descriptor, which waits, writes and holds the lock.
func openSide(path string) (*os.File, error) {
	switch info, err := os.Stat(path); {
	case missing(err):
		return nil, fmt.Errorf("port %s: %w", path, ErrAbsent)
	case err != nil:
		return nil, fmt.Errorf("port %s: %w", path, err)
	case info.Mode()&os.ModeCharDevice == 0:
		// Looked at before it is opened: to open a pipe or a watchdog does something.
		return nil, fmt.Errorf("port %s: it is a %s, not a serial device", path, kindOf(info.Mode()))
	}
	side, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0) //nolint:gosec // the path is the installer's setting, and was seen to be a device
	switch {
	case err == nil:
		return side, nil
	case missing(err):
		return nil, fmt.Errorf("port %s: %w", path, ErrAbsent)
	case errors.Is(err, unix.EBUSY):
		return nil, busy(path)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("port %s: %w: the user of the service must be in the group of the device, mostly dialout, and DeviceAllow= of the unit must name its kind", path, err)
	default:
		return nil, fmt.Errorf("port %s: %w", path, err)
	}
}

func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode.IsRegular():
		return "file"
	case mode&os.ModeNamedPipe != 0:
		return "pipe"
	case mode&os.ModeSocket != 0:
		return "socket"
	default:
		return "block device"
	}
}

func busy(path string) error {
	return fmt.Errorf("port %s: %w: perhaps a second tilegated, ModemManager, brltty, a getty or a terminal program; `fuser -v %s` names it: stop it, the port is then opened by itself", path, ErrBusy, path)
}

// setUp takes the line and sets it, in an order that matters: see DESIGN.md.
func (p *Port) setUp(s Settings) error {
	var err error
	if p.raw, err = p.side.SyscallConn(); err != nil {
		return fmt.Errorf("port %s: %w", p.path, err)
	}
	if err := control(p.raw, p.take); err != nil {
		return err
	}
	// A descriptor outside the runtime's poller has no deadlines: refuse it
	// now, not at the first tap.
	if err := p.side.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("port %s: no deadlines on this device: %w", p.path, err)
	}
	return control(p.raw, func(fd uintptr) error {
		if err := p.openLine(s, fd); err != nil {
			return err
		}
		return p.tune(s, fd)
	})
}

// take locks the line against a second owner and makes it raw.
func (p *Port) take(descriptor uintptr) error {
	fd := int(descriptor)
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return p.openErr(err, "it is not a serial device")
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return busy(p.path)
	} else if err != nil {
		return fmt.Errorf("port %s: lock: %w", p.path, err)
	}
	if err := rawMode(fd); err != nil {
		return p.openErr(err, "raw mode")
	}
	return nil
}

// openLine gives the line to tarm/serial by the descriptor that we hold, so
// that both are one device even if the name moved to another meanwhile.
func (p *Port) openLine(s Settings, fd uintptr) error {
	line, err := tarm.OpenPort(s.tarm(fmt.Sprintf("/proc/self/fd/%d", fd)))
	switch {
	case err == nil:
		p.line = line
		return nil
	case errors.Is(err, unix.EBUSY):
		return busy(p.path)
	default:
		return p.openErr(err, "set the line")
	}
}

// tune closes the line to others and sets what tarm/serial cannot.
func (p *Port) tune(s Settings, fd uintptr) error {
	set, err := finish(int(fd), s.Parity)
	if err != nil {
		return p.openErr(err, "set the line")
	}
	p.set = set
	if err := unix.IoctlSetInt(int(fd), unix.TIOCEXCL, 0); err != nil {
		return p.openErr(err, "take it alone")
	}
	if s.RS485 {
		if err := switchDirection(fd); err != nil {
			return p.openErr(err, "RS-485 direction")
		}
	}
	if err := moveModem(int(fd), s); err != nil {
		return p.openErr(err, "DTR and RTS")
	}
	lowLatency(fd)
	if err := unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCIFLUSH); err != nil {
		return p.openErr(err, "discard old input")
	}
	return nil
}

// openErr words an error met while opening.
func (p *Port) openErr(err error, doing string) error {
	if vanished(err) {
		return fmt.Errorf("port %s: %w", p.path, ErrAbsent)
	}
	return fmt.Errorf("port %s: %s: %w", p.path, doing, err)
}

// tarm is the settings in the words of tarm/serial. The read timeout is the
// shortest it has: it bounds the one read that finds its bytes taken by
// somebody else.
func (s Settings) tarm(name string) *tarm.Config {
	c := &tarm.Config{Name: name, Baud: s.Baud, Size: byte(s.DataBits), ReadTimeout: 100 * time.Millisecond}
	if c.Baud == 0 {
		c.Baud = 115200
	}
	switch s.Parity {
	case EvenParity:
		c.Parity = tarm.ParityEven
	case OddParity:
		c.Parity = tarm.ParityOdd
	default:
		c.Parity = tarm.ParityNone
	}
	if s.StopBits == 2 {
		c.StopBits = tarm.Stop2
	}
	return c
}
