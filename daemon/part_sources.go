package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
)

// sourcesPart keeps every source of rights in step.
type sourcesPart struct {
	g    *gateway
	mu   sync.Mutex // guards open
	open map[string]*openSource
}

// openSource is a source that runs.
type openSource struct {
	source   cloud.Source
	sync     *cloud.Sync
	settings config.Source
	doors    map[string]string
	numbers  *prometheus.Registry // its own, so that they go when it goes
	crew     *crew
}

func newSourcesPart(g *gateway) *sourcesPart {
	return &sourcesPart{g: g, open: map[string]*openSource{}}
}

// apply makes the running sources equal to the settings. One caller at a time;
// nobody who looks at the sources meanwhile waits for one to stop.
func (p *sourcesPart) apply(ctx context.Context, o *config.Options) error {
	doors := lockDoors(o)
	wanted := map[string]config.Source{}
	for _, s := range o.Sources {
		wanted[s.Name] = s
	}
	running := map[string]bool{}
	var failures []error
	for _, have := range p.all() {
		name := have.settings.Name
		want, stays := wanted[name]
		if stays && reflect.DeepEqual(have.settings, want) && reflect.DeepEqual(have.doors, doors) {
			running[name] = true
			continue
		}
		p.put(name, nil)
		failures = append(failures, have.crew.stop(stopPatience))
		p.g.troubles.forget(name)
		p.g.clock.clouds.forget(name)
	}
	for _, s := range o.Sources {
		if running[s.Name] {
			continue
		}
		if err := p.start(ctx, s, doors, o); err != nil {
			failures = append(failures, fmt.Errorf("source %s: %w", s.Name, err))
		}
	}
	return errors.Join(failures...)
}

// put shows a source to everybody, or with nil takes it away from them.
func (p *sourcesPart) put(name string, s *openSource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == nil {
		delete(p.open, name)
		return
	}
	p.open[name] = s
}

// lockDoors maps the locks of the sources to our doors.
func lockDoors(o *config.Options) map[string]string {
	doors := map[string]string{}
	for _, d := range o.Doors {
		if d.Lock != "" {
			doors[d.Lock] = d.ID
		}
	}
	return doors
}

func doorIDs(o *config.Options) []string {
	var ids []string
	for _, d := range o.Doors {
		ids = append(ids, d.ID)
	}
	return ids
}

func (p *sourcesPart) start(ctx context.Context, s config.Source, doors map[string]string, o *config.Options) error {
	opened := &openSource{settings: s, doors: doors, numbers: prometheus.NewRegistry(), crew: p.g.crew.child()}
	if err := opened.open(ctx, p.g, o); err != nil {
		return err
	}
	opened.crew.start("sync of "+s.Name, opened.sync.Run)
	p.put(s.Name, opened)
	return nil
}

// open makes the source and its sync. The source tells the sync how far a fetch
// is, so it is handed a function before there is a sync to tell.
func (s *openSource) open(ctx context.Context, g *gateway, o *config.Options) error {
	links, err := g.ledger.Links(ctx)
	if err != nil {
		return err
	}
	s.source, err = s.settings.Plan.Open(cloud.Deps{
		Log: g.log.Named(s.settings.Name), Digest: g.keys.digest, Metrics: s.numbers, Doors: s.doors, Links: links,
		SecretPath: o.State.SecretPath, Version: g.options.Version,
		Progress: func(done, total int, what string) { s.sync.Progress(done, total, what) },
		Heard: func(date, at time.Time, took time.Duration) {
			g.clock.clouds.heard(s.settings.Name, date, g.clock.Mono()-time.Since(at), took)
		},
	})
	if err != nil {
		return err
	}
	s.sync, err = cloud.NewSync(cloud.SyncOptions{
		Source: s.source, Every: s.settings.Every, Doors: doorIDs(o), Keeper: g.rights,
		Log: g.log.Named("sync").With("source", s.settings.Name), Metrics: s.numbers, Now: time.Now,
	})
	return err
}

// close stops every source.
func (p *sourcesPart) close() error {
	var all []error
	for _, s := range p.all() {
		p.put(s.settings.Name, nil)
		all = append(all, s.crew.stop(stopPatience))
	}
	return errors.Join(all...)
}

// all lists the sources by name.
func (p *sourcesPart) all() []*openSource {
	p.mu.Lock()
	defer p.mu.Unlock()
	sources := make([]*openSource, 0, len(p.open))
	for _, s := range p.open {
		sources = append(sources, s)
	}
	slices.SortFunc(sources, func(a, b *openSource) int { return strings.Compare(a.settings.Name, b.settings.Name) })
	return sources
}

// Gather is the gateway's numbers and those of every source that runs.
func (p *sourcesPart) Gather() ([]*dto.MetricFamily, error) {
	all := prometheus.Gatherers{p.g.registry}
	for _, s := range p.all() {
		all = append(all, s.numbers)
	}
	return all.Gather()
}

// The ages at which rights are worth a warning, and worth a call.
const (
	rightsOld   = time.Hour
	rightsStale = 24 * time.Hour
)

// dated says which source could not be reached because its certificate is out of
// its dates by our clock, or nothing.
func (p *sourcesPart) dated() string {
	for _, s := range p.all() {
		if status := s.sync.Status(); status.Dated {
			return status.Err
		}
	}
	return ""
}

// judge puts how the sources are on the board. While the clock is not trusted, a
// certificate that is out of its dates is a fault of the clock, and not of the
// cloud; lookAtClock says so.
func (p *sourcesPart) judge(now time.Time, clock access.ClockState) {
	contacts := map[string]time.Time{}
	for _, c := range p.g.rights.Load().Contacts() {
		contacts[c.Source] = c.At
	}
	for _, s := range p.all() {
		name, status := s.settings.Name, s.sync.Status()
		p.g.troubles.set(status.Result == cloud.SyncFailed && (!status.Dated || clock.Trusted()), troubleSyncFailed, name, status.Err)
		p.g.troubles.set(len(status.Held) > 0, troubleSyncHeld, name, strings.Join(status.Held, "; "))
		p.g.troubles.set(len(status.Dropped) > 0, troubleRowsDropped, name, droppedWords(status.Dropped))
		if s.source.Ageless() || contacts[name].IsZero() {
			continue // never heard of: no_rights and sync_failed say so
		}
		age := now.Sub(contacts[name])
		p.g.troubles.set(age > rightsOld, troubleRightsOld, name, "")
		p.g.troubles.set(age > rightsStale, troubleRightsStale, name, "")
	}
}
