package serial_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

// record is a log that a test reads.
type record struct {
	mu  sync.Mutex
	out strings.Builder
}

func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(line)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

func newLine(t *testing.T, path string) (*serial.Line, *record) {
	t.Helper()
	log := &record{}
	l := serial.NewLine(serial.Settings{Path: path}, hclog.New(&hclog.LoggerOptions{Output: log}))
	t.Cleanup(func() { _ = l.Close() })
	return l, log
}

func up(t *testing.T, l *serial.Line) (*serial.Port, int) {
	t.Helper()
	p, session, err := l.Up(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return p, session
}

func TestLineComesBackAfterAnUnplug(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, log := newLine(t, pty.Path())
	first, one := up(t, l)
	if again, same := up(t, l); again != first || same != one {
		t.Error("an open line was opened again")
	}
	_, _ = pty.Master.Write([]byte("abc"))
	buf := make([]byte, 16)
	if n, err := first.Read(soon(t), buf); n == 0 || err != nil {
		t.Fatalf("got %d, %v, want bytes", n, err)
	}
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(soon(t), buf); !errors.Is(err, serial.ErrGone) {
		t.Fatalf("got %v, want ErrGone", err)
	}
	if s := l.Stats(); s.Up || !strings.Contains(s.Err, "gone") {
		t.Errorf("unplugged: got %+v, want down and why", s)
	}
	if err := pty.Replug(); err != nil {
		t.Fatal(err)
	}
	second, two := up(t, l)
	if two == one {
		t.Errorf("got session %d again, want another", two)
	}
	l.Lost(one, errors.New("late news of the old session"))
	if err := second.Write(soon(t), []byte("hello")); err != nil {
		t.Errorf("the new port: %v", err)
	}
	s := l.Stats()
	if !s.Up || s.Err != "" || s.Reopens != 1 || s.BytesIn != 3 || s.BytesOut != 5 || s.LastSeen.IsZero() {
		t.Errorf("got %+v, want up, 1 reopen, 3 bytes in, 5 out", s)
	}
	for words, want := range map[string]int{"serial line up": 2, "serial line gone": 1, "serial line not open": 0, pty.Path(): 4} {
		if got := strings.Count(log.String(), words); got != want {
			t.Errorf("%q: got %d times, want %d:\n%s", words, got, want, log)
		}
	}
}

func TestLineWaitsForADeviceThatComesLater(t *testing.T) {
	pty := hwtest.NewPTY(t)
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	l, log := newLine(t, pty.Path())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := l.Up(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, serial.ErrAbsent) {
		t.Errorf("got %v, want the deadline and ErrAbsent", err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := l.Up(soon(t))
		done <- err
	}()
	if err := pty.Replug(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("got %v, want it up", err)
	}
	if got := strings.Count(log.String(), "serial line not open"); got != 1 {
		t.Errorf("got %d lines of absence, want 1:\n%s", got, log)
	}
}

func TestLostClosesThePortNow(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, log := newLine(t, pty.Path())
	p, session := up(t, l)
	done := waitingRead(t.Context(), t, p)
	why := errors.New("board does not answer")
	within(t, "Lost", func() { l.Lost(session, why) })
	if r := outcome(t, "Read", done); !errors.Is(r.err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", r.err)
	}
	other, err := serial.Open(serial.Settings{Path: pty.Path()}) // free at once
	if err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Up || s.Err != why.Error() {
		t.Errorf("got %+v, want down and why", s)
	}
	if _, _, err := l.Try(t.Context()); !errors.Is(err, serial.ErrBusy) && !errors.Is(err, why) {
		t.Errorf("Try: got %v, want a reason", err)
	}
	_ = other.Close()
	if _, two := up(t, l); two == session {
		t.Errorf("got session %d again, want another", two)
	}
	if got := strings.Count(log.String(), why.Error()); got != 1 {
		t.Errorf("the reason: got %d times, want once:\n%s", got, log)
	}
}

// A strike writes only when somebody taps, so nobody waits on its line.
func TestUnplugOfASilentLineIsNoticedWithoutAWrite(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	_, one := up(t, l)
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Up {
		t.Errorf("got %+v, want it down", s)
	}
	if err := pty.Replug(); err != nil {
		t.Fatal(err)
	}
	up(t, l)
	if err := errors.Join(pty.Unplug(), pty.Replug()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(150 * time.Millisecond) // Try tries at most each 100 ms
	p, three, err := l.Try(t.Context())
	if err != nil || three <= one+1 {
		t.Fatalf("Try after a replug: got session %d, %v, want a new one at once", three, err)
	}
	if err := p.Write(soon(t), []byte("pulse")); err != nil {
		t.Errorf("first write: %v", err)
	}
}

func TestUnpluggedReaderDoesNotSpin(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, log := newLine(t, pty.Path())
	up(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	time.AfterFunc(100*time.Millisecond, func() { _ = pty.Unplug() })
	turns := 0 // as every driver loops
	for ctx.Err() == nil {
		turns++
		p, session, err := l.Up(ctx)
		if err != nil {
			continue
		}
		if _, err := p.Read(ctx, make([]byte, 16)); err != nil {
			l.Lost(session, err)
		}
	}
	// tarm/serial alone: about two million Reads a second.
	if turns > 3 {
		t.Errorf("got %d turns, want one to lose the line and one to wait", turns)
	}
	if got := strings.Count(log.String(), "\n"); got > 3 {
		t.Errorf("got %d log lines, want up, gone, not open:\n%s", got, log)
	}
}

// A port that opens but is of no use, or hangs up at once, again and again.
func TestBackOffGrowsUntilASessionWasAGoodOne(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	bad := errors.New("no answer")
	for _, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		_, session := up(t, l)
		l.Lost(session, bad)
		if got := l.BackOff(); got != want {
			t.Fatalf("after a session without use: got %v, want %v", got, want)
		}
	}
	p, session := up(t, l)
	_, _ = pty.Master.Write([]byte("x"))
	if _, err := p.Read(soon(t), make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	l.Lost(session, bad)
	if got, want := l.BackOff(), 500*time.Millisecond; got != want {
		t.Errorf("after one that heard something: got %v, want %v", got, want)
	}
	_, session = up(t, l)
	l.Lost(session, bad)
	_, session = up(t, l)
	l.Age(time.Minute) // silent, as a scanner is when nobody comes
	l.Lost(session, bad)
	if got, want := l.BackOff(), 500*time.Millisecond; got != want {
		t.Errorf("after one that lasted: got %v, want %v", got, want)
	}
}

func TestLineChangedByAnotherProgramIsLost(t *testing.T) {
	privileged(t)
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	p, _ := up(t, l)
	reprogram(t, pty.Path())
	_, _ = pty.Master.Write([]byte("x"))
	if _, err := p.Read(soon(t), make([]byte, 1)); !errors.Is(err, serial.ErrBusy) {
		t.Fatalf("got %v, want ErrBusy", err)
	}
	if s := l.Stats(); s.Up || !strings.Contains(s.Err, "in use by another program") {
		t.Errorf("got %+v, want down and why", s)
	}
	up(t, l) // and takes the line back
}

func TestCloseOfALineGivesThePortBack(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	p, _ := up(t, l)
	done := waitingRead(t.Context(), t, p)
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if r := outcome(t, "Read", done); !errors.Is(r.err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", r.err)
	}
	openPort(t, pty.Path())
	if s := l.Stats(); s.Up {
		t.Errorf("got %+v, want it down", s)
	}
}

// Everything at once, for the race detector and for locks that cross.
func TestLineSurvivesAllCallersAtOnce(t *testing.T) {
	pty := hwtest.NewPTY(t)
	l, _ := newLine(t, pty.Path())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(do func()) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					do()
				}
			}
		})
	}
	for i := range 3 {
		loop(func() {
			if p, session, err := l.Try(ctx); err == nil {
				brief, cancel := context.WithTimeout(ctx, time.Millisecond)
				_, err = p.Read(brief, make([]byte, 4))
				cancel()
				if i == 0 && err != nil {
					l.Lost(session, fmt.Errorf("test: %w", err))
				}
			}
		})
	}
	loop(func() {
		if p, _, err := l.Try(ctx); err == nil {
			_ = errors.Join(p.Write(ctx, []byte("x")), p.Discard())
		}
	})
	loop(func() { l.Stats() })
	loop(func() { _, _ = pty.Master.Write([]byte("y")) })
	loop(func() { _, _ = pty.Master.Read(make([]byte, 16)) })
	for range 20 {
		time.Sleep(30 * time.Millisecond)
		if err := errors.Join(pty.Unplug(), pty.Replug()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	_ = pty.Close()
	within(t, "the callers", wg.Wait)
}
