package serial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// The waits of a Line.
const (
	firstWait = 250 * time.Millisecond // before the first new attempt
	lastWait  = 5 * time.Second        // a device that came back is up within this
	tryGap    = 100 * time.Millisecond // between two attempts that Try asks for
	settled   = 5 * time.Second        // a session this old, or one that heard something, was a good one
)

// Line is a supervised line: it opens its port when a driver asks, closes it
// as soon as it is gone, and opens it again with a back-off of 250 ms that
// doubles to 5 s, less up to a fifth of jitter. It runs nothing of its own;
// any goroutine may call it.
type Line struct {
	settings Settings // its speed is guarded by mu, the rest is never written
	log      hclog.Logger
	open     func(Settings, *counts) (*Port, error)
	counts   counts

	mu      sync.Mutex // guards all below; never held while opening or closing
	port    *Port      // nil unless up
	session int
	changed chan struct{} // closed at each change, then replaced
	busy    bool          // somebody is opening or closing the port
	closed  bool
	since   time.Time
	err     error         // why it is not up
	logged  string        // the reason that was logged last
	heard   uint64        // bytes in when the session began
	wait    time.Duration // the next back-off
	tried   time.Time     // when the last attempt ended
	next    time.Time     // when Up may try again
	reopens uint64
}

// LineStats is how a line is doing.
type LineStats struct {
	Up       bool
	Since    time.Time // of the last change of Up
	LastSeen time.Time // when the last bytes came; zero: never
	Err      string    // why it is not up; empty when it is
	Reopens  uint64
	BytesIn  uint64
	BytesOut uint64
}

// NewLine makes a line that is opened by the first Up or Try.
func NewLine(s Settings, log hclog.Logger) *Line {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	return &Line{
		settings: s, log: log.With("port", s.Path), open: open,
		changed: make(chan struct{}), since: time.Now(), wait: firstWait,
		err: fmt.Errorf("port %s: not opened yet", s.Path),
	}
}

// Up waits until the line is open. The number is the session: it changes with
// each opening, so that a driver knows to run its opening dialogue again. It
// ends with the error of ctx and the reason beside it, or with os.ErrClosed.
func (l *Line) Up(ctx context.Context) (*Port, int, error) { return l.reach(ctx, false) }

// Try is Up for somebody who stands at a door: it attempts one opening now,
// whatever the back-off says, and returns the reason if that does not do. A
// line that was tried within the last 100 ms is not tried again.
func (l *Line) Try(ctx context.Context) (*Port, int, error) { return l.reach(ctx, true) }

func (l *Line) reach(ctx context.Context, now bool) (*Port, int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, l.because(err)
		}
		l.notice()
		l.mu.Lock()
		if l.port != nil || l.closed {
			defer l.mu.Unlock()
			return l.port, l.session, l.err
		}
		changed, wait, reason := l.changed, time.Until(l.next), l.err
		busy, start := l.busy, !l.busy && l.due(now)
		l.busy = busy || start
		l.mu.Unlock()
		switch {
		case start:
			l.attempt(!now)
		case busy:
			pause(ctx, changed, time.Hour)
		case now:
			return nil, 0, reason
		default:
			pause(ctx, changed, wait)
		}
	}
}

// due tells whether the line may be opened now: for Try, unless somebody has
// just tried, itself for one.
func (l *Line) due(now bool) bool {
	if now {
		return time.Since(l.tried) >= tryGap
	}
	return !time.Now().Before(l.next)
}

// attempt opens the port. The caller made the line busy.
func (l *Line) attempt(scheduled bool) {
	l.mu.Lock()
	settings := l.settings
	l.mu.Unlock()
	port, err := l.open(settings, &l.counts)
	l.mu.Lock()
	l.tried = time.Now()
	closed, session, news := l.closed, 0, false
	switch {
	case closed:
	case err != nil:
		news = err.Error() != l.logged
		l.err, l.logged = err, err.Error()
		if scheduled {
			l.backOff()
		}
	default:
		session = l.begin(port)
	}
	if closed && port != nil {
		_ = port.shut(false)
	}
	l.ready()
	l.mu.Unlock()
	switch {
	case session != 0:
		l.log.Info("serial line up", "session", session)
	case news:
		l.log.Warn("serial line not open", "reason", err)
	}
}

// begin makes port the open one and returns the number of its session.
func (l *Line) begin(port *Port) int {
	l.session++
	if l.session > 1 {
		l.reopens++
	}
	session := l.session
	port.lost = func(err error) { l.Lost(session, err) }
	l.port, l.err, l.logged = port, nil, ""
	l.since, l.heard = l.tried, l.counts.in.Load()
	return session
}

// backOff sets when Up may try again. Jitter shortens, so that a device that
// came back is never found later than lastWait.
func (l *Line) backOff() {
	l.next = time.Now().Add(l.wait - rand.N(l.wait/5)) //nolint:gosec // jitter, no secret
	l.wait = min(2*l.wait, lastWait)
}

// ready ends what made the line busy and wakes who waits.
func (l *Line) ready() {
	l.busy = false
	close(l.changed)
	l.changed = make(chan struct{})
}

// Lost says that a session failed, for instance because the device no longer
// answers. Its port is closed now, and Up opens a new one; frames that were not
// sent yet are thrown away. The number of an older session is ignored. A
// session whose port met ErrGone or ErrBusy is lost without being told.
func (l *Line) Lost(session int, err error) {
	l.mu.Lock()
	if l.port == nil || session != l.session {
		l.mu.Unlock()
		return
	}
	port := l.port
	if err == nil {
		err = ErrGone
	}
	now := time.Now()
	if now.Sub(l.since) >= settled || l.counts.in.Load() > l.heard {
		l.wait = firstWait
	}
	l.port, l.err, l.logged, l.since, l.busy = nil, err, err.Error(), now, true
	l.backOff()
	l.mu.Unlock()
	l.log.Warn("serial line gone", "session", session, "reason", err)
	_ = port.shut(false)
	l.mu.Lock()
	l.ready()
	l.mu.Unlock()
}

// notice looks whether the open port still has a device behind it: while
// nobody reads, nobody else would tell.
func (l *Line) notice() {
	l.mu.Lock()
	port, session := l.port, l.session
	l.mu.Unlock()
	if port != nil && !port.alive() {
		l.Lost(session, fmt.Errorf("port %s: %w", l.settings.Path, ErrGone))
	}
}

// Stats tells how the line is doing, at once.
func (l *Line) Stats() LineStats {
	l.notice()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := LineStats{
		Up: l.port != nil, Since: l.since, Reopens: l.reopens,
		BytesIn: l.counts.in.Load(), BytesOut: l.counts.out.Load(),
	}
	if l.err != nil {
		s.Err = l.err.Error()
	}
	if seen := l.counts.seen.Load(); seen != 0 {
		s.LastSeen = time.Unix(0, seen)
	}
	return s
}

// Close closes the port as Port.Close does and ends every waiting Up and Try
// with os.ErrClosed. It may be called twice.
func (l *Line) Close() error {
	l.mu.Lock()
	port := l.port
	if !l.closed {
		l.closed, l.port, l.since = true, nil, time.Now()
		l.err = fmt.Errorf("port %s: %w", l.settings.Path, os.ErrClosed)
	}
	for l.busy { // an opening under way closes what it opened
		changed := l.changed
		l.mu.Unlock()
		<-changed
		l.mu.Lock()
	}
	l.ready()
	l.mu.Unlock()
	if port == nil {
		return nil
	}
	return port.Close()
}

// because puts the reason why the line is not up beside the end of ctx.
func (l *Line) because(end error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return end
	}
	return fmt.Errorf("%w: %w", end, l.err)
}

// pause waits until something changed, the wait is over, or ctx ends.
func pause(ctx context.Context, changed <-chan struct{}, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
