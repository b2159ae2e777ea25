package cloud

import (
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// report tells the outcome of a crawl: status, numbers, and a line in the log
// where it is not that of the crawl before.
func (s *Sync) report(out outcome, err error, start, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.status
	now := &s.status
	now.Tried, now.Changed, now.Err = end, out.changed, ""
	refused, ours := errors.AsType[*transport.Error](err)
	now.Dated = ours && refused.OutOfDate
	switch {
	case err != nil:
		now.Result, now.Err = SyncFailed, err.Error()
	default:
		if !out.contact.IsZero() {
			now.Contact = out.contact
		}
		if !out.unchanged {
			now.Held, now.NeedsPerson, now.Dropped = out.verdict.Held, out.verdict.NeedsPerson, out.dropped
			s.meter.held.Set(float64(out.verdict.People))
			s.meter.dropped.Set(float64(len(out.dropped)))
		}
		now.Result = SyncOK
		if len(now.Held) > 0 {
			now.Result = SyncHeld
		}
	}
	s.meter.results[now.Result].Inc()
	s.meter.duration.Observe(end.Sub(start).Seconds())
	s.log(was, *now, out, err)
}

func (s *Sync) log(was, now SyncStatus, out outcome, err error) {
	for _, line := range out.verdict.Unlocks {
		s.o.Log.Warn("a schedule unlocks a door", "source", s.name, "door", line)
	}
	if was.Result == now.Result && was.Err == now.Err && len(was.Held) == len(now.Held) && len(was.Dropped) == len(now.Dropped) {
		return
	}
	log := s.o.Log.With("source", s.name)
	switch {
	case err != nil:
		log.Warn("sync failed; the rights in force stand", "error", err)
	case now.Result == SyncHeld:
		log.Warn("sync holds removals back", "people", out.verdict.People, "doors", len(now.Held), "needs_person", now.NeedsPerson)
	default:
		log.Info("rights are up to date", "changed", now.Changed, "dropped", len(now.Dropped))
	}
}

// syncMeter holds the numbers of one source.
type syncMeter struct {
	results       map[string]prometheus.Counter
	duration      prometheus.Observer
	held, dropped prometheus.Gauge
}

func newSyncMeter(reg prometheus.Registerer, source string) (*syncMeter, error) {
	total, err1 := transport.Registered(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tilegate_sync_total",
		Help: "Crawls of a source of rights, by result: ok, held (some removals wait) or failed (the old rights stand).",
	}, []string{"source", "result"}))
	duration, err2 := transport.Registered(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "tilegate_sync_duration_seconds",
		Help:    "Time of one crawl of a source of rights, from the first request until what it says is in use.",
		Buckets: []float64{.01, .1, 1, 5, 10, 20, 30, 60, 120, 300, 900},
	}, []string{"source"}))
	held, err3 := transport.Registered(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tilegate_sync_held",
		Help: "People whose removal waits for a second crawl or for a person.",
	}, []string{"source"}))
	dropped, err4 := transport.Registered(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "tilegate_roster_dropped_rows",
		Help: "Rows of the last crawl that pointed at nothing and were left out.",
	}, []string{"source"}))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	m := &syncMeter{
		results:  map[string]prometheus.Counter{},
		duration: duration.WithLabelValues(source),
		held:     held.WithLabelValues(source),
		dropped:  dropped.WithLabelValues(source),
	}
	for _, result := range []string{SyncOK, SyncHeld, SyncFailed} {
		m.results[result] = total.WithLabelValues(source, result)
	}
	return m, nil
}

// sameRights says whether two rosters of a source hold the same rows, in
// whatever order. One that cannot be built is never the same.
func sameRights(a, b access.Roster, source string) bool {
	if len(a.Grants) != len(b.Grants) || len(a.Assignments) != len(b.Assignments) || len(a.Holders) != len(b.Holders) {
		return false
	}
	contacts := []access.Contact{{Source: source}}
	x, err := access.Build(copyRows(a), contacts, 0)
	if err != nil {
		return false
	}
	y, err := access.Build(copyRows(b), contacts, 0)
	return err == nil && x.Hash() == y.Hash()
}

// copyRows copies the tables, since Build sorts them.
func copyRows(r access.Roster) access.Roster {
	r.Places, r.Doors, r.Policies = slices.Clone(r.Places), slices.Clone(r.Doors), slices.Clone(r.Policies)
	r.Groups, r.Teams, r.Holders = slices.Clone(r.Groups), slices.Clone(r.Teams), slices.Clone(r.Holders)
	r.Assignments, r.Grants = slices.Clone(r.Assignments), slices.Clone(r.Grants)
	r.Schedules = slices.Clone(r.Schedules)
	return r
}
