package osdp

import (
	"bytes"
	"math/rand/v2"
	"time"
)

// mallory sits in the wire between the panel and one reader: he sees all, and
// drops, delays, repeats, changes and invents what he likes, in both directions.
// He knows the protocol and the default key, not the reader's. What he does to the
// commands of other readers is nothing.
type mallory struct {
	w      *world
	rng    *rand.Rand
	reader *pd
	rival  *pd // answers to the default key, and says it is the reader
	zeal   float64
	tricks []trick
	seen   [][]byte // what went over the line in both directions, the last of it
	held   [][]byte // commands that the reader has not heard yet
	heard  func(command, reply []byte, at time.Time)
	did    map[string]int
}

// trick is one thing that an attacker does with a command that he sees. He
// returns what the panel hears.
type trick struct {
	name string
	do   func(m *mallory, command []byte, ends time.Time) []arrival
}

const mostSeen = 96

func (m *mallory) remember(message []byte) {
	if message == nil {
		return
	}
	if len(m.seen) >= mostSeen {
		m.seen = m.seen[1:]
	}
	m.seen = append(m.seen, bytes.Clone(message))
}

// wire is what becomes of a command.
func (m *mallory) wire(line []byte, ends time.Time) []arrival {
	command := bytes.TrimLeft(line, "\xFF")
	if command[1] != m.reader.address {
		return m.w.answers(line, ends)
	}
	m.remember(command)
	if m.rng.Float64() >= m.zeal {
		return m.at(ends, 3*time.Millisecond, m.ask(command, ends))
	}
	trick := m.tricks[m.rng.IntN(len(m.tricks))]
	m.did[trick.name]++
	return trick.do(m, command, ends)
}

// ask has the reader hear the command, and notes its true reply.
func (m *mallory) ask(command []byte, ends time.Time) []byte {
	reply := m.reader.hears(command)
	m.remember(reply)
	m.heard(command, reply, ends)
	return reply
}

// slip has the reader hear what the panel did not say now.
func (m *mallory) slip(message []byte) {
	if message[1]&0x80 == 0 {
		m.remember(m.reader.hears(message))
	}
}

// at is a reply that comes a while after the command ended.
func (m *mallory) at(ends time.Time, after time.Duration, raw []byte) []arrival {
	if raw == nil {
		return nil
	}
	return []arrival{{ends.Add(after + m.w.bus.wire(len(raw)+1)), append([]byte{0xFF}, raw...)}}
}

// instead answers for the reader, which hears the command or does not.
func (m *mallory) instead(command []byte, ends time.Time, forged []byte) []arrival {
	if m.rng.IntN(2) == 0 {
		_ = m.ask(command, ends)
	}
	before := m.at(ends, 2*time.Millisecond, forged)
	if m.rng.IntN(3) == 0 { // and the reader speaks after him
		return append(before, m.at(ends, 4*time.Millisecond, m.ask(command, ends))...)
	}
	return before
}

// plain is a reply in clear with the command's number, or another.
func (m *mallory) plain(command []byte, code byte, data ...byte) []byte {
	sequence := command[4] & 3
	if m.rng.IntN(4) == 0 {
		sequence = byte(m.rng.IntN(4))
	}
	return m.reader.plain(sequence, code, data...)
}

// signed is a reply as in the channel, with a MAC that is guessed.
func (m *mallory) signed(command []byte, kind, code byte, data []byte) []byte {
	message := []byte{0x53, m.reader.address | 0x80, byte(8 + len(data) + 6), 0, command[4]&3 | 0x0C, 2, kind, code}
	message = append(append(message, data...), byte(m.rng.Uint32()), byte(m.rng.Uint32()), byte(m.rng.Uint32()), byte(m.rng.Uint32()))
	return pdSeal(message)
}

// old is something that a reader said before.
func (m *mallory) old() []byte {
	for range 20 {
		if s := m.seen[m.rng.IntN(len(m.seen))]; s[1]&0x80 != 0 {
			return bytes.Clone(s)
		}
	}
	return m.reader.plain(1, 0x40)
}

// resealed is a message with a right CRC after it was changed.
func resealed(message []byte) []byte { return pdSeal(message[:len(message)-2]) }

// forgery is what a member or an installer would like to have said: none of it is
// ever said by the reader of the test.
func (m *mallory) forgery() (code byte, data []byte) {
	switch m.rng.IntN(7) {
	case 0:
		return codeRAW, []byte{0, 1, 26, 0, 0xBD, 0x88, 0xEB, 0x80}
	case 1:
		return codeKEYPAD, []byte{0, 4, '6', '6', '6', '6'}
	case 2:
		return codeISTATR, []byte{1, 1, 1}
	case 3:
		return codeOSTATR, []byte{1, 1, 1}
	case 4:
		return codeMFGREP, []byte{6, 6, 6, 'Q', 'R'}
	case 5:
		return codeFMT, []byte{0, 0, 3, '6', '6', '6'}
	}
	return codeLSTATR, []byte{1, 1}
}

// The tricks.
var mallorysTricks = []trick{
	{"drops the command", func(m *mallory, _ []byte, _ time.Time) []arrival { return nil }},
	{"drops the reply", func(m *mallory, c []byte, ends time.Time) []arrival {
		_ = m.ask(c, ends)
		return nil
	}},
	{"holds the command back", func(m *mallory, c []byte, _ time.Time) []arrival {
		m.held = append(m.held, bytes.Clone(c))
		return nil
	}},
	{"gives what he held back", func(m *mallory, c []byte, ends time.Time) []arrival {
		for _, held := range m.held {
			m.slip(held)
		}
		m.held = nil
		return m.at(ends, 3*time.Millisecond, m.ask(c, ends))
	}},
	{"repeats an old command", func(m *mallory, c []byte, ends time.Time) []arrival {
		m.slip(m.seen[m.rng.IntN(len(m.seen))])
		return m.at(ends, 3*time.Millisecond, m.ask(c, ends))
	}},
	{"asks the reader himself", func(m *mallory, c []byte, ends time.Time) []arrival {
		own := [][]byte{
			Frame{Address: c[1], Sequence: byte(m.rng.IntN(4)), Code: codePOLL}.Append(nil),
			Frame{Address: c[1], Code: codeID, Data: []byte{0}}.Append(nil),
			Frame{Address: c[1], Block: blockChallenge, Selector: byte(m.rng.IntN(2)), Code: codeCHLNG, Data: make([]byte, 8)}.Append(nil),
			Frame{Address: c[1], Code: codeKEYSET, Data: append([]byte{1, 16}, make([]byte, 16)...)}.Append(nil),
		}
		m.slip(own[m.rng.IntN(len(own))])
		return m.at(ends, 3*time.Millisecond, m.ask(c, ends))
	}},
	{"delays the reply", func(m *mallory, c []byte, ends time.Time) []arrival {
		return m.at(ends, time.Duration(5+m.rng.IntN(3000))*time.Millisecond, m.ask(c, ends))
	}},
	{"doubles the reply", func(m *mallory, c []byte, ends time.Time) []arrival {
		r := m.ask(c, ends)
		return append(m.at(ends, 3*time.Millisecond, append(bytes.Clone(r), r...)), m.at(ends, 60*time.Millisecond, r)...)
	}},
	{"answers with an old reply", func(m *mallory, c []byte, ends time.Time) []arrival { return m.instead(c, ends, m.old()) }},
	{"renumbers an old reply", func(m *mallory, c []byte, ends time.Time) []arrival {
		old := m.old()
		old[4] = old[4]&^3 | c[4]&3
		return m.instead(c, ends, resealed(old))
	}},
	{"mirrors the command", func(m *mallory, c []byte, ends time.Time) []arrival {
		mirror := bytes.Clone(c)
		mirror[1] |= 0x80
		return m.instead(c, ends, resealed(mirror))
	}},
	{"flips bits", func(m *mallory, c []byte, ends time.Time) []arrival {
		r := bytes.Clone(m.ask(c, ends))
		if r == nil {
			return nil
		}
		for range 1 + m.rng.IntN(3) {
			r[4+m.rng.IntN(len(r)-6)] ^= 1 << m.rng.IntN(8)
		}
		return m.at(ends, 3*time.Millisecond, resealed(r))
	}},
	{"changes the security block", func(m *mallory, c []byte, ends time.Time) []arrival {
		r := bytes.Clone(m.ask(c, ends))
		if r == nil || r[4]&8 == 0 {
			return m.at(ends, 3*time.Millisecond, r)
		}
		r[6] = byte(0x10 + m.rng.IntN(10))
		return m.at(ends, 3*time.Millisecond, resealed(r))
	}},
	{"forges in clear", func(m *mallory, c []byte, ends time.Time) []arrival {
		code, data := m.forgery()
		return m.instead(c, ends, m.plain(c, code, data...))
	}},
	{"forges with a guessed MAC", func(m *mallory, c []byte, ends time.Time) []arrival {
		code, data := m.forgery()
		if kind := byte(0x15 + m.rng.IntN(4)); kind < 0x18 {
			return m.instead(c, ends, m.signed(c, kind, code, data))
		}
		return m.instead(c, ends, m.signed(c, 0x18, code, make([]byte, 16)))
	}},
	{"forges in the block of a handshake", func(m *mallory, c []byte, ends time.Time) []arrival {
		code, data := m.forgery()
		if m.rng.IntN(2) == 0 {
			code, data = codeACK, nil
		}
		return m.instead(c, ends, m.reader.blocked(c[4]&3, byte(0x11+m.rng.IntN(4)), byte(m.rng.IntN(3)), code, data))
	}},
	{"acknowledges in clear", func(m *mallory, c []byte, ends time.Time) []arrival { return m.instead(c, ends, m.plain(c, codeACK)) }},
	{"refuses in clear", func(m *mallory, c []byte, ends time.Time) []arrival {
		return m.instead(c, ends, m.plain(c, codeNAK, byte(m.rng.IntN(11))))
	}},
	{"is busy", func(m *mallory, c []byte, ends time.Time) []arrival {
		return m.instead(c, ends, m.reader.plain(0, codeBUSY))
	}},
	{"says he is another", func(m *mallory, c []byte, ends time.Time) []arrival {
		if c[5] != codeID {
			return m.at(ends, 3*time.Millisecond, m.ask(c, ends))
		}
		return m.instead(c, ends, m.plain(c, codePDID, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6))
	}},
	{"says it cannot", func(m *mallory, c []byte, ends time.Time) []arrival {
		if c[5] != codeCAP {
			return m.at(ends, 3*time.Millisecond, m.ask(c, ends))
		}
		return m.instead(c, ends, m.plain(c, codePDCAP, 9, 0, 0, 8, 0, 0, 10, 0xFF, 0xFF))
	}},
	{"answers with the default key", func(m *mallory, c []byte, ends time.Time) []arrival {
		return m.instead(c, ends, m.rival.hears(c))
	}},
	{"moves to another address", func(m *mallory, c []byte, ends time.Time) []arrival {
		return m.instead(c, ends, m.plain(c, codeCOM, 2, 0x80, 0x25, 0, 0))
	}},
	{"talks without end", func(m *mallory, _ []byte, ends time.Time) (all []arrival) {
		for i := range 40 {
			raw := bytes.Repeat([]byte{0x53, m.reader.address | 0x80, 0xA0, 0x05, 0x04, 0x40}, 60)
			all = append(all, arrival{ends.Add(time.Duration(i) * m.w.bus.wire(len(raw))), raw})
		}
		return all
	}},
	{"begins and does not end", func(m *mallory, c []byte, ends time.Time) []arrival {
		head := []byte{0x53, m.reader.address | 0x80, byte(20 + m.rng.IntN(200)), 0, 0x0C | c[4]&3}
		return m.at(ends, 3*time.Millisecond, append(head, m.ask(c, ends)...))
	}},
}
