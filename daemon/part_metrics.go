package daemon

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
)

// registerGauges shows what is kept elsewhere: nothing is counted twice.
func (g *gateway) registerGauges() {
	snapshot := func(value func(*access.Snapshot) float64) func() float64 {
		return func() float64 { return value(g.rights.Load()) }
	}
	gauge := func(name, help string, value func() float64) {
		g.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("tilegate_roster_credentials", "Credentials that can be decided.", snapshot(func(s *access.Snapshot) float64 { return float64(s.Counts().Credentials) }))
	gauge("tilegate_roster_grants", "Grants that can be decided.", snapshot(func(s *access.Snapshot) float64 { return float64(s.Counts().Grants) }))
	gauge("tilegate_roster_generation", "Number of the rights in force.", snapshot(func(s *access.Snapshot) float64 { return float64(s.Generation()) }))
	gauge("tilegate_clock_trusted", "1 if windows may be decided by the clock.", func() float64 {
		_, state := g.clock.now()
		return zeroOne(state.Trusted())
	})
	gauge("tilegate_journal_last", "Sequence number of the newest event.", func() float64 { return float64(g.journal.Stats().Last) })
	g.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "tilegate_journal_lost_total", Help: "Events that were not recorded and never will be.",
	}, func() float64 { return float64(g.journal.Stats().Lost) }))
	gauge("tilegate_journal_queued", "Events that wait to be written.", func() float64 { return float64(g.journal.Stats().Queued) })
	gauge("tilegate_journal_wal_bytes", "Size of the journal's write-ahead log.", func() float64 { return float64(g.journal.Stats().WALBytes) })
	gauge("tilegate_start_time_seconds", "When this run began.", func() float64 { return float64(g.started.Unix()) })
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tilegate_build_info", Help: "What is running.",
		ConstLabels: prometheus.Labels{"version": g.options.Version, "goversion": runtime.Version()},
	})
	build.Set(1)
	g.registry.MustRegister(build, boardCollector{g},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

var (
	troubleDesc = prometheus.NewDesc("tilegate_trouble", "1 while a person should know of this.", []string{"code"}, nil)
	rosterDesc  = prometheus.NewDesc("tilegate_roster_timestamp_seconds", "When the source was last heard of and verified.", []string{"source"}, nil)
)

// boardCollector shows the troubles, the clock and the age of the rights.
type boardCollector struct{ g *gateway }

// Describe names the numbers, for the registry.
func (c boardCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- troubleDesc
	ch <- rosterDesc
	ch <- clockStateDesc
	ch <- clockOffsetDesc
}

// Collect shows every code, most of them at zero.
func (c boardCollector) Collect(ch chan<- prometheus.Metric) {
	shown := map[string]bool{}
	for _, trouble := range c.g.troubles.shown() {
		shown[trouble.Code] = true
	}
	for code := range troubleKinds {
		ch <- prometheus.MustNewConstMetric(troubleDesc, prometheus.GaugeValue, zeroOne(shown[code]), code)
	}
	c.g.collectClock(ch)
	for _, contact := range c.g.rights.Load().Contacts() {
		if contact.Ageless {
			continue
		}
		at := 0.0
		if !contact.At.IsZero() {
			at = float64(contact.At.UnixMilli()) / 1000
		}
		ch <- prometheus.MustNewConstMetric(rosterDesc, prometheus.GaugeValue, at, contact.Source)
	}
}

// metricsAgain is how long to wait before the listener is tried again.
const metricsAgain = 3 * time.Second

// openMetrics serves the numbers on a listener of their own. One that cannot be
// had is a trouble: no door stays shut because a port is somebody else's.
func (g *gateway) openMetrics() {
	g.registerGauges()
	if g.inForce().Metrics.Listen == "" {
		return
	}
	log := g.log.Named("metrics")
	m := &metricsPart{settings: g.inForce().Metrics, troubles: g.troubles, log: log, handler: g.metricsHandler(log)}
	listener, err := m.listen()
	if err != nil {
		m.failed(err)
	}
	g.crew.start("metrics", func(ctx context.Context) error { return m.run(ctx, listener) })
}

// metricsPart is the listener of the numbers. It has its settings to itself: they
// stay while the gateway runs, and a reload replaces those of the gateway.
type metricsPart struct {
	settings config.Metrics
	troubles *troubles
	log      hclog.Logger
	handler  http.Handler
}

// run serves until ctx ends, and begins again when it cannot.
func (m *metricsPart) run(ctx context.Context, listener net.Listener) error {
	for {
		if listener != nil {
			if err := m.serve(ctx, listener); err != nil {
				m.failed(err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(metricsAgain):
		}
		var err error
		if listener, err = m.listen(); err != nil {
			m.failed(err)
		}
	}
}

func (m *metricsPart) listen() (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", m.settings.Listen)
}

func (m *metricsPart) failed(err error) {
	m.log.Error("the numbers cannot be shown", "error", err)
	m.troubles.set(true, troubleMetrics, "", err.Error())
}

// serve answers on the listener until ctx ends, which is not an error.
func (m *metricsPart) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: m.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: m.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	// What is wrong with the file of TLS and passwords shows at once.
	well := time.AfterFunc(time.Second, func() { m.troubles.set(false, troubleMetrics, "", "") })
	defer well.Stop()
	m.log.Info("numbers are shown", "address", listener.Addr().String())
	systemdSocket, addresses := false, []string{m.settings.Listen}
	err := web.Serve(listener, server, &web.FlagConfig{
		WebListenAddresses: &addresses, WebSystemdSocket: &systemdSocket, WebConfigFile: &m.settings.WebConfig,
	}, slog.New(hclogHandler{m.log}))
	_ = listener.Close() // where serving did not even begin
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (g *gateway) metricsHandler(log hclog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.sources, promhttp.HandlerOpts{
		Registry: g.registry, EnableOpenMetrics: true, MaxRequestsInFlight: 3, Timeout: 5 * time.Second,
		ErrorLog: log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if counts := g.rights.Load().Counts(); counts.Credentials == 0 {
			http.Error(w, "nobody has any rights yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(g.statusLine() + "\n"))
	})
	return mux
}

// rosterHash is the content of the rights in force, in hex.
func (g *gateway) rosterHash() string {
	hash := g.rights.Load().Hash()
	return hex.EncodeToString(hash[:])
}

// hclogHandler lets a part of another house speak through our log.
type hclogHandler struct{ log hclog.Logger }

// Enabled follows the level of the log behind it.
func (h hclogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.log.IsDebug()
}

// Handle passes a record on.
func (h hclogHandler) Handle(_ context.Context, r slog.Record) error {
	var fields []any
	r.Attrs(func(a slog.Attr) bool {
		fields = append(fields, a.Key, a.Value.String())
		return true
	})
	if r.Level >= slog.LevelWarn {
		h.log.Warn("listener", append(fields, "message", r.Message)...)
	} else {
		h.log.Debug("listener", append(fields, "message", r.Message)...)
	}
	return nil
}

// WithAttrs adds fields.
func (h hclogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var fields []any
	for _, a := range attrs {
		fields = append(fields, a.Key, a.Value.String())
	}
	return hclogHandler{h.log.With(fields...)}
}

// WithGroup adds a name.
func (h hclogHandler) WithGroup(name string) slog.Handler { return hclogHandler{h.log.Named(name)} }
