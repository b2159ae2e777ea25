package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinksOutliveAReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := OpenLedger(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	links := []struct{ outside, holder string }{
		{"kisi:user:1", "anna"}, {"nexudus:coworker:7", "anna"}, {"kisi:user:2", "berta"}, {"kisi:user:2", "carlo"},
	}
	for i, link := range links {
		if err := l.Link(link.outside, link.holder, noon.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLedger(t, path)
	got, err := l.Links(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"kisi:user:1": "anna", "nexudus:coworker:7": "anna", "kisi:user:2": "carlo"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSameLinkAgainWritesNothing(t *testing.T) {
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	for i := range 3 {
		if err := l.Link("kisi:user:1", "anna", noon.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	var at int64
	if err := l.f.r.QueryRowContext(t.Context(), "SELECT at FROM links").Scan(&at); err != nil {
		t.Fatal(err)
	}
	if got := time.UnixMicro(at).UTC(); !got.Equal(noon) {
		t.Errorf("linked at %v, want the first time, %v", got, noon)
	}
}
