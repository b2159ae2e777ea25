package hw

import (
	"bytes"
	"testing"
)

// FuzzOctets looks that bytes written in the settings never panic, and that what
// is read is what stands there.
func FuzzOctets(f *testing.F) {
	for _, seed := range []string{"02", "CR LF", "16 54 0D", "'^_^SCAN.' CR", "'it", "''", "", "zz", "4", "stx 'a' 41"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got octets
		if got.UnmarshalText([]byte(text)) != nil {
			return
		}
		if len(got) > len(text) {
			t.Fatalf("%q: %d bytes", text, len(got))
		}
		if bytes.Contains([]byte(text), []byte("'")) {
			return
		}
		var again octets
		if err := again.UnmarshalText([]byte(" " + text + " ")); err != nil || !bytes.Equal(got, again) {
			t.Fatalf("%q: % X, with blanks around % X, %v", text, got, again, err)
		}
	})
}
