package hwtest

import (
	"context"
	"io"
	"time"
)

// ModbusBoard simulates a relay board of the Waveshare kind on Modbus RTU: it
// reads coils (01) and contacts (02), writes one coil (05) or many (0F), and
// times pulses itself when coil 0x0200+n (on, then off) or 0x0400+n (off, then
// on) is written with a number of 100 ms units. It was written from the "MODBUS
// Application Protocol" and the board's "Development Protocol", not from any
// driver.
type ModbusBoard struct {
	wire
	// Unit is the board's address.
	Unit byte
	// Echo makes the line return what the host sends, as RS-485 adapters do
	// that listen while they talk. Set it before Run.
	Echo bool
	// Plain leaves the timed commands out, as boards of other makers do.
	Plain bool

	relays []*Relay
	inputs *contacts
	buf    []byte
	last   time.Time
}

// NewModbusBoard makes a board with so many relays at unit 1.
func NewModbusBoard(line io.ReadWriter, relays int) *ModbusBoard {
	return &ModbusBoard{wire: wire{line: line}, Unit: 1, relays: newRelays(relays), inputs: newContacts(relays)}
}

// Run is Board.Run.
func (b *ModbusBoard) Run(ctx context.Context) error { return b.serve(ctx, b.heard) }

// Relay is Board.Relay.
func (b *ModbusBoard) Relay(channel int) *Relay { return b.relays[channel] }

func (b *ModbusBoard) heard(in []byte) {
	if b.Echo {
		_, _ = b.line.Write(in)
	}
	if now := time.Now(); now.Sub(b.last) > 50*time.Millisecond {
		b.buf = b.buf[:0] // silence ends whatever was begun
	}
	b.last = time.Now()
	b.buf = append(b.buf, in...)
	for len(b.buf) >= 8 {
		size := 8
		if b.buf[1] == 0x0F {
			size = 9 + int(b.buf[6])
		}
		if len(b.buf) < size {
			return
		}
		frame := b.buf[:size]
		if !b.right(frame) {
			b.buf = b.buf[1:]
			continue
		}
		if frame[0] == b.Unit && !b.has(Dead) {
			b.answer(b.obey(frame[1 : size-2]))
		}
		b.buf = b.buf[size:]
	}
}

// check computes the checksum bit by bit as Appendix B of "MODBUS over Serial
// Line" draws it.
func (b *ModbusBoard) check(data []byte) (low, high byte) {
	register := 0xFFFF
	for _, octet := range data {
		register ^= int(octet)
		for range 8 {
			carry := register & 1
			register /= 2
			if carry == 1 {
				register ^= 0xA001
			}
		}
	}
	return byte(register % 256), byte(register / 256)
}

func (b *ModbusBoard) right(frame []byte) bool {
	low, high := b.check(frame[:len(frame)-2])
	return frame[len(frame)-2] == low && frame[len(frame)-1] == high
}

func (b *ModbusBoard) answer(pdu []byte) {
	switch {
	case b.has(Slow):
		time.Sleep(100 * time.Millisecond)
	case b.has(TooSlow):
		time.Sleep(400 * time.Millisecond)
	}
	frame := append([]byte{b.Unit}, pdu...)
	low, high := b.check(frame)
	if b.has(Garbled) {
		low ^= 0x10
	}
	frame = append(frame, low, high)
	if b.has(Noisy) {
		frame = append([]byte{0x00, 0xFF, b.Unit}, frame...)
	}
	_, _ = b.line.Write(frame)
}

// obey takes a request without address and checksum and returns the answer.
func (b *ModbusBoard) obey(pdu []byte) []byte {
	refuse := func(code byte) []byte { return []byte{pdu[0] | 0x80, code} }
	first, second := int(pdu[1])<<8|int(pdu[2]), int(pdu[3])<<8|int(pdu[4])
	switch {
	case b.has(Refusing):
		return refuse(0x04)
	case pdu[0] == 0x01 || pdu[0] == 0x02:
		if second == 0 || first+second > len(b.relays) {
			return refuse(0x02)
		}
		return append([]byte{pdu[0], byte((second + 7) / 8)}, b.bits(pdu[0], first, second)...)
	case pdu[0] == 0x05:
		if code := b.write(first, second); code != 0 {
			return refuse(code)
		}
		return pdu
	case pdu[0] == 0x0F:
		if first+second > len(b.relays) {
			return refuse(0x02)
		}
		for i := range second {
			b.relays[first+i].set(pdu[6+i/8]>>(i%8)&1 == 1)
		}
		return pdu[:5]
	default:
		return refuse(0x01)
	}
}

func (b *ModbusBoard) bits(function byte, first, count int) []byte {
	out := make([]byte, (count+7)/8)
	var closed []bool
	if function == 0x02 {
		closed = b.inputs.read(first, count)
	}
	for i := range count {
		if function == 0x01 && b.relays[first+i].Energised() || function == 0x02 && closed[i] {
			out[i/8] |= 1 << (i % 8)
		}
	}
	return out
}

// write obeys function 05 and returns an exception code, or 0.
func (b *ModbusBoard) write(coil, value int) byte {
	n, timed := coil&0xFF, coil&0xFF00
	switch {
	case coil == 0xFF:
		for _, r := range b.relays {
			r.set(value == 0xFF00)
		}
	case n >= len(b.relays):
		return 0x02
	case timed == 0 && (value == 0xFF00 || value == 0):
		b.relays[n].set(value == 0xFF00)
	case timed == 0:
		return 0x03
	case b.Plain:
		return 0x02
	case timed == 0x0200 && value > 0 && value <= 0x7FFF:
		b.relays[n].flash(true, time.Duration(value)*100*time.Millisecond)
	case timed == 0x0400 && value > 0 && value <= 0x7FFF:
		b.relays[n].flash(false, time.Duration(value)*100*time.Millisecond)
	default:
		return 0x02
	}
	return 0
}
