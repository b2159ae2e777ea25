package hwtest

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"
)

// PN532 simulates NXP's PN532 with firmware 1.6 on its high speed UART. It was
// written from the user manual UM0701-02 and the application note AN10609, not
// from any driver. It sleeps after power-up until the wake-up preamble, and
// polls for cards only after SAMConfiguration. Any goroutine may call it.
type PN532 struct {
	wire wire

	mu     sync.Mutex // guards all below
	in     pn532Input
	state  pn532State
	normal bool // SAMConfiguration came: no longer in the low battery mode
	deaf   bool // powered down without HSU among what wakes it
	hung   bool
	edges  int       // rising edges seen while asleep
	clock  time.Time // when the byte looked at was on the wire
	wakes  time.Time // when the oscillator is steady

	turn   uint64 // counts commands and aborts, so that a late answer is not sent
	last   []byte // the last answer, for a NACK
	faults []pn532Failure
	pause  time.Duration // added to every exchange with a card

	rf        bool
	retries   byte // MxRtyPassiveActivation
	timeout   byte // code of the retry timeout
	noRATS    bool
	field     []*pn532Tag // in the order in which they were put down
	targets   []*pn532Tag // by Tg-1; nil: released
	commands  map[byte]int
	moreOut   []byte // the rest of an answer that did not fit
	moreIn    []byte // a command that comes in pieces
	exchanges int
}

// pn532Tag is a tag in the field.
type pn532Tag struct {
	tag     Tag
	target  Target // as it was when it was selected last
	left    int    // exchanges until it is pulled away; negative: it stays
	powered bool   // has power since the field came on
}

type pn532State uint8

const (
	pn532Off pn532State = iota
	pn532Asleep
	pn532Awake
)

// What the chip takes for things.
const (
	pn532Byte      = 87 * time.Microsecond  // a byte at 115200 baud
	pn532Wake      = time.Millisecond       // until the oscillator is steady
	pn532FrameTime = 89 * time.Millisecond  // for all of a frame after its LCS
	pn532Attempt   = 5 * time.Millisecond   // one try to find a card
	pn532Exchange  = time.Millisecond       // one exchange with a card
	pn532DEPWait   = 80 * time.Millisecond  // until an ISO-DEP card is given up
	pn532PollUnit  = 150 * time.Millisecond // of InAutoPoll
)

// NewPN532 makes a module with power and nothing in its field. It does nothing
// before Run.
func NewPN532(line io.ReadWriter) *PN532 {
	p := &PN532{wire: wire{line: line}, commands: map[byte]int{}}
	p.powerOn()
	return p
}

// Run serves the line until ctx ends, which also closes the line if it can be
// closed, or until the line ends.
func (p *PN532) Run(ctx context.Context) error { return p.wire.serve(ctx, p.heard) }

// Put brings a tag into the field. One that is there is put down anew, as if it
// had been taken away between.
func (p *PN532) Put(tag Tag) { p.put(tag, -1) }

// PutFor brings a tag into the field that is pulled away after so many
// exchanges with it.
func (p *PN532) PutFor(tag Tag, exchanges int) { p.put(tag, exchanges) }

func (p *PN532) put(tag Tag, exchanges int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(tag)
	p.field = append(p.field, &pn532Tag{tag: tag, left: exchanges})
}

// Take takes a tag out of the field.
func (p *PN532) Take(tag Tag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(tag)
}

func (p *PN532) remove(tag Tag) {
	gone := func(t *pn532Tag) bool { return t.tag == tag }
	p.field = slices.DeleteFunc(p.field, gone)
}

// PowerOff takes the module's power: it forgets everything and is silent.
func (p *PN532) PowerOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.state = pn532Off
}

// PowerOn gives it power again. It sleeps until it is woken.
func (p *PN532) PowerOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == pn532Off {
		p.powerOn()
	}
}

// PowerCycle takes the power and gives it again. It heals a module that hung.
func (p *PN532) PowerCycle() {
	p.PowerOff()
	p.PowerOn()
}

// powerOn sets what UM0701-02 calls the default values.
func (p *PN532) powerOn() {
	p.turn++
	p.in = pn532Input{}
	p.state, p.normal, p.deaf, p.hung, p.edges = pn532Asleep, false, false, false, 0
	p.last, p.targets, p.moreOut, p.moreIn = nil, nil, nil, nil
	p.retries, p.timeout, p.noRATS = 0xFF, 0x0A, false
	p.fieldOff()
}

// fieldOff lets every tag lose its power.
func (p *PN532) fieldOff() {
	p.rf, p.targets = false, nil
	for _, t := range p.field {
		t.powered = false
	}
}

// Commands is how often the module took a command for good since it was made.
func (p *PN532) Commands(code byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.commands[code]
}

// Exchanges is how often a tag was spoken to since the module was made.
func (p *PN532) Exchanges() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exchanges
}

// FieldOn says whether the module makes its field now.
func (p *PN532) FieldOn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rf
}

func (p *PN532) heard(in []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.in.stale(now) {
		p.in = pn532Input{}
	}
	for _, c := range in {
		if p.clock = p.clock.Add(pn532Byte); p.clock.Before(now) {
			p.clock = now
		}
		if p.listens(c) {
			p.in.take(c, now)
			p.obeyInput()
		}
	}
}

// listens says whether a byte reaches the chip. Asleep, it only counts rising
// edges; after the fifth it wakes, and what comes until its oscillator is steady
// is lost.
func (p *PN532) listens(c byte) bool {
	switch {
	case p.state == pn532Off || p.hung:
		return false
	case p.state == pn532Awake:
		return true
	case p.deaf:
		return false
	case p.edges >= 5:
		if p.clock.Before(p.wakes) {
			return false
		}
		p.state = pn532Awake
		return true
	}
	level := byte(0) // the start bit
	for bit := range 9 {
		next := byte(1) // the stop bit
		if bit < 8 {
			next = c >> bit & 1
		}
		if level == 0 && next == 1 {
			p.edges++
		}
		level = next
	}
	if p.edges >= 5 {
		p.wakes = p.clock.Add(pn532Wake)
	}
	return false
}

func (p *PN532) obeyInput() {
	for p.state == pn532Awake && !p.hung {
		switch kind, packet := p.in.next(); kind {
		case pn532Nothing:
			return
		case pn532ACK:
			p.turn++ // aborts; the chip says nothing to it
		case pn532NACK:
			if p.last != nil {
				p.send(p.last, pn532Healthy)
			}
		case pn532Data:
			p.command(packet)
		}
	}
}

// later does something unless a command, an abort or the power comes between.
func (p *PN532) later(d time.Duration, do func()) {
	mine := p.turn
	time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.turn == mine {
			do()
		}
	})
}
