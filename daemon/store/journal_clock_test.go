package store

import (
	"errors"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestTheNewestEventByAClockIsFound(t *testing.T) {
	j := openJournal(t, journalPath(t))
	stop := runJournal(t, j)
	for i, clock := range []access.ClockState{access.ClockSynced, access.ClockSynced, access.ClockFreeRunning, access.ClockUnset} {
		e := tap(string(rune('a' + i)))
		e.Clock = clock
		if err := settle(t, j.Append(e)); err != nil {
			t.Fatal(err)
		}
	}
	for clock, want := range map[access.ClockState]string{access.ClockSynced: "b", access.ClockFreeRunning: "c", access.ClockUnset: "d"} {
		if got, err := j.LastBy(t.Context(), clock); err != nil || got.ID != tap(want).ID {
			t.Errorf("%v: got %q, %v; want %q", clock, got.ID, err, tap(want).ID)
		}
	}
	if got, err := j.LastBy(t.Context(), access.ClockJumped); !errors.Is(err, ErrNotFound) {
		t.Errorf("jumped: got %q, %v; want ErrNotFound", got.ID, err)
	}
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Error(err)
	}
}
