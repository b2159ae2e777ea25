package store

import (
	"errors"
	"testing"
	"time"
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
