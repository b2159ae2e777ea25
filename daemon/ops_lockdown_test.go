package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// placedRoster has Ann's rights, and each door in a place of its own.
const placedRoster = `{
  "places": [{"id": "hq", "name": "Head office"}, {"id": "annex", "name": "Annex"}, {"id": "depot", "name": "Annex"}],
  "doors": [{"id": "front", "name": "Front", "place": "hq"}, {"id": "lab", "name": "Lab", "place": "annex"}],
  "groups": [{"id": "all", "doors": ["front", "lab"]}],
  "people": [{"id": "ann", "name": "Ann", "cards": ["04A2B3C4D5E680"], "groups": ["all"]}]
}`

var anna = control.Caller{UID: 1000, Name: "anna"}

// syncedClock is the clock of this machine, believed whatever it is worth.
func syncedClock() Clock {
	clock := SystemClock()
	clock.Synced = func() bool { return true }
	return clock
}

// placed is a house whose doors lie in places.
func placed(t *testing.T) *house {
	t.Helper()
	h := newHouseBy(t, syncedClock())
	h.write("roster.json", placedRoster)
	h.until("the places are known", func() bool {
		for range h.rights.Load().Places() {
			return true
		}
		return false
	})
	return h
}

// tap is what a tap of Ann's card comes to, all reasons, and its event.
func (h *house) tap(door string) (reasons []access.Reason, event string) {
	h.t.Helper()
	a, err := h.doors.find(door).ask(h.t.Context(), ask{actor: "test", read: &hw.Read{Kind: access.Card, Value: hw.Value("04a2b3c4d5e680"), At: time.Now()}})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range a.decision.Misses() {
		reasons = append(reasons, m.Reason)
	}
	return reasons, a.event
}

func (h *house) shutNow() (all []string) {
	for _, id := range []string{"front", "lab"} {
		if h.rights.Load().LockedDown(id) {
			all = append(all, id)
		}
	}
	return all
}

func (h *house) lockDown(where control.Where, reason string) control.LockedDown {
	h.t.Helper()
	done, err := h.LockDown(h.t.Context(), anna, control.Lockdown{Where: where, Reason: reason})
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

func (h *house) release(where control.Where) control.Released {
	h.t.Helper()
	done, err := h.Release(h.t.Context(), anna, where)
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

// event is what the journal has of one event.
func (h *house) event(id string) (found access.Event) {
	h.t.Helper()
	h.until("event "+id+" is in the journal", func() bool {
		events, err := h.journal.Events(h.t.Context(), store.EventQuery{Limit: 1000})
		if err != nil {
			h.t.Fatal(err)
		}
		at := slices.IndexFunc(events, func(e access.Event) bool { return e.ID == id })
		if at >= 0 {
			found = events[at]
		}
		return at >= 0
	})
	return found
}

func TestStaffLockDownADoorAPlaceOrTheSite(t *testing.T) {
	h := placed(t)
	tests := []struct {
		name  string
		in    control.Where
		shut  string
		place string
	}{
		{"a door", control.Where{Door: "front"}, "front", ""},
		{"a place by its id", control.Where{Place: "annex"}, "lab", "annex"},
		{"a place by its name", control.Where{Place: "head OFFICE"}, "front", "hq"},
		{"the site", control.Where{Site: true}, "front lab", ""},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			done := h.lockDown(tt.in, "smoke in the hall")
			if got := strings.Join(h.shutNow(), " "); got != tt.shut || done.Doors != len(h.shutNow()) || done.Place != tt.place {
				t.Errorf("shut: %q, %+v; want %q", got, done, tt.shut)
			}
			if e := h.event(done.Event); e.Kind != access.ActionEvent || e.Actor != "anna" || !strings.HasSuffix(e.Detail, ": smoke in the hall") {
				t.Errorf("recorded: %+v", e)
			}
			for _, door := range h.shutNow() {
				reasons, event := h.tap(door)
				if len(reasons) != 1 || reasons[0] != access.LockedDown {
					t.Errorf("a tap at %s: %v", door, reasons)
				}
				if e := h.event(event); e.Reason != access.LockedDown || e.Posture != uint64(2*i+1) {
					t.Errorf("recorded: %v as of posture %d", e.Reason, e.Posture)
				}
			}
			doors, err := h.Doors(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range doors {
				if is := d.Posture == "locked_down"; is != slices.Contains(h.shutNow(), d.ID) || is != (len(d.Shut) == 1) {
					t.Errorf("%s is shown as %s: %+v", d.ID, d.Posture, d.Shut)
				} else if is && (d.Shut[0].By != "anna" || d.Shut[0].Reason != "smoke in the hall" || d.Shut[0].Since.IsZero()) {
					t.Errorf("%s: shown %+v", d.ID, d.Shut[0])
				}
			}
			if got := h.rights.Load().Postures(); got != uint64(2*i+1) {
				t.Errorf("the rights are as of posture %d, want %d", got, 2*i+1)
			}
			back := h.release(tt.in)
			if got := h.shutNow(); len(got) != 0 || back.Ended != "lockdown" || len(back.Still) != 0 {
				t.Errorf("released: %+v, and shut are %v", back, got)
			}
			if e := h.event(back.Event); e.Actor != "anna" || !strings.HasPrefix(e.Detail, "end of the lockdown") {
				t.Errorf("recorded: %+v", e)
			}
		})
	}
}

// Two flags, ORed: each is ended only where it was set, and what is left is said.
func TestALockdownIsReleasedOnlyWhereItWasSet(t *testing.T) {
	h := placed(t)
	h.lockDown(control.Where{Site: true}, "")
	h.lockDown(control.Where{Door: "front"}, "")
	rows := people("kisi", "ben")
	rows.Doors[0].LockedDown = true
	if _, err := h.rights.Replace(t.Context(), "kisi", cloud.RowsOf(rows), access.Contact{Source: "kisi", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	done := h.release(control.Where{Door: "front"})
	want := []string{"front: staff locked down the whole site", "front: the door is locked down in the cloud"}
	if !slices.Equal(done.Still, want) {
		t.Errorf("still: %q, want %q", done.Still, want)
	}
	conflict := func(where control.Where, message, hint string) {
		t.Helper()
		_, err := h.Release(t.Context(), anna, where)
		told, _ := errors.AsType[*control.Error](err)
		if told == nil || told.Code != control.Conflict || !strings.Contains(told.Message, message) || !strings.Contains(told.Hint, hint) {
			t.Errorf("release %v: got %v, want a conflict with %q and %q", where, err, message, hint)
		}
	}
	conflict(control.Where{Door: "front"}, "staff locked down the whole site (anna, ", "tilegate door release --site")
	conflict(control.Where{Place: "hq"}, "the place hq is not locked down from here", "door list")
	if done = h.release(control.Where{Site: true}); !slices.Equal(done.Still, want[1:]) {
		t.Errorf("still: %q, want %q", done.Still, want[1:])
	}
	conflict(control.Where{Door: "front"}, "locked down in the cloud", "it ends in the cloud")
	conflict(control.Where{Door: "lab"}, "neither held open", "door list")
	conflict(control.Where{Site: true}, "not locked down", "door list")
	_, err := h.OpenDoor(t.Context(), anna, control.Opening{Door: "front"})
	if told, _ := errors.AsType[*control.Error](err); told == nil || told.Code != control.Conflict || !strings.Contains(told.Hint, "--anyway") {
		t.Errorf("open: %v, want a conflict that names --anyway", err)
	}
}

func TestALockdownOfWhatIsNotThereIsRefused(t *testing.T) {
	h := placed(t)
	for _, tt := range []struct {
		in   control.Where
		code control.Code
		hint string
	}{
		{control.Where{Door: "cellar"}, control.NotFound, "front, lab"},
		{control.Where{Place: "moon"}, control.NotFound, "hq (Head office)"},
		{control.Where{Place: "annex "}, control.NotFound, "hq (Head office)"},
		{control.Where{Place: "ANNEX"}, control.BadRequest, "annex, depot"},
	} {
		_, err := h.LockDown(t.Context(), anna, control.Lockdown{Where: tt.in})
		if told, _ := errors.AsType[*control.Error](err); told == nil || told.Code != tt.code || !strings.Contains(told.Hint, tt.hint) {
			t.Errorf("%+v: got %v, want %s with %q", tt.in, err, tt.code, tt.hint)
		}
	}
	if got := h.postures.of("front"); got.order.Seq != 0 || h.rights.Load().Postures() != 0 {
		t.Error("something was said all the same")
	}
}

// A lockdown is decided by at once, while a sync is under way.
func TestALockdownWaitsForNoSync(t *testing.T) {
	h := placed(t)
	h.rights.mu.Lock() // as a sync of half a million rights holds it
	begin := time.Now()
	h.lockDown(control.Where{Site: true}, "")
	if reasons, _ := h.tap("front"); len(reasons) != 1 || reasons[0] != access.LockedDown {
		t.Errorf("a tap: %v", reasons)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	stale := h.rights.Load().WithContact("kisi", time.Now()).WithLockdowns(nil, 0)
	h.rights.swap(stale) // what the sync began with
	h.rights.mu.Unlock()
	if got := h.shutNow(); len(got) != 2 || h.rights.Load().Postures() != 1 {
		t.Errorf("after the sync: %v as of %d", got, h.rights.Load().Postures())
	}
}

// A hold goes on in the loop that takes the place of the old one.
func TestAHoldSurvivesAReloadAndARestart(t *testing.T) {
	h := placed(t)
	held := func(g *gateway) func() bool {
		return func() bool { d := g.doors.find("front"); return d != nil && d.look().stands == standsHeld }
	}
	// The strike of this door is not there, so that staff could not hold it now.
	if err := h.postures.keep(h.postures.sayHold("front", "anna", time.Hour)); err != nil {
		t.Fatal(err)
	}
	h.until("it is held open", held(h.gateway))
	old := h.doors.find("front")
	h.edit(`hold = "3s"`, `hold = "4s"`)
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.doors.find("front") == old {
		t.Fatal("the door was not opened anew")
	}
	h.until("it is held open after the reload", held(h.gateway))
	if left := time.Until(h.doors.find("front").look().until); left < 59*time.Minute {
		t.Errorf("for another %v", left)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	again := reopened(t, h.dir)
	h.until("it is held open after the restart", held(again))
}

// reopened is the gateway of a directory, started again.
func reopened(t *testing.T, dir string) *gateway {
	t.Helper()
	settings, err := config.Load(filepath.Join(dir, "tilegate.toml"))
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(Options{Settings: settings, Version: "test", Log: hclog.NewNullLogger(), Clock: syncedClock()})
	t.Cleanup(func() {
		if err := g.tearDown(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := g.open(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return g
}

const lockdownChild = "TILEGATE_LOCKDOWN_CHILD"

// The process is killed the moment after a lockdown was acknowledged. The first tap
// of the next one is refused, also when there are no rights to decide by.
func TestALockdownSurvivesAKill(t *testing.T) {
	if dir := os.Getenv(lockdownChild); dir != "" {
		g := reopened(t, dir)
		if _, err := g.LockDown(t.Context(), anna, control.Lockdown{Where: control.Where{Site: true}}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked down")
		select {} // until it is killed
	}
	for _, forget := range []bool{false, true} {
		h := placed(t)
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestALockdownSurvivesAKill$")
		child.Env = append(os.Environ(), lockdownChild+"="+h.dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked down\n" {
			t.Fatalf("the child says %q (%v)", line, err)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		want := []access.Reason{access.LockedDown}
		if forget {
			for _, name := range []string{"cache.db", "cache.db-wal", "cache.db-shm"} {
				if err := os.Remove(filepath.Join(h.dir, "state", name)); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
			h.write("roster.json", "{}") // and nothing brings them back
			want = []access.Reason{access.Unknown, access.LockedDown}
		}
		next := &house{gateway: reopened(t, h.dir), t: t, dir: h.dir}
		reasons, event := next.tap("front")
		if !slices.Equal(reasons, want) {
			t.Errorf("rights forgotten %v: the first tap: %v, want %v", forget, reasons, want)
		}
		if got := next.event(event).Posture; got != 1 {
			t.Errorf("as of posture %d, want 1", got)
		}
	}
}

// A disk that was full for a moment must not cost the lockdown at the next restart.
func TestALockdownThatCouldNotBeWrittenDownIsOnceTheDiskTakesIt(t *testing.T) {
	h := placed(t)
	ledger := &memoryLedger{}
	h.postures.keeper = ledger
	ledger.fails(errors.New("disk full"))
	_, err := h.LockDown(t.Context(), anna, control.Lockdown{Where: control.Where{Site: true}})
	if err == nil || !strings.Contains(err.Error(), "is locked down, but") {
		t.Errorf("got %v", err)
	}
	if got := h.shutNow(); len(got) != 2 {
		t.Errorf("shut: %v", got)
	}
	ledger.fails(nil)
	h.until("it is written down", func() bool { return slices.Equal(ledger.whats(), []store.PostureWhat{store.LockDown}) })
}
