package daemon

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

func forced() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}

func TestMemoryOfACrawlIsGivenBack(t *testing.T) {
	r := &rights{}
	s := newSweeper(r)
	take := func(roster access.Roster) {
		t.Helper()
		snapshot, err := access.Build(roster, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		r.current.Store(snapshot)
	}
	// A collection by itself must neither help nor hide.
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	take(access.Roster{})
	s.sweep()
	tests := []struct {
		name  string
		roll  func()
		sweep bool
	}{
		{"nothing happened", func() {}, false},
		{"new rights", func() { take(access.Roster{Places: []access.Place{{ID: "hq"}}}) }, true},
		{"a crawl that changed nothing", func() { waste(64 << 20) }, true},
		{"nothing happened again", func() {}, false},
	}
	for _, tt := range tests {
		tt.roll()
		before := forced()
		s.sweep()
		if got := forced() > before; got != tt.sweep {
			t.Errorf("%s: swept %v, want %v", tt.name, got, tt.sweep)
		}
		if s.fat() {
			t.Errorf("%s: the heap still has more than it needs", tt.name)
		}
	}
}

// waste leaves garbage.
//
//go:noinline
func waste(size int) {
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	runtime.KeepAlive(block)
}

// Several sources may be read at once; the last one to end has the usual back.
func TestGarbageIsCollectedOftenerWhileRightsAreBuilt(t *testing.T) {
	usual := debug.SetGCPercent(77)
	defer debug.SetGCPercent(usual)
	now := func() int {
		n := debug.SetGCPercent(50)
		debug.SetGCPercent(n)
		return n
	}
	var l lean
	first := l.begin()
	in := now()
	second := l.begin()
	first()
	if in == 77 || now() != in {
		t.Errorf("while one of two is left: %d, want %d, not the usual", now(), in)
	}
	second()
	if got := now(); got != 77 {
		t.Errorf("at the end: %d, want what was usual", got)
	}
	for live, want := range map[uint64]int{0: 100, 4 << 20: 100, 16 << 20: 50, 80 << 20: 10, 1 << 30: 10} {
		if got := leanFor(live); got != want {
			t.Errorf("%d MiB in use: %d percent, want %d", live>>20, got, want)
		}
	}
}
