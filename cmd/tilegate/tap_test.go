package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/control"
)

func TestTapSimulateTellsWhatTheDoorDid(t *testing.T) {
	g := morning()
	g.answer = welcome()
	s := open(t, g)
	text := s.transcript(t, "tap", "simulate", "--card", "04:A2:B3:C4", "--door", "front")
	g.answer = refusal()
	text += s.transcript(t, "tap", "simulate", "--card", "04:A2:B3:C4", "--door", "front")
	golden(t, "tap", text)
	if diff := cmp.Diff([]string{"tap front", "tap front"}, g.acted); diff != "" {
		t.Errorf("acted (-want +got):\n%s", diff)
	}
}

// Whoever tries a tap wants to know what was decided, above all when the strike is
// not there.
func TestASilentStrikeDoesNotHideTheDecision(t *testing.T) {
	g := morning()
	g.answer = welcome()
	g.answer.Silent = "no answer from unit 1"
	s := open(t, g)
	got := s.run(t, "tap", "simulate", "--card", "04:A2:B3:C4", "--door", "front")
	if got.code != exitFailed || !strings.Contains(got.out, "Granted: Front door opens") || !strings.Contains(got.err, "no answer from unit 1") {
		t.Errorf("exit %d, output %q, error %q", got.code, got.out, got.err)
	}
}

func TestATapThatFailedIsNotShownAsAnAnswer(t *testing.T) {
	g := morning()
	g.answer = welcome()
	g.err = &control.Error{Code: control.Failed, Message: "door front: strike: no answer"}
	got := open(t, g).run(t, "tap", "simulate", "--code", "x", "--door", "front")
	if got.code != exitFailed || got.out != "" {
		t.Errorf("exit %d, output %q, want %d and no answer", got.code, got.out, exitFailed)
	}
}
