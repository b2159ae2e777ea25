package osdp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// longest is the longest time in which a peer was not asked, from a moment on.
func (w *world) longest(address byte, from time.Time) (longest time.Duration) {
	last := from
	for _, at := range append(w.asked[address], w.now) {
		if at.After(from) {
			longest = max(longest, at.Sub(last))
			last = at
		}
	}
	return longest
}

// Old readers drop the channel after 400 ms without a command: a neighbour that
// is gone must not cost them that.
func TestDeadNeighboursDoNotStarveTheLiving(t *testing.T) {
	for _, tt := range []struct{ baud, live, dead int }{{9600, 1, 1}, {9600, 3, 1}, {9600, 2, 6}, {115200, 8, 4}, {115200, 16, 1}} {
		t.Run(fmt.Sprintf("%d baud, %d live, %d dead", tt.baud, tt.live, tt.dead), func(t *testing.T) {
			w := newWorld(t, tt.baud)
			for i := range tt.live + tt.dead {
				reader, _ := w.secure(byte(i))
				reader.off = i >= tt.live
			}
			w.run(15 * time.Second)
			from := w.now
			w.run(time.Minute)
			for i := range tt.live {
				w.wantState(w.peers[i], Secure)
				if got := w.longest(byte(i), from); got > 400*time.Millisecond {
					t.Errorf("reader %d was not asked for %v", i, got)
				}
			}
			for i := tt.live; i < tt.live+tt.dead; i++ {
				if len(w.asked[byte(i)]) < 5 {
					t.Errorf("the dead reader %d was tried %d times only", i, len(w.asked[byte(i)]))
				}
			}
		})
	}
}

// F-30: a reader that comes back is back within 5 s, however long it was away.
func TestReaderThatComesBackIsBackWithinFiveSeconds(t *testing.T) {
	for _, away := range []time.Duration{9, 60, 3600} {
		w := newWorld(t, 9600)
		reader, peer := w.secure(1)
		w.secure(2)
		w.run(time.Second)
		reader.off = true
		gone := w.now
		w.run(9 * time.Second)
		w.wantState(peer, Offline)
		if at := of[StateChanged](w, peer)[1].At.Sub(gone); at > 8500*time.Millisecond {
			t.Errorf("it was told offline after %v", at)
		}
		w.now = w.now.Add(away * time.Second)
		w.run(5 * time.Second)
		reader.off = false
		reader.powerCycle()
		w.run(5 * time.Second)
		w.wantState(peer, Secure)
	}
}

func TestPollsGoRoundAtTheirInterval(t *testing.T) {
	w := newWorld(t, 115200)
	for i := range 4 {
		w.secure(byte(i))
	}
	w.run(2 * time.Second)
	from := len(w.sent)
	w.run(10 * time.Second)
	if got := len(w.sent) - from; got < 4*10*18 || got > 4*10*21 {
		t.Errorf("got %d polls of 4 readers in 10 s, want about 800", got)
	}
}

// An unlock goes first, then lamps, then the buzzer, then polls.
func TestUnlockGoesBeforeAllElse(t *testing.T) {
	w := newWorld(t, 9600)
	for i := range 6 {
		w.secure(byte(i))
	}
	w.run(5 * time.Second)
	for i := range 5 {
		w.queue(w.peers[i], BUZ(Beep{On: time.Second}))
		w.queue(w.peers[i], LED(Lamp{Brief: &Blink{On: time.Second, OnColor: Green}, For: time.Second}))
	}
	ticket := w.queue(w.peers[5], OUT(Output{0, OutputPulse, 3 * time.Second}))
	from := len(w.sent)
	w.run(100 * time.Millisecond)
	if address := w.sent[from][2]; address != 5 {
		t.Errorf("the first command was for reader %d, want 5", address)
	}
	w.wantSettled(w.peers[5], ticket, nil)
	w.run(2 * time.Second)
	for i := range 5 {
		if got := w.pds[i].did(); !bytes.HasSuffix(got, []byte{codeLED, codeBUZ}) {
			t.Errorf("reader %d did % X, want the lamp and then the buzzer last", i, got)
		}
	}
}

func TestNewestLampWins(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	red, green := Steady(Red), Steady(Green)
	first := w.queue(peer, LED(Lamp{Lasting: &red}))
	second := w.queue(peer, LED(Lamp{Brief: &green, For: time.Second}))
	other := w.queue(peer, LED(Lamp{Number: 1, Lasting: &green}))
	w.run(time.Second)
	w.wantSettled(peer, first, ErrSuperseded)
	w.wantSettled(peer, second, nil)
	w.wantSettled(peer, other, nil)
	if got := reader.count(codeLED); got != 2 {
		t.Errorf("got %d lamp commands, want 2", got)
	}
	merged := LED(Lamp{Brief: &green, For: time.Second, Lasting: &red})
	if !slices.ContainsFunc(reader.taken, func(b []byte) bool { return bytes.Equal(b, append([]byte{codeLED}, merged.Data...)) }) {
		t.Error("what only the older one set was forgotten")
	}
	reader.taken = nil
	reader.powerCycle()
	w.run(time.Second)
	want := LED(Lamp{Lasting: &red}, Lamp{Number: 1, Lasting: &green})
	if !slices.ContainsFunc(reader.taken, func(b []byte) bool { return bytes.Equal(b, append([]byte{codeLED}, want.Data...)) }) {
		t.Errorf("the lamps were not set again after a power cycle: % X", reader.did())
	}
}

// An unlock is done at once or never.
func TestUnlockIsNeverSentLate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(w *world, r *pd)
	}{
		{"the reader is gone", func(_ *world, r *pd) { r.off = true }},
		{"it was lost on its way", func(_ *world, r *pd) { r.instead = only(codeOUT, nil) }},
		{"the reader is busy with it", func(_ *world, r *pd) { r.instead = only(codeOUT, r.plain(0, 0x79)) }},
		{"the reader is busy", func(_ *world, r *pd) { r.busy = 1 << 30 }},
		{"the reader says it heard badly", func(_ *world, r *pd) {
			r.fault = func(byte, []byte) []byte { return r.plain(r.sequence, 0x41, 1) }
		}},
		{"the reader lost its key", func(_ *world, r *pd) { r.scbk = installKey; r.powerCycle() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.secure(1)
			w.run(time.Second)
			tt.fault(w, reader)
			w.run(20 * time.Millisecond)
			asked := w.now
			ticket := w.queue(peer, OUT(Output{0, OutputPulse, 3 * time.Second}))
			w.run(3 * time.Second)
			if err, ok := w.settled(peer, ticket); !ok || err == nil {
				t.Errorf("settled %t: %v, want an error", ok, err)
			}
			for i, f := range w.sent {
				late := w.asked[1][i].Sub(asked) > 2*time.Second
				if late && f[5]&blockBit != 0 && f[7] == blockCommandData && f[8] == codeOUT {
					t.Fatalf("it was sent %v late", w.asked[1][i].Sub(asked))
				}
			}
			reader.off, reader.busy, reader.fault, reader.instead, reader.scbk = false, 0, nil, nil, testKey
			did := reader.count(codeOUT)
			w.run(30 * time.Second)
			w.wantState(peer, Secure)
			if reader.count(codeOUT) != did {
				t.Error("the door opened when the reader was back")
			}
		})
	}
}

// only answers one command, without having understood it.
func only(command byte, reply []byte) func(byte) ([]byte, bool) {
	return func(code byte) ([]byte, bool) { return reply, code == command }
}

// After the channel was lost with an unlock on its way, the outputs are asked
// before anything is repeated.
func TestUnlockInDoubtIsAskedForNotRepeated(t *testing.T) {
	for _, tt := range []struct {
		name  string
		did   bool // the reader did it before it lost the thread
		timer time.Duration
		want  error
		times int // the reader did it
	}{
		{"it was done", true, 3 * time.Second, nil, 1},
		{"it was not done", false, 3 * time.Second, nil, 1},
		{"it may have come and gone", false, 100 * time.Millisecond, ErrInDoubt, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.secure(1)
			w.run(time.Second)
			reader.taken = nil
			cut := false
			reader.fault = func(command byte, reply []byte) []byte {
				if command == codeOUT && !cut {
					cut = true
					if !tt.did {
						reader.taken, reader.outputs[0] = nil, 0
					}
					reader.session = nil
					return reader.plain(0, 0x41, 4)
				}
				return reply
			}
			ticket := w.queue(peer, OUT(Output{0, OutputPulse, tt.timer}))
			w.run(2 * time.Second)
			w.wantSettled(peer, ticket, tt.want)
			if got := reader.count(codeOUT); got != tt.times {
				t.Errorf("it was done %d times, want %d", got, tt.times)
			}
			again := bytes.LastIndexByte(reader.did(), codeOUT)
			asked := bytes.IndexByte(reader.did(), codeOSTAT)
			if asked < 0 || !tt.did && tt.times > 0 && asked > again {
				t.Errorf("the reader did % X: the outputs are to be asked first", reader.did())
			}
		})
	}
}

func TestQueueSaysWhatItDoesNotTake(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	reader.refuse[codeTEXT] = 3
	if _, err := peer.Queue(w.now, BUZ(Beep{}), w.now); !errors.Is(err, ErrOffline) {
		t.Errorf("got %v, want %v", err, ErrOffline)
	}
	w.run(time.Second)
	until := w.now.Add(time.Minute)
	for _, c := range []Command{Poll(), ID(), keyset(mustKey(t, testKey)), COMSET(1, 9600)} {
		if _, err := peer.Queue(w.now, c, until); !errors.Is(err, ErrNotQueued) {
			t.Errorf("%v: got %v, want %v", c, err, ErrNotQueued)
		}
	}
	if _, err := peer.Queue(w.now, MFG([3]byte{}, make([]byte, 1000)), until); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v, want %v", err, ErrTooLong)
	}
	text := w.queue(peer, TEXT(Text{Line: "Ciao"}))
	w.run(time.Second)
	w.wantSettled(peer, text, NAKUnknown)
	if _, err := peer.Queue(w.now, TEXT(Text{Line: "Ciao"}), until); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v, want %v", err, ErrUnsupported)
	}
	for i := range mostQueued + 1 {
		if _, err := peer.Queue(w.now, OUT(Output{byte(i), OutputOff, 0}), until); (err != nil) != (i == mostQueued) {
			t.Errorf("number %d: got %v", i, err)
		}
	}
	w.wantState(peer, Secure)
}

// Echo of our own bytes, and noise before each reply.
func TestEchoAndNoiseCostNothing(t *testing.T) {
	w := newWorld(t, 9600)
	w.echo = true
	w.noise = []byte{0x00, 0x53, 0x53, 0xFF, 0x00, 0x12}
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.events = [][]byte{card}
	w.run(time.Second)
	w.wantCards(peer, 1)
	w.wantRefused(peer, RefusedNoise)
	if n := w.refused(peer, RefusedTimeout) + w.refused(peer, RefusedSecondPanel) + w.refused(peer, RefusedSession); n != 0 {
		t.Errorf("it cost %d replies: %v", n, of[Refused](w, peer))
	}
}

func TestReaderMovesToAnotherAddress(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func([]byte) []byte
		stays bool
	}{
		{"and says so", func(reply []byte) []byte { return reply }, false},
		{"and its word is lost", lost, false},
		{"and did not hear", lost, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.secure(1)
			w.secure(2)
			w.run(time.Second)
			if err := w.bus.Readdress(peer, 2); err == nil {
				t.Error("two readers were given one address")
			}
			if err := w.bus.Readdress(peer, 7); err != nil {
				t.Fatal(err)
			}
			reader.fault = func(command byte, reply []byte) []byte {
				if command != codeCOMSET {
					return reply
				}
				if tt.stays {
					reader.address = 1
				}
				return tt.fault(reply)
			}
			told := len(w.asked[1])
			w.run(20 * time.Second)
			if at := w.asked[7]; len(at) == 0 || at[0].Sub(w.asked[1][told]) < 150*time.Millisecond {
				t.Error("the reader had no time to change")
			}
			w.wantState(peer, Secure)
			want := byte(7)
			if tt.stays {
				want = 1
			}
			if moved := of[Moved](w, peer); peer.Address() != want || len(moved) == 0 || moved[len(moved)-1].Address != want {
				t.Errorf("got address %d, %+v, want %d", peer.Address(), moved, want)
			}
		})
	}
}
