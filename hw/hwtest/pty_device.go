package hwtest

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// device is a PTY seen from the device's end.
type device PTY

// Read is PTY.Master.Read.
func (d *device) Read(buf []byte) (int, error) {
	for {
		master, plugged, err := d.now()
		if err != nil {
			return 0, err
		}
		if master == nil {
			<-plugged
			continue
		}
		n, err := d.readOnce(master, buf)
		switch {
		case errors.Is(err, errReleased):
			d.forgetOwner(master)
		case !errors.Is(err, os.ErrClosed): // else unplugged: look again
			return n, err
		}
	}
}

// errReleased says that who had the line open has closed it, or died.
var errReleased = errors.New("released")

// ownWake is how long after its own opening and closing of the line a wake-up
// may be due to that. An owner who is killed within it is not noticed.
const ownWake = 20 * time.Millisecond

// readOnce reads from one terminal and says os.ErrClosed when it was unplugged.
func (d *device) readOnce(master *os.File, buf []byte) (int, error) {
	conn, err := master.SyscallConn()
	if err != nil {
		return 0, err
	}
	n := 0
	outer := conn.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case errors.Is(err, unix.EINTR):
			n, err = 0, nil
		case errors.Is(err, unix.EIO): // nobody has the line open
			if d.justForgot() {
				return false // the next who opens it and writes wakes us
			}
			err = errReleased
		}
		return true
	})
	if outer != nil { // its own word for closed is not os.ErrClosed
		return 0, fmt.Errorf("%w: %w", os.ErrClosed, outer)
	}
	return max(n, 0), err
}

// forgetOwner does what the last close of a real port does and that of a
// pseudo-terminal does not: it clears the exclusive mode (TIOCEXCL) that an
// owner who was killed left behind. Where that needs a privilege, the plug is
// pulled and put in again.
func (d *device) forgetOwner(master *os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.master != master {
		return
	}
	fd, err := unix.Open(d.link, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		_ = unix.IoctlSetInt(fd, unix.TIOCNXCL, 0)
		_ = unix.Close(fd)
	case errors.Is(err, unix.EBUSY) && nobody(master):
		_ = (*PTY)(d).replug()
	}
	d.forgot.Store(time.Now().UnixNano())
}

// justForgot takes no lock: Unplug holds it while it waits for readOnce.
func (d *device) justForgot() bool {
	return time.Since(time.Unix(0, d.forgot.Load())) < ownWake
}

// Write is PTY.Master.Write.
func (d *device) Write(frame []byte) (int, error) {
	master, _, err := d.now()
	if err != nil {
		return 0, err
	}
	if master == nil || nobody(master) {
		return len(frame), nil
	}
	_ = master.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := master.Write(frame)
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return len(frame), nil
	case errors.Is(err, os.ErrClosed):
		if _, _, closed := d.now(); closed == nil {
			return len(frame), nil // unplugged meanwhile
		}
	}
	return n, err
}

// Close is PTY.Close.
func (d *device) Close() error { return (*PTY)(d).Close() }

// now returns the master, or nil and what ends the unplugged time.
func (d *device) now() (*os.File, <-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, fmt.Errorf("pty %s: %w", d.link, os.ErrClosed)
	}
	return d.master, d.plugged, nil
}

// nobody tells whether no one has the other end open.
func nobody(master *os.File) bool {
	conn, err := master.SyscallConn()
	if err != nil {
		return true
	}
	ask := [1]unix.PollFd{{}}
	err = conn.Control(func(fd uintptr) {
		ask[0].Fd = int32(fd)
		_, _ = unix.Poll(ask[:], 0)
	})
	return err != nil || ask[0].Revents&unix.POLLHUP != 0
}
