package hw_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/pkoc"
)

// Codes of commands, as UM0701-02 has them.
const (
	codeDiagnose = 0x00
	codeExchange = 0x40
	codeList     = 0x4A
	codeRelease  = 0x52
)

// What breaks is tried all at once: it waits far more than it works.
func TestPN532HealsAndReadsNothingWrong(t *testing.T) {
	t.Parallel()
	atOnce(t, map[string]func(*testing.T){
		"ReadsThroughEveryFault":                    pn532ReadsThroughEveryFault,
		"ReadsNothingWrongWhileAllBreaks":           pn532ReadsNothingWrongWhileAllBreaks,
		"ReportsACardThatWasPulledAway":             pn532ReportsACardThatWasPulledAway,
		"ThatHangsIsReportedUntilItsPowerIsCycled":  pn532ThatHangsIsReportedUntilItsPowerIsCycled,
		"ThatLostItsPowerForAMomentIsSetUpAgain":    pn532ThatLostItsPowerForAMomentIsSetUpAgain,
		"IsTestedWhileNobodyComes":                  pn532IsTestedWhileNobodyComes,
		"TakesNoLateAnswerForThatToTheNextQuestion": pn532TakesNoLateAnswerForThatToTheNextQuestion,
		"HealsWhenItsPlugIsPulled":                  pn532HealsWhenItsPlugIsPulled,
		"IsNotStoppedByNoise":                       pn532IsNotStoppedByNoise,
		"ReadThatIsCancelledReturnsAndLosesNoCard":  pn532ReadThatIsCancelledReturnsAndLosesNoCard,
		"CloseEndsReadAndMayBeCalledTwice":          pn532CloseEndsReadAndMayBeCalledTwice,
		"SaysNoMoreThanItMust":                      pn532SaysNoMoreThanItMust,
	})
}

// atOnce runs subtests side by side.
func atOnce(t *testing.T, tests map[string]func(*testing.T)) {
	var all sync.WaitGroup
	defer all.Wait()
	for name, test := range tests {
		all.Go(func() { t.Run(name, test) })
	}
}

var everyFault = map[string]hwtest.PN532Fault{
	"no ACK": hwtest.PN532NoACK, "no answer": hwtest.PN532NoAnswer, "error frame": hwtest.PN532ErrorFrame, "garbage": hwtest.PN532Garbage,
	"wrong check": hwtest.PN532WrongChecksum, "truncated": hwtest.PN532Truncated, "doubled": hwtest.PN532Doubled,
}

func pn532ReadsThroughEveryFault(t *testing.T) {
	long := strings.Repeat("0123456789", 20)
	all := map[string]func(*testing.T){}
	for name, fault := range everyFault {
		for where, code := range map[string]byte{"looking": codeList, "reading": codeExchange, "releasing": codeRelease} {
			all[name+" while "+where] = func(t *testing.T) {
				b := openPN532(t, "").reading()
				b.await("up", func() bool { return b.reader.Stats().Up })
				tag := hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", long))
				b.chip.Fail(fault, 2, code)
				b.chip.Put(tag)
				b.await("a good read", func() bool { return len(b.good()) > 0 })
				b.looks(4)
				if got := b.good(); len(got) != 1 || string(got[0].Value) != long {
					t.Errorf("got %d good reads, or another value", len(got))
				}
				if s := b.reader.Stats(); !s.Up || s.Reopens != 0 {
					t.Errorf("stats: got %+v", s)
				}
			}
		}
	}
	atOnce(t, all)
}

// good are the reads that are no faults.
func (b *nfcBench) good() (good []hw.Read) {
	for _, r := range b.all() {
		if r.Fault == access.Granted {
			good = append(good, r)
		}
	}
	return good
}

// Whatever breaks whenever: what is read is right, or nothing is.
func pn532ReadsNothingWrongWhileAllBreaks(t *testing.T) {
	b := openPN532(t, `hold_off = "100ms"`).reading()
	dice := rand.New(rand.NewPCG(3, 5))
	key := hwtest.NewPKOCCard("04A1B2C3D4E5F6", nil)
	text := strings.Repeat("0123456789", 30)
	tags := []hwtest.Tag{key, hwtest.NewType4("04AAAAAAAAAAAA", hwtest.NDEFText("en", text)), hwtest.NewMifareClassic("922E5832")}
	faults := []hwtest.PN532Fault{
		hwtest.PN532NoACK, hwtest.PN532NoAnswer, hwtest.PN532ErrorFrame, hwtest.PN532Garbage,
		hwtest.PN532WrongChecksum, hwtest.PN532Truncated, hwtest.PN532Doubled,
	}
	b.await("up", func() bool { return b.reader.Stats().Up })
	for n := range 15 {
		for range dice.IntN(3) {
			b.chip.Fail(faults[dice.IntN(len(faults))], 1+dice.IntN(2))
		}
		tag := tags[n%len(tags)]
		before := len(b.good())
		b.chip.Put(tag)
		b.await("a good read", func() bool { return len(b.good()) > before })
		b.chip.Take(tag)
		b.looks(3)
	}
	want := map[access.Kind]string{access.QR: text, access.Card: "922e5832"}
	for i, r := range b.good() {
		switch r.Kind {
		case access.PKOC:
			if err := pkoc.VerifyProof(string(r.Value), r.Proof); err != nil {
				t.Errorf("read %d: %v", i, err)
			}
		default:
			if string(r.Value) != want[r.Kind] {
				t.Errorf("read %d: a %s that nobody showed", i, r.Kind)
			}
		}
	}
}

func pn532ReportsACardThatWasPulledAway(t *testing.T) {
	all := map[string]func(*testing.T){}
	for _, exchanges := range []int{0, 1, 3, 5} {
		all[fmt.Sprintf("after %d exchanges", exchanges)] = func(t *testing.T) {
			b := openPN532(t, "").reading()
			tag := hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", "HELLO"))
			b.chip.PutFor(tag, exchanges)
			if diff := cmp.Diff(unreadable, show(b.next(1))); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if b.drops("card_lost") != 1 {
				t.Errorf("drops: got %v, want one card_lost", b.reader.Stats().Drops)
			}
			b.chip.Put(tag) // held properly
			if got := show(b.next(2)); got.Value != "HELLO" {
				t.Errorf("held properly: got %+v", got)
			}
		}
	}
	atOnce(t, all)
}

func pn532ThatHangsIsReportedUntilItsPowerIsCycled(t *testing.T) {
	b := openPN532(t, "").reading()
	b.await("up", func() bool { return b.reader.Stats().Up })
	b.chip.Fail(hwtest.PN532Hung, 1)
	b.await("down", func() bool { s := b.reader.Stats(); return !s.Up && strings.Contains(s.Err, "no acknowledgement") })
	b.await("tried again and again", func() bool { return b.reader.Stats().Steps["reopen"] >= 3 })
	if s := b.reader.Stats(); s.Steps["retry"] < 2 || s.Steps["wake"] < 2 || s.Reopens < 2 || s.Drops["no_ack"] < 9 || s.Up {
		t.Errorf("stats: got %+v", s)
	}
	b.chip.PowerCycle()
	b.await("up again", func() bool { s := b.reader.Stats(); return s.Up && s.Err == "" })
	b.chip.Put(hwtest.NewMifareClassic("922E5832"))
	if got := show(b.next(1)); got.Value != "922e5832" {
		t.Errorf("got %+v, want the card", got)
	}
}

func pn532ThatLostItsPowerForAMomentIsSetUpAgain(t *testing.T) {
	b := openPN532(t, "").reading()
	b.await("up", func() bool { return b.reader.Stats().Up })
	b.chip.PowerCycle() // it sleeps, drives no field, and would look for ever
	b.chip.Put(hwtest.NewMifareClassic("922E5832"))
	if got := show(b.next(1)); got.Value != "922e5832" {
		t.Errorf("got %+v, want the card", got)
	}
	if s := b.reader.Stats(); s.Steps["wake"] == 0 || s.Reopens != 0 {
		t.Errorf("stats: got %+v, want it woken and the port left alone", s)
	}
}

// A chip that goes on looking for cards and does nothing else right is found out
// by the test that is made while nobody comes.
func pn532IsTestedWhileNobodyComes(t *testing.T) {
	b := openPN532(t, "").reading()
	b.await("up", func() bool { return b.reader.Stats().Up })
	b.chip.Fail(hwtest.PN532NoACK, -1, codeDiagnose)
	b.await("down", func() bool { return !b.reader.Stats().Up })
	b.chip.Mend()
	b.await("up again", func() bool { return b.reader.Stats().Up })
}

// A card that asks for more time than it gets answers in the end, when the next
// question was asked long ago.
func pn532TakesNoLateAnswerForThatToTheNextQuestion(t *testing.T) {
	b := openPN532(t, "").reading()
	b.await("up", func() bool { return b.reader.Stats().Up })
	tag := hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", "HELLO"))
	b.chip.Pause(2500 * time.Millisecond)
	b.chip.Put(tag)
	b.await("given up", func() bool { return b.drops("no_answer") > 0 })
	b.chip.Mend()
	b.await("a read", func() bool { return len(b.good()) > 0 })
	if got := show(b.good()[0]); got.Value != "HELLO" {
		t.Errorf("got %+v, want the text", got)
	}
}

func pn532HealsWhenItsPlugIsPulled(t *testing.T) {
	b := openPN532(t, "").reading()
	b.await("up", func() bool { return b.reader.Stats().Up })
	if err := b.pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	b.await("down", func() bool { s := b.reader.Stats(); return !s.Up && s.Err != "" })
	if err := b.pty.Replug(); err != nil {
		t.Fatal(err)
	}
	b.await("up again", func() bool { s := b.reader.Stats(); return s.Up && s.Err == "" && s.Reopens > 0 })
	b.chip.Put(hwtest.NewMifareClassic("922E5832"))
	b.next(1)
}

func pn532IsNotStoppedByNoise(t *testing.T) {
	b := openPN532(t, "").reading()
	b.await("up", func() bool { return b.reader.Stats().Up })
	dice, raw := rand.New(rand.NewPCG(1, 2)), make([]byte, 64)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // at the rate of the line
		for i := range raw {
			raw[i] = byte(dice.UintN(256))
		}
		if _, err := b.pty.Master.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.good(); len(got) != 0 {
		t.Errorf("got %d reads of noise", len(got))
	}
	if b.drops("noise") == 0 {
		t.Error("noise was not counted")
	}
	b.chip.Put(hwtest.NewMifareClassic("922E5832"))
	b.await("the card", func() bool { return len(b.good()) == 1 })
}

func pn532ReadThatIsCancelledReturnsAndLosesNoCard(t *testing.T) {
	b := openPN532(t, "")
	tag := hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", "HELLO"))
	for n := 0; b.chip.Exchanges() == 0; n++ { // cancelled in all places, at last in the middle of a card
		if n == 40 {
			b.chip.Pause(100 * time.Millisecond)
			b.chip.Put(tag)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+n%30)*time.Millisecond)
		_, err := b.reader.Read(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want DeadlineExceeded", err)
		}
		if n > 2000 {
			t.Fatal("the card was never spoken to")
		}
	}
	b.reading()
	if got := show(b.next(1)); got.Value != "HELLO" {
		t.Errorf("got %+v, want the text", got)
	}
}

func pn532CloseEndsReadAndMayBeCalledTwice(t *testing.T) {
	b := openPN532(t, "")
	done := make(chan error, 1)
	go func() { _, err := b.reader.Read(t.Context()); done <- err }()
	b.await("up", func() bool { return b.reader.Stats().Up })
	for range 2 {
		if err := b.reader.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("a Read of a closed reader: got no error")
		}
	case <-time.After(patience):
		t.Fatal("Close did not end Read")
	}
}

// How much is said for a tap: what the wire and the adapter cost depends on it.
func pn532SaysNoMoreThanItMust(t *testing.T) {
	for _, tt := range []struct {
		name      string
		tag       hwtest.Tag
		exchanges int
	}{
		{"UID", hwtest.NewMifareClassic("922E5832"), 0},
		{"NTAG with a short text", hwtest.NewNTAG(215, "04C63A63110189", hwtest.NDEFText("en", "HELLO")), 2},
		{"PKOC", hwtest.NewPKOCCard("04A1B2C3D4E5F6", nil), 2},
		{"Type 4 with a signed pass", hwtest.NewNTAG424("04DE5F1EACC040", "https://a.example/t?e={picc}&c={cmac}", make([]byte, 16), make([]byte, 16)), 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := openPN532(t, "").reading()
			b.await("up", func() bool { return b.reader.Stats().Up })
			in, out := b.reader.Stats().BytesIn, b.reader.Stats().BytesOut
			begun := time.Now()
			b.chip.Put(tt.tag)
			took := b.next(1).At.Sub(begun)
			if got := b.chip.Exchanges(); got != tt.exchanges {
				t.Errorf("got %d exchanges with the card, want %d", got, tt.exchanges)
			}
			s := b.reader.Stats()
			t.Logf("%d bytes in, %d out, %d exchanges, %s with up to %s of waiting for the next look",
				s.BytesIn-in, s.BytesOut-out, tt.exchanges, took.Round(time.Millisecond), 100*time.Millisecond)
		})
	}
}
