package transport

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// codes is the closed set of the label code of tilegate_cloud_requests_total:
// statuses that mean something to us, classes for the rest, and what went
// wrong where there was no answer.
var codes = []string{
	"200", "204", "2xx", "3xx",
	"400", "401", "403", "404", "408", "409", "422", "425", "429", "4xx",
	"500", "502", "503", "504", "5xx",
	codeOffline, codeTimeout, codeTLS, codeNotTheCloud, codeCancelled,
}

// Codes of requests that brought no answer of the cloud.
const (
	codeOffline     = "offline"
	codeTimeout     = "timeout"
	codeTLS         = "tls"
	codeNotTheCloud = "not_the_cloud"
	codeCancelled   = "cancelled"
)

// meter counts the requests of one service.
type meter struct {
	requests map[string]prometheus.Counter // by code
	duration prometheus.Observer
}

func newMeter(reg prometheus.Registerer, service string) (*meter, error) {
	requests, err := Registered(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tilegate_cloud_requests_total",
		Help: "Requests sent to a cloud, each try counted, by the status of the answer or what went wrong.",
	}, []string{"service", "code"}))
	if err != nil {
		return nil, err
	}
	duration, err := Registered(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "tilegate_cloud_request_duration_seconds",
		Help:    "Time from sending a request to a cloud to the end of its answer, waits for the budget left out.",
		Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"service"}))
	if err != nil {
		return nil, err
	}
	m := &meter{requests: map[string]prometheus.Counter{}, duration: duration.WithLabelValues(service)}
	for _, code := range codes {
		m.requests[code] = requests.WithLabelValues(service, code)
	}
	return m, nil
}

// Registered registers c, or finds the one registered before it: both clouds,
// several sources, and a client opened again after a reload, count on the same
// vectors. A nil registry registers nothing. It fails where the name is taken
// by a collector that counts something else.
func Registered[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	if reg == nil {
		return c, nil
	}
	err := reg.Register(c)
	if twice, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if old, ok := twice.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("cloud metrics: %w", err)
	}
	return c, nil
}

func (m *meter) count(code string, seconds float64) {
	m.requests[code].Inc()
	m.duration.Observe(seconds)
}

// statusCode is the label for a status.
func (m *meter) statusCode(status int) string {
	if code := strconv.Itoa(status); m.requests[code] != nil {
		return code
	}
	switch {
	case status >= 500:
		return "5xx"
	case status >= 400:
		return "4xx"
	case status >= 300:
		return "3xx"
	}
	return "2xx"
}
