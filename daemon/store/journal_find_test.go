package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestAnEventIsFoundByItsIDAndByTheFrontOfIt(t *testing.T) {
	j := openJournal(t, journalPath(t))
	whole := "939ab03456789abcdef0123456789abc"
	events := []access.Event{tap(whole), tap("0886423456789abcdef0123456789abc"), tap("939ab03456789abcdef0123456789abd")}
	if err := j.f.insert(1, entries(events...)); err != nil {
		t.Fatal(err)
	}
	if err := j.reopen(0); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, id string
		limit    int
		want     []uint64
	}{
		{"a whole id", whole, 5, []uint64{1}},
		{"the front of two, newest first", "939ab", 5, []uint64{3, 1}},
		{"the newest of two", "939ab", 1, []uint64{3}},
		{"nobody's", "fffff", 5, nil},
		{"no pattern", "939a_", 5, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := j.ByID(t.Context(), tt.id, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, seqs(found)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func seqs(events []access.Event) (all []uint64) {
	for _, e := range events {
		all = append(all, e.Seq)
	}
	return all
}

func TestWhatCameOfADecisionIsFound(t *testing.T) {
	j := openJournal(t, journalPath(t))
	about := func(id, ref string, kind access.EventKind) access.Event {
		return access.Event{ID: id, Kind: kind, At: noon, Ref: ref}
	}
	events := []access.Event{
		tap("one"), tap("two"), about("o2", "two", access.OutcomeEvent), about("o1", "one", access.OutcomeEvent), about("a1", "one", access.AlarmEvent),
	}
	if err := j.f.insert(1, entries(events...)); err != nil {
		t.Fatal(err)
	}
	one, err := j.Event(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	found, err := j.About(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"o1", "a1"}, ids(found)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestTheJournalIsReadBackwardsUntilItIsEnough(t *testing.T) {
	j := openJournal(t, journalPath(t))
	var events []access.Event
	for i := range 20 {
		events = append(events, tap(fmt.Sprint(i+1)))
	}
	if err := j.f.insert(1, entries(events...)); err != nil {
		t.Fatal(err)
	}
	var got []uint64
	err := j.Backward(t.Context(), func(e access.Event) bool {
		got = append(got, e.Seq)
		return len(got) < 3
	})
	if want := []uint64{20, 19, 18}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
