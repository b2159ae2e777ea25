package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

var doorKey, _ = access.NewDigestKey([]byte("a test key, not a secret one !!!"))

// transcript is what a bystander would have seen, in order.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (t *transcript) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// fakeTile shows its signals in the transcript.
type fakeTile struct{ seen *transcript }

func (f fakeTile) Read(ctx context.Context) (hw.Read, error) {
	<-ctx.Done()
	return hw.Read{}, ctx.Err()
}
func (f fakeTile) Stats() hw.Stats { return hw.Stats{Up: true} }
func (f fakeTile) Close() error    { return nil }
func (f fakeTile) Signal(_ context.Context, n hw.Notice) error {
	f.seen.say("lamp %s", [...]string{"green", "red", "one card", "PIN", "ask the desk", "shut the door", "ready", "offline"}[n.Signal])
	return nil
}

// fakeStrike pulses in the transcript, or fails.
type fakeStrike struct {
	seen *transcript
	err  error
}

func (f *fakeStrike) Pulse(_ context.Context, d time.Duration) error {
	f.seen.say("unlock %v", d)
	return f.err
}
func (f *fakeStrike) Rest(context.Context) error { return nil }
func (f *fakeStrike) Stats() hw.Stats            { return hw.Stats{Up: true} }
func (f *fakeStrike) Close() error               { return nil }

// fakeJournal writes after a delay, as a worn card does, and in order.
type fakeJournal struct {
	seen  *transcript
	delay time.Duration
	err   error
	all   []access.Event

	claims []access.Claim

	mu    sync.Mutex // guards queue
	queue []func()
}

// later writes what waits longest, after the delay. It is never at once: what the
// door does next comes first, in every run.
func (f *fakeJournal) later(write func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = append(f.queue, write)
	time.AfterFunc(f.delay+time.Microsecond, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		oldest := f.queue[0]
		f.queue = f.queue[1:]
		oldest()
	})
}

type fakeReceipt struct {
	done chan struct{}
	err  error
	late *atomic.Bool
}

func (r fakeReceipt) Done() <-chan struct{} { return r.done }
func (r fakeReceipt) Err() error            { return r.err }
func (r fakeReceipt) MarkLate() bool        { r.late.Store(true); return true }

func (f *fakeJournal) Append(e access.Event) receipt {
	f.all = append(f.all, e)
	r := fakeReceipt{done: make(chan struct{}), err: f.err, late: new(atomic.Bool)}
	f.later(func() {
		f.seen.say("record %s %s%s", e.Kind, what(e), map[bool]string{true: " late"}[e.Late || r.late.Load()])
		close(r.done)
	})
	return r
}

// AppendClaim is Append; until it is written it can be withdrawn.
func (f *fakeJournal) AppendClaim(e access.Event, c access.Claim) claimReceipt {
	r := &fakeClaim{fakeReceipt: fakeReceipt{done: make(chan struct{}), err: f.err, late: new(atomic.Bool)}}
	f.claims = append(f.claims, c)
	f.all = append(f.all, e)
	f.later(func() {
		if r.withdrawn.Load() {
			e.Reason = access.NotRecorded
		}
		f.seen.say("record %s %s", e.Kind, what(e))
		close(r.done)
	})
	return r
}

type fakeClaim struct {
	fakeReceipt
	withdrawn atomic.Bool
}

func (r *fakeClaim) Withdraw() bool { r.withdrawn.Store(true); return true }

func what(e access.Event) string {
	if e.Kind == access.DecisionEvent {
		return e.Reason.String()
	}
	return e.Detail
}

// stage is a door with everything around it played.
type stage struct {
	*door
	seen    *transcript
	strike  *fakeStrike
	journal *fakeJournal
	reg     *prometheus.Registry
}

func newStage(t *testing.T, change func(*access.Roster)) *stage {
	t.Helper()
	roster := access.Roster{
		Doors:   []access.Door{{ID: "front", Name: "Front door"}},
		Groups:  []access.Group{{ID: "hot", Name: "Hot desk", Doors: []string{"front"}}},
		Holders: []access.Holder{{ID: "ann"}},
		Grants:  []access.Grant{{ID: "g1", Assignee: "ann", Scope: access.ScopeGroup, ScopeID: "hot", Source: "kisi", Cause: "role"}},
	}
	ann := doorKey.Credential(access.Card, []byte("04a2b3c4d5e680"))
	roster.Assignments = []access.Assignment{{ID: "c1", Kind: ann.Kind, Digest: ann.Digest, Assurance: ann.Assurance, Holder: "ann", Active: true}}
	if change != nil {
		change(&roster)
	}
	snapshot, err := access.Build(roster, []access.Contact{{Source: "kisi", At: time.Now()}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{seen: &transcript{}, reg: prometheus.NewRegistry()}
	s.strike = &fakeStrike{seen: s.seen}
	s.journal = &fakeJournal{seen: s.seen}
	start := time.Now()
	clock := Clock{Wall: time.Now, Mono: func() time.Duration { return time.Since(start) }, Synced: func() bool { return true }}
	r := &rights{}
	r.current.Store(snapshot)
	kept := newTimekeeper(clock, time.Time{})
	said := newPosturesOf(t, &memoryLedger{}, kept)
	said.tell(r.lockDown)
	s.door = &door{
		id: "front", name: "Front door", hold: 5 * time.Second, strike: s.strike, rights: r,
		tiles:   []*tile{{name: usualReader, reader: fakeTile{s.seen}, pad: pinPad{keypad: "front/in", limits: openLimits(t, newMemoryKeeper(), 0)}}},
		journal: s.journal, clock: kept, postures: said, offers: newOffers(t), metrics: newMetrics(s.reg).forDoor("front"),
		log: hclog.NewNullLogger(), reads: make(chan heard, pendingReads), asks: make(chan ask, 1), wake: make(chan struct{}, 1),
	}
	return s
}

// heard is a read at the door's own tile.
func (s *stage) heard(read hw.Read) heard { return heard{read, s.tiles[0]} }

func cardRead(uid string) hw.Read {
	return hw.Read{Kind: access.Card, Value: hw.Value(uid), At: time.Now()}
}

// X7: every tap is logged with door, kind, decision, reason, cache age.
func TestTheRecordComesBeforeTheStrike(t *testing.T) {
	tests := []struct {
		name    string
		delay   time.Duration
		journal error
		strike  error
		read    hw.Read
		want    string
	}{
		{
			name: "a member", read: cardRead("04a2b3c4d5e680"),
			want: "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked",
		},
		{
			name: "a card that takes its time", delay: 149 * time.Millisecond, read: cardRead("04a2b3c4d5e680"),
			want: "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked",
		},
		{
			name: "a worn card: the member does not wait", delay: 2 * time.Second, read: cardRead("04a2b3c4d5e680"),
			want: "unlock 5s\nlamp green\nrecord decision granted late\nrecord outcome unlocked late",
		},
		{
			name: "a journal that fails: the member gets in", journal: errors.New("disk full"), read: cardRead("04a2b3c4d5e680"),
			want: "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked late",
		},
		{
			name: "a strike that does not answer: no green light", strike: errors.New("no answer"), read: cardRead("04a2b3c4d5e680"),
			want: "record decision granted\nunlock 5s\nlamp ask the desk\nrecord outcome strike: no answer",
		},
		{name: "an unknown card", read: cardRead("04ffffffffffff"), want: "lamp red\nrecord decision unknown"},
		{name: "a garbled card", read: hw.Read{Fault: access.Unreadable}, want: "lamp red\nrecord decision unreadable"},
		{name: "nothing at all", read: hw.Read{Kind: access.Card}, want: "lamp red\nrecord decision no_credential"}, // X8
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, nil)
				s.journal.delay, s.journal.err, s.strike.err = tt.delay, tt.journal, tt.strike
				s.receive(t.Context(), s.heard(tt.read), "")
				time.Sleep(10 * time.Second) // all that was begun ends
				synctest.Wait()
				if got := s.seen.String(); got != tt.want {
					t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
				}
			})
		})
	}
}

func TestTheEventSaysWhatDecided(t *testing.T) { // X7
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), "")
		e := s.journal.all[0]
		hash := fmt.Sprintf("%x", s.rights.Load().Hash())
		if e.Door != "front" || e.Reader != usualReader || e.Holder != "ann" || e.Grant != "g1" || e.Group != "hot" ||
			e.Generation != 3 || e.RosterHash != hash || e.Credential.Kind != access.Card || e.ID == "" {
			t.Errorf("event: %+v", e)
		}
		if outcome := s.journal.all[1]; outcome.Ref != e.ID {
			t.Errorf("the outcome refers to %q, want %q", outcome.Ref, e.ID)
		}
		time.Sleep(time.Second)
	})
}

func TestNoCardValueLeavesTheDoor(t *testing.T) { // R6 for cards; canary
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		var log strings.Builder
		s.log = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Trace})
		s.strike.err = errors.New("no answer")
		read := cardRead("04a2b3c4d5e680")
		s.log.Debug("a read", "read", read, "value", read.Value)
		s.receive(t.Context(), s.heard(read), "")
		time.Sleep(time.Second)
		if all := log.String() + fmt.Sprintf("%+v", s.journal.all); strings.Contains(strings.ToLower(all), "a2b3c4d5") {
			t.Errorf("the card value shows:\n%s", all)
		}
	})
}

func TestStaffOpenTheDoorByOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.run(ctx) }()
		if _, err := s.ask(ctx, ask{actor: "desk"}); err != nil {
			t.Fatal(err)
		}
		cancel()
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := s.seen.String(), "record action open\nunlock 5s\nrecord outcome unlocked"; got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
		if got := s.journal.all[0].Actor; got != "desk" {
			t.Errorf("actor: got %q, want desk", got)
		}
	})
}

func TestADoorStandsOpenWhileItsPulseRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		posture := func() string { return postureOf(s.rights.Load(), s.door) }
		if got := posture(); got != "locked" {
			t.Errorf("before: got %s", got)
		}
		s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), "")
		if got := posture(); got != "open" {
			t.Errorf("after a tap: got %s, want open", got)
		}
		time.Sleep(s.hold)
		if got := posture(); got != "locked" {
			t.Errorf("after its hold: got %s, want locked", got)
		}
		s.strike.err = errors.New("no answer")
		s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), "")
		if got := posture(); got != "locked" {
			t.Errorf("when the strike did not answer: got %s, want locked", got)
		}
		time.Sleep(time.Second)
	})
}

func TestTapsAreCountedByReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), "")
		s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), "")
		s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), "")
		time.Sleep(time.Second)
		if got := testutil.ToFloat64(s.metrics.taps[access.Granted]); got != 1 {
			t.Errorf("granted: got %v, want 1", got)
		}
		if got := testutil.ToFloat64(s.metrics.taps[access.Unknown]); got != 2 {
			t.Errorf("unknown: got %v, want 2", got)
		}
		if got, want := testutil.CollectAndCount(s.reg, "tilegate_taps_total"), len(access.Reasons()); got != want {
			t.Errorf("series from the start: got %d, want %d", got, want)
		}
	})
}
