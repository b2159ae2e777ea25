package main

import (
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/control"
)

func TestStatusIsOneScreen(t *testing.T) {
	g := morning()
	s := open(t, g)
	text := s.transcript(t, "status")
	g.status = control.Status{Site: "new", Name: "New site", Version: "0.1.0", Started: noon, Journal: control.JournalStatus{Err: "disk full", Waiting: 3}}
	golden(t, "status", text+s.transcript(t, "status"))
}

func TestStatusOfAGatewayThatCannotDecideExitsTen(t *testing.T) {
	g := morning()
	g.status.Ready = false
	s := open(t, g)
	for _, args := range [][]string{{"status"}, {"status", "--json"}} {
		if got := s.run(t, args...); got.code != exitNo || got.out == "" || got.err != "" {
			t.Errorf("%v: exit %d, error output %q, want %d and the status", args, got.code, got.err, exitNo)
		}
	}
}

func TestNamesCannotDrawOnTheTerminal(t *testing.T) {
	g := morning()
	evil := "Anna\x1b[2J\x1b]0;owned\x07\r\nGranted: \u202eforged"
	g.status.Name, g.doors[0].Name, g.answer.Name = evil, evil, evil
	g.events[0].Detail = evil
	g.status.Troubles[0].Text = evil
	g.err = &control.Error{Code: control.Failed, Message: evil, Hint: evil}
	s := open(t, g)
	for _, args := range [][]string{
		{"status"},
		{"door", "list"},
		{"event", "list"},
		{"why", "--person", evil, "--door", "front"},
		{"door", "open", evil},
		{"__complete", "door", "open", ""},
	} {
		got := s.run(t, args...)
		for _, r := range got.out + got.err {
			if r < ' ' && r != '\n' && r != '\t' || r == '\u202e' || r == '\x7f' {
				t.Errorf("%v writes %U", args, r)
			}
		}
		if strings.Contains(got.out, "\nGranted:") {
			t.Errorf("%v: a name forged a line:\n%s", args, got.out)
		}
	}
}
