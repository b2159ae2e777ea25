package hwtest

import (
	"bytes"
	"time"
)

// The frame of OSDP v2.2 (IEC 60839-11-5), §5.9.
const (
	osdpStart      = 0x53
	osdpMark       = 0xFF // before the start; in no length and no check
	osdpIsReply    = 0x80 // in the address
	osdpWithCRC    = 0x04 // in the control byte, else a checksum
	osdpWithBlock  = 0x08
	osdpAnyone     = 0x7F // the address that every reader takes for its own
	osdpShortest   = 7
	osdpLongest    = 1440
	osdpHole       = 20 * time.Millisecond // silence that ends what was begun, §5.7
	osdpMACLength  = 4
	osdpHeadLength = 5
)

// osdpFrame is a command as a reader took it from the line.
type osdpFrame struct {
	raw      []byte // from start to check
	address  byte
	number   int // 0..3
	control  byte
	block    []byte // security block with its length; nil: none
	code     byte
	data     []byte
	covered  []byte // what a MAC covers; nil where there is none
	mac      []byte
	right    bool // the check agrees
	complete bool // the parts fit into the length
}

// osdpCRC computes the CRC-16 bit by bit: polynomial 1021, from 1D0F.
func osdpCRC(data []byte) uint16 {
	register := uint16(0x1D0F)
	for _, octet := range data {
		for bit := 7; bit >= 0; bit-- {
			top := register>>15 ^ uint16(octet)>>bit&1
			register <<= 1
			if top == 1 {
				register ^= 0x1021
			}
		}
	}
	return register
}

// osdpCheck is the check at the end of a frame, of one byte or of two.
func osdpCheck(control byte, data []byte) []byte {
	if control&osdpWithCRC != 0 {
		crc := osdpCRC(data)
		return []byte{byte(crc), byte(crc >> 8)}
	}
	sum := 0
	for _, octet := range data {
		sum += int(octet)
	}
	return []byte{byte((256 - sum%256) % 256)}
}

func osdpCheckLength(control byte) int {
	if control&osdpWithCRC != 0 {
		return 2
	}
	return 1
}

// osdpEncode makes a frame. mac is asked for the MAC of what stands before it;
// nil: the frame has none.
func osdpEncode(address, control byte, block []byte, code byte, data []byte, mac func(covered []byte) []byte) []byte {
	out := []byte{osdpStart, address, 0, 0, control}
	if block != nil {
		out[4] |= osdpWithBlock
		out = append(out, block...)
	}
	out = append(append(out, code), data...)
	length := len(out) + osdpCheckLength(control)
	if mac != nil {
		length += osdpMACLength
	}
	out[2], out[3] = byte(length), byte(length>>8)
	if mac != nil {
		out = append(out, mac(out)[:osdpMACLength]...)
	}
	return append(out, osdpCheck(control, out)...)
}

// osdpRemade is a frame with another address or number. It has a right check,
// and a right MAC too where mac can make one.
func osdpRemade(frame []byte, change func(frame []byte), mac func(covered []byte) []byte) []byte {
	out := bytes.Clone(frame)
	change(out)
	end := len(out) - osdpCheckLength(out[4])
	if mac != nil && out[4]&osdpWithBlock != 0 && out[6] >= 0x15 {
		covered := end - osdpMACLength
		copy(out[covered:end], mac(out[:covered]))
	}
	copy(out[end:], osdpCheck(out[4], out[:end]))
	return out
}

// osdpParse takes a frame of the right length apart.
func osdpParse(raw []byte) osdpFrame {
	f := osdpFrame{raw: raw, address: raw[1], control: raw[4], number: int(raw[4] & 3)}
	end := len(raw) - osdpCheckLength(f.control)
	f.right = bytes.Equal(raw[end:], osdpCheck(f.control, raw[:end]))
	body := raw[osdpHeadLength:end]
	if f.control&osdpWithBlock != 0 {
		if len(body) < 2 || body[0] < 2 || int(body[0]) > len(body) {
			return f
		}
		f.block, body = body[:body[0]], body[body[0]:]
		if kind := f.block[1]; kind >= 0x15 && kind <= 0x18 {
			if len(body) < 1+osdpMACLength {
				return f
			}
			at := len(body) - osdpMACLength
			f.mac, body = body[at:], body[:at]
			f.covered = raw[:end-osdpMACLength]
		}
	}
	if len(body) == 0 {
		return f
	}
	f.code, f.data, f.complete = body[0], body[1:], true
	return f
}

// osdpEar finds commands in what comes over a line.
type osdpEar struct {
	buf  []byte
	last time.Time
}

// hear takes what came at a time and returns the commands that are whole now.
// Replies are passed over.
func (e *osdpEar) hear(in []byte, at time.Time) []osdpFrame {
	if at.Sub(e.last) > osdpHole {
		e.buf = e.buf[:0]
	}
	e.last = at
	e.buf = append(e.buf, in...)
	var all []osdpFrame
	for {
		start := bytes.IndexByte(e.buf, osdpStart)
		if start < 0 {
			e.buf = e.buf[:0]
			return all
		}
		e.buf = e.buf[start:]
		if len(e.buf) < osdpHeadLength {
			return all
		}
		length := int(e.buf[2]) | int(e.buf[3])<<8
		if e.buf[1]&osdpIsReply != 0 || length < osdpShortest || length > osdpLongest || e.buf[4]&0xF0 != 0 {
			e.buf = e.buf[1:]
			continue
		}
		if len(e.buf) < length {
			return all
		}
		all = append(all, osdpParse(bytes.Clone(e.buf[:length])))
		e.buf = e.buf[length:]
	}
}
