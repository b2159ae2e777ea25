package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/control"
)

func TestSyncTellsHowOldTheRightsAre(t *testing.T) {
	g := morning()
	g.syncs = append(g.syncs, control.Sync{Source: "hub", Running: true, Done: 3, Total: 9, Result: "never"})
	s := open(t, g)
	golden(t, "sync", s.transcript(t, "sync", "status")+s.transcript(t, "sync", "now"))
}

func TestSyncNowExitsAsItWent(t *testing.T) {
	for _, test := range []struct {
		name  string
		syncs []control.Sync
		exit  int
	}{
		{"good", []control.Sync{{Source: "kisi", Result: "ok"}}, exitOK},
		{"held", []control.Sync{{Source: "kisi", Result: "held"}, {Source: "file", Result: "ok"}}, exitNo},
		{"failed", []control.Sync{{Source: "kisi", Result: "failed", Err: "401"}}, exitFailed},
		{"failed and held", []control.Sync{{Source: "file", Result: "held"}, {Source: "kisi", Result: "failed"}}, exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := morning()
			g.syncs = test.syncs
			for _, verb := range []string{"now", "approve"} {
				if got := open(t, g).run(t, "sync", verb, "kisi"); got.code != test.exit {
					t.Errorf("%s: exit %d, want %d: %s", verb, got.code, test.exit, got.err)
				}
			}
			if diff := cmp.Diff([]string{"sync kisi", "approve kisi"}, g.acted); diff != "" {
				t.Errorf("acted (-want +got):\n%s", diff)
			}
		})
	}
}
