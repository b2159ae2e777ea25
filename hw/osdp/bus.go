package osdp

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// The time a line takes (SIA OSDP 2.2 §5.7).
const (
	replyWithin = 200 * time.Millisecond // a reader's reply begins
	slack       = 30 * time.Millisecond  // more, for adapters that deliver late
	patience    = 120 * time.Millisecond // between bytes of one message: USB adapters have pauses of up to 110 ms
	lateAfter   = 300 * time.Millisecond // readers of some makers drop the channel after 400 ms without a command
	bitsPerByte = 10
)

// Turn is what to do next on the line.
type Turn struct {
	// Frame is to be written at once, in one write, after what is still in the
	// input was thrown away. Nil: nothing to write. It is valid until Next.
	Frame []byte
	// Until is how long to listen after the write; without a frame, when to ask
	// for the next turn, unless something is queued before.
	Until time.Time
	// Baud is the speed the line must have.
	Baud int
}

// Bus is one line with its readers. It says what to send and is told what comes
// back; it holds no port and no clock. Like its peers it is not for use by
// several goroutines at once.
type Bus struct {
	baud    int
	peers   []*Peer
	scanner Scanner
	current *Peer // whose reply is awaited
	until   time.Time
	limit   time.Time // however much comes
	quiet   time.Time // nobody may speak before
	hurried bool      // the last turn was for one that waited too long; where all do, every other turn goes by rank
	missed  time.Time // when a reply was awaited in vain last
	change  speedChange
}

// NewBus is a line without readers.
func NewBus(baud int) *Bus { return &Bus{baud: baud} }

// Add puts a reader on the line. Two at one address are an error.
func (b *Bus) Add(p *Peer) error {
	if b.taken(p.address, nil) {
		return fmt.Errorf("address %d: two readers of one line have it", p.address)
	}
	b.peers = append(b.peers, p)
	return nil
}

// taken says whether another reader has an address, or is on its way there.
func (b *Bus) taken(address byte, by *Peer) bool {
	return slices.ContainsFunc(b.peers, func(p *Peer) bool {
		return p != by && (p.address == address || p.move.on && (p.move.to == address || p.move.from == address))
	})
}

// Remove takes a reader off the line. What it had queued is never sent.
func (b *Bus) Remove(p *Peer) {
	b.peers = slices.DeleteFunc(b.peers, func(q *Peer) bool { return q == p })
	if b.current == p {
		b.current = nil
	}
}

// Restart is to be called when the port was opened anew: all readers are tried
// at once, where they were. What they forgot meanwhile they will say. One that was
// not heard for longer than two seconds is met anew: what was held to it meanwhile
// is to open nothing now.
func (b *Bus) Restart(now time.Time) {
	b.current, b.quiet = nil, now.Add(b.wire(2))
	for _, p := range b.peers {
		if p.step == stepLive && now.Sub(p.lastGood) >= backlogMost {
			p.goOffline(now, RefusedTimeout)
		}
		p.notBefore, p.silentSince = now, now
		p.out.again, p.out.misses = now, 0
	}
}

// Readdress gives a live reader another address. Moved tells how it ended.
func (b *Bus) Readdress(p *Peer, address byte) error {
	if address >= Broadcast || b.taken(address, p) {
		return fmt.Errorf("address %d: taken, or not of 0 to 126", address)
	}
	return p.relocate(address, b.baud, false)
}

// Next is what to do now. A turn that still waits for its reply is given up.
func (b *Bus) Next(now time.Time) Turn {
	if b.current != nil {
		b.Silence(now)
	}
	b.changeSpeed(now)
	if now.Before(b.quiet) {
		return Turn{Until: b.quiet, Baud: b.baud}
	}
	for range 2*len(b.peers) + 1 {
		p, at := b.choose(now)
		if p == nil {
			return Turn{Until: at, Baud: b.baud}
		}
		frame := p.send(now)
		if frame == nil {
			continue // it had nothing to say after all
		}
		b.current = p
		b.scanner.Begin(frame)
		b.until = now.Add(b.wire(len(frame)) + replyWithin + slack)
		b.limit = b.until.Add(b.wire(MaxFrame) + patience)
		b.quiet = now.Add(b.wire(len(frame) + 2))
		return Turn{Frame: frame, Until: b.until, Baud: b.baud}
	}
	return Turn{Until: now.Add(DefaultPoll), Baud: b.baud}
}

// wire is how long bytes are on the line.
func (b *Bus) wire(count int) time.Duration {
	return time.Duration(count) * bitsPerByte * time.Second / time.Duration(max(b.baud, 1))
}

// choose is whose turn it is, or when to ask again. Who waited longest goes
// first among equals. Where so many readers are that some have always waited too
// long, every second turn is for who wants more than to be asked: else nobody
// would be met any more, and no lamp told.
func (b *Bus) choose(now time.Time) (best *Peer, at time.Time) {
	at = now.Add(time.Second)
	var first, waiting candidate
	for _, p := range b.peers {
		due, r := p.due(now)
		if late, ok := p.deadline(); ok && late.Before(at) {
			at = late
		}
		if r == rankTry && due.Before(now.Add(1)) && !b.mayTry(p) {
			continue // once the others were asked
		}
		if due.After(now) {
			if due.Before(at) {
				at = due
			}
			continue
		}
		late := r > rankLate && p.step == stepLive && !p.silent && now.Sub(p.lastAsked) > lateAfter
		if r > rankLate && r < rankPoll {
			waiting.consider(p, r, false)
		}
		if late {
			r = rankLate
		}
		first.consider(p, r, late)
	}
	if b.hurried && first.late && waiting.peer != nil {
		first = waiting
	}
	if first.peer != nil {
		b.hurried = first.late
	}
	return first.peer, at
}

// candidate is who may have the next turn.
type candidate struct {
	peer *Peer
	rank rank
	late bool // was not asked for too long, and so goes before others
}

func (c *candidate) consider(p *Peer, r rank, late bool) {
	if c.peer == nil || r < c.rank || r == c.rank && p.lastAsked.Before(c.peer.lastAsked) {
		*c = candidate{p, r, late}
	}
}

// mayTry says whether all other readers that answer had a turn since a silent
// one cost them time.
func (b *Bus) mayTry(p *Peer) bool {
	return !slices.ContainsFunc(b.peers, func(q *Peer) bool {
		return q != p && q.step == stepLive && !q.silent && q.lastAsked.Before(b.missed)
	})
}

// Heard takes bytes from the line. Done is true when the turn is over; else the
// driver listens on until the time that is returned, and then calls Silence.
func (b *Bus) Heard(now time.Time, in []byte) (until time.Time, done bool) {
	if b.current == nil {
		return now, true
	}
	if len(in) > 0 {
		b.quiet = now.Add(b.wire(2))
	}
	for len(in) > 0 {
		n := b.scanner.Write(in)
		if in = in[n:]; b.scan(now, false) {
			return now, true
		}
	}
	until = b.until
	if more := now.Add(patience); b.scanner.Pending() && more.After(until) {
		until = more
	}
	if until.After(b.limit) {
		until = b.limit
	}
	return until, false
}

// Silence ends a turn: nothing more came in time.
func (b *Bus) Silence(now time.Time) {
	if b.current != nil && !b.scan(now, true) {
		b.current.missed(now)
		b.missed = now
	}
	b.current = nil
}

// scan looks through what came; true is a reply that ended the turn.
func (b *Bus) scan(now time.Time, final bool) bool {
	for {
		reply, refusal, found := b.scanner.Next(final)
		switch {
		case !found:
			return false
		case refusal != 0:
			b.current.refuse(refusal)
		case b.current.heard(now, reply):
			b.countRest(b.current)
			b.current = nil
			return true
		}
	}
}

// countRest counts what came together with the reply, behind it.
func (b *Bus) countRest(p *Peer) {
	for {
		reply, refusal, found := b.scanner.Next(true)
		switch {
		case !found:
			return
		case refusal != 0:
			p.refuse(refusal)
		case p.isLast(reply):
			p.refuse(RefusedDuplicate)
		default:
			p.refuse(RefusedUnexpected)
		}
	}
}

// speedChange is a change of the speed of all readers of a line.
type speedChange struct {
	phase    uint8 // 0: none; 1: they are told; 2: they are looked for
	from, to int
	since    time.Time
}

var errSpeed = errors.New("no reader answers at the new speed: the old one was set again")

// speedTime is how long readers are told, and how long they are looked for.
const speedTime = 5 * time.Second

// Speed gives all live readers another speed, then the line. Should none answer
// at it, the old speed is set again. Readers that are not live stay where they
// are: change the speed when all are there. Moved tells how it ended.
func (b *Bus) Speed(now time.Time, baud int) error {
	told := false
	for _, p := range b.peers {
		if b.change.phase == 0 && baud > 0 && p.relocate(p.address, baud, true) == nil {
			told = true
		}
	}
	if !told {
		return ErrOffline
	}
	b.change = speedChange{phase: 1, from: b.baud, to: baud, since: now}
	return nil
}

func (b *Bus) changeSpeed(now time.Time) {
	late := now.Sub(b.change.since) >= speedTime
	switch b.change.phase {
	case 1:
		waits := func(p *Peer) bool { return p.move.on && !p.move.said }
		if late || !slices.ContainsFunc(b.peers, waits) {
			b.turnTo(now, b.change.to)
			b.change.phase, b.change.since = 2, now
		}
	case 2:
		if slices.ContainsFunc(b.peers, func(p *Peer) bool { return p.lastGood.After(b.change.since) }) {
			b.change.phase = 0
		} else if late {
			b.turnTo(now, b.change.from)
			b.change.phase = 0
			for _, p := range b.peers {
				p.emit(Moved{Address: p.address, Baud: b.baud, Err: errSpeed})
				p.move = move{}
			}
		}
	}
}

func (b *Bus) turnTo(now time.Time, baud int) {
	b.baud = baud
	for _, p := range b.peers {
		p.begin(now, stepID)
		p.move.baud = false
		p.notBefore, p.silentSince, p.silent, p.idTries = now.Add(moveTime), now, true, 0
	}
}
