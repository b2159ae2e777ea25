package osdp

import (
	"io"
	"time"
)

// handshake is a secure channel that is being agreed on.
type handshake struct {
	key       Key
	selector  byte // 1: the reader's own key; 0: the default key, while pairing only
	challenge [8]byte
	server    [16]byte
	tried     int // keys that failed in a row
}

// begin forgets what was agreed with the reader and starts anew with number 0.
func (p *Peer) begin(now time.Time, to step) {
	if p.step == stepLive {
		p.refuse(RefusedSession)
		p.lostAt = now
	}
	p.abandon(now)
	p.channel, p.sequence, p.step, p.notBefore = nil, 0, to, now
	if p.move.said {
		p.step, p.notBefore = stepID, now.Add(moveTime)
	}
	p.last = lastReply{}
}

// restart is begin after the reader lost the thread: straight to a new channel
// if it had one.
func (p *Peer) restart(now time.Time) {
	switch {
	case p.step == stepChallenge || p.step == stepProof:
		p.failHandshake(now, RefusedSession)
	case (p.step == stepLive || p.step == stepKeyset) && !p.set.Insecure:
		p.begin(now, stepChallenge)
	case p.step == stepLive:
		p.begin(now, stepID)
	default: // it does so before anything was agreed on: not in a hurry
		p.begin(now, stepID)
		p.notBefore, p.idTries = now.Add(firstBackoff), 0
	}
}

// abandon gives up the command that waits for its reply.
func (p *Peer) abandon(now time.Time) {
	if !p.out.open {
		return
	}
	p.out.open = false
	o := p.out.order
	switch {
	case p.out.code == codeKEYSET:
		p.pair.sent()
	case p.out.code == codeCOMSET:
		p.move.said = true
		p.moveTo(now, p.move.to)
	case o.ticket == 0:
	case o.command.Code == codeOUT:
		p.doubt = doubt{open: true, order: o, first: p.out.first}
	case o.command.Code == codeMFG:
		p.settle(o.ticket, ErrInDoubt)
	default:
		p.queue.putBack(o)
	}
}

// understand does what an accepted reply says.
func (p *Peer) understand(now time.Time, f Frame) {
	switch f.Code {
	case codePDID:
		p.identified(now, f)
		return
	case codePDCAP:
		p.capabilities, _ = DecodePDCAP(f.Data)
		p.capable(now)
		return
	case codeCCRYPT:
		p.answered(now, f)
		return
	case codeRMACI:
		p.agreed(now, f)
		return
	case codeCOM:
		p.moving(now, f)
		return
	case codeACK:
		if p.out.code == codeKEYSET {
			p.keysetTaken(now)
			return
		}
		if p.out.code == codePOLL {
			p.caughtUp(now)
		}
	default:
		p.report(now, f)
	}
	p.settle(p.out.order.ticket, nil)
}

// report turns what a reader says into events. Only one that is live is
// believed.
func (p *Peer) report(now time.Time, f Frame) {
	if p.step != stepLive || !p.out.secured && !p.set.Insecure {
		p.refuse(RefusedNoKey)
		return
	}
	if p.backlog != 0 && p.late(now, f.Code) {
		return
	}
	switch f.Code {
	case codeRAW:
		card, _ := DecodeRAW(f.Data)
		p.emit(CardRead{now, card})
	case codeKEYPAD:
		keys, _ := DecodeKEYPAD(f.Data)
		p.emit(KeysPressed{now, keys})
	case codeFMT:
		chars, _ := DecodeFMT(f.Data)
		p.emit(CharsRead{now, chars})
	case codeMFGREP:
		vendor, _ := DecodeMFGREP(f.Data)
		p.emit(VendorSaid{now, vendor})
	case codeLSTATR:
		local, _ := DecodeLSTATR(f.Data)
		p.emit(LocalSaid{now, local})
	case codeISTATR:
		levels := make([]Level, len(f.Data))
		for i, b := range f.Data {
			levels[i] = min(Level(b), Unknown)
		}
		p.emit(Inputs{now, levels})
	case codeOSTATR:
		on := make([]bool, len(f.Data))
		for i, b := range f.Data {
			on[i] = b != 0
		}
		p.emit(Outputs{now, on})
		if p.doubt.open && p.out.code == codeOSTAT {
			p.resolve(now, on)
		}
	case codeRSTATR:
		p.emit(Attached{append([]byte(nil), f.Data...)})
	}
}

// late says whether a reply tells what is over. A reader keeps what was held to it
// while nobody asked, and says it when somebody does: that is not to open a door
// when a gateway that was started anew, or has just paired it, asks for the first
// time. How contacts stand is asked anew.
func (p *Peer) late(now time.Time, code byte) bool {
	if now.Sub(p.liveSince) >= backlogMost {
		p.caughtUp(now)
	}
	switch code {
	case codeRAW, codeKEYPAD, codeFMT, codeMFGREP:
		p.refuse(RefusedBacklog)
	case codeISTATR:
		p.asks |= askInputs
	case codeOSTATR:
		p.asks |= askOutputs
	default:
		return false
	}
	return true
}

// identified goes on with the right reader only.
func (p *Peer) identified(now time.Time, f Frame) {
	device, _ := DecodePDID(f.Data)
	same := device == p.device
	p.device = device
	p.arrived(now)
	switch {
	case !p.pair.on && p.keys.Identity != "" && p.keys.Identity != device.Identity():
		p.refuse(RefusedSwapped)
		p.become(now, Swapped, RefusedSwapped)
		p.step, p.notBefore = stepKnown, now.Add(firstBackoff)
	case p.step == stepKnown && same && p.state == Unpaired:
		p.notBefore = now.Add(firstBackoff)
	default:
		p.step, p.notBefore = stepCapabilities, now
	}
}

// capable goes on once it is known, or refused, what the reader can do. What it
// says of its security changes nothing.
func (p *Peer) capable(now time.Time) {
	p.emit(Identified{p.device, p.capabilities})
	switch {
	case p.set.Insecure:
		p.starts++
		p.lastStart = now
		p.live(now, Clear)
	case p.pair.on || !p.keys.Current.IsZero() || !p.keys.Pending.IsZero():
		p.step, p.notBefore = stepChallenge, now
	default:
		p.refuse(RefusedNoKey)
		p.become(now, Unpaired, RefusedNoKey)
		p.step, p.notBefore = stepKnown, now.Add(firstBackoff)
	}
}

// challenge draws a fresh challenge; repeats send the same one.
func (p *Peer) challenge(now time.Time) (command Command, block byte, ok bool) {
	h := &p.hand
	h.key, h.selector = p.nextKey()
	if h.key.IsZero() {
		p.begin(now, stepID)
		return Command{}, 0, false
	}
	if _, err := io.ReadFull(p.set.Random, h.challenge[:]); err != nil {
		p.notBefore = now.Add(firstBackoff)
		return Command{}, 0, false
	}
	p.starts++
	p.lastStart = now
	p.sequence = 0 // some readers refuse a handshake that goes on counting
	p.channel = newChannel(h.key, h.challenge)
	return Command{codeCHLNG, h.challenge[:]}, blockChallenge, true
}

// nextKey is the key to try. The pending one may be the reader's already.
func (p *Peer) nextKey() (key Key, selector byte) {
	if p.pair.on {
		return p.pair.nextKey()
	}
	pending, current := p.keys.Pending, p.keys.Current
	if current.IsZero() || !pending.IsZero() && p.hand.tried%2 == 0 {
		return pending, 1
	}
	return current, 1
}

// answered checks the reader's half of the handshake.
func (p *Peer) answered(now time.Time, f Frame) {
	half, err := decodeCCRYPT(f.Data)
	switch {
	case err != nil || p.channel == nil:
		p.failHandshake(now, RefusedLength)
		return
	case f.Selector != p.hand.selector && f.Selector == 0:
		p.failHandshake(now, RefusedDefaultKey)
		return
	}
	server, ok := p.channel.prove(half.answer, half.proof)
	if !ok || f.Selector != p.hand.selector {
		p.failHandshake(now, RefusedKey)
		return
	}
	p.hand.server = server
	p.step = stepProof
}

// refusedStatus is a reader's word in RMAC_I that it refuses. Those for yes
// differ between editions, and the MAC says it better.
const refusedStatus byte = 0xFF

func (p *Peer) agreed(now time.Time, f Frame) {
	initial, err := decodeRMACI(f.Data)
	if err != nil || p.channel == nil || f.Selector == refusedStatus || !p.channel.agreed(initial) {
		p.failHandshake(now, RefusedKey)
		return
	}
	if p.pair.on {
		p.proved(now)
		return
	}
	p.hand.tried = 0
	identity := p.keys.Identity
	if identity == "" { // a pairing that was cut short could not pin it
		identity = p.device.Identity()
	}
	if !p.keys.Pending.IsZero() || identity != p.keys.Identity {
		p.keep(Keys{Current: p.hand.key, Identity: identity})
	}
	p.live(now, Secure)
}

// keep records keys that were proved. If that cannot be done they are in force
// all the same, and the record has them as pending.
func (p *Peer) keep(keys Keys) {
	if p.set.Keep != nil {
		if err := p.set.Keep(keys); err != nil {
			p.emit(KeysNotKept{err})
		}
	}
	p.keys = keys
}

func (p *Peer) failHandshake(now time.Time, why Refusal) {
	p.refuse(why)
	p.why = why
	p.hand.tried++
	p.begin(now, stepID)
	if p.pair.on {
		p.triedInVain(now)
	}
}

// caughtUp ends the time in which a reader says what it kept.
func (p *Peer) caughtUp(now time.Time) {
	if s := p.backlog; s != 0 {
		p.backlog = 0
		p.become(now, s, 0)
	}
}

// live is the goal: from here on the reader is believed, once it has said what it
// kept.
func (p *Peer) live(now time.Time, s State) {
	p.step, p.liveSince, p.lostAt, p.lastPoll = stepLive, now, time.Time{}, time.Time{}
	p.asks = askLocal
	if p.capabilities.Of(FunctionInputs).Listed {
		p.asks |= askInputs
	}
	if p.capabilities.Of(FunctionOutputs).Listed {
		p.asks |= askOutputs
	}
	if len(p.lamps) > 0 && !p.unsupported[codeLED] {
		p.asks |= sayLamps
	}
	if !p.toldSize {
		p.asks |= saySize
	}
	if p.state != s {
		p.backlog = s
	}
}
