package daemon

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/pass"
	"github.com/tilegate/tilegate/hw"
)

// visitors adds a visitor with a pass, and a card's number for the tag of the
// vectors.
func visitors(r *access.Roster) {
	r.Holders = append(r.Holders, access.Holder{ID: "vic"})
	r.Grants = append(r.Grants, access.Grant{ID: "g2", Assignee: "vic", Scope: access.ScopeDoor, ScopeID: "front", Source: "kisi", Cause: "pass"})
	for _, held := range []struct {
		kind  access.Kind
		value string
	}{
		{access.Pass, "76697369746f7231"}, // visitor1
		{access.Card, "04de5f1eacc040"},
	} {
		c := doorKey.Credential(held.kind, []byte(held.value))
		r.Assignments = append(r.Assignments, access.Assignment{ID: held.value, Kind: c.Kind, Digest: c.Digest, Holder: "vic", Active: true})
	}
}

func passNow(t *testing.T) hw.Read {
	read := deskPass(t, func(c *pass.Claims) { c.From, c.Until = time.Now(), time.Now().Add(time.Hour) })
	read.At = time.Now()
	return read
}

// What could be shown again opens nothing before its use is on disk, and then
// only once.
func TestAProofOpensOnceAndOnlyWhenThatIsRecorded(t *testing.T) {
	tag := hw.Read{Kind: access.QR, Value: sunURL}
	for _, tt := range []struct {
		name    string
		read    func(*testing.T) hw.Read
		delay   time.Duration
		journal error
		want    string
	}{
		{"a pass", passNow, 0, nil, "record decision granted|unlock 5s|lamp green|record outcome unlocked|lamp red|record decision replayed"},
		{"a tag", func(*testing.T) hw.Read { return tag }, 0, nil, "record decision granted|unlock 5s|lamp green|record outcome unlocked|lamp red|record decision replayed"},
		{"a pass and a worn card", passNow, time.Second, nil, "lamp red|record decision not_recorded|record outcome " + notKept + "|lamp red|record decision not_recorded|record outcome " + notKept},
		{"a tag and a disk that fails", func(*testing.T) hw.Read { return tag }, 0, errors.New("disk full"), "record decision granted|lamp red|record outcome " + notKept + "|lamp red|record decision replayed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, visitors)
				s.journal.delay, s.journal.err = tt.delay, tt.journal
				for range 2 {
					read := tt.read(t)
					read.At = time.Now()
					s.receive(t.Context(), s.heard(read), "")
					time.Sleep(5 * time.Second)
					synctest.Wait()
				}
				if got := strings.ReplaceAll(s.seen.String(), "\n", "|"); got != tt.want {
					t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
				}
			})
		})
	}
}

func askForPINs(r *access.Roster) {
	r.Policies = []access.Policy{{Door: "front", Name: "Front door", AskPIN: true}}
	pin := doorKey.Credential(access.PIN, []byte("0417"))
	r.Assignments = append(r.Assignments, access.Assignment{ID: "p1", Kind: pin.Kind, Digest: pin.Digest, Holder: "ann", Active: true})
}

func digits(text string) hw.Read {
	return hw.Read{Kind: access.PIN, Value: hw.Value(text), At: time.Now()}
}

func TestADoorThatAsksForAPINWaitsForIt(t *testing.T) {
	const card = "04a2b3c4d5e680"
	for _, tt := range []struct {
		name  string
		reads []hw.Read
		want  string
	}{
		{"card and PIN", []hw.Read{cardRead(card), digits("0417")}, "lamp PIN|record decision granted|unlock 5s|lamp green|record outcome unlocked"},
		{"PIN and card", []hw.Read{digits("0417"), cardRead(card)}, "record decision granted|unlock 5s|lamp green|record outcome unlocked"},
		{"card and another PIN", []hw.Read{cardRead(card), digits("0418")}, "lamp PIN|record decision pin_wrong|lamp red"},
		{"card alone", []hw.Read{cardRead(card)}, "lamp PIN|lamp red|record decision pin_wrong"},
		{"PIN alone", []hw.Read{digits("0417")}, ""},
		{"an unknown card is not asked", []hw.Read{cardRead("04ffffffffffff")}, "lamp red|record decision unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, askForPINs)
				for _, read := range tt.reads {
					read.At = time.Now()
					s.receive(t.Context(), s.heard(read), "")
				}
				for range 20 { // the clock of the door
					time.Sleep(time.Second)
					s.lapse(t.Context())
				}
				synctest.Wait()
				if got := strings.ReplaceAll(s.seen.String(), "\n", "|"); got != tt.want {
					t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
				}
			})
		})
	}
}

func TestWhoSimulatesATapVouchesForThePIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, askForPINs)
		a := s.receive(t.Context(), heard{Read: cardRead("04a2b3c4d5e680")}, "desk")
		if !a.decision.Granted() {
			t.Errorf("got %v, want granted", a.decision.Reason)
		}
		time.Sleep(time.Second)
	})
}

// T-12: a flood of unknown cards fills no disk, and holds nobody up.
func TestAFloodOfUnknownCardsIsCountedInOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		for range 500 {
			s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), "")
		}
		if a := s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), ""); !a.decision.Granted() {
			t.Errorf("a member in the flood: %v", a.decision.Reason)
		}
		for range 70 {
			time.Sleep(time.Second)
			s.lapse(t.Context())
		}
		synctest.Wait()
		all := s.seen.String()
		if got := strings.Count(all, "record decision unknown"); got != floodFirst {
			t.Errorf("%d refusals were written one by one, want %d", got, floodFirst)
		}
		if !strings.Contains(all, "record system 490 more refusals") {
			t.Errorf("the rest is not told:\n%s", all)
		}
	})
}

// Nobody is locked out by a flood, and nothing that is used up is forgotten in it:
// only the lines of what says nothing of a person are counted.
func TestWhatAFloodIsMadeOfDecidesWhatIsCounted(t *testing.T) {
	unknownTag := func(r *access.Roster) { // the vector's tag is nobody's
		visitors(r)
		r.Assignments = r.Assignments[:len(r.Assignments)-1]
	}
	for _, tt := range []struct {
		name  string
		house func(*access.Roster)
		read  func(*testing.T) hw.Read
		want  int // of 30 taps
	}{
		{"a pass that has ended", visitors, func(t *testing.T) hw.Read {
			return deskPass(t, func(c *pass.Claims) { c.From, c.Until = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour) })
		}, floodFirst},
		{"a pass that was used", visitors, passNow, 1 + floodFirst},
		{"the same message of a tag", unknownTag, func(*testing.T) hw.Read { return hw.Read{Kind: access.QR, Value: sunURL} }, 1 + floodFirst},
		{"digits too short", visitors, func(*testing.T) hw.Read { return digits("1") }, floodFirst},
		{"a member outside her hours", func(r *access.Roster) { r.Grants[0].Until = time.Now() }, func(*testing.T) hw.Read { return cardRead("04a2b3c4d5e680") }, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, tt.house)
				for range 30 {
					read := tt.read(t)
					read.At = time.Now()
					a := s.receive(t.Context(), s.heard(read), "")
					if last := s.journal.all[len(s.journal.all)-1]; a.event != "" && a.event != last.ID && last.Kind == access.DecisionEvent {
						t.Errorf("the member is told of %s, which is not in the journal", a.event)
					}
				}
				time.Sleep(time.Second)
				if got := strings.Count(s.seen.String(), "record decision"); got != tt.want {
					t.Errorf("%d lines, want %d", got, tt.want)
				}
			})
		})
	}
}

// The counter of a tag is on disk also when its tap is one of a flood: else a
// restart would take the message again.
func TestACounterInAFloodIsWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil) // the vector's tag is nobody's
		for range 2 * floodFirst {
			s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), "")
		}
		s.receive(t.Context(), s.heard(hw.Read{Kind: access.QR, Value: sunURL, At: time.Now()}), "")
		time.Sleep(time.Second)
		if len(s.journal.claims) != 1 || s.journal.claims[0].Counter != 61 {
			t.Errorf("got %+v, want the counter 61", s.journal.claims)
		}
	})
}

// A refusal that is only counted is in no journal: the member is given no code
// that the desk could not find.
func TestACodeIsShownOnlyOfWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		codes := 0
		for range 3 * floodFirst {
			if a := s.receive(t.Context(), s.heard(cardRead("04ffffffffffff")), ""); access.ShortCode(a.event) != "" {
				codes++
			}
		}
		time.Sleep(time.Second)
		if codes != floodFirst {
			t.Errorf("%d codes, want %d", codes, floodFirst)
		}
	})
}

// A reader that never stops reading, as one that broke or that somebody feeds,
// costs the member at the other side of the door nothing.
func TestAReaderThatFloodsTakesNoPlaceOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		out := &tile{name: "out", reader: fakeTile{s.seen}, pad: pinPad{keypad: "front/out", limits: s.tiles[0].pad.limits}}
		s.tiles = append(s.tiles, out)
		s.reads = make(chan heard, pendingReads*len(s.tiles))
		for range 100 {
			s.hand(s.heard(cardRead("04ffffffffffff")))
		}
		s.hand(heard{cardRead("04a2b3c4d5e680"), out})
		ctx, cancel := contextOf(t)
		ended := make(chan struct{})
		go func() { _ = s.run(ctx); close(ended) }()
		time.Sleep(500 * time.Millisecond)
		for range 2 * pendingReads { // and all is taken that waits
			s.hand(s.heard(cardRead("04a2b3c4d5e680")))
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		<-ended
		time.Sleep(time.Second)
		if got := strings.Count(s.seen.String(), "decision granted"); got != 1+2*pendingReads {
			t.Errorf("%d were let in, want %d:\n%s", got, 1+2*pendingReads, s.seen)
		}
	})
}
