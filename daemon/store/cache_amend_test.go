package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

// deltaOf is what leads from the people of one roster to those of another.
func deltaOf(from, to access.Roster) access.Delta {
	minus := func(a, b access.Roster) (r access.Roster) {
		r.Holders = without(a.Holders, b.Holders)
		r.Assignments = without(a.Assignments, b.Assignments)
		r.Grants = without(a.Grants, b.Grants)
		return r
	}
	return access.Delta{Ended: minus(from, to), Begun: minus(to, from)}
}

func without[T comparable](a, b []T) (rest []T) {
	for _, row := range a {
		found := false
		for _, other := range b {
			found = found || row == other
		}
		if !found {
			rest = append(rest, row)
		}
	}
	return rest
}

// Whatever way a change takes, the rights that come of it are those that are read
// at the next start: Load compares what it streams with what was sealed.
func TestSmallChangesSealWhatTheNextStartBuilds(t *testing.T) {
	dir, n, followed := t.TempDir(), 0, 0
	rapid.Check(t, func(r *rapid.T) {
		c, err := OpenCache(filepath.Join(dir, fmt.Sprint(n), "cache.db"), nil)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		n++
		if rapid.Bool().Draw(r, "two sources") {
			other, _ := access.Prune(anyRoster(r))
			for i := range other.Grants {
				other.Grants[i].Source = ""
			}
			if _, err := tryInstall(t.Context(), c, "file", other, noon); err != nil {
				r.Skip(err)
			}
		}
		from, _ := access.Prune(anyRoster(r))
		done, err := tryInstall(t.Context(), c, "kisi", from, noon)
		if err != nil {
			r.Skip(err) // the two sources do not go together
		}
		to := access.Roster{
			Places: from.Places, Doors: from.Doors, Policies: from.Policies, Groups: from.Groups, Teams: from.Teams,
		}
		people := anyRoster(r)
		to.Holders, to.Assignments, to.Grants = people.Holders, people.Assignments, people.Grants
		to, _ = access.Prune(to)
		terms := Terms{Contacts: c.Contacts(), Current: done.Snapshot, At: noon.Add(time.Minute)}
		heard := access.Contact{Source: "kisi", At: noon.Add(time.Minute)}
		var after Change
		if rapid.Bool().Draw(r, "one by one") {
			after, err = c.Amend(t.Context(), deltaOf(from, to), heard, terms)
		} else {
			after, err = installWith(t.Context(), c, to, heard, terms)
		}
		if err != nil {
			r.Skip(err) // a team lost somebody whom it needs
		}
		if after.Snapshot != nil {
			followed++
		}
		got, err := c.Load(t.Context(), c.Contacts())
		if err != nil {
			r.Fatalf("the next start: %v", err)
		}
		if after.Snapshot != nil && got.Snapshot.Hash() != after.Snapshot.Hash() {
			r.Fatalf("in force %x, on disk %x", after.Snapshot.Hash(), got.Snapshot.Hash())
		}
	})
	if followed < 10 {
		t.Errorf("only %d changes changed something", followed)
	}
}

func installWith(ctx context.Context, c *Cache, r access.Roster, heard access.Contact, terms Terms) (Change, error) {
	s, err := c.Stage(ctx, heard.Source)
	if err != nil {
		return Change{}, err
	}
	defer func() { _ = s.Close() }()
	if err := s.Add(r, 0, true); err != nil {
		return Change{}, err
	}
	return c.Install(ctx, s, heard, terms)
}

func TestAmendWritesOnlyItsRows(t *testing.T) {
	row := building()
	berta := row.Holders[1]
	berta.Suspended = false
	moved := row.Grants[0]
	moved.Assignee = "berta"
	tests := []struct {
		name string
		in   access.Delta
		rows int
	}{
		{"nothing", access.Delta{}, 0},
		{"what is so already", access.Delta{Begun: access.Roster{Holders: row.Holders, Grants: row.Grants}}, 0},
		{"what ended already", access.Delta{Ended: access.Roster{Grants: []access.Grant{{ID: "g9", Assignee: "anna"}}}}, 0},
		{"a right ends, by its key", access.Delta{Ended: access.Roster{Grants: []access.Grant{{ID: "g1", Assignee: "anna"}}}}, 1},
		{"a person in the place of the old", access.Delta{Begun: access.Roster{Holders: []access.Holder{berta}}}, 1},
		{"a right for somebody else", access.Delta{
			Ended: access.Roster{Grants: row.Grants[:1]}, Begun: access.Roster{Grants: []access.Grant{moved}},
		}, 2},
		{"somebody leaves a team", access.Delta{
			Ended: access.Roster{Teams: []access.Team{{ID: "acme", Name: "Acme", Members: []string{"anna", "berta"}}}},
			Begun: access.Roster{Teams: []access.Team{{ID: "acme", Name: "Acme", Members: []string{"berta"}}}},
		}, 1},
		{"a lockdown", access.Delta{Begun: access.Roster{Doors: []access.Door{{ID: "front", Name: "Front", Place: "rome", Restricted: true, LockedDown: true}}}}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openCache(t, cachePath(t))
			done, err := tryInstall(t.Context(), c, "kisi", building(), noon)
			if err != nil {
				t.Fatal(err)
			}
			in, err := c.Amend(t.Context(), tt.in, access.Contact{Source: "kisi", At: noon}, Terms{Contacts: c.Contacts(), Current: done.Snapshot, At: noon})
			if err != nil || in.Rows != tt.rows || (in.Snapshot != nil) != (tt.rows > 0) {
				t.Fatalf("Amend = %+v, %v; want %d rows", in, err, tt.rows)
			}
			got := loaded(t, c).Snapshot
			if in.Snapshot != nil && (got.Hash() != in.Snapshot.Hash() || got.Generation() != 2) {
				t.Errorf("the next start builds generation %d of another hash", got.Generation())
			}
		})
	}
}

func TestAmendTakesOnlyWhatCanBeLaidOver(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", building(), noon)
	for name, d := range map[string]access.Delta{
		"a group":    {Begun: access.Roster{Groups: []access.Group{{ID: "x"}}}},
		"a schedule": {Ended: access.Roster{Schedules: []access.Schedule{{ID: "x"}}}},
		"a new team": {Begun: access.Roster{Teams: []access.Team{{ID: "x"}}}},
	} {
		if _, err := c.Amend(t.Context(), d, access.Contact{Source: "kisi", At: noon}, Terms{Contacts: c.Contacts(), At: noon}); !errors.Is(err, ErrLarge) {
			t.Errorf("%s: %v, want ErrLarge", name, err)
		}
	}
	dangling := access.Delta{Begun: access.Roster{Grants: []access.Grant{{ID: "g7", Assignee: "nobody", Scope: access.ScopeOrganisation}}}}
	if _, err := c.Amend(t.Context(), dangling, access.Contact{Source: "kisi", At: noon}, Terms{Contacts: c.Contacts(), At: noon}); err == nil {
		t.Error("a right of nobody was written")
	}
	if got := loaded(t, c); got.Sealed.Number != 1 || got.Behind {
		t.Errorf("what was refused left generation %d behind", got.Sealed.Number)
	}
}

func TestResolveSaysWhereAnotherSourceHasAWord(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", building(), noon)
	install(t, c, "file", access.Roster{
		Holders: []access.Holder{{ID: "anna", Name: "Anna"}},
		Grants:  []access.Grant{{ID: "g2", Assignee: "anna", Scope: access.ScopeOrganisation}},
	}, noon)
	for _, tt := range []struct {
		name string
		in   access.Roster
		want bool
	}{
		{"a person of both", access.Roster{Holders: []access.Holder{{ID: "anna"}}}, false},
		{"a person of one", access.Roster{Holders: []access.Holder{{ID: "berta"}}}, true},
		{"a right of both, though of another", access.Roster{Grants: []access.Grant{{ID: "g2", Kind: access.ToTeam, Assignee: "acme"}}}, false},
		{"a right of one", access.Roster{Grants: []access.Grant{{ID: "g1", Assignee: "anna"}}}, true},
	} {
		exact, alone, err := c.Resolve(t.Context(), "kisi", access.Delta{Ended: tt.in})
		if err != nil || alone != tt.want {
			t.Errorf("%s: alone %v, %v; want %v", tt.name, alone, err, tt.want)
		}
		if len(exact.Ended.Holders) > 0 && exact.Ended.Holders[0].Name == "" {
			t.Errorf("%s: %+v is not the row that is written", tt.name, exact.Ended.Holders[0])
		}
	}
}

// What a power cut leaves of a stage goes at the next start, and what is used goes
// when it is closed.
func TestNothingOfAStageStays(t *testing.T) {
	path := cachePath(t)
	c := openCache(t, path)
	left, err := c.Stage(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	install(t, c, "kisi", building(), noon)
	found, err := filepath.Glob(path + stageMark + "*")
	if err != nil || len(found) != 1 || found[0] != left.path {
		t.Fatalf("beside the cache lie %v, %v; want the one that is open", found, err)
	}
	openCache(t, path)
	if found, _ := filepath.Glob(path + stageMark + "*"); len(found) != 0 {
		t.Errorf("after the next start there are %v", found)
	}
	if err := left.Close(); err != nil {
		t.Errorf("to close what is gone: %v", err)
	}
}
