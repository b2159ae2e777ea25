package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

var claimNoon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func passClaim(id byte, uses uint32) access.Claim {
	return access.Claim{Key: access.Digest{id}, Uses: uses, Expires: claimNoon.Add(time.Hour)}
}

func tagClaim(id byte, counter uint64) access.Claim {
	return access.Claim{Key: access.Digest{id, 1}, Counter: counter}
}

func emptyReplays() *replays { return newReplays(nil, func(time.Time) {}) }

// reserveNow makes a claim when noon has surely passed.
func (r *replays) reserveNow(c access.Claim) (*reservation, access.Reason) {
	return r.reserve(c, claimNoon)
}

func TestCounterOfATagMustRise(t *testing.T) {
	r := newReplays([]access.Claim{tagClaim(9, 41)}, func(time.Time) {})
	tests := []struct {
		name  string
		claim access.Claim
		want  access.Reason
		jump  uint64
	}{
		{"first seen, at zero", tagClaim(1, 0), access.Granted, 0},
		{"the same again", tagClaim(1, 0), access.Replayed, 0},
		{"one more", tagClaim(1, 1), access.Granted, 1},
		{"far more", tagClaim(1, 1500), access.Granted, 1499},
		{"an older one", tagClaim(1, 700), access.Replayed, 0},
		{"another tag", tagClaim(2, 700), access.Granted, 0},
		{"as before the start", tagClaim(9, 41), access.Replayed, 0},
		{"after the start", tagClaim(9, 42), access.Granted, 1},
	}
	for _, tt := range tests {
		res, got := r.reserveNow(tt.claim)
		if got != tt.want || (res != nil) != (tt.want == access.Granted) {
			t.Fatalf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if res != nil && res.jump != tt.jump {
			t.Errorf("%s: the counter rose by %d, want %d", tt.name, res.jump, tt.jump)
		}
		res.release() // a refusal does not give a counter back
	}
}

func TestUseOfAPassIsGivenBackByARefusal(t *testing.T) {
	r := emptyReplays()
	first, got := r.reserveNow(passClaim(1, 1))
	if got != access.Granted || first.claim.Counter != 1 {
		t.Fatalf("got %v, %+v", got, first)
	}
	if _, got := r.reserveNow(passClaim(1, 1)); got != access.Replayed {
		t.Errorf("while somebody has it: got %v, want replayed", got)
	}
	first.release()
	first.release()
	if len(r.used) != 0 {
		t.Errorf("a use that was given back is remembered: %v", r.used)
	}
	second, got := r.reserveNow(passClaim(1, 1))
	if got != access.Granted {
		t.Fatalf("given back: got %v, want granted", got)
	}
	first.release()
	if _, got := r.reserveNow(passClaim(1, 1)); got != access.Replayed {
		t.Errorf("somebody else gave it back: got %v, want replayed", got)
	}
	second.release()
}

// Many doors at once: a pass opens as often as it says, and a counter once.
func TestDoorsAtOnceShareTheUses(t *testing.T) {
	for _, claim := range []access.Claim{passClaim(1, 1), passClaim(2, 5), tagClaim(3, 7)} {
		r := emptyReplays()
		var won atomic.Int32
		var doors sync.WaitGroup
		begin := make(chan struct{})
		for range 64 {
			doors.Go(func() {
				<-begin
				if _, got := r.reserveNow(claim); got == access.Granted {
					won.Add(1)
				}
			})
		}
		close(begin)
		doors.Wait()
		if want := int32(max(claim.Uses, 1)); won.Load() != want {
			t.Errorf("%d uses: %d doors won, want %d", claim.Uses, won.Load(), want)
		}
	}
}

func TestPassesAreForgottenWhenTheirEndHasSurelyPassedForADay(t *testing.T) {
	var told []time.Time
	r := newReplays([]access.Claim{passClaim(1, 1), tagClaim(2, 5)}, func(before time.Time) { told = append(told, before) })
	end := claimNoon.Add(time.Hour)
	known := func(floor time.Time) int {
		// Any claim looks for what may be forgotten; this one is known already.
		if _, got := r.reserve(tagClaim(2, 5), floor); got != access.Replayed {
			t.Fatalf("got %v, want replayed", got)
		}
		return len(r.used)
	}
	if got := known(time.Time{}); got != 2 || told != nil {
		t.Errorf("when nothing has surely passed: %d known, told %v", got, told)
	}
	if got := known(end.Add(24 * time.Hour)); got != 2 {
		t.Errorf("within a day: %d known, want 2", got)
	}
	if got := known(end.Add(24*time.Hour + time.Minute)); got != 2 || len(told) != 1 {
		t.Errorf("a minute after the last look: %d known, told %v; want no look", got, told)
	}
	if got := known(end.Add(26 * time.Hour)); got != 1 {
		t.Errorf("after a day: %d known, want the tag alone", got)
	}
	if last := told[len(told)-1]; !last.Equal(end.Add(2 * time.Hour)) {
		t.Errorf("the journal was told %v, want a day before now", last)
	}
}

// A pass of several uses that was issued again with its old id, for longer: one
// use of the shorter does not make the uses of the longer be forgotten with it.
func TestUsesAreRememberedUntilTheLongerPassEnds(t *testing.T) {
	r := emptyReplays()
	longer, shorter := passClaim(1, 2), passClaim(1, 2)
	longer.Expires = shorter.Expires.Add(30 * 24 * time.Hour)
	for _, claim := range []access.Claim{longer, shorter} {
		if _, got := r.reserveNow(claim); got != access.Granted {
			t.Fatalf("got %v, want granted", got)
		}
	}
	if _, got := r.reserve(longer, shorter.Expires.Add(48*time.Hour)); got != access.Replayed {
		t.Errorf("a third use, two days after the shorter ended: got %v, want replayed", got)
	}
}

func TestFullMemoryOpensNothingNew(t *testing.T) {
	r := emptyReplays()
	for i := range mostClaims {
		r.used[access.Digest{byte(i), byte(i >> 8), byte(i >> 16), 1}] = usage{counter: 1}
	}
	if _, got := r.reserveNow(passClaim(200, 1)); got != access.NotRecorded {
		t.Errorf("got %v, want not_recorded", got)
	}
	r.used[access.Digest{7, 1}] = usage{counter: 1}
	if _, got := r.reserveNow(tagClaim(7, 2)); got != access.Granted {
		t.Errorf("a tag that is known: got %v, want granted", got)
	}
}

// slowDisk settles receipts after a while, or not at all.
type slowDisk struct {
	takes   time.Duration // until the writer has the event
	settles time.Duration // until it is durable
	err     error
	claims  []access.Claim
}

type slowReceipt struct {
	done chan struct{}
	disk *slowDisk
	mu   sync.Mutex
	gone bool // taken by the writer
	back bool // withdrawn before
}

func (r *slowReceipt) Done() <-chan struct{} { return r.done }
func (r *slowReceipt) Err() error            { return r.disk.err }
func (r *slowReceipt) MarkLate() bool        { panic("a claim is never late") }
func (r *slowReceipt) Withdraw() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.back = !r.gone
	return r.back
}

func (d *slowDisk) AppendClaim(_ access.Event, c access.Claim) claimReceipt {
	d.claims = append(d.claims, c)
	r := &slowReceipt{done: make(chan struct{}), disk: d}
	time.AfterFunc(d.takes, func() { r.mu.Lock(); r.gone = true; r.mu.Unlock() })
	time.AfterFunc(d.settles, func() { close(r.done) })
	return r
}

func TestDoorOpensForAProofOnlyWhenItIsDurable(t *testing.T) {
	granted := access.Event{Kind: access.DecisionEvent, Reason: access.Granted}
	refused := access.Event{Kind: access.DecisionEvent, Reason: access.NoGrant}
	tests := []struct {
		name  string
		disk  slowDisk
		event access.Event
		want  bool
		after access.Reason // of the same pass, tried again
		took  time.Duration
	}{
		{"at once", slowDisk{settles: time.Millisecond}, granted, true, access.Replayed, time.Millisecond},
		{"just in time", slowDisk{settles: recordPatience - 1}, granted, true, access.Replayed, recordPatience - 1},
		{"too late, and nobody has it yet", slowDisk{takes: time.Second, settles: time.Second}, granted, false, access.Granted, recordPatience},
		{"too late, and it is being written", slowDisk{settles: time.Second}, granted, false, access.Granted, recordPatience},
		{"the disk says no", slowDisk{err: errors.New("disk full")}, granted, false, access.Granted, 0},
		{"refused, and nobody waits", slowDisk{settles: time.Hour}, refused, false, access.Granted, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := emptyReplays()
				res, _ := r.reserveNow(passClaim(1, 1))
				start := time.Now()
				if got := res.record(&tt.disk, tt.event, recordPatience); got != tt.want {
					t.Errorf("opens: got %v, want %v", got, tt.want)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if _, got := r.reserveNow(passClaim(1, 1)); got != tt.after {
					t.Errorf("tried again: got %v, want %v", got, tt.after)
				}
				if tt.event.Reason != access.Granted && tt.disk.claims[0].Present() {
					t.Errorf("a refusal used up %+v", tt.disk.claims[0])
				}
			})
		})
	}
}

func TestRefusedTapOfATagIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, disk := emptyReplays(), &slowDisk{}
		res, _ := r.reserveNow(tagClaim(1, 5))
		if res.record(disk, access.Event{Reason: access.NoGrant}, recordPatience) {
			t.Error("a refusal opened")
		}
		if len(disk.claims) != 1 || disk.claims[0].Counter != 5 {
			t.Errorf("written: %+v, want counter 5", disk.claims)
		}
		if _, got := r.reserveNow(tagClaim(1, 5)); got != access.Replayed {
			t.Errorf("shown again: got %v, want replayed", got)
		}
		synctest.Wait()
	})
}

// With the real journal: what opened once does not open after a restart.
func TestReplayIsKnownAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	run := func(want access.Reason) {
		t.Helper()
		j, err := store.OpenJournal(path, store.JournalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := contextOf(t)
		ended := make(chan error, 1)
		go func() { ended <- j.Run(ctx) }()
		kept, err := j.Claims(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := newReplays(kept, j.ForgetClaims)
		for i, c := range []access.Claim{passClaim(1, 1), tagClaim(2, 3)} {
			res, got := r.reserveNow(c)
			if got != want {
				t.Fatalf("claim %d: got %v, want %v", i, got, want)
			}
			if res == nil {
				continue
			}
			event := access.Event{ID: fmt.Sprint(i), Kind: access.DecisionEvent, At: claimNoon, Reason: access.Granted}
			if !res.record(storeJournal{j}, event, time.Minute) {
				t.Fatalf("claim %d was not durable", i)
			}
		}
		stop()
		if err := errors.Join(<-ended, j.Close()); err != nil {
			t.Fatal(err)
		}
	}
	run(access.Granted)
	run(access.Replayed)
}

// Whatever doors, disk and power do: a pass never opens more often than it says,
// and no reading of a tag opens twice.
func TestNoOrderOfEventsOpensTooOften(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const uses = 2
		disk := map[access.Digest]uint64{}
		save := func(c access.Claim) { disk[c.Key] = max(disk[c.Key], c.Counter) }
		var pending, stuck []access.Claim
		var waiting []*reservation
		opened, readings := 0, map[uint64]int{}
		r := emptyReplays()
		rt.Repeat(map[string]func(*rapid.T){
			"pass": func(*rapid.T) {
				if res, got := r.reserveNow(passClaim(1, uses)); got == access.Granted {
					waiting = append(waiting, res)
				}
			},
			"tag": func(rt *rapid.T) {
				if res, got := r.reserveNow(tagClaim(1, rapid.Uint64Range(0, 20).Draw(rt, "counter"))); got == access.Granted {
					waiting = append(waiting, res)
				}
			},
			"decide": func(rt *rapid.T) {
				if len(waiting) == 0 {
					rt.Skip("nobody waits")
				}
				i := rapid.IntRange(0, len(waiting)-1).Draw(rt, "door")
				res := waiting[i]
				waiting = append(waiting[:i], waiting[i+1:]...)
				switch rapid.SampledFrom([]string{"durable", "refused", "withdrawn", "stuck"}).Draw(rt, "outcome") {
				case "durable":
					save(res.claim)
					if res.claim.UsedByGrant() {
						opened++
					} else {
						readings[res.claim.Counter]++
					}
				case "refused", "withdrawn":
					if !res.claim.UsedByGrant() {
						pending = append(pending, res.claim)
					}
					res.release()
				case "stuck": // the writer has it: it may come out as a grant, or never
					stuck = append(stuck, res.claim)
					res.release()
				}
			},
			"disk": func(*rapid.T) {
				for _, c := range append(pending, stuck...) {
					save(c)
				}
				pending, stuck = nil, nil
			},
			"power cut": func(*rapid.T) {
				var kept []access.Claim
				for key, counter := range disk {
					kept = append(kept, access.Claim{Key: key, Counter: counter})
				}
				r, waiting, pending, stuck = newReplays(kept, func(time.Time) {}), nil, nil, nil
			},
			"": func(rt *rapid.T) {
				if opened > uses {
					rt.Fatalf("a pass of %d uses opened %d times", uses, opened)
				}
				for counter, times := range readings {
					if times > 1 {
						rt.Fatalf("the reading %d opened %d times", counter, times)
					}
				}
			},
		})
	})
}
