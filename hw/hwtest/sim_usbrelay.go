package hwtest

import (
	"context"
	"io"
	"time"
)

// USBBoard simulates a relay board on a USB serial port. Which one depends on
// the function that made it; each was written from its maker's description.
type USBBoard struct {
	wire
	relays []*Relay
	obey   func(b *USBBoard, in []byte) (used int, answer []byte)
	buf    []byte
}

// Run is Board.Run.
func (b *USBBoard) Run(ctx context.Context) error { return b.serve(ctx, b.heard) }

// Relay is Board.Relay.
func (b *USBBoard) Relay(channel int) *Relay { return b.relays[channel] }

func (b *USBBoard) heard(in []byte) {
	b.buf = append(b.buf, in...)
	for len(b.buf) > 0 {
		used, answer := b.obey(b, b.buf)
		if used == 0 {
			return
		}
		b.buf = b.buf[used:]
		if len(answer) == 0 || b.has(Dead) {
			continue
		}
		if b.has(Slow) {
			time.Sleep(100 * time.Millisecond)
		}
		_, _ = b.line.Write(answer)
	}
}

// order moves a relay unless the board is dead or has no such relay.
func (b *USBBoard) order(relay int, energised bool) {
	if relay >= 0 && relay < len(b.relays) && !b.has(Dead) {
		b.relays[relay].set(energised)
	}
}

func newUSBBoard(line io.ReadWriter, relays int, obey func(*USBBoard, []byte) (int, []byte)) *USBBoard {
	return &USBBoard{wire: wire{line: line}, relays: newRelays(relays), obey: obey}
}

// NewLCUS makes a board LCUS-n: four bytes A0, relay from 1, 0 or 1, and the sum
// of the three. It never answers.
func NewLCUS(line io.ReadWriter, relays int) *USBBoard {
	return newUSBBoard(line, relays, func(b *USBBoard, in []byte) (int, []byte) {
		switch {
		case in[0] != 0xA0:
			return 1, nil
		case len(in) < 4:
			return 0, nil
		case in[0]+in[1]+in[2] != in[3] || in[2] > 1:
			return 1, nil
		}
		b.order(int(in[1])-1, in[2] == 1)
		return 4, nil
	})
}

// NewE3 makes a board HW-667 ("E-3"): AA closes, BB opens, CC closes for one
// second. It never answers.
func NewE3(line io.ReadWriter) *USBBoard {
	return newUSBBoard(line, 1, func(b *USBBoard, in []byte) (int, []byte) {
		switch in[0] {
		case 0xAA:
			b.order(0, true)
		case 0xBB:
			b.order(0, false)
		case 0xCC:
			if !b.has(Dead) {
				b.relays[0].flash(true, time.Second)
			}
		}
		return 1, nil
	})
}

// NewKMTronic makes a KMTronic USB board: three bytes FF, relay from 1, and 0 or
// 1. One and two relays answer FF n 03 with FF n state; four and eight answer
// FF 09 00 with a byte for each.
func NewKMTronic(line io.ReadWriter, relays int) *USBBoard {
	return newUSBBoard(line, relays, func(b *USBBoard, in []byte) (int, []byte) {
		switch {
		case in[0] != 0xFF:
			return 1, nil
		case len(in) < 3:
			return 0, nil
		case in[1] == 9 && in[2] == 0 && len(b.relays) > 2:
			all := make([]byte, len(b.relays))
			for i, r := range b.relays {
				if r.Energised() {
					all[i] = 1
				}
			}
			return 3, all
		case in[2] == 3 && int(in[1]) >= 1 && int(in[1]) <= len(b.relays) && len(b.relays) <= 2:
			state := byte(0)
			if b.relays[in[1]-1].Energised() {
				state = 1
			}
			return 3, []byte{0xFF, in[1], state}
		case in[2] <= 1:
			b.order(int(in[1])-1, in[2] == 1)
		}
		return 3, nil
	})
}

// NewDevantech makes a Devantech USB-RLY: single bytes, d (0x64) all on, e to l
// one on, n (0x6E) all off, o to v one off, [ (0x5B) answers with a bit for each
// relay, \ (0x5C) sets all from the byte after it.
func NewDevantech(line io.ReadWriter, relays int) *USBBoard {
	return newUSBBoard(line, relays, func(b *USBBoard, in []byte) (int, []byte) {
		switch c := in[0]; {
		case c == '[':
			mask := byte(0)
			for i, r := range b.relays {
				if r.Energised() {
					mask += 1 << i
				}
			}
			return 1, []byte{mask}
		case c == '\\' && len(in) < 2:
			return 0, nil
		case c == '\\':
			for i := range b.relays {
				b.order(i, in[1]>>i&1 == 1)
			}
			return 2, nil
		case c == 'd' || c == 'n':
			for i := range b.relays {
				b.order(i, c == 'd')
			}
		case c >= 'e' && c <= 'l':
			b.order(int(c-'e'), true)
		case c >= 'o' && c <= 'v':
			b.order(int(c-'o'), false)
		}
		return 1, nil
	})
}
