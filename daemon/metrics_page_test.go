package daemon

import (
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

var update = flag.Bool("update", false, "write the golden files anew")

// families is what the page shows of our own, by name.
func (h *house) families() map[string]*dto.MetricFamily {
	h.t.Helper()
	all, err := h.sources.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	ours := map[string]*dto.MetricFamily{}
	for _, family := range all {
		if strings.HasPrefix(family.GetName(), "tilegate_") {
			ours[family.GetName()] = family
		}
	}
	return ours
}

// series are the series of the page as Prometheus stores them, with their
// values: each bucket of a histogram is one.
func (h *house) series() map[string]float64 {
	all := map[string]float64{}
	for name, family := range h.families() {
		for _, m := range family.GetMetric() {
			labels := labelsOf(m)
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				all[name+labels] = m.GetCounter().GetValue()
			case dto.MetricType_GAUGE:
				all[name+labels] = m.GetGauge().GetValue()
			case dto.MetricType_HISTOGRAM:
				for _, b := range m.GetHistogram().GetBucket() {
					all[fmt.Sprintf("%s_bucket%s le=%v", name, labels, b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
				all[name+"_bucket"+labels+" le=+Inf"] = float64(m.GetHistogram().GetSampleCount())
				all[name+"_count"+labels] = float64(m.GetHistogram().GetSampleCount())
				all[name+"_sum"+labels] = m.GetHistogram().GetSampleSum()
			default:
				h.t.Errorf("%s is a %v; nothing of ours is", name, family.GetType())
			}
		}
	}
	return all
}

func labelsOf(m *dto.Metric) string {
	var all []string
	for _, l := range m.GetLabel() {
		all = append(all, l.GetName()+"="+l.GetValue())
	}
	return "{" + strings.Join(all, ",") + "}"
}

// TestThePageIsAsPromised holds names, kinds, labels and words of the numbers
// against a file: dashboards and alerts of other people are built on them.
func TestThePageIsAsPromised(t *testing.T) {
	h := newHouse(t)
	var b strings.Builder
	families := h.families()
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family := families[name]
		labels := map[string]bool{}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
		}
		fmt.Fprintf(&b, "%s{%s} %s\n\t%s\n", name, strings.Join(slices.Sorted(maps.Keys(labels)), ","),
			strings.ToLower(family.GetType().String()), family.GetHelp())
		if family.GetHelp() == "" {
			t.Errorf("%s says nothing of itself", name)
		}
	}
	const golden = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the page is another one (-want +got); if that is meant: go test ./daemon -run ThePageIsAsPromised -update\n%s", diff)
	}
}

func TestThePageIsLinted(t *testing.T) {
	h := newHouse(t)
	problems, err := testutil.GatherAndLint(h.sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Somebody else has the port of the numbers, then not any more.
func TestDoorsOpenAlsoWithoutTheNumbers(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // closed below when all goes well
	h := newHouse(t, `listen = ""`, `listen = "`+taken.Addr().String()+`"`)
	h.until("people are told", func() bool { return h.troubles.declared(troubleMetrics, "") })
	read := cardRead("04a2b3c4d5e680")
	if got, err := h.doors.find("front").ask(t.Context(), ask{actor: "test", read: &read}); err != nil || !got.decision.Granted() {
		t.Errorf("a member: got %v (%v), want granted", got.decision.Reason, err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	h.until("the numbers are back", func() bool { return !h.troubles.declared(troubleMetrics, "") })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+taken.Addr().String()+"/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only its status is looked at
	if response.StatusCode != http.StatusOK {
		t.Errorf("readyz: got %s", response.Status)
	}
}

// The budget of series. The design hoped for 40 and 25 for each door; but each
// door has one for each reason (23 of them, all from the start, so that a rate
// is never missing its first tap), 16 for the histogram of its latency, one for
// each alarm that its wiring can raise, and for each device one for each way in
// which a frame can be bad. What counts is that each part is
// bounded: a hundred doors stay below ten thousand series.
const (
	mostOfDoor   = 85
	mostOfInputs = 25 // of the site
	mostOfSource = 25 // of its sync
	mostOfCloud  = 40 // of its client
	mostOfRest   = 70
)

func TestThePageKeepsItsBudget(t *testing.T) {
	h := newHouse(t)
	used := map[string]int{}
	for series := range h.series() {
		owner := "rest"
		for _, label := range []string{"door", "source", "service"} {
			if strings.Contains(series, "door=,") || strings.Contains(series, "door=}") || strings.Contains(series, "input=panel") {
				owner = "inputs"
			} else if _, after, found := strings.Cut(series, label+"="); found {
				value, _, _ := strings.Cut(strings.TrimSuffix(after, "}"), ",")
				value, _, _ = strings.Cut(value, "}")
				owner = label + " " + value
			}
		}
		used[owner]++
	}
	for owner, most := range map[string]int{
		"door front": mostOfDoor, "door lab": mostOfDoor, "source kisi": mostOfSource, "source file": mostOfSource,
		"service kisi": mostOfCloud, "inputs": mostOfInputs, "rest": mostOfRest,
	} {
		if used[owner] == 0 || used[owner] > most {
			t.Errorf("%s: %d series, want 1 to %d", owner, used[owner], most)
		}
		delete(used, owner)
	}
	if len(used) > 0 {
		t.Errorf("series of nobody that is in the settings: %v", used)
	}
}

// TestEverySeriesIsThereFromTheStart: what happens changes values and never adds
// a series, so that the first tap, failure or fault is seen by a rate.
func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	h := newHouse(t)
	before := h.series()
	for series, value := range before {
		if strings.Contains(series, "door=") && value != 0 {
			t.Errorf("%s is %v before anything happened", series, value)
		}
	}
	d := h.doors.find("front")
	for _, read := range []hw.Read{
		cardRead("04a2b3c4d5e680"), cardRead("04ffffffffffff"),
		{Kind: access.QR, Value: "no such code", At: time.Now()},
		{Fault: access.Unreadable, At: time.Now()},
		{Kind: access.Card, At: time.Now()},
	} {
		if _, err := d.ask(t.Context(), ask{actor: "test", read: &read}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.SyncNow(t.Context(), control.Caller{Name: "test"}, "kisi"); err == nil {
		t.Error("a cloud that is not there was synced")
	}
	h.edit("[site]", "[sight]")
	if _, err := h.reload(t.Context()); err == nil {
		t.Error("wrong settings were taken")
	}
	h.troubles.set(true, troubleSyncHeld, "kisi", "a test")

	after := h.series()
	for series := range before {
		if _, there := after[series]; !there {
			t.Errorf("%s is gone", series)
		}
	}
	for series := range after {
		if _, there := before[series]; !there {
			t.Errorf("%s was not there from the start", series)
		}
	}
	for series, want := range map[string]float64{
		"tilegate_taps_total{door=front,reason=granted}":       1,
		"tilegate_taps_total{door=front,reason=unknown}":       2,
		"tilegate_taps_total{door=front,reason=unreadable}":    1,
		"tilegate_taps_total{door=front,reason=no_credential}": 1,
		"tilegate_taps_total{door=lab,reason=granted}":         0,
		"tilegate_strike_faults_total{door=front}":             1,
		"tilegate_config_last_reload_successful{}":             0,
		"tilegate_trouble{code=sync_held}":                     1,
	} {
		if got := after[series]; got != want {
			t.Errorf("%s: got %v, want %v", series, got, want)
		}
	}
	if got := after["tilegate_sync_total{result=failed,source=kisi}"]; got < 1 {
		t.Errorf("failed syncs: got %v, want 1 or more", got)
	}
}

// TestLabelsAreOfClosedSets: from the settings or from a list in the code, and
// never a person, a card or an address.
func TestLabelsAreOfClosedSets(t *testing.T) {
	h := newHouse(t)
	var reasons []string
	for _, r := range access.Reasons() {
		reasons = append(reasons, r.String())
	}
	var alarms []string
	for _, a := range access.Alarms() {
		alarms = append(alarms, a.String())
	}
	oneOf := func(words ...string) func(string) bool {
		return func(value string) bool { return slices.Contains(words, value) }
	}
	sets := map[string]func(value string) bool{
		"door":    oneOf("front", "lab", ""), // under no door: an input of the site
		"input":   oneOf(contactInput, "panel"),
		"alarm":   oneOf(alarms...),
		"step":    regexp.MustCompile(`^[a-z_]+$`).MatchString,
		"reader":  oneOf(usualReader),
		"device":  oneOf("reader", "strike", contactInput, "panel"),
		"reason":  oneOf(reasons...),
		"source":  oneOf("kisi", "file"),
		"service": oneOf("kisi"),
		"result":  oneOf("ok", "held", "failed"),
		"why":     regexp.MustCompile(`^[a-z_]+$`).MatchString,
		"code": func(value string) bool {
			_, trouble := troubleKinds[value]
			return trouble || regexp.MustCompile(`^([1-5](xx|[0-9]{2})|offline|timeout|tls|not_the_cloud|cancelled)$`).MatchString(value)
		},
		"state":     oneOf("synced", "free-running", "jumped", "unset"),
		"version":   oneOf("test"),
		"goversion": oneOf(runtime.Version()),
	}
	for name, family := range h.families() {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if known := sets[l.GetName()]; known == nil || !known(l.GetValue()) {
					t.Errorf("%s has the label %s=%q, which is of no closed set", name, l.GetName(), l.GetValue())
				}
			}
		}
	}
}
