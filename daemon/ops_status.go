package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// Status is the gateway on one screen.
func (g *gateway) Status(ctx context.Context) (control.Status, error) {
	now, clock, why, offsets := g.clockStatus()
	snapshot := g.rights.Load()
	settings := g.inForce()
	stats := g.journal.Stats()
	doors, err := g.Doors(ctx)
	if err != nil {
		return control.Status{}, err
	}
	sources, err := g.SyncStatus(ctx)
	if err != nil {
		return control.Status{}, err
	}
	return control.Status{
		Site: settings.Site.ID, Name: settings.Site.Name, TimeZone: settings.Site.Zone.String(),
		Version: g.options.Version, Started: g.started, Line: g.statusLine(), Ready: snapshot.Counts().Credentials > 0, Clock: clock,
		Now: now, ClockWhy: why, Offsets: offsets,
		Generation: snapshot.Generation(), RosterHash: g.rosterHash(), Counts: snapshot.Counts(),
		Doors: doors, Sources: sources, Troubles: g.troubles.shown(),
		Journal: control.JournalStatus{
			Last: stats.Last, Events: stats.Count, Late: g.metrics.late.Load(), Waiting: stats.Queued,
			Healthy: stats.LastErr == nil, Err: errWords(stats.LastErr),
		},
	}, nil
}

// statusLine is how the gateway is, in one line.
func (g *gateway) statusLine() string {
	return statusLine(g.doors.count(), g.rightsAge(), g.troubles.shown())
}

// rightsAge says how old the rights are, in words.
func (g *gateway) rightsAge() string {
	now, _ := g.clock.now()
	var oldest time.Duration
	cloud, heard := false, true
	for _, c := range g.rights.Load().Contacts() {
		if c.Ageless {
			continue
		}
		cloud = true
		if c.At.IsZero() {
			heard = false
			continue
		}
		oldest = max(oldest, now.Sub(c.At))
	}
	switch {
	case !cloud:
		return fmt.Sprintf("rights from a file (%d cards)", g.rights.Load().Counts().Credentials)
	case !heard:
		return "rights not fetched yet"
	case oldest < time.Minute:
		return "rights less than a minute old"
	case oldest < 2*time.Hour:
		return fmt.Sprintf("rights %d min old", int(oldest.Minutes()))
	}
	return fmt.Sprintf("rights %d h old", int(oldest.Hours()))
}

// postureOf is how a door stands: open while a pulse runs.
func postureOf(s *access.Snapshot, d *door) string {
	switch stands := d.look().stands; {
	case stands == standsHeld:
		return "held_open"
	case stands == standsUnlocked:
		return "unlocked_by_schedule"
	case int64(d.clock.Mono()) < d.openUntil.Load():
		return "open"
	case s.LockedDown(d.id):
		return "locked_down"
	}
	return "locked"
}
