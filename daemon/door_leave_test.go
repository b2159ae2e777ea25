package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// pinVisitors are visitors at a door that asks everybody for a PIN.
func pinVisitors(r *access.Roster) {
	visitors(r)
	askForPINs(r)
}

// tapPass shows the same pass at the tile.
func (s *stage) tapPass(t *testing.T) access.Reason {
	read := passNow(t)
	return s.receive(t.Context(), s.heard(read), "").decision.Reason
}

// A reload closes a door in the middle of a PIN: what the pass would have used up
// is free again, and that somebody was there is written down.
func TestAPassThatWaitsIsFreeAgainWhenItsDoorIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pinVisitors)
		s.tapPass(t)
		s.leave(t.Context())
		time.Sleep(time.Second)
		if got, want := strings.ReplaceAll(s.seen.String(), "\n", "|"), "lamp PIN|lamp red|record decision pin_wrong"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if made := s.offers.tap(passNow(t), scene{door: "rear", moment: moment{at: time.Now()}}); made.tap.Fault != access.Granted {
			t.Errorf("the pass afterwards: got %v, want it to be good", made.tap.Fault)
		}
	})
}

// A tag that was read is used up whatever becomes of the tap, and that must be
// on disk: else a restart would take the same message again.
func TestATagThatWaitsIsWrittenDownWhenItsDoorIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pinVisitors)
		s.receive(t.Context(), s.heard(hw.Read{Kind: access.QR, Value: sunURL, At: time.Now()}), "")
		s.leave(t.Context())
		time.Sleep(time.Second)
		if len(s.journal.claims) != 1 || s.journal.claims[0].Counter != 61 {
			t.Errorf("got %+v, want the counter 61", s.journal.claims)
		}
	})
}

// New settings that ask for no PIN open no door for a card that was shown before
// them: by then nobody may stand there.
func TestACardThatWaitedOpensNothingWhenNoPINIsAskedAnyMore(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(*testing.T, *stage)
	}{
		{"its time is over", func(t *testing.T, s *stage) {
			time.Sleep(pinPatience)
			s.lapse(t.Context())
		}},
		{"the door is closed", func(t *testing.T, s *stage) { s.leave(t.Context()) }},
		{"somebody else comes", func(t *testing.T, s *stage) {
			s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), "")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, askForPINs)
				s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), "")
				lenient := newStage(t, nil)
				s.rights.current.Store(lenient.rights.Load())
				tt.then(t, s)
				time.Sleep(time.Second)
				if got := s.seen.String(); strings.Contains(got, "unlock") || strings.Count(got, "decision pin_wrong") != 1 {
					t.Errorf("got:\n%s\nwant one pin_wrong, and no door", got)
				}
			})
		})
	}
}

// What was only counted is told also when the door is closed before its minute is
// over, and what was heard and not decided is counted as well.
func TestADoorThatIsClosedTellsWhatItCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		for range floodFirst + 3 {
			s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), "")
		}
		s.leave(t.Context())
		time.Sleep(time.Second)
		told := slices.ContainsFunc(s.journal.all, func(e access.Event) bool { return strings.HasPrefix(e.Detail, "3 more refusals") })
		if !told {
			t.Errorf("nobody told of 3 more refusals:\n%s", s.seen)
		}
	})
}
