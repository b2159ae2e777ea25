package access

import (
	"errors"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"sort"
)

// texts is many short strings in one long one.
type texts struct {
	all string
	at  []uint32 // one more than there are strings
}

func (t *texts) get(i int) string { return t.all[t.at[i]:t.at[i+1]] }
func (t *texts) len() int         { return max(len(t.at)-1, 0) }

// find is the index of s among sorted texts, or -1.
func (t *texts) find(s string) int {
	i := sort.Search(t.len(), func(i int) bool { return t.get(i) >= s })
	if i < t.len() && t.get(i) == s {
		return i
	}
	return -1
}

var errTooLarge = errors.New("roster: too large to index")

// textsWriter makes texts.
type textsWriter struct {
	all []byte
	at  []uint32
}

func (w *textsWriter) add(s string) error {
	if len(w.all)+len(s) > math.MaxUint32 {
		return errTooLarge
	}
	if w.at == nil {
		w.at = append(w.at, 0)
	}
	w.all = append(w.all, s...)
	w.at = append(w.at, uint32(len(w.all)))
	return nil
}

// done gives the texts, without room for more.
func (w *textsWriter) done() texts {
	t := texts{all: string(w.all), at: trim(w.at)}
	*w = textsWriter{}
	return t
}

// trim is the rows without the room that they had to grow, where that is worth a
// copy.
func trim[T any](rows []T) []T {
	if spare := cap(rows) - len(rows); spare*16 > cap(rows) {
		return append(make([]T, 0, len(rows)), rows...)
	}
	return slices.Clip(rows)
}

// finder finds texts by what they say, wherever they lie: open addressing, where
// 0 is empty, else the index+1. It lasts as long as an assembly does.
type finder struct {
	in    *texts
	seed  maphash.Seed
	slots []uint32
}

func newFinder(in *texts) finder {
	f := finder{in: in, seed: maphash.MakeSeed(), slots: make([]uint32, slotsFor(in.len()))}
	for i := range in.len() {
		at := f.first(in.get(i))
		for f.slots[at] != 0 {
			at = (at + 1) & (len(f.slots) - 1)
		}
		f.slots[at] = uint32(i + 1)
	}
	return f
}

func (f *finder) first(s string) int {
	return int(maphash.String(f.seed, s) & uint64(len(f.slots)-1))
}

func (f *finder) find(s string) (uint32, bool) {
	for at := f.first(s); f.slots[at] != 0; at = (at + 1) & (len(f.slots) - 1) {
		if i := f.slots[at] - 1; f.in.get(int(i)) == s {
			return i, true
		}
	}
	return 0, false
}

// slotsFor is how many slots find n rows with few tries: a power of two.
func slotsFor(n int) int { return 1 << bits.Len(uint(n*3/2)) }

// spans says which run of a flat slice belongs to each owner.
type spans []uint32 // one more than there are owners

func (s spans) of(i int) (from, to uint32) {
	if i+1 >= len(s) {
		return 0, 0
	}
	return s[i], s[i+1]
}
