package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// No gateway is there in any of these.
func TestACaseRunsWithoutAGateway(t *testing.T) {
	away := noSite(t)
	text := away.transcript(t, "tap", "simulate", "--case", "testdata/case-good.toml")
	text += away.transcript(t, "tap", "simulate", "--case", "testdata/case.toml")
	text += away.transcript(t, "tap", "simulate", "--case", "testdata/case-mistakes.toml")
	text += away.transcript(t, "tap", "simulate", "--case", "testdata/no-such-case.toml")
	text += away.transcript(t, "tap", "simulate", "--case", "testdata/case.toml", "--door", "front")
	golden(t, "case", text)
}

func TestACaseSpeaksJSON(t *testing.T) {
	for _, test := range []struct {
		file      string
		code      int
		different int
		taps      int
	}{{"testdata/case-good.toml", exitOK, 0, 6}, {"testdata/case.toml", exitNo, 1, 7}} {
		got := noSite(t).run(t, "tap", "simulate", "--json", "--case", test.file)
		var ran ranCase
		if err := json.Unmarshal([]byte(got.out), &ran); err != nil {
			t.Fatalf("%v: %s", err, got.out)
		}
		if got.code != test.code || ran.OK != (test.code == exitOK) || ran.Different != test.different || len(ran.Results) != test.taps || ran.Zone != "Europe/Rome" {
			t.Errorf("%s: exit %d, %+v", test.file, got.code, ran)
		}
	}
}

// The cases that hold the rules are run by the installed tool as well.
func TestTheToolRunsEveryCase(t *testing.T) {
	paths, err := filepath.Glob("../../daemon/access/testdata/cases/*.toml")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d cases: %v", len(paths), err)
	}
	for _, path := range paths {
		if got := noSite(t).run(t, "tap", "simulate", "--case", path); got.code != exitOK || !strings.Contains(got.out, " 0 different.") {
			t.Errorf("%s: exit %d: %s%s", path, got.code, got.out, got.err)
		}
	}
}
