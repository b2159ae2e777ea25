package store

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/go-hclog"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

func openCache(t testing.TB, path string) *Cache {
	t.Helper()
	c, err := OpenCache(path, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func cachePath(t testing.TB) string { return filepath.Join(t.TempDir(), "cache.db") }

// sameRows compares rosters as sets of rows: no order, nil like empty.
var sameRows = gocmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.SortSlices(func(a, b string) bool { return a < b }),
	cmpopts.SortSlices(func(a, b access.Place) bool { return a.ID < b.ID }),
	cmpopts.SortSlices(func(a, b access.Door) bool { return a.ID < b.ID }),
	cmpopts.SortSlices(func(a, b access.Policy) bool { return a.Door < b.Door }),
	cmpopts.SortSlices(func(a, b access.Group) bool { return a.ID < b.ID }),
	cmpopts.SortSlices(func(a, b access.Team) bool { return a.ID < b.ID }),
	cmpopts.SortSlices(func(a, b access.Holder) bool { return a.ID < b.ID }),
	cmpopts.SortSlices(func(a, b access.Grant) bool { return a.ID < b.ID }),
	cmpopts.SortSlices(func(a, b access.Assignment) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
}

// building is a small roster that hangs together.
func building() access.Roster {
	return access.Roster{
		Places: []access.Place{{ID: "rome", Name: "Rome", Zone: "Europe/Rome"}},
		Doors: []access.Door{
			{ID: "front", Name: "Front", Place: "rome", Restricted: true},
			{ID: "studio", Name: "Studio", Place: "rome", AtDoorOnly: true},
		},
		Policies: []access.Policy{{Door: "front", MinimumAssurance: access.MediumAssured, AskPIN: true, Passback: time.Minute}},
		Groups:   []access.Group{{ID: "members", Name: "Members", Doors: []string{"front", "studio"}, Restricted: true}},
		Teams:    []access.Team{{ID: "acme", Name: "Acme", Members: []string{"anna", "berta"}}},
		Holders:  []access.Holder{{ID: "anna", Name: "Anna Bianchi"}, {ID: "berta", Name: "Berta Càrli", Suspended: true}},
		Assignments: []access.Assignment{
			{ID: "card-1", Kind: access.Card, Digest: access.Digest{1}, Assurance: access.LowAssured, Holder: "anna", Active: true},
			{ID: "card-1", Kind: access.Wiegand, Digest: access.Digest{2}, Assurance: access.LowAssured, Holder: "anna", Active: true},
		},
		Grants: []access.Grant{
			{ID: "g1", Assignee: "anna", Scope: access.ScopeGroup, ScopeID: "members", From: noon, Cause: "role", Source: "kisi"},
			{ID: "g2", Kind: access.ToTeam, Assignee: "acme", Scope: access.ScopeDoor, ScopeID: "front", Until: noon, Source: "kisi", Cancelled: true},
		},
	}
}

// tryInstall installs a roster, with every contact that the cache knows.
func tryInstall(ctx context.Context, c *Cache, source string, r access.Roster, at time.Time) (Change, error) {
	s, err := c.Stage(ctx, source)
	if err != nil {
		return Change{}, err
	}
	defer func() { _ = s.Close() }()
	if err := s.Add(r, 0, true); err != nil {
		return Change{}, err
	}
	heard := access.Contact{Source: source, At: at}
	return c.Install(ctx, s, heard, Terms{Contacts: MergeContacts(c.Contacts(), []access.Contact{heard}), At: at})
}

func install(t testing.TB, c *Cache, source string, r access.Roster, at time.Time) (uint64, int) {
	t.Helper()
	done, err := tryInstall(t.Context(), c, source, r, at)
	if err != nil {
		t.Fatal(err)
	}
	return done.Number, done.Rows
}

func loaded(t testing.TB, c *Cache) Loaded {
	t.Helper()
	l, err := c.Load(t.Context(), c.Contacts())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func rosterAsOf(t testing.TB, c *Cache, number uint64) access.Roster {
	t.Helper()
	r, err := c.At(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func built(t testing.TB, r access.Roster) *access.Snapshot {
	t.Helper()
	s, err := access.Build(r, []access.Contact{{Source: "file"}, {Source: "kisi"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInstalledRosterLoadsAfterReopen(t *testing.T) {
	path := cachePath(t)
	c, err := OpenCache(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	number, _ := install(t, c, "kisi", building(), noon)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openCache(t, path)
	if diff := gocmp.Diff(building(), rosterAsOf(t, c, number), sameRows); diff != "" {
		t.Errorf("roster (-want +got):\n%s", diff)
	}
	got := loaded(t, c)
	if diff := gocmp.Diff([]access.Contact{{Source: "kisi", At: noon}}, got.Snapshot.Contacts()); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	want := Generation{Number: 1, Hash: built(t, building()).Hash(), Form: access.HashForm, At: noon}
	if got.Sealed != want || got.Snapshot.Hash() != want.Hash || got.Snapshot.Generation() != 1 || got.Behind {
		t.Errorf("generation = %+v, want %+v; in force %d", got.Sealed, want, got.Snapshot.Generation())
	}
}

// anyRoster draws rosters from so small a world that they share most rows.
func anyRoster(t *rapid.T) access.Roster {
	id := rapid.StringMatching(`[a-d]`)
	name := rapid.StringN(0, 4, -1)
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "open") {
			return time.Time{}
		}
		return noon.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "hours")) * time.Hour)
	})
	flag := rapid.Bool()
	return access.Roster{
		Places: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Place {
			return access.Place{ID: id.Draw(t, "id"), Name: name.Draw(t, "name"), LockedDown: flag.Draw(t, "flag")}
		}), 0, 4, func(p access.Place) string { return p.ID }).Draw(t, "places"),
		Doors: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Door {
			return access.Door{ID: id.Draw(t, "id"), Place: id.Draw(t, "place"), LockedDown: flag.Draw(t, "a"), Restricted: flag.Draw(t, "b"), AtDoorOnly: flag.Draw(t, "c")}
		}), 0, 4, func(d access.Door) string { return d.ID }).Draw(t, "doors"),
		Policies: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Policy {
			return access.Policy{Door: id.Draw(t, "id"), AskPIN: flag.Draw(t, "a"), HighSecurity: flag.Draw(t, "b"), Residential: flag.Draw(t, "c"), MinimumAssurance: access.Assurance(rapid.IntRange(0, 3).Draw(t, "assurance"))}
		}), 0, 4, func(p access.Policy) string { return p.Door }).Draw(t, "policies"),
		Groups: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Group {
			return access.Group{ID: id.Draw(t, "id"), Name: name.Draw(t, "name"), Restricted: flag.Draw(t, "a"), AtDoorOnly: flag.Draw(t, "b"), Doors: rapid.SliceOfDistinct(id, rapid.ID).Draw(t, "doors")}
		}), 0, 4, func(g access.Group) string { return g.ID }).Draw(t, "groups"),
		Teams: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Team {
			return access.Team{ID: id.Draw(t, "id"), Name: name.Draw(t, "name"), Members: rapid.SliceOfDistinct(id, rapid.ID).Draw(t, "members")}
		}), 0, 4, func(g access.Team) string { return g.ID }).Draw(t, "teams"),
		Holders: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Holder {
			return access.Holder{ID: id.Draw(t, "id"), Name: name.Draw(t, "name"), Suspended: flag.Draw(t, "flag"), Extended: flag.Draw(t, "extended")}
		}), 0, 4, func(h access.Holder) string { return h.ID }).Draw(t, "holders"),
		Assignments: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Assignment {
			return access.Assignment{
				ID: id.Draw(t, "id"), Kind: access.Kind(rapid.IntRange(0, int(access.Operator)).Draw(t, "kind")), Digest: access.Digest{byte(rapid.IntRange(0, 3).Draw(t, "digest"))},
				Assurance: access.Assurance(rapid.IntRange(0, 3).Draw(t, "assurance")), Holder: id.Draw(t, "holder"), Active: flag.Draw(t, "active"),
			}
		}), 0, 6, rapid.ID).Draw(t, "assignments"),
		Grants: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Grant {
			return access.Grant{
				ID: id.Draw(t, "id"), Kind: access.AssigneeKind(rapid.IntRange(0, 1).Draw(t, "kind")), Assignee: id.Draw(t, "assignee"),
				Scope: access.ScopeKind(rapid.IntRange(0, 3).Draw(t, "scope")), ScopeID: id.Draw(t, "scope id"), From: at.Draw(t, "from"), Until: at.Draw(t, "until"),
				Source: "kisi", Cause: name.Draw(t, "cause"), Cancelled: flag.Draw(t, "cancelled"),
			}
		}), 0, 6, func(g access.Grant) string { return g.ID }).Draw(t, "grants"),
	}
}

func TestEveryGenerationIsTheRosterInstalledAsIt(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(r *rapid.T) {
		c, err := OpenCache(filepath.Join(dir, fmt.Sprint(n), "cache.db"), nil)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		n++
		kept := map[uint64]access.Roster{}
		var newest uint64
		for i := range rapid.IntRange(1, 6).Draw(r, "installs") {
			roster, _ := access.Prune(anyRoster(r))
			done, err := tryInstall(t.Context(), c, "kisi", roster, noon.Add(time.Duration(i)*time.Minute))
			if err != nil {
				r.Fatal(err)
			}
			if done.Rows == 0 && i > 0 && (done.Number != newest || done.Snapshot != nil) {
				r.Fatalf("nothing changed, but generation %d became %d", newest, done.Number)
			}
			if done.Rows > 0 && (done.Number != newest+1 || done.Snapshot == nil) {
				r.Fatalf("%d rows changed, but generation %d became %d", done.Rows, newest, done.Number)
			}
			newest = done.Number
			kept[newest] = roster
		}
		got := loaded(t, c)
		if got.Sealed.Number != newest || got.Snapshot.Hash() != built(t, kept[newest]).Hash() {
			r.Fatalf("load: generation %d; want %d, as it was built", got.Sealed.Number, newest)
		}
		for number, want := range kept {
			if diff := gocmp.Diff(want, rosterAsOf(t, c, number), sameRows); diff != "" {
				r.Fatalf("generation %d (-want +got):\n%s", number, diff)
			}
			past, err := c.SnapshotAt(t.Context(), number, nil)
			if err != nil || past.Hash() != built(t, want).Hash() || past.Generation() != number {
				r.Fatalf("generation %d is not as it was built: %v", number, err)
			}
		}
	})
}

// big is a roster of n people, each with a card and a right.
func big(n int) access.Roster {
	r := access.Roster{
		Doors:  []access.Door{{ID: "kisi:lock:2006", Name: "Front"}},
		Groups: []access.Group{{ID: "kisi:group:11", Name: "Members", Doors: []string{"kisi:lock:2006"}}},
	}
	for i := range n {
		holder := fmt.Sprintf("kisi:user:%07d", i)
		r.Holders = append(r.Holders, access.Holder{ID: holder, Name: fmt.Sprintf("Member Number %d", i)})
		a := access.Assignment{ID: fmt.Sprintf("kisi:card:%07d", i), Kind: access.Card, Assurance: access.LowAssured, Holder: holder, Active: true}
		for b := range a.Digest {
			a.Digest[b] = byte((i*2654435761 + b*97) >> (b % 4 * 8))
		}
		r.Assignments = append(r.Assignments, a)
		r.Grants = append(r.Grants, access.Grant{
			ID: fmt.Sprintf("kisi:assignment:%07d", i), Assignee: holder, Scope: access.ScopeGroup, ScopeID: "kisi:group:11",
			From: noon, Until: noon.Add(24 * time.Hour), Source: "kisi", Cause: "role",
		})
	}
	slices.SortFunc(r.Assignments, func(a, b access.Assignment) int { return cmp.Or(strings.Compare(a.ID, b.ID)) })
	return r
}
