package hw

import (
	"sync/atomic"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// decoded is a frame that means something, or that should have.
type decoded struct {
	at    time.Time // when its last byte came
	kind  access.Kind
	value Value
	ok    bool // false: a frame came, but not whole or not as the settings say
}

// lineDecoder is the whole way from bytes to values. It is pure: it takes bytes
// and times, starts nothing and waits for nothing. One goroutine may use it.
type lineDecoder struct {
	layout
	framer framer
	drops  dropCounts
	frames atomic.Uint64 // correct ones
	out    []decoded
}

func newLineDecoder(l layout) *lineDecoder {
	d := &lineDecoder{layout: l}
	d.framer = framer{frameOptions: l.frame, drops: &d.drops, emit: d.frame}
	return d
}

// feed takes bytes that came at one time and returns what they completed. The
// slice is good until the next call.
func (d *lineDecoder) feed(at time.Time, in []byte) []decoded {
	d.out = d.out[:0]
	d.framer.feed(at, in)
	return d.out
}

// idle tells what time it is when nothing came.
func (d *lineDecoder) idle(at time.Time) []decoded {
	d.out = d.out[:0]
	d.framer.idle(at)
	return d.out
}

// open drops half a frame: the port was opened again.
func (d *lineDecoder) open(at time.Time) {
	if d.framer.begun() {
		d.drops.add(dropTimeout)
	}
	d.framer.open(at)
}

// frame takes one frame and says whether its check was right.
func (d *lineDecoder) frame(at time.Time, frame []byte) bool {
	if d.picked.ignore != nil && d.picked.ignore.Match(frame) {
		d.drops.add(dropIgnored)
		return true
	}
	body, ok := d.check.strip(frame)
	if !ok {
		d.drops.add(dropCheck)
		d.out = append(d.out, decoded{at: at})
		return false
	}
	data, as, ok := d.picked.pick(body)
	if ok {
		kind, value, err := d.decode.credential(data, as)
		if err == nil {
			d.frames.Add(1)
			d.out = append(d.out, decoded{at: at, kind: kind, value: value, ok: true})
			return true
		}
	}
	d.drops.add(dropDecode)
	d.out = append(d.out, decoded{at: at})
	return true
}

// dropped names the drops that happened, in their order in the set.
func (d *lineDecoder) dropped() []string {
	var words []string
	for i := range d.drops {
		if d.drops[i].Load() > 0 {
			words = append(words, dropWords[i])
		}
	}
	return words
}

// holdOff makes a credential that stays in the field count once, and keeps the
// rate of different ones to what people can do. It is pure as well.
type holdOff struct {
	wait   time.Duration
	recent [8]sighting // so many cards fit in one field
}

type sighting struct {
	kind  access.Kind
	value Value
	last  time.Time
}

// stays says that the credential was in the field a moment ago, and notes that
// it still is.
func (h *holdOff) stays(d decoded) bool {
	for i := range h.recent {
		s := &h.recent[i]
		if s.value == d.value && s.kind == d.kind && !s.last.IsZero() {
			stayed := d.at.Sub(s.last) < h.wait
			if stayed {
				s.last = d.at
			}
			return stayed
		}
	}
	return false
}

// note remembers a credential that was let through, in place of the one that
// was seen least lately.
func (h *holdOff) note(d decoded) {
	oldest := 0
	for i, s := range h.recent {
		if s.value == d.value && s.kind == d.kind {
			oldest = i
			break
		}
		if s.last.Before(h.recent[oldest].last) {
			oldest = i
		}
	}
	h.recent[oldest] = sighting{d.kind, d.value, d.at}
}
