package transport

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxRetryAfter    = 5 * time.Minute // a longer wait is cut to this
	absurdRetryAfter = 24 * time.Hour  // a longer one is not believed at all
	slowest          = rate.Limit(0.2) // requests a second, however often we were throttled
)

// budget spaces requests. One refusal for speed halves the rate at once and
// stops everybody for a while; each answer after that gives a little back.
type budget struct {
	full    rate.Limit
	jitter  time.Duration // each request is late by a random part of it
	limiter *rate.Limiter

	mu     sync.Mutex
	closed time.Time // nothing is sent before this
	row    int       // refusals for speed in a row
}

func newBudget(full rate.Limit) *budget {
	// A burst of one: with it, no window of a second ever holds more than
	// full+1 requests, jitter included, and clouds that allow 5 allow us 4.
	// The jitter is short enough to cost nothing: the next slot is later.
	jitter := time.Duration(float64(time.Second) / float64(full) / 5)
	return &budget{full: full, jitter: max(jitter, 1), limiter: rate.NewLimiter(full, 1)}
}

// pause is how long the budget is closed from now on.
func (b *budget) pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, time.Until(b.closed))
}

// wait returns when one request may be sent. It gives errPaused at once when
// the pause that a cloud asked for outlasts the deadline of ctx.
func (b *budget) wait(ctx context.Context) error {
	for {
		pause := b.pause()
		if end, ok := ctx.Deadline(); ok && pause > time.Until(end) {
			return errPaused
		}
		slot := b.limiter.Reserve()
		if err := sleep(ctx, max(pause, slot.Delay())+rand.N(b.jitter)); err != nil { //nolint:gosec // spreads load, guards nothing
			slot.Cancel()
			return err
		}
		if b.pause() == 0 {
			return nil
		}
	}
}

// throttled is told of a refusal for speed, and how long the cloud asked us to wait.
func (b *budget) throttled(retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limiter.SetLimit(max(b.limiter.Limit()/2, slowest))
	wait := retryAfter
	if wait == 0 {
		wait = min(time.Second<<min(b.row, 10), maxRetryAfter)
		wait = wait/2 + rand.N(wait) //nolint:gosec // spreads load, guards nothing
	}
	b.row++
	if until := time.Now().Add(wait); until.After(b.closed) {
		b.closed = until
	}
}

// answered is told of an answer that was no refusal for speed.
func (b *budget) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.row = 0
	if now := b.limiter.Limit(); now < b.full {
		b.limiter.SetLimit(min(now+b.full/40, b.full))
	}
}

// sleep waits for d or the end of ctx, and says which by its error.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter reads the Retry-After header (RFC 9110 §10.2.3), seconds or a
// date, and 0 where there is none to believe. A date is held against the Date
// of the same answer, so that our own clock does not matter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		if seconds <= 0 || seconds > int64(absurdRetryAfter/time.Second) {
			return 0
		}
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	wait := at.Sub(now)
	if wait <= 0 || wait > absurdRetryAfter {
		return 0
	}
	return min(wait, maxRetryAfter)
}
