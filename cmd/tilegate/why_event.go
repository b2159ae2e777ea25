package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// sayRecorded tells which tap it is about, and what the door did.
func (t *tool) sayRecorded(r *control.Replay, zone *time.Location) {
	e := r.Event
	t.say("Event %d, code %s: %s", e.Seq, dash(r.Code), strings.Join(notEmpty(when(e.At, zone), e.Door, e.Reader, decisionWord(e), whoWord(e), e.Detail), "  "))
	for _, after := range r.After {
		t.say("  then: %s", afterWord(after))
	}
	if len(r.After) == 0 && e.Reason == access.Granted {
		t.say("  then: nothing is recorded of what the strike did")
	}
	t.say("")
}

// unlocked says whether the strike did what it was told, as far as that is known.
func unlocked(r *control.Replay) bool {
	for _, e := range r.After {
		if e.Kind == access.OutcomeEvent && e.Detail != access.DidUnlock {
			return false
		}
	}
	return true
}

// afterWord is what came of a tap.
func afterWord(e access.Event) string {
	switch e.Kind {
	case access.AlarmEvent:
		what, detail := alarmWords(e)
		return strings.Join(notEmpty(what, detail), ", ")
	case access.OutcomeEvent:
		if e.Detail == access.DidUnlock {
			return "the strike unlocked the door"
		}
		if silent, ok := strings.CutPrefix(e.Detail, access.StrikeFailed); ok {
			return "the strike did not answer: " + silent
		}
		return e.Detail
	default:
		return e.Detail
	}
}

// sayVerdict tells whether the answer is still the recorded one.
func (t *tool) sayVerdict(r *control.Replay, zone *time.Location) {
	switch r.Verdict {
	case control.Agrees:
		t.say("Decided again by what was in force then: this is what was recorded.")
	case control.Differs:
		t.say("Decided again by what was in force then, this is NOT what was recorded:")
		for _, one := range r.Differs {
			t.say("  %s", one)
		}
	case control.NotKept:
		t.say("Shown as it was recorded: %s.", r.Why)
	}
	if r.Why != "" && r.Verdict != control.NotKept {
		t.say("Added afterwards: %s.", r.Why)
	}
	for i, e := range r.Others {
		if i == 0 {
			t.say("Other taps that this may mean:")
		}
		t.say("  #%s  %s", fmt.Sprint(e.Seq), strings.Join(notEmpty(when(e.At, zone), e.Door, decisionWord(e)), "  "))
	}
}

func notEmpty(parts ...string) (all []string) {
	for _, part := range parts {
		if part != "" {
			all = append(all, part)
		}
	}
	return all
}
