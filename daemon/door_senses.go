package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// The inputs of a door, as labels.
const (
	contactInput = "contact"
	exitInput    = "exit_button"
	tamperInput  = "tamper"
)

// exitEvery is how often the exit button is recorded at most: where it is a
// detector of movement, a crowd that talks before it would fill the journal.
const exitEvery = 5 * time.Second

// siteState is what every door heeds. Without one there is no fire and nothing
// is away.
type siteState struct {
	fire atomic.Bool // the fire panel has freed the doors
	away atomic.Bool // no cloud was heard of for a while
}

func (s *siteState) onFire() bool { return s != nil && s.fire.Load() }
func (s *siteState) isAway() bool { return s != nil && s.away.Load() }

// senses are what a door knows beside its tiles. All of it belongs to the loop of
// the door, but what is atomic.
type senses struct {
	inputs   []*input
	levels   chan sensed // bounded: from the loops of the inputs
	site     *siteState
	way      doorway
	book     alarmBook
	lease    lease
	locked   bool      // locked down, as the loop last saw
	told     string    // why a hold waits, as it was last written down
	arrived  time.Time // the first to arrive, as the loop last said
	passages passages
	exited   time.Duration // when the exit button was last recorded; 0: never

	view    atomic.Pointer[doorView]
	warning atomic.Bool // the tiles ask for the door to be shut
}

// input is a circuit of a door.
type input struct {
	hw.Input
	name  string
	level hw.Level // as the loop of the door last heard; unknown at start
}

// sensed is how an input stands now.
type sensed struct {
	input *input
	level hw.Level
}

// doorView is what others may see of a door.
type doorView struct {
	contact hw.Level // active: open; only where there is one
	alarms  []alarmNote
	stands  openWhy // open for everybody
	heldBy  string
	until   time.Time // it stands so
	kind    access.Consequence
	waits   string // why a hold is not taken up
}

// look is what others may see of the door, at once.
func (d *door) look() doorView {
	if view := d.view.Load(); view != nil {
		return *view
	}
	return doorView{}
}

// attend tells each change of an input, until ctx ends.
func attend(ctx context.Context, in hw.Input, log hclog.Logger, tell func(hw.Level)) error {
	last := hw.LevelUnknown
	for ctx.Err() == nil {
		level, err := in.Next(ctx, last)
		if err == nil {
			last = level
			tell(level)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		log.Error("the input cannot be heard", "error", err)
		if last != hw.LevelUnknown {
			last = hw.LevelUnknown
			tell(last)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// feel hands every change of an input to the loop of the door.
func (d *door) feel(ctx context.Context, in *input) error {
	return attend(ctx, in, d.log.With("input", in.name), func(level hw.Level) {
		select {
		case d.levels <- sensed{in, level}:
		case <-ctx.Done():
		}
	})
}

// sense takes a change of an input into account.
func (d *door) sense(ctx context.Context, s sensed) {
	now := d.clock.Mono()
	d.way.fireIs(now, d.site.onFire())
	s.input.level = s.level
	var t turn
	switch s.input.name {
	case contactInput:
		t = d.way.contactIs(now, s.level)
	case exitInput:
		var press bool
		if t, press = d.way.exitIs(now, s.level); press {
			d.exit(now)
		}
	default:
		t = d.way.judge(now)
	}
	d.follow(ctx, now, t)
}

// tend does what is due once a second.
func (d *door) tend(ctx context.Context) {
	now := d.clock.Mono()
	d.way.fireIs(now, d.site.onFire())
	d.stand(ctx, now)
	for _, t := range d.tiles {
		stats := t.reader.Stats()
		d.book.set(stats.Tampered, access.ReaderTamper, t.name, now)
		d.book.set(stats.NoPower, access.ReaderPower, t.name, now)
		d.book.set(stats.Foreign, access.LineIntruder, t.name, now)
		d.book.set(t.pad.off(), access.KeypadOff, t.name, now)
	}
	d.follow(ctx, now, d.way.judge(now))
}

// follow does what a turn of the doorway asks for: lock first, then write.
func (d *door) follow(ctx context.Context, now time.Duration, t turn) {
	var newest receipt
	if t.relock {
		if err := d.lockNow(ctx); err != nil {
			d.log.Warn("the strike was not told to lock as the door opened; its pulse ends by itself", "error", err)
		}
	}
	if t.noEntry != "" {
		d.metrics.noEntry.Inc()
		d.passages.undo(t.noEntry)
		newest = d.alarm(access.NoEntry.Detail(true), "", t.noEntry)
	}
	d.warning.Store(t.soon || t.held)
	d.book.set(t.forced, access.ForcedOpen, "", now)
	d.book.set(t.soon, access.HeldOpenSoon, "", now)
	d.book.set(t.held, access.HeldOpen, "", now)
	for _, in := range d.inputs {
		d.book.set(in.level == hw.LevelUnknown, access.InputLost, in.name, now)
		if in.level != hw.LevelUnknown { // of which nobody can tell whether it is well again
			wrong := in.level == hw.LevelFault || in.name == tamperInput && in.level == hw.LevelActive
			d.book.set(wrong, access.Tamper, in.name, now)
		}
	}
	wall, _ := d.clock.now()
	for _, n := range d.book.turn(now, wall) {
		newest = d.alarm(n.alarm.Detail(n.on), n.subject, "")
	}
	if newest != nil { // and with it those before it
		await(newest)
	}
	d.publish()
}

// alarm has an alarm written down, which follow waits for before anybody is told:
// once for all of them, so that a worn card holds the door up no longer than for a
// tap.
func (d *door) alarm(detail, subject, decision string) receipt {
	event := d.event(access.AlarmEvent)
	event.Detail, event.Reader, event.Ref = detail, subject, decision
	d.log.Warn("alarm", "alarm", detail, "of", subject)
	return d.journal.Append(event)
}

// exit records that somebody goes out. It moves no relay: the button itself cuts
// the power of the lock, in hardware.
func (d *door) exit(now time.Duration) {
	if d.exited != 0 && now-d.exited < exitEvery {
		return
	}
	d.exited = max(now, 1)
	event := d.event(access.ActionEvent)
	event.Reader, event.Detail = exitInput, "exit button pressed"
	d.journal.Append(event)
}

// lockNow ends the pulse that runs.
func (d *door) lockNow(ctx context.Context) error {
	err := rest(context.WithoutCancel(ctx), d.strike)
	if err == nil {
		d.openUntil.Store(0)
		d.way.locked(d.clock.Mono())
	}
	return err
}

// publish shows how the door stands.
func (d *door) publish() {
	view := doorView{alarms: d.book.notes(), stands: d.lease.why, heldBy: d.lease.by, kind: d.lease.kind}
	if d.lease.why != standsLocked {
		view.until = d.lease.ends
	} else if d.told == waitsClock || d.told == waitsBegin {
		view.waits = d.told
	}
	for _, in := range d.inputs {
		if in.name == contactInput {
			view.contact = in.level
		}
	}
	d.view.Store(&view)
}

// unlocked tells the doorway of a pulse. It is told also when the strike did not
// answer, for the strike may have moved all the same; but then nobody is waited
// for.
func (d *door) unlocked(hold time.Duration, decision string, err error) {
	now := d.clock.Mono()
	if err != nil {
		decision = ""
	} else {
		d.openUntil.Store(max(d.openUntil.Load(), int64(now+hold)))
	}
	d.way.grant(now, hold, decision)
}

// holdFor is how long the door stays unlocked by a decision: longer for people
// who need it.
func (d *door) holdFor(s *access.Snapshot, decision access.Decision) time.Duration {
	if s.Extended(decision) {
		return max(d.hold, d.extended)
	}
	return d.hold
}
