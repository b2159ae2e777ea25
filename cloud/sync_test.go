package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// scripted is a source that says what the test tells it to.
type scripted struct {
	mu      sync.Mutex
	fetches []time.Time
	cursors []Cursor
	answer  func(n int) (Fetched, error)
	takes   time.Duration
}

func (s *scripted) Name() string                         { return "kisi" }
func (s *scripted) Ageless() bool                        { return false }
func (s *scripted) Test(context.Context) (Report, error) { return Report{}, nil }

func (s *scripted) Fetch(ctx context.Context, cursor Cursor) (Fetched, error) {
	s.mu.Lock()
	s.fetches = append(s.fetches, time.Now())
	s.cursors = append(s.cursors, cursor)
	n := len(s.fetches)
	s.mu.Unlock()
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return Fetched{}, fmt.Errorf("scripted: %w", ctx.Err())
	}
	return s.answer(n)
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fetches)
}

// shelf is a keeper that keeps the roster in memory, checked as the daemon's.
type shelf struct {
	mu       sync.Mutex
	roster   access.Roster
	contact  time.Time
	replaced int
	broken   error
}

func (k *shelf) Current(context.Context, string) (access.Roster, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return copyRows(k.roster), nil
}

func (k *shelf) Replace(ctx context.Context, source string, rows Rows, contact access.Contact) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var in tray
	if err := rows(ctx, &in); err != nil {
		return 0, err
	}
	next := in.rows
	if k.broken != nil {
		return 0, k.broken
	}
	if _, err := access.Build(copyRows(next), []access.Contact{{Source: source}}, 1); err != nil {
		return 0, err
	}
	k.replaced++
	changed := max(len(next.Grants)-len(k.roster.Grants), len(k.roster.Grants)-len(next.Grants))
	k.roster, k.contact = copyRows(next), contact.At
	return changed, nil
}

func (k *shelf) Confirm(_ string, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.contact = at
}

func (k *shelf) people(door string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return at(opens(k.roster, time.Now()), door)
}

func newSync(t *testing.T, source Source, keeper Keeper, every time.Duration, log hclog.Logger) (*Sync, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	s, err := NewSync(SyncOptions{Source: source, Every: every, Keeper: keeper, Log: log, Metrics: reg})
	if err != nil {
		t.Fatal(err)
	}
	return s, reg
}

// run starts Run in the bubble and returns what ends it and waits.
func run(t *testing.T, s *Sync) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v, want nil at the end of its context", err)
		}
	}
}

func says(r access.Roster) func(int) (Fetched, error) {
	return func(n int) (Fetched, error) {
		return Fetched{Roster: copyRows(r), At: time.Now(), Cursor: Cursor(fmt.Sprint(n))}, nil
	}
}

func TestSyncCrawlsAtOnceAndThenEveryHourOrSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: says(house(10)), takes: time.Second}
		s, _ := newSync(t, source, &shelf{}, time.Hour, nil)
		start := time.Now()
		stop := run(t, s)
		time.Sleep(10 * time.Hour)
		stop()
		if !source.fetches[0].Equal(start) || source.count() < 9 || source.count() > 12 {
			t.Errorf("%d crawls in ten hours, want about ten", source.count())
		}
		pauses := map[time.Duration]bool{}
		for i, f := range source.fetches[1:] {
			pause := f.Sub(source.fetches[i])
			pauses[pause] = true
			if pause < 54*time.Minute || pause > 67*time.Minute {
				t.Errorf("pause %d is %v, want an hour and a tenth at most", i, pause)
			}
		}
		if len(pauses) < 2 {
			t.Error("every pause is the same: gateways that start together would crawl together for ever")
		}
	})
}

func TestSyncBacksOffAndNeverGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: func(int) (Fetched, error) { return Fetched{}, errors.New("no route to the cloud") }}
		s, _ := newSync(t, source, &shelf{}, time.Hour, nil)
		stop := run(t, s)
		time.Sleep(24 * time.Hour)
		stop()
		last := time.Duration(0)
		for i, f := range source.fetches[1:] {
			pause := f.Sub(source.fetches[i])
			if pause > maxBackOff || pause < firstBackOff/2 {
				t.Fatalf("pause %d is %v, want between %v and %v", i, pause, firstBackOff/2, maxBackOff)
			}
			last = pause
		}
		if last < maxBackOff/2 {
			t.Errorf("after a day the pause is %v; it should have grown to %v or so", last, maxBackOff)
		}
	})
}

func TestSyncTriesSoonerAfterAFailureThanAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: func(int) (Fetched, error) { return Fetched{}, errors.New("down") }}
		every := 20 * time.Second
		s, _ := newSync(t, source, &shelf{}, every, nil)
		for failures := 1; failures < 100; failures++ {
			if pause := s.pause(errors.New("down"), failures); pause > every || pause <= 0 {
				t.Fatalf("after %d failures the pause is %v, want at most %v", failures, pause, every)
			}
		}
		asked := &transport.Error{Kind: transport.Throttled, RetryAfter: 10 * time.Second}
		if pause := s.pause(fmt.Errorf("users: %w", asked), 1); pause < 5*time.Second {
			t.Errorf("the cloud asked for 10 s and got %v", pause)
		}
	})
}

func TestSyncKeepsEverythingWhenTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := errors.New("kisi: GET /users: 401: check the key")
		good := says(house(30))
		source := &scripted{answer: func(n int) (Fetched, error) {
			if n == 1 {
				return good(n)
			}
			return Fetched{}, fail
		}}
		keeper := &shelf{}
		s, reg := newSync(t, source, keeper, time.Hour, nil)
		if got := s.Status().Result; got != SyncNever {
			t.Errorf("result %q before the first crawl, want never", got)
		}
		if err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		heard := s.Status().Contact
		time.Sleep(time.Minute)
		if err := s.Now(t.Context()); !errors.Is(err, fail) {
			t.Fatalf("Now: %v, want the source's error", err)
		}
		got := s.Status()
		if got.Result != SyncFailed || got.Err != fail.Error() || !got.Contact.Equal(heard) || !got.Tried.After(heard) {
			t.Errorf("status %+v; want failed, the words of the source, and the contact of before", got)
		}
		if n := keeper.people("front"); n != 30 {
			t.Errorf("%d people reach the front door, want all 30", n)
		}
		want := `
# HELP tilegate_sync_total Crawls of a source of rights, by result: ok, held (some removals wait) or failed (the old rights stand).
# TYPE tilegate_sync_total counter
tilegate_sync_total{result="failed",source="kisi"} 1
tilegate_sync_total{result="held",source="kisi"} 0
tilegate_sync_total{result="ok",source="kisi"} 1
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "tilegate_sync_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestSyncConfirmsWhenNothingChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shuffled := house(30)
		slices.Reverse(shuffled.Grants)
		slices.Reverse(shuffled.Holders)
		source := &scripted{answer: func(n int) (Fetched, error) {
			if n == 1 {
				return says(house(30))(n)
			}
			return says(shuffled)(n)
		}}
		keeper := &shelf{}
		s, _ := newSync(t, source, keeper, time.Hour, nil)
		for range 3 {
			time.Sleep(time.Minute)
			if err := s.Now(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if keeper.replaced != 1 {
			t.Errorf("replaced %d times, want once: the rows came in another order only", keeper.replaced)
		}
		if !keeper.contact.Equal(time.Now()) {
			t.Errorf("contact %v, want now: the source was heard of", keeper.contact)
		}
		if want := []Cursor{"", "1", "2"}; !slices.Equal(source.cursors, want) {
			t.Errorf("cursors %q, want %q", source.cursors, want)
		}
	})
}

func TestAHeldRemovalAsksASecondTimeWithinMinutesAndDoesNotAgeTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		short := house(100)
		short.Grants = short.Grants[30:]
		source := &scripted{answer: func(n int) (Fetched, error) {
			if n == 1 {
				return says(house(100))(n)
			}
			return says(short)(n)
		}}
		keeper := &shelf{}
		s, reg := newSync(t, source, keeper, time.Hour, nil)
		if err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		synctest.Wait()
		if got := s.Status(); got.Result != SyncHeld || got.NeedsPerson || len(got.Held) != 1 {
			t.Fatalf("status %+v; want one door held, for a second crawl", got)
		}
		if n := keeper.people("front"); n != 100 {
			t.Errorf("%d people while held, want 100", n)
		}
		if !keeper.contact.Equal(time.Now()) {
			t.Error("a held change aged the source")
		}
		if got, err := testutil.GatherAndCount(reg, "tilegate_sync_held"); err != nil || got != 1 || testutil.ToFloat64(s.meter.held) != 30 {
			t.Errorf("tilegate_sync_held: %d series, %v people, %v; want 30", got, testutil.ToFloat64(s.meter.held), err)
		}
		time.Sleep(59 * time.Second)
		if n := keeper.people("front"); n != 100 {
			t.Errorf("%d people after 59 s, want 100", n)
		}
		time.Sleep(21 * time.Second)
		synctest.Wait()
		if n := keeper.people("front"); n != 70 {
			t.Errorf("%d people after the second crawl agreed, want 70", n)
		}
		if got := s.Status(); got.Result != SyncOK || len(got.Held) > 0 || testutil.ToFloat64(s.meter.held) != 0 {
			t.Errorf("status %+v; want ok", got)
		}
		stop()
	})
}

func TestAnotherOrganisationIsNoContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := &shelf{roster: house(10)}
		s, _ := newSync(t, &scripted{answer: says(access.Roster{})}, keeper, time.Hour, nil)
		if err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := s.Status()
		if got.Result != SyncHeld || !got.NeedsPerson || !got.Contact.IsZero() || !keeper.contact.IsZero() || keeper.people("front") != 10 {
			t.Errorf("status %+v, contact %v, %d people; want held, no contact, all ten", got, keeper.contact, keeper.people("front"))
		}
	})
}

func TestApproveTakesEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: func(n int) (Fetched, error) {
			r := house(10)
			if n > 1 {
				r.Grants = nil
			}
			return says(r)(n)
		}}
		keeper := &shelf{}
		s, _ := newSync(t, source, keeper, time.Hour, nil)
		stop := run(t, s)
		time.Sleep(5 * time.Hour)
		if n := keeper.people("front"); n != 10 || !s.Status().NeedsPerson {
			t.Fatalf("%d people after hours of the same answer, needs a person %t; want all 10, for ever", n, s.Status().NeedsPerson)
		}
		if n := s.Approve(); n != 10 {
			t.Errorf("approved %d, want 10", n)
		}
		synctest.Wait()
		if n := keeper.people("front"); n != 0 {
			t.Errorf("%d people after the approval, want none", n)
		}
		stop()
	})
}

func TestRightsThatCannotBeTakenIntoUseAreFetchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: says(house(5))}
		keeper := &shelf{broken: errors.New("disk is full")}
		s, _ := newSync(t, source, keeper, time.Hour, nil)
		err := s.Now(t.Context())
		if !errors.Is(err, keeper.broken) || s.Status().Result != SyncFailed {
			t.Fatalf("Now: %v, status %+v; want the keeper's error and failed", err, s.Status())
		}
		keeper.broken = nil
		if err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []Cursor{"", ""}; !slices.Equal(source.cursors, want) {
			t.Errorf("cursors %q, want %q: what was not taken must come again", source.cursors, want)
		}
	})
}

func TestDanglingRowsAreDroppedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		odd := house(20)
		odd.Grants = append(odd.Grants, access.Grant{ID: "g-lost", Assignee: "nobody", Scope: access.ScopeGroup, ScopeID: "all", Source: "kisi"})
		keeper := &shelf{}
		s, _ := newSync(t, &scripted{answer: says(odd)}, keeper, time.Hour, nil)
		if err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []access.Problem{{Table: "grant", ID: "g-lost", What: `names the holder "nobody", which is not there`}}
		if diff := cmp.Diff(want, s.Status().Dropped); diff != "" || testutil.ToFloat64(s.meter.dropped) != 1 {
			t.Errorf("dropped, metric %v (-want +got):\n%s", testutil.ToFloat64(s.meter.dropped), diff)
		}
		if n := keeper.people("front"); n != 20 {
			t.Errorf("%d people reach the front door, want 20", n)
		}
	})
}

func TestSyncRefusesToCrawlWithoutAPause(t *testing.T) {
	if _, err := NewSync(SyncOptions{Source: &scripted{}, Keeper: &shelf{}}); err == nil {
		t.Error("a sync that would crawl without end was made")
	}
}
