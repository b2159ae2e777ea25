package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/control"
)

func TestReaderListShowsWhoHasAKeyAndWhatTheLineLost(t *testing.T) {
	s := open(t, morning())
	golden(t, "reader", s.transcript(t, "reader", "list")+s.transcript(t, "reader", "pair", "front", "in", "--for", "2m")+
		s.transcript(t, "reader", "move", "front", "--address", "3")+s.transcript(t, "reader", "move", "front", "in", "--baud", "115200")+
		s.transcript(t, "reader", "move", "front")+s.transcript(t, "reader", "enable", "front")+s.transcript(t, "reader", "enable", "rear", "in"))
}

func TestReaderPairSaysWhichAndExitsAsItWent(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		err  error
		exit int
		want string
		did  []string
	}{
		{"paired", []string{"front"}, nil, exitOK, "", []string{"pair front  for 1m0s"}},
		{"refused", []string{"front", "out"}, &control.Error{Code: control.Timeout, Message: "not paired within 1m0s", Hint: "is it in install mode?"}, exitFailed, "install mode", []string{"pair front out for 1m0s"}},
		{"too long a window", []string{"front", "--for", "1h"}, nil, exitUsage, "10m0s", nil},
		{"no door", nil, nil, exitUsage, "needs a DOOR", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := morning()
			g.err = test.err
			got := open(t, g).run(t, append([]string{"reader", "pair"}, test.args...)...)
			if got.code != test.exit || !strings.Contains(got.err, test.want) {
				t.Errorf("exit %d, %q, want %d with %q", got.code, got.err, test.exit, test.want)
			}
			if diff := cmp.Diff(test.did, g.acted); diff != "" {
				t.Errorf("acted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReaderWatchShowsWhatIsNewOnceAndEndsWellWhenInterrupted(t *testing.T) {
	g := morning()
	g.status.Journal.Last = 2
	s := open(t, g)
	lines, interrupt := watching(t, s, "reader", "watch", "rear")
	for _, want := range []string{
		"in: DOWN: it has no key yet; pair it: tilegate reader pair rear; key NONE; line 3 reset to heal it",
		"strike: up; key -; line clean", "#3", "#4",
	} {
		if !lines.Scan() {
			t.Fatalf("no line, want %q", want)
		}
		if got := lines.Text(); !strings.Contains(got, want) {
			t.Errorf("got %q, want it to say %q", got, want)
		}
	}
	if got := interrupt(); got.code != exitOK || got.err != "" {
		t.Errorf("exit %d, %q, want %d and silence", got.code, got.err, exitOK)
	}
	if got := s.run(t, "reader", "watch", "cellar"); got.code != exitFailed || !strings.Contains(got.err, "cellar") {
		t.Errorf("a door that is not there: exit %d, %q", got.code, got.err)
	}
}

func TestReaderProbeOfWhatIsNoPortSaysSo(t *testing.T) {
	got := noSite(t).run(t, "reader", "probe", t.TempDir()+"/tty")
	if got.code != exitFailed || !strings.Contains(got.err, "no such device") {
		t.Errorf("exit %d, %q, want %d and that there is none", got.code, got.err, exitFailed)
	}
}
