package wiegand_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/hw/wiegand"
)

// packed packs bits as OSDP does: the first in the highest place.
func packed(bits string) ([]byte, int) {
	raw := make([]byte, (len(bits)+7)/8)
	for i, c := range bits {
		if c == '1' {
			raw[i/8] |= 0x80 >> (i % 8)
		}
	}
	return raw, len(bits)
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// cards are cards that others have printed, with their numbers: the first is
// frame V14 of libosdp's tests, the next two stand in the help of the Proxmark
// client, the 35-bit ones were asked about in its forum, the first of 48 bits is
// the example of an open-source card reader. The rest were drawn bit by bit from
// the columns of the formats.
var cards = []struct{ format, bits, want string }{
	{"h10301", "10111101100010001110101110", "h10301:123:4567"},
	{"h10301", "10111011000000110010000110", "h10301:118:1603"},
	{"h10301", "10011100000000000100101101", "h10301:56:150"},
	{"", "10111101100010001110101110", "h10301:123:4567"},
	{"em410x-26", "10111101100010001110101110", "em410x-26:123:4567"},
	{"em410x-26", "011110110001000111010111", "em410x-26:123:4567"}, // 24 bits: no parity around it
	{"d10202", "111001010111010011001011101100010", "d10202:101:7654321"},
	{"h10306", "1111010100110000000110000001110011", "h10306:60000:12345"},
	{"em410x-32-34", "0111101001000000000010100100001111", "em410x-32-34:4102034567"},
	{"em410x-32-34", "11110100100000000001010010000111", "em410x-32-34:4102034567"}, // 32 bits
	{"corporate1000-35", "01111111111010000000011101001100011", "corporate1000-35:4090:7473"},
	{"corporate1000-35", "00010110011111001011001100101010001", "corporate1000-35:1439:183464"},
	{"c15001", "111100001000111011000000110010000110", "c15001:900:118:1603"},
	{"h10302", "1010110111111101110000011100001101010", "h10302:12345678901"},
	{"h10304", "1100111000100000011110100001001000010", "h10304:40000:500001"},
	{"corporate1000-48", "110000000000000100000100000000100100110110000100", "corporate1000-48:260:75458"},
	{"h2004064", "001011011100011011000001111101000010010000000111", "corporate1000-48:3000001:8000003"},
	{"raw", "0101000011011000101100111101010011100", "raw:37:0a1b167a9c"},
	{"", "0111101001000000000010100100001111", "raw:34:1e900290f"}, // 34 bits: too many formats
}

func TestCardsAreReadAsTheyArePrinted(t *testing.T) {
	for _, tt := range cards {
		raw, n := packed(tt.bits)
		got, err := wiegand.Decode(tt.format, raw, n)
		if got != tt.want || err != nil {
			t.Errorf("%s %s: got %q, %v, want %q", tt.format, tt.bits, got, err, tt.want)
		}
	}
}

func TestFrameOfOSDPIsTheCardOnItsLabel(t *testing.T) {
	got, err := wiegand.Decode("h10301", unhex(t, "BD 88 EB 80"), 26)
	if got != "h10301:123:4567" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	// What stands behind the bits is no part of the card.
	got, err = wiegand.Decode("h10301", unhex(t, "BD 88 EB BF"), 26)
	if got != "h10301:123:4567" || err != nil {
		t.Errorf("with ones behind: got %q, %v", got, err)
	}
}

// Every parity rule covers every bit of its format, so each bit that flips is
// noticed; the two formats with an uncovered bit between them have none.
func TestEveryFlippedBitIsNoticed(t *testing.T) { // X5
	for _, tt := range cards {
		if tt.format == "raw" || tt.format == "" || len(tt.bits) != wiegand.Bits(tt.format) {
			continue
		}
		for i := range tt.bits {
			flipped := []byte(tt.bits)
			flipped[i] ^= 1
			raw, n := packed(string(flipped))
			if got, err := wiegand.Decode(tt.format, raw, n); !errors.Is(err, wiegand.ErrParity) {
				t.Errorf("%s, bit %d: got %q, %v, want %v", tt.format, i, got, err, wiegand.ErrParity)
			}
		}
	}
}

func TestWhatIsNoCardIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format string
		bits   []byte
		n      int
		want   error
	}{
		{"nobody knows it", "h10399", []byte{1, 2, 3, 4}, 26, wiegand.ErrFormat},
		{"one bit more", "h10301", unhex(t, "BD 88 EB 80"), 27, wiegand.ErrLength},
		{"a byte more", "h10301", unhex(t, "BD 88 EB 80 00"), 26, wiegand.ErrLength},
		{"a byte less", "h10301", unhex(t, "BD 88 EB"), 26, wiegand.ErrLength},
		{"no bits", "", nil, 0, wiegand.ErrLength},
		{"fewer than none", "raw", nil, -1, wiegand.ErrLength},
		{"a key of a keypad", "", []byte{0xA0}, 4, wiegand.ErrLength},
		{"a key of a keypad with its complement", "raw", []byte{0xE1}, 8, wiegand.ErrLength},
		{"a text", "raw", bytes.Repeat([]byte("A"), 32), 256, wiegand.ErrLength},
		{"26 bits of another make", "", unhex(t, "3D 88 EB 80"), 26, wiegand.ErrParity},
		{"data wires cut", "raw", make([]byte, 5), 34, wiegand.ErrBlank},
		{"data wires shorted", "raw", bytes.Repeat([]byte{0xFF}, 5), 34, wiegand.ErrBlank},
		{"HID without parity, which no reader sends", "h10301", []byte{1, 2, 3}, 24, wiegand.ErrLength},
	} {
		if got, err := wiegand.Decode(tt.format, tt.bits, tt.n); !errors.Is(err, tt.want) || got != "" {
			t.Errorf("%s: got %q, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestNumbersOfReadersThatSendThemWithoutTheirBits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format string
		in     string
		n      int
		parity bool
		want   string
	}{
		{"26 bits, no parity", "h10301", "0C0D80", 0, false, "h10301:12:3456"},
		{"26 bits, parity", "h10301", "00181B01", 0, true, "h10301:12:3456"},
		{"zeros in front", "h10301", "00000C0D80", 0, false, "h10301:12:3456"},
		{"37 bits, no parity", "h10302", "01E240", 0, false, "h10302:123456"},
		{"35 bits, no parity", "corporate1000-35", "59F2CCA8", 0, false, "corporate1000-35:1439:183464"},
		{"35 bits, parity", "corporate1000-35", "0B3E59951", 0, true, "corporate1000-35:1439:183464"},
		{"48 bits, no parity", "h2004064", "0000820126C2", 0, false, "corporate1000-48:260:75458"},
		{"EM, low 32 bits", "em410x-32-34", "F4801487", 0, false, "em410x-32-34:4102034567"},
		{"too large", "h10301", "FF0C0D80", 0, false, ""},
		{"nothing", "h10301", "", 0, false, ""},
		{"all bits", "raw", "0A1B2C3D4E", 37, false, "raw:37:0a1b2c3d4e"},
		{"more than all bits", "raw", "FA1B2C3D4E", 37, false, ""},
		{"no known format", "h1", "0C0D80", 0, false, ""},
	} {
		in := tt.in
		if len(strings.ReplaceAll(in, " ", ""))%2 == 1 {
			in = "0" + in
		}
		got, err := wiegand.Number(tt.format, unhex(t, in), tt.n, tt.parity)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestErrorsTellNoBits(t *testing.T) {
	for _, err := range []error{wiegand.ErrFormat, wiegand.ErrLength, wiegand.ErrParity, wiegand.ErrBlank} {
		if strings.ContainsAny(err.Error(), "0123456789") {
			t.Errorf("%v: has a number in it", err)
		}
	}
}

func TestFormatsAreListed(t *testing.T) {
	all := wiegand.Formats()
	for _, name := range []string{
		"h10301", "h10302", "h10304", "h10306", "corporate1000-35", "corporate1000-48", "h2004064", "d10202", "c15001", "em410x-26",
		"em410x-32-34", "raw",
	} {
		if !slices.Contains(all, name) || !wiegand.Known(name) {
			t.Errorf("%s: not listed, or not known", name)
		}
	}
	if wiegand.Known("") || wiegand.Known("h1") {
		t.Error("a name that means nothing is known")
	}
}

// Two cards that differ in a bit that is no parity have different values.
func TestDifferentCardsHaveDifferentValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(wiegand.Formats()).Draw(t, "format")
		a := rapid.SliceOfN(rapid.Byte(), 2, 4).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Byte(), 2, 4).Draw(t, "b")
		one, err := wiegand.Number(name, a, 40, false)
		two, again := wiegand.Number(name, b, 40, false)
		if err != nil || again != nil {
			return
		}
		same := bytes.Equal(bytes.TrimLeft(a, "\x00"), bytes.TrimLeft(b, "\x00"))
		if (one == two) != same {
			t.Fatalf("%s: % X and % X: %q and %q", name, a, b, one, two)
		}
	})
}

// FuzzDecode looks that bits never panic, and that a value says what bits it is
// of: one that is read is read alike again.
func FuzzDecode(f *testing.F) {
	for _, tt := range cards {
		raw, n := packed(tt.bits)
		f.Add(tt.format, raw, n)
	}
	f.Add("h10301", []byte{0xFF}, 1<<40)
	f.Fuzz(func(t *testing.T, name string, bits []byte, n int) {
		value, err := wiegand.Decode(name, bits, n)
		if (value == "") != (err != nil) {
			t.Fatalf("%q, %v: want a value or an error", value, err)
		}
		if err != nil {
			return
		}
		if n%8 != 0 {
			bits = bytes.Clone(bits)
			bits[len(bits)-1] ^= 1 // behind the bits
		}
		if again, err := wiegand.Decode(name, bits, n); again != value || err != nil {
			t.Fatalf("%s of %d bits: %q, then %q, %v", name, n, value, again, err)
		}
		if got, _, _ := strings.Cut(value, ":"); !wiegand.Known(got) {
			t.Fatalf("%q: begins with no format", value)
		}
	})
}
