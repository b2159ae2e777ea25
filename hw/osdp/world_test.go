package osdp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// world is a line in virtual time: one bus, readers, and what a line does to
// bytes. It is the driver loop of the package comment.
type world struct {
	t        testing.TB
	now      time.Time
	bus      *Bus
	lastByte time.Time // when it came
	pds      []*pd
	peers    []*Peer
	echo     bool
	noise    []byte // before every reply
	late     []arrival
	sent     [][]byte
	asked    map[byte][]time.Time // by address
	kept     []Keys
	saved    error
	said     map[*Peer][]Event
	on       func(e Event)
	wire     func(frame []byte, ends time.Time) []arrival // nil: the readers hear all and are heard
}

type arrival struct {
	at  time.Time
	raw []byte
}

type entropy struct{ *rand.ChaCha8 }

func newWorld(t testing.TB, baud int) *world {
	return &world{
		t: t, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), bus: NewBus(baud), asked: map[byte][]time.Time{}, said: map[*Peer][]Event{},
	}
}

var testKey = []byte{0x9A, 1, 0xC3, 0x44, 0x17, 0x20, 0xEE, 0x51, 0x66, 3, 0x0B, 0xD2, 0x75, 0x5A, 0xA1, 0x3C}

// add puts a reader and its peer on the line.
func (w *world) add(p *pd, set Settings) *Peer {
	w.t.Helper()
	set.Address = p.address
	if set.Random == nil {
		set.Random = entropy{rand.NewChaCha8([32]byte{p.address})}
	}
	set.Keep = func(keys Keys) error {
		w.kept = append(w.kept, keys)
		return w.saved
	}
	peer, err := NewPeer(set)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.bus.Add(peer); err != nil {
		w.t.Fatal(err)
	}
	w.pds, w.peers = append(w.pds, p), append(w.peers, peer)
	return peer
}

// secure is a reader that was paired with testKey.
func (w *world) secure(address byte) (*pd, *Peer) {
	p := newPD(w.t, address, testKey)
	return p, w.add(p, Settings{Keys: Keys{Current: mustKey(w.t, testKey)}})
}

func mustKey(t testing.TB, raw []byte) Key {
	t.Helper()
	key, err := MakeKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for w.now.Before(end) {
		turn := w.bus.Next(w.now)
		w.drain()
		if turn.Frame == nil {
			if !turn.Until.After(w.now) {
				w.t.Fatal("the bus is idle until a time that is past")
			}
			w.now = minTime(turn.Until, end)
			continue
		}
		w.turn(turn)
		w.drain()
	}
}

// turn writes a frame and listens.
func (w *world) turn(turn Turn) {
	w.sent = append(w.sent, bytes.Clone(turn.Frame))
	w.asked[turn.Frame[2]] = append(w.asked[turn.Frame[2]], w.now)
	if gap := w.bus.wire(2); w.now.Sub(w.lastByte) < gap {
		w.t.Fatalf("the panel spoke %v after the last byte, want at least two characters, %v", w.now.Sub(w.lastByte), gap)
	}
	w.late = kept(w.late, w.now)
	ends := w.now.Add(w.bus.wire(len(turn.Frame)))
	if w.echo {
		w.late = append(w.late, arrival{ends, bytes.Clone(turn.Frame)})
	}
	wire := w.wire
	if wire == nil {
		wire = w.answers
	}
	w.late = append(w.late, wire(turn.Frame, ends)...)
	until := turn.Until
	for {
		i := next(w.late, until)
		if i < 0 {
			w.now = until
			w.bus.Silence(w.now)
			return
		}
		a := w.late[i]
		w.late = append(w.late[:i:i], w.late[i+1:]...)
		w.now, w.lastByte = a.at, a.at
		var done bool
		if until, done = w.bus.Heard(w.now, a.raw); done {
			return
		}
	}
}

// answers are what the readers say to a command that ended at a time.
func (w *world) answers(frame []byte, ends time.Time) (all []arrival) {
	for _, p := range w.pds {
		if reply := p.hears(frame); reply != nil {
			raw := append(append([]byte{0xFF}, w.noise...), reply...)
			all = append(all, arrival{ends.Add(3*time.Millisecond + p.slow + w.bus.wire(len(raw))), raw})
		}
	}
	return all
}

// kept are the bytes that were not there yet when the input was thrown away.
func kept(all []arrival, now time.Time) (left []arrival) {
	for _, a := range all {
		if a.at.After(now) {
			left = append(left, a)
		}
	}
	return left
}

func next(all []arrival, until time.Time) int {
	best := -1
	for i, a := range all {
		if !a.at.After(until) && (best < 0 || a.at.Before(all[best].at)) {
			best = i
		}
	}
	return best
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (w *world) drain() {
	for _, p := range w.peers {
		for _, e := range p.Drain() {
			w.said[p] = append(w.said[p], e)
			if w.on != nil {
				w.on(e)
			}
		}
	}
}

// of are the events of one kind that a peer said.
func of[T Event](w *world, p *Peer) (all []T) {
	for _, e := range w.said[p] {
		if e, ok := e.(T); ok {
			all = append(all, e)
		}
	}
	return all
}

// refused is how often a peer refused for a reason.
func (w *world) refused(p *Peer, why Refusal) (count uint64) {
	for _, r := range of[Refused](w, p) {
		if r.Why == why {
			count += r.Count
		}
	}
	return count
}

func (w *world) wantRefused(p *Peer, why Refusal) {
	w.t.Helper()
	if w.refused(p, why) == 0 {
		w.t.Errorf("nothing was counted as %q; there is %v", why, of[Refused](w, p))
	}
}

func (w *world) wantCards(p *Peer, want int) {
	w.t.Helper()
	if got := len(of[CardRead](w, p)); got != want {
		w.t.Errorf("got %d cards, want %d", got, want)
	}
}

func (w *world) wantState(p *Peer, want State) {
	w.t.Helper()
	if p.State() != want {
		w.t.Fatalf("got state %v, want %v; refused: %v", p.State(), want, of[Refused](w, p))
	}
}

// card is a 26-bit card as an event of a reader.
var card = []byte{0x50, 0, 1, 26, 0, 0xBD, 0x88, 0xEB, 0x80}
