package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

func TestASilentReaderLosesItsPowerNowAndThen(t *testing.T) {
	minute := time.Minute
	tests := []struct {
		name string
		up   func(now time.Duration) bool
		want string // when, in an hour and a half
	}{
		{"a reader that is heard", func(time.Duration) bool { return true }, "[]"},
		{"a reader that is away for 19 s", func(now time.Duration) bool { return now >= 19*time.Second }, "[]"},
		{"a reader that is away for good", func(time.Duration) bool { return false }, "[20s 2m20s 6m20s 14m20s 30m20s 1h0m20s]"},
		{"a reader that the power heals", func(now time.Duration) bool { return now > 25*time.Second }, "[20s]"},
		{"a reader that is healed for a while only", func(now time.Duration) bool {
			return now%(5*minute) > minute // away for the first minute of every five
		}, "[20s 5m20s 10m20s 20m20s 40m20s 1h10m20s]"},
		{"a reader that hangs once in half an hour", func(now time.Duration) bool { return now%(30*minute) > minute }, "[20s 30m20s 1h0m20s]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h healer
			got := []time.Duration{}
			for now := time.Duration(0); now < 90*minute; now += time.Second {
				if h.look(now, tt.up(now)) {
					got = append(got, now)
				}
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Whatever a reader does, its power goes only while it is silent, and never twice
// within two minutes.
func TestPowerIsNeverTakenFromAReaderThatSpeaksOrTooOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h healer
		var now, last, silent time.Duration
		cycled := false
		for range rapid.IntRange(1, 300).Draw(t, "looks") {
			now += time.Duration(rapid.IntRange(1, 40).Draw(t, "wait")) * time.Second
			up := rapid.IntRange(0, 3).Draw(t, "up") == 0
			if up {
				silent = 0
			} else if silent == 0 {
				silent = now
			}
			if !h.look(now, up) {
				continue
			}
			if up || now-silent < healAfter || cycled && now-last < healPause {
				t.Fatalf("at %v: up %v, silent since %v, last time at %v", now, up, silent, last)
			}
			cycled, last = true, now
		}
	})
}

// mutableTile is a tile whose state the test moves.
type mutableTile struct {
	fakeTile
	mu    sync.Mutex // guards stats
	stats hw.Stats
}

func (m *mutableTile) Stats() hw.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

func (m *mutableTile) set(s hw.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats = s
}

// tended runs the loop of the door's first tile, in a bubble, for a while.
func (s *stage) tended(t *testing.T, play func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.listen(ctx, s.tiles[0]) }()
	play()
	cancel()
	<-ended
}

func TestASilentReaderIsPowerCycled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		tile := &mutableTile{fakeTile: fakeTile{s.seen}}
		power := &fakeStrike{seen: s.seen}
		s.tiles[0].reader, s.tiles[0].power = tile, power
		s.tended(t, func() {
			time.Sleep(150 * time.Second)
			synctest.Wait()
			if got, want := s.seen.String(), strings.TrimSuffix(strings.Repeat("unlock 3s\nrecord system reader was silent, power-cycled\n", 2), "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if got, want := s.tiles[0].healed(), "; power-cycled 2 times"; got != want {
				t.Errorf("people are told %q, want %q", got, want)
			}
			power.err = errors.New("no answer")
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			if got, want := s.tiles[0].healed(), "; power-cycled 2 times; its power relay does not answer"; got != want {
				t.Errorf("people are told %q, want %q", got, want)
			}
		})
		last := s.journal.all[len(s.journal.all)-1]
		if last.Kind != access.SystemEvent || last.Reader != usualReader || last.Door != "front" || !strings.Contains(last.Detail, "no answer") {
			t.Errorf("the last event: %+v", last)
		}
		time.Sleep(time.Second)
	})
}

func TestAReaderWithoutAPowerRelayIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.tiles[0].reader = &mutableTile{fakeTile: fakeTile{s.seen}}
		s.tended(t, func() { time.Sleep(time.Hour) })
		if got := s.seen.String(); got != "" || s.tiles[0].healed() != "" {
			t.Errorf("got %q, %q", got, s.tiles[0].healed())
		}
	})
}

// How a tile stands is told once for each connection, and when it changes.
func TestATileIsToldHowItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.site = &siteState{}
		tile := &mutableTile{fakeTile: fakeTile{s.seen}}
		s.tiles[0].reader = tile
		start := time.Now()
		step := func(what, want string) {
			t.Helper()
			before := s.seen.String()
			time.Sleep(2500 * time.Millisecond)
			synctest.Wait()
			if got := strings.Trim(strings.TrimPrefix(s.seen.String(), before), "\n"); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		s.tended(t, func() {
			step("it is not there", "")
			tile.set(hw.Stats{Up: true, Since: start})
			step("it is there", "lamp ready")
			step("and stays", "")
			s.site.away.Store(true)
			step("the cloud is away", "lamp offline")
			tile.set(hw.Stats{Up: false, Since: start.Add(time.Second)})
			step("it goes", "")
			tile.set(hw.Stats{Up: true, Since: start.Add(2 * time.Second)})
			step("it comes back", "lamp offline")
			tile.set(hw.Stats{Up: true, Since: start.Add(3 * time.Second)})
			step("it was away between two looks", "lamp offline")
			s.site.away.Store(false)
			step("the cloud is back", "lamp ready")
			s.warning.Store(true)
			step("the door stands open", "lamp shut the door")
			step("it asks again, but not at once", "")
			step("it asks again", "lamp shut the door")
			s.warning.Store(false)
			step("the door was shut", "")
		})
	})
}
