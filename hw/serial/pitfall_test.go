package serial_test

// Each pitfall of tarm/serial has a test here that bears its name; the numbers
// are those of DESIGN.md. What a pseudo-terminal cannot show is not tested:
//
//   - parity and size on the wire (9): its driver forces eight bits and no
//     parity. That the flags are asked for is tested.
//   - modem lines (12): it has none, and no break either (11). That a break is
//     to be ignored is tested.
//   - the 30 s of closing_wait (14): it has no output queue of its own. That
//     Close returns while output is stuck is tested.
//   - kernel RS-485 and low latency: it answers ENOTTY, which is tested to be
//     no error; the layout of what the kernel would read is tested.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

// result is what a Read or Write in another goroutine came to.
type result struct {
	n   int
	err error
}

// waitingRead starts a Read and returns when it is on its way.
func waitingRead(ctx context.Context, t *testing.T, p *serial.Port) <-chan result {
	t.Helper()
	started, done := make(chan struct{}), make(chan result, 1)
	go func() {
		close(started)
		n, err := p.Read(ctx, make([]byte, 16))
		done <- result{n, err}
	}()
	<-started
	time.Sleep(20 * time.Millisecond) // most likely it waits now; right either way
	return done
}

func outcome(t *testing.T, what string, done <-chan result) result {
	t.Helper()
	select {
	case r := <-done:
		return r
	case <-time.After(patience):
		t.Fatalf("%s did not end", what)
		return result{}
	}
}

// within runs do and fails the test if it does not come back.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan result, 1)
	go func() { do(); done <- result{} }()
	outcome(t, what, done)
}

func TestPitfall1CloseEndsAWaitingRead(t *testing.T) {
	p := openPort(t, hwtest.NewPTY(t).Path())
	done := waitingRead(t.Context(), t, p)
	within(t, "Close", func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if r := outcome(t, "Read", done); !errors.Is(r.err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", r.err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := p.Read(t.Context(), make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: got %v, want os.ErrClosed", err)
	}
	if err := p.Write(t.Context(), []byte{1}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: got %v, want os.ErrClosed", err)
	}
}

func TestPitfall2DeadlineIsToTheMillisecond(t *testing.T) {
	p := openPort(t, hwtest.NewPTY(t).Path())
	for _, want := range []time.Duration{time.Millisecond, 15 * time.Millisecond, 37 * time.Millisecond, 130 * time.Millisecond} {
		// One try of many may meet an idle machine; the steps of 100 ms that
		// tarm/serial has would show in every one.
		best := time.Hour
		for range 30 {
			ctx, cancel := context.WithTimeout(t.Context(), want)
			began := time.Now()
			_, err := p.Read(ctx, make([]byte, 16))
			took := time.Since(began)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("deadline %v: got %v, want DeadlineExceeded", want, err)
			}
			if took < want-time.Millisecond {
				t.Fatalf("deadline %v: ended after %v", want, took)
			}
			if best = min(best, took); best < want+20*time.Millisecond {
				break
			}
		}
		if best >= want+20*time.Millisecond {
			t.Errorf("deadline %v: fired after %v at best", want, best)
		}
	}
}

func TestPitfall3TimeoutIsNotTheEndOfTheStream(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if n, err := p.Read(ctx, make([]byte, 16)); n != 0 || errors.Is(err, io.EOF) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %d, %v, want a deadline and no EOF", n, err)
	}
	// A scanner that outlives silences longer than the 100 ms of tarm/serial.
	go func() {
		for _, part := range []string{"AB", "CD", "\r"} {
			time.Sleep(150 * time.Millisecond)
			_, _ = pty.Master.Write([]byte(part))
		}
	}()
	line, err := bufio.NewReader(reader{soon(t), p}).ReadString('\r')
	if line != "ABCD\r" || err != nil {
		t.Errorf("got %q, %v, want ABCD", line, err)
	}
}

// reader is a port as an io.Reader.
type reader struct {
	ctx  context.Context
	port *serial.Port
}

func (r reader) Read(buf []byte) (int, error) { return r.port.Read(r.ctx, buf) }

func TestPitfall4UnplugIsAnErrorForEver(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	done := waitingRead(t.Context(), t, p)
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if r := outcome(t, "Read", done); !errors.Is(r.err, serial.ErrGone) {
		t.Errorf("waiting Read: got %v, want ErrGone", r.err)
	}
	for range 3 {
		if _, err := p.Read(soon(t), make([]byte, 16)); !errors.Is(err, serial.ErrGone) {
			t.Errorf("Read: got %v, want ErrGone", err)
		}
		if err := p.Write(soon(t), []byte{1}); !errors.Is(err, serial.ErrGone) {
			t.Errorf("Write: got %v, want ErrGone", err)
		}
		if err := p.Discard(); !errors.Is(err, serial.ErrGone) {
			t.Errorf("Discard: got %v, want ErrGone", err)
		}
	}
}

// stuff writes until the line takes no more: nobody reads the master.
func stuff(t *testing.T, p *serial.Port) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var err error
	within(t, "Write", func() { err = p.Write(ctx, make([]byte, 1<<20)) })
	return err
}

func TestPitfall5WriteThatNobodyTakesEnds(t *testing.T) {
	p := openPort(t, hwtest.NewPTY(t).Path())
	if err := stuff(t, p); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: got %v, want DeadlineExceeded", err)
	}
	within(t, "Write", func() {
		err := p.Write(t.Context(), make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without one: got %v, want os.ErrDeadlineExceeded", err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	within(t, "cancelled Write", func() {
		if err := p.Write(ctx, make([]byte, 1<<20)); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %v, want Canceled", err)
		}
	})
	done := make(chan result, 1)
	go func() { done <- result{err: p.Write(t.Context(), make([]byte, 1<<20))} }()
	time.Sleep(20 * time.Millisecond)
	within(t, "Close", func() { _ = p.Close() })
	if r := outcome(t, "Write", done); !errors.Is(r.err, os.ErrClosed) {
		t.Errorf("closed: got %v, want os.ErrClosed", r.err)
	}
}

func TestPitfall5RestOfAFailedFrameIsNotSentLater(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	p, _ := up(t, l)
	if err := stuff(t, p); err == nil {
		t.Fatal("control: a line that nobody reads took a mebibyte")
	}
	taken := int(l.Stats().BytesOut)
	if err := p.Write(t.Context(), []byte("END")); err != nil {
		t.Fatal(err)
	}
	// A terminal keeps 4 KiB out of reach of a flush, as a device does.
	var heard []byte
	for buf := make([]byte, 4096); !bytes.HasSuffix(heard, []byte("END")); {
		n, err := pty.Master.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, buf[:n]...)
	}
	if len(heard) >= taken {
		t.Errorf("the kernel took %d bytes, the device heard %d afterwards: nothing was thrown away", taken, len(heard))
	}
}

func TestPitfall8OldInputIsDiscardedAndNeverEchoed(t *testing.T) {
	master, slave := cookedPTY(t)
	if _, err := master.Write([]byte("stale\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := master.Read(buf) // what the cooked line echoed before us
	if err != nil || !bytes.HasPrefix(buf[:n], []byte("stale")) {
		t.Fatalf("control: got %q, %v, want an echo", buf[:n], err)
	}
	p := openPort(t, slave)
	if _, err := master.Write([]byte("fresh")); err != nil {
		t.Fatal(err)
	}
	n, err = p.Read(soon(t), buf)
	if got := string(buf[:n]); got != "fresh" || err != nil {
		t.Errorf("got %q, %v, want fresh alone", got, err)
	}
	if err := master.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := master.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("device heard %q, %v, want silence", buf[:n], err)
	}
}

func TestPitfall8NothingIsEchoedBeforeTheLibraryHasTheLine(t *testing.T) {
	master, slave := cookedPTY(t)
	release, err := serial.Take(slave)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := master.Write([]byte("collision\n")); err != nil {
		t.Fatal(err)
	}
	if err := master.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := master.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("device heard %q, %v, want silence", buf[:n], err)
	}
}

func TestPitfall8DiscardThrowsUnreadInputAway(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	_, _ = pty.Master.Write([]byte("late answer"))
	if err := p.Discard(); err != nil {
		t.Fatal(err)
	}
	_, _ = pty.Master.Write([]byte("new"))
	buf := make([]byte, 64)
	n, err := p.Read(soon(t), buf)
	if got := string(buf[:n]); got != "new" || err != nil {
		t.Errorf("got %q, %v, want new", got, err)
	}
}

func TestPitfall14CloseReturnsWhileOutputIsStuck(t *testing.T) {
	p := openPort(t, hwtest.NewPTY(t).Path())
	if err := stuff(t, p); err == nil {
		t.Fatal("control: a line that nobody reads took a mebibyte")
	}
	within(t, "Close", func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPitfall16ReadReturnsWhatIsThereNotFrames(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	buf := make([]byte, 64)
	for _, part := range []string{"a frame", " in three", " pieces"} {
		if _, err := pty.Master.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		n, err := p.Read(soon(t), buf)
		if got := string(buf[:n]); got != part || err != nil {
			t.Errorf("got %q, %v, want %q without waiting for more", got, err, part)
		}
	}
	// And never more than asked for.
	_, _ = pty.Master.Write([]byte("long"))
	for _, want := range []string{"lo", "ng"} {
		n, err := p.Read(soon(t), buf[:2])
		if got := string(buf[:n]); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}
