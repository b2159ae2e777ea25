// Package wiegand cuts the bits that a card reader sends into the numbers that
// are printed on cards. It is pure: bits in, text out. The texts are those that
// sources of rights write as well, so that a card meets its row:
// "h10301:123:4567" with format, facility and card number in decimal,
// "h10302:123456" where the format has no facility, "c15001:900:118:1603" where
// it has one number more, and "raw:37:0a1b2c3d4e" with all bits as a number in
// hex where the format is not known.
package wiegand

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Why bits are not a card. Compare with errors.Is. None tells the bits.
var (
	ErrFormat = errors.New("this Wiegand format is not known")
	ErrLength = errors.New("the number of bits is not that of the format")
	ErrParity = errors.New("a parity bit is wrong")
	// ErrBlank says that all bits are alike, which is a wire that is cut or
	// shorted, and no card.
	ErrBlank = errors.New("all bits are alike")
)

// The shortest and longest card. Keypads on Wiegand lines send 4 or 8 bits a
// key; those are no cards.
const (
	MinBits = 9
	MaxBits = 255
)

// Decode is the value of a card of n bits. They are packed with the first in the
// highest place, as OSDP sends them (osdp_RAW, SIA OSDP v2.2 §7.12); what stands
// behind them in the last byte is not looked at. An empty name means ByLength.
// Parity is checked, and a card whose parity is wrong is none: no other format is
// tried, for that would be guessing. The error is one of those of this package.
func Decode(name string, bits []byte, n int) (string, error) {
	if n < MinBits || n > MaxBits || len(bits) != (n+7)/8 {
		return "", ErrLength
	}
	if name == "" {
		name = ByLength(n)
	}
	number := new(big.Int).SetBytes(bits)
	number.Rsh(number, uint(len(bits)*8-n))
	if name == Raw {
		return raw(number, n)
	}
	f, ok := formats[name]
	switch {
	case !ok:
		return "", ErrFormat
	case n == f.bits:
		return f.whole(number)
	case f.bare && n == f.bits-len(f.parity):
		return f.value(number.Lsh(number, 1)) // as if between parity bits
	default:
		return "", ErrLength
	}
}

// Number is the value of a card that a reader tells as a number, in bytes with
// the highest first and any zeros in front: of Raw, which then needs to be told
// how many bits it has, all of it, of others either with the parity bits in place
// or without. It errs as Decode does.
func Number(name string, bytes []byte, n int, withParity bool) (string, error) {
	number := new(big.Int).SetBytes(bytes)
	if len(bytes) == 0 {
		return "", ErrLength
	}
	if name == Raw {
		if n < 1 || n > MaxBits || number.BitLen() > n {
			return "", ErrLength
		}
		return raw(number, n)
	}
	f, ok := formats[name]
	if !ok {
		return "", ErrFormat
	}
	if withParity {
		if number.BitLen() > f.bits {
			return "", ErrLength
		}
		return f.whole(number)
	}
	if number.BitLen() > f.data() {
		return "", ErrLength
	}
	return f.value(number.Lsh(number, uint(f.bits-1-f.last())))
}

// raw is the value of bits that nobody cuts.
func raw(number *big.Int, n int) (string, error) {
	ones := new(big.Int).Lsh(big.NewInt(1), uint(n))
	if number.Sign() == 0 || number.Cmp(ones.Sub(ones, big.NewInt(1))) == 0 {
		return "", ErrBlank
	}
	return fmt.Sprintf("raw:%d:%0*x", n, (n+3)/4, number), nil
}

// whole checks the parity and cuts.
func (f format) whole(number *big.Int) (string, error) {
	for _, p := range f.parity {
		count := f.bit(number, p.bit)
		for _, bit := range p.covers {
			count += f.bit(number, bit)
		}
		if (count%2 == 1) != p.odd {
			return "", ErrParity
		}
	}
	return f.value(number)
}

// value cuts, parity or not.
func (f format) value(number *big.Int) (string, error) {
	var text strings.Builder
	text.WriteString(f.name)
	for _, one := range f.fields {
		cut := uint64(0)
		for bit := one.from; bit <= one.to; bit++ {
			cut = cut<<1 | uint64(f.bit(number, bit))
		}
		fmt.Fprintf(&text, ":%d", cut)
	}
	return text.String(), nil
}

// bit is one bit of a number of the format's length, counted from its first.
func (f format) bit(number *big.Int, at int) uint { return number.Bit(f.bits - 1 - at) }

// last is the last bit that is no parity.
func (f format) last() int { return f.fields[len(f.fields)-1].to }

// data is how many bits are no parity. In every format they stand together.
func (f format) data() int { return f.last() - f.fields[0].from + 1 }
