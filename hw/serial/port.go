package serial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

// Why a line cannot be used. Compare with errors.Is.
var (
	// ErrGone says that the device hung up or vanished: the port is of no
	// use any more and is to be closed and opened again.
	ErrGone = errors.New("the device is gone: unplugged, without power or reset")
	// ErrBusy says that another owner has the port; the error around it says
	// who that may be and what to do.
	ErrBusy = errors.New("in use by another program")
	// ErrAbsent says that there is no such device now.
	ErrAbsent = errors.New("no such device: is it plugged in and powered?")
)

// WriteDeadline bounds a Write whose context has no deadline.
const WriteDeadline = time.Second

// Port is one open line. One goroutine may read while another writes; any may
// call Discard and Close.
type Port struct {
	path     string
	byteTime time.Duration
	side     *os.File        // waits, writes, and holds the lock; in the runtime's poller
	raw      syscall.RawConn // of side
	line     *tarm.Port      // set the line, and reads what side says is there
	set      unix.Termios    // how the line stood when Open was done
	counts   *counts
	dtr      ModemLine
	lost     func(error) // told of what makes the port useless; nil without a Line

	reading chan struct{} // holds the turn of the one Read
	writing chan struct{} // and of the one Write
	closing chan struct{} // closed when Close begins
	once    sync.Once
	err     error // of Close
}

// counts outlive the ports of a Line.
type counts struct {
	in, out atomic.Uint64
	seen    atomic.Int64 // when the last bytes came, in Unix nanoseconds
}

// Read waits for bytes and returns at least one: what has arrived, not a
// frame. It ends with the error of ctx, to the millisecond and at once when
// cancelled; with ErrGone, now and for ever, when the device hung up; with
// ErrBusy when another program changed the line under us; with os.ErrClosed.
func (p *Port) Read(ctx context.Context, buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, io.ErrShortBuffer
	}
	n, err := p.read(ctx, buf)
	p.report(err)
	return n, err
}

func (p *Port) read(ctx context.Context, buf []byte) (int, error) {
	if err := p.turn(ctx, p.reading); err != nil {
		return 0, err
	}
	defer func() { <-p.reading }()
	undo := expire(ctx, p.side.SetReadDeadline)
	defer undo()
	var n int
	var err error
	// Asked before waiting: the poller tells of edges only.
	wait := p.raw.Read(func(fd uintptr) bool {
		n, err = p.readNow(fd, buf)
		return n > 0 || err != nil
	})
	if n > 0 {
		p.counts.in.Add(uint64(n))
		p.counts.seen.Store(time.Now().UnixNano())
		return n, nil
	}
	if err == nil {
		err = wait
	}
	return 0, p.say(ctx, err)
}

// readNow reads what is there: 0 and no error when that is nothing.
func (p *Port) readNow(fd uintptr, buf []byte) (int, error) {
	got, err := pollNow(fd, unix.POLLIN)
	switch {
	case err != nil:
		return 0, err
	case got&hungUp != 0:
		return 0, ErrGone
	case got&unix.POLLIN == 0:
		return 0, nil
	}
	// Another program that opens the port can make the read below wait
	// without end, or the bytes garbage: see before reading.
	now, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
	if err != nil {
		return 0, err
	}
	if !alike(now, &p.set) {
		return 0, fmt.Errorf("%w: it changed the speed or mode of the line; `fuser -v %s` names it", ErrBusy, p.path)
	}
	n, err := p.line.Read(buf)
	if errors.Is(err, io.EOF) {
		return 0, nil // a timeout of tarm/serial: somebody else took the bytes
	}
	return n, err
}

// Write sends the whole frame or says why not. Without a deadline in ctx it
// has WriteDeadline. Of a frame that was not sent whole, what still waited in
// the kernel is thrown away: it must not reach a relay later.
func (p *Port) Write(ctx context.Context, frame []byte) error {
	err := p.write(ctx, frame)
	p.report(err)
	return err
}

func (p *Port) write(ctx context.Context, frame []byte) error {
	if err := p.turn(ctx, p.writing); err != nil {
		return err
	}
	defer func() { <-p.writing }()
	within := ctx
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, WriteDeadline)
		defer cancel()
	}
	undo := expire(within, p.side.SetWriteDeadline)
	n, err := p.side.Write(frame)
	undo()
	p.counts.out.Add(uint64(n))
	if err == nil {
		return nil
	}
	_ = p.flush(unix.TCOFLUSH)
	if err = p.say(ctx, err); errors.Is(err, ErrGone) || errors.Is(err, os.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: the device took %d of %d bytes", err, n, len(frame))
}

// Discard throws away input that waits, such as the late answer to a question
// that was given up.
func (p *Port) Discard() error {
	err := p.flush(unix.TCIFLUSH)
	if err == nil {
		return nil
	}
	err = p.say(context.Background(), err)
	p.report(err)
	return err
}

// Close ends a waiting Read and Write at once with os.ErrClosed, gives frames
// that were written the time they need on the wire, at most half a second, and
// gives the line back. It may be called twice.
func (p *Port) Close() error { return p.shut(true) }

// shut closes; without drain what was not sent yet is thrown away.
func (p *Port) shut(drain bool) error {
	p.once.Do(func() {
		close(p.closing)
		_ = p.side.SetDeadline(time.Unix(1, 0))
		// Output that cannot leave would hold close for up to 30 s. What has
		// left is not flushed: on a pseudo-terminal that would take the last
		// frame away from a reader that was slow to fetch it.
		queue := unix.TCIOFLUSH
		if drain && p.drain() {
			queue = unix.TCIFLUSH
		}
		_ = p.flush(queue)
		_ = control(p.raw, func(fd uintptr) error { return unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0) })
		p.err = errors.Join(p.line.Close(), p.side.Close())
	})
	return p.err
}

// drain waits until the kernel has sent what Write took, and says whether it
// could.
func (p *Port) drain() bool {
	for left := 500 * time.Millisecond; left > 0; {
		var queued int
		err := control(p.raw, func(fd uintptr) (err error) {
			queued, err = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
			return err
		})
		if err != nil || queued == 0 {
			return err == nil
		}
		nap := min(left, max(time.Duration(queued)*p.byteTime, time.Millisecond))
		time.Sleep(nap)
		left -= nap
	}
	return false
}

func (p *Port) flush(queue int) error {
	return control(p.raw, func(fd uintptr) error { return unix.IoctlSetInt(int(fd), unix.TCFLSH, queue) })
}

// alive tells whether the device still answers for the line.
func (p *Port) alive() bool {
	return control(p.raw, func(fd uintptr) error {
		got, err := pollNow(fd, 0)
		if err == nil && got&hungUp != 0 {
			err = ErrGone
		}
		return err
	}) == nil
}

// report tells the Line, if there is one, of an error that no retry heals.
func (p *Port) report(err error) {
	if p.lost != nil && (errors.Is(err, ErrGone) || errors.Is(err, ErrBusy)) {
		p.lost(err)
	}
}

// turn waits for the right to read or write.
func (p *Port) turn(ctx context.Context, turn chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closing:
		return p.say(ctx, os.ErrClosed)
	}
	select {
	case <-p.closing:
		<-turn
		return p.say(ctx, os.ErrClosed)
	default:
		return nil
	}
}

// say words an error of the line for the caller.
func (p *Port) say(ctx context.Context, err error) error {
	select {
	case <-p.closing:
		return fmt.Errorf("port %s: %w", p.path, os.ErrClosed)
	default:
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return ctx.Err()
	case vanished(err):
		return fmt.Errorf("port %s: %w", p.path, ErrGone)
	default:
		return fmt.Errorf("port %s: %w", p.path, err)
	}
}

// expire makes the deadline of set pass when ctx ends. The caller must undo it
// before the next wait: a late one would end somebody else's.
func expire(ctx context.Context, set func(time.Time) error) (undo func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = set(time.Unix(1, 0))
		close(fired)
	})
	return func() {
		if !stop() {
			<-fired
			_ = set(time.Time{})
		}
	}
}
