package main

import (
	"testing"

	"github.com/tilegate/tilegate/daemon/control"
)

func TestReloadTellsWhatChanged(t *testing.T) {
	g := morning()
	s := open(t, g)
	text := s.transcript(t, "reload")
	g.change = nil
	text += s.transcript(t, "reload")
	g.err = &control.Error{Code: control.Failed, Message: "/etc/tilegate/tilegate.toml:8: door[0].hodl: no such key\n/etc/tilegate/tilegate.toml:9: door[0].strike: missing", Hint: "tilegate config check"}
	golden(t, "reload", text+s.transcript(t, "reload"))
}
