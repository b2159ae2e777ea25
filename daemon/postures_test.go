package daemon

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// memoryLedger keeps words as the ledger does. It may fail, or take its time.
type memoryLedger struct {
	mu    sync.Mutex // guards the fields below
	words []store.Posture
	err   error
	slow  chan struct{} // AppendPosture waits for it, if set
}

func (m *memoryLedger) Postures(context.Context) (store.Postures, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var p store.Postures
	for _, w := range m.words {
		p.Take(w)
	}
	return p, m.err
}

func (m *memoryLedger) AppendPosture(w store.Posture) (uint64, error) {
	if m.slow != nil {
		<-m.slow
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.words = append(m.words, w)
	}
	return w.Seq, m.err
}

func (m *memoryLedger) fails(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memoryLedger) whats() (all []store.PostureWhat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.words {
		all = append(all, w.What)
	}
	return all
}

func newPosturesOf(t *testing.T, keeper postureKeeper, clock *timekeeper) *postures {
	t.Helper()
	p, err := newPostures(t.Context(), keeper, clock, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testClock() *timekeeper {
	return newTimekeeper(Clock{Wall: func() time.Time { return today }, Mono: func() time.Duration { return 0 }, Synced: func() bool { return true }}, time.Time{})
}

func ofSite(what store.PostureWhat) store.Posture {
	return store.Posture{What: what, Scope: access.ScopeOrganisation, Actor: "anna"}
}

func ofFront(what store.PostureWhat) store.Posture {
	return store.Posture{What: what, Scope: access.ScopeDoor, ScopeID: "front", Actor: "anna"}
}

// What shuts a door waits for no disk; what opens one waits until it is durable.
func TestWordsThatShutCountAtOnceAndOthersWhenTheyAreDurable(t *testing.T) {
	ledger := &memoryLedger{}
	p := newPosturesOf(t, ledger, testClock())
	var lockdowns int
	var seq uint64
	p.tell(func(all []access.Lockdown, posture uint64) { lockdowns, seq = len(all), posture })
	expect := func(when string, wantLockdowns int, wantSeq uint64) {
		t.Helper()
		if lockdowns != wantLockdowns || seq != wantSeq {
			t.Errorf("%s: %d lockdowns as of %d, want %d as of %d", when, lockdowns, seq, wantLockdowns, wantSeq)
		}
	}
	keep := func(w store.Posture) {
		t.Helper()
		if err := p.keep(w); err != nil {
			t.Fatal(err)
		}
	}
	expect("at the beginning", 0, 0)
	down := p.say(ofSite(store.LockDown))
	expect("a lockdown is said", 1, 1)
	keep(down)
	expect("and kept", 1, 1)
	end := p.say(ofSite(store.EndLockdown))
	expect("its end is said", 1, 1)
	keep(end)
	expect("and kept", 0, 2)
	if got := p.say(ofFront(store.Arrived)); !p.of("front").arrived.IsZero() || got.Seq != 3 {
		t.Errorf("somebody has arrived before that is durable (number %d)", got.Seq)
	}
	hold := p.sayHold("front", "anna", time.Hour)
	if got := p.of("front").order.What; got != "" {
		t.Errorf("a hold that is not durable is the order: %q", got)
	}
	release := p.say(ofFront(store.Release))
	keep(hold) // its row comes last
	keep(release)
	if got := p.of("front").order; got.What != store.Release {
		t.Errorf("the release came after the hold, and the order is %q", got.What)
	}
	again := newPosturesOf(t, ledger, testClock())
	if got := again.of("front").order.What; got != store.Release {
		t.Errorf("after a restart the order is %q", got)
	}
	if got := again.say(ofFront(store.Release)).Seq; got != 6 {
		t.Errorf("after a restart the next number is %d, want 6", got)
	}
}

func TestADiskThatFailsShutsNoLess(t *testing.T) {
	broken := errors.New("disk full")
	ledger := &memoryLedger{}
	p := newPosturesOf(t, ledger, testClock())
	var lockdowns int
	p.tell(func(all []access.Lockdown, _ uint64) { lockdowns = len(all) })
	ledger.fails(broken)
	if err := p.keep(p.say(ofSite(store.LockDown))); !errors.Is(err, broken) || lockdowns != 1 {
		t.Errorf("a lockdown that could not be kept: %v, %d in force; want the error, and it in force", err, lockdowns)
	}
	ledger.fails(nil)
	if err := p.keep(p.say(ofSite(store.LockDown))); err != nil {
		t.Fatal(err)
	}
	ledger.fails(broken)
	if err := p.keep(p.say(ofSite(store.EndLockdown))); !errors.Is(err, broken) || lockdowns != 1 {
		t.Errorf("an end that could not be kept: %v, %d in force; want the error, and the lockdown in force", err, lockdowns)
	}
}

// A slow disk holds up neither a lockdown nor who asks.
func TestALockdownWaitsForNoOtherWord(t *testing.T) {
	ledger := &memoryLedger{slow: make(chan struct{})}
	p := newPosturesOf(t, ledger, testClock())
	var lockdowns int
	p.tell(func(all []access.Lockdown, _ uint64) { lockdowns = len(all) })
	ended := make(chan error)
	go func() { ended <- p.keep(p.say(ofFront(store.EndLockdown))) }()
	ledger.slow <- struct{}{} // it is under way; the next one hangs
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	go func() { ended <- p.keep(p.say(ofFront(store.Arrived))) }()
	down := p.say(ofSite(store.LockDown))
	if lockdowns != 1 {
		t.Error("the lockdown waits for a word of somebody else")
	}
	close(ledger.slow)
	if err := errors.Join(<-ended, p.keep(down)); err != nil {
		t.Error(err)
	}
}

func TestWhatTheDoorsSayIsKeptOnceTheDiskTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := &memoryLedger{}
		p := newPosturesOf(t, ledger, testClock())
		ledger.fails(errors.New("disk full"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.run(ctx) }()
		p.later(p.say(ofFront(store.Release)))
		p.later(p.say(ofFront(store.Arrived)))
		time.Sleep(3 * postureRetry)
		if got := ledger.whats(); len(got) != 0 {
			t.Errorf("kept on a full disk: %v", got)
		}
		ledger.fails(nil)
		time.Sleep(2 * postureRetry)
		want := []store.PostureWhat{store.Release, store.Arrived}
		if diff := cmp.Diff(want, ledger.whats()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		cancel()
		p.later(p.say(ofFront(store.KeepLocked))) // by a door that stops at the same moment
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		_ = p.run(ctx)
		if diff := cmp.Diff(append(want, store.KeepLocked), ledger.whats()); diff != "" {
			t.Errorf("in the end (-want +got):\n%s", diff)
		}
	})
}

func TestAHoldOfAnEarlierRunNeedsAClock(t *testing.T) {
	hold := store.Posture{Seq: 1, At: today, Clock: access.ClockSynced, What: store.Hold, Until: today.Add(2 * time.Hour), Actor: "anna"}
	unsure := hold
	unsure.Clock = access.ClockUnset
	tests := []struct {
		name  string
		word  doorWord
		wall  time.Duration // after it began
		clock access.ClockState
		left  time.Duration
		why   string
		over  bool
	}{
		{"in the middle", doorWord{order: hold}, time.Hour, access.ClockSynced, time.Hour, "", false},
		{"by a clock that runs on its own", doorWord{order: hold}, time.Hour, access.ClockFreeRunning, time.Hour, "", false},
		{"at its beginning", doorWord{order: hold}, 0, access.ClockSynced, 2 * time.Hour, "", false},
		{"at its end", doorWord{order: hold}, 2 * time.Hour, access.ClockSynced, 0, holdOver, true},
		{"before its beginning", doorWord{order: hold}, -time.Second, access.ClockSynced, 0, waitsBegin, false},
		{"a clock that jumped", doorWord{order: hold}, time.Hour, access.ClockJumped, 0, waitsClock, false},
		{"a clock that nobody set", doorWord{order: hold}, time.Hour, access.ClockUnset, 0, waitsClock, false},
		{"it was begun by such a clock", doorWord{order: unsure}, time.Hour, access.ClockSynced, 0, holdUnsure, true},
		{"of this run, whatever the clock says", doorWord{order: unsure, ends: time.Minute}, 30 * time.Hour, access.ClockJumped, time.Minute, "", false},
		{"of this run, over", doorWord{order: hold, ends: -time.Minute}, time.Hour, access.ClockSynced, 0, holdOver, true},
		{"a release", doorWord{order: store.Posture{What: store.Release}}, time.Hour, access.ClockSynced, 0, holdReleased, true},
		{"nothing was ever said", doorWord{}, time.Hour, access.ClockSynced, 0, holdReleased, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			left, why, over := tt.word.left(0, today.Add(tt.wall), tt.clock)
			if left != tt.left || why != tt.why || over != tt.over {
				t.Errorf("got %v, %q, over %v; want %v, %q, over %v", left, why, over, tt.left, tt.why, tt.over)
			}
		})
	}
}
