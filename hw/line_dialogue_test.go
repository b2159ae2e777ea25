package hw

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestAwaitedAnswerIsCutOutOfTheStream(t *testing.T) {
	for _, tt := range []struct {
		name string
		want string
		in   []string
		rest string
		met  bool
	}{
		{"alone", "OK\r", []string{"OK\r"}, "", true},
		{"in pieces", "OK\r", []string{"O", "K", "\r"}, "", true},
		{"before a code", "OK\r", []string{"OK\rHELLO\r"}, "HELLO\r", true},
		{"after a code", "OK\r", []string{"HELLO\rOK\r"}, "HELLO\r", true},
		{"begins twice", "AAB", []string{"AA", "AAB"}, "AA", true},
		{"begins inside itself", "ABAC", []string{"ABABAC"}, "AB", true},
		{"never comes", "OK\r", []string{"HELL", "O"}, "HELL", false},
		{"nothing is awaited", "", []string{"HELLO"}, "HELLO", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a awaited
			if tt.want != "" {
				a.begin([]byte(tt.want), time.Time{})
			}
			var rest []byte
			met := false
			for _, in := range tt.in {
				pass, now := a.filter([]byte(in))
				rest, met = append(rest, pass...), met || now
			}
			if string(rest) != tt.rest || met != tt.met {
				t.Errorf("got %q, %t, want %q, %t", rest, met, tt.rest, tt.met)
			}
		})
	}
}

func TestAwaitedAnswerLosesNoByteOfTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letter := rapid.SampledFrom([]byte("AB"))
		want := rapid.SliceOfN(letter, 1, 5).Draw(t, "want")
		stream := rapid.SliceOfN(letter, 0, 30).Draw(t, "stream")
		a := awaited{want: want}
		var rest []byte
		met := false
		for _, c := range stream {
			pass, now := a.filter([]byte{c})
			rest, met = append(rest, pass...), met || now
		}
		wantRest, wantMet := stream, false
		if before, after, comes := bytes.Cut(stream, want); comes {
			wantMet = true
			wantRest = slices.Concat(before, after)
		} else {
			rest = append(rest, a.giveUp()...)
		}
		if met != wantMet || !bytes.Equal(rest, wantRest) {
			t.Fatalf("%q in %q: got %q, %t, want %q, %t", want, stream, rest, met, wantRest, wantMet)
		}
	})
}

// script runs a dialogue for so many seconds against a reader that answers what
// answers says, and writes down when what was sent.
func script(o dialogueOptions, seconds int, answers map[string]string) (sent []string, d *dialogue) {
	d = &dialogue{dialogueOptions: o}
	start := time.Unix(100, 0)
	d.open(start)
	for at := start; at.Before(start.Add(time.Duration(seconds) * time.Second)); at = at.Add(100 * time.Millisecond) {
		for range 5 {
			send, _ := d.next(at)
			if len(send) == 0 {
				break
			}
			sent = append(sent, at.Sub(start).String()+" "+string(send))
			if answer := answers[string(send)]; answer != "" {
				d.heard(at, []byte(answer))
			}
		}
	}
	return sent, d
}

func TestDialogueSetsTheReaderUpAndAsksWhetherItLives(t *testing.T) {
	o := dialogueOptions{
		Init: []step{{Send: octets("A"), Expect: octets("a")}, {Send: octets("B")}},
		Ping: &step{Send: octets("P"), Expect: octets("p"), Every: span(2 * time.Second)},
	}
	sent, d := script(o, 5, map[string]string{"A": "a", "P": "p"})
	want := []string{"0s A", "0s B", "0s P", "2s P", "4s P"}
	if diff := cmp.Diff(sent, want); diff != "" || d.failed != "" {
		t.Errorf("failed %q; got, want differ:\n%s", d.failed, diff)
	}

	sent, d = script(o, 20, nil)
	want = []string{"0s A", "16s A"} // the answer has 1 s, the next try 15 s
	if diff := cmp.Diff(sent, want); diff != "" || !strings.Contains(d.failed, "set-up") {
		t.Errorf("no answer to the set-up: failed %q; got, want differ:\n%s", d.failed, diff)
	}

	sent, d = script(o, 5, map[string]string{"A": "a"})
	want = []string{"0s A", "0s B", "0s P", "2s P", "4s P"}
	if diff := cmp.Diff(sent, want); diff != "" || !strings.Contains(d.failed, "does not answer") {
		t.Errorf("no answer to the ping: failed %q; got, want differ:\n%s", d.failed, diff)
	}
	d.heard(time.Unix(104, 9e8), []byte("p"))
	if d.failed != "" {
		t.Errorf("after an answer: failed %q", d.failed)
	}
}

// An answer that came leaves nothing to wait for: a reader whose next thing to do
// lies in the past does nothing else, not even read.
func TestNothingIsDueAfterAnAnswer(t *testing.T) {
	d := &dialogue{dialogueOptions: dialogueOptions{Init: []step{{Send: octets("A"), Expect: octets("a")}}}}
	at := time.Unix(100, 0)
	d.open(at)
	if send, _ := d.next(at); string(send) != "A" || !d.due().Equal(at.Add(stepTimeout)) {
		t.Fatalf("sent %q, due %s", send, d.due())
	}
	d.heard(at, []byte("a"))
	if due := d.due(); !due.IsZero() {
		t.Errorf("due at %s, want never", due)
	}
}

func TestDialoguePolls(t *testing.T) {
	sent, _ := script(dialogueOptions{Poll: &step{Every: span(400 * time.Millisecond), Send: octets("?")}}, 1, nil)
	if diff := cmp.Diff(sent, []string{"0s ?", "400ms ?", "800ms ?"}); diff != "" {
		t.Errorf("got, want differ:\n%s", diff)
	}
}

// taker is a line reader without a line.
func taker() *lineReader {
	return &lineReader{
		log: hclog.NewNullLogger(), decoder: &lineDecoder{},
		hold: holdOff{wait: 2 * time.Second}, rate: rate.NewLimiter(defaultRate, defaultRate), faults: rate.NewLimiter(1, 1),
	}
}

func shown(at time.Time, value string) decoded {
	return decoded{at: at, kind: access.Card, value: Value(value), ok: true}
}

func values(r *lineReader) (all []string) {
	for _, read := range r.ready {
		if read.Fault != access.Granted {
			all = append(all, read.Fault.String())
		} else {
			all = append(all, string(read.Value))
		}
	}
	return all
}

func TestCredentialInTheFieldCountsOnceUntilItWasAway(t *testing.T) { // X6
	r, at := taker(), time.Unix(1, 0)
	show := func(value string, after time.Duration) {
		at = at.Add(after)
		r.take(t.Context(), nil, []decoded{shown(at, value)})
	}
	for range 100 {
		show("a", 50*time.Millisecond) // five seconds in the field
	}
	show("a", 1900*time.Millisecond) // still counts as staying
	show("b", 10*time.Millisecond)
	show("a", 10*time.Millisecond)
	show("b", 10*time.Millisecond)
	show("a", 2100*time.Millisecond) // was away
	if diff := cmp.Diff(values(r), []string{"a", "b", "a"}); diff != "" {
		t.Errorf("got, want differ:\n%s", diff)
	}
}

func TestSameValueOfAnotherKindIsAnotherCredential(t *testing.T) {
	r, at := taker(), time.Unix(1, 0)
	code := shown(at, "1234")
	code.kind = access.QR
	r.take(t.Context(), nil, []decoded{shown(at, "1234"), code})
	if got := len(r.ready); got != 2 {
		t.Errorf("got %d reads, want 2", got)
	}
}

func TestMoreCredentialsThanAHandCanHoldAreDropped(t *testing.T) {
	r, at := taker(), time.Unix(1, 0)
	for i := range 1000 { // ten seconds of a machine that guesses
		at = at.Add(10 * time.Millisecond)
		r.take(t.Context(), nil, []decoded{shown(at, string(rune('a'+i)))})
	}
	if got := len(r.ready); got < 40 || got > 60 {
		t.Errorf("got %d reads in 10 s, want about 5 a second", got)
	}
	if got := r.decoder.drops.byWord()["rate"]; got+uint64(len(r.ready)) != 1000 {
		t.Errorf("got %d dropped and %d read of 1000", got, len(r.ready))
	}
}

func TestGarbageAtLineRateIsToldOnceASecond(t *testing.T) { // X5
	r, at := taker(), time.Unix(1, 0)
	for range 1000 {
		at = at.Add(10 * time.Millisecond)
		r.take(t.Context(), nil, []decoded{{at: at}})
	}
	if got := len(r.ready); got < 9 || got > 11 {
		t.Errorf("got %d faults in 10 s, want 10", got)
	}
	if got := r.ready[0]; got.Fault != access.Unreadable || got.Value != "" {
		t.Errorf("got %+v, want the fault unreadable and no value", got)
	}
}

func TestReadHandsOutWhatIsReadyBeforeItWaits(t *testing.T) {
	r := taker()
	r.ready = []Read{{Kind: access.Card, Value: "a"}, {Kind: access.Card, Value: "b"}}
	for _, want := range []Value{"a", "b"} {
		got, err := r.Read(context.Background())
		if err != nil || got.Value != want {
			t.Errorf("got another value or %v", err)
		}
	}
}
