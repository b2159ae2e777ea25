package daemon

import (
	"time"

	"github.com/tilegate/tilegate/hw"
)

// The times of a doorway.
const (
	// entryGrace follows a pulse: who pulls the door at its last moment is
	// still on the way in.
	entryGrace = 5 * time.Second
	// exitGrace follows the exit button: people press it and gather their bags.
	exitGrace = 10 * time.Second
	// excusePatience is how long an opening waits for its excuse. The exit
	// button or the fire panel may be on a slower line than the contact, and
	// an alarm that is taken back a moment later teaches people to ignore it.
	excusePatience = time.Second
	// relockGrace is how long a door that locked again as it opened may still
	// bounce on its contact.
	relockGrace = 2 * time.Second
)

// doorwayRules are what the settings say of a doorway.
type doorwayRules struct {
	forced      bool          // an opening that nobody let happen is an alarm
	relock      bool          // lock again as soon as the door opened
	heldAfter   time.Duration // how long the door may stand open
	heldWarning time.Duration // how long before that the tile warns; 0: never
}

// doorway is what is known of one doorway: its leaf, its exit button, and who was
// let through. It is told what happens and says what is wrong; it does nothing
// itself and knows no clock. All times are monotonic and never go back.
//
// It moves no relay for the exit button. The way out is hardware: a door whose
// lock has to wait for software to let people out is not to be built.
type doorway struct {
	doorwayRules
	leaf       hw.Level      // active: open. A circuit at fault is not heard
	open       bool          // as it was last heard; the unknown is never closed
	since      time.Duration // when it was opened, or was last allowed to be
	suspect    bool          // it was opened, and nothing has excused that yet
	suspected  time.Duration // when
	isForced   bool
	isSoon     bool
	isHeld     bool
	pulseUntil time.Duration // the strike is unlocked
	grantUntil time.Duration // an opening is somebody's who was let in
	exitUntil  time.Duration // an opening is somebody's who went out
	pressed    bool          // the exit button is held down
	awaited    string        // the decision whose person has not walked in yet
	held       bool          // held open by order
	fire       bool
}

// turn is how a doorway stands after something happened.
type turn struct {
	forced, soon, held bool   // alarms, as long as they last
	relock             bool   // lock now: the door has opened
	noEntry            string // the decision that nobody used; empty: none
}

// grant says that the strike was unlocked for a while. A decision that is named
// is expected to be used; without one, as when the strike did not answer or staff
// opened the door, an opening is excused and nobody is waited for.
func (w *doorway) grant(now, hold time.Duration, decision string) {
	w.pulseUntil = max(w.pulseUntil, now+hold)
	w.grantUntil = max(w.grantUntil, now+hold+entryGrace)
	w.awaited = ""
	if w.leaf == hw.LevelNormal && !w.quiet() {
		w.awaited = decision
	}
}

// locked says that the strike was locked before its pulse was over.
func (w *doorway) locked(now time.Duration) {
	w.pulseUntil, w.grantUntil = min(w.pulseUntil, now), min(w.grantUntil, now+relockGrace)
}

// contactIs takes the level of the contact: active is open.
func (w *doorway) contactIs(now time.Duration, level hw.Level) turn {
	if level == hw.LevelFault {
		level = hw.LevelUnknown
	}
	before := w.leaf
	w.leaf = level
	switch level {
	case hw.LevelActive:
		w.awaited = ""
		relock := before == hw.LevelNormal && w.relock && now < w.pulseUntil && !w.quiet()
		if !w.open {
			w.open, w.since = true, now
			// From the unknown nobody can tell when it was opened, or by whom.
			if before == hw.LevelNormal && !w.suspect && !w.allowed(now) {
				w.suspect, w.suspected = true, now
			}
		}
		if relock {
			w.locked(now)
		}
		t := w.judge(now)
		t.relock = relock
		return t
	case hw.LevelNormal:
		w.open, w.isForced = false, false
	default:
		w.awaited = "" // it may open unseen now
	}
	return w.judge(now)
}

// exitIs takes the level of the exit button: active is pressed. What cannot be
// heard is let go. It says whether this is a new press.
func (w *doorway) exitIs(now time.Duration, level hw.Level) (t turn, press bool) {
	down := level == hw.LevelActive
	press = down && !w.pressed
	if w.pressed && !down {
		w.exitUntil = now + exitGrace
	}
	w.pressed = down
	if press && now < w.suspected+excusePatience {
		w.suspect = false
	}
	return w.judge(now), press
}

// fireIs says whether the fire panel has freed the doors. It locks nothing and
// unlocks nothing: while it lasts no door is forced or open for too long.
func (w *doorway) fireIs(now time.Duration, on bool) { w.fire = w.calm(now, w.fire, on) }

// heldIs says whether the door is held open by order.
func (w *doorway) heldIs(now time.Duration, on bool) { w.held = w.calm(now, w.held, on) }

// calm begins or ends a time in which every opening is allowed. A door that
// stands open at its end has been opened by nobody, and has its full time to be
// shut.
func (w *doorway) calm(now time.Duration, was, on bool) bool {
	if on {
		w.suspect, w.isForced, w.awaited = false, false, ""
	}
	if was != on {
		w.since = now
	}
	return on
}

// quiet says whether the door may stand open without anybody having been let in.
func (w *doorway) quiet() bool { return w.held || w.fire }

// allowed says whether an opening now is somebody's who may.
func (w *doorway) allowed(now time.Duration) bool {
	return w.quiet() || w.pressed || now < w.grantUntil || now < w.exitUntil
}

// judge lets time pass and says how the doorway stands.
func (w *doorway) judge(now time.Duration) turn {
	if w.suspect && now >= w.suspected+excusePatience {
		w.suspect, w.isForced = false, w.forced
	}
	switch {
	case w.quiet() || !w.open:
		w.isSoon, w.isHeld = false, false
	case w.isForced:
	case w.leaf == hw.LevelActive: // unknown: as it was, for nobody can tell
		late := now - w.since
		w.isHeld = late >= w.heldAfter
		w.isSoon = !w.isHeld && w.heldWarning > 0 && late >= w.heldAfter-w.heldWarning
	}
	t := turn{forced: w.isForced, soon: w.isSoon, held: w.isHeld}
	if !w.open {
		w.isForced = false // a door that sprang back was forced all the same: said once
	}
	if w.awaited != "" && now >= w.grantUntil {
		t.noEntry, w.awaited = w.awaited, ""
	}
	return t
}
