package osdp

import (
	"slices"
	"time"
)

// Ticket names a queued command; no two of a peer are alike, and 0 is none.
type Ticket uint64

// rank is who goes first on a bus.
type rank uint8

const (
	rankOutput rank = iota // somebody stands at the door
	rankLate               // a live peer that was not asked for too long
	rankLamp
	rankBuzzer
	rankOther
	rankStep
	rankTry // a silent peer, which costs the others a quarter of a second: once a round
	rankPoll
)

// mostUnlock is how long a command to an output may wait at most, whatever its
// deadline: a door that opens later opens for nobody.
const mostUnlock = 2 * time.Second

// mostQueued is how many commands of one rank may wait.
const mostQueued = 8

// order is a command that was queued.
type order struct {
	ticket  Ticket
	command Command
	until   time.Time
}

// queue holds orders by rank: outputs, lamps, buzzers, all else.
type queue struct {
	last    Ticket
	waiting [rankOther + 1][]order
}

// Queue takes a command for the reader: OUT, LED, BUZ, TEXT, LSTAT, ISTAT,
// OSTAT, RSTAT or MFG. Settled tells how it ended. Once until has passed it is
// never sent; an OUT is not even repeated, and 2 s are its limit. A newer LED for the same lamp takes
// the place of one that still waits, and so do a newer BUZ and TEXT. What an LED
// sets for good is remembered and said again after each connect, also when
// Queue returns ErrOffline.
//
// A Bus that is idle must be asked for its Next turn after this.
func (p *Peer) Queue(now time.Time, command Command, until time.Time) (Ticket, error) {
	p.tick(now)
	if command.Code == codeLED {
		p.remember(command.Data)
	}
	r, ok := rankOf(command.Code)
	switch {
	case !ok:
		return 0, ErrNotQueued
	case p.state != Secure && p.state != Clear:
		return 0, ErrOffline
	case p.unsupported[command.Code]:
		return 0, ErrUnsupported
	case p.frameSize(command) > p.capabilities.Buffer():
		return 0, ErrTooLong
	}
	if limit := now.Add(mostUnlock); r == rankOutput && until.After(limit) {
		until = limit
	}
	o := order{command: command, until: until}
	waiting := p.queue.waiting[r]
	if i := slices.IndexFunc(waiting, func(old order) bool { return supersedes(command, old.command) }); i >= 0 {
		o.command = merged(command, waiting[i].command)
		p.settle(waiting[i].ticket, ErrSuperseded)
		waiting = slices.Delete(waiting, i, i+1)
	}
	if len(waiting) >= mostQueued {
		p.queue.waiting[r] = waiting
		return 0, ErrFull
	}
	p.queue.last++
	o.ticket = p.queue.last
	p.queue.waiting[r] = append(waiting, o)
	return o.ticket, nil
}

func rankOf(code byte) (rank, bool) {
	switch code {
	case codeOUT:
		return rankOutput, true
	case codeLED:
		return rankLamp, true
	case codeBUZ:
		return rankBuzzer, true
	case codeTEXT, codeLSTAT, codeISTAT, codeOSTAT, codeRSTAT, codeMFG:
		return rankOther, true
	}
	return 0, false
}

// frameSize is how long a command is on the wire, in the channel or not.
func (p *Peer) frameSize(c Command) int {
	if p.set.Insecure {
		return headSize + 1 + len(c.Data) + 2
	}
	return headSize + 2 + 1 + (len(c.Data)/16+1)*16 + macSize + 2
}

// supersedes says whether a newer command makes one that waits pointless.
func supersedes(newer, older Command) bool {
	if newer.Code != older.Code || len(newer.Data) < 4 || len(older.Data) < 4 {
		return false
	}
	switch newer.Code {
	case codeLED:
		return len(newer.Data) == 14 && len(older.Data) == 14 && newer.Data[0] == older.Data[0] && newer.Data[1] == older.Data[1]
	case codeBUZ:
		return newer.Data[0] == older.Data[0]
	case codeTEXT: // the same row of the same display
		return newer.Data[0] == older.Data[0] && newer.Data[3] == older.Data[3]
	}
	return false
}

// merged is a newer LED with what only the older one set.
func merged(newer, older Command) Command {
	if newer.Code != codeLED {
		return newer
	}
	data := slices.Clone(newer.Data)
	if data[2] == 0 {
		copy(data[2:9], older.Data[2:9])
	}
	if data[9] == 0 {
		copy(data[9:14], older.Data[9:14])
	}
	return Command{codeLED, data}
}

// mostLamps fit into one command of 128 bytes in the secure channel.
const mostLamps = 6

// remember keeps how lamps stand for good: a reader that was without power has
// forgotten it.
func (p *Peer) remember(data []byte) {
	for ; len(data) >= 14; data = data[14:] {
		if data[9] == 0 {
			continue
		}
		lamp := [14]byte{0: data[0], 1: data[1]}
		copy(lamp[9:], data[9:14])
		if i := slices.IndexFunc(p.lamps, func(l [14]byte) bool { return l[0] == lamp[0] && l[1] == lamp[1] }); i >= 0 {
			p.lamps[i] = lamp
		} else if len(p.lamps) < mostLamps {
			p.lamps = append(p.lamps, lamp)
		}
	}
}

func (p *Peer) settle(ticket Ticket, err error) {
	if ticket != 0 {
		p.emit(Settled{ticket, err})
	}
}

// expire drops what is too late.
func (q *queue) expire(now time.Time, settle func(Ticket, error)) {
	for r, waiting := range q.waiting {
		for i := 0; i < len(waiting); {
			if !now.After(waiting[i].until) {
				i++
				continue
			}
			settle(waiting[i].ticket, ErrExpired)
			waiting = slices.Delete(waiting, i, i+1)
			q.waiting[r] = waiting
		}
	}
}

// deadline is when the next of what waits for the reader is too late, so that
// whoever waits is told in time; false when nothing waits.
func (p *Peer) deadline() (next time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	for _, waiting := range p.queue.waiting {
		for _, o := range waiting {
			sooner(o.until)
		}
	}
	if p.doubt.open {
		sooner(p.doubt.order.until)
	}
	if p.out.open && p.out.code == codeOUT {
		sooner(p.out.order.until)
	}
	return next.Add(1), ok
}

// first is the rank of the next order.
func (q *queue) first() (rank, bool) {
	for r, waiting := range q.waiting {
		if len(waiting) > 0 {
			return rank(r), true
		}
	}
	return 0, false
}

func (q *queue) take(r rank) order {
	o := q.waiting[r][0]
	q.waiting[r] = slices.Delete(q.waiting[r], 0, 1)
	return o
}

// putBack makes an order the next again.
func (q *queue) putBack(o order) {
	if r, ok := rankOf(o.command.Code); ok {
		q.waiting[r] = slices.Insert(q.waiting[r], 0, o)
	}
}
