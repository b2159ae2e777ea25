package osdp

import (
	"bytes"
	"testing"
	"time"
)

// pd is a reader as the document describes it, with its faults. It knows
// nothing of Peer and shares no code with it: frames, checks and cryptography
// are its own (pd_crypto_test.go).
type pd struct {
	t       testing.TB
	address byte
	scbk    []byte // nil: never paired, knows the default key only
	pdid    []byte
	pdcap   []byte
	noCache bool // forgets its last reply, as many readers do
	off     bool
	busy    int // how many commands it will answer with BUSY
	slow    time.Duration
	install bool                  // takes the default key though it has one of its own
	bareACK bool                  // says in clear that it took a key
	events  [][]byte              // code and data, one for each POLL
	faults  []func([]byte) []byte // applied to the next replies, one each; nil is the reply lost
	fault   func(command byte, reply []byte) []byte
	refuse  map[byte]byte                     // NAK by command
	instead func(command byte) ([]byte, bool) // answers without having understood
	sumOnly bool                              // knows no CRC

	rndA, rndB []byte
	keys       pdKeys
	session    *pdSession
	began      bool // a handshake
	sel        byte
	sequence   byte
	cached     struct{ command, reply []byte }
	outputs    []byte
	taken      [][]byte // code and data of what it did, no repeats
	told       [][]byte // code and data of what it answered in the channel, no repeats
	inputs     func() []byte
	draw       func(rndB []byte) // nil: always the same, as bad readers do
	heard      [][]byte          // all frames to it, as they came
	powerOns   int
}

var installKey = []byte("0123456789:;<=>?")

func newPD(t testing.TB, address byte, scbk []byte) *pd {
	return &pd{
		t: t, address: address, scbk: scbk, refuse: map[byte]byte{},
		pdid:    []byte{0xCA, 0x44, 0x6C, 1, 0, address, 0x92, 2, 0, 1, 7, 15},
		pdcap:   []byte{1, 1, 2, 2, 4, 1, 3, 1, 0, 4, 2, 1, 5, 1, 1, 8, 1, 0, 9, 1, 1, 10, 0, 2, 16, 2, 0},
		rndB:    []byte{0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, address},
		outputs: make([]byte, 1), powerOns: 1,
	}
}

// powerCycle forgets all but the key.
func (p *pd) powerCycle() {
	p.session, p.began, p.sequence = nil, false, 0
	p.cached.command, p.cached.reply = nil, nil
	p.events, p.outputs = nil, make([]byte, len(p.outputs))
	p.powerOns++
}

// hears takes what is on the line and says what the reader answers.
func (p *pd) hears(line []byte) []byte {
	frame := bytes.TrimLeft(line, "\xFF")
	if p.off || len(frame) < 7 || frame[0] != 0x53 || frame[1] != p.address || int(frame[2])|int(frame[3])<<8 != len(frame) {
		return nil
	}
	if frame[4]&4 == 0 || p.sumOnly {
		return p.hearsSum(frame)
	}
	if crc := pdCRC(frame[:len(frame)-2]); byte(crc) != frame[len(frame)-2] || byte(crc>>8) != frame[len(frame)-1] {
		p.t.Fatalf("the panel sent a wrong CRC: % X", frame)
	}
	p.heard = append(p.heard, bytes.Clone(frame))
	code := frame[5]
	if frame[4]&8 != 0 {
		code = frame[5+frame[5]]
	}
	reply := p.answer(frame, code)
	if len(p.faults) > 0 {
		f := p.faults[0]
		p.faults = p.faults[1:]
		reply = f(reply)
	} else if p.fault != nil {
		reply = p.fault(code, reply)
	}
	return reply
}

// hearsSum is hears for a reader that knows checksums only.
func (p *pd) hearsSum(frame []byte) []byte {
	var sum byte
	for _, b := range frame {
		sum += b
	}
	if !p.sumOnly || sum != 0 || frame[4]&4 != 0 {
		return nil
	}
	p.sumOnly = false
	defer func() { p.sumOnly = true }()
	frame = bytes.Clone(frame[:len(frame)-1])
	frame[2], frame[4] = frame[2]+1, frame[4]|4
	reply := p.hears(pdSeal(frame))
	if reply == nil {
		return nil
	}
	reply = bytes.Clone(reply[:len(reply)-2])
	reply[2], reply[4] = reply[2]-1, reply[4]&^4
	sum = 0
	for _, b := range reply {
		sum -= b
	}
	return append(reply, sum)
}

func (p *pd) answer(frame []byte, code byte) []byte {
	if p.instead != nil {
		if reply, yes := p.instead(code); yes {
			return reply
		}
	}
	if p.busy > 0 {
		p.busy--
		return p.plain(0, 0x79)
	}
	sequence := frame[4] & 3
	switch {
	case sequence == 0:
		p.cached.command, p.session, p.began = nil, nil, false
	case !p.noCache && bytes.Equal(frame, p.cached.command):
		return p.cached.reply
	case sequence != p.sequence%3+1:
		return p.plain(sequence, 0x41, 4)
	}
	p.sequence = sequence
	reply := p.do(frame, code, sequence)
	p.cached.command, p.cached.reply = bytes.Clone(frame), bytes.Clone(reply)
	return reply
}

// do is what a command does for the first time.
func (p *pd) do(frame []byte, code, sequence byte) []byte {
	block := byte(0)
	at := 6
	if frame[4]&8 != 0 {
		block = frame[6]
		at += int(frame[5])
	}
	data := frame[at : len(frame)-2]
	if block >= 0x15 {
		var ok bool
		if p.session == nil {
			return p.plain(sequence, 0x41, 6)
		}
		if data, ok = p.session.accept(frame); !ok {
			p.session = nil
			return p.plain(sequence, 0x41, 6)
		}
	} else if p.session != nil && block == 0 {
		p.session = nil
		if code != 0x61 && code != 0x62 {
			return p.plain(sequence, 0x41, 6)
		}
	}
	if nak, ok := p.refuse[code]; ok {
		return p.say(block, sequence, 0x41, nak)
	}
	switch block {
	case 0x11, 0x13:
		return p.shake(block, frame[7], sequence, data)
	}
	p.taken = append(p.taken, append([]byte{code}, data...))
	return p.obey(block, code, sequence, data)
}

func (p *pd) obey(block, code, sequence byte, data []byte) []byte {
	switch code {
	case 0x60:
		if len(p.events) == 0 {
			return p.say(block, sequence, 0x40)
		}
		event := p.events[0]
		p.events = p.events[1:]
		return p.say(block, sequence, event[0], event[1:]...)
	case 0x61:
		return p.say(block, sequence, 0x45, p.pdid...)
	case 0x62:
		return p.say(block, sequence, 0x46, p.pdcap...)
	case 0x64:
		return p.say(block, sequence, 0x48, 0, 0)
	case 0x65:
		if p.inputs != nil {
			return p.say(block, sequence, 0x49, p.inputs()...)
		}
		return p.say(block, sequence, 0x49, 0, 1)
	case 0x66:
		return p.say(block, sequence, 0x4A, p.outputs...)
	case 0x68:
		p.outputs[data[0]] = data[1] & 1 // 2, 4 are on; 5 is on for a while
		if data[1] == 5 || data[1] == 2 || data[1] == 4 {
			p.outputs[data[0]] = 1
		} else {
			p.outputs[data[0]] = 0
		}
	case 0x6E:
		reply := p.say(block, sequence, 0x54, data...)
		p.address = data[0]
		p.session = nil
		return reply
	case 0x75:
		if block != 0x17 {
			return p.plain(sequence, 0x41, 6)
		}
		reply := p.say(block, sequence, 0x40)
		p.scbk, p.session, p.install = bytes.Clone(data[2:]), nil, false
		if p.bareACK {
			reply = p.plain(sequence, 0x40)
		}
		return reply
	}
	return p.say(block, sequence, 0x40)
}

// shake is the handshake.
func (p *pd) shake(block, sel, sequence byte, data []byte) []byte {
	scbk := p.scbk
	if sel == 0 || scbk == nil {
		scbk = installKey
	}
	if block == 0x11 {
		if sel == 0 && p.scbk != nil && !p.install {
			return p.plain(sequence, 0x41, 6)
		}
		p.rndA, p.began, p.sel = bytes.Clone(data), true, sel
		if p.draw != nil {
			p.draw(p.rndB)
		}
		p.keys = pdDerive(scbk, p.rndA)
		body := append([]byte{0x44, 0xCA, 0, 0x99, 0x40, 0x30, 0x20, p.address}, p.rndB...)
		return p.blocked(sequence, 0x12, sel, 0x76, append(body, p.keys.client(p.rndA, p.rndB)...))
	}
	if !p.began || !bytes.Equal(data, p.keys.server(p.rndA, p.rndB)) {
		return p.plain(sequence, 0x41, 6)
	}
	p.began = false
	p.session = &pdSession{pdKeys: p.keys, rmac: p.keys.initial(data)}
	return p.blocked(sequence, 0x14, 1, 0x78, p.session.rmac)
}

// say answers as it was asked: in the channel or in clear.
func (p *pd) say(block, sequence, code byte, data ...byte) []byte {
	if block >= 0x15 {
		p.told = append(p.told, append([]byte{code}, data...))
		return p.session.reply(p.address, sequence, code, data)
	}
	return p.plain(sequence, code, data...)
}

func (p *pd) plain(sequence, code byte, data ...byte) []byte {
	message := append([]byte{0x53, p.address | 0x80, byte(8 + len(data)), 0, sequence | 4, code}, data...)
	return pdSeal(message)
}

func (p *pd) blocked(sequence, kind, sel, code byte, data []byte) []byte {
	message := append([]byte{0x53, p.address | 0x80, byte(11 + len(data)), 0, sequence | 0x0C, 3, kind, sel, code}, data...)
	return pdSeal(message)
}

// did is what the reader did, by code, without polls.
func (p *pd) did() (codes []byte) {
	for _, t := range p.taken {
		if t[0] != 0x60 {
			codes = append(codes, t[0])
		}
	}
	return codes
}

func (p *pd) count(code byte) int { return bytes.Count(p.did(), []byte{code}) }
