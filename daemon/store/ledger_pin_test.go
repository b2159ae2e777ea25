package store

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPINLimitsOutliveAReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := OpenLedger(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, limits := range []map[string]string{
		{"tile front/in": "one", "tile rear/in": "two", "credential card:00": "three"},
		{"tile front/in": "four", "tile rear/in": ""},
		{"tile never": ""},
		{},
	} {
		if err := l.KeepPINLimits(limits); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLedger(t, path)
	got, err := l.PINLimits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"tile front/in": "four", "credential card:00": "three"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}
