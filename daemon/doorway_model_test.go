package daemon

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/hw"
)

// doorwayModel is a second doorway, which keeps everything that ever happened and
// looks through all of it for each answer. It was written from the words of the
// settings, not from the code: slow, and hard to get wrong in the same way.
type doorwayModel struct {
	rules doorwayRules
	past  []happening
}

type happening struct {
	at    time.Duration
	what  string // contact, exit, grant, quiet, locked
	level hw.Level
	until time.Duration // of a grant: when its window ends
	on    bool          // of quiet
}

// at is the last of a kind of happening up to a moment, or its zero value.
func (m *doorwayModel) last(what string, upTo int) (found happening, ok bool) {
	for i := upTo - 1; i >= 0; i-- {
		if m.past[i].what == what {
			return m.past[i], true
		}
	}
	return happening{}, false
}

// allowed says whether an opening that is happening number i is somebody's who may.
func (m *doorwayModel) allowed(i int) bool {
	now := m.past[i].at
	if q, ok := m.last("quiet", i); ok && q.on {
		return true
	}
	if e, ok := m.last("exit", i); ok && e.level == hw.LevelActive {
		return true
	}
	window := time.Duration(0)
	pressed := false
	for _, h := range m.past[:i] {
		switch h.what {
		case "grant":
			window = max(window, h.until)
		case "locked":
			window = min(window, h.at+relockGrace)
		case "exit":
			if pressed && h.level != hw.LevelActive && now < h.at+exitGrace {
				return true
			}
			pressed = h.level == hw.LevelActive
		}
	}
	return now < window
}

// forced says whether a door stands forced now: it was opened from shut, nobody
// was allowed to, nothing excused it within its patience, and since that was over
// it was neither shut nor made quiet. once says that it was shut before: then it
// is said at that moment alone.
func (m *doorwayModel) forced(now time.Duration) (is, once bool) {
	open, heard, due := false, hw.LevelUnknown, time.Duration(0)
	for i, h := range m.past {
		if h.what != "contact" {
			continue
		}
		// A second opening while the first still waits for its excuse is the same.
		if h.level == hw.LevelActive && !open && heard == hw.LevelNormal && h.at >= due && !m.allowed(i) && m.unexcused(i, now) {
			due = h.at + excusePatience
			if !m.openBefore(due) {
				once = once || now-due <= excusePatience
			} else if !m.shutSince(due) {
				is = true
			}
		}
		open = h.level == hw.LevelActive || open && h.level != hw.LevelNormal
		heard = h.level
	}
	return is, once
}

// unexcused says whether nothing has excused an opening, and nothing will.
func (m *doorwayModel) unexcused(opening int, now time.Duration) bool {
	due := m.past[opening].at + excusePatience
	if now < due {
		return false
	}
	pressed := false
	for i, h := range m.past {
		if i > opening && (h.what == "quiet" && h.on || h.what == "exit" && h.level == hw.LevelActive && !pressed && h.at < due) {
			return false
		}
		if h.what == "exit" {
			pressed = h.level == hw.LevelActive
		}
	}
	return true
}

func (m *doorwayModel) openBefore(at time.Duration) (open bool) {
	for _, h := range m.past {
		if h.what == "contact" && h.at < at {
			open = h.level == hw.LevelActive || open && h.level != hw.LevelNormal
		}
	}
	return open
}

func (m *doorwayModel) shutSince(at time.Duration) bool {
	return slices.ContainsFunc(m.past, func(h happening) bool {
		return h.what == "contact" && h.level == hw.LevelNormal && h.at >= at
	})
}

// tooLong says for how long a door that can be heard stands open against the
// rules; ok is false where there is nothing to say.
func (m *doorwayModel) tooLong(now time.Duration) (length time.Duration, ok bool) {
	contact, heard := m.last("contact", len(m.past))
	if q, any := m.last("quiet", len(m.past)); !heard || contact.level != hw.LevelActive || any && q.on {
		return 0, false
	}
	open, quiet := false, false
	var since time.Duration
	for _, h := range m.past {
		switch h.what {
		case "contact":
			if h.level == hw.LevelActive && !open {
				open, since = true, h.at
			}
			open = open && h.level != hw.LevelNormal
		case "quiet":
			if h.on != quiet {
				since = h.at
			}
			quiet = h.on
		}
	}
	return now - since, true
}

// Two doorways that are told the same never say otherwise. What they are told
// is at random, at the speed of a busy door.
func TestADoorwayAgreesWithItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := doorwayRules{
			forced: true, relock: rapid.Bool().Draw(t, "relock"),
			heldAfter: 20 * time.Second, heldWarning: rapid.SampledFrom([]time.Duration{0, 5 * time.Second}).Draw(t, "warning"),
		}
		w := &doorway{doorwayRules: rules}
		m := &doorwayModel{rules: rules}
		now := time.Duration(0)
		levels := rapid.SampledFrom([]hw.Level{hw.LevelUnknown, hw.LevelNormal, hw.LevelNormal, hw.LevelActive, hw.LevelActive, hw.LevelFault})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			// In steps of 100 ms, so that a moment is often met exactly.
			now += time.Duration(rapid.OneOf(rapid.IntRange(1, 9), rapid.IntRange(1, 80)).Draw(t, "wait")) * 100 * time.Millisecond
			for at := lastAt(m) + excusePatience; at < now; at += excusePatience { // somebody looks once a second
				compareDoorways(t, w.judge(at), m, at)
			}
			compareDoorways(t, stepDoorways(t, w, m, now, levels), m, now)
		}
	})
}

func lastAt(m *doorwayModel) time.Duration {
	if len(m.past) == 0 {
		return 0
	}
	return m.past[len(m.past)-1].at
}

// stepDoorways tells both the same.
func stepDoorways(t *rapid.T, w *doorway, m *doorwayModel, now time.Duration, levels *rapid.Generator[hw.Level]) turn {
	w.judge(now) // what was due is due before what happens
	note := func(h happening) { h.at = now; m.past = append(m.past, h) }
	switch rapid.SampledFrom([]string{"contact", "contact", "contact", "exit", "grant", "hold", "fire"}).Draw(t, "what") {
	case "contact":
		level := levels.Draw(t, "contact")
		told := w.contactIs(now, level)
		if level == hw.LevelFault {
			level = hw.LevelUnknown
		}
		note(happening{what: "contact", level: level})
		if told.relock {
			note(happening{what: "locked"})
		}
		return told
	case "exit":
		level := levels.Draw(t, "exit")
		told, _ := w.exitIs(now, level)
		note(happening{what: "exit", level: level})
		return told
	case "grant":
		hold := time.Duration(rapid.IntRange(1, 30).Draw(t, "hold")) * time.Second
		w.grant(now, hold, "d")
		note(happening{what: "grant", until: now + hold + entryGrace})
	case "hold":
		w.heldIs(now, rapid.Bool().Draw(t, "held"))
		note(happening{what: "quiet", on: w.held || w.fire})
	case "fire":
		w.fireIs(now, rapid.Bool().Draw(t, "fire"))
		note(happening{what: "quiet", on: w.held || w.fire})
	}
	return w.judge(now)
}

func compareDoorways(t *rapid.T, got turn, m *doorwayModel, now time.Duration) {
	forced, once := m.forced(now)
	if got.forced != forced && (!got.forced || !once) {
		t.Fatalf("at %v: forced %v, want %v\n%+v", now, got.forced, forced, m.past)
	}
	length, known := m.tooLong(now)
	if !known || forced {
		if c, ok := m.last("contact", len(m.past)); ok && c.level == hw.LevelNormal && (got.held || got.soon) {
			t.Fatalf("at %v: a shut door is held %v, soon %v\n%+v", now, got.held, got.soon, m.past)
		}
		return
	}
	held := length >= m.rules.heldAfter
	soon := !held && m.rules.heldWarning > 0 && length >= m.rules.heldAfter-m.rules.heldWarning
	if got.held != held || got.soon != soon {
		t.Fatalf("at %v: open for %v: held %v, soon %v, want %v, %v\n%+v", now, length, got.held, got.soon, held, soon, m.past)
	}
	if q, ok := m.last("quiet", len(m.past)); ok && q.on && (got.forced || got.held || got.soon || got.relock || got.noEntry != "") {
		t.Fatalf("at %v: something is said though all is allowed: %+v", now, got)
	}
}

func TestAPressIsOneHoweverOftenItIsTold(t *testing.T) {
	w := &doorway{doorwayRules: usualRules}
	var got []bool
	for i, level := range []hw.Level{hw.LevelNormal, hw.LevelActive, hw.LevelActive, hw.LevelNormal, hw.LevelActive, hw.LevelUnknown, hw.LevelActive} {
		_, press := w.exitIs(time.Duration(i)*time.Second, level)
		got = append(got, press)
	}
	if want := "[false true false false true false true]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
