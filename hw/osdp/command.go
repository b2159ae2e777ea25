package osdp

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The codes of commands (SIA OSDP 2.2).
const (
	codePOLL      byte = 0x60
	codeID        byte = 0x61
	codeCAP       byte = 0x62
	codeLSTAT     byte = 0x64
	codeISTAT     byte = 0x65
	codeOSTAT     byte = 0x66
	codeRSTAT     byte = 0x67
	codeOUT       byte = 0x68
	codeLED       byte = 0x69
	codeBUZ       byte = 0x6A
	codeTEXT      byte = 0x6B
	codeCOMSET    byte = 0x6E
	codeKEYSET    byte = 0x75
	codeCHLNG     byte = 0x76
	codeSCRYPT    byte = 0x77
	codeACURXSIZE byte = 0x7B
	codeMFG       byte = 0x80
)

// Command is a command without what surrounds it: a code and data in clear. It
// shows its code only, because one command carries a key.
type Command struct {
	Code byte
	Data []byte
}

// Format shows the code and hides the data.
func (c Command) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "command %02X of %d bytes", c.Code, len(c.Data))
}

// Poll asks for the next event.
func Poll() Command { return Command{Code: codePOLL} }

// ID asks who the reader is.
func ID() Command { return Command{codeID, []byte{0}} }

// CAP asks what the reader can do.
func CAP() Command { return Command{codeCAP, []byte{0}} }

// LSTAT asks for the reader's own tamper switch and power.
func LSTAT() Command { return Command{Code: codeLSTAT} }

// ISTAT asks how the inputs stand.
func ISTAT() Command { return Command{Code: codeISTAT} }

// OSTAT asks how the outputs stand.
func OSTAT() Command { return Command{Code: codeOSTAT} }

// RSTAT asks how attached readers are.
func RSTAT() Command { return Command{Code: codeRSTAT} }

// OutputControl is what an output is to do.
type OutputControl byte

// What an output can do.
const (
	OutputNop      OutputControl = iota
	OutputOff                    // for good; a running timer ends
	OutputOn                     // for good; a running timer ends
	OutputOffAfter               // for good, once a running timer has ended
	OutputOnAfter                // for good, once a running timer has ended
	OutputPulse                  // on, and off again by the reader's own timer
	OutputPulseOff               // off, and on again by the reader's own timer
)

// Output is an order to one output. The timer counts in tenths of a second, up
// to 6553.5 s.
type Output struct {
	Number  byte
	Control OutputControl
	Timer   time.Duration
}

// OUT moves outputs.
func OUT(outputs ...Output) Command {
	data := make([]byte, 0, 4*len(outputs))
	for _, o := range outputs {
		data = append(data, o.Number, byte(o.Control))
		data = binary.LittleEndian.AppendUint16(data, tenths(o.Timer, 0xFFFF))
	}
	return Command{codeOUT, data}
}

// tenths is a time in units of 100 ms, at least one if it is longer than zero.
func tenths(d time.Duration, most uint16) uint16 {
	if d <= 0 {
		return 0
	}
	return uint16(max(1, min(d/(100*time.Millisecond), time.Duration(most))))
}

// Color is what a lamp shows.
type Color byte

// The colours.
const (
	Black Color = iota
	Red
	Green
	Amber
	Blue
	Magenta
	Cyan
	White
)

// Blink is how a lamp stands: On in OnColor, Off in OffColor, and so on. A lamp
// that is steady has no Off. Times go up to 25.5 s.
type Blink struct {
	On, Off           time.Duration
	OnColor, OffColor Color
}

// Steady is a lamp of one colour.
func Steady(c Color) Blink { return Blink{On: 100 * time.Millisecond, OnColor: c, OffColor: c} }

// Lamp is an order to one lamp: to stand otherwise for a while, or for good, or
// both.
type Lamp struct {
	Reader, Number byte
	Brief          *Blink // for the time of For, then as before; nil: leave as it is
	For            time.Duration
	CancelBrief    bool   // ends what is brief at once; only without Brief
	Lasting        *Blink // nil: leave as it is
}

func (b *Blink) bytes() [4]byte {
	if b == nil {
		return [4]byte{}
	}
	on, off := byte(tenths(b.On, 0xFF)), byte(tenths(b.Off, 0xFF))
	if on == 0 && off == 0 {
		on = 1 // readers refuse both to be zero
	}
	return [4]byte{on, off, byte(b.OnColor), byte(b.OffColor)}
}

// LED sets lamps.
func LED(lamps ...Lamp) Command {
	data := make([]byte, 0, 14*len(lamps))
	for _, l := range lamps {
		var control, lasting byte
		switch {
		case l.Brief != nil:
			control = 2
		case l.CancelBrief:
			control = 1
		}
		if l.Lasting != nil {
			lasting = 1
		}
		brief, stays := l.Brief.bytes(), l.Lasting.bytes()
		data = append(data, l.Reader, l.Number, control)
		data = append(data, brief[:]...)
		data = binary.LittleEndian.AppendUint16(data, tenths(l.For, 0xFFFF))
		data = append(data, lasting)
		data = append(data, stays[:]...)
	}
	return Command{codeLED, data}
}

// Beep is an order to the buzzer: Count times On and Off, each up to 25.5 s. No
// On silences it; no Count is for ever.
type Beep struct {
	Reader  byte
	On, Off time.Duration
	Count   byte
}

// BUZ beeps.
func BUZ(b Beep) Command {
	tone, on := byte(2), byte(tenths(b.On, 0xFF))
	if on == 0 {
		tone = 1
	}
	return Command{codeBUZ, []byte{b.Reader, tone, on, byte(tenths(b.Off, 0xFF)), b.Count}}
}

// Text is a line for a reader's display. With For it is shown that long, up to
// 255 s, else until the next. Rows and columns count from 1; 0 is taken for 1.
// What is not printable ASCII is shown as a question mark.
type Text struct {
	Reader, Row, Column byte
	For                 time.Duration
	Line                string
}

// TEXT shows a line of at most 32 characters.
func TEXT(t Text) Command {
	kind, seconds := byte(1), byte(0)
	if t.For > 0 {
		kind, seconds = 3, byte(max(1, min(t.For/time.Second, 255)))
	}
	line := make([]byte, 0, 32)
	for _, r := range t.Line {
		if len(line) == cap(line) {
			break
		}
		if r < 0x20 || r > 0x7E {
			r = '?'
		}
		line = append(line, byte(r))
	}
	data := []byte{t.Reader, kind, seconds, max(1, t.Row), max(1, t.Column), byte(len(line))}
	return Command{codeTEXT, append(data, line...)}
}

// COMSET gives the reader another address and speed. Its reply still
// comes with the old ones.
func COMSET(address byte, baud uint32) Command {
	return Command{codeCOMSET, binary.LittleEndian.AppendUint32([]byte{address}, baud)}
}

// keyset gives the reader a new key. It may only be sent inside the secure
// channel; a Peer sends it by itself and only while pairing.
func keyset(key Key) Command {
	return Command{codeKEYSET, append([]byte{0x01, KeySize}, key.secret()[:]...)}
}

// ACURXSIZE says how long a reply the panel can take.
func ACURXSIZE(size uint16) Command {
	return Command{codeACURXSIZE, binary.LittleEndian.AppendUint16(nil, size)}
}

// MFG is a command of the maker's own.
func MFG(vendor [3]byte, data []byte) Command {
	return Command{codeMFG, append(vendor[:], data...)}
}
