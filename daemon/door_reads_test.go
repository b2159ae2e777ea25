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
