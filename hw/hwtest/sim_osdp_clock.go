package hwtest

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pacer waits for an instant to about 0.1 ms. A sleeping program that has nothing
// else to do wakes by its own timers only to a millisecond, which is as long as
// a short frame at 115200; a timer of the kernel is exact, and holds no thread.
type pacer struct {
	fd   int
	file *os.File
}

func (p *pacer) start() (stop func(), err error) {
	if p.fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("timer of a paced line: %w", err)
	}
	p.file = os.NewFile(uintptr(p.fd), "timer")
	return func() { _ = p.file.Close() }, nil
}

func (p *pacer) until(t time.Time) {
	d := time.Until(t)
	if d <= 0 {
		return
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if unix.TimerfdSettime(p.fd, 0, &at, nil) != nil {
		time.Sleep(d)
		return
	}
	var expired [8]byte
	if _, err := p.file.Read(expired[:]); err != nil && !errors.Is(err, os.ErrClosed) {
		time.Sleep(time.Until(t))
	}
}

// panelSpeed is the speed that the panel has set at its end, in baud; 0: nobody
// knows.
func (l *OSDPLine) panelSpeed() int {
	d, ok := l.wire.line.(*device)
	if !ok {
		return 0
	}
	return d.speed()
}

// speed is the speed that the host has set.
func (d *device) speed() int {
	master, _, err := d.now()
	if err != nil || master == nil {
		return 0
	}
	conn, err := master.SyscallConn()
	if err != nil {
		return 0
	}
	var settings *unix.Termios
	if outer := conn.Control(func(fd uintptr) {
		settings, err = unix.IoctlGetTermios(int(fd), unix.TCGETS)
	}); outer != nil || err != nil {
		return 0
	}
	switch settings.Cflag & unix.CBAUD {
	case unix.B9600:
		return 9600
	case unix.B19200:
		return 19200
	case unix.B38400:
		return 38400
	case unix.B57600:
		return 57600
	case unix.B115200:
		return 115200
	case unix.B230400:
		return 230400
	}
	return 0
}
