package daemon

import (
	"context"
	"runtime/debug"
	numbers "runtime/metrics"
	"sync"
	"time"
)

const (
	sweepEvery = 5 * time.Second
	sweepAbove = 8 << 20 // bytes of heap that are not worth a sweep
)

// sweeper gives memory back to the machine. A crawl needs several times what
// the rights need that come of it, and left alone the runtime keeps that for
// minutes, or for good: 137 MiB were resident for 100,000 people, and two
// thirds of that was garbage.
type sweeper struct {
	rights  *rights
	swept   [32]byte // the rights that were in force at the last sweep
	samples []numbers.Sample
}

// The places of the samples.
const (
	heapLive = iota // after the last collection
	heapObjects
	heapUnused
	heapFree // not used, and not given back
)

func newSweeper(r *rights) *sweeper {
	return &sweeper{rights: r, samples: []numbers.Sample{
		heapLive:    {Name: "/gc/heap/live:bytes"},
		heapObjects: {Name: "/memory/classes/heap/objects:bytes"},
		heapUnused:  {Name: "/memory/classes/heap/unused:bytes"},
		heapFree:    {Name: "/memory/classes/heap/free:bytes"},
	}}
}

func (s *sweeper) run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.sweep()
		}
	}
}

// sweep collects garbage and gives memory back after new rights came into
// force, and whenever the heap has much more than is in use. The doors go on
// meanwhile.
func (s *sweeper) sweep() {
	hash := s.rights.Load().Hash()
	if hash == s.swept && !s.fat() {
		return
	}
	debug.FreeOSMemory()
	s.swept = hash
}

func (s *sweeper) fat() bool {
	numbers.Read(s.samples)
	value := func(i int) uint64 { return s.samples[i].Value.Uint64() }
	live := value(heapLive)
	return value(heapObjects)+value(heapUnused)+value(heapFree) > live+live/4+sweepAbove
}

// Rows pass through memory by the hundred thousand while rights are read and
// built, and each is garbage at once. leanSlack is how much of it may lie about;
// of a large heap it is leanPercent, for collecting more often than that would
// cost the doors more than it saves.
const (
	leanSlack   = 8 << 20 // bytes
	leanPercent = 10
)

// lean has garbage collected more often while it is in use. The zero value is
// ready; many may use it at once.
type lean struct {
	mu    sync.Mutex // guards all below
	users int
	usual int // percent
}

// begin is lean until the end is called.
func (l *lean) begin() (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users++; l.users == 1 {
		l.usual = debug.SetGCPercent(leanFor(liveHeap()))
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.users--; l.users == 0 {
			debug.SetGCPercent(l.usual)
		}
	}
}

// leanFor is the percentage for so many bytes that are in use.
func leanFor(live uint64) int {
	return int(min(100, max(leanPercent, leanSlack*100/max(live, 1))))
}

// liveHeap is what was in use at the last collection.
func liveHeap() uint64 {
	sample := []numbers.Sample{{Name: "/gc/heap/live:bytes"}}
	numbers.Read(sample)
	return sample[0].Value.Uint64()
}
