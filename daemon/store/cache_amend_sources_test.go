package store

import (
	"context"
	"database/sql"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// A door that two sources know has one place, and the lockdown of either place
// binds: that of a place is not the word of one source alone.
func TestALockdownOfAPlaceBindsTheDoorsThatAnotherSourceKnows(t *testing.T) {
	c := openCache(t, cachePath(t))
	place := access.Place{ID: "rome", Name: "Rome"}
	install(t, c, "file", access.Roster{Doors: []access.Door{{ID: "front", Name: "Front"}, {ID: "back", Place: "yard"}}, Places: []access.Place{{ID: "yard"}}}, noon)
	done, err := tryInstall(t.Context(), c, "kisi", access.Roster{
		Places: []access.Place{place}, Doors: []access.Door{{ID: "back", Place: "rome"}},
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	place.LockedDown = true
	in, err := c.Amend(t.Context(), access.Delta{Begun: access.Roster{Places: []access.Place{place}}},
		access.Contact{Source: "kisi", At: noon}, Terms{Contacts: c.Contacts(), Current: done.Snapshot, At: noon})
	if err != nil || in.Snapshot == nil {
		t.Fatalf("Amend = %+v, %v", in, err)
	}
	if got := loaded(t, c).Snapshot; got.Hash() != in.Snapshot.Hash() {
		t.Error("the next start builds something else")
	}
}

// A credential is found by what it is and whose, whatever else is said of it.
func TestACardIsChangedByItsKey(t *testing.T) {
	row := building().Assignments[0]
	off, key := row, row
	off.Active = false
	key.Active, key.Assurance = !row.Active, access.AnyAssurance
	for name, tt := range map[string]struct {
		in   access.Delta
		want int
	}{
		"switched off":    {access.Delta{Begun: access.Roster{Assignments: []access.Assignment{off}}}, 2},
		"ends by its key": {access.Delta{Ended: access.Roster{Assignments: []access.Assignment{key}}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, cachePath(t))
			done, err := tryInstall(t.Context(), c, "kisi", building(), noon)
			if err != nil {
				t.Fatal(err)
			}
			in, err := c.Amend(t.Context(), tt.in, access.Contact{Source: "kisi", At: noon}, Terms{Contacts: c.Contacts(), Current: done.Snapshot, At: noon})
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.LoadSource(t.Context(), "kisi")
			if err != nil || len(r.Assignments) != tt.want {
				t.Fatalf("%d credentials, %v; want %d", len(r.Assignments), err, tt.want)
			}
			for _, a := range r.Assignments {
				if a.Digest == row.Digest && a.Active {
					t.Errorf("the card still works: %+v", a)
				}
			}
			if got := loaded(t, c).Snapshot; in.Snapshot == nil || got.Hash() != in.Snapshot.Hash() {
				t.Error("the next start builds something else")
			}
		})
	}
}

// What was committed counts, even if what was attached for it does not go.
func TestAnAttachedFileThatStaysIsNoErrorOfTheChange(t *testing.T) {
	c := openCache(t, cachePath(t))
	s, err := c.Stage(t.Context(), "kisi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = c.f.attached(t.Context(), s.path, func(conn *sql.Conn) error {
		for _, statement := range []string{"BEGIN", "CREATE TABLE staged.mine (a)"} { // so that it is locked
			if _, err := conn.ExecContext(context.Background(), statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("attached: %v", err)
	}
	install(t, c, "kisi", building(), noon)
}
