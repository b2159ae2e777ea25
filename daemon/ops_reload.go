package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

// Reload takes a changed settings file into use because somebody asked.
func (g *gateway) Reload(ctx context.Context, caller control.Caller) (control.Reloaded, error) {
	changed, err := g.reload(ctx)
	if err == nil {
		g.system("settings reloaded by", caller.Name)
	}
	return control.Reloaded{Changed: changed}, err
}

// reload reads, checks and applies the settings. A file that is wrong changes
// nothing; what cannot be applied is put back. Who asked may leave: what was
// begun is finished.
func (g *gateway) reload(ctx context.Context) (changed []string, err error) {
	ctx = context.WithoutCancel(ctx)
	g.reloading.Lock()
	defer g.reloading.Unlock()
	if g.ending {
		return nil, errors.New("the gateway is stopping")
	}
	// The notifier is told even when nothing changes: systemctl reload waits.
	g.notify.reloading()
	defer func() {
		g.metrics.reloadOK.Set(zeroOne(err == nil))
		g.troubles.set(err != nil, troubleReloadRefused, "", errWords(err))
		g.notify.ready(g.statusLine())
	}()
	next, err := config.Load(g.options.Settings.Path)
	if err != nil {
		return nil, err
	}
	old := g.inForce()
	if err := restartNeeded(old, next); err != nil {
		return nil, err
	}
	if err := g.applySettings(ctx, next); err != nil {
		return nil, errors.Join(err, g.applySettings(ctx, old))
	}
	g.settings.Store(next)
	g.metrics.reloadAt.Set(float64(g.clock.moment().at.Unix()))
	return differences(old, next), nil
}

// endReloads waits for the reload under way and lets no other begin: what it
// opens would outlive the gateway.
func (g *gateway) endReloads() error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	g.ending = true
	return nil
}

// applySettings brings doors, policies and sources to the settings.
func (g *gateway) applySettings(ctx context.Context, o *config.Options) error {
	if err := g.rights.setPolicies(ctx, policies(o)); err != nil {
		return err
	}
	g.takeKeys(o)
	if err := g.inputs.leave(o); err != nil { // a door may get the port of an input, and the other way round
		return err
	}
	if err := g.doors.apply(o); err != nil {
		return err
	}
	if err := g.inputs.apply(o); err != nil {
		return err
	}
	if err := g.sources.apply(ctx, o); err != nil {
		return err
	}
	return g.rights.keepOnly(ctx, contactsOf(o))
}

// restartNeeded refuses what cannot change while the gateway runs.
func restartNeeded(old, next *config.Options) error {
	var fixed []string
	for _, part := range []struct {
		name string
		same bool
	}{
		{"[state]", old.State == next.State},
		{"[control]", old.Control == next.Control},
		{"[metrics]", old.Metrics == next.Metrics},
		{"[log]", old.Log == next.Log},
		{"[site] id", old.Site.ID == next.Site.ID},
	} {
		if !part.same {
			fixed = append(fixed, part.name)
		}
	}
	if len(fixed) > 0 {
		return fmt.Errorf("%v cannot change while the gateway runs; try: systemctl restart tilegated", fixed)
	}
	return nil
}

// differences says in words what changed.
func differences(old, next *config.Options) []string {
	var all []string
	have := map[string]config.Door{}
	for _, d := range old.Doors {
		have[d.ID] = d
	}
	for _, d := range next.Doors {
		before, ok := have[d.ID]
		delete(have, d.ID)
		switch {
		case !ok:
			all = append(all, "door "+d.ID+" added")
		case !sameDoor(before, d):
			all = append(all, "door "+d.ID+" changed")
		}
	}
	for id := range have {
		all = append(all, "door "+id+" removed")
	}
	if !reflect.DeepEqual(old.Inputs, next.Inputs) {
		all = append(all, "inputs changed")
	}
	if !reflect.DeepEqual(old.Sources, next.Sources) {
		all = append(all, "sources changed")
	}
	if !reflect.DeepEqual(old.Alert, next.Alert) {
		all = append(all, "alerts changed")
	}
	return all
}
