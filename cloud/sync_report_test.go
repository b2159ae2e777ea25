package cloud

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestSyncLogsOnlyWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: func(n int) (Fetched, error) {
			if n > 2 && n <= 6 {
				return Fetched{}, errors.New("down")
			}
			return says(house(3))(n)
		}}
		var out strings.Builder
		log := hclog.New(&hclog.LoggerOptions{Output: &out, DisableTime: true, Mutex: &sync.Mutex{}})
		s, _ := newSync(t, source, &shelf{}, time.Hour, log)
		for range 9 {
			_ = s.Now(t.Context())
		}
		want := `[INFO]  rights are up to date: source=kisi changed=3 dropped=0
[WARN]  sync failed; the rights in force stand: source=kisi error=down
[INFO]  rights are up to date: source=kisi changed=0 dropped=0
`
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestSyncMetricsAreCleanAndSharedBySources(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	for range 2 { // as after a reload
		if _, err := NewSync(SyncOptions{Source: &scripted{}, Every: time.Hour, Keeper: &shelf{}, Metrics: reg}); err != nil {
			t.Fatal(err)
		}
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	n, err := testutil.GatherAndCount(reg)
	if err != nil || n != 6 {
		t.Errorf("%d series at the start, %v; want 3 results, a duration, held and dropped", n, err)
	}
}
