package osdp

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// The reader was told, lost the thread, and then fell silent: who waits at the
// door hears it in time.
func TestUnlockInDoubtIsSettledInTime(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.fault = func(command byte, reply []byte) []byte {
		if command == codeOUT {
			reader.session, reader.off = nil, true
			return reader.plain(0, 0x41, 4)
		}
		return reply
	}
	ticket := w.queue(peer, OUT(Output{0, OutputPulse, 3 * time.Second}))
	w.run(2100 * time.Millisecond)
	w.wantSettled(peer, ticket, ErrInDoubt)
	reader.off, reader.taken = false, nil
	w.run(20 * time.Second)
	w.wantState(peer, Secure)
	if reader.count(codeOUT) != 0 {
		t.Error("the door opened once more")
	}
}

// Whatever a caller says, an unlock does not wait longer than two seconds.
func TestUnlockWaitsTwoSecondsAtMost(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.busy = 1 << 30
	w.run(100 * time.Millisecond)
	ticket, err := peer.Queue(w.now, OUT(Output{0, OutputPulse, 3 * time.Second}), w.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	w.run(2200 * time.Millisecond)
	if err, ok := w.settled(peer, ticket); !ok || !errors.Is(err, ErrExpired) && !errors.Is(err, ErrInDoubt) {
		t.Errorf("settled %t: %v", ok, err)
	}
}

// Lamps and buzzers of one reader do not starve the polls of another.
func TestFeedbackDoesNotStarvePolls(t *testing.T) {
	w := newWorld(t, 9600)
	_, noisy := w.secure(1)
	w.secure(2)
	w.run(2 * time.Second)
	from := w.now
	w.on = func(e Event) {
		if _, ok := e.(Settled); ok {
			_, _ = noisy.Queue(w.now, BUZ(Beep{On: time.Second}), w.now.Add(time.Second))
		}
	}
	w.queue(noisy, BUZ(Beep{On: time.Second}))
	w.run(20 * time.Second)
	if got := w.longest(2, from); got > 400*time.Millisecond {
		t.Errorf("the neighbour was not asked for %v", got)
	}
	if n := len(of[Settled](w, noisy)); n < 100 {
		t.Errorf("only %d beeps were asked for: nothing was tried", n)
	}
}

// What looks like the start of a message swallows the reply behind it only until
// it proves to be none.
func TestFalseStartDoesNotSwallowTheReply(t *testing.T) {
	poll := Frame{Address: 1, Sequence: 1, Code: codePOLL}.Append(nil)
	ack := unhex(t, "53 81 08 00 05 40")
	ack = pdSeal(ack)
	for _, tt := range []struct{ name, noise string }{
		{"complete with the reply", "53 81 0C 00 05 40"},
		{"never complete", "53 81 40 00 05 40"},
		{"another reader's", "53 82 0B 00 05 40"},
		{"a panel's", "53 01 0D 00 05 40"},
		{"several", "53 81 40 00 05 53 82 20 00 04 53 00 10 00 04"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := accepted(new(Scanner), golden{command: poll}, append(unhex(t, tt.noise), ack...))
			if len(got) != 1 || !bytes.Equal(got[0].Append(nil), ack) {
				t.Errorf("got %d replies, want the ACK", len(got))
			}
		})
	}
}

// USB adapters deliver a message in pieces with long pauses, the last of them
// after the time for a reply.
func TestReplyInPiecesIsWaitedFor(t *testing.T) {
	w := newWorld(t, 9600)
	reader := newPD(t, 1, nil)
	peer := w.add(reader, Settings{Insecure: true})
	turn := w.bus.Next(w.now)
	reply := reader.hears(turn.Frame)
	now := turn.Until.Add(-time.Millisecond)
	for i, piece := range [][]byte{reply[:3], reply[3:9], reply[9:]} {
		until, done := w.bus.Heard(now, piece)
		if done != (i == 2) || !done && until.Sub(now) < 110*time.Millisecond {
			t.Fatalf("piece %d: done %t, waits %v", i, done, until.Sub(now))
		}
		now = now.Add(110 * time.Millisecond)
	}
	if peer.LastHeard().IsZero() {
		t.Error("the reply was not taken")
	}
	turn = w.bus.Next(now.Add(time.Second))
	now = now.Add(time.Second)
	for range 10000 { // a line that never stops talking
		until, done := w.bus.Heard(now, []byte{0x53, 0x81, 0xFF, 0, 4})
		if done || !until.After(now) {
			break
		}
		now = now.Add(time.Millisecond)
	}
	if now.Sub(turn.Until) > 2*time.Second {
		t.Errorf("a talking line held the turn %v longer than the reply's time", now.Sub(turn.Until))
	}
}

// A pairing was cut short, and its key had arrived; the next pairing knows.
func TestPairingAgainKeepsTheKeyThatLetItIn(t *testing.T) {
	has := append(bytes.Clone(testKey[4:]), testKey[:4]...)
	w := newWorld(t, 9600)
	reader := newPD(t, 1, has)
	peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey), Pending: mustKey(t, has)}})
	w.pair(peer)
	reader.instead = only(codeKEYSET, nil)
	w.run(3 * time.Second)
	if len(w.kept) == 0 || !w.kept[0].Current.Equal(mustKey(t, has)) || w.kept[0].Pending.IsZero() {
		t.Error("the key that the reader has would be lost with the power")
	}
}
