package osdp

import "time"

// mostChecks is how often a command is repeated to a reader that says it was
// garbled. Some say so of commands that they do not know.
const mostChecks = 3

// nak takes a reader's refusal of a command.
func (p *Peer) nak(now time.Time, n NAK, last lastReply) {
	p.refuse(n.refusal())
	switch n {
	case NAKCheck:
		p.garbled(now, last)
	case NAKSequence:
		p.restart(now)
	case NAKBlock, NAKConditions:
		p.unsecured(now, n, last)
	default:
		p.accepted(now, last)
		p.declined(now, n)
	}
}

func (p *Peer) garbled(now time.Time, last lastReply) {
	p.out.naks++
	p.silent = false
	if p.out.naks <= mostChecks {
		p.out.again = now
		return
	}
	if p.out.secured { // we count it as said, the reader as not heard: the chain is broken
		p.refusedUnsigned(NAKCheck)
		p.restart(now)
		return
	}
	p.accepted(now, last)
	p.declined(now, NAKCheck)
}

// refusedUnsigned ends a command of the channel that was refused in clear. Anybody
// on the wire can say so, also of a command that the reader has done.
func (p *Peer) refusedUnsigned(n NAK) {
	var err error = n
	if p.out.code == codeOUT || p.out.code == codeMFG {
		err = ErrInDoubt
	}
	p.settle(p.out.order.ticket, err)
	p.out.order.ticket = 0
}

// unsecured takes a refusal for want of a channel.
func (p *Peer) unsecured(now time.Time, n NAK, last lastReply) {
	if p.step == stepLive && p.set.Insecure {
		p.accepted(now, last)
		p.declined(now, n)
		if p.out.code == codePOLL {
			p.begin(now, stepID)
			p.notBefore = now.Add(firstBackoff)
			p.become(now, Offline, n.refusal())
		}
		return
	}
	if p.step == stepCapabilities { // it says what it can only in the channel
		p.accepted(now, last)
		p.declined(now, n)
		return
	}
	p.restart(now)
	if p.state == Offline {
		p.why = n.refusal()
	}
}

// declined goes on after a command that the reader will not do.
func (p *Peer) declined(now time.Time, n NAK) {
	p.settle(p.out.order.ticket, n)
	switch p.out.code {
	case codeID:
		p.notBefore = now.Add(firstBackoff)
	case codeCAP:
		p.capabilities = Capabilities{}
		p.capable(now)
	case codeCHLNG, codeSCRYPT:
		p.failHandshake(now, RefusedKey)
	case codeKEYSET:
		p.keysetTaken(now) // or not: what it answers to next will tell
	case codeLED, codeBUZ, codeTEXT:
		p.unsupported[p.out.code] = p.unsupported[p.out.code] || n == NAKUnknown
	case codeCOMSET:
		p.move = move{}
		p.emit(Moved{Address: p.address, Err: n})
	case codeOSTAT:
		if p.doubt.open {
			p.doubt.open = false
			p.settle(p.doubt.order.ticket, ErrInDoubt)
		}
	}
}

// doubt is an OUT whose acknowledgement was lost together with the channel.
// Whether the reader did it is asked before anything else is done.
type doubt struct {
	open  bool
	order order
	first time.Time // when it was sent first
}

// resolve decides on the OUT in doubt by how the outputs stand.
func (p *Peer) resolve(now time.Time, on []bool) {
	o := p.doubt.order
	p.doubt.open = false
	switch landed(o.command.Data, on, now.Sub(p.doubt.first)) {
	case landedYes:
		p.settle(o.ticket, nil)
	case landedNo:
		p.queue.putBack(o)
	default:
		p.settle(o.ticket, ErrInDoubt)
	}
}

type landing uint8

const (
	landedUnknown landing = iota
	landedYes
	landedNo // and to send it again does no harm
)

// landed says whether outputs stand as an OUT told them, which was sent first so
// long ago.
func landed(records []byte, on []bool, ago time.Duration) landing {
	verdict := landedYes
	for ; len(records) >= 4; records = records[4:] {
		if int(records[0]) >= len(on) {
			return landedUnknown
		}
		is := on[records[0]]
		timer := time.Duration(uint16(records[2])|uint16(records[3])<<8) * 100 * time.Millisecond
		switch OutputControl(records[1]) {
		case OutputOff, OutputOffAfter:
			if is {
				verdict = landedNo
			}
		case OutputOn, OutputOnAfter:
			if !is {
				verdict = landedNo
			}
		case OutputPulse:
			if !is && ago >= timer { // it may have come and gone
				return landedUnknown
			}
			if !is {
				verdict = landedNo
			}
		case OutputPulseOff:
			return landedUnknown
		}
	}
	return verdict
}
