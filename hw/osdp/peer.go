package osdp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"
)

// How a peer is treated in time.
const (
	DefaultPoll = 50 * time.Millisecond

	staleWithin    = 4 * time.Second        // that a reply may be late and still be taken for a new one, in clear
	offlineAfter   = 8 * time.Second        // without a valid exchange (SIA OSDP 2.2 §5.7); the reader thinks the same
	rekeyWithin    = 2 * time.Second        // that a peer may be without its channel and still count as there
	settledAfter   = 5 * time.Second        // that a channel must live to count as a success
	startsAtOnce   = 3                      // handshakes that may follow each other at once
	startSpacing   = time.Second            // between all later ones: a MAC has 32 bits, so guessing must be slow
	firstBackoff   = time.Second            // between tries of a peer that is silent
	lateBackoff    = 4 * time.Second        // the same, later: a reader plugged in again is back within 5 s
	backoffChanges = 30 * time.Second       // when later begins
	lastTryAfter   = 700 * time.Millisecond // before the last repeat: a short break of the line must not cost a card
	mostTries      = 4                      // of one command, counting the first
	busyStep       = 20 * time.Millisecond  // more patience for each BUSY …
	busyMost       = 100 * time.Millisecond // … up to this …
	busyLimit      = 3 * time.Second        // … and no longer than this
	backlogMost    = 2 * time.Second        // for what a reader kept while nobody asked
	mostReceived   = MaxFrame               // what we say we can take
	mostEvents     = 128                    // that wait to be fetched
)

// Keys is what must be kept of a peer for as long as it hangs where it hangs.
type Keys struct {
	Current  Key    // that the reader answered to; zero: never paired
	Pending  Key    // that it may have been given; tried first
	Identity string // who it was when it was paired, as Device.Identity
}

// Settings of a peer.
type Settings struct {
	Address byte // 0 to 7E; 7F only for one reader alone
	Keys    Keys
	// Insecure allows clear text, for the bench only: anybody on the wire can
	// then open the door. No key is used, whatever Keys says.
	Insecure bool
	// Checksum is for old readers that have no CRC. Only with Insecure.
	Checksum bool
	Poll     time.Duration // from one poll to the next; 0: DefaultPoll
	// Keep makes keys durable and returns when they are. It is called from
	// Next and Heard of the bus: before a key is sent to the reader, and when a
	// key was proved. Without it a peer cannot be paired.
	Keep   func(Keys) error
	Random io.Reader // nil: crypto/rand
}

// Peer is one reader (a "PD") as the panel sees it. It is told what to do by a
// Bus, says what it has to say through Drain, and is not for use by several
// goroutines at once.
type Peer struct {
	set      Settings
	address  byte
	keys     Keys
	state    State
	step     step
	events   []Event
	refusals [refusalCount]uint64

	sequence byte   // of the next command
	tx       []byte // the last command as sent, mark included
	out      exchange
	last     lastReply
	event    lastReply // the last that was a card or a key, in clear
	channel  *channel
	hand     handshake
	pair     pairing
	queue    queue
	doubt    doubt
	move     move
	lamps    [][14]byte // how they stand for good

	device       Device
	capabilities Capabilities
	backlog      State // that it will have once it has said what it kept; 0: it has
	unsupported  map[byte]bool
	asks         asks // what to ask once after a connect
	toldSize     bool

	lastAsked, lastPoll, lastGood, lastMiss, silentSince, notBefore time.Time
	forgave                                                         time.Time // a wrong MAC: seldom, since a MAC has 32 bits
	liveSince, lostAt, lastStart                                    time.Time
	starts                                                          int  // handshakes since a channel lived long enough
	idTries                                                         int  // unanswered
	silent                                                          bool // the last try brought nothing
	checksum, crcWorked                                             bool
	why                                                             Refusal // what keeps it from being believed
}

// step is where a peer is on its way to being believed.
type step uint8

const (
	stepID step = iota
	stepCapabilities
	stepChallenge
	stepProof
	stepKeyset
	stepLive
	stepKnown // unpaired or swapped: asked who it is once a second
)

// exchange is a command that waits for its reply.
type exchange struct {
	open      bool
	code      byte
	sequence  byte
	secured   bool // inside the channel
	forged    bool // a reply with a wrong MAC came
	rank      rank
	order     order // what was queued; no ticket: the peer's own
	first     time.Time
	again     time.Time // when to send it once more
	misses    int
	naks      int
	busySince time.Time
	patience  time.Duration
}

// lastReply tells a reply that is said twice.
type lastReply struct {
	heard    bool
	sequence byte
	code     byte
	check    uint16
}

// NewPeer is a peer that was not heard yet.
func NewPeer(set Settings) (*Peer, error) {
	switch {
	case set.Address > Broadcast:
		return nil, fmt.Errorf("address %d: use 0 to 126", set.Address)
	case set.Checksum && !set.Insecure:
		return nil, errors.New("a reader without CRC cannot be secured: checksum is only for the bench, with insecure")
	}
	for _, key := range []Key{set.Keys.Current, set.Keys.Pending} {
		if !key.IsZero() && weak(key.secret()[:]) {
			return nil, errWeakKey
		}
	}
	if set.Poll <= 0 {
		set.Poll = DefaultPoll
	}
	if set.Random == nil {
		set.Random = rand.Reader
	}
	return &Peer{
		set: set, address: set.Address, keys: set.Keys, silent: true, checksum: set.Checksum,
		tx: make([]byte, 0, 256), unsupported: map[byte]bool{},
	}, nil
}

// Format shows the address and nothing else: a peer holds secrets.
func (p Peer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "osdp reader %d", p.address) }

// Address is where the reader is; pairing keeps it, Move changes it.
func (p *Peer) Address() byte { return p.address }

// State is how much the peer is worth now.
func (p *Peer) State() State { return p.state }

// Device is who the reader said it is, last.
func (p *Peer) Device() Device { return p.device }

// Capabilities are what the reader said it can do, last.
func (p *Peer) Capabilities() Capabilities { return p.capabilities }

// Why is what keeps the peer from being believed, 0 if nothing does or nobody
// knows.
func (p *Peer) Why() Refusal { return p.why }

// LastHeard is when the last valid reply came.
func (p *Peer) LastHeard() time.Time { return p.lastGood }

// Drain returns what the peer has to say, in order, and forgets it. Fetch it
// after every turn: a peer remembers 128 events and counts what it had to drop.
// Counts of refusals come last.
func (p *Peer) Drain() []Event {
	events := p.events
	p.events = nil
	for why, count := range p.refusals {
		if count > 0 {
			events = append(events, Refused{Refusal(why), count})
			p.refusals[why] = 0
		}
	}
	return events
}

func (p *Peer) emit(e Event) {
	if len(p.events) >= mostEvents {
		p.refuse(RefusedOverflow)
		return
	}
	p.events = append(p.events, e)
}

func (p *Peer) refuse(why Refusal) { p.refusals[why]++ }

func (p *Peer) become(now time.Time, s State, why Refusal) {
	p.why = why
	if s != p.state {
		p.state = s
		p.emit(StateChanged{now, s, why})
	}
}

// tick does what falls due by time alone.
func (p *Peer) tick(now time.Time) {
	p.queue.expire(now, p.settle)
	if p.doubt.open && now.After(p.doubt.order.until) {
		p.doubt.open = false
		p.settle(p.doubt.order.ticket, ErrInDoubt)
	}
	if p.out.open && p.out.code == codeOUT && now.After(p.out.order.until) {
		// Repeating it would open the door late, and another command may not
		// have its number: begin anew.
		p.settle(p.out.order.ticket, ErrInDoubt)
		p.out.order.ticket = 0
		p.restart(now)
	}
	if p.pair.on && now.After(p.pair.until) {
		p.pairingFailed(now, errPairWindow)
	}
	lost := !p.lostAt.IsZero() && now.Sub(p.lostAt) >= offlineAfter // whatever is said in clear
	if p.state != Offline && (lost || now.Sub(p.lastGood) >= offlineAfter) {
		p.goOffline(now, RefusedTimeout)
	}
}

func (p *Peer) goOffline(now time.Time, why Refusal) {
	p.begin(now, stepID)
	p.lostAt, p.toldSize = time.Time{}, false
	clear(p.unsupported)
	p.become(now, Offline, why)
}
