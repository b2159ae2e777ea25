package osdp

import (
	"encoding/binary"
	"fmt"
)

// The codes of replies (SIA OSDP 2.2).
const (
	codeACK    byte = 0x40
	codeNAK    byte = 0x41
	codePDID   byte = 0x45
	codePDCAP  byte = 0x46
	codeLSTATR byte = 0x48
	codeISTATR byte = 0x49
	codeOSTATR byte = 0x4A
	codeRSTATR byte = 0x4B
	codeRAW    byte = 0x50
	codeFMT    byte = 0x51
	codeKEYPAD byte = 0x53
	codeCOM    byte = 0x54
	codeCCRYPT byte = 0x76
	codeRMACI  byte = 0x78
	codeBUSY   byte = 0x79
	codeMFGREP byte = 0x90
)

// Device is who a reader says it is (PDID).
type Device struct {
	Vendor   [3]byte // the maker's IEEE OUI, as sent
	Model    byte
	Version  byte
	Serial   uint32
	Firmware [3]byte // major, minor, build
}

// Identity is what must not change while a reader hangs where it hangs: vendor,
// model and serial number, as hex.
func (d Device) Identity() string { return fmt.Sprintf("%x-%02x-%08x", d.Vendor, d.Model, d.Serial) }

// String is the device in words, with its firmware.
func (d Device) String() string {
	return fmt.Sprintf("vendor %X model %d version %d serial %08X firmware %d.%d.%d", d.Vendor, d.Model, d.Version, d.Serial,
		d.Firmware[0], d.Firmware[1], d.Firmware[2])
}

// DecodePDID reads who a reader is.
func DecodePDID(data []byte) (Device, error) {
	if len(data) != 12 {
		return Device{}, RefusedLength
	}
	return Device{
		Vendor: [3]byte(data), Model: data[3], Version: data[4],
		Serial: binary.LittleEndian.Uint32(data[5:]), Firmware: [3]byte(data[9:]),
	}, nil
}

// Function is what a reader may be able to do (PDCAP, annex B).
type Function byte

// The functions.
const (
	FunctionInputs   Function = 1
	FunctionOutputs  Function = 2
	FunctionCards    Function = 3
	FunctionLamps    Function = 4
	FunctionBuzzer   Function = 5
	FunctionText     Function = 6
	FunctionCRC      Function = 8
	FunctionSecurity Function = 9
	FunctionBuffer   Function = 10
	FunctionReaders  Function = 13
	FunctionVersion  Function = 16
)

// Capability is how well a reader does something, and how many of it there are.
type Capability struct {
	Listed     bool
	Compliance byte
	Count      byte
}

// Capabilities are by function. They travel in clear and may be a lie: they
// say which features to use, never whether to be secure.
type Capabilities [24]Capability

// Of is one capability.
func (c *Capabilities) Of(f Function) Capability {
	if int(f) >= len(c) {
		return Capability{}
	}
	return c[f]
}

// Buffer is the longest message the reader takes; 128 unless it says that it takes
// more.
func (c *Capabilities) Buffer() int {
	if b := c[FunctionBuffer]; b.Listed {
		return min(max(128, int(b.Compliance)|int(b.Count)<<8), MaxFrame)
	}
	return 128
}

// DecodePDCAP reads what a reader can do. Functions that are not known
// are passed over.
func DecodePDCAP(data []byte) (c Capabilities, err error) {
	if len(data)%3 != 0 {
		return c, RefusedLength
	}
	for ; len(data) > 0; data = data[3:] {
		if int(data[0]) < len(c) {
			c[data[0]] = Capability{true, data[1], data[2]}
		}
	}
	return c, nil
}

// Local is a reader's own state (LSTATR).
type Local struct{ Tampered, NoPower bool }

// DecodeLSTATR reads a reader's own state.
func DecodeLSTATR(data []byte) (Local, error) {
	if len(data) != 2 || data[0] > 1 || data[1] > 1 {
		return Local{}, RefusedLength
	}
	return Local{data[0] == 1, data[1] == 1}, nil
}

// Coding is how the bits of a card are meant (RAW).
type Coding byte

// The codings.
const (
	CodingBits    Coding = 0 // not said
	CodingWiegand Coding = 1 // with its parity bits
	CodingUID     Coding = 2
	CodingOSS     Coding = 3
)

// Card is what was held to a reader. The bits are packed from the highest bit
// of the first byte on; the unused low bits of the last byte are zero.
type Card struct {
	Reader byte
	Coding Coding
	Count  int // bits
	Bits   Secret
}

// DecodeRAW reads a card. Unused bits are cleared: the count says what is
// meant, and two readers may fill them differently.
func DecodeRAW(data []byte) (Card, error) {
	if len(data) < 4 {
		return Card{}, RefusedLength
	}
	count := int(binary.LittleEndian.Uint16(data[2:]))
	if count == 0 || len(data) != 4+(count+7)/8 {
		return Card{}, RefusedLength
	}
	card := Card{Reader: data[0], Coding: Coding(data[1]), Count: count, Bits: newSecret(data[4:])}
	if spare := count % 8; spare != 0 {
		bits := card.Bits.Bytes()
		bits[len(bits)-1] &= 0xFF << (8 - spare)
	}
	return card, nil
}

// Chars is a card as text, which only old readers send (FMT).
type Chars struct {
	Reader   byte
	Backward bool // the card was swiped the other way round
	Text     Secret
}

// DecodeFMT reads a card as text.
func DecodeFMT(data []byte) (Chars, error) {
	if len(data) < 3 || len(data) != 3+int(data[2]) {
		return Chars{}, RefusedLength
	}
	return Chars{data[0], data[1] == 1, newSecret(data[3:])}, nil
}

// Keypad is what was pressed: '0' to '9', '*' and '#' (KEYPAD).
type Keypad struct {
	Reader byte
	Digits Secret
}

// DecodeKEYPAD reads keys. The wire's 7F and 0D become '*' and '#'; other keys
// stay as they are.
func DecodeKEYPAD(data []byte) (Keypad, error) {
	if len(data) < 2 || len(data) != 2+int(data[1]) {
		return Keypad{}, RefusedLength
	}
	keys := Keypad{data[0], newSecret(data[2:])}
	for i, k := range keys.Digits.Bytes() {
		switch k {
		case 0x7F:
			keys.Digits.Bytes()[i] = '*'
		case 0x0D:
			keys.Digits.Bytes()[i] = '#'
		}
	}
	return keys, nil
}

// DecodeCOM reads the address and speed that a reader is about to take.
func DecodeCOM(data []byte) (address byte, baud uint32, err error) {
	if len(data) != 5 || data[0] > Broadcast {
		return 0, 0, RefusedLength
	}
	return data[0], binary.LittleEndian.Uint32(data[1:]), nil
}

// DecodeNAK reads why a reader refused. Details are passed over.
func DecodeNAK(data []byte) (NAK, error) {
	if len(data) == 0 {
		return 0, RefusedLength
	}
	return NAK(data[0]), nil
}

// Vendor is a message of the maker's own (MFGREP). QR readers send codes
// this way.
type Vendor struct {
	OUI  [3]byte
	Data Secret
}

// DecodeMFGREP reads a message of the maker's own.
func DecodeMFGREP(data []byte) (Vendor, error) {
	if len(data) < 3 {
		return Vendor{}, RefusedLength
	}
	return Vendor{[3]byte(data), newSecret(data[3:])}, nil
}

// cryptogram is the reader's half of the handshake (CCRYPT, annex D).
type cryptogram struct {
	client [8]byte
	answer [8]byte // RND.B
	proof  [16]byte
}

func decodeCCRYPT(data []byte) (cryptogram, error) {
	if len(data) != 32 {
		return cryptogram{}, RefusedLength
	}
	return cryptogram{[8]byte(data), [8]byte(data[8:]), [16]byte(data[16:])}, nil
}

func decodeRMACI(data []byte) ([16]byte, error) {
	if len(data) != 16 {
		return [16]byte{}, RefusedLength
	}
	return [16]byte(data), nil
}
