package transport

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// checkRetry says whether a request is sent again: after a refusal for speed
// and where no connection was made always, after other passing faults only where
// sending twice does no harm.
func checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	call := callOf(ctx)
	if ctx.Err() != nil || call.unready != nil || call.last == nil || !call.last.passing {
		return false, err
	}
	if end, ok := ctx.Deadline(); ok && call.last.RetryAfter > time.Until(end) {
		return false, err // it would only be told again that there was no time
	}
	return call.last.Kind == Throttled || call.last.unsent || call.mayRepeat(), nil
}

const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

// backoff waits as long as the cloud asked, else a random part of a bound that
// doubles (full jitter). After a refusal for speed it is the budget that waits.
func backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	bound := min(firstWait<<min(attempt, 10), maxWait)
	wait := rand.N(bound) //nolint:gosec // spreads load, guards nothing
	if resp == nil || resp.Request == nil {
		return wait
	}
	last := callOf(resp.Request.Context()).last
	switch {
	case last == nil:
		return wait
	case last.Kind == Throttled:
		return 0
	case last.RetryAfter > 0:
		return last.RetryAfter + wait
	}
	return wait
}
