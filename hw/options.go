package hw

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/hw/serial"
)

// portOptions are the keys that say which port and how. Every driver on a
// serial line has them.
type portOptions struct {
	Port     string        `toml:"port"`
	Baud     int           `toml:"baud"`
	DataBits int           `toml:"data_bits"`
	Parity   serial.Parity `toml:"parity"`
	StopBits int           `toml:"stop_bits"`
	RS485    bool          `toml:"rs485"`
	// How these stand while the port is open: on, off, or as the kernel opens it.
	DTR serial.ModemLine `toml:"dtr"`
	RTS serial.ModemLine `toml:"rts"`
}

// settings are the options with every default written out, so that two devices
// on one port compare equal however much of it each of them says.
func (o portOptions) settings(baud int) (serial.Settings, error) {
	if o.Port == "" {
		return serial.Settings{}, errors.New("port is missing: give the full path, best below /dev/serial/by-id or by-path")
	}
	if o.Baud < 0 {
		return serial.Settings{}, fmt.Errorf("baud %d: use a speed such as 9600", o.Baud)
	}
	s := serial.Settings{
		Path: o.Port, RS485: o.RS485,
		Baud:     cmp.Or(o.Baud, baud),
		DataBits: cmp.Or(o.DataBits, 8),
		Parity:   cmp.Or(o.Parity, serial.NoParity),
		StopBits: cmp.Or(o.StopBits, 1),
		DTR:      o.DTR, RTS: o.RTS,
	}
	return s, s.Check()
}

// span is a length of time as written in the settings: "500ms", "2s".
type span time.Duration

// UnmarshalText reads Go's notation; negative spans are refused.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a length of time such as \"500ms\" or \"2s\"", text)
	}
	*s = span(d)
	return nil
}

// or is the span, or other if none was given.
func (s span) or(other time.Duration) time.Duration { return cmp.Or(time.Duration(s), other) }

// octets are bytes as written in the settings: hex pairs, the names of control
// characters and 'text', with spaces between: "02", "CR LF", "16 54 CR",
// "'^_^SCAN.' CR".
type octets []byte

// controls is never written to.
var controls = map[string]byte{
	"NUL": 0x00, "SOH": 0x01, "STX": 0x02, "ETX": 0x03, "EOT": 0x04, "ENQ": 0x05, "ACK": 0x06, "BEL": 0x07, "TAB": 0x09,
	"LF": 0x0A, "CR": 0x0D, "NAK": 0x15, "SYN": 0x16, "ESC": 0x1B, "GS": 0x1D,
}

// UnmarshalText reads the notation.
func (o *octets) UnmarshalText(text []byte) error {
	var out []byte
	for rest := strings.TrimLeft(string(text), " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		if quoted, ok := strings.CutPrefix(rest, "'"); ok {
			literal, after, closed := strings.Cut(quoted, "'")
			if !closed {
				return fmt.Errorf("bytes %q: the text has no closing quote", text)
			}
			out, rest = append(out, literal...), after
			continue
		}
		word, after, _ := strings.Cut(rest, " ")
		rest = after
		if control, ok := controls[strings.ToUpper(word)]; ok {
			out = append(out, control)
			continue
		}
		raw, err := hex.DecodeString(word)
		if err != nil {
			return fmt.Errorf("bytes %q: %q is neither hex pairs nor a name such as CR, LF, STX or ETX", text, word)
		}
		out = append(out, raw...)
	}
	*o = out
	return nil
}
