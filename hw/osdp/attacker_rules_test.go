package osdp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// witness holds the panel to its word, whatever the attacker does: it sees what
// the panel says on the line, what the reader truly said, and what the panel made
// of it.
type witness struct {
	t      *testing.T
	w      *world
	peer   *Peer
	reader *pd
	open   bool // the attacker may have the key: a pairing was in his sight

	challenges map[string]bool
	last       []byte // the last command in the channel
	proved     bool   // the reader's true reply to it went to the panel
	challenged time.Time
	hasty      int       // handshakes less than a second after the one before
	trusted    time.Time // when the reader's true word last went to the panel in the channel
	orders     map[Ticket]*unlock
	taken      int // of reader.taken, looked at
	told       int // of reader.told, heard of
	off        time.Time
}

// unlock is an order to open, told from others by its timer.
type unlock struct {
	until   time.Time
	timer   uint16
	done    int
	settled int
	err     error
	hidden  bool // the output is on already, or about to be: that it is on proves nothing
}

// says checks a command of the panel to the reader that is attacked.
func (v *witness) says(line []byte) {
	f := bytes.TrimLeft(line, "\xFF")
	if f[1] != v.reader.address {
		return
	}
	if f[4]&4 == 0 {
		v.t.Fatalf("the panel speaks with a checksum: % X", f)
	}
	block := byte(0)
	code := f[5]
	if f[4]&8 != 0 {
		block, code = f[6], f[5+f[5]]
	}
	switch {
	case block == 0 && code != codeID && code != codeCAP && (code != codePOLL || f[4]&3 != 0):
		v.t.Fatalf("the panel says in clear: % X", f)
	case code == codeKEYSET:
		if block != blockCommandData || !v.peer.pair.on || v.w.now.After(v.peer.pair.until) {
			v.t.Fatalf("a key is sent outside of a pairing, or of the channel: % X", f)
		}
	case block == blockChallenge:
		v.challenge(f)
	case block == blockProof || block == 0:
	case block != blockCommand && block != blockCommandData:
		v.t.Fatalf("the panel uses block %02X", block)
	}
	if block < blockCommand {
		v.last = nil
		return
	}
	if v.last != nil && !bytes.Equal(f, v.last) && !v.proved && !v.open {
		v.t.Fatalf("the panel says %02X in the channel before %02X was truly answered: one MAC and one IV for two commands", code, v.last[7])
	}
	if !bytes.Equal(f, v.last) {
		v.last, v.proved = bytes.Clone(f), false
	}
	if code == codeOUT && !v.openNow() {
		v.t.Fatal("an OUT goes out after its time")
	}
}

func (v *witness) openNow() bool {
	for _, o := range v.orders {
		if o.settled == 0 && !v.w.now.After(o.until) {
			return true
		}
	}
	return false
}

func (v *witness) challenge(f []byte) {
	if f[7] == 0 && (!v.peer.pair.on || v.w.now.After(v.peer.pair.until)) {
		v.t.Fatal("the default key is used outside of a pairing")
	}
	random := string(f[9:17])
	if v.challenges[random] {
		if !bytes.Equal(v.last, f) && v.last != nil {
			v.t.Fatal("a challenge is used twice")
		}
		return
	}
	v.challenges[random] = true
	if v.peer.pair.on { // begins to count anew
		v.hasty, v.challenged = 0, v.w.now
		return
	}
	switch gap := v.w.now.Sub(v.challenged); {
	case gap >= settledAfter:
		v.hasty = 0
	case gap < startSpacing && v.challenged != (time.Time{}):
		if v.hasty++; v.hasty >= startsAtOnce {
			v.t.Fatal("more than three handshakes follow each other at once")
		}
	}
	v.challenged = v.w.now
}

// answered notes what the reader truly said.
func (v *witness) answered(command, reply []byte, at time.Time) {
	for _, did := range v.reader.taken[v.taken:] {
		if did[0] == codeOUT {
			v.out(did[1:], at)
		}
	}
	v.taken = len(v.reader.taken)
	if reply == nil || reply[4]&8 == 0 {
		return
	}
	if bytes.Equal(command, v.last) && reply[6] >= blockCommand {
		v.proved = true
	}
	if reply[6] >= blockInitial {
		v.trusted = at.Add(4 * time.Second) // he may delay it by three
	}
}

// out is the reader opening.
func (v *witness) out(records []byte, at time.Time) {
	timer := binary.LittleEndian.Uint16(records[2:])
	for _, o := range v.orders {
		if o.timer == timer {
			o.done++
		}
	}
	v.off = at.Add(time.Duration(timer) * 100 * time.Millisecond)
}

// believes checks what the panel made of it.
func (v *witness) believes(e Event) {
	var said []byte
	switch e := e.(type) {
	case CardRead:
		said = append([]byte{codeRAW, e.Card.Reader, byte(e.Card.Coding), byte(e.Card.Count), byte(e.Card.Count >> 8)}, e.Card.Bits.Bytes()...)
	case KeysPressed:
		said = append([]byte{codeKEYPAD, e.Keypad.Reader, byte(len(e.Keypad.Digits.Bytes()))}, e.Keypad.Digits.Bytes()...)
	case Inputs:
		said = []byte{codeISTATR}
		for _, level := range e.Levels {
			said = append(said, byte(level))
		}
	case Outputs:
		said = []byte{codeOSTATR, 0}
		if len(e.On) != 1 {
			v.t.Fatalf("got %d outputs, the reader has one", len(e.On))
		}
		if e.On[0] {
			said[1] = 1
		}
	case Settled:
		if o := v.orders[e.Ticket]; o != nil {
			o.settled++
			o.err = e.Err
		}
		return
	case CharsRead, VendorSaid:
		v.t.Fatalf("the reader never said %T", e)
	case LocalSaid:
		said = []byte{codeLSTATR, 0, 0}
		if e.Local.Tampered || e.Local.NoPower {
			v.t.Fatal("the reader never said that")
		}
	default:
		return
	}
	for v.told < len(v.reader.told) {
		v.told++
		if bytes.Equal(v.reader.told[v.told-1], said) {
			return
		}
	}
	v.t.Fatalf("the reader did not say % X, or not again", said)
}

// siege is a line at 115200 baud with a reader that is attacked and one that is
// left alone.
type siege struct {
	*world
	rng   *rand.Rand
	m     *mallory
	v     *witness
	quiet *pd
	next  uint32 // number of the next card, keys or inputs
}

func newSiege(t *testing.T, seed uint64) *siege {
	s := &siege{world: newWorld(t, 115200), rng: rand.New(rand.NewPCG(seed, 31))}
	reader, peer := s.secure(1)
	s.quiet, _ = s.secure(9)
	reader.noCache = s.rng.IntN(3) == 0
	if seed%4 != 0 {
		reader.draw = func(rndB []byte) { binary.LittleEndian.PutUint64(rndB, s.rng.Uint64()) }
	}
	reader.inputs = func() []byte {
		s.next++
		said := make([]byte, 12)
		for i, n := 0, s.next; i < len(said); i, n = i+1, n/6 {
			said[i] = byte(n % 6)
		}
		return said
	}
	rival := newPD(t, 1, nil)
	rival.pdid = reader.pdid
	s.v = &witness{
		t: t, w: s.world, peer: peer, reader: reader, challenges: map[string]bool{}, orders: map[Ticket]*unlock{}, trusted: s.now,
	}
	s.m = &mallory{w: s.world, rng: s.rng, reader: reader, rival: rival, did: map[string]int{}, heard: s.v.answered}
	s.m.zeal = []float64{0.02, 0.1, 0.3, 0.7, 1}[s.rng.IntN(5)]
	for range 1 + s.rng.IntN(6) {
		s.m.tricks = append(s.m.tricks, mallorysTricks[s.rng.IntN(len(mallorysTricks))])
	}
	s.run(time.Second)
	s.wire = func(line []byte, ends time.Time) []arrival {
		s.v.says(line)
		if !s.now.Before(s.v.off) {
			reader.outputs[0] = 0
		}
		return s.m.wire(line, ends)
	}
	return s
}

// day lets people come and the panel unlock, while mallory does as he likes.
func (s *siege) day(d time.Duration) {
	peer := s.v.peer
	for end := s.now.Add(d); s.now.Before(end); {
		s.run(time.Duration(20+s.rng.IntN(400)) * time.Millisecond)
		s.look()
		switch s.rng.IntN(8) {
		case 0, 1:
			s.next++
			s.v.reader.events = append(s.v.reader.events, binary.BigEndian.AppendUint32([]byte{codeRAW, 0, 0, 32, 0}, s.next))
		case 2:
			s.next++
			keys := fmt.Sprintf("%08d", s.next)
			s.v.reader.events = append(s.v.reader.events, append([]byte{codeKEYPAD, 0, 8}, keys...))
		case 3, 4:
			s.unlock(peer)
		case 5:
			_, _ = peer.Queue(s.now, LED(Lamp{Lasting: &Blink{On: time.Second, OnColor: Red}}), s.now)
		case 6:
			if s.rng.IntN(10) == 0 {
				s.bus.Restart(s.now)
			}
		}
		s.quiet.events = append(s.quiet.events, card)
	}
}

func (s *siege) unlock(peer *Peer) {
	o := &unlock{until: s.now.Add(time.Duration(200+s.rng.IntN(1800)) * time.Millisecond), timer: uint16(1 + s.rng.IntN(60))}
	o.hidden = s.now.Before(s.v.off)
	for _, other := range s.v.orders {
		if other.timer == o.timer {
			return
		}
		if other.settled == 0 {
			o.hidden, other.hidden = true, true
		}
	}
	ticket, err := peer.Queue(s.now, OUT(Output{Control: OutputPulse, Timer: time.Duration(o.timer) * 100 * time.Millisecond}), o.until)
	if err == nil {
		s.v.orders[ticket] = o
	}
}

// look takes what the peers said, and how they are.
func (s *siege) look() {
	for _, e := range s.said[s.v.peer] {
		s.v.believes(e)
	}
	s.said[s.v.peer] = nil
	if s.v.peer.State() == Secure && s.now.Sub(s.v.trusted) > offlineAfter+busyLimit+time.Second {
		s.t.Fatalf("the peer is secure %v after the reader was truly heard", s.now.Sub(s.v.trusted))
	}
}

// judge is what must hold in the end.
func (s *siege) judge() {
	s.m.zeal = 0
	s.run(5 * time.Second)
	s.look()
	s.wantState(s.v.peer, Secure)
	for ticket, o := range s.v.orders {
		sure := o.err == nil && o.done != 1 && !o.hidden
		not := o.err != nil && o.err != ErrInDoubt && o.done != 0 //nolint:errorlint // never wrapped
		if s.v.reader.draw == nil && o.done > 1 {
			continue // a reader that draws no number can be told a whole session again; the panel cannot help it
		}
		if o.settled != 1 || o.done > 1 || sure || not {
			s.t.Fatalf("unlock %d: settled %d times, with %v; the reader did it %d times", ticket, o.settled, o.err, o.done)
		}
	}
	neighbour := s.peers[1]
	if got := len(of[CardRead](s.world, neighbour)); got != len(s.quietTold()) {
		s.t.Fatalf("the neighbour said %d cards, %d came", len(s.quietTold()), got)
	}
	if n := len(of[StateChanged](s.world, neighbour)); n != 1 {
		s.t.Fatalf("the neighbour changed its state %d times", n)
	}
	asked := s.asked[s.quiet.address]
	for i := 1; i < len(asked); i++ {
		if gap := asked[i].Sub(asked[i-1]); gap > 1300*time.Millisecond { // two turns that are talked full, and an unlock
			s.t.Fatalf("the neighbour was not asked for %v", gap)
		}
	}
}

func (s *siege) quietTold() (cards [][]byte) {
	for _, said := range s.quiet.told {
		if said[0] == codeRAW {
			cards = append(cards, said)
		}
	}
	return cards
}

// An active attacker in the wire, in some hundred temperaments: nothing that the
// reader did not say is believed, nothing twice; nothing is said that must not be;
// no unlock twice, late or untold; and the neighbour does not notice.
func TestAttackerInTheWireGetsNothing(t *testing.T) {
	sieges, did, handshakes, unlocks := 300, map[string]int{}, 0, 0
	if testing.Short() {
		sieges = 60
	}
	believed := 0
	for seed := range uint64(sieges) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSiege(t, seed)
			s.day(20 * time.Second)
			s.judge()
			for name, n := range s.m.did {
				did[name] += n
			}
			handshakes += len(s.v.challenges)
			believed += s.v.told
			for _, o := range s.v.orders {
				unlocks += o.done
			}
		})
	}
	for _, trick := range mallorysTricks {
		if did[trick.name] == 0 {
			t.Errorf("he never %s", trick.name)
		}
	}
	t.Logf("%d handshakes, %d replies believed, %d unlocks, tricks %v", handshakes, believed, unlocks, did)
}
