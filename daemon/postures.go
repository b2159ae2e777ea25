package daemon

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// postureRetry is how long a word waits that the disk did not take.
const postureRetry = time.Second

// byGateway is who says what follows from something else.
const byGateway = "tilegate"

// postureKeeper is where words are kept.
type postureKeeper interface {
	Postures(ctx context.Context) (store.Postures, error)
	AppendPosture(p store.Posture) (uint64, error)
}

// postures is how staff want the doors to stand, and who has arrived. A word that
// only shuts doors counts from the moment at which it is said, for nobody waits
// for a disk in an emergency; any other counts once it is durable. Any goroutine
// may ask.
type postures struct {
	keeper postureKeeper
	clock  *timekeeper
	log    hclog.Logger
	// told is told, before anybody else, which lockdowns are in force as of which
	// word. It must not ask back.
	told func(all []access.Lockdown, seq uint64)
	wake chan struct{}
	// doors look again when a word counts; nil: there are none yet.
	doors atomic.Pointer[doorsPart]

	mu      sync.Mutex // guards all below; never held over the disk
	last    uint64     // the newest number that was given
	state   store.Postures
	ends    map[uint64]time.Duration // when holds of this run end, by number: monotonic
	waiting []waitingWord            // for run to write
}

// waitingWord is a word on its way to the disk.
type waitingWord struct {
	store.Posture
	kept chan<- error // told once: nil when it is durable, or why it is not yet
}

// newPostures takes up what was said before.
func newPostures(ctx context.Context, keeper postureKeeper, clock *timekeeper, log hclog.Logger) (*postures, error) {
	state, err := keeper.Postures(ctx)
	if err != nil {
		return nil, err
	}
	return &postures{
		keeper: keeper, clock: clock, log: log, state: state, last: state.Seq(), ends: map[uint64]time.Duration{},
		told: func([]access.Lockdown, uint64) {}, wake: make(chan struct{}, 1),
	}, nil
}

// tell has somebody told of the lockdowns, from now on and at once.
func (p *postures) tell(told func(all []access.Lockdown, seq uint64)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = told
	p.told(p.lockdowns(), p.state.Seq())
}

// lockdowns are those in force. The caller holds mu.
func (p *postures) lockdowns() []access.Lockdown {
	var all []access.Lockdown
	for _, word := range p.state.Lockdowns() {
		all = append(all, access.Lockdown{Scope: word.Scope, ScopeID: word.ScopeID})
	}
	return all
}

// say gives a word its number, and its time where it has none. It counts at once
// if it only shuts doors. Whoever says it has it kept next, or withdraws it by
// never doing so.
func (p *postures) say(word store.Posture) store.Posture {
	if word.At.IsZero() {
		word.At, word.Clock = p.clock.now()
		word.At = word.At.UTC().Truncate(time.Microsecond)
	}
	p.mu.Lock()
	p.last++
	word.Seq = p.last
	if word.What.Tightens() {
		p.take(word)
	}
	p.mu.Unlock()
	if word.What.Tightens() {
		p.stir()
	}
	return word
}

// sayHold is say for a hold, which ends by the time that elapses.
func (p *postures) sayHold(door, actor string, length time.Duration) store.Posture {
	at, clock := p.clock.now()
	at = at.UTC().Truncate(time.Microsecond)
	word := p.say(store.Posture{
		At: at, Clock: clock, What: store.Hold, Scope: access.ScopeDoor, ScopeID: door, Until: at.Add(length), Actor: actor,
	})
	now := p.clock.Mono()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.ends, func(_ uint64, end time.Duration) bool { return end+control.LongestHold < now })
	p.ends[word.Seq] = now + length
	return word
}

// take has a word count. The caller holds mu, so that what the rights are told
// comes in the order in which it counts.
func (p *postures) take(word store.Posture) {
	p.state.Take(word)
	p.told(p.lockdowns(), p.state.Seq())
}

// keep writes a word down that was said. When it returns without an error the
// word is durable and counts. After an error a word that shuts doors counts until
// the gateway ends, and any other does not.
func (p *postures) keep(word store.Posture) error {
	if _, err := p.keeper.AppendPosture(word); err != nil {
		return err
	}
	if word.What.Tightens() {
		return nil
	}
	p.mu.Lock()
	p.take(word)
	p.mu.Unlock()
	p.stir()
	return nil
}

// later is keep for a loop that waits for no disk. What it returns tells once how
// that went; a word that the disk did not take is tried again until it does.
func (p *postures) later(word store.Posture) <-chan error {
	kept := make(chan error, 1)
	p.mu.Lock()
	p.waiting = append(p.waiting, waitingWord{word, kept})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return kept
}

// run writes what the doors say, until ctx ends; what is there by then it still
// tries once.
func (p *postures) run(ctx context.Context) error {
	for {
		failed := p.keepWaiting()
		if ctx.Err() != nil {
			return nil
		}
		pause := make(<-chan time.Time)
		if failed {
			pause = time.After(postureRetry)
		}
		select {
		case <-p.wake:
		case <-pause:
		case <-ctx.Done():
		}
	}
}

// keepWaiting writes what waits, the oldest first, and says whether it failed.
func (p *postures) keepWaiting() (failed bool) {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 {
			p.mu.Unlock()
			return false
		}
		word := p.waiting[0]
		p.mu.Unlock()
		if err := p.keep(word.Posture); err != nil {
			p.notKept(err)
			return true
		}
		select {
		case word.kept <- nil:
		default: // it was told that it is not
		}
		p.mu.Lock()
		p.waiting = p.waiting[1:] // nobody else takes from it
		p.mu.Unlock()
	}
}

// notKept tells everybody who waits for a disk that does not take the oldest word.
func (p *postures) notKept(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, word := range p.waiting {
		select {
		case word.kept <- err:
			p.log.Error("a posture is not written down yet", "what", string(word.What), "id", word.ScopeID, "error", err)
		default: // it was told before
		}
	}
}

// locked is the word by which exactly this door, place or site is locked down by
// our staff.
func (p *postures) locked(l access.Lockdown) (store.Posture, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.Locked(l.Scope, l.ScopeID)
}

// of is what was said of one door.
func (p *postures) of(door string) doorWord {
	p.mu.Lock()
	defer p.mu.Unlock()
	order := p.state.Order(door)
	return doorWord{order: order, ends: p.ends[order.Seq], arrived: p.state.Arrived(door)}
}

// doorWord is what was said of a door, beside lockdowns.
type doorWord struct {
	order   store.Posture // a hold, a release, or to keep it locked
	ends    time.Duration // of a hold that was begun in this run: monotonic; 0: of an earlier one
	arrived time.Time     // when somebody was last the first to arrive
}

// kept says whether the door is kept locked though its hours would unlock it.
func (w doorWord) kept(wall time.Time) bool {
	return w.order.What == store.KeepLocked && wall.Before(w.order.Until)
}

// Why a hold is not in force. Those that wait may be in force later.
const (
	holdReleased = "it was released"
	holdOver     = "its time is over"
	holdUnsure   = "its end was set by a clock that was not trusted"
	waitsClock   = "the clock is not trusted"
	waitsBegin   = "the clock is before its beginning"
)

// left is how long the newest word holds the door open for still; where it does
// not, why, and whether that is for good. A hold of this run goes by the time that
// elapses. That of an earlier one has an end by the wall alone, so it is taken up
// only by a clock that is trusted.
func (w doorWord) left(now time.Duration, wall time.Time, clock access.ClockState) (left time.Duration, why string, over bool) {
	switch {
	case w.order.What != store.Hold:
		return 0, holdReleased, true
	case w.ends != 0:
		if left = w.ends - now; left <= 0 {
			return 0, holdOver, true
		}
		return left, "", false
	case !w.order.Clock.Trusted():
		return 0, holdUnsure, true
	case !clock.Trusted():
		return 0, waitsClock, false
	case wall.Before(w.order.At):
		return 0, waitsBegin, false
	case !wall.Before(w.order.Until):
		return 0, holdOver, true
	}
	return w.order.Until.Sub(wall), "", false
}

// stir has every door look at once how it is to stand.
func (p *postures) stir() {
	if doors := p.doors.Load(); doors != nil {
		doors.wake()
	}
}
