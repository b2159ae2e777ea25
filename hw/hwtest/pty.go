// Package hwtest is the suite that every driver of a reader or a strike passes,
// and simulated devices on pseudo-terminals to pass it on. It imports no driver
// and no codec of ours: what it knows of a protocol it has from the public
// document, else both would agree by construction.
package hwtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// PTY is a serial line made of a pseudo-terminal, with a stable name for the
// host's end, as udev gives one below /dev/serial/by-id, and a plug that can
// be pulled. Any goroutine may call it.
type PTY struct {
	// Master is the device's end. It lives through Unplug and Replug, as the
	// device behind an adapter does: Read waits for bytes of whoever opens
	// the line next; what is written while nobody has the line open, while
	// it is unplugged, or that nobody takes within a second, is lost, as on
	// a wire. After Close both say os.ErrClosed. One goroutine may read
	// while another writes.
	Master io.ReadWriteCloser

	link string

	mu      sync.Mutex    // guards all below
	master  *os.File      // nil while unplugged
	plugged chan struct{} // closed by the Replug or Close that ends an unplugged time
	closed  bool

	forgot atomic.Int64 // when we last opened the host's end ourselves, in Unix nanoseconds
}

// NewPTY makes a line in a directory of the test and closes it at its end.
func NewPTY(t testing.TB) *PTY {
	t.Helper()
	p, err := OpenPTY(filepath.Join(t.TempDir(), "tty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// OpenPTY makes a pseudo-terminal in raw mode and lets the symbolic link at
// link point to the host's end. A link that is there is replaced.
func OpenPTY(link string) (*PTY, error) {
	p := &PTY{link: link}
	p.Master = (*device)(p)
	if err := p.Replug(); err != nil {
		return nil, err
	}
	return p, nil
}

// Path is the stable name of the host's end.
func (p *PTY) Path() string { return p.link }

// Unplug pulls the plug: who has the line open is hung up before it returns,
// and the name vanishes. Doing it twice does nothing.
func (p *PTY) Unplug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unplug()
}

func (p *PTY) unplug() error {
	if p.master == nil {
		if p.plugged == nil { // not plugged in yet
			p.plugged = make(chan struct{})
		}
		return nil
	}
	// The name goes first: its number may belong to a stranger at once.
	err := os.Remove(p.link)
	master := p.master
	p.master, p.plugged = nil, make(chan struct{})
	// A Read that waits on the master keeps it open, and then the host is
	// not hung up. This one waits in the runtime's poller: Close ends it,
	// and returns when the descriptor is gone.
	return errors.Join(err, master.Close())
}

// Replug puts the plug in again: a new terminal, mostly with another number,
// under the same name. Without an Unplug before, it does that too.
func (p *PTY) Replug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("pty %s: %w", p.link, os.ErrClosed)
	}
	return p.replug()
}

func (p *PTY) replug() error {
	if err := p.unplug(); err != nil {
		return err
	}
	master, slave, err := newTerminal()
	if err != nil {
		return err
	}
	fresh := p.link + ".new"
	_ = os.Remove(fresh)
	if err := errors.Join(os.Symlink(slave, fresh), os.Rename(fresh, p.link)); err != nil {
		return errors.Join(err, master.Close())
	}
	p.master = master
	p.forgot.Store(time.Now().UnixNano())
	close(p.plugged)
	p.plugged = nil
	return nil
}

// Close ends the line for good, with all that Unplug does. It may be called
// twice.
func (p *PTY) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	err := p.unplug()
	p.closed = true
	close(p.plugged)
	return err
}

// newTerminal makes a pair, raw, and returns its master and the path of its
// slave. The slave was open once and is closed again, so that the master knows
// from the start that nobody has the line.
func newTerminal() (master *os.File, slave string, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			_ = master.Close()
		}
	}()
	// Not master.Fd(): the descriptor stays in the runtime's poller.
	conn, err := master.SyscallConn()
	if err != nil {
		return nil, "", err
	}
	var number int
	if outer := conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err == nil {
		err = outer
	}
	if err != nil {
		return nil, "", fmt.Errorf("pty: %w", err)
	}
	slave = fmt.Sprintf("/dev/pts/%d", number)
	return master, slave, makeRaw(slave)
}

// makeRaw sets a terminal to pass bytes as they are.
func makeRaw(slave string) error {
	fd, err := unix.Open(slave, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", slave, err)
	}
	defer func() { _ = unix.Close(fd) }()
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("%s: %w", slave, err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
