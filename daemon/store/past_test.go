package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestAPastGenerationIsFoundByItsNumberAndByItsHash(t *testing.T) {
	c := openCache(t, cachePath(t))
	r := building()
	for i := range 3 { // at noon, an hour later, and one that was never in force
		r.Places[0].Name = string(rune('a' + i))
		install(t, c, "kisi", r, noon.Add(time.Duration(i)*time.Hour))
	}
	unseal(t, c)
	r.Places[0].Name = "b"
	g, err := c.Generation(t.Context(), 2)
	want := Generation{Number: 2, Hash: built(t, r).Hash(), Form: access.HashForm, At: noon.Add(time.Hour)}
	if diff := cmp.Diff(want, g); diff != "" || err != nil {
		t.Errorf("generation 2 (-want +got):\n%s%v", diff, err)
	}
	// What is at the doors before the disk has it carries the number before.
	for number, found := range map[uint64]bool{1: true, 2: true, 3: false} {
		g, err := c.GenerationOf(t.Context(), number, want.Hash)
		if found && (err != nil || g.Number != 2) || !found && !errors.Is(err, ErrNotFound) {
			t.Errorf("from generation %d on: got %d, %v", number, g.Number, err)
		}
	}
	if _, err := c.Generation(t.Context(), 3); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that was never in force: %v", err)
	}
}

// People who are gone are still called by their names, as long as their rows are
// kept.
func TestPeopleAreCalledAsTheyWereLast(t *testing.T) {
	c := openCache(t, cachePath(t))
	holders := func(rows ...access.Holder) access.Roster { return access.Roster{Holders: rows} }
	install(t, c, "kisi", holders(access.Holder{ID: "anna", Name: "Anna"}, access.Holder{ID: "berta", Name: "Berta"}, access.Holder{ID: "none"}), noon)
	install(t, c, "kisi", holders(access.Holder{ID: "anna", Name: "Anna Rossi"}, access.Holder{ID: "none"}), noon)
	install(t, c, "file", holders(access.Holder{ID: "anna", Name: "From the file"}, access.Holder{ID: "berta", Name: "Berta of the file"}), noon)
	install(t, c, "file", holders(access.Holder{ID: "anna", Name: "From the file"}), noon)
	ids := []string{"anna", "berta", "none", "nobody"}
	for range 2 * namesAtOnce { // more than one query takes
		ids = append(ids, "nobody")
	}
	got, err := c.Names(t.Context(), append(ids, "anna"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"anna": "From the file", "berta": "Berta of the file"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestThePostureOfAnInstantIsFound(t *testing.T) {
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	for i := range 2 {
		if _, err := l.AppendPosture(Posture{At: noon.Add(time.Duration(i) * time.Hour), What: LockDown, Scope: access.ScopeOrganisation}); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[time.Duration]uint64{-1: 0, 0: 1, time.Hour - time.Microsecond: 1, time.Hour: 2} {
		if got, err := l.PostureAt(t.Context(), noon.Add(after)); got != want || err != nil {
			t.Errorf("%v: got %d, %v, want %d", after, got, err, want)
		}
	}
}
