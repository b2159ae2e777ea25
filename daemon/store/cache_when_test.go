package store

import (
	"errors"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

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
		number, _, err := c.Install("kisi", r, access.Contact{Source: "kisi", At: noon}, noon.Add(time.Duration(i)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, number)
		if i < 2 { // the last one was never taken into use
			if err := c.Seal(number, [32]byte{1}); err != nil {
				t.Fatal(err)
			}
		}
	}
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
