package hw

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEveryPresetReadsItsVectors(t *testing.T) {
	for _, err := range SelfTestPresets() {
		t.Error(err)
	}
	for name, p := range everyPreset() {
		good, bad := 0, 0
		for _, v := range p.vectors {
			if strings.HasPrefix(v.Want, "drop ") {
				bad++
			} else {
				good++
			}
		}
		if good == 0 || bad == 0 {
			t.Errorf("preset %s: %d vectors that read and %d that do not; want both", name, good, bad)
		}
	}
}

func TestSelfTestFindsAWrongDecoder(t *testing.T) {
	p := linePresets["hex-cr"]
	p.layout.decode.Reverse = []string{"bytes"}
	if err := p.layout.validate(); err != nil {
		t.Fatal(err)
	}
	if err := p.vectors[0].run(p.layout); err == nil {
		t.Error("reversed bytes: the vector still passes")
	}
}

func TestChecksAreThoseOfTheDocuments(t *testing.T) {
	for _, tt := range []struct {
		name  string
		check checkOptions
		frame string // hex
		body  string // hex; empty: wrong
	}{
		{"xor behind hex, RDM6300", checkOptions{Type: "xor-hex"}, "30 31 30 30 30 37 33 34 45 30 44 32", "30 31 30 30 30 37 33 34 45 30"},
		{"xor behind hex, wrong digits of a clone", checkOptions{Type: "xor-hex"}, "30 31 30 30 30 37 33 34 45 30 33 42", ""},
		{"xor behind hex, no hex", checkOptions{Type: "xor-hex"}, "30 31 30 30 30 37 33 34 45 78 44 32", ""},
		{"xor", checkOptions{Type: "xor"}, "01 00 07 34 E0 D2", "01 00 07 34 E0"},
		{"xor in hex", checkOptions{Type: "xor", Hex: true}, "41 42 30 33", "41 42"},
		{"sum of bytes", checkOptions{Type: "sum8"}, "F0 20 10", "F0 20"},
		{"two's complement, Zebra SSI ACK", checkOptions{Type: "sum16"}, "04 D0 04 00 FF 28", "04 D0 04 00"},
		{"two's complement, Zebra SSI data", checkOptions{Type: "sum16"}, "0A F3 00 00 F1 48 45 4C 4C 4F FC 9E", "0A F3 00 00 F1 48 45 4C 4C 4F"},
		{"two's complement, one bit off", checkOptions{Type: "sum16"}, "0A F3 00 00 F1 48 45 4C 4C 4E FC 9E", ""},
		{"CRC-CCITT, GM65 answer", checkOptions{Type: "crc16", Poly: 0x1021, From: 2}, "02 00 00 01 00 33 31", "02 00 00 01 00"},
		{"CRC-CCITT, GM65 answer, wrong", checkOptions{Type: "crc16", Poly: 0x1021, From: 2}, "02 00 00 01 01 33 31", ""},
		{"reflected CRC, as Modbus", checkOptions{Type: "crc16", Poly: 0x8005, Init: 0xFFFF, Reflect: true, Little: true}, "01 05 02 00 00 07 8D B0", "01 05 02 00 00 07"},
		{"CRC with a final xor, X-25", checkOptions{Type: "crc16", Poly: 0x1021, Init: 0xFFFF, XorOut: 0xFFFF, Reflect: true}, "31 32 33 34 35 36 37 38 39 90 6E", "31 32 33 34 35 36 37 38 39"},
		{"none", checkOptions{}, "41", "41"},
		{"nothing but a check", checkOptions{Type: "xor"}, "41", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.check.check(); err != nil {
				t.Fatal(err)
			}
			body, ok := tt.check.strip(unhex(t, tt.frame))
			if want := unhex(t, tt.body); ok != (len(want) > 0) || string(body) != string(want) {
				t.Errorf("%s: got % X, %t, want % X", tt.frame, body, ok, want)
			}
		})
	}
}

// said is what a decoder makes of bytes, without hiding the value.
func said(kind access.Kind, value Value, err error) string {
	if err != nil {
		return "error"
	}
	return kind.String() + " " + string(value)
}

func TestCredentialsAreDecodedAsTheSettingsSay(t *testing.T) {
	for _, tt := range []struct {
		name   string
		decode decodeOptions
		in     string
		want   string
	}{
		{"code", decodeOptions{As: "qr"}, "TG1:A B", "qr TG1:A B"},
		{"code with a group separator", decodeOptions{As: "qr"}, "0112\x1D34", "qr 0112\x1D34"},
		{"code in UTF-8", decodeOptions{As: "qr"}, "Zürich", "qr Zürich"},
		{"code in Latin-1", decodeOptions{As: "qr"}, "Z\xFCrich", "error"},
		{"code with a control character", decodeOptions{As: "qr"}, "AB\x07CD", "error"},
		{"code too short", decodeOptions{As: "qr"}, "ABC", "error"},
		{"code of one, allowed", decodeOptions{As: "qr", Min: 1}, "A", "qr A"},
		{"hex, either case", decodeOptions{From: "hex", As: "uid"}, "04A2b3C4d5E680", "card 04a2b3c4d5e680"},
		{"hex, a digit short", decodeOptions{From: "hex", As: "uid"}, "04A2B3C4D5E68", "error"},
		{"hex, no hex", decodeOptions{From: "hex", As: "uid"}, "04A2B3G4", "error"},
		{"hex with a space", decodeOptions{From: "hex", As: "uid"}, " 04A2B3C", "error"},
		{"length not of a UID", decodeOptions{From: "hex", As: "uid"}, "04A2B3C4D5", "error"},
		{"length that the settings allow", decodeOptions{From: "hex", As: "uid", Lengths: []int{5}}, "04A2B3C4D5", "card 04a2b3c4d5"},
		{"raw bytes", decodeOptions{As: "uid"}, "\x92\x2E\x58\x32", "card 922e5832"},
		{"bytes reversed", decodeOptions{From: "hex", As: "uid", Reverse: []string{"bytes"}}, "32582E92", "card 922e5832"},
		{"bits reversed", decodeOptions{From: "hex", As: "uid", Reverse: []string{"bits"}}, "49741A4C", "card 922e5832"},
		{"nibbles reversed", decodeOptions{From: "hex", As: "uid", Reverse: []string{"nibbles"}}, "29E28523", "card 922e5832"},
		{"bytes and bits, LSB first", decodeOptions{From: "hex", As: "uid", Reverse: []string{"bytes", "bits"}}, "4C1A7449", "card 922e5832"},
		{"decimal", decodeOptions{From: "decimal", As: "uid", Pad: 4}, "2452510770", "card 922e5832"},
		{"decimal, padded", decodeOptions{From: "decimal", As: "uid", Width: 10, Pad: 4}, "0000000255", "card 000000ff"},
		{"decimal, padded before it is reversed", decodeOptions{From: "decimal", As: "uid", Pad: 4, Reverse: []string{"bytes"}}, "0000000255", "card ff000000"},
		{"decimal, wrong width", decodeOptions{From: "decimal", As: "uid", Width: 10, Pad: 4}, "255", "error"},
		{"decimal with a sign", decodeOptions{From: "decimal", As: "uid", Pad: 4}, "-255", "error"},
		{"decimal too large", decodeOptions{From: "decimal", As: "uid", Pad: 4}, "99999999999999999999", "error"},
		{"bits taken", decodeOptions{From: "hex", As: "uid", TakeBits: 32}, "01922E5832", "card 922e5832"},
		{"bits dropped", decodeOptions{From: "hex", As: "uid", DropBits: 8, TakeBits: 32}, "01922E583277", "card 922e5832"},
		{"more bits than there are", decodeOptions{From: "hex", As: "uid", DropBits: 40}, "922E5832", "error"},
		{"EM4100", decodeOptions{From: "hex", As: "em4100"}, "01000734E0", "card 01000734e0"},
		{"D-18", decodeOptions{From: "d18", As: "uid"}, "004416513302352512", "card 04a2b3c4d5e680"},
		{"D-18, a sign", decodeOptions{From: "d18", As: "uid"}, "+04416513302352512", "error"},
		{"D-18, a byte too large", decodeOptions{From: "d18", As: "uid"}, "004655363302352512", "error"},
		{"keys", decodeOptions{As: "keys"}, "12#", "pin 12#"},
		{"no keys", decodeOptions{As: "keys"}, "12A", "error"},
		{"not even one key", decodeOptions{As: "keys"}, "", "error"},
		{"EM4100, short", decodeOptions{From: "hex", As: "em4100"}, "000734E0", "error"},
		{"EM4100 as its printed number", decodeOptions{From: "hex", As: "wiegand", Format: "em410x-26", TakeBits: 24}, "010086F444", "wiegand em410x-26:134:62532"},
		{"26 bits without parity", decodeOptions{From: "hex", As: "wiegand", Bits: 26}, "0C0D80", "wiegand h10301:12:3456"},
		{"26 bits, parity right", decodeOptions{From: "hex", As: "wiegand", Format: "h10301", Parity: true}, "00181B01", "wiegand h10301:12:3456"},
		{"26 bits, parity wrong", decodeOptions{From: "hex", As: "wiegand", Format: "h10301", Parity: true}, "00181B00", "error"},
		{"26 bits, other parity wrong", decodeOptions{From: "hex", As: "wiegand", Format: "h10301", Parity: true}, "02181B01", "error"},
		{"26 bits, too many", decodeOptions{From: "hex", As: "wiegand", Bits: 26}, "FF0C0D80", "error"},
		{"37 bits", decodeOptions{From: "hex", As: "wiegand", Format: "h10304"}, "0000600D80", "wiegand h10304:12:3456"},
		{"37 bits without facility", decodeOptions{From: "hex", As: "wiegand", Format: "h10302"}, "000001E240", "wiegand h10302:123456"},
		{"bits of no known format", decodeOptions{From: "hex", As: "wiegand", Bits: 37}, "0A1B2C3D4E", "wiegand raw:37:0a1b2c3d4e"},
		{"nothing", decodeOptions{From: "hex", As: "wiegand", Bits: 37}, "", "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.decode.check(); err != nil {
				t.Fatal(err)
			}
			if got := said(tt.decode.credential([]byte(tt.in), "")); got != tt.want {
				t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestSelectPicksTheCredential(t *testing.T) {
	for _, tt := range []struct {
		name   string
		picked selectOptions
		in     string
		want   string // data, and how it is decoded; empty: refused
	}{
		{"all of it", selectOptions{}, "HELLO", "HELLO "},
		{"front and back", selectOptions{Prefix: octets("Q:"), Suffix: octets(";")}, "Q:HELLO;", "HELLO "},
		{"front missing", selectOptions{Prefix: octets("Q:")}, "HELLO", ""},
		{"back missing", selectOptions{Suffix: octets(";")}, "HELLO", ""},
		{"bytes skipped", selectOptions{Skip: 5}, "\x0A\xF3\x00\x00\xF1HELLO", "HELLO "},
		{"too few to skip", selectOptions{Skip: 5}, "ABC", ""},
		{"a group", selectOptions{Match: `^\d+,(?P<data>.*)$`}, "12,HELLO", "HELLO "},
		{"no match", selectOptions{Match: `^\d+,(?P<data>.*)$`}, "HELLO", ""},
		{"a kind", selectOptions{Match: `^(?P<kind>.)=(?P<data>.*)$`, Kinds: map[string]string{"M": "uid", "Q": "qr"}}, "Q=HELLO", "HELLO qr"},
		{"a kind that nobody knows", selectOptions{Match: `^(?P<kind>.)=(?P<data>.*)$`, Kinds: map[string]string{"M": "uid"}}, "Q=HELLO", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.picked.check(); err != nil {
				t.Fatal(err)
			}
			got := ""
			if data, as, ok := tt.picked.pick([]byte(tt.in)); ok {
				got = string(data) + " " + as
			}
			if got != tt.want {
				t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestLayoutsThatCannotBeAreRefused(t *testing.T) {
	for name, bad := range map[string]interface{ check() error }{
		"check without a type":     &checkOptions{Type: "md5"},
		"crc16 without poly":       &checkOptions{Type: "crc16"},
		"check from -1":            &checkOptions{Type: "xor", From: -1},
		"skip -1":                  &selectOptions{Skip: -1},
		"match that is no RE2":     &selectOptions{Match: `(?P<data>`},
		"match without data":       &selectOptions{Match: `.*`},
		"ignore that is no RE2":    &selectOptions{Ignore: `(`},
		"kind without kinds":       &selectOptions{Match: `(?P<kind>.)(?P<data>.*)`},
		"kinds without kind":       &selectOptions{Match: `(?P<data>.*)`, Kinds: map[string]string{"Q": "qr"}},
		"kinds of no known type":   &selectOptions{Match: `(?P<kind>.)(?P<data>.*)`, Kinds: map[string]string{"Q": "code"}},
		"decode as nothing":        &decodeOptions{},
		"decode from base64":       &decodeOptions{As: "qr", From: "base64"},
		"reverse words":            &decodeOptions{As: "uid", Reverse: []string{"words"}},
		"negative width":           &decodeOptions{As: "uid", Width: -1},
		"a uid of no bytes":        &decodeOptions{As: "uid", Lengths: []int{4, 0}},
		"a uid of 256 possible":    &decodeOptions{As: "uid", Lengths: []int{1}},
		"ping without end":         &dialogueOptions{Ping: &step{Send: octets("P"), Expect: octets("!"), Every: 2, Timeout: 1}},
		"a very long answer":       &dialogueOptions{Init: []step{{Send: octets("P"), Expect: make(octets, 65)}}},
		"wiegand without format":   &decodeOptions{As: "wiegand"},
		"wiegand of 300 bits":      &decodeOptions{As: "wiegand", Bits: 300},
		"wiegand of no format":     &decodeOptions{As: "wiegand", Format: "h1"},
		"wiegand of another width": &decodeOptions{As: "wiegand", Format: "h10301", Bits: 34},
		"init that says nothing":   &dialogueOptions{Init: []step{{}}},
		"poll without end":         &dialogueOptions{Poll: &step{Send: octets("P")}},
		"ping without answer":      &dialogueOptions{Ping: &step{Send: octets("P")}},
		"ping before the last one": &dialogueOptions{Ping: &step{Send: octets("P"), Expect: octets("!"), Every: span(time.Second), Timeout: span(time.Second)}},
	} {
		if err := bad.check(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestErrorsCarryNoCardValue(t *testing.T) {
	d := decodeOptions{From: "hex", As: "uid"}
	if err := d.check(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.credential([]byte("04A2B3C4D5E68X"), ""); !errors.Is(err, errNotAsTold) || strings.Contains(err.Error(), "04A2") {
		t.Errorf("got %v, want %v", err, errNotAsTold)
	}
	read := Read{Kind: access.Card, Value: "04a2b3c4d5e680"}
	for _, shown := range []string{fmt.Sprint(read), fmt.Sprintf("%+v %#v %q %x", read, read, read.Value, read.Value)} {
		if strings.Contains(shown, "04a2") || strings.Contains(shown, hex.EncodeToString([]byte("04a2"))) {
			t.Errorf("a read shows its value: %s", shown)
		}
	}
}

func TestOctetsAreWrittenAsPeopleWriteThem(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"02", "\x02"},
		{"CR LF", "\r\n"},
		{"16 54 0D", "\x16T\r"},
		{"165430D", ""},
		{"stx", "\x02"},
		{"'^_^SCAN.' CR", "^_^SCAN.\r"},
		{"'it", ""},
		{"''", "\x00empty"},
		{"", "\x00empty"},
		{"CRLF", ""},
		{" 41  42 ", "AB"},
	} {
		var got octets
		err := got.UnmarshalText([]byte(tt.in))
		want := strings.TrimSuffix(tt.want, "\x00empty")
		if (err != nil) != (tt.want == "") || string(got) != want {
			t.Errorf("%q: got % X, %v, want % X", tt.in, []byte(got), err, want)
		}
	}
}

// fuzzLayouts are the presets and the layouts that no preset has.
func fuzzLayouts(t testing.TB) map[string]layout {
	all := map[string]layout{
		"ssi":  {frame: ssi(), check: checkOptions{Type: "sum16"}, picked: selectOptions{Skip: 5}, decode: decodeOptions{As: "qr"}},
		"gap":  {frame: frameOptions{Type: "gap"}, decode: decodeOptions{From: "decimal", As: "uid", Pad: 4}},
		"two":  {frame: twoByte(), check: checkOptions{Type: "crc16", Poly: 0x1021, Little: true}, decode: decodeOptions{As: "uid"}},
		"kind": {frame: lines(), picked: selectOptions{Match: `^(?P<kind>.)=(?P<data>.*)$`, Kinds: map[string]string{"M": "uid", "W": "wiegand"}}, decode: decodeOptions{From: "hex", As: "uid", Format: "h10301", Parity: true}},
	}
	for name, p := range everyPreset() {
		all[name] = p.layout
	}
	for name, l := range all {
		if err := l.validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = l
	}
	return all
}

// FuzzLineDecoder sends a stream whole and cut in two to every layout (X5).
func FuzzLineDecoder(f *testing.F) {
	for _, p := range everyPreset() {
		for i, v := range p.vectors {
			f.Add([]byte(v.In), uint16(i))
		}
	}
	f.Add(unhex(f, "0A F3 00 00 F1 48 45 4C 4C 4F FC 9E"), uint16(3))
	f.Add([]byte("M=04A2B3C4\rW=00181B01\r"), uint16(9))
	f.Add([]byte("\xA5\x5A\x06\x00\x92\x2E\x58\x32\x00\x00"), uint16(5))
	layouts := fuzzLayouts(f)
	f.Fuzz(func(t *testing.T, stream []byte, at uint16) {
		n := int(at) % (len(stream) + 1)
		for name, l := range layouts {
			whole, pieces := newLineDecoder(l), newLineDecoder(l)
			now := time.Unix(1, 0)
			want := results(whole.feed(now, stream))
			got := append(results(pieces.feed(now, stream[:n])), results(pieces.feed(now, stream[n:]))...)
			late := now.Add(time.Hour)
			want, got = append(want, results(whole.idle(late))...), append(got, results(pieces.idle(late))...)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Fatalf("%s: % X cut at %d: got, want differ:\n%s", name, stream, n, diff)
			}
			if cap(pieces.framer.buf) > 4*maxFrame {
				t.Fatalf("%s: holds %d bytes", name, cap(pieces.framer.buf))
			}
		}
	})
}

func results(all []decoded) (out []string) {
	for _, d := range all {
		if !d.ok {
			out = append(out, "fault")
			continue
		}
		if d.value == "" || d.kind == access.NoKind {
			out = append(out, "A READ OF NOTHING")
		}
		out = append(out, said(d.kind, d.value, nil))
	}
	return out
}
