package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// counted is the counter of a tag, used is a use of a pass.
func counted(tag byte, counter uint64) access.Claim {
	return access.Claim{Key: access.Digest{tag}, Counter: counter}
}

func used(pass byte, times uint64) access.Claim {
	return access.Claim{Key: access.Digest{pass, 1}, Counter: times, Uses: 5, Expires: noon.Add(time.Hour)}
}

// claims is everything that was used up, by key, as text.
func claims(t *testing.T, j *Journal) []string {
	t.Helper()
	found, err := j.Claims(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range found {
		line := fmt.Sprintf("%x=%d", c.Key[:2], c.Counter)
		if !c.Expires.IsZero() {
			line += " until " + c.Expires.Format("15:04")
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

func wantClaims(t *testing.T, j *Journal, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, claims(t, j)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func refusedTap(id string) access.Event {
	e := tap(id)
	e.Reason, e.Reasons = access.NoGrant, []access.Reason{access.NoGrant}
	return e
}

func TestClaimIsKeptWithItsEvent(t *testing.T) {
	path := journalPath(t)
	j := openJournal(t, path)
	stop := runJournal(t, j)
	for i, c := range []access.Claim{counted(1, 7), used(2, 1), {}, counted(3, 1<<24-1)} {
		if err := settle(t, j.AppendClaim(tap(fmt.Sprint(i)), c)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	again := openJournal(t, path)
	wantClaims(t, again, "0100=7", "0201=1 until 13:00", "0300=16777215")
	if got := len(all(t, again)); got != 4 {
		t.Errorf("%d events, want 4: an empty claim is none", got)
	}
}

func TestClaimNeverGoesBack(t *testing.T) {
	j := openJournal(t, journalPath(t))
	runJournal(t, j)
	later := used(2, 1)
	later.Expires = later.Expires.Add(time.Hour)
	for i, c := range []access.Claim{counted(1, 7), counted(1, 3), used(2, 4), later, used(2, 2)} {
		if err := settle(t, j.AppendClaim(tap(fmt.Sprint(i)), c)); err != nil {
			t.Fatal(err)
		}
	}
	wantClaims(t, j, "0100=7", "0201=4 until 14:00")
}

// The door refused, as the disk was full: what is written late must not say that
// it opened, nor use anything up. What a tag counted has been seen all the same.
func TestGrantThatWasNotDurableInTimeBecomesARefusal(t *testing.T) {
	j := openJournal(t, journalPath(t))
	fill(t, j)
	runJournal(t, j)
	receipts := []*Receipt{
		j.AppendClaim(large("pass"), used(1, 1)), j.AppendClaim(large("tag"), counted(2, 9)),
		j.AppendClaim(refusedTap("refused tag"), counted(3, 4)), j.Append(large("card")),
	}
	for _, r := range receipts {
		if err := settle(t, r); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("receipt: %v, want ErrUnavailable for a full disk", err)
		}
	}
	until(t, "the events are written after all", func() bool { return j.Stats().Last == 4 })
	wantClaims(t, j, "0200=9", "0300=4")
	var got []string
	for _, e := range all(t, j) {
		got = append(got, fmt.Sprintf("%s %v %v", e.ID, e.Reason, e.Reasons))
	}
	want := []string{"pass not_recorded [not_recorded]", "tag not_recorded [not_recorded]", "refused tag no_grant [no_grant]", "card granted []"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWithdrawnGrantUsesNothingUp(t *testing.T) {
	j := openJournal(t, journalPath(t))
	pass, tag, plain := j.AppendClaim(tap("pass"), used(1, 1)), j.AppendClaim(tap("tag"), counted(2, 9)), j.Append(tap("card"))
	for _, r := range []*Receipt{pass, tag, plain} {
		if !r.Withdraw() {
			t.Fatal("nobody writes yet, but it could not be withdrawn")
		}
	}
	runJournal(t, j)
	for _, r := range []*Receipt{pass, tag, plain} {
		if err := settle(t, r); err != nil {
			t.Fatal(err)
		}
		if r.Withdraw() {
			t.Error("what is on disk was withdrawn")
		}
	}
	wantClaims(t, j, "0200=9")
	var got []string
	for _, e := range all(t, j) {
		got = append(got, e.ID+" "+e.Reason.String())
	}
	if diff := cmp.Diff([]string{"pass not_recorded", "tag not_recorded", "card granted"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWhatEndedLongAgoIsForgottenAndNothingElse(t *testing.T) {
	j := openJournal(t, journalPath(t))
	runJournal(t, j)
	old := used(2, 1)
	old.Expires = noon.Add(-time.Hour)
	for i, c := range []access.Claim{counted(1, 7), old, used(3, 1)} {
		if err := settle(t, j.AppendClaim(tap(fmt.Sprint(i)), c)); err != nil {
			t.Fatal(err)
		}
	}
	j.ForgetClaims(noon)
	until(t, "the old pass is forgotten", func() bool { return len(claims(t, j)) < 3 })
	wantClaims(t, j, "0100=7", "0301=1 until 13:00")
}

func TestDamagedJournalHandsOverWhatWasUsedUp(t *testing.T) {
	path := journalPath(t)
	j, err := OpenJournal(path, JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var kept []entry
	for i := range 100 {
		kept = append(kept, entry{event: large(fmt.Sprint(i)), claim: counted(byte(1+i%3), uint64(i))})
	}
	if err := j.f.insert(1, kept); err != nil {
		t.Fatal(err)
	}
	checkpointed(t, j.f)
	scribble(t, path, 100<<10, 4096)
	again := openJournal(t, path)
	if again.Recovered() == "" {
		t.Fatal("the damage was not seen")
	}
	wantClaims(t, again, "0100=99", "0200=97", "0300=98")
}

// The power goes after the journal was set aside and before the next began.
func TestEmptyJournalBesideADamagedOneKnowsWhatWasUsedUp(t *testing.T) {
	path := journalPath(t)
	j := openJournal(t, path)
	stop := runJournal(t, j)
	if err := settle(t, j.AppendClaim(tap("1"), used(1, 1))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := SetAside(path, noon); err != nil {
		t.Fatal(err)
	}
	wantClaims(t, openJournal(t, path), "0101=1 until 13:00")
}

func TestUnreadableJournalHandsNothingOver(t *testing.T) {
	path := journalPath(t)
	garbage(t, path)
	wantClaims(t, openJournal(t, path))
}

// A journal of the first version is taken over with its events, of which nothing
// is known that it did not keep.
func TestJournalOfTheFirstVersionIsMigrated(t *testing.T) {
	path := journalPath(t)
	first, err := fs.ReadFile(schema("journal"), "0001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	l := journalLayout()
	l.schema = fstest.MapFS{"0001_start.sql": {Data: first}}
	f, err := openFile(path, l, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	old := tap("old")
	old.Seq, old.LastPass = 1, noon
	columns, _, _ := strings.Cut(eventColumns, ", posture")
	values := bindEvent(&old)[:strings.Count(columns, ",")+1]
	_, err = f.w.ExecContext(t.Context(), "INSERT INTO events ("+columns+") VALUES (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, path)
	runJournal(t, j)
	if err := settle(t, j.AppendClaim(tap("new"), counted(1, 1))); err != nil {
		t.Fatal(err)
	}
	wantClaims(t, j, "0100=1")
	kept := all(t, j)
	if got := strings.Join(ids(kept), " "); got != "old new" {
		t.Fatalf("events: got %s, want old new", got)
	}
	if diff := cmp.Diff(old, kept[0]); diff != "" {
		t.Errorf("the old event (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "journal.db.before-3")); err != nil {
		t.Errorf("no copy was made before the change: %v", err)
	}
}
