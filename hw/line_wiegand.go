package hw

import (
	"fmt"

	"github.com/tilegate/tilegate/hw/wiegand"
)

func (o *decodeOptions) checkWiegand() error {
	if o.Format == "" {
		o.Format = wiegand.ByLength(o.Bits)
	}
	if o.Format == wiegand.Raw {
		if o.Bits < wiegand.MinBits || o.Bits > wiegand.MaxBits {
			return fmt.Errorf("decode: bits %d: a wiegand number has %d to %d; or give a format", o.Bits, wiegand.MinBits, wiegand.MaxBits)
		}
		return nil
	}
	if !wiegand.Known(o.Format) {
		return fmt.Errorf("decode: %w", unknownFormat(o.Format))
	}
	if bits := wiegand.Bits(o.Format); o.Bits != 0 && o.Bits != bits {
		return fmt.Errorf("decode: bits %d: the format %s has %d", o.Bits, o.Format, bits)
	}
	return nil
}

// wiegand is the number on a card whose bits stand at the low end of raw.
func (o *decodeOptions) wiegand(raw []byte) (Value, error) {
	value, err := wiegand.Number(o.Format, raw, o.Bits, o.Parity)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNotAsTold, err)
	}
	return Value(value), nil
}
