package main

import (
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// Adding a reason means that people can ask for it and are told it: the runbook,
// the numbers and the sentence for the desk are held by tests beside them.
func TestEveryReasonHasItsWordsOnTheCommandLine(t *testing.T) {
	g := morning()
	s := open(t, g)
	for _, reason := range access.Reasons() {
		g.answer = welcome()
		if reason != access.Granted {
			g.answer = control.Answer{
				Explanation: access.Explanation{Reason: reason, Words: reason.Words(), Misses: []access.MissView{{Reason: reason, Words: reason.Words()}}},
				Door:        "front", At: noon, Name: "Anna Rossi",
			}
		}
		got := s.run(t, "why", "--person", "Anna", "--door", "front")
		for _, want := range []string{"(" + reason.String() + ")", reason.Words()} {
			if reason != access.Granted && !strings.Contains(got.out, want) {
				t.Errorf("%s: the answer lacks %q:\n%s", reason, want, got.out)
			}
		}
		if got := s.run(t, "event", "list", "--reason", reason.String()); got.code != exitOK {
			t.Errorf("event list --reason %s: exit %d: %s", reason, got.code, got.err)
		}
		if got := s.run(t, "__complete", "event", "list", "--reason", ""); !strings.Contains(got.out, reason.String()+"\t"+reason.Words()+"\n") {
			t.Errorf("%s is not completed with its words:\n%s", reason, got.out)
		}
	}
}
