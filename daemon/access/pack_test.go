package access

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Also where digests are not random at all, as they never are.
func TestEveryDigestIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]uint64{1, 1 << 20, 1 << 40, 1 << 55}).Draw(t, "step")
		n := rapid.IntRange(0, 300).Draw(t, "rows")
		digest := func(i int) (d Digest) {
			binary.BigEndian.PutUint64(d[:], uint64(i)*step)
			return d
		}
		var rows []assignment
		for i := range n {
			rows = append(rows, assignment{digest: digest(2*i + 1)})
		}
		slices.SortFunc(rows, func(a, b assignment) int { return bytes.Compare(a.digest[:], b.digest[:]) })
		s := newShelves(rows)
		for i := range 2*n + 2 {
			d := digest(i)
			want := slices.IndexFunc(rows, func(a assignment) bool { return a.digest == d })
			if got := s.find(rows, &d); got != want {
				t.Fatalf("digest %x: got %d, want %d", d, got, want)
			}
		}
	})
}
