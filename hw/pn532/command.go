// Package pn532 is the language of the NXP PN532, an NFC chip on a serial line
// (HSU): commands as bytes out, frames and targets as bytes in. It holds no state
// but half a frame, waits for nothing and asks for no clock.
//
// The format is that of NXP UM0701-02, "PN532 User Manual".
package pn532

import (
	"errors"
	"fmt"
)

// The commands of this package (UM0701-02 §7). An answer has the code of its
// command, plus one.
const (
	CodeDiagnose    = 0x00
	CodeFirmware    = 0x02
	CodeSAM         = 0x14
	CodeRF          = 0x32
	CodeExchange    = 0x40
	CodeListTargets = 0x4A
	CodeRelease     = 0x52
)

// The first byte of a body (§6.2.1.1 and §6.2.1.5).
const (
	toChip  = 0xD4
	toHost  = 0xD5
	refusal = 0x7F
)

// MaxOut is how much one exchange can carry to a target, and back from it
// (§7.3.8).
const MaxOut = 262

// What a host says besides commands (§6.2.1.3 and §6.2.1.4). They are never
// written to.
var (
	// ackFrame ends what the chip is doing: it will not answer.
	ackFrame = [...]byte{0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}
	// nackFrame asks for the last answer once more.
	nackFrame = [...]byte{0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00}
)

// Abort is the frame that ends what the chip is doing.
func Abort() []byte { return append([]byte(nil), ackFrame[:]...) }

// Again is the frame that asks for the last answer once more.
func Again() []byte { return append([]byte(nil), nackFrame[:]...) }

// Wake is what goes before the first frame after a silence: a chip that powered
// itself down wakes by the fifth rising edge and loses what is sent until then
// (§6.2.2, §7.2.11).
func Wake() []byte { return []byte{0x55, 0x55, 13: 0x00} }

// Command is the code of a command and its parameters.
type Command []byte

// Code is the code of the command; its answer has one more.
func (c Command) Code() byte { return c[0] }

// Frame is the command as it goes over the line: a normal frame up to 254 bytes
// of data, an extended one above (§6.2.1.1, §6.2.1.2).
func (c Command) Frame() []byte {
	size := len(c) + 1
	frame := make([]byte, 0, len(c)+11)
	frame = append(frame, 0x00, 0x00, 0xFF)
	if size <= 0xFF {
		frame = append(frame, byte(size), -byte(size))
	} else {
		high, low := byte(size>>8), byte(size)
		frame = append(frame, 0xFF, 0xFF, high, low, -(high + low))
	}
	sum := byte(toChip)
	for _, b := range c {
		sum += b
	}
	frame = append(append(frame, toChip), c...)
	return append(frame, -sum, 0x00)
}

// LineTest has the chip return some bytes (Diagnose 00, §7.2.1).
func LineTest(say []byte) Command {
	return append(Command{CodeDiagnose, 0x00}, say[:min(len(say), MaxOut)]...)
}

// GetFirmwareVersion asks who the chip is (§7.2.2).
func GetFirmwareVersion() Command { return Command{CodeFirmware} }

// SAMConfiguration puts the chip into normal mode, which it is not in after it
// had no power: it drives no field before (§7.2.10).
func SAMConfiguration() Command { return Command{CodeSAM, 0x01} }

// MaxRetries says how often the chip looks for a target before it answers that
// there is none. Its own default is for ever: then it never answers without a
// card (RFConfiguration 05, §7.3.1).
func MaxRetries(attributes, parameters, passive byte) Command {
	return Command{CodeRF, 0x05, attributes, parameters, passive}
}

// Field switches the field on or off. Targets without it begin anew
// (RFConfiguration 01, §7.3.1).
func Field(on bool) Command {
	if on {
		return Command{CodeRF, 0x01, 0x01}
	}
	return Command{CodeRF, 0x01, 0x00}
}

// ListTargets looks for one or two targets of ISO 14443 type A at 106 kbit/s and
// activates them (InListPassiveTarget, §7.3.5).
func ListTargets(most byte) Command { return Command{CodeListTargets, most, 0x00} }

// Release lets all targets go: each is halted and stays mute until the field
// was away (InRelease, §7.3.11).
func Release() Command { return Command{CodeRelease, 0x00} }

// Exchange sends bytes to a target and brings what it answers (InDataExchange,
// §7.3.8). To a MIFARE target they are one of its commands, which the chip
// interprets: a 60 or 61 there is an authentication, and not for the card. No
// bytes ask for the rest of a long answer. More than MaxOut bytes are an error.
func Exchange(target byte, out []byte) (Command, error) {
	if len(out) > MaxOut {
		return nil, fmt.Errorf("%d bytes for a card, at most %d fit", len(out), MaxOut)
	}
	return append(Command{CodeExchange, target}, out...), nil
}

// ErrMalformed says that an answer is whole and still not what its command
// brings. Compare with errors.Is.
var ErrMalformed = errors.New("malformed answer")

// Firmware is who the chip says it is.
type Firmware struct {
	Chip              byte // 32 hex: a PN532
	Version, Revision byte
}

// ParseFirmware reads the answer to GetFirmwareVersion.
func ParseFirmware(data []byte) (Firmware, error) {
	if len(data) != 4 {
		return Firmware{}, fmt.Errorf("%w: a firmware version of %d bytes", ErrMalformed, len(data))
	}
	return Firmware{Chip: data[0], Version: data[1], Revision: data[2]}, nil
}

// String is the chip in words.
func (f Firmware) String() string {
	return fmt.Sprintf("PN5%02X firmware %d.%d", f.Chip, f.Version, f.Revision)
}

// Status is how an exchange with a target went (§7.1). Zero is well.
type Status byte

// The statuses that a driver treats in their own way.
const (
	StatusOK      Status = 0x00
	StatusTimeout Status = 0x01 // the card did not answer: it was taken away
)

// statusWords is never written to.
var statusWords = map[Status]string{
	0x01: "the card did not answer",
	0x02: "the card's answer had a wrong CRC",
	0x03: "the card's answer had a wrong parity",
	0x04: "two cards answered at once",
	0x05: "the card's answer was framed wrongly",
	0x06: "two cards answered bit against bit",
	0x07: "the card's answer was too long for the chip",
	0x0A: "the field was switched on late",
	0x0B: "the card broke the protocol",
	0x0D: "the chip is too hot and has switched its field off",
	0x13: "the card's answer has a wrong format",
	0x14: "the card refused the authentication",
	0x27: "not possible in this state of the card",
	0x29: "the card was released",
	0x2A: "another card than before",
	0x2B: "the card has gone",
	0x2D: "the field draws too much current",
}

// Error is the status in words, with its code.
func (s Status) Error() string {
	words, ok := statusWords[s]
	if !ok {
		words = "the chip could not talk with the card"
	}
	return fmt.Sprintf("%s (status %02X)", words, byte(s))
}

// ParseExchange reads the answer to Exchange: what the target said, and whether
// there is more of it to fetch. A Status is an error.
func ParseExchange(data []byte) (said []byte, more bool, err error) {
	if len(data) == 0 {
		return nil, false, fmt.Errorf("%w: an exchange without a status", ErrMalformed)
	}
	if status := Status(data[0] & 0x3F); status != StatusOK {
		return nil, false, status
	}
	return data[1:], data[0]&0x40 != 0, nil
}
