package osdp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Attacks that were found, each of which worked once.

// Who cuts the reader off and answers for it in the block of a handshake, which
// has no MAC, is not taken for it.
func TestBlockOfAHandshakeAnswersNothingInTheChannel(t *testing.T) {
	for kind := blockChallenge; kind <= blockInitial; kind++ {
		w := newWorld(t, 115200)
		reader, peer := w.secure(1)
		w.run(time.Second)
		w.wire = func(frame []byte, ends time.Time) []arrival {
			return []arrival{{ends.Add(5 * time.Millisecond), reader.blocked(frame[5]&3, kind, 1, codeACK, nil)}}
		}
		w.run(12 * time.Second)
		w.wantState(peer, Offline)
		w.wantRefused(peer, RefusedMAC)
	}
}

// A refusal in clear proves nothing: the reader may have opened.
func TestUnlockThatIsRefusedInClearIsInDoubt(t *testing.T) {
	for nak := range byte(10) {
		t.Run(fmt.Sprintf("NAK %d", nak), func(t *testing.T) {
			w := newWorld(t, 115200)
			reader, peer := w.secure(1)
			reader.noCache = true
			w.run(time.Second)
			reader.fault = func(command byte, reply []byte) []byte {
				if command == codeOUT {
					return reader.plain(reader.sequence, codeNAK, nak)
				}
				return reply
			}
			ticket := w.queue(peer, OUT(Output{Control: OutputPulse, Timer: 3 * time.Second}))
			w.run(3 * time.Second)
			if n := reader.count(codeOUT); n != 1 {
				t.Errorf("the reader was told %d times", n)
			}
			if err, ok := w.settled(peer, ticket); !ok || err != nil && !errors.Is(err, ErrInDoubt) {
				t.Errorf("got %v, %t: the reader did it", err, ok)
			}
		})
	}
}

// A MAC has 32 bits. Whoever sends many before the reader's own reply has one try
// a second, and one for each handshake.
func TestMACsCannotBeGuessedInARow(t *testing.T) {
	const seconds = 20
	w := newWorld(t, 115200)
	reader, peer := w.secure(1)
	w.run(time.Second)
	guess := uint32(0)
	reader.fault = func(_ byte, reply []byte) []byte {
		if reader.session == nil {
			return reply
		}
		var all []byte
		for range 50 {
			guess++
			message := []byte{0x53, 0x81, 16, 0, reply[4]&3 | 0x0C, 2, blockReply, codeLSTATR, 1, 1}
			all = append(all, pdSeal(append(message, byte(guess), byte(guess>>8), 0, 0))...)
		}
		return append(all, reply...)
	}
	w.run(seconds * time.Second)
	if n := w.refused(peer, RefusedMAC); n == 0 || n > 2*seconds+startsAtOnce {
		t.Errorf("%d MACs were tried in %d s, want about two a second", n, seconds)
	}
}

// A module that falls silent when it is told to open takes the line from its
// neighbours no more than once in a row.
func TestUnlockOfASilentModuleStarvesNobody(t *testing.T) {
	w := newWorld(t, 115200)
	reader, peer := w.secure(1)
	for address := byte(2); address < 6; address++ {
		w.secure(address)
	}
	w.run(2 * time.Second)
	reader.instead = only(codeOUT, nil)
	w.queue(peer, OUT(Output{Control: OutputPulse, Timer: time.Second}))
	w.run(2 * time.Second)
	for address := byte(2); address < 6; address++ {
		for i, at := range w.asked[address][1:] {
			if gap := at.Sub(w.asked[address][i]); gap > 600*time.Millisecond {
				t.Errorf("reader %d was not asked for %v", address, gap)
			}
		}
	}
}

// A reader that says it goes to the address of a neighbour does not take the
// panel there.
func TestReaderMayNotChooseItsAddress(t *testing.T) {
	for _, chosen := range []byte{2, 9, Broadcast} {
		w := newWorld(t, 115200)
		_, peer := w.secure(1)
		_, neighbour := w.secure(2)
		w.run(time.Second)
		if err := w.bus.Readdress(peer, 7); err != nil {
			t.Fatal(err)
		}
		peer.moving(w.now, Frame{Data: []byte{chosen, 0x80, 0x25, 0, 0}})
		if got := peer.Address(); got != 7 {
			t.Errorf("the reader said %d: the panel looks for it at %d, want 7", chosen, got)
		}
		w.run(3 * time.Second)
		w.wantState(neighbour, Secure)
	}
}

// An address is given to one reader only, also while another is on its way to it.
func TestBusGivesAnAddressOnce(t *testing.T) {
	w := newWorld(t, 115200)
	_, one := w.secure(1)
	_, two := w.secure(2)
	w.run(time.Second)
	if err := w.bus.Add(one); err == nil {
		t.Error("a reader was added twice")
	}
	if err := w.bus.Readdress(one, 7); err != nil {
		t.Fatal(err)
	}
	if err := w.bus.Readdress(two, 7); err == nil {
		t.Error("two readers are sent to one address")
	}
	third, err := NewPeer(Settings{Address: 7})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bus.Add(third); err == nil {
		t.Error("a reader was added where another is going")
	}
}

// A driver that is wrong gets errors or nothing, never a panic.
func TestMistakesOfADriverAreSurvived(t *testing.T) {
	w := newWorld(t, 115200)
	reader, peer := w.secure(1)
	w.bus.Silence(w.now)
	if _, done := w.bus.Heard(w.now, card); !done {
		t.Error("something is awaited, and nobody was asked")
	}
	w.run(time.Second)
	for _, code := range []byte{codeOUT, codeLED, codeBUZ, codeTEXT, codeMFG, codeISTAT} {
		for _, data := range [][]byte{nil, {1}, make([]byte, 13)} {
			_, _ = peer.Queue(w.now, Command{code, data}, w.now.Add(time.Second))
			_, _ = peer.Queue(w.now, Command{code, data}, w.now.Add(time.Second))
		}
	}
	reader.off = true
	w.run(3 * time.Second)
	reader.off = false
	w.run(5 * time.Second)
	w.wantState(peer, Secure)
	for w.bus.Next(w.now).Frame == nil {
		w.now = w.now.Add(time.Millisecond)
	}
	w.bus.Remove(peer)
	if _, done := w.bus.Heard(w.now, reader.plain(1, codeACK)); !done {
		t.Error("a reader that was removed is awaited")
	}
	_, _ = peer.Queue(w.now, OUT(Output{Control: OutputPulse}), w.now.Add(time.Second))
	w.run(10 * time.Second)
	if err := w.bus.Add(peer); err != nil {
		t.Fatal(err)
	}
	w.run(5 * time.Second)
	w.wantState(peer, Secure)
	w.bus.Remove(peer)
	w.bus.Remove(peer)
}

// The gateway lost its power before the first key was proved: who the reader is
// is pinned when it is.
func TestIdentityIsPinnedAfterAPairingThatWasCut(t *testing.T) {
	w := newWorld(t, 115200)
	reader := newPD(t, 1, testKey)
	peer := w.add(reader, Settings{Keys: Keys{Pending: mustKey(t, testKey)}})
	w.run(time.Second)
	w.wantState(peer, Secure)
	if len(w.kept) != 1 || w.kept[0].Identity != peer.Device().Identity() || !bytes.Equal(w.kept[0].Current.Bytes(), testKey) {
		t.Fatalf("kept %d times, or without who it is", len(w.kept))
	}
	reader.pdid = bytes.Clone(reader.pdid)
	reader.pdid[5]++
	reader.powerCycle()
	reader.off = true
	w.run(20 * time.Second)
	reader.off = false
	w.run(6 * time.Second)
	w.wantState(peer, Swapped)
}

// What a reader says of its buffer is a number of anybody's choice.
func TestNoCommandIsLongerThanAMessageMayBe(t *testing.T) {
	caps, err := DecodePDCAP([]byte{byte(FunctionBuffer), 0xFF, 0xFF})
	if err != nil || caps.Buffer() != MaxFrame {
		t.Errorf("got %d, %v, want %d", caps.Buffer(), err, MaxFrame)
	}
}

// A pairing in sight of an attacker may fail, or be taken by him: the default key
// is no secret. But it ends, nothing of it goes on behind its window or the power
// cut of the gateway, and what is kept is never a key that can be guessed.
func TestPairingUnderAttackStaysInItsWindow(t *testing.T) {
	keysets, paired := 0, 0
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSiege(t, seed)
			s.v.reader.scbk = nil
			s.bus.Remove(s.v.peer)
			peer := s.add(s.v.reader, Settings{})
			s.v.peer, s.v.open = peer, true
			if err := peer.Pair(s.now, 6*time.Second); err != nil {
				t.Fatal(err)
			}
			s.run(time.Duration(s.rng.IntN(6000)) * time.Millisecond)
			if s.rng.IntN(3) == 0 { // the power of the gateway
				keys := Keys{}
				if n := len(s.kept); n > 0 {
					keys = s.kept[n-1]
				}
				s.bus.Remove(peer)
				s.v.peer = s.add(s.v.reader, Settings{Keys: keys, Random: entropy{rand.NewChaCha8([32]byte{31: 1})}})
				s.v.hasty, s.v.challenged = 0, time.Time{}
			}
			s.run(10 * time.Second) // the witness looks
			for _, keys := range s.kept {
				for _, key := range []Key{keys.Current, keys.Pending} {
					if !key.IsZero() && weak(key.secret()[:]) {
						t.Fatal("a key is kept that can be guessed")
					}
				}
			}
			ends := of[Paired](s.world, peer)
			if s.v.peer == peer && len(ends) != 1 || peer.pair.on && s.v.peer == peer {
				t.Fatalf("the pairing ended %d times", len(ends))
			}
			keysets += s.v.reader.count(codeKEYSET)
			if len(ends) == 1 && ends[0].Err == nil {
				paired++
			}
		})
	}
	if keysets == 0 || paired == 0 || paired == 150 {
		t.Errorf("%d keys were sent, %d pairings succeeded: the attacker did nothing, or all", keysets, paired)
	}
}

// Who cuts the reader off and says in clear that it is still there wins no time.
func TestClearTextDoesNotProlongTrust(t *testing.T) {
	w := newWorld(t, 115200)
	reader, peer := w.secure(1)
	w.run(time.Second)
	said := false
	w.wire = func(frame []byte, ends time.Time) []arrival {
		late := !peer.lostAt.IsZero() && w.now.Sub(peer.lostAt) > 800*time.Millisecond
		if frame[6] != codeID || !late || said {
			return nil
		}
		said = true
		return []arrival{{ends.Add(5 * time.Millisecond), reader.plain(0, codePDID, reader.pdid...)}}
	}
	w.run(3 * time.Second)
	if peer.lostAt.IsZero() || !said {
		t.Fatal("the channel was not lost, or nobody lied")
	}
	w.run(peer.lostAt.Add(offlineAfter + 100*time.Millisecond).Sub(w.now))
	w.wantState(peer, Offline)
}
