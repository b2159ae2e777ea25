package hw

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/wiegand"
)

// cardOptions say what the bits of a card mean, for readers that send bits:
// every driver of such embeds them. Nothing is guessed from the bits.
type cardOptions struct {
	As           string `toml:"as"`            // wiegand, uid or qr; not given: wiegand
	Format       string `toml:"format"`        // wiegand: of hw/wiegand; not given: by length, where that is clear
	Parity       bool   `toml:"parity"`        // uid: between two parity bits, as Wiegand 34 and 58 send it
	ReverseBytes bool   `toml:"reverse_bytes"` // uid: the reader tells it last byte first
}

// cardTypes are what bits can be.
var cardTypes = []string{"wiegand", "uid", "qr"}

func (o *cardOptions) check() error {
	if o.As == "" {
		o.As = "wiegand"
	}
	switch {
	case !slices.Contains(cardTypes, o.As):
		return fmt.Errorf("as %q: use one of %q", o.As, cardTypes)
	case o.Format != "" && !wiegand.Known(o.Format):
		return unknownFormat(o.Format)
	case o.Format != "" && o.As != "wiegand":
		return fmt.Errorf("format: a %s has none; leave it away, or say as = \"wiegand\"", o.As)
	case (o.Parity || o.ReverseBytes) && o.As != "uid":
		return errors.New("parity and reverse_bytes are about a uid; leave them away, or say as = \"uid\"")
	}
	return nil
}

func unknownFormat(name string) error {
	return fmt.Errorf("format %q is not known; there are: %s", name, strings.Join(wiegand.Formats(), ", "))
}

// value is what n bits mean, packed with the first in the highest place.
func (o *cardOptions) value(bits []byte, n int) (access.Kind, Value, error) {
	switch o.As {
	case "uid":
		if o.Parity {
			bits, n = between(bits, n)
		}
		if n%8 != 0 || len(bits) != n/8 {
			return access.NoKind, "", errNotAsTold
		}
		uid := decodeOptions{As: "uid", Lengths: []int{4, 7, 8, 10}}
		if o.ReverseBytes {
			uid.Reverse = []string{"bytes"}
		}
		return uid.credential(bits, "")
	case "qr":
		if n%8 != 0 || len(bits) != n/8 {
			return access.NoKind, "", errNotAsTold
		}
		code := decodeOptions{As: "qr", Min: shortestCode}
		return code.credential(bits, "")
	default:
		return wiegandValue(o.Format, bits, n)
	}
}

// between is bits without the first and the last.
func between(bits []byte, n int) (inner []byte, left int) {
	if n < 3 || len(bits) != (n+7)/8 {
		return nil, 0
	}
	left = n - 2
	inner = make([]byte, (left+7)/8)
	for i := range left {
		if from := i + 1; bits[from/8]&(0x80>>(from%8)) != 0 {
			inner[i/8] |= 0x80 >> (i % 8)
		}
	}
	return inner, left
}

// wiegandValue is the number on a card of n bits, packed with the first in the
// highest place, as OSDP delivers them (osdp_RAW). With no format it goes by
// length where that is clear: 26 bits are h10301, others raw.
func wiegandValue(format string, bits []byte, n int) (access.Kind, Value, error) {
	value, err := wiegand.Decode(format, bits, n)
	if err != nil {
		return access.NoKind, "", fmt.Errorf("%w: %w", errNotAsTold, err)
	}
	return access.Wiegand, Value(value), nil
}
