package hwtest

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"
)

// FuzzOSDPReaderHears lets a reader hear anything, in any pieces. It must survive,
// answer only what has a right check and its address, and keep its key.
func FuzzOSDPReaderHears(f *testing.F) {
	for _, seed := range []string{
		"FF530008000460EBAA", "530008000560DA99", "530009000461 00C066", "53000700026044",
		"530013000C03110076B0B1B2B3B4B5B6B75232", "53001B000D0313007726D3356E07762D262801FC8E6665A8917BDA",
		"53000E000E02156074DD15A53277", "53001E000D021768BDC767AAAC294E513F8E368D374191D47ECAB4C98473",
		"53000C00056800051E007151", "5300160006690000020100020014000000000000 22F5", "537F0D00046E0080250000 6E38",
		"5353FF00530008000460EBAA", "5300080004",
	} {
		raw, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(seed), []byte(" "), nil)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		r := NewOSDPReader(0)
		r.Key = bytes.Repeat([]byte{0x5A}, 16)
		key := bytes.Clone(r.Key)
		var ear osdpEar
		at := time.Now()
		piece = max(1, piece&0xFF)
		for len(in) > 0 {
			n := min(piece, len(in))
			for _, frame := range ear.hear(in[:n], at) {
				if frame.address != 0 && frame.address != osdpAnyone {
					continue
				}
				for _, said := range r.hear(frame, at) {
					if answer := osdpParse(said.bytes[r.Marks:]); !answer.right || !answer.complete || answer.address&osdpIsReply == 0 {
						t.Fatalf("to %X it said %X", frame.raw, said.bytes)
					}
				}
			}
			in, at = in[n:], at.Add(time.Millisecond)
		}
		if !r.HasKey(key) {
			t.Fatal("a stranger has changed its key")
		}
	})
}

func TestOSDPShowsWhatCannotBeShownAsAnError(t *testing.T) {
	r := NewOSDPReader(0)
	for _, in := range []string{"", "h10301:300:1", "h10301:1:70000", string(bytes.Repeat([]byte{'x'}, 1001))} {
		if err := r.Show(in); err == nil {
			t.Errorf("Show(%.20q): got no error", in)
		}
	}
	if n := len(r.Taps()); n != 0 {
		t.Errorf("got %d taps, want none", n)
	}
}
