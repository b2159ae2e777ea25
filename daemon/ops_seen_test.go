package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

func TestAnEvacuationListIsOnlyCalledSoWhereItIsOne(t *testing.T) {
	both := []config.Reader{{Name: "in"}, {Name: "out"}}
	one := []config.Reader{{Name: "in"}}
	for _, tt := range []struct {
		name string
		in   []config.Door
		why  string // "": it is one
	}{
		{"every door reads both ways", []config.Door{{Name: "Front", Readers: both}, {Name: "Rear", Readers: both}}, ""},
		{"a door inside reads one way", []config.Door{{Name: "Front", Readers: both}, {Name: "Lab", Readers: one, Interior: true}}, ""},
		{"a door outside reads one way", []config.Door{{Name: "Front", Readers: both}, {Name: "Rear", Readers: one}}, "Rear"},
		{"a door outside that nobody reads", []config.Door{{Name: "Front", Readers: both}, {Name: "Gate"}}, "Gate"},
		{"two tiles, both on the outside", []config.Door{{Name: "Front", Readers: []config.Reader{{Name: "in"}, {Name: "low"}}}}, "Front"},
		{"only doors inside", []config.Door{{Name: "Lab", Readers: both, Interior: true}}, "no door to the outside"},
		{"no doors", nil, "no door to the outside"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			is, why := evacuation(tt.in)
			if is != (tt.why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("got %v, %q; want %q", is, why, tt.why)
			}
		})
	}
}

func TestWhoWasSeenIsToldByTheNewestTap(t *testing.T) {
	at := func(minute int) time.Time { return today.Add(time.Duration(minute) * time.Minute) }
	tap := func(id, holder, door, reader string, minute int) access.Event {
		return access.Event{ID: id, Kind: access.DecisionEvent, Holder: holder, Door: door, Reader: reader, At: at(minute), Reason: access.Granted}
	}
	refused := tap("r", "bob", "front", "in", 9)
	refused.Reason = access.Expired
	remote := tap("m", "bob", "front", "in", 9)
	remote.Presence = access.Remote
	unused := access.Event{Kind: access.AlarmEvent, At: at(3), Ref: "2", Detail: access.NoEntry.Detail(true)}
	for _, tt := range []struct {
		name string
		in   []access.Event // oldest first
		want string
	}{
		{"came in", []access.Event{tap("1", "ann", "front", "in", 1)}, "ann front 1 in"},
		{"came and went", []access.Event{tap("1", "ann", "front", "in", 1), tap("2", "ann", "front", "out", 2)}, "ann front 2 out left"},
		{"was let out, and stayed", []access.Event{tap("1", "ann", "front", "in", 1), tap("2", "ann", "front", "out", 2), unused}, "ann front 2 out"},
		{"went out of a room", []access.Event{tap("1", "ann", "lab", "out", 2)}, "ann lab 2 out"},
		{"a tile that says no way", []access.Event{tap("1", "ann", "lab", "low", 2)}, "ann lab 2 "},
		{"before that time", []access.Event{tap("1", "ann", "front", "in", -1)}, ""},
		{"at that very instant", []access.Event{tap("1", "ann", "front", "in", 0)}, "ann front 0 in"},
		{"refused, from afar, simulated, and nobody's", []access.Event{refused, remote, tap("3", "bob", "front", simulatedReader, 4), tap("4", "", "front", "in", 4)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sighting{since: today, perimeter: map[string]bool{"front": true}, unused: map[string]bool{}, last: map[string]control.SeenPerson{}}
			for _, e := range slices.Backward(tt.in) {
				s.take(e)
			}
			got := ""
			for _, p := range s.last {
				got = fmt.Sprintf("%s %s %d %s", p.Holder, p.Door, int(p.At.Sub(today).Minutes()), p.Way)
				if p.Left {
					got += " left"
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	s := sighting{since: today}
	for i := range beforeThat {
		if more := s.take(access.Event{At: at(-1)}); more != (i < beforeThat-1) {
			t.Fatalf("after %d older events: goes on %v", i+1, more)
		}
	}
}

func TestMidnightIsThatOfTheSite(t *testing.T) {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	// The night in which the clocks go back: 23 hours before noon is yesterday.
	now := time.Date(2026, 10, 25, 22, 59, 0, 0, time.UTC)
	if got, want := midnight(now, rome), time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Who was let in is listed by name, and who looked stands in the journal.
func TestWhoLooksAtWhoWasSeenIsRecorded(t *testing.T) {
	h := newHouse(t)
	d := h.doors.find("front")
	read := cardRead("04a2b3c4d5e680")
	got, err := d.ask(t.Context(), ask{do: func(ctx context.Context) answer { return d.receive(ctx, heard{read, d.tiles[0]}, "") }})
	if err != nil || !got.decision.Granted() {
		t.Fatal(got.decision.Reason, err)
	}
	h.until("the tap is recorded", func() bool {
		found, err := h.journal.ByID(t.Context(), got.event, 1)
		return err == nil && len(found) == 1
	})
	seen, err := h.Seen(t.Context(), control.Caller{Name: "anna"}, time.Time{})
	if err != nil || len(seen.People) != 1 {
		t.Fatal(seen, err)
	}
	if p := seen.People[0]; p.Holder != "ann" || p.Name != "Ann" || p.DoorName != "front" || p.Way != "in" || seen.Evacuation || !strings.Contains(seen.Why, "front") {
		t.Errorf("got %+v", seen)
	}
	if want := midnight(time.Now(), h.zone()); !seen.Since.Equal(want) && time.Since(want) > time.Minute {
		t.Errorf("since %v, want %v", seen.Since, want)
	}
	last, err := h.journal.Event(t.Context(), h.journal.Stats().Last)
	if err != nil || last.Kind != access.ActionEvent || last.Actor != "anna" || !strings.Contains(last.Detail, "looked at who was seen") {
		t.Errorf("recorded: %+v, %v", last, err)
	}
	seen, err = h.Seen(t.Context(), control.Caller{Name: "anna"}, time.Now().Add(time.Hour))
	if err != nil || len(seen.People) != 0 {
		t.Errorf("since later: %v, %v", seen.People, err)
	}
}
