package daemon

import (
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// The power goes, or the disk is full, between the two writes of a change: the
// rows are there, the seal is not. The source says the same as the rows from
// then on, and still the doors must come to decide by them.
func TestAChangeThatWasNotSealedIsTakenUpWithTheNextWord(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann", "bob"))
	if _, _, err := b.cache.Install("kisi", people("kisi", "ann"), access.Contact{Source: "kisi", At: today}, today); err != nil {
		t.Fatal(err)
	}
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
	if _, _, err := b.cache.Retire("file", today); err != nil {
		t.Fatal(err)
	}
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
