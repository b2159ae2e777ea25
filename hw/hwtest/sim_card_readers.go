package hwtest

import (
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"math/bits"
	"slices"
	"strings"
)

// PromagFormat is how a Promag MF7xx was set up. As delivered nothing is sent
// around the UID, "LSB first". Whether the maker calls the first or the last byte
// in air order the lowest is not written; Reversed says it for one reader.
type PromagFormat struct {
	Header   []byte
	ReaderID []byte
	Length   bool // the number of bytes of the UID, as one byte
	Reversed bool // the last byte in air order comes first
	Binary   bool // instead of hex digits
	CR, LF   bool
	Trailer  []byte
}

// NewPromag makes a Promag MF7xx reader that sends a UID, given in hex and air
// order, as it was set up.
func NewPromag(line io.ReadWriter, format PromagFormat) *Scanner {
	return newScanner(line, func(uid string) []byte {
		raw := mustHex(uid)
		out := slices.Concat(format.Header, format.ReaderID)
		if format.Length {
			out = append(out, byte(len(raw)))
		}
		if format.Reversed {
			slices.Reverse(raw)
		}
		if format.Binary {
			out = append(out, raw...)
		} else {
			out = append(out, fmt.Sprintf("%X", raw)...)
		}
		if format.CR {
			out = append(out, '\r')
		}
		if format.LF {
			out = append(out, '\n')
		}
		return append(out, format.Trailer...)
	})
}

// IdtronicForm is how an iDTRONIC reader writes a UID.
type IdtronicForm uint8

// The forms.
const (
	IdtronicHex IdtronicForm = iota
	IdtronicRaw
	IdtronicDecimal
	IdtronicD10 // the last four bytes, ten digits
	IdtronicD18 // seven bytes: three digits of the first, five of the next two, ten of the last four
)

// IdtronicFormat is how an iDTRONIC BLUEBOX sends its "spontaneous" message.
type IdtronicFormat struct {
	STX            bool
	Form           IdtronicForm
	ReverseNibbles bool // the two digits of each byte
	ReverseBits    bool // the eight bits of each byte
	End            string
}

// NewIdtronic makes an iDTRONIC BLUEBOX reader that sends a UID, given in hex and
// air order, as it was set up.
func NewIdtronic(line io.ReadWriter, format IdtronicFormat) *Scanner {
	return newScanner(line, func(uid string) []byte {
		raw := mustHex(uid)
		for i, c := range raw {
			if format.ReverseBits {
				c = bits.Reverse8(c)
			}
			if format.ReverseNibbles {
				c = c<<4 | c>>4
			}
			raw[i] = c
		}
		var out []byte
		if format.STX {
			out = append(out, 0x02)
		}
		return append(append(out, format.Form.write(raw)...), format.End...)
	})
}

func (f IdtronicForm) write(raw []byte) []byte {
	number := new(big.Int)
	switch f {
	case IdtronicRaw:
		return raw
	case IdtronicDecimal:
		return []byte(number.SetBytes(raw).String())
	case IdtronicD10:
		return fmt.Appendf(nil, "%010d", number.SetBytes(raw[max(0, len(raw)-4):]))
	case IdtronicD18:
		seven := make([]byte, 7)
		copy(seven[max(0, 7-len(raw)):], raw[max(0, len(raw)-7):])
		return fmt.Appendf(nil, "%03d%05d%010d", seven[0], int(seven[1])<<8|int(seven[2]), number.SetBytes(seven[3:]))
	default:
		return fmt.Appendf(nil, "%X", raw)
	}
}

// RFIdeasFormat is how a pcProx was set up with its maker's tool.
type RFIdeasFormat struct {
	Decimal bool   // instead of hex
	Lead    string // before the digits
	End     string // after them, CR as delivered
	Gone    string // sent when the card leaves; empty: nothing
}

// RFIdeas is a simulated rf IDEAS pcProx on a serial line.
type RFIdeas struct {
	*Scanner
	format RFIdeasFormat
}

// NewRFIdeas makes a pcProx that sends the number of a card, given in hex, as it
// was set up.
func NewRFIdeas(line io.ReadWriter, format RFIdeasFormat) *RFIdeas {
	digits := func(number string) string {
		raw := mustHex(number)
		if format.Decimal {
			return new(big.Int).SetBytes(raw).String()
		}
		return strings.ToUpper(hex.EncodeToString(raw))
	}
	return &RFIdeas{
		Scanner: newScanner(line, func(number string) []byte {
			return []byte(format.Lead + digits(number) + format.End)
		}),
		format: format,
	}
}

// Leave sends what the reader sends when a card leaves.
func (r *RFIdeas) Leave() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.format.Gone == "" || r.off || r.hung {
		return nil
	}
	_, err := r.wire.line.Write([]byte(r.format.Gone + r.format.End))
	return err
}
