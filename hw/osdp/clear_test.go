package osdp

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestReaderWithoutCRCIsReadOnTheBenchOnly(t *testing.T) {
	for _, told := range []bool{false, true} {
		w := newWorld(t, 9600)
		reader := newPD(t, 1, nil)
		reader.sumOnly = true
		peer := w.add(reader, Settings{Insecure: true, Checksum: told})
		w.run(10 * time.Second)
		reader.events = [][]byte{card}
		w.run(time.Second)
		w.wantState(peer, Clear)
		w.wantCards(peer, 1)
	}
	if _, err := NewPeer(Settings{Checksum: true}); err == nil {
		t.Error("a secured peer took a checksum")
	}
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	reader.sumOnly = true
	w.run(20 * time.Second)
	w.wantState(peer, Offline)
	for _, f := range w.sent {
		if f[5]&crcBit == 0 {
			t.Fatal("a secured reader was asked with a checksum")
		}
	}
}

// A reader that is away for a while did not lose its CRC.
func TestReaderThatKnewTheCRCIsNotAskedWithChecksums(t *testing.T) {
	w := newWorld(t, 9600)
	reader := newPD(t, 1, nil)
	peer := w.add(reader, Settings{Insecure: true})
	w.run(time.Second)
	reader.off = true
	w.run(time.Minute)
	reader.off = false
	w.run(5 * time.Second)
	w.wantState(peer, Clear)
	for _, f := range w.sent {
		if f[5]&crcBit == 0 {
			t.Fatalf("% X has a checksum", f)
		}
	}
}

// A reader that is away costs its line a try every second, later every four.
func TestReaderThatIsAwayIsTriedSeldom(t *testing.T) {
	w := newWorld(t, 9600)
	reader, _ := w.secure(1)
	reader.off = true
	w.run(30 * time.Second)
	if n := len(w.asked[1]); n < 20 || n > 30 {
		t.Errorf("it was tried %d times in the first 30 s, want about 25", n)
	}
	from := len(w.asked[1])
	w.run(10 * time.Minute)
	if n := len(w.asked[1]) - from; n < 120 || n > 150 {
		t.Errorf("it was tried %d times in 10 min, want about 140", n)
	}
}

// A reader that wants to be secured is not read in clear.
func TestReaderThatRefusesClearTextIsOffline(t *testing.T) {
	w := newWorld(t, 9600)
	reader := newPD(t, 1, testKey)
	peer := w.add(reader, Settings{Insecure: true})
	reader.refuse[codePOLL] = 6
	w.run(10 * time.Second)
	w.wantState(peer, Offline)
	w.wantRefused(peer, RefusedNAK6)
	if n := len(w.sent); n > 100 {
		t.Errorf("it was asked %d times in 10 s", n)
	}
}

// A reader that answers ID only after a POLL.
func TestReaderThatMustBePolledFirstIsFound(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	polled := false
	reader.instead = func(code byte) ([]byte, bool) {
		polled = polled || code == codePOLL
		return nil, !polled
	}
	reader.events = [][]byte{card} // in clear, before it is known
	w.run(6 * time.Second)
	w.wantState(peer, Secure)
	w.wantRefused(peer, RefusedNoKey)
	w.wantCards(peer, 0)
}

// The record of the keys has a pending one: an earlier pairing was cut short.
func TestPendingKeyIsTriedFirstAndCommittedWhenProved(t *testing.T) {
	other := slices.Concat(testKey[8:], testKey[:8])
	for _, tt := range []struct {
		name string
		has  []byte
	}{{"the reader has the pending one", other}, {"the reader has the old one", testKey}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader := newPD(t, 1, tt.has)
			w.saved = errors.New("the disk is full")
			peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey), Pending: mustKey(t, other)}})
			w.run(3 * time.Second)
			w.wantState(peer, Secure)
			if len(w.kept) != 1 || !w.kept[0].Current.Equal(mustKey(t, tt.has)) || !w.kept[0].Pending.IsZero() {
				t.Errorf("kept %d times, or not what the reader has", len(w.kept))
			}
			if notKept := of[KeysNotKept](w, peer); len(notKept) != 1 || !errors.Is(notKept[0].Err, w.saved) {
				t.Errorf("got %+v, want %v", notKept, w.saved)
			}
		})
	}
}

func TestLandedIsWhatTheOutputsSay(t *testing.T) {
	second := time.Second
	for _, tt := range []struct {
		name string
		out  Output
		on   []bool
		ago  time.Duration
		want landing
	}{
		{"on, and it is", Output{0, OutputOn, 0}, []bool{true}, 0, landedYes},
		{"on, and it is not", Output{0, OutputOnAfter, 0}, []bool{false}, 0, landedNo},
		{"off, and it is", Output{1, OutputOff, 0}, []bool{true, false}, 0, landedYes},
		{"off, and it is not", Output{0, OutputOffAfter, 0}, []bool{true}, 0, landedNo},
		{"a pulse that runs", Output{0, OutputPulse, second}, []bool{true}, 5 * second, landedYes},
		{"a pulse that never came", Output{0, OutputPulse, second}, []bool{false}, second / 2, landedNo},
		{"a pulse that may be over", Output{0, OutputPulse, second}, []bool{false}, second, landedUnknown},
		{"a pulse to off", Output{0, OutputPulseOff, second}, []bool{true}, 0, landedUnknown},
		{"no such output", Output{3, OutputOn, 0}, []bool{true}, 0, landedUnknown},
		{"nothing", Output{0, OutputNop, 0}, []bool{true}, 0, landedYes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := landed(OUT(tt.out).Data, tt.on, tt.ago); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// Every word of the closed set is said once, and is a label.
func TestRefusalsAreWords(t *testing.T) {
	seen := map[string]bool{}
	for i, word := range Refusals() {
		if word == "" || seen[word] || Refusal(i+1).String() != word {
			t.Errorf("refusal %d: %q", i+1, word)
		}
		seen[word] = true
	}
	for n := range 256 {
		if word := NAK(n).refusal().String(); n < 10 && word != "nak_"+string(rune('0'+n)) || n >= 10 && word != "nak_other" {
			t.Errorf("NAK %d: got %q", n, word)
		}
	}
}

// Who does not fetch loses the newest events, not memory.
func TestEventsThatNobodyFetchesAreBounded(t *testing.T) {
	w := newWorld(t, 115200)
	reader, peer := w.secure(1)
	w.run(time.Second)
	for range 3 * mostEvents {
		reader.events = append(reader.events, card)
	}
	for range 2000 { // as run, but without fetching
		if turn := w.bus.Next(w.now); turn.Frame == nil {
			w.now = turn.Until
		} else {
			w.turn(turn)
		}
	}
	w.drain()
	w.wantRefused(peer, RefusedOverflow)
	w.wantCards(peer, mostEvents)
}

// F-30: the port was opened anew. The readers kept their channels.
func TestRestartOfThePortTriesAllAtOnce(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.off = true
	w.run(3 * time.Minute)
	w.wantState(peer, Offline)
	reader.off = false
	w.bus.Restart(w.now)
	w.run(time.Second)
	w.wantState(peer, Secure)
	before := w.refused(peer, RefusedSession)
	w.bus.Restart(w.now)
	reader.events = [][]byte{card}
	w.run(time.Second)
	w.wantCards(peer, 1)
	if w.refused(peer, RefusedSession) != before {
		t.Error("the channel was given up for a port that was opened anew")
	}
	w.bus.Remove(peer)
	if turn := w.bus.Next(w.now); turn.Frame != nil {
		t.Error("a reader that was removed is asked")
	}
}

// Nobody waits for the strike any more: it is not told.
func TestWithdrawnUnlockIsNotSent(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	waiting := w.queue(peer, OUT(Output{0, OutputPulse, time.Second}))
	peer.Withdraw(w.now, waiting)
	w.run(time.Second)
	reader.instead = only(codeOUT, nil)
	sent := w.queue(peer, OUT(Output{0, OutputPulse, time.Second}))
	w.run(100 * time.Millisecond)
	peer.Withdraw(w.now, sent)
	reader.instead = nil
	w.run(3 * time.Second)
	w.wantState(peer, Secure)
	if n := reader.count(codeOUT); n != 0 {
		t.Errorf("the strike was told %d times", n)
	}
	for _, ticket := range []Ticket{waiting, sent} {
		if err, ok := w.settled(peer, ticket); ok {
			t.Errorf("settled %v: whoever withdraws does not wait", err)
		}
	}
}

func TestPairingThatIsStoppedKeepsWhatWasSent(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.pairable()
	w.pair(peer)
	reader.fault = func(command byte, reply []byte) []byte {
		if command == codeKEYSET {
			reader.off = true
			return nil
		}
		return reply
	}
	w.run(2 * time.Second)
	peer.StopPairing(w.now)
	reader.off, reader.fault = false, nil
	w.run(10 * time.Second)
	if paired := of[Paired](w, peer); len(paired) != 1 || !errors.Is(paired[0].Err, errPairStopped) {
		t.Errorf("got %+v, want %v", paired, errPairStopped)
	}
	w.wantState(peer, Secure)
	if last := w.kept[len(w.kept)-1]; string(last.Current.Bytes()) != string(reader.scbk) {
		t.Error("the key that was kept is not the reader's")
	}
}
