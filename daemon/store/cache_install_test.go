package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// rowCounts is how many rows each table has, with history.
func rowCounts(t *testing.T, c *Cache) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range shapes() {
		if n := one(t, c.f.r, "SELECT count(*) FROM "+table.name); n > 0 {
			counts[table.name] = n
		}
	}
	return counts
}

// rosterChanges are changes of building and what they cost.
var rosterChanges = []struct {
	name   string
	change func(r *access.Roster)
	want   int            // rows changed
	added  map[string]int // rows written beside the old ones
}{
	{"nothing", func(*access.Roster) {}, 0, nil},
	{"order", func(r *access.Roster) { r.Doors[0], r.Doors[1] = r.Doors[1], r.Doors[0] }, 0, nil},
	{"a time below the microsecond", func(r *access.Roster) { r.Grants[0].From = r.Grants[0].From.Add(time.Nanosecond) }, 0, nil},
	{"another zone of the same time", func(r *access.Roster) { r.Grants[0].From = r.Grants[0].From.In(time.FixedZone("x", 3600)) }, 0, nil},
	{"a name", func(r *access.Roster) { r.Holders[0].Name = "Anna Rossi" }, 1, map[string]int{"holders": 1}},
	{"somebody who needs longer", func(r *access.Roster) { r.Holders[0].Extended = true }, 1, map[string]int{"holders": 1}},
	{"a suspension", func(r *access.Roster) { r.Holders[0].Suspended = true }, 1, map[string]int{"holders": 1}},
	{"a lockdown", func(r *access.Roster) { r.Doors[0].LockedDown = true }, 1, map[string]int{"doors": 1}},
	{"a right that ends earlier", func(r *access.Roster) { r.Grants[1].Until = noon.Add(-time.Hour) }, 1, map[string]int{"grants": 1}},
	{"a card switched off", func(r *access.Roster) { r.Assignments[0].Active = false }, 2, map[string]int{"assignments": 1}},
	{"a door leaves a group", func(r *access.Roster) { r.Groups[0].Doors = r.Groups[0].Doors[:1] }, 1, nil},
	{"a new door joins a group", func(r *access.Roster) {
		r.Doors, r.Groups[0].Doors = append(r.Doors, access.Door{ID: "third"}), append(r.Groups[0].Doors, "third")
	}, 2, map[string]int{"doors": 1, "group_doors": 1}},
	{"a right for somebody else", func(r *access.Roster) { r.Grants[0].Assignee = "berta" }, 2, map[string]int{"grants": 1}},
	{"a person leaves a team", func(r *access.Roster) { r.Teams[0].Members = []string{"berta"} }, 1, nil},
	{"a right is gone", func(r *access.Roster) { r.Grants = r.Grants[:1] }, 1, nil},
	{"the same card twice", func(r *access.Roster) { r.Assignments = append(r.Assignments, r.Assignments[0]) }, 0, nil},
	{"all is gone", func(r *access.Roster) { *r = access.Roster{} }, 16, nil},
}

func TestInstallWritesOnlyWhatChanged(t *testing.T) {
	start := map[string]int{
		"places": 1, "doors": 2, "policies": 1, "groups": 1, "group_doors": 2, "teams": 1, "team_members": 2,
		"holders": 2, "assignments": 2, "grants": 2,
	}
	for _, tt := range rosterChanges {
		t.Run(tt.name, func(t *testing.T) {
			c := openCache(t, cachePath(t))
			install(t, c, "kisi", building(), noon)
			if diff := gocmp.Diff(start, rowCounts(t, c)); diff != "" {
				t.Fatalf("rows at the start (-want +got):\n%s", diff)
			}
			next := building()
			tt.change(&next)
			number, changed := install(t, c, "kisi", next, noon)
			if changed != tt.want {
				t.Errorf("changed = %d, want %d", changed, tt.want)
			}
			wantNumber := uint64(2)
			if tt.want == 0 {
				wantNumber = 1
			}
			if number != wantNumber {
				t.Errorf("generation = %d, want %d", number, wantNumber)
			}
			want := map[string]int{}
			for name, n := range start {
				want[name] = n + tt.added[name]
			}
			if diff := gocmp.Diff(want, rowCounts(t, c)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRosterThatCannotBeKeptIsRefusedWhole(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *access.Roster)
		want   string
	}{
		{"a door twice", func(r *access.Roster) { r.Doors = append(r.Doors, access.Door{ID: "front"}) }, `doors: the row "front" appears twice`},
		{"a grant of another source", func(r *access.Roster) { r.Grants[1].Source = "file" }, `"g2" says that it comes from "file"`},
		{"a right twice, of two people", func(r *access.Roster) {
			r.Grants = append(r.Grants, access.Grant{ID: "g1", Assignee: "berta", Scope: access.ScopeOrganisation})
		}, `grants: the row "g1" appears twice`},
		{"a right of nobody", func(r *access.Roster) { r.Grants[0].Assignee = "carla" }, `grant g1: names the holder "carla", which is not there`},
		{"an unknown kind", func(r *access.Roster) { r.Assignments[0].Kind = 200 }, "unknown kind 200"},
		{"an unknown assurance", func(r *access.Roster) { r.Policies[0].MinimumAssurance = 9 }, "unknown assurance, 9"},
		{"an unknown scope", func(r *access.Roster) { r.Grants[0].Scope = 7 }, "scope 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openCache(t, cachePath(t))
			install(t, c, "kisi", building(), noon)
			bad := building()
			bad.Holders[0].Name = "Somebody else"
			tt.change(&bad)
			_, err := tryInstall(t.Context(), c, "kisi", bad, noon)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q in it", err, tt.want)
			}
			got, err := c.LoadSource(t.Context(), "kisi")
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(building(), got, sameRows); diff != "" {
				t.Errorf("a refused roster changed (-want +got):\n%s", diff)
			}
		})
	}
}

// Every word of access has a place in the file; a new one must be given one.
func TestEveryWordOfAccessHasACode(t *testing.T) {
	for k := range access.Kind(255) {
		if known := k.String() != "unknown_kind"; known != (kindCodes.encode[k] >= 0) {
			t.Errorf("credential kind %s: known %v, code %d", k, known, kindCodes.encode[k])
		}
	}
	for a := range access.Assurance(255) {
		if known := a.String() != "unknown_assurance"; known != (assuranceCodes.encode[a] >= 0) {
			t.Errorf("assurance %s: known %v, code %d", a, known, assuranceCodes.encode[a])
		}
	}
	for s := range access.ScopeKind(255) {
		if known := s.String() != "unknown_scope"; known != (scopeCodes.encode[s] >= 0) {
			t.Errorf("scope %s: known %v, code %d", s, known, scopeCodes.encode[s])
		}
	}
}

func TestSourcesAreMergedAndWhatForbidsBinds(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", access.Roster{
		Places:      []access.Place{{ID: "rome", Name: "Kisi's Rome", LockedDown: true}},
		Doors:       []access.Door{{ID: "front", Name: "Kisi's front", LockedDown: true}, {ID: "back"}},
		Holders:     []access.Holder{{ID: "anna", Name: "Anna K", Suspended: true}, {ID: "carlo", Name: "Carlo"}},
		Assignments: []access.Assignment{{ID: "k", Digest: access.Digest{1}, Holder: "carlo"}},
		Grants:      []access.Grant{{ID: "kisi:1", Assignee: "carlo", Scope: access.ScopeOrganisation}},
	}, noon)
	number, _ := install(t, c, "file", access.Roster{
		Places:      []access.Place{{ID: "rome", Name: "Our Rome"}},
		Doors:       []access.Door{{ID: "front", Name: "Our front", Restricted: true}},
		Holders:     []access.Holder{{ID: "anna", Name: "Anna"}},
		Assignments: []access.Assignment{{ID: "f", Digest: access.Digest{2}, Holder: "anna"}},
		Grants:      []access.Grant{{ID: "file:1", Assignee: "anna", Scope: access.ScopeOrganisation}},
	}, noon.Add(time.Minute))
	in := loaded(t, c).Snapshot
	got := rosterAsOf(t, c, number)
	want := access.Roster{
		Places:      []access.Place{{ID: "rome", Name: "Our Rome", LockedDown: true}},
		Doors:       []access.Door{{ID: "front", Name: "Our front", Restricted: true, LockedDown: true}, {ID: "back"}},
		Holders:     []access.Holder{{ID: "anna", Name: "Anna", Suspended: true}, {ID: "carlo", Name: "Carlo"}},
		Assignments: []access.Assignment{{ID: "k", Digest: access.Digest{1}, Holder: "carlo"}, {ID: "f", Digest: access.Digest{2}, Holder: "anna"}},
		Grants: []access.Grant{
			{ID: "kisi:1", Assignee: "carlo", Scope: access.ScopeOrganisation, Source: "kisi"},
			{ID: "file:1", Assignee: "anna", Scope: access.ScopeOrganisation, Source: "file"},
		},
	}
	if diff := gocmp.Diff(want, got, sameRows); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	wantContacts := []access.Contact{{Source: "file", At: noon.Add(time.Minute)}, {Source: "kisi", At: noon}}
	if diff := gocmp.Diff(wantContacts, in.Contacts()); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	if in.Hash() != built(t, want).Hash() {
		t.Error("what was streamed is not what was merged")
	}
	if h, err := c.Holder(t.Context(), "anna"); err != nil || h != (access.Holder{ID: "anna", Name: "Anna", Suspended: true}) {
		t.Errorf("holder = %+v, %v", h, err)
	}
}

// A source that left the settings leaves no right and no old age behind.
func TestRetiredSourceIsGone(t *testing.T) {
	path := cachePath(t)
	c, err := OpenCache(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	install(t, c, "file", access.Roster{Doors: []access.Door{{ID: "back"}}}, noon)
	install(t, c, "kisi", building(), noon)
	stays := Terms{Contacts: []access.Contact{{Source: "file"}}, At: noon}
	done, err := c.Retire(t.Context(), "kisi", stays)
	if err != nil || done.Number != 3 || done.Rows != 16 || done.Snapshot.Counts().Doors != 1 {
		t.Fatalf("retire = %+v, %v; want generation 3, 16 rows, one door", done, err)
	}
	if _, err := c.Retire(t.Context(), "kisi", stays); !errors.Is(err, ErrNotFound) {
		t.Errorf("retired twice: %v, want ErrNotFound", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	got := loaded(t, openCache(t, path)).Snapshot
	if n := got.Counts(); n.Doors != 1 || n.Grants != 0 {
		t.Errorf("loaded %+v; want the door of the file alone", n)
	}
	if diff := gocmp.Diff([]access.Contact{{Source: "file", At: noon}}, got.Contacts()); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
}

// saved is what the file, not the memory, says of a contact.
func saved(t *testing.T, c *Cache) time.Time {
	t.Helper()
	var at int64
	if err := c.f.r.QueryRowContext(t.Context(), "SELECT contact FROM sources WHERE name = 'kisi'").Scan(&at); err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(at).UTC()
}

func TestContactIsWrittenAtMostEveryFiveMinutes(t *testing.T) {
	path := cachePath(t)
	c, err := OpenCache(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm("kisi", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown source: %v, want ErrNotFound", err)
	}
	install(t, c, "kisi", building(), noon)
	steps := []struct {
		after time.Duration
		want  time.Duration // what the file says then
	}{
		{30 * time.Second, 0},
		{4 * time.Minute, 0},
		{5 * time.Minute, 5 * time.Minute},
		{6 * time.Minute, 5 * time.Minute},
		{-time.Hour, -time.Hour}, // the clock was set back
		{-time.Hour + time.Minute, -time.Hour},
	}
	for _, s := range steps {
		if err := c.Confirm("kisi", noon.Add(s.after)); err != nil {
			t.Fatal(err)
		}
		if got := c.Contacts()[0].At.Sub(noon); got != s.after {
			t.Errorf("contact in memory after %v = %v", s.after, got)
		}
		if got := saved(t, c).Sub(noon); got != s.want {
			t.Errorf("contact in the file after %v = %v, want %v", s.after, got, s.want)
		}
	}
	if _, changed := install(t, c, "kisi", building(), noon.Add(-time.Hour+2*time.Minute)); changed != 0 {
		t.Errorf("changed = %d, want 0", changed)
	}
	if got := saved(t, c).Sub(noon); got != -time.Hour {
		t.Errorf("a full sync without change wrote a contact after two minutes: %v", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := openCache(t, path).Contacts()[0].At.Sub(noon); got != -time.Hour+2*time.Minute {
		t.Errorf("contact after closing = %v, want the newest", got)
	}
}

func TestForgetKeepsWhatWasInForceAndTwoGenerations(t *testing.T) {
	c := openCache(t, cachePath(t))
	door := func(n int) access.Roster {
		return access.Roster{Doors: []access.Door{{ID: "front", Name: strings.Repeat("x", n)}}}
	}
	for n := 1; n <= 5; n++ { // generation n begins at noon + n hours
		install(t, c, "kisi", door(n), noon.Add(time.Duration(n)*time.Hour))
	}
	tests := []struct {
		name   string
		before time.Time
		oldest int
	}{
		{"before all", noon, 1},
		{"in the middle of the second", noon.Add(150 * time.Minute), 2},
		{"long after", noon.Add(1000 * time.Hour), 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := c.Forget(t.Context(), tt.before); err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= 5; n++ {
				s, err := c.SnapshotAt(t.Context(), uint64(n), nil)
				if n < tt.oldest {
					if !errors.Is(err, ErrNotFound) {
						t.Errorf("generation %d: %v, want ErrNotFound", n, err)
					}
					continue
				}
				if err != nil || len(s.DoorName("front")) != n {
					t.Errorf("generation %d: the door is called %q, %v", n, s.DoorName("front"), err)
				}
			}
			if got, want := one(t, c.f.r, "SELECT count(*) FROM doors"), 6-tt.oldest; got != want {
				t.Errorf("rows = %d, want %d", got, want)
			}
		})
	}
}

func TestHoldersAreFoundByIDAndByPartOfTheName(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", access.Roster{Holders: []access.Holder{
		{ID: "kisi:1", Name: "Anna Bianchi"},
		{ID: "kisi:2", Name: "BERTA Càrli", Suspended: true},
		{ID: "kisi:3", Name: "Carla Bianchi"},
		{ID: "bianchi", Name: "Zoe"},
	}}, noon)
	tests := []struct {
		name, in string
		limit    int
		want     []string
	}{
		{"by id first", "bianchi", 0, []string{"bianchi", "kisi:1", "kisi:3"}},
		{"limit", "bianchi", 2, []string{"bianchi", "kisi:1"}},
		{"any case, accents too", "CÀR", 0, []string{"kisi:2"}},
		{"spaces around", "  anna ", 0, []string{"kisi:1"}},
		{"signs are letters", "%", 0, nil},
		{"nothing", " ", 0, nil},
		{"nobody", "dario", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := c.FindHolders(t.Context(), tt.in, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range found {
				got = append(got, h.ID)
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	if h, err := c.Holder(t.Context(), "kisi:2"); err != nil || !h.Suspended || h.Name != "BERTA Càrli" {
		t.Errorf("holder = %+v, %v", h, err)
	}
	if _, err := c.Holder(t.Context(), "kisi:9"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v, want ErrNotFound", err)
	}
}

// Whoever looks while a roster is being written sees the one before, at once.
func TestLoadDoesNotWaitForAnInstall(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", building(), noon)
	c.writing.Lock() // as an install holds it
	defer c.writing.Unlock()
	tx, err := c.f.w.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM grants"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := c.Load(ctx, c.Contacts())
	if err != nil || got.Snapshot.Counts().Grants != 2 || len(got.Snapshot.Contacts()) != 1 {
		t.Errorf("%+v, %v; want two grants and one contact", got, err)
	}
}
