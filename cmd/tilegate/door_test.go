package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/control"
)

func TestDoorCommandsTellWhatHappened(t *testing.T) {
	s := open(t, morning())
	golden(t, "door", s.transcript(t, "door", "list")+s.transcript(t, "door", "open", "front")+s.transcript(t, "door", "open", "rear", "--anyway")+
		s.transcript(t, "door", "hold", "front", "--for", "2h")+s.transcript(t, "door", "release", "front")+s.transcript(t, "door", "release", "rear")+
		s.transcript(t, "door", "lockdown", "front")+s.transcript(t, "door", "lockdown", "--place", "hq", "--reason", "drill")+
		s.transcript(t, "door", "lockdown", "--site", "--json")+s.transcript(t, "door", "release", "--site")+
		s.transcript(t, "door", "lockdown")+s.transcript(t, "door", "lockdown", "front", "--site")+s.transcript(t, "door", "release", "--place", "")+
		s.transcript(t, "door", "lockdown", "front", "rear")+
		s.transcript(t, "door", "hold", "front")+s.transcript(t, "door", "hold", "front", "--for", "25h")+s.transcript(t, "door", "test", "rear"))
}

func TestDoorOpenExitsAsItWent(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		exit int
		want string
	}{
		{"opened", nil, exitOK, ""},
		{"no such door", &control.Error{Code: control.NotFound, Message: "no door is called frnt", Hint: "tilegate door open front"}, exitFailed, "Try:   tilegate door open front"},
		{"locked down", &control.Error{Code: control.Conflict, Message: "Front door is locked down"}, exitFailed, "Front door is locked down"},
		{"strike silent", &control.Error{Code: control.Failed, Message: "door front: strike: no answer"}, exitFailed, "no answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := morning()
			g.err = test.err
			got := open(t, g).run(t, "door", "open", "front")
			if got.code != test.exit || !strings.Contains(got.err, test.want) {
				t.Errorf("exit %d, %q, want %d with %q", got.code, got.err, test.exit, test.want)
			}
			if diff := cmp.Diff([]string{"open front"}, g.acted); diff != "" {
				t.Errorf("acted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDoorNamesComplete(t *testing.T) {
	s := open(t, morning())
	for _, args := range [][]string{
		{"door", "open", ""},
		{"door", "test", ""},
		{"door", "hold", ""},
		{"door", "release", ""},
		{"door", "lockdown", ""},
		{"why", "--door", ""},
		{"tap", "simulate", "--door", ""},
		{"event", "follow", "--door", ""},
	} {
		got := s.run(t, append([]string{"__complete"}, append([]string{"--socket", string(s)}, args...)...)...)
		if want := "front\tFront door\nhall\tHall\nlobby\tLobby\ngate\tGate\nrear\tRear door\n:4\n"; got.out != want {
			t.Errorf("%v completes to %q, want %q", args, got.out, want)
		}
	}
	if got, want := s.run(t, "__complete", "door", "open", "front", "").out, ":4\n"; got != want {
		t.Errorf("a second door completes to %q, want %q", got, want)
	}
}

func TestCompletionIsQuietWithoutAGateway(t *testing.T) {
	s := noSite(t)
	got := s.run(t, "__complete", "door", "open", "")
	if want := ":4\n"; got.out != want || got.code != exitOK || strings.Contains(got.err, "Error") {
		t.Errorf("exit %d, output %q, error output %q, want %q alone", got.code, got.out, got.err, want)
	}
}
