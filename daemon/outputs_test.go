package daemon

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/hw"
)

// silentStrike is on a board that never answers.
type silentStrike struct{ *fakeStrike }

func (silentStrike) Rest(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// countedStrike counts how often it was brought to rest.
type countedStrike struct {
	*fakeStrike
	rested *atomic.Int32
}

func (c countedStrike) Rest(context.Context) error { c.rested.Add(1); return nil }

// stagePlan opens a strike that is played.
type stagePlan struct{ strike hw.Strike }

func (stagePlan) Port() hw.PortUse                                  { return hw.PortUse{} }
func (p stagePlan) Open(*hw.Lines, hclog.Logger) (hw.Strike, error) { return p.strike, nil }

// systemd gives the whole of it 15 s, and whoever comes last may be the door
// that stands open.
func TestSilentBoardsDoNotKeepTheLastDoorFromItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rested, o := new(atomic.Int32), &config.Options{}
		for range 20 {
			o.Doors = append(o.Doors, config.Door{ID: "silent", Strike: stagePlan{silentStrike{&fakeStrike{seen: &transcript{}}}}})
		}
		o.Doors = append(o.Doors, config.Door{ID: "last", Strike: stagePlan{countedStrike{&fakeStrike{}, rested}}})
		start := time.Now()
		if err := OutputsOff(t.Context(), o, hclog.NewNullLogger()); err == nil {
			t.Error("20 silent boards, and no error")
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %v, longer than systemd waits", took)
		}
		if got := rested.Load(); got != 1 {
			t.Errorf("the last door was brought to rest %d times, want once", got)
		}
	})
}
