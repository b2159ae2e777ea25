package serial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// absentLine is a line whose device is never there, and the times at which it
// was looked for.
func absentLine(log hclog.Logger) (*Line, func() []time.Time) {
	var mu sync.Mutex
	var at []time.Time
	l := NewLine(Settings{Path: "/dev/serial/by-id/none"}, log)
	l.open = func(s Settings, _ *counts) (*Port, error) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
		return nil, fmt.Errorf("port %s: %w", s.Path, ErrAbsent)
	}
	return l, func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
}

func TestBackOffDoublesToFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, attempts := absentLine(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, _, err := l.Up(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrAbsent) {
			t.Fatalf("got %v, want the deadline and the reason", err)
		}
		at := attempts()
		for i, full := 1, firstWait; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap > full || gap < full*4/5 {
				t.Fatalf("attempt %d: after %v, want %v to %v", i, gap, full*4/5, full)
			}
			full = min(2*full, lastWait)
		}
		// An absent reader costs an attempt each 4 to 5 s, and no more.
		if len(at) < 720 || len(at) > 910 {
			t.Errorf("got %d attempts in an hour, want 720 to 910", len(at))
		}
	})
}

func TestWaitersShareOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, attempts := absentLine(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { _, _, _ = l.Up(ctx) })
		}
		wg.Wait()
		if got := len(attempts()); got > 20 {
			t.Errorf("eight waiters made %d attempts in a minute, want those of one", got)
		}
	})
}

func TestTryAnswersAtOnceAndLeavesTheBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, attempts := absentLine(nil)
		began := time.Now()
		for range 10 {
			if _, _, err := l.Try(t.Context()); !errors.Is(err, ErrAbsent) {
				t.Fatalf("got %v, want ErrAbsent", err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("ten took %v, want nothing: a member stands there", took)
		}
		if got := len(attempts()); got != 1 {
			t.Errorf("ten at once: got %d attempts, want 1", got)
		}
		// Up is deep in its back-off: Try attempts all the same.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second/2)
		defer cancel()
		_, _, _ = l.Up(ctx)
		before := attempts()
		if time.Since(before[len(before)-1]) < tryGap {
			time.Sleep(tryGap)
		}
		if _, _, err := l.Try(t.Context()); !errors.Is(err, ErrAbsent) {
			t.Fatalf("got %v, want ErrAbsent", err)
		}
		if got := len(attempts()) - len(before); got != 1 {
			t.Errorf("in the back-off: got %d attempts, want 1", got)
		}
	})
}

func TestTryAtMostTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, attempts := absentLine(nil)
		for range 10_000 {
			_, _, _ = l.Try(t.Context())
			time.Sleep(time.Millisecond)
		}
		if got := len(attempts()); got > 100 {
			t.Errorf("got %d attempts in 10 s, want at most 100", got)
		}
	})
}

func TestCloseEndsWaitingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := absentLine(nil)
		done := make(chan error)
		go func() {
			_, _, err := l.Up(context.Background())
			done <- err
		}()
		time.Sleep(time.Minute)
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v, want os.ErrClosed", err)
		}
		if _, _, err := l.Try(t.Context()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Try: got %v, want os.ErrClosed", err)
		}
	})
}

func TestSameReasonIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l, attempts := absentLine(hclog.New(&hclog.LoggerOptions{Output: &out}))
		absent := l.open
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, _ = l.Up(ctx)
		l.open = func(s Settings, _ *counts) (*Port, error) { return nil, busy(s.Path) }
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, _ = l.Up(ctx)
		l.open = absent
		if len(attempts()) < 10 {
			t.Fatalf("got %d attempts, want some", len(attempts()))
		}
		if got := strings.Count(out.String(), "serial line not open"); got != 2 {
			t.Errorf("got %d lines, want one for each reason:\n%s", got, out.String())
		}
	})
}
