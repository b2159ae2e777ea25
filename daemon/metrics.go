package daemon

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/daemon/access"
)

// latencyBuckets stand around the promises: 10 ms for our part, 150 ms for the
// record, 1 s for a member's patience.
var latencyBuckets = []float64{.001, .002, .003, .005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5}

// metrics are the numbers that the daemon itself makes. They live on a registry
// of their own, and every series exists from the start.
type metrics struct {
	taps      *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	faults    *prometheus.CounterVec
	late      atomic.Uint64 // grants whose record came after the strike
	write     prometheus.Histogram
	reloadOK  prometheus.Gauge
	reloadAt  prometheus.Gauge
	discarded *prometheus.CounterVec
	noEntry   *prometheus.CounterVec
	warnings  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		taps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tilegate_taps_total", Help: "Taps by door and reason.",
		}, []string{"door", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tilegate_tap_duration_seconds", Help: "Last byte of the frame to strike written, of granted taps.",
			Buckets: latencyBuckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"door"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tilegate_strike_faults_total", Help: "Granted taps whose strike did not answer.",
		}, []string{"door"}),
		write: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tilegate_journal_write_duration_seconds", Help: "Time of one durable write of the journal.",
			Buckets: latencyBuckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tilegate_config_last_reload_successful", Help: "1 if the newest settings are in force, 0 if they were refused.",
		}),
		reloadAt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tilegate_config_last_reload_success_timestamp_seconds", Help: "When settings were last taken into use.",
		}),
		discarded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tilegate_reads_discarded_total", Help: "Reads that a busy door could not take.",
		}, []string{"door"}),
		noEntry: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tilegate_door_no_entry_total", Help: "Granted taps after which nobody opened the door, where it has a contact.",
		}, []string{"door"}),
		warnings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tilegate_passback_warnings_total", Help: "Granted taps of a credential that came again too soon, where the door only warns.",
		}, []string{"door"}),
	}
	late := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "tilegate_journal_late_total", Help: "Grants whose strike moved before their record was durable.",
	}, func() float64 { return float64(m.late.Load()) })
	reg.MustRegister(m.taps, m.duration, m.faults, late, m.write, m.reloadOK, m.reloadAt, m.discarded, m.noEntry, m.warnings)
	return m
}

// doorMetrics are the numbers of one door.
type doorMetrics struct {
	taps      [256]prometheus.Counter // by reason
	duration  prometheus.Observer
	faults    prometheus.Counter
	late      *atomic.Uint64
	discarded prometheus.Counter
	noEntry   prometheus.Counter
	warnings  prometheus.Counter
}

// forDoor makes all series of a door, at zero.
func (m *metrics) forDoor(id string) *doorMetrics {
	d := &doorMetrics{
		duration: m.duration.WithLabelValues(id), faults: m.faults.WithLabelValues(id),
		late: &m.late, discarded: m.discarded.WithLabelValues(id), noEntry: m.noEntry.WithLabelValues(id),
		warnings: m.warnings.WithLabelValues(id),
	}
	for _, reason := range access.Reasons() {
		d.taps[reason] = m.taps.WithLabelValues(id, reason.String())
	}
	return d
}

// dropDoor deletes the series of a door that a reload took away.
func (m *metrics) dropDoor(id string) {
	door := prometheus.Labels{"door": id}
	m.taps.DeletePartialMatch(door)
	m.duration.DeletePartialMatch(door)
	m.faults.DeletePartialMatch(door)
	m.discarded.DeletePartialMatch(door)
	m.noEntry.DeletePartialMatch(door)
	m.warnings.DeletePartialMatch(door)
}

func (d *doorMetrics) tapped(decision access.Decision) {
	d.taps[decision.Reason].Inc()
	if decision.Warned() {
		d.warnings.Inc()
	}
}

func (d *doorMetrics) struck(took time.Duration, err error) {
	if err != nil {
		d.faults.Inc()
		return
	}
	d.duration.Observe(took.Seconds())
}
