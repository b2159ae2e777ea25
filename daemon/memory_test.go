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
