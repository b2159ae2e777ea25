package hw

import (
	"slices"
	"time"
)

// pn532Field remembers what lies in the field, so that a card that stays is one
// read. It is pure: it is told the time. Where the chip halts a card after
// reading, the card seems to have left and is not found again before it truly
// left: both come out the same.
type pn532Field struct {
	seen []pn532Sighting
}

// pn532Sighting is a card that was read, or found unreadable.
type pn532Sighting struct {
	name string // its UID, or one of the names below
	last time.Time
	wait time.Duration // how long it must be away to count again
	gone bool          // a look since has not found it
}

// What has no UID of its own. No UID looks like these.
const (
	pn532Random = "random" // a UID made up anew each time: one such device is like another
	pn532Crowd  = "crowd"
)

// How long something without a lasting UID must be away. A phone at the edge of
// the field comes and goes.
const pn532Flicker = 300 * time.Millisecond

const pn532Remembered = 8

// stays is told what a look found, nothing as "", and says whether that is
// still what was there before.
func (f *pn532Field) stays(at time.Time, name string) bool {
	stays := false
	for i := range f.seen {
		s := &f.seen[i]
		if s.name != name {
			s.gone = true
			continue
		}
		if stays = !s.gone || at.Sub(s.last) < s.wait; stays {
			s.last, s.gone = at, false
		}
	}
	return stays
}

// note remembers what was read, in place of what was seen least lately.
func (f *pn532Field) note(at time.Time, name string, wait time.Duration) {
	f.seen = slices.DeleteFunc(f.seen, func(s pn532Sighting) bool { return s.name == name })
	if len(f.seen) == pn532Remembered {
		oldest := 0
		for i, s := range f.seen {
			if s.last.Before(f.seen[oldest].last) {
				oldest = i
			}
		}
		f.seen = slices.Delete(f.seen, oldest, oldest+1)
	}
	f.seen = append(f.seen, pn532Sighting{name: name, last: at, wait: wait})
}
