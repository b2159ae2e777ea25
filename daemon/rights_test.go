package daemon

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

var today = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func people(source string, names ...string) access.Roster {
	r := access.Roster{
		Doors:  []access.Door{{ID: "front", Name: "Entrance of " + source}},
		Groups: []access.Group{{ID: source + "-all", Doors: []string{"front"}}},
	}
	for _, name := range names {
		c := doorKey.Credential(access.Card, []byte(name))
		r.Holders = append(r.Holders, access.Holder{ID: source + "-" + name, Name: name})
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: source + "-" + name, Kind: c.Kind, Digest: c.Digest, Assurance: c.Assurance, Holder: source + "-" + name, Active: true,
		})
		r.Grants = append(r.Grants, access.Grant{
			ID: source + "-" + name, Assignee: source + "-" + name, Scope: access.ScopeGroup, ScopeID: source + "-all", Source: source, Cause: "role",
		})
	}
	return r
}

// box is a directory with the rights of one gateway; reopen is a restart.
type box struct {
	t     testing.TB
	dir   string
	cache *store.Cache
	hand  *handClock // of this run
	*rights
}

func newBox(t testing.TB) *box {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	b := &box{t: t, dir: dir}
	b.reopen()
	t.Cleanup(func() {
		if err := b.cache.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *box) reopen() {
	b.t.Helper()
	if b.cache != nil {
		if err := b.cache.Close(); err != nil {
			b.t.Fatal(err)
		}
	}
	var err error
	if b.cache, err = store.OpenCache(filepath.Join(b.dir, "cache.db"), hclog.NewNullLogger()); err != nil {
		b.t.Fatal(err)
	}
	b.hand = &handClock{wall: today}
	b.rights = &rights{
		cache: b.cache, contacts: contactClock{clock: newTimekeeper(b.hand.clock(), today)},
		wall: func() time.Time { return today }, log: hclog.NewNullLogger(),
	}
	empty, _ := access.Build(access.Roster{}, nil, 0)
	b.current.Store(empty)
}

func (b *box) start(policies []access.Policy, sources ...access.Contact) string {
	b.t.Helper()
	note, err := b.restore(b.t.Context(), policies, append([]access.Contact{{Source: settingsSource, Ageless: true}}, sources...))
	if err != nil {
		b.t.Fatal(err)
	}
	return note
}

func (b *box) replace(source string, r access.Roster) int {
	b.t.Helper()
	changed, err := b.Replace(b.t.Context(), source, cloud.RowsOf(r), access.Contact{Source: source, At: today})
	if err != nil {
		b.t.Fatal(err)
	}
	return changed
}

func (b *box) tap(name string) access.Reason {
	d := b.Load().Decide(access.Tap{Door: "front", Credential: doorKey.Credential(access.Card, []byte(name)), At: today}, access.Facts{})
	return d.Reason
}

var (
	kisiSource = access.Contact{Source: "kisi"}
	fileSource = access.Contact{Source: "file", Ageless: true}
	frontDoor  = []access.Policy{{Door: "front", Name: "Front door"}}
)

func TestRightsSurviveARestartWithoutANetwork(t *testing.T) { // X1
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	if got := b.tap("ann"); got != access.Unknown {
		t.Fatalf("before any sync: got %v", got)
	}
	b.replace("kisi", people("kisi", "ann"))
	before := b.Load()
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" {
		t.Fatal(note)
	}
	if got := b.tap("ann"); got != access.Granted {
		t.Errorf("after a restart: got %v", got)
	}
	if b.Load().Hash() != before.Hash() || b.Load().Generation() != before.Generation() {
		t.Errorf("after a restart: generation %d of %x, want %d of %x", b.Load().Generation(), b.Load().Hash(), before.Generation(), before.Hash())
	}
	if got := b.Load().DoorName("front"); got != "Front door" {
		t.Errorf("our name of the door comes first: got %q", got)
	}
}

func TestSourcesStandSideBySide(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource, fileSource)
	b.replace("kisi", people("kisi", "ann"))
	b.replace("file", people("file", "bob"))
	if b.tap("ann") != access.Granted || b.tap("bob") != access.Granted {
		t.Errorf("ann %v, bob %v: want both granted", b.tap("ann"), b.tap("bob"))
	}
	b.replace("kisi", people("kisi"))
	if b.tap("ann") != access.Unknown || b.tap("bob") != access.Granted {
		t.Errorf("ann %v, bob %v: want only bob", b.tap("ann"), b.tap("bob"))
	}
}

func TestWrongRightsChangeNothing(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann"))
	generation := b.Load().Generation()
	wrong := people("kisi", "ann", "bob")
	wrong.Grants[1].Assignee = "nobody"
	if _, err := b.Replace(t.Context(), "kisi", cloud.RowsOf(wrong), access.Contact{Source: "kisi", At: today}); err == nil {
		t.Fatal("a dangling row was taken")
	}
	if b.tap("ann") != access.Granted || b.tap("bob") != access.Unknown || b.Load().Generation() != generation {
		t.Error("rights changed though they were refused")
	}
}

func TestEqualRightsMakeNoNewGeneration(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	if changed := b.replace("kisi", people("kisi", "ann", "bob")); changed == 0 {
		t.Fatal("nothing was written")
	}
	generation := b.Load().Generation()
	if changed := b.replace("kisi", people("kisi", "ann", "bob")); changed != 0 || b.Load().Generation() != generation {
		t.Errorf("changed %d rows, generation %d; want 0 and %d", changed, b.Load().Generation(), generation)
	}
}

func TestASourceTakenFromTheSettingsLosesItsRights(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource, fileSource)
	b.replace("kisi", people("kisi", "ann"))
	b.replace("file", people("file", "bob"))
	b.reopen()
	b.start(frontDoor, kisiSource)
	if b.tap("ann") != access.Granted || b.tap("bob") != access.Unknown {
		t.Errorf("ann %v, bob %v: want only ann", b.tap("ann"), b.tap("bob"))
	}
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" {
		t.Errorf("the next start does not believe what was sealed: %s", note)
	}
}

func TestPoliciesFollowTheSettings(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann"))
	b.reopen()
	strict := []access.Policy{{Door: "front", Name: "Front door", MinimumAssurance: access.HighAssured}}
	b.start(strict, kisiSource)
	if got := b.tap("ann"); got != access.LowAssurance {
		t.Errorf("after a restart: got %v, want %v", got, access.LowAssurance)
	}
	if err := b.setPolicies(t.Context(), frontDoor); err != nil {
		t.Fatal(err)
	}
	if got := b.tap("ann"); got != access.Granted {
		t.Errorf("after a reload: got %v, want granted", got)
	}
}

func TestAConfirmedContactAgesNothing(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann"))
	later := today.Add(8 * 24 * time.Hour)
	tap := access.Tap{Door: "front", Credential: doorKey.Credential(access.Card, []byte("ann")), At: later}
	if d := b.Load().Decide(tap, access.Facts{}); d.Reason != access.Stale {
		t.Fatalf("after eight days of silence: got %v, want %v", d.Reason, access.Stale)
	}
	b.hand.pass(later.Sub(today))
	b.Confirm("kisi", time.Now())
	if d := b.Load().Decide(tap, access.Facts{}); !d.Granted() {
		t.Errorf("after a word from the source: got %v, want granted", d.Reason)
	}
}

func TestTroublesAreShownWhenRipeAndNotExplained(t *testing.T) {
	var mono time.Duration
	board := newTroubles(Clock{Wall: func() time.Time { return today }, Mono: func() time.Duration { return mono }})
	codes := func() string {
		var all []string
		for _, s := range board.shown() {
			all = append(all, s.Code+"/"+s.Subject)
		}
		return strings.Join(all, " ")
	}
	board.set(true, troubleReaderDown, "front", "no such file")
	if got := codes(); got != "" {
		t.Errorf("at once: got %q, want patience", got)
	}
	mono = 5 * time.Second
	if got, want := codes(), "reader_down/front"; got != want {
		t.Errorf("after its patience: got %q, want %q", got, want)
	}
	board.set(true, troubleRightsOld, "kisi", "")
	board.set(true, troubleRightsStale, "kisi", "")
	if got, want := codes(), "reader_down/front rights_stale/kisi"; got != want {
		t.Errorf("a worse one hides what follows from it: got %q, want %q", got, want)
	}
	board.set(false, troubleReaderDown, "front", "")
	board.forget("kisi")
	if got := codes(); got != "" {
		t.Errorf("in the end: got %q, want none", got)
	}
}
