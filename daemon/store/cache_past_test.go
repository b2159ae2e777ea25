package store

import (
	"errors"
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

func TestRightsOfATimeAreFound(t *testing.T) {
	c := openCache(t, cachePath(t))
	ctx := t.Context()
	if _, err := c.NumberAt(ctx, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty cache: got %v, want %v", err, ErrNotFound)
	}
	r := building()
	var numbers []uint64
	for i := range 3 {
		r.Places[0].LockedDown = i%2 == 1
		number, _ := install(t, c, "kisi", r, noon.Add(time.Duration(i)*time.Hour))
		numbers = append(numbers, number)
	}
	unseal(t, c) // the last one was never taken into use
	for _, tt := range []struct {
		name string
		at   time.Time
		want uint64 // 0: none
	}{
		{"before the first", noon.Add(-time.Microsecond), 0},
		{"at the first", noon, numbers[0]},
		{"before the second", noon.Add(time.Hour - time.Microsecond), numbers[0]},
		{"at the second", noon.Add(time.Hour), numbers[1]},
		{"after one that was not sealed", noon.Add(3 * time.Hour), numbers[1]},
	} {
		got, err := c.NumberAt(ctx, tt.at)
		if got != tt.want || (tt.want == 0) != errors.Is(err, ErrNotFound) {
			t.Errorf("%s: got %d, %v; want %d", tt.name, got, err, tt.want)
		}
	}
}
