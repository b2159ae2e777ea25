package store

import (
	"errors"
	"testing"
)

// unseal leaves the newest generation as a tilegate did that sealed it after it
// was written, when the power went in between.
func unseal(t *testing.T, c *Cache) {
	t.Helper()
	if _, err := c.f.w.ExecContext(t.Context(), "UPDATE generations SET hash = NULL WHERE number = (SELECT max(number) FROM generations)"); err != nil {
		t.Fatal(err)
	}
}

func TestUnsealedGenerationIsNotLoadedUntilItIsTakenUp(t *testing.T) {
	c := openCache(t, cachePath(t))
	install(t, c, "kisi", building(), noon)
	unseal(t, c)
	if got := loaded(t, c); got.Sealed.Number != 0 || got.Snapshot.Counts().Grants != 0 || !got.Behind {
		t.Fatalf("unsealed: generation %d with %d grants, behind %v; want none, and behind", got.Sealed.Number, got.Snapshot.Counts().Grants, got.Behind)
	}
	done, err := c.Rebuild(t.Context(), Terms{Contacts: c.Contacts(), At: noon})
	if err != nil || done.Number != 1 || done.Snapshot.Counts().Grants != 2 {
		t.Fatalf("taken up: %+v, %v; want generation 1 with two grants", done, err)
	}
	second := building()
	second.Grants = nil
	if number, _ := install(t, c, "kisi", second, noon); number != 2 {
		t.Fatalf("generation = %d, want 2", number)
	}
	unseal(t, c)
	if got := loaded(t, c); got.Sealed.Number != 1 || got.Snapshot.Counts().Grants != 2 || !got.Behind {
		t.Errorf("generation %d with %d grants, behind %v; want 1 with 2, and behind", got.Sealed.Number, got.Snapshot.Counts().Grants, got.Behind)
	}
	if number, changed := install(t, c, "kisi", second, noon); number != 2 || changed != 0 {
		t.Errorf("the same again: generation %d, %d rows; want 2 and none", number, changed)
	}
	if got := loaded(t, c); got.Sealed.Number != 2 || got.Behind {
		t.Errorf("the same word again did not take up what was not sealed: generation %d", got.Sealed.Number)
	}
}

// Rights that were damaged without SQLite noticing are not used.
func TestRightsThatDoNotHashToTheirSealAreNotUsed(t *testing.T) {
	for name, damage := range map[string]string{
		"another end":   "UPDATE grants SET valid_until = valid_until + 1 WHERE id = 'g2'",
		"nobody's card": "DELETE FROM holders WHERE id = 'anna'",
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, cachePath(t))
			install(t, c, "kisi", building(), noon)
			if _, err := c.f.w.ExecContext(t.Context(), damage); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Load(t.Context(), nil); !errors.Is(err, ErrUnsound) {
				t.Errorf("Load: %v, want ErrUnsound", err)
			}
		})
	}
}
