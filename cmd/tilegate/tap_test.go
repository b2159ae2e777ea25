package main

import (
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

func TestATapThatFailedIsNotShownAsAnAnswer(t *testing.T) {
	g := morning()
	g.answer = welcome()
	g.err = &control.Error{Code: control.Failed, Message: "door front: strike: no answer"}
	got := open(t, g).run(t, "tap", "simulate", "--code", "x", "--door", "front")
	if got.code != exitFailed || got.out != "" {
		t.Errorf("exit %d, output %q, want %d and no answer", got.code, got.out, exitFailed)
	}
}
