package ndef_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tilegate/tilegate/hw/ndef"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// asHex is text in hex.
func asHex(text string) string { return hex.EncodeToString([]byte(text)) }

func TestFirstTextOrURIIsTheContent(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"text", "D1 01 07 54 02 656E 41424344", "ABCD"},
		{"text without a language", "D1 01 05 54 00 41424344", "ABCD"},
		{"text that keeps its spaces", "D1 01 09 54 02 656E 2041 4220 2020", " AB   "},
		{"text of nothing", "D1 01 03 54 02 656E", ""},
		{"UTF-16, big-endian", "D1 01 09 54 82 656E FEFF 00E4 0042", "äB"},
		{"UTF-16, little-endian", "D1 01 09 54 82 656E FFFE E400 4200", "äB"},
		{"UTF-16 without a mark", "D1 01 07 54 82 656E 00E4 0042", "äB"},
		{"UTF-16 with a pair", "D1 01 07 54 82 656E D83D DEAA", "🚪"},
		{"URI, https://", "D1 01 0C 55 04 612E6578616D706C65 2F62", "https://a.example/b"},
		{"URI, https://www.", "D1 01 04 55 02 612E62", "https://www.a.b"},
		{"URI in full", "D1 01 05 55 00 61 3A 2F 62", "a:/b"},
		{"URI, the last number", "D1 01 02 55 23 61", "urn:nfc:a"},
		{"URI, a number of nothing", "D1 01 02 55 24 61", "a"},
		{"absolute URI as the type", "D3 06 00" + asHex("http:a"), "http:a"},
		{"a long record", "C1 01 00000007 54 02 656E 41424344", "ABCD"},
		{"with a name", "D9 01 07 01 54 78 02 656E 41424344", "ABCD"},
		{"after a record of another kind", "92 03 01 612F62 00 51 01 05 54 00 41424344", "ABCD"},
		{"after an empty record", "90 00 00 51 01 05 54 00 41424344", "ABCD"},
		{"the first of two", "91 01 02 54 00 41 51 01 02 55 04 62", "A"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ndef.Content(unhex(t, tt.in))
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"nothing", "", ndef.ErrNone},
		{"an empty record alone", "D0 00 00", ndef.ErrNone},
		{"a record of another kind", "D2 03 01 612F62 00", ndef.ErrNone},
		{"a well-known record of another kind", "D1 02 00 5370", ndef.ErrNone},
		{"cut in its head", "D1", ndef.ErrMalformed},
		{"cut in its length", "C1 01 000000", ndef.ErrMalformed},
		{"cut in its type", "D1 04 00 54", ndef.ErrMalformed},
		{"cut before its name", "D9 01 07", ndef.ErrMalformed},
		{"cut in its payload", "D1 01 07 54 02 656E 414243", ndef.ErrMalformed},
		{"a payload of 4 GiB", "C1 01 FFFFFFFF 54", ndef.ErrMalformed},
		{"a payload that would wrap around", "C9 FF FFFFFFF0 FF 54", ndef.ErrMalformed},
		{"in chunks", "F1 01 02 54 00 41", ndef.ErrMalformed},
		{"that does not begin", "51 01 02 54 00 41", ndef.ErrMalformed},
		{"that does not end", "91 01 02 54 00 41", ndef.ErrMalformed},
		{"that ends before its end", "D1 01 02 54 00 41 51 01 02 54 00 41", ndef.ErrMalformed},
		{"that begins twice", "91 01 02 54 00 41 D1 01 02 54 00 41", ndef.ErrMalformed},
		{"an empty record that is not", "D0 00 01 41", ndef.ErrMalformed},
		{"a text without a status", "D1 01 00 54", ndef.ErrMalformed},
		{"a text that is all language", "D1 01 02 54 05 65", ndef.ErrMalformed},
		{"a text with a bit that none has", "D1 01 02 54 40 41", ndef.ErrMalformed},
		{"a text that is not UTF-8", "D1 01 03 54 00 C328", ndef.ErrMalformed},
		{"half a character of UTF-16", "D1 01 04 54 80 0041 00", ndef.ErrMalformed},
		{"half a pair of UTF-16", "D1 01 03 54 80 D83D", ndef.ErrMalformed},
		{"a URI without a number", "D1 01 00 55", ndef.ErrMalformed},
		{"a URI that is not UTF-8", "D1 01 03 55 00 C328", ndef.ErrMalformed},
		{"a type that is no URI", "D3 02 00 C328", ndef.ErrMalformed},
		{"seventeen records", "90 00 00" + strings.Repeat("10 00 00", 15) + "50 00 00", ndef.ErrMalformed},
		{"too long", "D1 01 02 54 00 41" + strings.Repeat("00", ndef.MaxMessage), ndef.ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ndef.Content(unhex(t, tt.in)); !errors.Is(err, tt.want) || got != "" {
				t.Errorf("got %q, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func FuzzContent(f *testing.F) {
	for _, seed := range []string{
		"", "D1 01 07 54 02 656E 41424344", "D1 01 09 54 82 656E FFFE E400 4200", "D1 01 0C 55 04 612E6578616D706C65 2F62",
		"92 03 01 612F62 00 51 01 05 54 00 41424344", "C9 FF FFFFFFF0 FF 54", "D3 06 00 687474703A61", "90 00 00 50 00 00",
	} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		text, err := ndef.Content(in)
		switch {
		case err != nil && text != "":
			t.Errorf("% X: got a text and %v", in, err)
		case err != nil && !errors.Is(err, ndef.ErrNone) && !errors.Is(err, ndef.ErrMalformed) && !errors.Is(err, ndef.ErrTooLong):
			t.Errorf("% X: an error of no kind: %v", in, err)
		case !utf8.ValidString(text) || len(text) > 2*ndef.MaxMessage:
			t.Errorf("% X: a text of %d bytes, or not UTF-8", in, len(text))
		}
	})
}
