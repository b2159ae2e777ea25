package osdp

import (
	"encoding/binary"
	"time"
)

// heard takes a reply from the right address and with a right check. Done is
// false when it does not answer the command: the true reply may still come.
func (p *Peer) heard(now time.Time, f Frame) (done bool) {
	switch {
	case !p.out.open:
		return true
	case f.Code == codeBUSY && f.Block == 0 && (f.Sequence == 0 || f.Sequence == p.out.sequence):
		p.busy(now)
		return true
	case f.Sequence != p.out.sequence:
		return p.outOfStep(now, f)
	case p.out.secured:
		return p.heardSecured(now, f)
	}
	return p.heardClear(now, f)
}

// busy asks for patience: the same bytes again, a little later each time.
func (p *Peer) busy(now time.Time) {
	p.refuse(RefusedBusy)
	p.silent = false
	switch {
	case p.out.busySince.IsZero():
		p.out.busySince = now
	case now.Sub(p.out.busySince) >= busyLimit:
		p.begin(now, stepID)
		p.notBefore = now.Add(firstBackoff)
		return
	}
	p.out.patience = min(p.out.patience+busyStep, busyMost)
	p.out.again = now.Add(p.out.patience)
}

// outOfStep takes a reply whose number is not that of the command.
func (p *Peer) outOfStep(now time.Time, f Frame) (done bool) {
	nak, err := DecodeNAK(f.Data)
	switch {
	case p.isLast(f):
		p.refuse(RefusedDuplicate)
		return false
	case f.Code == codeNAK && f.Block == 0 && err == nil && nak == NAKSequence:
		p.refuse(RefusedNAK4)
		p.restart(now)
		return true
	case f.Sequence == 0: // the reader asks to begin anew (SIA OSDP 2.2 §5.9)
		p.refuse(RefusedRestart)
		p.restart(now)
		return true
	}
	p.refuse(RefusedSequence)
	return false
}

func (p *Peer) isLast(f Frame) bool {
	return p.last == lastOf(f)
}

func lastOf(f Frame) lastReply {
	if len(f.MAC) == macSize {
		return lastReply{true, f.Sequence, f.Code, binary.LittleEndian.Uint16(f.MAC)}
	}
	return lastReply{true, f.Sequence, f.Code, CRC(f.signed)}
}

// accepted moves on after a reply that counts.
func (p *Peer) accepted(now time.Time, last lastReply) {
	p.last = last
	p.out.open, p.silent = false, false
	p.lastGood, p.idTries = now, 0
	p.sequence = p.sequence%3 + 1
	p.crcWorked = p.crcWorked || !p.checksum
	if p.step == stepLive && now.Sub(p.liveSince) >= settledAfter {
		p.starts = 0
	}
	if p.step != stepLive && !p.lostAt.IsZero() && now.Sub(p.lostAt) >= rekeyWithin && (p.state == Secure || p.state == Clear) {
		p.become(now, Offline, RefusedSession)
	}
}

// heardSecured takes a reply to a command that was sent in the channel.
func (p *Peer) heardSecured(now time.Time, f Frame) (done bool) {
	last := lastOf(f)
	if f.Block == 0 {
		return p.heardBare(now, f, last)
	}
	switch refusal := p.channel.unwrap(&f); {
	case refusal == RefusedClear: // signed, so the exchange is over, but not to be believed
		p.refuse(refusal)
		p.accepted(now, last)
		p.unanswered(now)
		return true
	case refusal == RefusedMAC && now.Sub(p.forgave) >= startSpacing: // one that is late, perhaps: the true one may still come
		p.refuse(refusal)
		p.out.forged, p.forgave = true, now
		return false
	case refusal != 0:
		p.refuse(refusal)
		p.restart(now)
		return true
	}
	nak, err := DecodeNAK(f.Data)
	switch {
	case f.Code == codeNAK && err == nil:
		p.nak(now, nak, last)
	case !expects(p.out.code, f.Code) || !wellFormed(f):
		p.refuse(unfit(p.out.code, f))
		p.accepted(now, last)
		p.unanswered(now)
	default:
		p.accepted(now, last)
		p.understand(now, f)
	}
	return true
}

// unanswered ends an exchange in which the reader said something else.
func (p *Peer) unanswered(now time.Time) {
	p.settle(p.out.order.ticket, ErrAnswer)
	if p.out.code == codeKEYSET {
		p.keysetTaken(now)
	}
}

// heardBare takes a reply in clear to a command in the channel. It ends the
// channel, but for a plea to repeat. Readers of some makers say in clear that
// they took a key; that is believed only once the key was proved.
func (p *Peer) heardBare(now time.Time, f Frame, last lastReply) (done bool) {
	nak, err := DecodeNAK(f.Data)
	switch {
	case f.Code == codeNAK && err == nil && nak == NAKCheck:
		p.nak(now, nak, last)
	case f.Code == codeNAK && err == nil:
		p.refuse(nak.refusal())
		if nak != NAKSequence && nak != NAKBlock && nak != NAKConditions {
			p.refusedUnsigned(nak)
		}
		p.restart(now)
	case f.Code == codeACK && p.out.code == codeKEYSET:
		p.accepted(now, last)
		p.keysetTaken(now)
	default:
		p.refuse(RefusedClear)
		p.restart(now)
	}
	return true
}

// heardClear takes a reply outside the channel. What does not fit is passed
// over: it may be late, and the true reply may still come.
func (p *Peer) heardClear(now time.Time, f Frame) (done bool) {
	last := lastOf(f)
	nak, err := DecodeNAK(f.Data)
	switch {
	case f.Block >= blockCommand || f.Block != blockFor(f.Code):
		p.refuse(RefusedUnexpected)
		return false
	case f.Code == codeNAK && err == nil:
		p.nak(now, nak, last)
		return true
	case p.step != stepLive && p.out.code == codePOLL:
		if f.Code != codeACK {
			p.refuse(RefusedNoKey) // whatever it says before it is known is not believed
		}
		p.accepted(now, last)
		return true
	case p.out.code == codePOLL && !known(f.Code): // survived
		p.refuse(RefusedUnknown)
		p.accepted(now, last)
		return true
	case !expects(p.out.code, f.Code) || !wellFormed(f):
		p.refuse(unfit(p.out.code, f))
		return false
	}
	p.accepted(now, last)
	if p.stale(now, f, last) {
		p.refuse(RefusedDuplicate)
		return true
	}
	p.understand(now, f)
	return true
}

// stale says whether a card or a key in clear is likely the one before, come
// late: its number, of which there are three, fits again. In the channel the MAC
// tells.
func (p *Peer) stale(now time.Time, f Frame, last lastReply) bool {
	if f.Code < codeRAW || f.Code > codeKEYPAD {
		return false
	}
	if p.event == last && now.Sub(p.lastMiss) < staleWithin {
		return true
	}
	p.event = last
	return false
}

func blockFor(code byte) byte {
	switch code {
	case codeCCRYPT:
		return blockCryptogram
	case codeRMACI:
		return blockInitial
	}
	return 0
}

func unfit(command byte, f Frame) Refusal {
	switch {
	case !known(f.Code):
		return RefusedUnknown
	case !expects(command, f.Code):
		return RefusedUnexpected
	}
	return RefusedLength
}

func known(reply byte) bool {
	switch reply {
	case codeACK, codeNAK, codePDID, codePDCAP, codeLSTATR, codeISTATR, codeOSTATR, codeRSTATR, codeRAW, codeFMT, codeKEYPAD,
		codeCOM, codeCCRYPT, codeRMACI, codeBUSY, codeMFGREP:
		return true
	}
	return false
}

// expects says whether a reply may answer a command; NAK and BUSY always may.
func expects(command, reply byte) bool {
	switch command {
	case codePOLL:
		switch reply {
		case codeACK, codeRAW, codeFMT, codeKEYPAD, codeLSTATR, codeISTATR, codeOSTATR, codeRSTATR, codeMFGREP:
			return true
		}
		return false
	case codeID:
		return reply == codePDID
	case codeCAP:
		return reply == codePDCAP
	case codeLSTAT, codeISTAT, codeOSTAT, codeRSTAT:
		return reply == command-codeLSTAT+codeLSTATR
	case codeOUT:
		return reply == codeACK || reply == codeOSTATR
	case codeCOMSET:
		return reply == codeCOM
	case codeCHLNG:
		return reply == codeCCRYPT
	case codeSCRYPT:
		return reply == codeRMACI
	case codeMFG:
		return reply == codeACK || reply == codeMFGREP
	}
	return reply == codeACK
}

// wellFormed says whether a reply's data is as long as its code demands.
func wellFormed(f Frame) bool {
	var err error
	switch f.Code {
	case codeACK, codeBUSY:
		return len(f.Data) == 0
	case codeNAK:
		return len(f.Data) > 0
	case codePDID:
		return len(f.Data) == 12
	case codeRMACI:
		return len(f.Data) == 16
	case codeCCRYPT:
		return len(f.Data) == 32
	case codeCOM:
		_, _, err = DecodeCOM(f.Data)
	case codePDCAP:
		return len(f.Data)%3 == 0
	case codeLSTATR:
		_, err = DecodeLSTATR(f.Data)
	case codeISTATR, codeOSTATR, codeRSTATR:
		return len(f.Data) > 0
	case codeRAW:
		_, err = DecodeRAW(f.Data)
	case codeFMT:
		_, err = DecodeFMT(f.Data)
	case codeKEYPAD:
		_, err = DecodeKEYPAD(f.Data)
	case codeMFGREP:
		return len(f.Data) >= 3
	}
	return err == nil
}
