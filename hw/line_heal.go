package hw

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// healOptions say when a reader that is silent is reported, and when and how it
// is healed. Zero times: never.
type healOptions struct {
	idle    time.Duration
	silence time.Duration
	reset   bool // by DTR, before the port is opened again
}

// Limits of healing.
const (
	shortestSilence = time.Second
	longestSilence  = 24 * time.Hour
	seldomHealed    = 10 * time.Minute // between two steps, when none has helped
	resetPulse      = 250 * time.Millisecond
)

func (o *lineOptions) heal() (healOptions, error) {
	h := healOptions{idle: time.Duration(o.Idle), silence: time.Duration(o.Silence), reset: o.Reset == "dtr"}
	if err := errors.Join(checkSilence("idle", h.idle), checkSilence("silence", h.silence)); err != nil {
		return h, err
	}
	if o.Reset != "" && o.Reset != "dtr" {
		return h, fmt.Errorf("reset %q: use dtr", o.Reset)
	}
	if h.reset && h.silence == 0 {
		return h, errors.New("reset: say with silence after how long")
	}
	return h, nil
}

func checkSilence(key string, d time.Duration) error {
	if d != 0 && (d < shortestSilence || d > longestSilence) {
		return fmt.Errorf("%s %s: use %s to %s", key, d, shortestSilence, longestSilence)
	}
	return nil
}

// healStep is something done to a silent reader.
type healStep uint8

// The closed set of steps, and their words for Stats.
const (
	healInit   healStep = iota // the set-up was said once more
	healReset                  // DTR was toggled
	healReopen                 // the port was given up and opened again
	healSteps
	healNothing = healSteps
)

// healWords is written once, here.
var healWords = [healSteps]string{"init", "reset", "reopen"}

// healCounts counts steps. Any goroutine may look while one counts.
type healCounts [healSteps]atomic.Uint64

func (c *healCounts) byWord() map[string]uint64 {
	all := make(map[string]uint64, healSteps)
	for i := range c {
		all[healWords[i]] = c[i].Load()
	}
	return all
}

// healer knows how long a reader has been silent and what to do about it. It is
// pure: it says what to do, somebody else does it.
type healer struct {
	healOptions
	heard time.Time     // when the last byte came; before the first, when the port was opened
	next  time.Time     // when the next step is due; zero: never
	wait  time.Duration // before the step after that
	steps uint64        // taken since the last byte
	ours  bool          // the port is being opened again by us
}

// opened tells that the port was opened. A reader is as silent as before only if
// it was we who opened it again.
func (h *healer) opened(at time.Time) {
	if !h.ours {
		h.sound(at)
	}
	h.ours = false
}

// sound tells that bytes came.
func (h *healer) sound(at time.Time) {
	h.heard, h.steps, h.wait = at, 0, h.silence
	h.next = time.Time{}
	if h.silence > 0 {
		h.next = at.Add(h.silence)
	}
}

// step is what to do now. Each time nothing helped it waits twice as long, up to
// ten minutes.
func (h *healer) step(at time.Time) healStep {
	if !passed(h.next, at) {
		return healNothing
	}
	h.steps++
	h.wait = min(2*h.wait, max(seldomHealed, h.silence))
	h.next = at.Add(h.wait)
	if h.reset && h.steps%2 == 1 {
		return healReset
	}
	h.ours = true
	return healReopen
}

// complaint is what to tell of the silence; empty while it is not too long.
func (h *healer) complaint(at time.Time) string {
	if h.idle == 0 || at.Sub(h.heard) < h.idle {
		return ""
	}
	return fmt.Sprintf("nothing has come from the reader for %s; has it power, and is its line connected?", h.idle)
}

// due is when complaint or step may say something new; zero: never.
func (h *healer) due(at time.Time) time.Time {
	due := h.next
	if late := h.heard.Add(h.idle); h.idle > 0 && late.After(at) && (due.IsZero() || late.Before(due)) {
		due = late
	}
	return due
}
