package osdp

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pairable is a reader that was never paired.
func (w *world) pairable() (*pd, *Peer) {
	reader := newPD(w.t, 1, nil)
	return reader, w.add(reader, Settings{})
}

func (w *world) pair(peer *Peer) {
	w.t.Helper()
	if err := peer.Pair(w.now, time.Minute); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantPaired(peer *Peer, reader *pd) {
	w.t.Helper()
	w.wantState(peer, Secure)
	last := w.kept[len(w.kept)-1]
	if !bytes.Equal(last.Current.Bytes(), reader.scbk) || !last.Pending.IsZero() || last.Identity != peer.Device().Identity() {
		w.t.Errorf("what was kept last is not what the reader has: %+v", last.Identity)
	}
	reader.events = [][]byte{card}
	w.run(time.Second)
	w.wantCards(peer, 1)
}

func TestPairingGivesTheReaderAKeyOfItsOwn(t *testing.T) {
	for _, bare := range []bool{false, true} {
		t.Run(fmt.Sprintf("acknowledged in clear %t", bare), func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.pairable()
			reader.bareACK = bare
			w.run(2 * time.Second)
			w.wantState(peer, Unpaired)
			w.pair(peer)
			w.run(3 * time.Second)
			w.wantPaired(peer, reader)
			if paired := of[Paired](w, peer); len(paired) != 1 || paired[0].Err != nil || paired[0].Identity == "" {
				t.Errorf("got %+v", paired)
			}
			if weak(reader.scbk) || len(w.kept) != 2 {
				t.Errorf("weak %t, kept %d times, want 2", weak(reader.scbk), len(w.kept))
			}
			if got := w.kept[0].Pending.Bytes(); !bytes.Equal(got, reader.scbk) {
				t.Error("the key was not kept as pending before it was sent")
			}
			for _, f := range w.sent {
				if bytes.Contains(f, reader.scbk) {
					t.Error("the key went over the line in clear")
				}
			}
		})
	}
}

// The key is durable when it is sent: at the moment of Keep the reader was told
// nothing.
func TestKeyIsKeptBeforeItIsSent(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.pairable()
	w.saved = errors.New("the disk is full")
	w.pair(peer)
	w.run(5 * time.Second)
	if reader.count(codeKEYSET) != 0 {
		t.Error("a key was sent that is kept nowhere")
	}
	if paired := of[Paired](w, peer); len(paired) != 1 || !errors.Is(paired[0].Err, w.saved) {
		t.Errorf("got %+v, want %v", paired, w.saved)
	}
	w.saved = nil
	w.run(time.Second)
	w.pair(peer)
	w.run(5 * time.Second)
	w.wantPaired(peer, reader)
}

// Whatever reply is lost, or cut, or refused, pairing ends with a key that both
// sides have.
func TestPairingHealsWhereverItIsDisturbed(t *testing.T) {
	faults := map[string]func(r *pd, reply []byte) []byte{
		"lost":        func(*pd, []byte) []byte { return nil },
		"cut":         func(_ *pd, reply []byte) []byte { return reply[:len(reply)/2] },
		"power cycle": func(r *pd, reply []byte) []byte { r.powerCycle(); return nil },
		"NAK 6":       func(r *pd, reply []byte) []byte { return r.plain(r.sequence, 0x41, 6) },
	}
	for name, fault := range faults {
		for at := range 14 {
			for _, noCache := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s at %d, no cache %t", name, at, noCache), func(t *testing.T) {
					w := newWorld(t, 9600)
					reader, peer := w.pairable()
					reader.noCache = noCache
					w.pair(peer)
					count := -1
					reader.fault = func(_ byte, reply []byte) []byte {
						if count++; count == at {
							return fault(reader, reply)
						}
						return reply
					}
					w.run(20 * time.Second)
					if paired := of[Paired](w, peer); len(paired) != 1 || paired[0].Err != nil {
						t.Fatalf("got %+v", paired)
					}
					w.wantPaired(peer, reader)
				})
			}
		}
	}
}

// The gateway loses power at any moment of pairing. Another one that finds what
// was kept comes to terms with the reader, or the reader is still in install
// mode and can be paired again.
func TestPairingSurvivesTheGatewaysPowerCutAtEveryStep(t *testing.T) {
	outcomes := map[string]int{}
	for turns := range 14 {
		for _, old := range [][]byte{nil, testKey} {
			w := newWorld(t, 9600)
			reader := newPD(t, 1, old)
			keys := Keys{}
			if old != nil {
				keys.Current = mustKey(t, old)
			}
			peer := w.add(reader, Settings{Keys: keys})
			w.pair(peer)
			for range turns {
				turn := w.bus.Next(w.now)
				if turn.Frame == nil {
					w.now = turn.Until
					continue
				}
				w.turn(turn)
			}
			if n := len(w.kept); n > 0 {
				keys = w.kept[n-1]
			}
			after := newWorld(t, 9600)
			reader.t = t
			peer = after.add(reader, Settings{Keys: keys})
			after.run(5 * time.Second)
			switch {
			case peer.State() == Secure:
				outcomes["secure"]++
			case reader.scbk == nil:
				outcomes["to be paired again"]++
				after.pair(peer)
				after.run(5 * time.Second)
			default:
				t.Fatalf("after %d turns: the reader has a key and is %v", turns, peer.State())
			}
			after.wantState(peer, Secure)
			reader.events = [][]byte{card}
			after.run(time.Second)
			after.wantCards(peer, 1)
			if n := len(after.kept); n > 0 && (!bytes.Equal(after.kept[n-1].Current.Bytes(), reader.scbk) || !after.kept[n-1].Pending.IsZero()) {
				t.Errorf("after %d turns: another key was kept than the reader has", turns)
			}
		}
	}
	if outcomes["secure"] == 0 || outcomes["to be paired again"] == 0 {
		t.Errorf("got %v: the cuts were all at the same place", outcomes)
	}
}

func TestPairingAgainChangesTheKey(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	w.pair(peer)
	w.run(3 * time.Second)
	if bytes.Equal(reader.scbk, testKey) {
		t.Error("the reader has its old key")
	}
	for _, f := range w.sent {
		if f[5]&blockBit != 0 && f[7] == blockChallenge && f[8] == 0 {
			t.Error("the default key was tried where the old one did")
		}
	}
	w.wantPaired(peer, reader)
}

func TestPairingFailsInWords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(r *pd)
		want  error
		keys  Keys
	}{
		{"no reader", func(r *pd) { r.off = true }, errPairWindow, Keys{}},
		{"a key of another gateway", func(r *pd) { r.scbk = testKey }, errPairNoWay, Keys{}},
		{"a reader that takes no key", func(r *pd) { r.refuse[codeKEYSET] = 9 }, errPairRefuse, Keys{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			reader, peer := w.pairable()
			tt.setup(reader)
			w.pair(peer)
			if err := peer.Pair(w.now, time.Second); !errors.Is(err, errPairTwice) {
				t.Errorf("got %v, want %v", err, errPairTwice)
			}
			w.run(70 * time.Second)
			if paired := of[Paired](w, peer); len(paired) != 1 || !errors.Is(paired[0].Err, tt.want) {
				t.Errorf("got %+v, want %v", paired, tt.want)
			}
			if n := len(w.kept); n > 0 {
				if diff := cmp.Diff(w.kept[n-1].Pending.IsZero() && w.kept[n-1].Current.IsZero(), true); diff != "" {
					t.Errorf("a key was kept that no reader has: %s", diff)
				}
			}
		})
	}
}

// Nothing but Pair sends a key or uses the default one, whatever a reader that
// was reset to its factory settings asks for.
func TestResetReaderIsNotGivenAKeyByItself(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.scbk = nil
	reader.powerCycle()
	w.run(time.Minute)
	w.wantState(peer, Offline)
	if reader.count(codeKEYSET) != 0 {
		t.Error("it was given a key")
	}
	w.pair(peer)
	w.run(5 * time.Second)
	w.wantPaired(peer, reader)
}

func TestWeakKeysAreRefused(t *testing.T) {
	counting := func(from byte, step byte) []byte {
		raw := make([]byte, 16)
		for i := range raw {
			raw[i] = from + byte(i)*step
		}
		return raw
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want bool
	}{
		{"the default key", installKey, false},
		{"all zero", make([]byte, 16), false},
		{"all FF", counting(0xFF, 0), false},
		{"counting", counting(0, 1), false},
		{"counting down", counting(5, 0xFF), false},
		{"00 11 22 to FF", counting(0, 0x11), false},
		{"DEADBEEF four times", bytes.Repeat([]byte{0xDE, 0xAD, 0xBE, 0xEF}, 4), false},
		{"an example of liblogicalaccess", unhex(t, "C18A12507EF271FED4820ED75128EF4E"), false},
		{"a key of a public capture", unhex(t, "D459F02F6602E5651F3B553BC283D43E"), false},
		{"an example of FIPS 197", unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"), false},
		{"too short", testKey[:15], false},
		{"none", nil, false},
		{"a good one", testKey, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := MakeKey(tt.in); (err == nil) != tt.want {
				t.Errorf("got %v, want accepted %t", err, tt.want)
			}
		})
	}
	if _, err := NewPeer(Settings{Keys: Keys{Current: defaultKey()}}); err == nil {
		t.Error("a peer took the default key")
	}
	if _, err := NewKey(bytes.NewReader(make([]byte, 16))); err == nil {
		t.Error("a source of zeros made a key")
	}
}
