package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/control"
)

// SyncStatus tells how every source is doing.
func (g *gateway) SyncStatus(context.Context) ([]control.Sync, error) {
	var all []control.Sync
	for _, s := range g.sources.all() {
		status := s.sync.Status()
		view := control.Sync{
			Source: s.settings.Name, Every: s.settings.Every, Ageless: s.source.Ageless(), Running: status.Running,
			Done: status.Done, Total: status.Total, Tried: status.Tried, Result: status.Result, Err: status.Err,
			Held: status.Held, Dropped: status.Dropped, Changed: status.Changed,
		}
		for _, c := range g.rights.Load().Contacts() {
			if c.Source == s.settings.Name {
				view.Contact = c.At
			}
		}
		all = append(all, view)
	}
	return all, nil
}

// SyncNow fetches one source, or all, and waits.
func (g *gateway) SyncNow(ctx context.Context, caller control.Caller, source string) ([]control.Sync, error) {
	var failures []error
	found := false
	for _, s := range g.sources.all() {
		if source != "" && s.settings.Name != source {
			continue
		}
		found = true
		g.system("sync of "+s.settings.Name+" asked by", caller.Name)
		if err := s.sync.Now(ctx); err != nil {
			failures = append(failures, err) // it names its source
		}
	}
	if !found {
		return nil, &control.Error{Code: control.NotFound, Message: fmt.Sprintf("there is no source %q", source), Hint: "tilegate sync status lists them"}
	}
	status, err := g.SyncStatus(ctx)
	return status, errors.Join(append(failures, err)...)
}

// ApproveSync lets the removals pass that are held now, and fetches again.
func (g *gateway) ApproveSync(ctx context.Context, caller control.Caller, source string) ([]control.Sync, error) {
	for _, s := range g.sources.all() {
		if s.settings.Name == source {
			if n := s.sync.Approve(); n > 0 {
				g.system(fmt.Sprintf("%d removals of %s approved by", n, source), caller.Name)
			}
		}
	}
	return g.SyncNow(ctx, caller, source)
}

// TestKisi asks Kisi who we are and what we may.
func (g *gateway) TestKisi(ctx context.Context) (cloud.Report, error) {
	for _, s := range g.sources.all() {
		if s.settings.Name == "kisi" {
			return s.source.Test(ctx)
		}
	}
	return cloud.Report{}, &control.Error{Code: control.NotFound, Message: "Kisi is not connected", Hint: "add a [kisi] section with api_key_file to the settings, then: tilegate reload"} // R1
}
