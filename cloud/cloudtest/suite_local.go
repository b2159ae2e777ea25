package cloudtest

import (
	"context"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// LocalSourceSuite is what every source that asks no cloud must do. Open makes
// one with at least one person who may open a door; damage breaks what the
// newest of them reads, in a way that must be refused.
func LocalSourceSuite(t *testing.T, open func(t *testing.T) cloud.Source, damage func(t *testing.T)) {
	t.Helper()
	t.Run("SameRosterTwice", func(t *testing.T) {
		src := open(t)
		a, b := built(t, src), built(t, src)
		if a.Hash() != b.Hash() {
			t.Errorf("two fetches of the same differ: %x, %x", a.Hash(), b.Hash())
		}
	})
	t.Run("DamageIsRefusedWhole", func(t *testing.T) {
		src := open(t)
		f, err := src.Fetch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		damage(t)
		for _, cursor := range []cloud.Cursor{"", f.Cursor} {
			if got, err := src.Fetch(t.Context(), cursor); err == nil {
				t.Errorf("cursor %q: damaged, yet fetched: unchanged %v, %d people", cursor, got.Unchanged, len(got.Roster.Holders))
			}
		}
		if report, err := src.Test(t.Context()); err == nil && passed(report) {
			t.Errorf("damaged, yet the test passed: %+v", report)
		}
	})
	t.Run("CancellationReturns", func(t *testing.T) {
		src := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := src.Fetch(ctx, ""); err == nil {
			t.Error("a fetch whose context had ended gave a roster")
		}
	})
	t.Run("TestPasses", func(t *testing.T) {
		report, err := open(t).Test(t.Context())
		if err != nil || len(report.Lines) == 0 || !passed(report) {
			t.Errorf("report %+v, error %v; want lines that all passed", report, err)
		}
	})
}

func passed(r cloud.Report) bool {
	for _, line := range r.Lines {
		if !line.OK {
			return false
		}
	}
	return true
}

func built(t *testing.T, src cloud.Source) *access.Snapshot {
	t.Helper()
	f, err := src.Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if f.Unchanged || len(f.Roster.Holders) == 0 || len(f.Roster.Grants) == 0 {
		t.Fatalf("unchanged %v, %d people, %d rights; want everything", f.Unchanged, len(f.Roster.Holders), len(f.Roster.Grants))
	}
	if f.At.IsZero() || f.At.After(time.Now()) {
		t.Errorf("heard of at %v", f.At)
	}
	s, err := access.Build(f.Roster, []access.Contact{{Source: src.Name(), At: f.At, Ageless: src.Ageless()}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
