package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

func spoken(seq uint64, what PostureWhat, scope access.ScopeKind, id string) Posture {
	p := Posture{
		Seq: seq, At: noon.Add(time.Duration(seq) * time.Minute), What: what, Scope: scope, ScopeID: id,
		Actor: "anna", Reason: "drill",
	}
	if what == Hold || what == KeepLocked {
		p.Until = p.At.Add(time.Hour)
	}
	return p
}

func appendAll(t *testing.T, l *Ledger, words ...Posture) {
	t.Helper()
	for _, w := range words {
		if seq, err := l.AppendPosture(w); err != nil || w.Seq != 0 && seq != w.Seq {
			t.Fatalf("append %+v: number %d, %v", w, seq, err)
		}
	}
}

func TestPosturesOutliveAReopenWordForWord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := OpenLedger(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	held := spoken(2, Hold, access.ScopeDoor, "front")
	held.Clock, held.Reason = access.ClockJumped, "a delivery; 'quotes' and ünïcode"
	locked := spoken(3, LockDown, access.ScopePlace, "hq")
	appendAll(t, l, spoken(1, LockDown, access.ScopeOrganisation, ""), held, locked, spoken(4, EndLockdown, access.ScopeOrganisation, ""))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLedger(t, path)
	p, err := l.Postures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(held, p.Order("front")); diff != "" {
		t.Errorf("the hold (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Posture{locked}, p.Lockdowns()); diff != "" {
		t.Errorf("lockdowns (-want +got):\n%s", diff)
	}
	if _, on := p.Locked(access.ScopeOrganisation, ""); on {
		t.Error("the site is still locked down")
	}
	if got := p.Seq(); got != 4 {
		t.Errorf("newest: %d, want 4", got)
	}
	if seq, err := l.AppendPosture(spoken(0, Release, access.ScopeDoor, "front")); err != nil || seq != 5 {
		t.Errorf("the next number is %d (%v), want 5", seq, err)
	}
}

func TestAPostureIsNeverChangedNorTakenAway(t *testing.T) {
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	appendAll(t, l, spoken(1, LockDown, access.ScopeDoor, "front"))
	for _, query := range []string{
		"UPDATE postures SET what = 'end_lockdown'",
		"DELETE FROM postures",
		"INSERT OR REPLACE INTO postures SELECT seq, at, clock, 'end_lockdown', scope, scope_id, until, actor, reason FROM postures",
	} {
		if _, err := l.f.w.ExecContext(t.Context(), query); err == nil || !strings.Contains(err.Error(), "a posture is never") {
			t.Errorf("%s: got %v, want a refusal", query, err)
		}
	}
	if _, err := l.AppendPosture(spoken(1, EndLockdown, access.ScopeDoor, "front")); err == nil {
		t.Error("a number was given twice")
	}
}

func TestTheNewestWordOfAKindCountsInWhateverOrderTheyCome(t *testing.T) {
	rows := []Posture{
		spoken(1, LockDown, access.ScopeDoor, "front"), spoken(2, Hold, access.ScopeDoor, "front"), spoken(3, EndLockdown, access.ScopeDoor, "front"),
		spoken(4, KeepLocked, access.ScopeDoor, "front"), spoken(5, Arrived, access.ScopeDoor, "front"), spoken(6, LockDown, access.ScopePlace, "front"),
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {2, 0, 5, 3, 1, 4}} {
		var p Postures
		for _, i := range order {
			p.Take(rows[i])
		}
		if got := p.Lockdowns(); len(got) != 1 || got[0].Seq != 6 {
			t.Errorf("%v: lockdowns %+v, want that of the place alone", order, got)
		}
		if got := p.Order("front").What; got != KeepLocked {
			t.Errorf("%v: the order is %q, want %q", order, got, KeepLocked)
		}
		if got := p.Arrived("front"); !got.Equal(rows[4].At) {
			t.Errorf("%v: arrived at %v", order, got)
		}
	}
}

func TestAnArrivalByAClockThatWasNotTrustedIsNone(t *testing.T) {
	var p Postures
	w := spoken(1, Arrived, access.ScopeDoor, "front")
	w.Clock = access.ClockUnset
	p.Take(w)
	if got := p.Arrived("front"); !got.IsZero() {
		t.Errorf("arrived at %v", got)
	}
}

func TestTheLockdownsOfThenAreAskedByNumber(t *testing.T) {
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	appendAll(t, l,
		spoken(1, LockDown, access.ScopeDoor, "front"), spoken(2, LockDown, access.ScopeOrganisation, ""), spoken(3, Hold, access.ScopeDoor, "rear"),
		spoken(5, EndLockdown, access.ScopeDoor, "front"), spoken(6, LockDown, access.ScopeDoor, "front"), spoken(7, EndLockdown, access.ScopeOrganisation, ""),
	)
	door, site := access.Lockdown{Scope: access.ScopeDoor, ScopeID: "front"}, access.Lockdown{Scope: access.ScopeOrganisation}
	for seq, want := range [][]access.Lockdown{nil, {door}, {door, site}, {door, site}, {door, site}, {site}, {site, door}, {door}} {
		got, err := l.LockdownsAt(t.Context(), uint64(seq))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("at %d: %v (-want +got):\n%s", seq, err, diff)
		}
	}
	if _, err := l.LockdownsAt(t.Context(), 8); !errors.Is(err, ErrNotFound) {
		t.Errorf("at 8, which is not reached: got %v, want ErrNotFound", err)
	}
}

func TestThePostureOfAnInstantIsFound(t *testing.T) {
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	for i := range 2 {
		if _, err := l.AppendPosture(Posture{At: noon.Add(time.Duration(i) * time.Hour), What: LockDown, Scope: access.ScopeOrganisation}); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[time.Duration]uint64{-1: 0, 0: 1, time.Hour - time.Microsecond: 1, time.Hour: 2} {
		if got, err := l.PostureAt(t.Context(), noon.Add(after)); got != want || err != nil {
			t.Errorf("%v: got %d, %v, want %d", after, got, err, want)
		}
	}
}

// modelPostures is a second folding, over the whole list and written from what
// staff expect, not from the rule of the newest word.
type modelPostures struct {
	locked  map[access.Lockdown]uint64
	order   map[string]Posture
	arrived map[string]time.Time
}

func modelOf(words []Posture) modelPostures {
	m := modelPostures{map[access.Lockdown]uint64{}, map[string]Posture{}, map[string]time.Time{}}
	for _, w := range words {
		switch where := (access.Lockdown{Scope: w.Scope, ScopeID: w.ScopeID}); w.What {
		case LockDown:
			m.locked[where] = w.Seq
		case EndLockdown:
			delete(m.locked, where)
		case Hold, KeepLocked:
			m.order[w.ScopeID] = w
		case Release:
			delete(m.order, w.ScopeID)
		case Arrived:
			m.arrived[w.ScopeID] = w.At
		}
	}
	return m
}

// differs says where a folding is not what the model says.
func (m modelPostures) differs(p Postures) string {
	locked := map[access.Lockdown]uint64{}
	for _, w := range p.Lockdowns() {
		locked[access.Lockdown{Scope: w.Scope, ScopeID: w.ScopeID}] = w.Seq
	}
	out := cmp.Diff(m.locked, locked)
	for _, door := range postureDoors {
		order := p.Order(door)
		if order.What == Release {
			order = Posture{}
		}
		out += cmp.Diff(m.order[door], order) + cmp.Diff(m.arrived[door], p.Arrived(door))
	}
	return out
}

var postureDoors = []string{"front", "rear", "lab"}

// drawPosture is any word that staff could say.
func drawPosture(t *rapid.T) Posture {
	w := spoken(0, rapid.SampledFrom([]PostureWhat{LockDown, EndLockdown, Hold, Release, KeepLocked, Arrived}).Draw(t, "what"), access.ScopeDoor,
		rapid.SampledFrom(postureDoors).Draw(t, "door"))
	if w.What.aspect() == LockDown {
		switch w.Scope = rapid.SampledFrom([]access.ScopeKind{access.ScopeDoor, access.ScopePlace, access.ScopeOrganisation}).Draw(t, "scope"); w.Scope {
		case access.ScopePlace:
			w.ScopeID = rapid.SampledFrom([]string{"hq", "annex", "front"}).Draw(t, "place")
		case access.ScopeOrganisation:
			w.ScopeID = ""
		}
	}
	w.At = noon.Add(time.Duration(rapid.IntRange(-1e6, 1e6).Draw(t, "at")) * time.Microsecond)
	w.Reason = rapid.StringN(0, 12, -1).Draw(t, "reason")
	return w
}

func TestTheLedgerFoldsAsTheModelDoes(t *testing.T) {
	dir, run := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run), "ledger.db")
		l, err := OpenLedger(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		var said []Posture
		var live Postures
		for range rapid.IntRange(0, 30).Draw(t, "words") {
			w := drawPosture(t)
			if w.Seq, err = l.AppendPosture(w); err != nil {
				t.Fatal(err)
			}
			said = append(said, w)
			live.Take(w)
			if rapid.IntRange(0, 9).Draw(t, "restart") != 0 {
				continue
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if l, err = OpenLedger(path, nil); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := l.Postures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m := modelOf(said)
		if diff := m.differs(kept); diff != "" {
			t.Fatalf("on disk (-model +got):\n%s", diff)
		}
		if diff := m.differs(live); diff != "" {
			t.Fatalf("word by word (-model +got):\n%s", diff)
		}
		then := rapid.IntRange(0, len(said)).Draw(t, "then")
		past, err := l.LockdownsAt(t.Context(), uint64(then))
		if err != nil {
			t.Fatal(err)
		}
		want := map[access.Lockdown]bool{}
		for where := range modelOf(said[:then]).locked {
			want[where] = true
		}
		got := map[access.Lockdown]bool{}
		for _, where := range past {
			got[where] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("at %d (-model +got):\n%s", then, diff)
		}
	})
}
