package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/store"
)

// Options are what the command line gives.
type Options struct {
	Settings *config.Options // checked; read again from its path at a reload
	Version  string
	Built    time.Time // the clock is never before this; zero: unknown
	Log      hclog.Logger
	Clock    Clock
	// Reload asks for the settings file to be read again.
	Reload <-chan os.Signal
}

// stopPatience bounds how long each part may take to stop.
const stopPatience = 5 * time.Second

// Run is the gateway: it blocks until ctx ends or it cannot go on. What goes
// wrong while it runs is a trouble on its board, not an error of Run.
func Run(ctx context.Context, o Options) (err error) {
	g := newGateway(o)
	defer func() { err = errors.Join(err, g.tearDown()) }()
	if err := g.open(ctx); err != nil {
		return err
	}
	return g.serve(ctx)
}

// gateway orders the parts. Everything that starts a goroutine does it through
// crew, in this file.
type gateway struct {
	options  Options
	log      hclog.Logger
	notify   notifier
	registry *prometheus.Registry
	metrics  *metrics
	troubles *troubles
	clock    *timekeeper
	started  time.Time

	journal  *store.Journal
	cache    *store.Cache
	ledger   *store.Ledger
	keys     keys
	rights   *rights
	postures *postures
	offers   *offers
	pins     *pinLimits
	site     siteState
	doors    *doorsPart
	inputs   *inputsPart
	sources  *sourcesPart

	past      chan struct{}                  // full while rights of another time are used: one at a time
	reloading sync.Mutex                     // one reload at a time; guards ending
	ending    bool                           // no reload any more
	settings  atomic.Pointer[config.Options] // replaced whole by a reload

	crew  *crew
	steps []step // to undo, last first
}

type step struct {
	name string
	undo func() error
}

func newGateway(o Options) *gateway {
	g := &gateway{
		options: o, log: o.Log, started: o.Clock.Wall(),
		notify:   notifier{log: o.Log.Named("notify")},
		registry: prometheus.NewRegistry(),
		troubles: newTroubles(o.Clock),
		past:     make(chan struct{}, 1),
	}
	g.settings.Store(o.Settings)
	g.metrics = newMetrics(g.registry)
	return g
}

// later pushes what undoes a step, the moment the step is done.
func (g *gateway) later(name string, undo func() error) {
	g.steps = append(g.steps, step{name, undo})
}

// tearDown undoes all steps, last first, and reports every failure.
func (g *gateway) tearDown() error {
	var all []error
	for _, s := range slices.Backward(g.steps) {
		if err := s.undo(); err != nil {
			all = append(all, fmt.Errorf("stop %s: %w", s.name, err))
		}
	}
	return errors.Join(all...)
}

// open makes every part, in the order in which a tap needs them: state, rights,
// doors; then what people use. It is one straight line on purpose: the order is
// the design.
func (g *gateway) open(ctx context.Context) error {
	g.crew = newCrew(ctx, g.log)
	if err := g.openState(ctx); err != nil {
		return err
	}
	if err := g.openRights(ctx); err != nil {
		return err
	}
	// Before the doors and after the files: the journal's writer takes what the
	// doors say last, and ends before its file is closed.
	g.later("the loops", func() error { return g.crew.stop(stopPatience) })
	g.crew.start("journal", g.journal.Run)
	g.crew.start("postures", g.postures.run)
	if err := g.openOffers(ctx); err != nil {
		return err
	}
	g.doors = newDoorsPart(g)
	g.later("the doors", g.doors.close)
	if err := g.doors.apply(g.inForce()); err != nil {
		return err
	}
	g.inputs = newInputsPart(g) // on the lines of the doors
	g.later("the inputs", g.inputs.close)
	if err := g.inputs.apply(g.inForce()); err != nil {
		return err
	}
	g.sources = newSourcesPart(g)
	g.later("the sources", g.sources.close)
	if err := g.sources.apply(ctx, g.inForce()); err != nil {
		return err
	}
	g.openMetrics()
	if err := g.openControl(); err != nil {
		return err
	}
	g.later("reloads", g.endReloads)
	g.crew.start("alerts", newAlerts(g).run)
	g.crew.start("watch", newWatch(g).run)
	g.crew.start("memory", newSweeper(g.rights).run)
	g.crew.start("upkeep", upkeep{g, g.log.Named("upkeep")}.run)
	return nil
}

// serve says that decisions are possible and waits.
func (g *gateway) serve(ctx context.Context) error {
	g.metrics.reloadOK.Set(1)
	g.metrics.reloadAt.Set(float64(g.clock.moment().at.Unix()))
	g.system("start", "version "+g.options.Version)
	g.notify.ready(g.statusLine())
	g.log.Info("deciding", "doors", g.doors.count(), "generation", g.rights.Load().Generation())
	for {
		select {
		case <-ctx.Done():
			g.notify.stopping()
			g.system("stop", "")
			g.log.Info("stopping")
			return nil
		case err := <-g.crew.failed:
			g.notify.stopping()
			return err
		case <-g.options.Reload:
			if _, err := g.reload(ctx); err != nil {
				g.log.Error("new settings refused, the old ones stay in force", "error", err)
			} else {
				g.system("settings reloaded by", "SIGHUP")
			}
		}
	}
}

// system writes a line about the gateway itself.
func (g *gateway) system(what, detail string) {
	event := newEvent(g.clock, access.SystemEvent, "")
	event.Detail = oneLine(what + " " + detail)
	g.journal.Append(event)
}

// inForce is the settings that are in force.
func (g *gateway) inForce() *config.Options { return g.settings.Load() }

// crew runs loops. A loop that ends with an error before it is told to has the
// whole gateway stop: systemd starts it again, clean.
type crew struct {
	ctx    context.Context //nolint:containedctx // the life of the loops, ended by stop
	cancel context.CancelFunc
	wg     sync.WaitGroup
	failed chan error
	log    hclog.Logger
}

func newCrew(ctx context.Context, log hclog.Logger) *crew {
	// Loops outlive ctx until stop, so that what is in hand is finished in order.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &crew{ctx: ctx, cancel: cancel, failed: make(chan error, 1), log: log}
}

// start runs a loop until stop.
func (c *crew) start(name string, run func(context.Context) error) {
	c.wg.Go(func() {
		if err := run(c.ctx); err != nil && c.ctx.Err() == nil {
			select {
			case c.failed <- fmt.Errorf("%s: %w", name, err):
			default:
				c.log.Error("a second loop ended", "loop", name, "error", err)
			}
		}
	})
}

// together does n things at once and waits for all of them.
func together(n int, do func(i int) error) error {
	failures := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { failures[i] = do(i) })
	}
	all.Wait()
	return errors.Join(failures...)
}

// child is a crew that can be stopped alone.
func (c *crew) child() *crew {
	ctx, cancel := context.WithCancel(c.ctx)
	return &crew{ctx: ctx, cancel: cancel, failed: c.failed, log: c.log}
}

// stop ends the loops and waits for them, within reason.
func (c *crew) stop(patience time.Duration) error {
	c.cancel()
	done := make(chan struct{})
	go func() { c.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("a loop did not end within %v", patience)
	}
}
