package hwtest

import (
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// newlandTags are the settings that the simulated Newland knows, with how many
// values each has: reading on or off, the trigger, the mode, set-up codes. A data
// format may be anything.
var newlandTags = map[string]byte{"SCNENA": 2, "SCNTRG": 2, "SCNMOD": 8, "SETUPE": 2, "DFMADD": 0xFF}

var newlandCommand = regexp.MustCompile(`^([A-Z0-9]{6})([0-9A-F]+)$`)

// NewNewland makes a Newland scanner: the text of the code and CR. A command is
// ~ SOH 0000, # for now or @ for good, tags of six letters with their values and
// semicolons between them, and ; ETX; the answer is STX SOH with the same, and
// before each semicolon ACK, NAK for a value that cannot be or ENQ for a tag that
// is not known (NLS-HR52, "Use of Programming Command").
func NewNewland(line io.ReadWriter) *Scanner {
	s := newScanner(line, func(text string) []byte { return []byte(text + "\r") })
	s.take = func(in []byte) int {
		begin, end := []byte("~\x010000"), []byte(";\x03")
		switch {
		case !bytes.HasPrefix(in, begin[:min(len(in), len(begin))]):
			return 1
		case !bytes.Contains(in, end):
			return 0
		}
		command, _, _ := bytes.Cut(in, end)
		used := len(command) + len(end)
		if len(command) < len(begin)+1 || command[6] != '#' && command[6] != '@' {
			return used
		}
		answer := append([]byte{0x02}, command[1:7]...)
		for one := range bytes.SplitSeq(command[7:], []byte(";")) {
			answer = append(append(answer, one...), s.newlandObeys(string(one)), ';')
		}
		s.answer(append(answer, 0x03))
		return used
	}
	return s
}

func (s *Scanner) newlandObeys(command string) (verdict byte) {
	parts := newlandCommand.FindStringSubmatch(command)
	if parts == nil || newlandTags[parts[1]] == 0 {
		return scannerENQ
	}
	if parts[2][0]-'0' >= newlandTags[parts[1]] {
		return scannerNAK
	}
	if parts[1] == "SCNENA" {
		s.disabled = parts[2] == "0"
	}
	return scannerACK
}

// de2120Commands are the commands that the simulated DE2120 knows.
var de2120Commands = []string{
	"DEFALT", "SCAN", "SLEEP", "SCMMAN", "SCMCNT", "SCMMDH", "PORKBD", "PORVIC", "POR232", "232UTF0", "232UTF1", "BEPPWR0", "BEPPWR1",
	"CNTALW0", "CNTALW1", "CNTALW2", "CNTALW3",
}

// NewDE2120 makes a SparkFun DE2120: the text of the code and CR. A command is
// its name between ^_^ and a full stop; ACK or NAK follow after a delay, 800 ms
// at most. As delivered it sends what is not ASCII in GBK.
func NewDE2120(line io.ReadWriter, delay time.Duration) *Scanner {
	utf8Text := false
	s := newScanner(line, nil)
	s.frame = func(text string) []byte {
		if !utf8Text {
			text = inGBK(text)
		}
		return []byte(text + "\r")
	}
	s.take = func(in []byte) int {
		begin := []byte("^_^")
		switch {
		case !bytes.HasPrefix(in, begin[:min(len(in), len(begin))]):
			return 1
		case bytes.IndexByte(in, '.') < 0:
			return 0
		}
		command, _, _ := bytes.Cut(in, []byte("."))
		name, verdict := string(command[3:]), byte(scannerACK)
		if !slices.Contains(de2120Commands, name) {
			verdict = scannerNAK
		}
		if on, ok := strings.CutPrefix(name, "232UTF"); ok {
			utf8Text = on == "1"
		}
		s.later(delay, func() { s.answer([]byte{verdict}) })
		return len(command) + 1
	}
	return s
}

// inGBK leaves ASCII as it is. For the rest two bytes stand that are no UTF-8,
// as those of GBK are not.
func inGBK(text string) string {
	var out []byte
	for _, r := range text {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		} else {
			out = append(out, 0xB0|byte(r)&0x0F, 0xA1)
		}
	}
	return string(out)
}

// GM65 is a simulated GROW GM65, GM861 or Waveshare module.
type GM65 struct {
	*Scanner
	registers map[int]byte
	saved     map[int]byte // what the next power-up begins with
}

// NewGM65 makes a module that sends the text of a code and what it was set up to
// send after it, and reads without being told. A command is 7E 00, 07 to read or
// 08 to write or 09 to save, a length, a register of two bytes, data, and a
// checksum, in place of which AB CD will do. The answer is 02 00, 00 or 01 for a
// wrong checksum or 03 for what is no command, a length, data, and a checksum. In the mode "on command" (register 0000, two low bits 01)
// it reads once for each 01 in register 0002, and its answer comes before the
// code.
func NewGM65(line io.ReadWriter, end string) *GM65 {
	g := &GM65{Scanner: newScanner(line, func(text string) []byte { return []byte(text + end) })}
	g.saved = map[int]byte{0x0000: 0xD6}
	g.reset = func() {
		g.registers = maps.Clone(g.saved)
		g.ask = g.onCommand()
	}
	g.reset()
	g.take = g.command
	return g
}

// Register is the value of a register.
func (g *GM65) Register(address int) byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.registers[address]
}

func (g *GM65) command(in []byte) int {
	switch {
	case in[0] != 0x7E || len(in) > 1 && in[1] != 0x00:
		return 1
	case len(in) < 4:
		return 0
	}
	size := 6 + int(in[3]) + 2
	if in[2] == 0x07 {
		size = 6 + 1 + 2 // one byte: how many registers
	}
	if len(in) < size {
		return 0
	}
	body, check := in[2:size-2], in[size-2:size]
	if right := gm65CRC(body); !bytes.Equal(check, right) && !bytes.Equal(check, []byte{0xAB, 0xCD}) {
		g.answer(gm65Reply(0x01, []byte{0}))
		return size
	}
	address, data := int(body[2])<<8|int(body[3]), body[4:]
	switch body[0] {
	case 0x07:
		var out []byte
		for i := range int(data[0]) {
			out = append(out, g.registers[address+i])
		}
		g.answer(gm65Reply(0x00, out))
	case 0x08:
		g.write(address, data)
	case 0x09:
		g.saved = maps.Clone(g.registers)
		g.answer(gm65Reply(0x00, []byte{0}))
	default:
		g.answer(gm65Reply(0x03, []byte{0}))
	}
	return size
}

// write sets registers. The trigger is one that falls back by itself.
func (g *GM65) write(address int, data []byte) {
	for i, value := range data {
		g.registers[address+i] = value
	}
	g.ask = g.onCommand()
	reply := gm65Reply(0x00, []byte{0})
	if g.registers[0x0002]&1 == 0 {
		g.answer(reply)
		return
	}
	g.registers[0x0002] &^= 1
	if g.waiting == nil {
		g.told = true
		g.answer(reply)
		return
	}
	frame := g.waiting
	g.waiting = nil
	_ = g.output(reply, frame)
}

func (g *GM65) onCommand() bool { return g.registers[0x0000]&3 == 1 }

func gm65Reply(kind byte, data []byte) []byte {
	body := append([]byte{kind, byte(len(data))}, data...)
	return slices.Concat([]byte{0x02, 0x00}, body, gm65CRC(body))
}

// gm65CRC is the CRC of CCITT, 0x1021 from 0, bit by bit, high byte first.
func gm65CRC(body []byte) []byte {
	register := 0
	for _, octet := range body {
		for bit := 7; bit >= 0; bit-- {
			high := register>>15 ^ int(octet)>>bit&1
			register = register << 1 & 0xFFFF
			if high&1 == 1 {
				register ^= 0x1021
			}
		}
	}
	return []byte{byte(register >> 8), byte(register)}
}
