package hw

import (
	"encoding/hex"
	"fmt"
	"math/bits"
)

// checkOptions say how a frame proves that it arrived whole. The check stands
// at the end of the frame and is cut off.
type checkOptions struct {
	Type string `toml:"type"` // none, xor, xor-hex, sum8, sum16, crc16
	Hex  bool   `toml:"hex"`  // the check is written as hex text, else as bytes
	From int    `toml:"from"` // how many bytes at the front it does not cover

	// Of crc16; the bits are those of the usual catalogues of CRCs.
	Poly    uint16 `toml:"poly"`
	Init    uint16 `toml:"init"`
	XorOut  uint16 `toml:"xor_out"`
	Reflect bool   `toml:"reflect"` // refin and refout

	Little bool `toml:"little_endian"` // of sum16 and crc16: low byte first
}

func (o *checkOptions) check() error {
	switch o.Type {
	case "":
		o.Type = "none"
	case "none", "xor", "sum8", "sum16":
	case "xor-hex":
		o.Hex = true
	case "crc16":
		if o.Poly == 0 {
			return fmt.Errorf("check: crc16 needs its poly, such as 0x1021")
		}
	default:
		return fmt.Errorf("check: type %q: use none, xor, xor-hex, sum8, sum16 or crc16", o.Type)
	}
	if o.From < 0 || o.From >= maxFrame {
		return fmt.Errorf("check: from %d: how many bytes at the front are not covered", o.From)
	}
	return nil
}

// size is how many bytes of the frame the check takes.
func (o *checkOptions) size() int {
	size := 0
	switch o.Type {
	case "xor", "xor-hex", "sum8":
		size = 1
	case "sum16", "crc16":
		size = 2
	}
	if o.Hex {
		size *= 2
	}
	return size
}

// strip is the frame without its check, or false if the check is wrong.
func (o *checkOptions) strip(frame []byte) ([]byte, bool) {
	size := o.size()
	if size == 0 {
		return frame, true
	}
	if len(frame) <= o.From+size {
		return nil, false
	}
	body, tail := frame[:len(frame)-size], frame[len(frame)-size:]
	if o.Hex {
		var raw [2]byte
		if _, err := hex.Decode(raw[:], tail); err != nil {
			return nil, false
		}
		tail = raw[:size/2]
	}
	got := uint16(tail[0])
	if len(tail) == 2 {
		if got = got<<8 | uint16(tail[1]); o.Little {
			got = bits.ReverseBytes16(got)
		}
	}
	if want, ok := o.value(body[o.From:]); !ok || got != want {
		return nil, false
	}
	return body, true
}

func (o *checkOptions) value(covered []byte) (uint16, bool) {
	switch o.Type {
	case "xor-hex":
		raw, err := hex.DecodeString(string(covered))
		return uint16(xor(raw)), err == nil
	case "xor":
		return uint16(xor(covered)), true
	case "sum8":
		return sum(covered) & 0xFF, true
	case "sum16":
		return -sum(covered), true
	default:
		return o.crc(covered), true
	}
}

func xor(data []byte) (x byte) {
	for _, b := range data {
		x ^= b
	}
	return x
}

func sum(data []byte) (s uint16) {
	for _, b := range data {
		s += uint16(b)
	}
	return s
}

func (o *checkOptions) crc(data []byte) uint16 {
	crc := o.Init
	for _, b := range data {
		if o.Reflect {
			b = bits.Reverse8(b)
		}
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ o.Poly
			} else {
				crc <<= 1
			}
		}
	}
	if o.Reflect {
		crc = bits.Reverse16(crc)
	}
	return crc ^ o.XorOut
}
