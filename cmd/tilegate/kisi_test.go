package main

import (
	"testing"

	"github.com/tilegate/tilegate/cloud"
)

func TestKisiTestTellsWhatIsMissing(t *testing.T) {
	g := morning()
	g.checks = []cloud.CheckLine{{What: "sign in", OK: true, Note: "as gateway@example.com"}, {What: "read logins", Note: "the key may not; make the user an organisation administrator"}}
	s := open(t, g)
	text := s.transcript(t, "kisi", "test")
	g.checks = g.checks[:1]
	text += s.transcript(t, "kisi", "test")
	golden(t, "kisi", text+noSite(t).transcript(t, "kisi", "test", "--config", "testdata/good.toml"))
}
