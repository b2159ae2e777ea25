package cloudtest

import (
	"context"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// basket keeps all rows that it is given.
type basket struct{ access.Roster }

// Add keeps rows.
func (b *basket) Add(r access.Roster, _ int, _ bool) error {
	b.Places, b.Doors, b.Groups = append(b.Places, r.Places...), append(b.Doors, r.Doors...), append(b.Groups, r.Groups...)
	b.Schedules, b.Teams, b.Holders = append(b.Schedules, r.Schedules...), append(b.Teams, r.Teams...), append(b.Holders, r.Holders...)
	b.Assignments, b.Grants = append(b.Assignments, r.Assignments...), append(b.Grants, r.Grants...)
	return nil
}

// Wrong finds nothing: to build the rows finds more.
func (*basket) Wrong(context.Context, func(int, string, string, string) bool) error { return nil }

// said is all that a fetch says, at once or row by row.
func said(ctx context.Context, src cloud.Source, cursor cloud.Cursor) (cloud.Fetched, access.Roster, error) {
	f, err := src.Fetch(ctx, cursor)
	if err != nil || f.Rows == nil {
		return f, f.Roster, err
	}
	var rows basket
	err = f.Rows(ctx, &rows)
	return f, rows.Roster, err
}

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
			if got, rows, err := said(t.Context(), src, cursor); err == nil {
				t.Errorf("cursor %q: damaged, yet fetched: unchanged %v, %d people", cursor, got.Unchanged, len(rows.Holders))
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
		if _, _, err := said(ctx, src, ""); err == nil {
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
	f, rows, err := said(t.Context(), src, "")
	if err != nil {
		t.Fatal(err)
	}
	if f.Unchanged || len(rows.Holders) == 0 || len(rows.Grants) == 0 {
		t.Fatalf("unchanged %v, %d people, %d rights; want everything", f.Unchanged, len(rows.Holders), len(rows.Grants))
	}
	if f.At.IsZero() || f.At.After(time.Now()) {
		t.Errorf("heard of at %v", f.At)
	}
	s, err := access.Build(rows, []access.Contact{{Source: src.Name(), At: f.At, Ageless: src.Ageless()}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
