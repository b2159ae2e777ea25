package daemon

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// pinBench is a tile with a keypad at a door of a small site, without the door.
type pinBench struct {
	*testing.T
	key   access.DigestKey
	site  *access.Snapshot
	pad   *pinPad
	door  string
	start time.Time
	said  []string
	waits pinWait
}

// openPad makes a bench. Anna and Berta have cards and share a short PIN; Berta
// has a long one as well; Carlo has a card that opens nothing, and no PIN.
func openPad(t *testing.T, door string) *pinBench {
	t.Helper()
	key, err := access.NewDigestKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	r := access.Roster{
		Doors:    []access.Door{{ID: "lab"}, {ID: "yard"}, {ID: "vault"}},
		Policies: []access.Policy{{Door: "lab", AskPIN: true}, {Door: "vault", HighSecurity: true}},
		Holders:  []access.Holder{{ID: "anna"}, {ID: "berta"}, {ID: "carlo"}},
		Grants: []access.Grant{
			{ID: "a", Assignee: "anna", Scope: access.ScopeOrganisation, Source: "file"},
			{ID: "b", Assignee: "berta", Scope: access.ScopeOrganisation, Source: "file"},
		},
	}
	for i, row := range []struct {
		kind          access.Kind
		value, holder string
	}{
		{access.Card, "anna", "anna"},
		{access.Card, "berta", "berta"},
		{access.Card, "carlo", "carlo"},
		{access.PIN, "0417", "anna"},
		{access.PIN, "0417", "berta"},
		{access.PIN, "481516", "berta"},
	} {
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: fmt.Sprint(i), Kind: row.kind, Digest: key.Digest(row.kind, []byte(row.value)), Assurance: access.LowAssured, Holder: row.holder, Active: true,
		})
	}
	site, err := access.Build(r, []access.Contact{{Source: "file", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &pinBench{
		T: t, key: key, site: site, door: door, start: time.Now(),
		pad: &pinPad{keypad: door + "/in", limits: openLimits(t, newMemoryKeeper(), 0)},
	}
}

func (b *pinBench) now() time.Duration { return time.Since(b.start) }

// decide does what a door does with what can be decided.
func (b *pinBench) decide(cases []pinCase) {
	for _, c := range cases {
		d := b.site.Decide(c.tap, access.Facts{Clock: access.ClockSynced, PIN: c.pin})
		news := b.pad.decided(c, b.site, d.Granted(), b.now())
		said := d.Reason.String()
		if news.disabled {
			said += ", keypad off"
		}
		if news.enabled {
			said += ", keypad on"
		}
		b.said = append(b.said, said)
	}
}

func (b *pinBench) offer(kind access.Kind, value string) {
	tap := access.Tap{Door: b.door, Reader: "in", At: time.Now(), Credential: b.key.Credential(kind, []byte(value))}
	var cases []pinCase
	cases, b.waits = b.pad.offer(b.site, offered{tap: tap, digits: len(value)}, b.now())
	b.decide(cases)
	if b.waits == waitPIN {
		b.said = append(b.said, "PIN?")
	}
}

func (b *pinBench) card(value string) { b.offer(access.Card, value) }
func (b *pinBench) typed(pin string)  { b.offer(access.PIN, pin) }

// pass lets time pass, second by second, as the loop of a door does.
func (b *pinBench) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(time.Second, time.Until(end)))
		b.decide(b.pad.lapse(b.now()))
	}
}

func (b *pinBench) want(want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.said); diff != "" {
		b.Errorf("said (-want +got):\n%s", diff)
	}
	b.said = nil
}

func TestCardAndPINAtADoorThatAsksForBoth(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b *pinBench)
		want []string
	}{
		{"card, then PIN", func(b *pinBench) { b.card("anna"); b.pass(14 * time.Second); b.typed("0417") }, []string{"PIN?", "granted"}},
		{"PIN, then card", func(b *pinBench) { b.typed("0417"); b.pass(14 * time.Second); b.card("anna") }, []string{"granted"}},
		{"a PIN that is somebody else's", func(b *pinBench) { b.card("anna"); b.typed("481516") }, []string{"PIN?", "pin_wrong"}},
		{"no PIN", func(b *pinBench) { b.card("anna"); b.pass(20 * time.Second) }, []string{"PIN?", "pin_wrong"}},
		{"a PIN too late", func(b *pinBench) { b.card("anna"); b.pass(16 * time.Second); b.typed("0417"); b.pass(time.Minute) }, []string{"PIN?", "pin_wrong"}},
		{"a PIN too early", func(b *pinBench) { b.typed("0417"); b.pass(16 * time.Second); b.card("anna") }, []string{"PIN?"}},
		{"a PIN counts once", func(b *pinBench) { b.typed("0417"); b.card("anna"); b.card("berta") }, []string{"granted", "PIN?"}},
		{"the last digits count", func(b *pinBench) { b.typed("9999"); b.typed("0417"); b.card("anna") }, []string{"granted"}},
		{"the card again", func(b *pinBench) {
			b.card("anna")
			b.pass(10 * time.Second)
			b.card("anna")
			b.pass(10 * time.Second)
			b.typed("0417")
		}, []string{"PIN?", "PIN?", "granted"}},
		{"another card", func(b *pinBench) { b.card("anna"); b.card("berta"); b.typed("481516") }, []string{"PIN?", "pin_wrong", "PIN?", "granted"}},
		{"digits alone", func(b *pinBench) { b.typed("481516"); b.pass(time.Minute) }, nil},
		{"a card of nobody", func(b *pinBench) { b.card("dan"); b.typed("0417") }, []string{"unknown"}},
		{"a card that opens nothing", func(b *pinBench) { b.card("carlo"); b.typed("0417") }, []string{"PIN?", "pin_wrong"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := openPad(t, "lab")
				tt.do(b)
				b.want(tt.want...)
			})
		})
	}
}

func TestUnreadableTapDoesNotDisturbACardThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openPad(t, "lab")
		b.card("anna")
		cases, wait := b.pad.offer(b.site, offered{tap: access.Tap{Door: "lab", At: time.Now(), Fault: access.Unreadable}}, b.now())
		b.decide(cases)
		if wait != waitPIN {
			t.Errorf("waits for: got %d, want a PIN", wait)
		}
		b.typed("0417")
		b.want("PIN?", "unreadable", "granted")
	})
}

func TestPINAloneAtAnyOtherDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openPad(t, "yard")
		b.typed("481516")
		b.typed("0417") // Anna's and Berta's, and too short to be anybody's
		b.typed("654321")
		b.card("anna")
		b.want("granted", "pin_wrong", "unknown", "granted")
		b.door, b.pad.keypad = "vault", "vault/in"
		b.typed("481516") // three PINs in use: six digits will do
		b.want("granted")
	})
}

// What was too short, or typed while nothing is compared, is in no event.
func TestDigitsThatAreNotComparedAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openPad(t, "yard")
		for range pinTries {
			b.typed("000000")
		}
		for _, digits := range []string{"481516", "0417"} {
			tap := access.Tap{Door: "yard", At: time.Now(), Credential: b.key.Credential(access.PIN, []byte(digits))}
			cases, _ := b.pad.offer(b.site, offered{tap: tap, digits: len(digits)}, b.now())
			if len(cases) != 1 || cases[0].tap.Fault != access.PINLocked || cases[0].tap.Credential.Digest != (access.Digest{}) {
				t.Errorf("%d digits at a keypad that is shut: got %+v", len(digits), cases)
			}
		}
	})
}

func TestKeypadShutsAndCardsDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openPad(t, "yard")
		for range pinTries {
			b.typed("000000")
		}
		b.said = nil
		b.typed("481516")
		b.card("anna")
		b.pass(time.Minute)
		b.typed("481516")
		b.want("pin_locked", "granted", "granted")
	})
}

func TestKeypadIsSwitchedOffUntilACardOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openPad(t, "yard")
		for n := 0; !b.pad.limits.off("yard/in"); n++ {
			b.said = nil
			b.typed("000000")
			for b.said[0] == "pin_locked" {
				b.pass(time.Minute)
				b.said = nil
				b.typed("000000")
			}
			if n > pinMostAnHour {
				t.Fatalf("still on after %d wrong PINs", n)
			}
		}
		b.want("unknown, keypad off")
		b.pass(48 * time.Hour)
		b.typed("481516")
		b.card("carlo") // known, and opens nothing
		b.typed("481516")
		b.card("anna")
		b.typed("481516")
		b.want("pin_locked", "no_grant", "pin_locked", "granted, keypad on", "granted")
	})
}

// Whoever types nonsense must not lock out those with cards: at a door that asks
// for both, wrong PINs cost the card that they are beside, and nobody else.
func TestWrongPINsBesideACardCostThatCardAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openPad(t, "lab")
		for range 100 {
			b.typed("000000") // with no card: nothing is compared
		}
		for range pinCardTries {
			b.card("anna")
			b.typed("000000")
		}
		b.said = nil
		b.card("anna")
		b.typed("0417")
		b.pass(16 * time.Second)
		b.card("berta")
		b.typed("0417")
		b.pass(15 * time.Minute)
		b.card("anna")
		b.typed("0417")
		b.want("pin_locked", "PIN?", "granted", "PIN?", "granted")
	})
}

// The bound is computed; here it is tried on the way that digits really take. A
// site with 1,000 PINs of six digits, at a door that is not of high security:
// guesses that take every chance open it within a day about as often as 500
// draws at 1 in 1,000 would, and not more.
func TestGuessingAtADoorIsAsGoodAsTheBoundAndNoBetter(t *testing.T) {
	const days, pins = 150, 1000
	key, err := access.NewDigestKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	r := access.Roster{Doors: []access.Door{{ID: "yard"}}}
	for _, code := range random.Perm(1_000_000)[:pins] {
		id := fmt.Sprint(code)
		r.Holders = append(r.Holders, access.Holder{ID: id})
		r.Assignments = append(r.Assignments, access.Assignment{ID: id, Kind: access.PIN, Digest: key.Digest(access.PIN, fmt.Appendf(nil, "%06d", code)), Holder: id, Active: true})
		r.Grants = append(r.Grants, access.Grant{ID: id, Assignee: id, Scope: access.ScopeOrganisation, Source: "file"})
	}
	site, err := access.Build(r, []access.Contact{{Source: "file", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	hits, tries := 0, 0
	for range days {
		limits := openLimits(t, newMemoryKeeper(), 0)
		pad := &pinPad{keypad: "yard/in", limits: limits}
		for now := time.Duration(0); now < 24*time.Hour; {
			tap := access.Tap{Door: "yard", Credential: key.Credential(access.PIN, fmt.Appendf(nil, "%06d", random.IntN(1_000_000)))}
			cases, _ := pad.offer(site, offered{tap: tap, digits: 6}, now)
			d := site.Decide(cases[0].tap, access.Facts{})
			pad.decided(cases[0], site, d.Granted(), now)
			if d.Granted() {
				hits++
				break
			}
			tries++
			limits.enable("yard/in", now) // members come and go
			now = max(now, limits.keypads["yard/in"].shut)
		}
	}
	got, bound := float64(hits)/days, chance(mostADay, 1_000_000/pins)
	t.Logf("%d of %d days with a hit (%.0f %%), bound %.0f %%; %d guesses", hits, days, 100*got, 100*bound, tries)
	if spread := 0.12; got > bound+spread || got < bound-spread { // three times the deviation of 150 draws
		t.Errorf("%.2f of the days had a hit, want about %.2f", got, bound)
	}
}

func TestFloodIsWrittenInTensAndCountedWhole(t *testing.T) {
	var f flood
	written, told := 0, 0
	const taps = 1000
	for i := range taps {
		itself, more := f.write(time.Duration(i) * 100 * time.Millisecond) // ten a second
		told += more
		if itself {
			written++
		}
	}
	if told += f.turn(time.Hour); written+told != taps {
		t.Errorf("written %d, told %d: want %d in all", written, told, taps)
	}
	if want := 2 * floodFirst; written != want { // 100 s are two windows
		t.Errorf("written: got %d, want %d", written, want)
	}
	if itself, more := f.write(2 * time.Hour); !itself || more != 0 {
		t.Errorf("after it was over: got %t and %d more, want a line of its own", itself, more)
	}
}

func TestOnlyRefusalsOfNobodyAreCoalesced(t *testing.T) {
	for _, reason := range access.Reasons() {
		if got, want := noise(access.Event{Reason: reason}), reason != access.Granted; got != want {
			t.Errorf("%s of nobody: got %t, want %t", reason, got, want)
		}
		if noise(access.Event{Reason: reason, Holder: "anna"}) {
			t.Errorf("%s of Anna is only counted", reason)
		}
	}
}
