package daemon

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// unseal leaves the newest generation as an older tilegate could, which sealed it
// after it was written.
func (b *box) unseal() {
	b.t.Helper()
	if err := b.exec("UPDATE generations SET hash = NULL WHERE number = (SELECT max(number) FROM generations)"); err != nil {
		b.t.Fatal(err)
	}
}

// exec changes the copy of the rights on disk behind our back.
func (b *box) exec(statement string) error {
	db, err := sql.Open("sqlite3", filepath.Join(b.dir, "cache.db"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(b.t.Context(), statement)
	return errors.Join(err, db.Close())
}

// The power went, or the disk was full, between the two writes of a change: the
// rows are there, the seal is not. The source says the same as the rows from
// then on, and still the doors must come to decide by them.
func TestAChangeThatWasNotSealedIsTakenUpWithTheNextWord(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann", "bob"))
	b.replace("kisi", people("kisi", "ann"))
	b.unseal()
	b.reopen()
	b.start(frontDoor, kisiSource)
	if got := b.tap("bob"); got != access.Granted {
		t.Fatalf("what was not sealed is in force after the start: got %v", got)
	}
	// The sync compares with the rows, and finds nothing to change.
	b.Confirm("kisi", today)
	if got := b.tap("bob"); got != access.Unknown {
		t.Errorf("bob, whom the source took out: got %v, want %v", got, access.Unknown)
	}
	if got := b.tap("ann"); got != access.Granted {
		t.Errorf("ann: got %v, want granted", got)
	}
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" {
		t.Errorf("the next start: %s", note)
	}
	if got := b.tap("bob"); got != access.Unknown {
		t.Errorf("bob after the next start: got %v, want %v", got, access.Unknown)
	}
}

// As above, while a source is taken out that the settings no longer name.
func TestAPowerCutWhileASourceIsTakenOutEmptiesNothingElse(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource, fileSource)
	b.replace("kisi", people("kisi", "ann"))
	b.replace("file", people("file", "eve"))
	if _, err := b.cache.Retire(t.Context(), "file", b.terms([]access.Contact{{Source: settingsSource, Ageless: true}, kisiSource})); err != nil {
		t.Fatal(err)
	}
	b.unseal()
	b.reopen()
	note := b.start(frontDoor, kisiSource)
	if note != "" {
		t.Errorf("the rights were thrown away: %s", note)
	}
	if got := b.tap("ann"); got != access.Granted {
		t.Errorf("ann: got %v, want granted", got)
	}
	if got := b.tap("eve"); got != access.Unknown {
		t.Errorf("eve, whose source was taken out: got %v, want %v", got, access.Unknown)
	}
	in := b.Load()
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" {
		t.Errorf("the next start: %s", note)
	}
	if b.Load().Hash() != in.Hash() || b.Load().Generation() != in.Generation() {
		t.Errorf("what was in force was not sealed: generation %d, then %d", in.Generation(), b.Load().Generation())
	}
}
