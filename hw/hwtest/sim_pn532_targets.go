package hwtest

import (
	"bytes"
	"slices"
	"time"
)

// there says whether a listed tag is still in the field and has had power all
// the time.
func (p *PN532) there(t *pn532Tag) bool { return t.powered && slices.Contains(p.field, t) }

// find brings up to so many tags into the active state: of all in the field, or
// of those with a UID.
func (p *PN532) find(most int, uid []byte) (found []*pn532Tag, block []byte) {
	p.rf, p.targets = true, nil
	var sens []byte
	for _, t := range p.field {
		if !t.powered {
			t.tag.PowerUp()
			t.powered = true
		}
		target := t.tag.Select()
		t.target = target
		if len(uid) > 0 && !bytes.Equal(uid, target.UID) && !bytes.Equal(uid, target.cascaded()) {
			continue
		}
		switch {
		case sens == nil:
			sens = target.SENS[:]
		case !bytes.Equal(sens, target.SENS[:]):
			sens = []byte{0, 0} // they answered at once, and not alike
		}
		if len(found) < most {
			found = append(found, t)
			block = append(block, p.targetData(len(found), target)...)
		}
	}
	if len(found) > 0 {
		copy(block[1:3], sens) // what was heard when all of them answered
	}
	p.targets = found
	return found, block
}

// targetData is the block of 7.3.5 for a target of type A.
func (p *PN532) targetData(tg int, target Target) []byte {
	block := []byte{byte(tg), target.SENS[0], target.SENS[1], target.SEL, byte(len(target.UID))}
	block = append(block, target.UID...)
	if target.dep() && !p.noRATS {
		block = append(block, target.ATS...)
	}
	return block
}

// listTargets is InListPassiveTarget, 7.3.5. Without a card it tries again as
// often as MxRtyPassiveActivation says: FF, the value after power-up, is for
// ever.
func (p *PN532) listTargets(in []byte, fault PN532Fault) pn532Answer {
	if len(in) < 2 || in[0] < 1 || in[0] > 2 || in[1] > 4 {
		return pn532Answer{syntax: true}
	}
	tries := 0
	var try func()
	try = func() {
		var found []*pn532Tag
		var block []byte
		if in[1] == 0x00 {
			found, block = p.find(int(in[0]), in[2:])
		}
		tries++
		if len(found) > 0 || p.retries != 0xFF && tries > int(p.retries) {
			p.answer(0x4A, append([]byte{byte(len(found))}, block...), fault)
			return
		}
		p.later(pn532Attempt, try)
	}
	if fault != PN532ErrorFrame {
		p.later(pn532Exchange, try)
	}
	return pn532Answer{later: true}
}

// autoPoll is InAutoPoll, 7.3.13, for types 00, 10 and 20.
func (p *PN532) autoPoll(in []byte, fault PN532Fault) pn532Answer {
	if len(in) < 3 || len(in) > 17 || in[0] == 0 || in[1] == 0 || in[1] > 0x0F {
		return pn532Answer{syntax: true}
	}
	rounds := 0
	var try func()
	try = func() {
		var out []byte
		found, block := p.find(1, nil)
		if len(found) > 0 {
			kind := byte(0x10)
			if block[3]&0x20 != 0 {
				kind = 0x20
			}
			if slices.Contains(in[2:], kind) || slices.Contains(in[2:], 0x00) {
				out = append([]byte{kind, byte(len(block))}, block...)
			}
		}
		rounds++
		switch {
		case out != nil:
			p.answer(0x60, append([]byte{1}, out...), fault)
		case in[0] != 0xFF && rounds >= int(in[0]):
			p.answer(0x60, []byte{0}, fault)
		default:
			p.later(time.Duration(in[1])*pn532PollUnit, try)
		}
	}
	if fault != PN532ErrorFrame {
		p.later(pn532Exchange, try)
	}
	return pn532Answer{later: true}
}

// release is InDeselect, InRelease and InSelect, 7.3.10 to 7.3.12. Tg 0 is all
// of them.
func (p *PN532) release(code byte, in []byte) pn532Answer {
	if len(in) != 1 {
		return pn532Answer{syntax: true}
	}
	tg := int(in[0])
	switch {
	case tg == 0 && code != 0x54:
		if code == 0x52 {
			p.targets = nil
		}
	case tg < 1 || tg > len(p.targets) || p.targets[tg-1] == nil:
		return pn532Answer{data: []byte{pn532Context}}
	case code == 0x52:
		p.targets[tg-1] = nil
	case code == 0x54 && !p.there(p.targets[tg-1]):
		return pn532Answer{data: []byte{pn532Timeout}, after: p.retryTimeout()}
	}
	return pn532Answer{data: []byte{pn532OK}}
}

// dataExchange is InDataExchange, 7.3.8. Bit 6 of Tg says that more of the
// command follows.
func (p *PN532) dataExchange(in []byte) pn532Answer {
	if len(in) == 0 || len(in) > 263 {
		return pn532Answer{syntax: true}
	}
	tg := int(in[0] & 0x3F)
	switch {
	case tg < 1 || tg > len(p.targets) || p.targets[tg-1] == nil:
		return pn532Answer{data: []byte{pn532Context}}
	case in[0]&pn532MoreInfo != 0:
		p.moreIn = append(p.moreIn, in[1:]...)
		return pn532Answer{data: []byte{pn532OK}, after: pn532Exchange}
	case len(in) == 1 && len(p.moreOut) > 0 && len(p.moreIn) == 0:
		return p.piece(nil)
	}
	t, command := p.targets[tg-1], slices.Concat(p.moreIn, in[1:])
	p.moreIn, p.moreOut = nil, nil
	if !t.target.dep() && !pn532Mifare(command) {
		// The chip takes 60 and 61 for an authentication, and what is no
		// command of MIFARE for a mistake.
		return pn532Answer{data: []byte{pn532Context}}
	}
	answer, wait := p.exchange(t, command)
	if answer == nil {
		status := byte(pn532Timeout)
		if !t.target.dep() && command[0]&0xFE == 0x60 { // whose length was looked at
			status = pn532MifareKey
		}
		return pn532Answer{data: []byte{status}, after: wait}
	}
	out := p.piece(answer)
	out.after, out.from = wait, t
	return out
}

// piece is the next part of an answer that may be longer than a frame carries.
func (p *PN532) piece(answer []byte) pn532Answer {
	p.moreOut = append(p.moreOut, answer...)
	n := min(len(p.moreOut), 262)
	status := byte(pn532OK)
	if n < len(p.moreOut) {
		status = pn532MoreInfo
	}
	data := append([]byte{status}, p.moreOut[:n]...)
	p.moreOut = p.moreOut[n:]
	return pn532Answer{data: data, after: pn532Exchange}
}

// pn532Mifare says whether a command is one that the chip passes to a MIFARE
// card: authenticate A and B, read, write, write 4, transfer, decrement,
// increment, restore.
func pn532Mifare(command []byte) bool {
	if len(command) < 2 {
		return false
	}
	sizes := map[byte]int{0x60: 12, 0x61: 12, 0x30: 2, 0xA0: 18, 0xA2: 6, 0xB0: 2, 0xC0: 6, 0xC1: 6, 0xC2: 6}
	return sizes[command[0]] == len(command)
}

// communicateThru is InCommunicateThru, 7.3.9: the bytes as they are, to the
// only tag that is active.
func (p *PN532) communicateThru(in []byte) pn532Answer {
	if len(in) == 0 || len(in) > 264 {
		return pn532Answer{syntax: true}
	}
	for _, t := range p.targets {
		if t == nil {
			continue
		}
		if t.target.dep() { // it waits for blocks of ISO 14443-4, not for this
			break
		}
		answer, wait := p.exchange(t, in)
		if answer == nil {
			return pn532Answer{data: []byte{pn532Timeout}, after: wait}
		}
		return pn532Answer{data: append([]byte{pn532OK}, answer...), after: wait, from: t}
	}
	return pn532Answer{data: []byte{pn532Timeout}, after: p.retryTimeout()}
}

// exchange speaks to a tag, which says nothing if it left, and tells how long
// that takes.
func (p *PN532) exchange(t *pn532Tag, command []byte) ([]byte, time.Duration) {
	p.exchanges++
	silence := p.retryTimeout()
	if t.target.dep() {
		silence = pn532DEPWait
	}
	if t.left == 0 && p.there(t) {
		p.remove(t.tag)
	}
	if !p.there(t) {
		return nil, silence
	}
	t.left--
	answer := t.tag.Exchange(command)
	if answer == nil {
		return nil, silence
	}
	return answer, pn532Exchange + p.pause
}
