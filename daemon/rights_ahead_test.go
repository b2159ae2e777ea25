package daemon

import (
	"errors"
	"slices"
	"testing"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// comes is the change by which somebody gets the right to the doors.
func comes(source, name string) access.Delta {
	r := people(source, name)
	return access.Delta{Begun: access.Roster{Grants: r.Grants}}
}

// diskFull has the disk refuse every change of the rights until it is undone.
func (b *box) diskFull() (undo func()) {
	b.t.Helper()
	if err := b.exec("CREATE TRIGGER full BEFORE INSERT ON generations BEGIN SELECT raise(FAIL, 'no space is left'); END"); err != nil {
		b.t.Fatal(err)
	}
	return func() {
		b.t.Helper()
		if err := b.exec("DROP TRIGGER full"); err != nil {
			b.t.Fatal(err)
		}
	}
}

// bobWaits is a box where ann may come in and bob may not, but that a right of his
// is ahead of a disk that is full.
func bobWaits(t *testing.T) (b *box, said access.Roster, undo func()) {
	b = newBox(t)
	b.start(frontDoor, kisiSource)
	said = people("kisi", "ann", "bob")
	said.Grants = said.Grants[:1]
	b.replace("kisi", said)
	undo = b.diskFull()
	if err := b.Apply(t.Context(), "kisi", comes("kisi", "bob"), today); err == nil || b.tap("bob") != access.Granted {
		t.Fatalf("Apply: %v; bob %v", err, b.tap("bob"))
	}
	return b, said, undo
}

// The source says everything anew, and it is what the disk has: what was ahead of
// the disk is so no more, also at the doors.
func TestWhatTheDiskRefusedEndsWithTheNextWholeWord(t *testing.T) {
	b, said, _ := bobWaits(t)
	if changed := b.replace("kisi", said); changed != 0 {
		t.Fatalf("%d rows changed, want none", changed)
	}
	if got := b.tap("bob"); got != access.NoGrant {
		t.Errorf("bob, whom the source does not let in: %v", got)
	}
}

// A crawl compares with what is in force, not with what the disk has without it.
func TestACrawlSeesWhatTheDiskRefused(t *testing.T) {
	b, said, undo := bobWaits(t)
	undo()
	current, err := b.Current(t.Context(), "kisi")
	if err != nil || len(current.Grants) != len(said.Grants)+1 {
		t.Errorf("Current: %d rights, %v; want the one that is ahead as well", len(current.Grants), err)
	}
}

func TestALaterChangeWinsOverOneThatTheDiskRefused(t *testing.T) {
	for _, full := range []bool{true, false} {
		b, _, undo := bobWaits(t)
		if !full {
			undo()
		}
		if err := b.Apply(t.Context(), "kisi", leaves("kisi", "bob"), today); err != nil {
			t.Fatal(err)
		}
		if got := b.tap("bob"); got != access.NoGrant {
			t.Errorf("bob, whose right ended (disk full %v): %v", full, got)
		}
		if full {
			undo()
		}
		b.Confirm("kisi", today)
		if got := b.tap("bob"); got != access.NoGrant {
			t.Errorf("bob, once the disk has all (was full %v): %v", full, got)
		}
		b.reopen()
		if note := b.start(frontDoor, kisiSource); note != "" || b.tap("bob") != access.NoGrant {
			t.Errorf("after a restart: %s; bob %v", note, b.tap("bob"))
		}
	}
}

// A crawl that says half of a change already is taken in while the change waits, and
// then the disk is full: the other half holds at the doors as well.
func TestAChangeIsLaidOverWhatTheDiskHasByThen(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann", "bob", "eve"))
	both := leaves("kisi", "bob")
	both.Ended.Grants = append(both.Ended.Grants, leaves("kisi", "eve").Ended.Grants...)
	laid := make(chan struct{}, 8)
	b.changed = func(*access.Snapshot) { laid <- struct{}{} }
	b.mu.Lock()
	done := make(chan error, 1)
	go func() { done <- b.Apply(t.Context(), "kisi", both, today) }()
	<-laid
	stage, err := b.stage(t.Context(), "kisi", cloud.RowsOf(withoutRight(people("kisi", "ann", "bob", "eve"), "kisi-eve")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.install(t.Context(), stage, access.Contact{Source: "kisi", At: today}); err != nil {
		t.Fatal(err)
	}
	if err := stage.Close(); err != nil {
		t.Fatal(err)
	}
	undo := b.diskFull()
	b.mu.Unlock()
	if err := <-done; err == nil {
		t.Fatal("a full disk took it")
	}
	if b.tap("ann") != access.Granted || b.tap("bob") != access.NoGrant || b.tap("eve") != access.NoGrant {
		t.Errorf("ann %v, bob %v, eve %v", b.tap("ann"), b.tap("bob"), b.tap("eve"))
	}
	undo()
}

func withoutRight(r access.Roster, id string) access.Roster {
	r.Grants = slices.DeleteFunc(r.Grants, func(g access.Grant) bool { return g.ID == id })
	return r
}

// Who takes a source out of the settings wants its rights gone: also those that
// are on their way to the disk.
func TestNothingOfASourceThatIsTakenOutStaysAhead(t *testing.T) {
	b, _, undo := bobWaits(t)
	undo()
	if err := b.keepOnly(t.Context(), []access.Contact{{Source: settingsSource, Ageless: true}}); err != nil {
		t.Fatal(err)
	}
	if len(b.ahead) != 0 {
		t.Errorf("%d changes are still ahead", len(b.ahead))
	}
	eve := people("kisi", "eve")
	d := access.Delta{Begun: access.Roster{Holders: eve.Holders, Assignments: eve.Assignments}}
	if err := b.Apply(t.Context(), "kisi", d, today); !errors.Is(err, errNoSource) {
		t.Errorf("a change of a source that is not there: %v, want that it is not there", err)
	}
	if got := b.tap("eve"); got != access.Unknown {
		t.Errorf("eve: %v", got)
	}
}

// A copy that does not hang together empties the doors until the next word; it does
// not keep the gateway from starting, however many sources there are.
func TestADamagedCopyOfSeveralSourcesIsNotUsed(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource, fileSource)
	b.replace("kisi", people("kisi", "ann"))
	b.replace("file", people("file", "bob"))
	if err := b.exec("DELETE FROM holders WHERE id = 'kisi-ann'"); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	if note := b.start(frontDoor, kisiSource, fileSource); note == "" {
		t.Error("a damaged copy was used")
	}
	if b.tap("ann") != access.Unknown || b.tap("bob") != access.Unknown {
		t.Errorf("ann %v, bob %v", b.tap("ann"), b.tap("bob"))
	}
	b.replace("file", people("file", "bob"))
	if b.tap("ann") != access.Unknown || b.tap("bob") != access.Granted {
		t.Errorf("after the word of one: ann %v, bob %v", b.tap("ann"), b.tap("bob"))
	}
}

// After an upgrade the rights are sealed anew. A disk that is full is no reason to
// keep everybody out.
func TestAnUpgradeOnAFullDiskKeepsTheRights(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann"))
	for _, statement := range []string{
		"UPDATE generations SET form = 1, hash = randomblob(32)",
		"CREATE TRIGGER full BEFORE UPDATE ON generations BEGIN SELECT raise(FAIL, 'no space is left'); END",
		"CREATE TRIGGER fuller BEFORE INSERT ON generations BEGIN SELECT raise(FAIL, 'no space is left'); END",
	} {
		if err := b.exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" || b.tap("ann") != access.Granted {
		t.Fatalf("on a full disk: %s; ann %v", note, b.tap("ann"))
	}
	for _, name := range []string{"full", "fuller"} {
		if err := b.exec("DROP TRIGGER " + name); err != nil {
			t.Fatal(err)
		}
	}
	b.Confirm("kisi", today)
	in := b.Load()
	sealed, err := b.cache.Generation(t.Context(), in.Generation())
	if err != nil || sealed.Form != access.HashForm || sealed.Hash != in.Hash() {
		t.Errorf("what is in force is not sealed: %+v, %v", sealed, err)
	}
}

// What is refused for its source is not at the doors either, also where it could be
// laid over what they decide by.
func TestACardOfASourceThatIsNotThereOpensNothing(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, fileSource)
	b.replace("file", people("file", "bob"))
	card := people("file", "eve").Assignments
	card[0].Holder = "file-bob"
	err := b.Apply(t.Context(), "kisi", access.Delta{Begun: access.Roster{Assignments: card}}, today)
	if !errors.Is(err, errNoSource) {
		t.Errorf("Apply: %v, want that there is no such source", err)
	}
	if got := b.tap("eve"); got != access.Unknown || len(b.ahead) != 0 {
		t.Errorf("the card: %v; %d changes are ahead", got, len(b.ahead))
	}
	if got := b.tap("bob"); got != access.Granted {
		t.Errorf("bob: %v", got)
	}
}
