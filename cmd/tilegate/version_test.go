package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestVersionNamesTheProgram(t *testing.T) {
	got := noSite(t).run(t, "version")
	if got.code != exitOK || !strings.HasPrefix(got.out, "tilegate "+versionOf(version)+" (go1.") {
		t.Errorf("exit %d, %q", got.code, got.out)
	}
	var b built
	if err := json.Unmarshal([]byte(noSite(t).run(t, "version", "--json").out), &b); err != nil || b.Version == "" || b.Platform == "" {
		t.Errorf("%+v, %v", b, err)
	}
}
