package osdp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPairedReaderComesOnlineAndItsCardIsRead(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(3)
	w.run(time.Second)
	reader.events = [][]byte{card, {0x53, 0, 3, '1', 0x7F, 0x0D}, {0x48, 1, 0}, {0x49, 1, 0}, {0x90, 1, 2, 3, 'T', 'G'}, {0x51, 0, 0, 2, 'A', 'B'}}
	w.run(time.Second)
	w.wantState(peer, Secure)
	w.wantCards(peer, 1)
	got := of[CardRead](w, peer)[0].Card
	if got.Count != 26 || got.Coding != CodingWiegand || !bytes.Equal(got.Bits.Bytes(), card[5:]) {
		t.Errorf("got %d bits, coding %d, % X", got.Count, got.Coding, got.Bits.Bytes())
	}
	if keys := of[KeysPressed](w, peer); len(keys) != 1 || string(keys[0].Keypad.Digits.Bytes()) != "1*#" {
		t.Errorf("got %d presses, want 1*#", len(keys))
	}
	if local := of[LocalSaid](w, peer); len(local) != 2 || local[0].Local.Tampered || !local[1].Local.Tampered {
		t.Errorf("got %+v, want one at the start and one tamper", local)
	}
	if inputs := of[Inputs](w, peer); len(inputs) != 2 || inputs[0].Levels[1] != Active || inputs[1].Levels[0] != Active {
		t.Errorf("got %+v", inputs)
	}
	if outputs := of[Outputs](w, peer); len(outputs) != 1 {
		t.Errorf("got %+v, want the outputs once, at the start", outputs)
	}
	if vendor := of[VendorSaid](w, peer); len(vendor) != 1 || string(vendor[0].Vendor.Data.Bytes()) != "TG" {
		t.Errorf("got %d messages of the maker", len(vendor))
	}
	if chars := of[CharsRead](w, peer); len(chars) != 1 || string(chars[0].Chars.Text.Bytes()) != "AB" {
		t.Errorf("got %d cards as text", len(chars))
	}
	if got, want := peer.Device().Identity(), "ca446c-01-00029203"; got != want {
		t.Errorf("got identity %s, want %s", got, want)
	}
	if n := reader.count(codeACURXSIZE); n != 1 {
		t.Errorf("the size was said %d times, want 1", n)
	}
	for _, e := range of[Refused](w, peer) {
		t.Errorf("refused: %v", e)
	}
}

// Every frame after the handshake is in the channel, and begins with one mark.
func TestNothingIsSaidInClearAfterTheHandshake(t *testing.T) {
	w := newWorld(t, 115200)
	reader, peer := w.secure(0)
	w.run(500 * time.Millisecond)
	w.wantState(peer, Secure)
	w.queue(peer, OUT(Output{0, OutputPulse, 3 * time.Second}))
	w.run(500 * time.Millisecond)
	seen := false
	for i, f := range w.sent {
		if f[0] != 0xFF || f[1] != 0x53 {
			t.Fatalf("frame %d: % X has not exactly one mark", i, f)
		}
		if seen && f[5]&blockBit == 0 {
			t.Fatalf("frame %d: % X is in clear", i, f)
		}
		if f[5]&blockBit != 0 && f[7] == blockChallenge && f[5]&sequenceBits != 0 {
			t.Errorf("frame %d: a handshake begins with number %d, want 0", i, f[5]&sequenceBits)
		}
		seen = seen || f[5]&blockBit != 0 && f[7] == blockProof
	}
	if !seen || reader.count(codeOUT) != 1 {
		t.Errorf("no handshake, or the strike was told %d times", reader.count(codeOUT))
	}
}

func (w *world) queue(p *Peer, c Command) Ticket {
	w.t.Helper()
	ticket, err := p.Queue(w.now, c, w.now.Add(2*time.Second))
	if err != nil {
		w.t.Fatal(err)
	}
	return ticket
}

func (w *world) settled(p *Peer, ticket Ticket) (err error, ok bool) {
	for _, s := range of[Settled](w, p) {
		if s.Ticket == ticket {
			return s.Err, true
		}
	}
	return nil, false
}

func (w *world) wantSettled(p *Peer, ticket Ticket, want error) {
	w.t.Helper()
	if err, ok := w.settled(p, ticket); !ok || !errors.Is(err, want) {
		w.t.Errorf("settled %t: %v, want %v", ok, err, want)
	}
}

// F-33: the same bytes with the same number, and the card once.
func TestLostReplyIsAskedForWithTheSameBytes(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		t.Run(fmt.Sprintf("insecure %t", insecure), func(t *testing.T) {
			w := newWorld(t, 9600)
			reader := newPD(t, 1, testKey)
			if insecure {
				reader.scbk = nil
			}
			peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey)}, Insecure: insecure})
			w.run(time.Second)
			reader.events = [][]byte{card}
			reader.faults = []func([]byte) []byte{lost, lost}
			from := len(reader.heard)
			w.run(time.Second)
			if len(reader.heard) < from+3 || !bytes.Equal(reader.heard[from], reader.heard[from+1]) || !bytes.Equal(reader.heard[from], reader.heard[from+2]) {
				t.Error("the repeats differ")
			}
			w.wantCards(peer, 1)
			if got := w.refused(peer, RefusedTimeout); got != 2 {
				t.Errorf("got %d timeouts, want 2", got)
			}
			if w.refused(peer, RefusedSession) != 0 {
				t.Error("the channel was given up")
			}
		})
	}
}

func lost([]byte) []byte { return nil }

// Readers that keep no reply lose the channel and the card; the channel is back
// within 0.3 s and nobody is told that the reader is gone.
func TestReaderThatKeepsNoReplyIsSecuredAgainAtOnce(t *testing.T) {
	w := newWorld(t, 115200)
	reader, peer := w.secure(1)
	reader.noCache = true
	w.run(time.Second)
	reader.faults = []func([]byte) []byte{lost}
	w.run(300 * time.Millisecond)
	states := of[StateChanged](w, peer)
	w.wantRefused(peer, RefusedSession)
	reader.events = [][]byte{card}
	w.run(200 * time.Millisecond)
	w.wantCards(peer, 1)
	if len(states) != 1 {
		t.Errorf("got %+v, want one change", states)
	}
	if n := reader.count(codeACURXSIZE); n != 1 {
		t.Errorf("the size was said %d times, want once a connect", n)
	}
}

// F-33.
func TestReplyThatIsNotTheAnswerIsPassedOver(t *testing.T) {
	other := func(address, number byte) []byte {
		return pdSeal([]byte{0x53, address | 0x80, 0x10, 0, 4 | number, 0x50, 0, 1, 26, 0, 0xBD, 0x88, 0xEB, 0x80})
	}
	for _, tt := range []struct {
		name   string
		before func(reply []byte) []byte
		want   Refusal
	}{
		{"from another address", func([]byte) []byte { return other(9, 1) }, RefusedAddress},
		{"with another number", func(r []byte) []byte { return other(1, r[4]&3%3+1) }, RefusedSequence},
		{"by a second panel", func([]byte) []byte { return pdSeal([]byte{0x53, 1, 8, 0, 5, 0x60}) }, RefusedSecondPanel},
		{"of SC2", func(r []byte) []byte { return pdSeal([]byte{0x53, 0x81, 11, 0, r[4]&3 | 0x0C, 2, 0x22, 0x40, 1}) }, RefusedBlock},
		{"noise", func([]byte) []byte { return []byte{0x53, 0x53, 0xFF, 0, 0, 0} }, RefusedNoise},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.secure(1)
			w.run(time.Second)
			reader.fault = func(_ byte, reply []byte) []byte { return append(tt.before(reply), reply...) }
			reader.events = [][]byte{card}
			w.run(time.Second)
			w.wantRefused(peer, tt.want)
			w.wantCards(peer, 1)
			if n := w.refused(peer, RefusedTimeout) + w.refused(peer, RefusedSession); n != 0 {
				t.Errorf("the true replies were missed %d times", n)
			}
		})
	}
}

func TestDuplicateOfAReplyIsHandledOnce(t *testing.T) {
	w := newWorld(t, 9600)
	reader := newPD(t, 1, nil)
	peer := w.add(reader, Settings{Insecure: true})
	w.run(time.Second)
	reader.events = [][]byte{card}
	var last []byte
	reader.fault = func(_ byte, reply []byte) []byte {
		both := append(bytes.Clone(last), reply...)
		last = bytes.Clone(reply)
		return both
	}
	w.run(time.Second)
	w.wantCards(peer, 1)
	w.wantRefused(peer, RefusedDuplicate)
}

// F-33: late by 210 ms to 3 s. The card comes once, whichever of the replies
// arrives in time.
func TestLateReplyBringsNoSecondCard(t *testing.T) {
	for _, late := range []time.Duration{210, 240, 300, 460, 700, 1500, 3000} {
		for _, insecure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d ms insecure %t", late, insecure), func(t *testing.T) {
				w := newWorld(t, 9600)
				reader := newPD(t, 1, testKey)
				if insecure {
					reader.scbk = nil
				}
				peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey)}, Insecure: insecure})
				w.run(time.Second)
				reader.events = [][]byte{card}
				reader.slow = late * time.Millisecond
				w.run(300 * time.Millisecond)
				reader.slow = 0
				w.run(5 * time.Second)
				w.wantCards(peer, 1)
				if insecure {
					w.wantState(peer, Clear)
				} else {
					w.wantState(peer, Secure)
				}
			})
		}
	}
}

func TestNothingSecretIsEverPrinted(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.events = [][]byte{card}
	w.run(time.Second)
	keys := Keys{Current: mustKey(t, testKey), Pending: mustKey(t, testKey)}
	for _, v := range []any{peer, *peer, w.bus, *w.bus, keys, keys.Current, keyset(keys.Current), w.said[peer], of[CardRead](w, peer)[0]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
			text := strings.ToLower(fmt.Sprintf(verb, v))
			for _, secret := range [][]byte{testKey, card[5:]} {
				for _, form := range []string{"%x", "% x", "%d", "%q", "%#v", "%#x"} {
					shown := strings.ToLower(strings.Trim(fmt.Sprintf(form, secret), "[]\""))
					if i := strings.Index(shown, "{"); i >= 0 {
						shown = strings.Trim(shown[i:], "{}")
					}
					if strings.Contains(text, shown) {
						t.Errorf("%s of %T shows a secret", verb, v)
					}
				}
			}
		}
	}
}
