package access

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math"
	"math/bits"
	"sort"
	"strings"
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

// rows grow without being copied, so that they leave no garbage behind.
type rows[T any] struct {
	chunks [][]T
	n      int
}

const chunkRows = 4096

func (r *rows[T]) add(row T) {
	if r.n%chunkRows == 0 {
		r.chunks = append(r.chunks, make([]T, 0, chunkRows))
	}
	last := &r.chunks[len(r.chunks)-1]
	*last = append(*last, row)
	r.n++
}

func (r *rows[T]) at(i int) *T { return &r.chunks[i/chunkRows][i%chunkRows] }

// flat gives the rows in one piece, with room for some more, and lets go of them.
func (r *rows[T]) flat(more int) []T {
	all := make([]T, 0, r.n+more)
	for i, chunk := range r.chunks {
		all = append(all, chunk...)
		r.chunks[i] = nil
	}
	*r = rows[T]{}
	return all
}

// textsWriter makes texts.
type textsWriter struct {
	all  rows[byte]
	ends rows[uint32]
}

func (w *textsWriter) add(s string) error {
	if w.all.n+len(s) > math.MaxUint32 {
		return errTooLarge
	}
	for i := range len(s) {
		w.all.add(s[i])
	}
	w.ends.add(uint32(w.all.n))
	return nil
}

func (w *textsWriter) len() int { return w.ends.n }

// done gives the texts and lets go of them.
func (w *textsWriter) done() texts {
	var all strings.Builder
	all.Grow(w.all.n)
	for i, chunk := range w.all.chunks {
		all.Write(chunk)
		w.all.chunks[i] = nil
	}
	t := texts{all: all.String(), at: append(make([]uint32, 1, w.ends.n+1), w.ends.flat(0)...)}
	*w = textsWriter{}
	return t
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

// shelves find a digest among many that are sorted. Digests are as good as
// random, so their first bits say where each is, but for a few places: one look
// into memory that is far away, not the twenty of a binary search.
type shelves struct {
	first []uint32 // where each shelf begins; one more than there are
	shift uint8    // what is left of the first 64 bits is the shelf
}

const (
	shelfSize  = 4  // about how many lie on one
	shelfLarge = 32 // never, while digests are what they should be
)

func newShelves(sorted []assignment) shelves {
	n := bits.Len(uint(len(sorted) / shelfSize))
	s := shelves{first: make([]uint32, 1<<n+1), shift: uint8(64 - n)}
	for i := range sorted {
		s.first[s.of(&sorted[i].digest)+1]++
	}
	for i := range s.first[1:] {
		s.first[i+1] += s.first[i]
	}
	return s
}

func (s *shelves) of(d *Digest) uint64 { return binary.BigEndian.Uint64(d[:8]) >> s.shift }

// find is the index of the first row of a digest, or -1.
func (s *shelves) find(sorted []assignment, d *Digest) int {
	if len(s.first) == 0 {
		return -1
	}
	shelf := s.of(d)
	from, to := int(s.first[shelf]), int(s.first[shelf+1])
	if to-from > shelfLarge {
		from += sort.Search(to-from, func(i int) bool { return bytes.Compare(sorted[from+i].digest[:], d[:]) >= 0 })
		to = min(to, from+1)
	}
	for ; from < to; from++ {
		if sorted[from].digest == *d {
			return from
		}
	}
	return -1
}
