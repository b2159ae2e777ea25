package hw

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// However a burst is cut on its way, every preset reads the same of it: all at
// once, byte by byte, and in the pieces that a port hands out.
func TestBurstIsReadAlikeHoweverItIsCut(t *testing.T) { // X5
	for name, p := range everyPreset() {
		if err := p.layout.validate(); err != nil {
			t.Fatal(err)
		}
		var frames []byte
		for _, v := range p.vectors {
			if !strings.HasPrefix(v.Want, "drop ") {
				frames = append(frames, v.In...)
			}
		}
		burst := bytes.Repeat(frames, 64<<10/len(frames)+1)
		read := func(piece int) []string {
			d := newLineDecoder(p.layout)
			at := time.Unix(1, 0)
			var all []string
			for rest := burst; len(rest) > 0; {
				n := min(piece, len(rest))
				all = append(all, results(d.feed(at, rest[:n]))...)
				rest = rest[n:]
			}
			return append(all, results(d.idle(at.Add(time.Minute)))...)
		}
		want := read(len(burst))
		if len(want) < 100 && p.layout.frame.Type != "gap" {
			t.Errorf("%s: only %d results of a burst", name, len(want))
		}
		for _, piece := range []int{1, 512} {
			if diff := cmp.Diff(read(piece), want); diff != "" {
				t.Errorf("%s in pieces of %d: got, want differ:\n%s", name, piece, diff)
			}
		}
	}
}
