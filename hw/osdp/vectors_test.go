package osdp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func show(b []byte) string { return fmt.Sprintf("% X", b) }

// V1, V2: SIA OSDP annex E.
func TestChecksAreThoseOfTheStandard(t *testing.T) {
	if got, want := CRC([]byte("123456789")), uint16(0xE5CC); got != want {
		t.Errorf("got %04X, want %04X", got, want)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"COMSET by CRC", "53 7F 0D 00 04 6E 00 80 25 00 00", "6E 38"},
		{"ID by CRC", "53 00 09 00 04 61 00", "C0 66"},
		{"COMSET by sum", "53 7F 0C 00 00 6E 00 80 25 00 00", "0F"},
		{"ID by sum", "53 00 08 00 00 61 00", "44"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := unhex(t, tt.in)
			if got := show(seal(in, 0, in[4]&crcBit == 0)[len(in):]); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// vectorCommands are V1 to V6 and V14: commands as they must be on the wire.
var vectorCommands = []struct {
	name     string
	address  byte
	sequence byte
	checksum bool
	command  Command
	want     string
}{
	{"V1 COMSET to all", 0x7F, 0, false, COMSET(0, 9600), "53 7F 0D 00 04 6E 00 80 25 00 00 6E 38"},
	{"V1 ID", 0, 0, false, ID(), "53 00 09 00 04 61 00 C0 66"},
	{"V2 COMSET by sum", 0x7F, 0, true, COMSET(0, 9600), "53 7F 0C 00 00 6E 00 80 25 00 00 0F"},
	{"V2 ID by sum", 0, 0, true, ID(), "53 00 08 00 00 61 00 44"},
	{"V3 POLL 0", 0, 0, false, Poll(), "53 00 08 00 04 60 EB AA"},
	{"V3 POLL 1", 0, 1, false, Poll(), "53 00 08 00 05 60 DA 99"},
	{"V3 POLL 2", 0, 2, false, Poll(), "53 00 08 00 06 60 89 CC"},
	{"V3 POLL 3", 0, 3, false, Poll(), "53 00 08 00 07 60 B8 FF"},
	{"V3 POLL by sum", 0, 2, true, Poll(), "53 00 07 00 02 60 44"},
	{
		"V4 OUT", 0, 2, false, OUT(Output{0, OutputOffAfter, 10 * time.Second}, Output{1, OutputPulseOff, 12 * time.Second}),
		"53 00 10 00 06 68 00 03 64 00 01 06 78 00 0B 5B",
	},
	{
		"V4 OUT by sum", 0, 2, true, OUT(Output{0, OutputOffAfter, 10 * time.Second}, Output{1, OutputPulseOff, 12 * time.Second}),
		"53 00 0F 00 02 68 00 03 64 00 01 06 78 00 4E",
	},
	{"V5 COMSET", 0, 2, false, COMSET(1, 9600), "53 00 0D 00 06 6E 01 80 25 00 00 EC 7B"},
	{
		"V5 BUZ", 0, 2, false, BUZ(Beep{On: 200 * time.Millisecond, Off: 200 * time.Millisecond, Count: 1}),
		"53 00 0D 00 06 6A 00 02 02 02 01 59 92",
	},
	{"V5 CAP", 0, 2, false, CAP(), "53 00 09 00 06 62 00 F3 5D"},
	{"V14 OUT", 0, 1, false, OUT(Output{0, OutputPulse, 3 * time.Second}), "53 00 0C 00 05 68 00 05 1E 00 71 51"},
	{
		"V14 LED", 0, 2, false, LED(Lamp{Brief: &Blink{On: 100 * time.Millisecond, OnColor: Green}, For: 2 * time.Second}),
		"53 00 16 00 06 69 00 00 02 01 00 02 00 14 00 00 00 00 00 00 22 F5",
	},
}

func TestCommandsAreThePublishedFrames(t *testing.T) {
	for _, tt := range vectorCommands {
		t.Run(tt.name, func(t *testing.T) {
			f := Frame{Address: tt.address, Sequence: tt.sequence, Checksum: tt.checksum, Code: tt.command.Code, Data: tt.command.Data}
			if got := show(f.Append(nil)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("V6 CHLNG", func(t *testing.T) {
		f := Frame{Block: blockChallenge, Code: codeCHLNG, Data: unhex(t, "EB 2E 29 0A 42 8C 92 0B")}
		if got, want := show(f.Append(nil)), "53 00 13 00 0C 03 11 00 76 EB 2E 29 0A 42 8C 92 0B 23 FD"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// vectorReplies are V3, V7 to V10 and V14: replies as readers sent them.
var vectorReplies = []struct {
	name     string
	in       string
	address  byte
	sequence byte
	want     any
}{
	{"V3 ACK 0", "53 80 08 00 04 40 59 AC", 0, 0, nil},
	{"V3 ACK 1", "53 80 08 00 05 40 68 9F", 0, 1, nil},
	{"V3 ACK 2", "53 80 08 00 06 40 3B CA", 0, 2, nil},
	{"V3 ACK 3", "53 80 08 00 07 40 0A F9", 0, 3, nil},
	{"V3 ACK by sum", "53 E5 07 00 01 40 80", 0x65, 1, nil},
	{
		"V7 PDID of HID", "53 FE 14 00 05 45 00 06 8E 01 01 B2 54 80 29 05 51 00 0A DB", 0x7E, 1,
		Device{Vendor: [3]byte{0, 6, 0x8E}, Model: 1, Version: 1, Serial: 0x298054B2, Firmware: [3]byte{5, 0x51, 0}},
	},
	{
		"V7 PDID", "53 80 14 00 04 45 CA 44 6C 01 00 C7 92 02 00 01 07 0F C4 42", 0, 0,
		Device{Vendor: [3]byte{0xCA, 0x44, 0x6C}, Model: 1, Serial: 0x292C7, Firmware: [3]byte{1, 7, 15}},
	},
	{
		"V8 PDCAP", "53 80 23 00 05 46 01 01 02 02 01 01 03 01 00 04 02 01 08 01 00 09 01 01 0A 00 02 0D 00 01 10 01 00 D9 08", 0, 1,
		Capabilities{
			1: {true, 1, 2}, 2: {true, 1, 1}, 3: {true, 1, 0}, 4: {true, 2, 1}, 8: {true, 1, 0}, 9: {true, 1, 1},
			10: {true, 0, 2}, 13: {true, 0, 1}, 16: {true, 1, 0},
		},
	},
	{"V9 KEYPAD after two marks", "FF FF 53 81 0B 00 06 53 00 01 34 95 62", 1, 2, "keys 0 4"},
	{"V9 LSTATR", "53 98 0A 00 07 48 00 00 24 8E", 0x18, 3, Local{}},
	{"V9 LSTATR power fail", "53 80 0A 00 04 48 00 01 0F A1", 0, 0, Local{NoPower: true}},
	{"V10 NAK 6", "53 80 09 00 06 41 06 A0 BA", 0, 2, NAKConditions},
	{"V10 NAK 1", "53 98 09 00 06 41 01 81 DD", 0x18, 2, NAKCheck},
	{"V10 BUSY", "53 80 08 00 04 79 23 0B", 0, 0, nil},
	{"V14 RAW 26 bits", "53 80 10 00 06 50 00 01 1A 00 BD 88 EB 80 02 D4", 0, 2, "card 0 1 26 BD 88 EB 80"},
	{"V14 RAW 56 bits", "53 80 13 00 07 50 00 00 38 00 04 A2 B3 C4 D5 E6 80 96 0B", 0, 3, "card 0 0 56 04 A2 B3 C4 D5 E6 80"},
	{"V14 KEYPAD", "53 80 0F 00 05 53 00 05 31 32 33 34 0D 7B 38", 0, 1, "keys 0 1234#"},
}

func TestRepliesOfReadersAreUnderstood(t *testing.T) {
	for _, tt := range vectorReplies {
		t.Run(tt.name, func(t *testing.T) {
			message := bytes.TrimLeft(unhex(t, tt.in), "\xFF")
			f, err := Parse(message)
			if err != nil {
				t.Fatal(err)
			}
			if !f.Reply || f.Address != tt.address || f.Sequence != tt.sequence {
				t.Errorf("got address %02X, sequence %d, want %02X, %d", f.Address, f.Sequence, tt.address, tt.sequence)
			}
			if got := show(f.Append(nil)); got != show(message) {
				t.Errorf("got %s when written again, want %s", got, show(message))
			}
			got, err := decodeForTest(f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("got, want differ:\n%s", diff)
			}
		})
	}
}

// decodeForTest decodes a reply by its code; what hides itself is uncovered.
func decodeForTest(f Frame) (any, error) {
	switch f.Code {
	case codePDID:
		return errAny(DecodePDID(f.Data))
	case codePDCAP:
		return errAny(DecodePDCAP(f.Data))
	case codeLSTATR:
		return errAny(DecodeLSTATR(f.Data))
	case codeNAK:
		return errAny(DecodeNAK(f.Data))
	case codeRAW:
		card, err := DecodeRAW(f.Data)
		return fmt.Sprintf("card %d %d %d % X", card.Reader, card.Coding, card.Count, card.Bits.Bytes()), err
	case codeKEYPAD:
		keys, err := DecodeKEYPAD(f.Data)
		return fmt.Sprintf("keys %d %s", keys.Reader, keys.Digits.Bytes()), err
	case codeFMT:
		chars, err := DecodeFMT(f.Data)
		return fmt.Sprintf("chars %d %s", chars.Reader, chars.Text.Bytes()), err
	case codeMFGREP:
		vendor, err := DecodeMFGREP(f.Data)
		return fmt.Sprintf("vendor %X % X", vendor.OUI, vendor.Data.Bytes()), err
	case codeCOM:
		address, baud, err := DecodeCOM(f.Data)
		return fmt.Sprintf("com %d %d", address, baud), err
	}
	return nil, nil
}

func errAny[T any](v T, err error) (any, error) { return v, err }
