package pass

import (
	"bytes"
	"testing"
)

func TestBase45ReadsAndWritesTheVectorsOfItsRFC(t *testing.T) {
	for in, want := range map[string]string{ // RFC 9285 §4.3, §4.4
		"": "", "AB": "BB8", "Hello!!": "%69 VD92EX0", "base-45": "UJCLQE7W581", "ietf!": "QED8WEX0",
	} {
		if got := encode45([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if got, err := decode45(want); err != nil || string(got) != in {
			t.Errorf("%q: got %q, %v; want %q", want, got, err, in)
		}
	}
}

func TestWhatIsNotBase45IsRefused(t *testing.T) {
	for name, in := range map[string]string{
		"a lone character":             "BB8B",
		"small letters":                "bb8",
		"a character outside":          "BB_",
		"a byte above 127":             "BB\xc3",
		"a line end":                   "BB8\n",
		"a group above 65535":          "GGW", // RFC 9285 §6: 65536
		"the largest group":            ":::",
		"a last group above 255":       "V5", // 256
		"a last character outside":     "B=",
		"a character outside in front": "=B8",
	} {
		if got, err := decode45(in); err == nil {
			t.Errorf("%s: %q became %x", name, in, got)
		}
	}
	if got, err := decode45("FGW"); err != nil || !bytes.Equal(got, []byte{0xFF, 0xFF}) { // RFC 9285 §6
		t.Errorf("FGW: got %x, %v; want ffff", got, err)
	}
}

// Whatever is accepted has one text only, so nobody can make another text of it.
func FuzzBase45(f *testing.F) {
	for _, seed := range []string{"", "BB8", "%69 VD92EX0", "QED8WEX0", "FGW", "GGW", "V5", ":::", "B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := decode45(text)
		if err == nil && encode45(raw) != text {
			t.Errorf("%q is read as %x, which is written %q", text, raw, encode45(raw))
		}
		if back, err := decode45(encode45([]byte(text))); err != nil || string(back) != text {
			t.Errorf("%x came back as %x, %v", text, back, err)
		}
	})
}
