package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// OpenSource makes the source under test for the suite: with the key, and
// with what it needs in deps, of which Transport leads to the fake. It is
// called inside a synctest bubble.
type OpenSource func(t *testing.T, key string, deps cloud.Deps) cloud.Source

// SourceSuite is what every source of Kisi's rights must do, however it is
// built. It knows the contract of cloud.Source and nothing of a client, and
// judges a roster by what the doors would decide from it.
func SourceSuite(t *testing.T, open OpenSource) {
	t.Helper()
	for _, part := range []struct {
		name string
		run  func(*testing.T, OpenSource)
	}{
		{"EverybodyIsDecidedRight", everybodyIsDecidedRight},
		{"SameWorldGivesSameRoster", sameWorldGivesSameRoster},
		{"BudgetIsKept", budgetIsKept},
		{"NothingLessThanEverything", nothingLessThanEverything},
		{"KeyRevokedDuringCrawl", keyRevokedDuringCrawl},
		{"RowsThatPointAtNothing", rowsThatPointAtNothing},
		{"LockdownIsSeen", lockdownIsSeen},
		{"CancellationReturnsSoon", cancellationReturnsSoon},
		{"TestNamesOrganisation", testNamesOrganisation},
		{"TestSaysWhatToDo", testSaysWhatToDo},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open) })
	}
}

// longest is the time that a fetch under a lasting fault may take before it
// gives up, in fake time.
const longest = 2 * time.Hour

// rig is one source on one campus.
type rig struct {
	*campus
	src cloud.Source
}

// inBubble runs a part of the suite in fake time, and sees to it afterwards
// that no secret was said.
func inBubble(t *testing.T, name string, opts Options, open OpenSource, part func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCampus(t, opts)
			r := &rig{campus: c, src: open(t, suiteKey, c.deps)}
			part(t, r)
			silent(t, "log", c.log.String())
		})
	})
}

// silent fails if a text tells a key or a card.
func silent(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{suiteKey, "04A20101C3D480", "04a20101c3d480", "Seat 12 / June"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s tells a secret", where)
		}
	}
}

// fetch asks for everything, and holds any error to the rule of silence.
func (r *rig) fetch(t *testing.T) (cloud.Fetched, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	f, err := r.src.Fetch(ctx, "")
	if err != nil {
		silent(t, "error", fmt.Sprintf("%v %+v", err, err))
	}
	return f, err
}

// sound is fetch when nothing is wrong.
func (r *rig) sound(t *testing.T) cloud.Fetched {
	t.Helper()
	f, err := r.fetch(t)
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	return f
}

func (r *rig) check(t *testing.T, f cloud.Fetched) {
	t.Helper()
	got := r.decide(t, r.src, f.Roster, f.At)
	for tap, want := range r.wants() {
		if got[tap] != want {
			t.Errorf("%s: %v, want %v", tap, got[tap], want)
		}
	}
}

func everybodyIsDecidedRight(t *testing.T, open OpenSource) {
	for _, tt := range []struct {
		name  string
		opts  Options
		extra bool
	}{
		{"plain", Options{}, false},
		{"with unknown fields and fractions of seconds", Options{Milliseconds: true}, true},
		{"with a fixed window and Retry-After", Options{Window: FixedWindow, RetryAfter: true}, false},
	} {
		inBubble(t, tt.name, tt.opts, open, func(t *testing.T, r *rig) {
			r.k.Faults().ExtraFields(tt.extra)
			start := time.Now()
			f := r.sound(t)
			r.check(t, f)
			if f.At.Before(start) || f.At.After(time.Now()) {
				t.Errorf("heard of at %v, want between %v and %v", f.At, start, time.Now())
			}
			if len(f.Dropped) > 0 {
				t.Errorf("dropped: %v, want nothing", f.Dropped)
			}
			if r.src.Ageless() {
				t.Error("a cloud is never ageless")
			}
		})
	}
}

func sameWorldGivesSameRoster(t *testing.T, open OpenSource) {
	inBubble(t, "twice", Options{}, open, func(t *testing.T, r *rig) {
		first, second := r.sound(t), r.sound(t)
		if a, b := r.build(t, r.src, first.Roster, first.At).Hash(), r.build(t, r.src, second.Roster, second.At).Hash(); a != b {
			t.Errorf("two fetches of one world differ: %x, %x", a, b)
		}
	})
}

func budgetIsKept(t *testing.T, open OpenSource) {
	for _, window := range []RateWindow{SlidingWindow, FixedWindow} {
		inBubble(t, fmt.Sprint("window ", window), Options{Window: window}, open, func(t *testing.T, r *rig) {
			r.sound(t)
			for _, req := range r.k.Requests() {
				if req.Status == http.StatusTooManyRequests {
					t.Fatalf("%s %s at %v: over the budget", req.Method, req.Path, req.At)
				}
			}
		})
	}
}

// lessening are the faults that make a cloud say less than it knows.
var lessening = []struct {
	name string
	set  func(f *Faults)
}{
	{"cut", func(f *Faults) { f.Cut() }},
	{"cut on one list", func(f *Faults) { f.Cut("/cards") }},
	{"500", func(f *Faults) { f.Status(500, -1, "/role_assignments") }},
	{"503 on one list", func(f *Faults) { f.Status(503, -1, "/users") }},
	{"403 on one list", func(f *Faults) { f.Status(403, -1, "/users") }},
	{"401", func(f *Faults) { f.Status(401, -1) }},
	{"storm of 429", func(f *Faults) { f.Storm429("/locks") }},
	{"captive portal", func(f *Faults) { f.CaptivePortal() }},
	{"captive portal with a redirect", func(f *Faults) { f.CaptivePortalRedirect() }},
	{"half a page", func(f *Faults) { f.HalfPage("/role_assignments") }},
	{"broken JSON", func(f *Faults) { f.BrokenJSON("/users") }},
	{"short pages", func(f *Faults) { f.ShortPage() }},
	{"short pages of rights", func(f *Faults) { f.ShortPage("/role_assignments") }},
	{"short pages of group locks", func(f *Faults) { f.ShortPage("/group_locks", "/groups") }},
	{"all lists empty", func(f *Faults) { f.EmptyLists() }},
	{"no users", func(f *Faults) { f.EmptyLists("/users") }},
	{"no rights", func(f *Faults) { f.EmptyLists("/role_assignments") }},
	{"no cards", func(f *Faults) { f.EmptyLists("/cards") }},
	{"no card assignments", func(f *Faults) { f.EmptyLists("/card_assignments") }},
	{"no groups", func(f *Faults) { f.EmptyLists("/groups") }},
	{"no locks", func(f *Faults) { f.EmptyLists("/locks") }},
	{"removed endpoint", func(f *Faults) { f.RemovedEndpoint("/role_assignments") }},
	{"rows arrive", func(f *Faults) { f.RowDrift(DriftInsert, -1) }},
	{"rows go", func(f *Faults) { f.RowDrift(DriftRemove, -1) }},
	{"rows move", func(f *Faults) { f.RowDrift(DriftRotate, -1) }},
}

// nothingLessThanEverything: under each fault a fetch fails, or gives all there
// is, or gives what the guard does not let through.
func nothingLessThanEverything(t *testing.T, open OpenSource) {
	for _, tt := range lessening {
		inBubble(t, tt.name, Options{}, open, func(t *testing.T, r *rig) {
			before := r.sound(t)
			tt.set(r.k.Faults())
			f, err := r.fetch(t)
			for _, req := range r.k.Requests() {
				if req.Host == PortalHost && req.Authorized {
					t.Error("the key went to another host")
				}
			}
			if err != nil {
				return
			}
			held := cloud.NewGuard(nil).Pass(before.Roster, f.Roster, cloud.Proof{Counts: f.Counts, Off: f.Off}, time.Now())
			for tap, reason := range r.decide(t, r.src, held.Roster, f.At) {
				if r.wants()[tap] == access.Granted && reason != access.Granted {
					t.Fatalf("%s: %v after a fetch that said nothing was wrong (%d people held)", tap, reason, held.People)
				}
			}
			r.k.Faults().Clear()
			r.check(t, r.sound(t))
		})
	}
}

func keyRevokedDuringCrawl(t *testing.T, open OpenSource) {
	inBubble(t, "in the middle", Options{}, open, func(t *testing.T, r *rig) {
		r.sound(t)
		last := r.k.Requests()
		left := len(last) / 2
		r.k.Faults().OnRequest(func(*http.Request) {
			if left--; left == 0 {
				r.k.RevokeKey(suiteKey)
			}
		})
		if _, err := r.fetch(t); err == nil {
			t.Error("a crawl that lost its key in the middle said that it was whole")
		}
	})
}

// rowsThatPointAtNothing: somebody is made and given a right while the people
// were already read. The rest of the roster stands.
func rowsThatPointAtNothing(t *testing.T, open OpenSource) {
	inBubble(t, "a newcomer", Options{}, open, func(t *testing.T, r *rig) {
		came := false
		r.k.Faults().OnRequest(func(req *http.Request) {
			if req.URL.Path == "/role_assignments" && !came {
				came = true
				r.k.Assign(ToUser(r.k.AddUser("Newcomer", "new@example.com")), r.desk, Window{})
			}
		})
		f, err := r.fetch(t)
		if err != nil {
			t.Fatalf("one row that points at nothing cost the whole roster: %v", err)
		}
		r.check(t, f)
		_, problems := access.Prune(f.Roster)
		known := false
		for _, h := range f.Roster.Holders {
			known = known || h.Name == "Newcomer"
		}
		if !known && len(f.Dropped)+len(problems) == 0 {
			t.Error("a right of somebody unknown was dropped, and nobody was told")
		}
	})
}

func lockdownIsSeen(t *testing.T, open OpenSource) {
	for _, tt := range []struct {
		name      string
		set       func(r *rig)
		door, off string
	}{
		{"of a lock", func(r *rig) { r.k.LockDownLock(r.doors["front"]) }, "front", "annexe"},
		{"of a place", func(r *rig) { r.k.LockDownPlace(r.office) }, "cellar", "annexe"},
	} {
		inBubble(t, tt.name, Options{}, open, func(t *testing.T, r *rig) {
			tt.set(r)
			f := r.sound(t)
			s := r.build(t, r.src, f.Roster, f.At)
			if !s.LockedDown(tt.door) || s.LockedDown(tt.off) {
				t.Errorf("locked down: %s %v, %s %v; want true and false", tt.door, s.LockedDown(tt.door), tt.off, s.LockedDown(tt.off))
			}
		})
	}
}

func cancellationReturnsSoon(t *testing.T, open OpenSource) {
	inBubble(t, "while an answer is awaited", Options{}, open, func(t *testing.T, r *rig) {
		r.k.Faults().Slow(24*time.Hour, "/users")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		_, err := r.src.Fetch(ctx, "")
		if took := time.Since(start); err == nil || took > 31*time.Second {
			t.Errorf("%v after %v, want an error within a second of the end", err, took)
		}
	})
	inBubble(t, "before it began", Options{}, open, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.src.Fetch(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v, want one that is context.Canceled", err)
		}
	})
}

func testNamesOrganisation(t *testing.T, open OpenSource) { // R2
	inBubble(t, "with the owner's key", Options{Organisation: "Officine Nove"}, open, func(t *testing.T, r *rig) {
		report, err := r.src.Test(t.Context())
		if err != nil || report.Organisation != "Officine Nove" || len(report.Lines) == 0 {
			t.Fatalf("report %+v, error %v; want the organisation's name and what was tried", report, err)
		}
		for _, line := range report.Lines {
			if !line.OK {
				t.Errorf("%s: not passed with the owner's key: %s", line.What, line.Note)
			}
		}
	})
}

func testSaysWhatToDo(t *testing.T, open OpenSource) { // R3, R4
	for _, tt := range []struct {
		name string
		set  func(r *rig)
		want string // lower case; empty: any failure
	}{
		{"key revoked", func(r *rig) { r.k.RevokeKey(suiteKey) }, "organization owner"},
		{"a member's key", func(r *rig) {
			r.k.RevokeKey(suiteKey)
			r.k.AddKey(r.k.AddUser("Plain", "plain@example.com"), suiteKey)
		}, "organization owner"},
		{"captive portal", func(r *rig) { r.k.Faults().CaptivePortal() }, ""},
		{"cut", func(r *rig) { r.k.Faults().Cut() }, ""},
	} {
		inBubble(t, tt.name, Options{}, open, func(t *testing.T, r *rig) {
			tt.set(r)
			ctx, cancel := context.WithTimeout(t.Context(), longest)
			defer cancel()
			report, err := r.src.Test(ctx)
			said, passed := fmt.Sprint(err), err == nil
			for _, line := range report.Lines {
				said += "\n" + line.What + ": " + line.Note
				passed = passed && line.OK
			}
			silent(t, "test", said)
			if passed || !strings.Contains(strings.ToLower(said), tt.want) {
				t.Errorf("passed %v; want a failure that says %q:\n%s", passed, tt.want, said)
			}
		})
	}
}
