package daemon

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

const (
	// jumpTolerance is how far wall and elapsed time may part.
	jumpTolerance = 30 * time.Second
	// jumpPatience is how long a clock must run evenly after a jump to count as
	// free-running where nobody says that it is synced. What jumps a clock is most
	// often the network time, or a person, which sets it right. A time that the
	// network gave must run as evenly before it bounds the times to come, and no
	// cloud may contradict it.
	jumpPatience = time.Hour
	// farJump is how far a clock that was synced may jump and still be forgiven.
	farJump = 24 * time.Hour
)

// point ties an instant to a moment of the time that elapses.
type point struct {
	wall time.Time // zero: unknown
	mono time.Duration
}

func (p point) known() bool { return !p.wall.IsZero() }

// at is the instant at another moment.
func (p point) at(mono time.Duration) time.Time { return p.wall.Add(mono - p.mono) }

// beside says whether an instant lies where this line does at that moment.
func (p point) beside(o point) bool {
	return p.known() && o.wall.Sub(p.at(o.mono)).Abs() <= jumpTolerance
}

// later is the line that is ahead.
func later(a, b point) point {
	if b.known() && b.wall.After(a.at(b.mono)) {
		return b
	}
	return a
}

// clockView is what everybody takes for the time: a point to count on from.
type clockView struct {
	point
	state access.ClockState
	floor point
	sweep point
	doubt time.Duration // monotonic: since when it is not trusted
	why   string        // it is not trusted, for people
}

// moment is the time as the gateway takes it, now.
type moment struct {
	at        time.Time // best estimate, never before the floor
	mono      time.Duration
	clock     access.ClockState
	floor     time.Time // surely passed, for whoever refuses by it; zero: unknown
	sweep     time.Time // what ended before may be forgotten for good; zero: nothing
	untrusted time.Duration
}

// facts are what a decision needs of the time.
func (m moment) facts() access.Facts {
	return access.Facts{Clock: m.clock, Floor: m.floor, Untrusted: m.untrusted}
}

// timekeeper guards the clock. Any goroutine may ask for the time and none of
// them waits; one looks at the clock, once a second.
//
// Between two looks time goes on by what elapses. A look believes the wall clock
// when the kernel says that it is synced, or when it runs on from where it was
// trusted. When it jumps, time goes on from where it was trusted as if nothing had
// happened, but not trusted: ten years ahead expire nobody, and nothing that has
// ended comes back. Whatever the clock says, now is never before the floor.
type timekeeper struct {
	Clock
	clouds *cloudClocks
	// moved is told when the time is about to be set: what was noted in the old
	// time must be expressed in the new one. False: not now, ask again. Nil: nobody.
	moved func(now point) bool

	view atomic.Pointer[clockView]
	mind clockMind // of look alone
}

// clockMind is what one look leaves to the next.
type clockMind struct {
	sure   point         // surely passed, as the machine was started or the journal says
	likely point         // a clock wrote it that nobody had set: bounds only such a clock
	held   point         // where the clock was trusted last, in this boot
	firm   bool          // held was synced
	last   point         // what the wall showed at the last look
	noted  point         // the time in which what was noted is expressed
	even   point         // since when the wall runs evenly
	jumped bool          // and nobody has said since that it is right
	set    bool          // since the machine started
	doubt  time.Duration // monotonic: since when it is not trusted
	unsure bool          // it is not trusted
}

// clockPast is what is known of the time before the first look.
type clockPast struct {
	sure, likely, held point
	firm               bool
}

// take goes on from an event that is newer than those before. That of this boot
// lies on the line of the time that elapses; one of an earlier boot lies now, for
// nobody knows how long ago that was.
func (p *clockPast) take(e *access.Event, now time.Duration, here bool) {
	wrote, passed, line := point{e.At, now}, point{e.Floor, now}, point{e.At, e.Mono}
	if here {
		passed.mono = e.Mono
	}
	switch e.Clock {
	case access.ClockSynced:
		if !passed.known() {
			passed = wrote // an older tilegate did not write it down
		}
		if p.sure = later(p.sure, passed); later(p.sure, wrote) != p.sure {
			p.likely = wrote
		}
	case access.ClockFreeRunning:
		p.likely = wrote
	default:
		p.likely = later(p.likely, passed)
		return
	}
	if here {
		p.firm = e.Clock == access.ClockSynced || p.firm && p.held.beside(line)
		p.held = line
	}
}

// resumeClock goes on from what is known of the past, and has a first look.
func resumeClock(clock Clock, past clockPast) *timekeeper {
	now := point{clock.Wall(), clock.Mono()}
	t := &timekeeper{Clock: clock, clouds: newCloudClocks()}
	t.mind = clockMind{
		sure: past.sure, likely: past.likely, held: past.held, firm: past.firm, last: now, even: now,
		jumped: past.held.known() && !past.held.beside(now), set: clock.Set == nil || clock.Set(),
	}
	view := t.mind.judge(now, clock.Synced(), noOpinion)
	t.mind.noted = view.point
	t.view.Store(&view)
	return t
}

// now is the time, and how far it can be trusted.
func (t *timekeeper) now() (time.Time, access.ClockState) {
	m := t.moment()
	return m.at, m.clock
}

// moment is the time and all that is known of it.
func (t *timekeeper) moment() moment {
	view, mono := t.view.Load(), t.Mono()
	m := moment{at: view.at(mono), mono: mono, clock: view.state}
	if view.floor.known() {
		m.floor = view.floor.at(mono)
	}
	if view.sweep.known() {
		m.sweep = view.sweep.at(mono)
	}
	if !view.state.Trusted() {
		m.untrusted = mono - view.doubt
	}
	return m
}

// clockChange is what a look found to be otherwise than the look before.
type clockChange struct {
	was, is  access.ClockState
	from, to time.Time     // of the wall, where it jumped
	jump     time.Duration // 0: it did not
}

// look judges the clock anew and tells what changed.
func (t *timekeeper) look() (change clockChange, changed bool) {
	now, synced := point{t.Wall(), t.Mono()}, t.Synced()
	was, mind := t.view.Load(), t.mind
	view := mind.judge(now, synced, t.clouds.opinion(now))
	if !view.beside(point{mind.noted.at(view.mono), view.mono}) {
		if t.moved != nil && !t.moved(view.point) {
			return change, false // the old time goes on for as long
		}
		mind.noted = view.point
	}
	change = clockChange{was: was.state, is: view.state, from: t.mind.last.at(now.mono), to: now.wall}
	if jump := change.to.Sub(change.from); jump.Abs() > jumpTolerance {
		change.jump = jump
	}
	t.mind = mind
	t.view.Store(&view)
	return change, change.jump != 0 || change.was != change.is
}

// judge takes what the wall shows now.
func (m *clockMind) judge(now point, synced bool, clouds cloudOpinion) clockView {
	if !m.last.beside(now) || !m.even.beside(now) { // at once, or bit by bit
		m.even, m.jumped = now, true
	}
	m.last = now
	view := clockView{point: now}
	view.state, view.why = m.believe(now, synced, clouds)
	view.floor = m.floor(synced)
	view.sweep = view.floor
	if view.state.Trusted() {
		m.unsure = false
		return view
	}
	if !m.unsure {
		m.unsure, m.doubt = true, now.mono
	}
	view.doubt, view.sweep = m.doubt, m.sure
	if m.held.known() {
		view.point = point{m.held.at(now.mono), now.mono}
	}
	view.point = later(point{view.floor.at(now.mono), now.mono}, view.point)
	return view
}

// floor is the line that has surely passed. What a clock wrote that nobody had
// set says nothing against one that is synced.
func (m *clockMind) floor(synced bool) point {
	if synced {
		return m.sure
	}
	return later(m.sure, m.likely)
}

// believe says how far what the wall shows can be trusted, and why not.
func (m *clockMind) believe(now point, synced bool, clouds cloudOpinion) (state access.ClockState, why string) {
	if floor := m.floor(synced).at(now.mono); now.wall.Before(floor.Add(-jumpTolerance)) {
		if clouds != cloudsAgree || !synced && now.wall.Before(m.sure.at(now.mono).Add(-jumpTolerance)) {
			return access.ClockUnset, fmt.Sprintf("it shows %s, and %s has passed", clockTime(now.wall), clockTime(floor))
		}
		if m.likely = (point{}); synced {
			m.sure = now // the network time and the cloud agree that it was the past that was wrong
		}
	}
	switch {
	case synced:
		m.held, m.firm, m.likely, m.set, m.jumped = now, true, point{}, true, false
		if now.mono-m.even.mono >= jumpPatience && clouds != cloudsContradict {
			m.sure = now
		}
		return access.ClockSynced, ""
	case clouds == cloudsContradict:
		return access.ClockUnset, "a cloud says otherwise, and nobody sets it"
	case m.held.beside(now):
		m.jumped = false
		return access.ClockFreeRunning, ""
	case m.jumped && (m.firm && now.wall.Sub(m.held.at(now.mono)).Abs() > farJump || now.mono-m.even.mono < jumpPatience && clouds != cloudsAgree):
		why = fmt.Sprintf("it jumped to %s, and nobody says that this is right", clockTime(now.wall))
		return access.ClockJumped, why
	case !m.set && !m.jumped && clouds != cloudsAgree:
		return access.ClockUnset, "nothing has set it since the machine started, and there is no clock chip to bear it out"
	}
	m.held, m.firm, m.set, m.jumped = now, false, true, false
	return access.ClockFreeRunning, ""
}

// clockTime is an instant in words for people.
func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
