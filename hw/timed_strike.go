package hw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
)

// relay is one output of a board. Its methods are called one at a time.
type relay interface {
	// reach opens the port if it must and tells its session; an absent port
	// is an error at once.
	reach(ctx context.Context) (session int, err error)
	// set switches the output and returns when the board acknowledged, or,
	// for boards that say nothing, when the frame was sent.
	set(ctx context.Context, energised bool) error
}

// reporter is a relay whose board says how its output stands.
type reporter interface {
	state(ctx context.Context) (energised bool, err error)
}

// flasher is a relay whose board times a pulse itself: what happens to us after
// flash returned makes no difference to the lock.
type flasher interface {
	// flash switches the output and has the board switch it back after d,
	// which is rounded up to what the board can do. It says false, and does
	// nothing, where the board cannot time this pulse.
	flash(ctx context.Context, energised bool, d time.Duration) (bool, error)
}

// Why an output is not as it should be.
var (
	errNotSwitched = errors.New("the board answered, but its relay did not switch; has it its supply voltage?")
	errStuck       = errors.New("strike stuck on: the relay did not go back to rest after three tries; the door may be unlocked, look at it now")
	errAway        = errors.New("the relay is not at rest although no pulse is running; something else moves it, or the board lost its power")
	errNotReached  = errors.New("not reached yet")
)

// The times of a strike.
const (
	relockTries = 3
	relockTime  = 5 * time.Second        // for one attempt to lock
	relockAgain = time.Second            // between attempts
	flashGrace  = 300 * time.Millisecond // how late a board's own timer may be
	watchUp     = 5 * time.Second        // between two looks at a board that is well
	watchDown   = 3 * time.Second        // and at one that is not
)

// timedStrike makes a Strike of a relay. It is the one place that knows when an
// output must go back to rest: it times pulses of boards that cannot, and looks
// after those that can. Whatever went wrong, its next contact with the board
// drives the output to rest, and never repeats a pulse.
type timedStrike struct {
	relay   relay
	rest    bool // whether the output is energised at rest
	onStop  bool // whether it is when we are closed
	release func() error
	log     hclog.Logger

	turn  chan struct{} // holds whoever speaks to the board or changes what is below
	timer *time.Timer   // calls tick; set before anybody else knows the strike

	// Guarded by turn.
	until   time.Time // when the running pulse ends; zero: none
	flashed bool      // the board ends it
	session int       // of the port when it began
	owes    bool      // the output may be away from rest and nobody will end it
	closed  bool

	health *health
}

func newTimedStrike(r relay, o outputs, release func() error, log hclog.Logger) *timedStrike {
	s := &timedStrike{
		relay: r, rest: o.rest, onStop: o.onStop, release: release, log: log, turn: make(chan struct{}, 1),
		health: newHealth(),
	}
	s.turn <- struct{}{}
	s.timer = time.AfterFunc(watchDown, s.tick)
	<-s.turn
	return s
}

// begin takes the turn; end gives it back and sets the timer for what is next.
func (s *timedStrike) begin(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.closed {
		<-s.turn
		return os.ErrClosed
	}
	return nil
}

func (s *timedStrike) end(next time.Duration) {
	if s.closed {
		s.timer.Stop()
	} else {
		s.timer.Reset(next)
	}
	<-s.turn
}

// Pulse is as the contract says. It fails at once when the port is absent.
func (s *timedStrike) Pulse(ctx context.Context, d time.Duration) error {
	d = ClampPulse(d)
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("pulse: %w", err)
	}
	err := s.pulse(ctx, d)
	s.tell(err)
	s.end(s.next())
	if err != nil {
		return fmt.Errorf("pulse: %w", err)
	}
	return nil
}

func (s *timedStrike) pulse(ctx context.Context, d time.Duration) error {
	session, err := s.relay.reach(ctx)
	if err != nil {
		return err // nothing was sent
	}
	if s.owes || !s.until.IsZero() && session != s.session {
		if err := s.lock(ctx); err != nil {
			return err
		}
	}
	left := max(d, time.Until(s.until))
	s.session = session
	s.flashed, err = s.unlock(ctx, left)
	if err != nil {
		s.owes = true // who knows what arrived
		return err
	}
	s.until = time.Now().Add(left)
	return nil
}

// unlock moves the output away from rest, and says whether the board will move
// it back.
func (s *timedStrike) unlock(ctx context.Context, d time.Duration) (flashed bool, err error) {
	if f, ok := s.relay.(flasher); ok {
		if flashed, err = f.flash(ctx, !s.rest, d); flashed || err != nil {
			return flashed, err
		}
	}
	return false, s.relay.set(ctx, !s.rest)
}

// lock moves the output to rest and makes sure that it went there.
func (s *timedStrike) lock(ctx context.Context) error {
	for range relockTries {
		if err := s.relay.set(ctx, s.rest); err != nil && !errors.Is(err, errNotSwitched) {
			s.owes = true
			return err
		}
		atRest, err := s.atRest(ctx, true)
		switch {
		case err == nil && atRest:
			s.until, s.owes = time.Time{}, false
			return nil
		case err != nil:
			s.owes = true
			return err
		}
	}
	s.owes = true
	return errStuck
}

// atRest asks the board whether the output is at rest; a board that cannot say
// is taken to be as assumed.
func (s *timedStrike) atRest(ctx context.Context, assumed bool) (bool, error) {
	r, ok := s.relay.(reporter)
	if !ok {
		return assumed, nil
	}
	energised, err := r.state(ctx)
	return energised == s.rest, err
}

// Rest drives the output to rest. If it cannot now, the next contact will.
func (s *timedStrike) Rest(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("rest: %w", err)
	}
	s.owes = true
	err := s.lock(ctx)
	s.tell(err)
	s.end(s.next())
	if err != nil {
		return fmt.Errorf("rest: %w", err)
	}
	return nil
}

// next is how long until tick has something to do.
func (s *timedStrike) next() time.Duration {
	switch {
	case s.owes:
		return relockAgain
	case !s.until.IsZero() && s.flashed:
		return time.Until(s.until) + flashGrace
	case !s.until.IsZero():
		return time.Until(s.until)
	case s.well():
		return watchUp
	default:
		return watchDown
	}
}

// tick is called by the timer: at the end of a pulse, after a failure, and now
// and then to see whether the board is well.
func (s *timedStrike) tick() {
	ctx, cancel := context.WithTimeout(context.Background(), relockTime)
	defer cancel()
	err := s.begin(ctx)
	if errors.Is(err, os.ErrClosed) {
		return
	}
	if err != nil {
		s.timer.Reset(relockAgain)
		return
	}
	err = s.look(ctx)
	s.tell(err)
	s.end(s.next())
}

func (s *timedStrike) look(ctx context.Context) error {
	running := !s.until.IsZero() && time.Now().Before(s.until)
	session, err := s.relay.reach(ctx)
	switch {
	case err != nil:
		s.owes = s.owes || !s.until.IsZero()
		return err
	case s.owes || !s.until.IsZero() && session != s.session:
		return s.lock(ctx)
	case running:
		return nil
	case !s.until.IsZero() && !s.flashed:
		return s.lock(ctx)
	}
	if s.until.IsZero() {
		atRest, err := s.atRest(ctx, true)
		if err == nil && !atRest {
			return errAway
		}
		return err
	}
	// The board was to end the pulse. One that cannot say is told again.
	if atRest, err := s.atRest(ctx, false); err == nil && atRest {
		s.until = time.Time{}
		return nil
	}
	return s.lock(ctx)
}

func (s *timedStrike) well() bool {
	return s.health.now().Up
}

// tell keeps the outcome of a contact for Stats, and logs what is news.
func (s *timedStrike) tell(err error) {
	if errors.Is(err, context.Canceled) {
		return // says nothing of the board
	}
	_, speaks := s.relay.(reporter)
	switch {
	case !s.health.note(err, speaks && err == nil):
	case err != nil:
		s.log.Warn("strike not well", "error", err)
	default:
		s.log.Info("strike well")
	}
}

// stats is the health of the strike alone.
func (s *timedStrike) stats() Stats {
	return s.health.now()
}

// Close leaves the output as on_stop says, as far as the board can be reached,
// and gives the port back.
func (s *timedStrike) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), relockTime)
	defer cancel()
	err := s.begin(ctx)
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	if err == nil {
		s.closed = true
		if s.onStop == s.rest {
			err = s.lock(ctx)
		} else {
			err = s.relay.set(ctx, s.onStop)
		}
		s.end(0)
	}
	if err != nil {
		err = fmt.Errorf("the output stays as it is: %w", err)
	}
	return errors.Join(err, s.release())
}

// strikeOptions are the keys that every strike has.
type strikeOptions struct {
	EnergiseTo string `toml:"energise_to"` // open: power unlocks (default); lock: power locks
	OnStop     string `toml:"on_stop"`     // how the door stands while tilegate is not running: lock, open
}

// outputs is how an output stands when nobody pulses.
type outputs struct{ rest, onStop bool }

// outputs puts the life-safety rules in force: what needs power to lock must be
// chosen with its eyes open.
func (o strikeOptions) outputs() (outputs, error) {
	if o.OnStop != "" && o.OnStop != "lock" && o.OnStop != "open" {
		return outputs{}, fmt.Errorf("on_stop %q: use lock or open", o.OnStop)
	}
	switch o.EnergiseTo {
	case "", "open":
		if o.OnStop == "open" {
			return outputs{}, errors.New("on_stop = \"open\" would hold the strike under power for as long as tilegate is stopped; for a lock that needs power to lock, say energise_to = \"lock\"")
		}
		return outputs{}, nil
	case "lock":
		if o.OnStop == "" {
			return outputs{}, errors.New("energise_to = \"lock\" needs on_stop: \"open\" lets go of the door when tilegate stops, \"lock\" keeps it locked; a way out must not depend on either")
		}
		return outputs{rest: true, onStop: o.OnStop == "lock"}, nil
	default:
		return outputs{}, fmt.Errorf("energise_to %q: use open or lock", o.EnergiseTo)
	}
}
