package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// Keeper takes checked rights into use.
type Keeper interface {
	// Current is what the doors decide by now, of this source.
	Current(ctx context.Context, source string) (access.Roster, error)
	// Replace takes all rows of a source, builds, stores and swaps; it returns how
	// many rows changed. An error, of the rows or its own, leaves the old rights in
	// force.
	Replace(ctx context.Context, source string, next Rows, contact access.Contact) (changed int, err error)
	// Confirm says that the source was heard of and nothing is to change.
	Confirm(source string, at time.Time)
}

// The pace of a source.
const (
	crawlDeadline = 15 * time.Minute // of one crawl, whatever its requests do
	firstBackOff  = 5 * time.Second
	maxBackOff    = 5 * time.Minute // reliability: a cloud that is back is heard of soon
)

var errTooLong = errors.New("the source did not finish within 15 minutes: what came so far is not used")

// Results of a crawl, as SyncStatus and the metrics name them.
const (
	SyncOK     = "ok"     // heard of, and what it says is in use
	SyncHeld   = "held"   // heard of; some removals wait
	SyncFailed = "failed" // not heard of, or not believed; the old rights stand
	SyncNever  = "never"  // not tried yet
)

// SyncOptions is what a Sync needs.
type SyncOptions struct {
	Source Source
	// Every is the time between two crawls; a tenth more or less is random.
	Every time.Duration
	// Doors are the doors of this gateway, which the guard watches; none: all.
	Doors  []string
	Keeper Keeper
	Log    hclog.Logger
	// Metrics is where the numbers go; nil: nowhere.
	Metrics prometheus.Registerer
	// Now is the clock; nil: time.Now. It should carry a monotonic reading.
	Now func() time.Time
}

// Sync keeps the rights of one source up to date: fetch, prune, guard, and only
// then into use. A fault of the source leaves the doors as they were. It may be
// used by several goroutines.
type Sync struct {
	o     SyncOptions
	name  string
	meter *syncMeter
	kick  chan struct{} // wakes Run before its time

	mu       sync.Mutex // guards everything below
	guard    *Guard
	cursor   Cursor
	status   SyncStatus
	underway *trip // nil: no crawl is running
}

// trip is one crawl that others may wait for.
type trip struct {
	done chan struct{} // closed at the end
	err  error         // valid once done is closed
}

// SyncStatus is how a source is doing.
type SyncStatus struct {
	Source  string
	Every   time.Duration
	Ageless bool
	// Contact is the last verified word of the source since the start.
	Contact time.Time
	// Tried is when the last crawl ended, well or not.
	Tried  time.Time
	Result string // SyncOK, SyncHeld, SyncFailed or SyncNever
	Err    string // why the last crawl failed and what to do; empty: it did not
	// Dated says that it failed for the dates of a certificate, seen by our clock.
	Dated bool
	// Held are the removals that wait, in words with names: for staff.
	Held        []string
	NeedsPerson bool // some of them wait for Approve
	// Dropped are rows that pointed at nothing.
	Dropped []access.Problem
	Changed int // rows that the last crawl changed
	Running bool
	// Done of Total is how far the running crawl is, and Step what it reads.
	Done, Total int
	Step        string
}

// NewSync makes a sync; nothing is fetched before Run or Now. Its series exist
// at 0 from here on.
func NewSync(o SyncOptions) (*Sync, error) {
	if o.Every <= 0 {
		return nil, fmt.Errorf("sync of %s: the time between two crawls is %v; it must be positive", o.Source.Name(), o.Every)
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	meter, err := newSyncMeter(o.Metrics, o.Source.Name())
	if err != nil {
		return nil, err
	}
	return &Sync{
		o: o, name: o.Source.Name(), meter: meter, kick: make(chan struct{}, 1), guard: NewGuard(o.Doors),
		status: SyncStatus{Source: o.Source.Name(), Every: o.Every, Ageless: o.Source.Ageless(), Result: SyncNever},
	}, nil
}

// Run crawls at once, then again and again until ctx ends, which is not an
// error. After a failure it tries again sooner, with a growing pause. It
// never gives up on a source.
func (s *Sync) Run(ctx context.Context) error {
	for failures := 0; ; {
		err := s.share(ctx, false)
		if ctx.Err() != nil {
			return nil // the end of ctx is how Run is stopped
		}
		if failures++; err == nil {
			failures = 0
		}
		timer := time.NewTimer(s.pause(err, failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-s.kick:
			timer.Stop()
		}
	}
}

// Now crawls once and waits for the end. Callers at the same time share a
// crawl, but never one that began before they asked: what they changed in the
// cloud a moment ago is in it.
func (s *Sync) Now(ctx context.Context) error { return s.share(ctx, true) }

// Status tells how the source is doing, at once.
func (s *Sync) Status() SyncStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Progress takes how far a crawl is: it is what Deps.Progress of the source
// should call.
func (s *Sync) Progress(done, total int, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Done, s.status.Total, s.status.Step = done, total, what
}

// Approve releases the removals that are held now, and only those, and wakes
// Run so that they take effect with the next crawl. It returns how many there
// were.
func (s *Sync) Approve() int {
	s.mu.Lock()
	n := s.guard.Approve()
	s.mu.Unlock()
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return n
}

// share crawls, or waits for a crawl of another goroutine. With fresh, a crawl
// that is already running is waited out and does not count.
func (s *Sync) share(ctx context.Context, fresh bool) error {
	for {
		t, mine := s.board()
		if mine {
			t.err = s.crawl(ctx)
			s.alight()
			return t.err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.done:
		}
		// A crawl that ended because its own caller left says nothing.
		if !fresh && !errors.Is(t.err, context.Canceled) {
			return t.err
		}
		fresh = false
	}
}

// board joins the crawl that is running, or begins one.
func (s *Sync) board() (t *trip, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underway != nil {
		return s.underway, false
	}
	s.underway = &trip{done: make(chan struct{})}
	s.status.Running, s.status.Done, s.status.Total, s.status.Step = true, 0, 0, ""
	return s.underway, true
}

func (s *Sync) alight() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.underway.done)
	s.underway = nil
	s.status.Running = false
}

// crawl is one crawl with its number, its line in the log and its status.
func (s *Sync) crawl(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, crawlDeadline, errTooLong)
	defer cancel()
	start := s.o.Now()
	out, err := s.once(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errTooLong) {
		err = errTooLong
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, errTooLong) {
		return context.Canceled // we are being stopped: no news of the source
	}
	s.report(out, err, start, s.o.Now())
	return err
}

// outcome is what a crawl brought.
type outcome struct {
	contact   time.Time // zero: none that counts
	unchanged bool      // by the source's own word: nothing of the below is set
	verdict   Verdict
	dropped   []access.Problem
	changed   int
}

// once fetches and takes into use what may be.
func (s *Sync) once(ctx context.Context) (outcome, error) {
	s.mu.Lock()
	cursor := s.cursor
	s.mu.Unlock()
	fetched, err := s.o.Source.Fetch(ctx, cursor)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{contact: fetched.At, unchanged: fetched.Unchanged, dropped: fetched.Dropped}
	if fetched.Unchanged {
		s.o.Keeper.Confirm(s.name, fetched.At)
		return out, nil
	}
	same := false
	if out.verdict.Roster = fetched.Roster; !s.o.Source.Ageless() {
		if same, err = s.check(ctx, fetched, &out); err != nil {
			return outcome{}, err
		}
	}
	switch {
	case out.verdict.Foreign:
		// Not our source: nothing is taken from it, not even that it was heard.
		out.contact = time.Time{}
		return out, nil
	case same:
		s.o.Keeper.Confirm(s.name, fetched.At)
	default:
		if out.changed, err = s.replace(ctx, fetched, out.verdict.Roster); err != nil {
			return outcome{}, err
		}
	}
	s.mu.Lock()
	s.cursor = fetched.Cursor
	s.mu.Unlock()
	return out, nil
}

// replace takes what was said into use: the roster, or rows that are read as they
// are taken, and of which the source says itself what is wrong with them.
func (s *Sync) replace(ctx context.Context, fetched Fetched, roster access.Roster) (changed int, err error) {
	rows, wrong := RowsOf(roster), error(nil)
	if fetched.Rows != nil {
		rows = func(ctx context.Context, into Intake) error {
			wrong = fetched.Rows(ctx, into)
			return wrong
		}
	}
	contact := access.Contact{Source: s.name, At: fetched.At, Ageless: s.o.Source.Ageless()}
	changed, err = s.o.Keeper.Replace(ctx, s.name, rows, contact)
	if err != nil && wrong == nil {
		err = fmt.Errorf("sync of %s: the rights came, but could not be taken into use; the old ones stand: %w", s.name, err)
	}
	return changed, cmp.Or(wrong, err)
}

// check guards what a cloud says, and tells whether it is what the
// doors decide by already. A file of this gateway needs neither: it must be
// right as a whole, and editing it is a person's act.
func (s *Sync) check(ctx context.Context, fetched Fetched, out *outcome) (same bool, err error) {
	current, err := s.o.Keeper.Current(ctx, s.name)
	if err != nil {
		return false, fmt.Errorf("sync of %s: the rights in force cannot be read to compare: %w", s.name, err)
	}
	s.mu.Lock()
	out.verdict = s.guard.Pass(current, fetched.Roster, Proof{Counts: fetched.Counts, Off: fetched.Off}, s.o.Now())
	s.mu.Unlock()
	out.dropped = slices.Concat(fetched.Dropped, out.verdict.Dropped)
	return sameRights(current, out.verdict.Roster, s.name), nil
}

// pause is how long to wait before the next crawl.
func (s *Sync) pause(err error, failures int) time.Duration {
	every := s.o.Every
	if err != nil {
		longest := min(maxBackOff, every)
		wait := longest
		if failures < 16 {
			wait = min(firstBackOff<<(failures-1), longest)
		}
		if refused, ok := errors.AsType[*transport.Error](err); ok {
			wait = min(max(wait, refused.RetryAfter), longest)
		}
		return wait/2 + rand.N(wait/2+1) //nolint:gosec // a pause, not a secret
	}
	status := s.Status()
	if len(status.Held) > 0 && !status.NeedsPerson {
		// The crawl that may agree.
		every = min(every, secondOpinion+5*time.Second)
		return every + rand.N(every/10+1) //nolint:gosec // a pause, not a secret
	}
	return every - every/10 + rand.N(every/5+1) //nolint:gosec // a pause, not a secret
}
