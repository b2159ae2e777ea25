package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func TestStatusSaysHowFarTheClockIsTrusted(t *testing.T) { // X9
	g := morning()
	s := open(t, g)
	for _, tt := range []struct {
		name   string
		status control.Status
		want   string
	}{
		{
			"trusted",
			control.Status{Now: noon, Offsets: []control.ClockOffset{
				{Source: "kisi", Ahead: 412 * time.Millisecond, Within: 530 * time.Millisecond},
				{Source: "nexudus", Ahead: -40 * time.Second, Within: time.Second},
			}},
			"Clock    synced, 2026-11-21 11:00:00 UTC\n         400ms ahead of kisi, give or take 500ms\n         40s behind nexudus, give or take 1s\n",
		},
		{
			"not trusted",
			control.Status{Now: noon.Add(-time.Hour), Clock: access.ClockUnset, ClockWhy: "it shows 1970-01-01 00:00:05 UTC, and 2026-11-21 10:00:00 UTC has passed"},
			"Clock    NOT TRUSTED (unset), taken for 2026-11-21 10:00:00 UTC\n         it shows 1970-01-01 00:00:05 UTC, and 2026-11-21 10:00:00 UTC has passed\n",
		},
	} {
		tt.status.Ready = true
		g.status = tt.status
		if got := s.run(t, "status"); !strings.Contains(got.out, tt.want) {
			t.Errorf("%s: got\n%s\nwant in it\n%s", tt.name, got.out, tt.want)
		}
	}
}
