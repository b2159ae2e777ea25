package transport

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// most is the greatest number of times within one window.
func most(at []time.Time, window time.Duration) int {
	best := 0
	for i, first := range at {
		n := 0
		for _, t := range at[i:] {
			if t.Sub(first) < window {
				n++
			}
		}
		best = max(best, n)
	}
	return best
}

func TestNoSecondHoldsMoreRequestsThanTheCloudAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []time.Time
		c := newTest(t, Options{RoundTripper: tripper(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, time.Now())
			return says(200, "[]"), nil
		})})
		time.Sleep(time.Minute) // a long rest saves nothing up
		began := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for range 40 {
					if _, err := c.Do(t.Context(), Request{Path: "/x"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got := most(sent, time.Second); got > 5 {
			t.Errorf("one second held %d requests, want 5 at most", got)
		}
		// 120 requests at 4 a second are 29.75 s; the jitter must not slow us.
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("120 requests took %v, want the pace of the budget, about 30 s", took)
		}
	})
}

func TestARefusalForSpeedSlowsAtOnceAndIsForgottenSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Time
		c := newTest(t, Options{RoundTripper: tripper(func(*http.Request) (*http.Response, error) {
			sent = append(sent, time.Now())
			if len(sent) == 1 {
				return says(429, ""), nil
			}
			return says(200, "[]"), nil
		})})
		for range 60 {
			if _, err := c.Do(t.Context(), Request{Path: "/x"}); err != nil {
				t.Fatal(err)
			}
		}
		gap := func(i int) time.Duration { return sent[i+1].Sub(sent[i]) }
		if gap(0) < 500*time.Millisecond {
			t.Errorf("after the refusal came a pause of %v, want half a second at least", gap(0))
		}
		if got := gap(2) + gap(3) + gap(4); got < 3*350*time.Millisecond {
			t.Errorf("three gaps after the refusal took %v together, want the pace halved", got)
		}
		if got := gap(55) + gap(56) + gap(57); got > 3*300*time.Millisecond {
			t.Errorf("three gaps 55 answers later took %v together, want the full pace again", got)
		}
	})
}

func TestRetryAfterHoldsBackEveryRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var sent []time.Duration
		c := newTest(t, Options{Tries: 1, RoundTripper: tripper(func(req *http.Request) (*http.Response, error) {
			sent = append(sent, time.Since(began).Round(100*time.Millisecond))
			if len(sent) == 1 {
				return says(429, "", "Retry-After", "7"), nil
			}
			return says(200, "[]"), nil
		})})
		_, err := c.Do(t.Context(), Request{Path: "/one"})
		var e *Error
		if !errors.As(err, &e) || e.Kind != Throttled || e.RetryAfter != 7*time.Second {
			t.Errorf("got %v, want Throttled for 7 s", err)
		}
		if _, err := c.Do(t.Context(), Request{Path: "/another"}); err != nil {
			t.Error(err)
		}
		if len(sent) != 2 || sent[1] < 7*time.Second || sent[1] > 8*time.Second {
			t.Errorf("sent at %v, want the second after 7 s", sent)
		}
	})
}

func TestAWaitThatOutlastsTheDeadlineFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Options{RoundTripper: always(429, "", "Retry-After", "120")})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		for range 2 { // refused by the cloud, then by the pause
			if _, err := c.Do(ctx, Request{Path: "/x"}); !errors.Is(err, Throttled) {
				t.Errorf("got %v, want Throttled", err)
			}
		}
		down := newTest(t, Options{RoundTripper: always(503, "", "Retry-After", "120")})
		if _, err := down.Do(ctx, Request{Path: "/x"}); !errors.Is(err, Unavailable) {
			t.Errorf("got %v, want Unavailable", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v to say what was known at once", took)
		}
	})
}

func TestRetryAfterOfAnUnavailableCloudIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Time
		c := newTest(t, Options{RoundTripper: tripper(func(*http.Request) (*http.Response, error) {
			sent = append(sent, time.Now())
			if len(sent) == 1 {
				return says(503, "", "Retry-After", "9"), nil
			}
			return says(200, "[]"), nil
		})})
		if _, err := c.Do(t.Context(), Request{Path: "/x"}); err != nil {
			t.Fatal(err)
		}
		if gap := sent[1].Sub(sent[0]); gap < 9*time.Second || gap > 11*time.Second {
			t.Errorf("tried again after %v, want about 9 s", gap)
		}
	})
}

func TestRetryAfterIsBelievedWithinReason(t *testing.T) {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		name, value, date string
		want              time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "7", "", 7 * time.Second},
		{"a date", in(9 * time.Second), "", 9 * time.Second},
		{"a date on a cloud whose clock is an hour ahead", in(time.Hour + 9*time.Second), in(time.Hour), 9 * time.Second},
		{"long", "3600", "", maxRetryAfter},
		{"a far date", in(2 * time.Hour), "", maxRetryAfter},
		{"zero", "0", "", 0},
		{"negative", "-5", "", 0},
		{"a past date", in(-time.Minute), "", 0},
		{"absurd", "31536000", "", 0},
		{"an absurd date", in(1000 * time.Hour), "", 0},
		{"overflow", "99999999999999999999", "", 0},
		{"words", "soon", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", test.value)
			h.Set("Date", test.date)
			if got := retryAfter(h, now); got != test.want {
				t.Errorf("retryAfter(%q) = %v, want %v", test.value, got, test.want)
			}
		})
	}
}

func TestBackOffIsRandomBelowADoublingBound(t *testing.T) {
	for attempt, bound := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
		var waits []time.Duration
		for range 1000 {
			waits = append(waits, backoff(0, 0, attempt, nil))
		}
		if lo, hi := slices.Min(waits), slices.Max(waits); lo < 0 || hi >= bound || lo > bound/10 || hi < bound*9/10 {
			t.Errorf("waits after try %d lie between %v and %v, want them spread over 0 to %v", attempt, lo, hi, bound)
		}
	}
	if got := backoff(0, 0, 1_000_000, nil); got >= maxWait {
		t.Errorf("a late try waits %v, want less than %v", got, maxWait)
	}
}
