package hw

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// burst is bytes so long after the port was opened.
type burst struct {
	after time.Duration
	bytes string
}

// The tail of a UID of seven bytes is one of four, which may be another's.
func TestTailOfAFrameThatBeganBeforeTheOpeningIsNoFrame(t *testing.T) {
	const ms = time.Millisecond
	em := "01000734E0D2"
	for _, tt := range []struct {
		name, preset string
		in           []burst
		want         []string
	}{
		{"tail", "hex-cr", []burst{{5 * ms, "C4D5E680\r"}}, nil},
		{"tail in pieces", "hex-cr", []burst{{5 * ms, "C4D5"}, {30 * ms, "E6"}, {60 * ms, "80\r"}}, nil},
		{"the end alone", "hex-cr", []burst{{5 * ms, "\r"}, {9 * ms, "922E5832\r"}}, []string{"card 922e5832"}},
		{"tail, and a frame behind it", "hex-cr", []burst{{5 * ms, "C4D5E680\r\n922E5832\r\n"}}, []string{"card 922e5832"}},
		{"a click, silence, and a frame", "hex-cr", []burst{{5 * ms, "\x00"}, {60 * ms, "922E5832\r"}}, []string{"card 922e5832"}},
		{"a frame of its own", "hex-cr", []burst{{50 * ms, "922E5832\r"}}, []string{"card 922e5832"}},
		{"tail that silence ends", "promag-mf7/binary", []burst{{5 * ms, "\x13\x58\x11\x92"}}, nil},
		{"and a frame behind the silence", "promag-mf7/binary", []burst{{5 * ms, "\x11\x92"}, {60 * ms, "\x13\x58\x11\x92"}}, []string{"card 92115813"}},
		{"tail of so many bytes", "em18", []burst{{5 * ms, em}, {60 * ms, em}}, []string{"card 01000734e0"}},
		{"frames that have a start", "rdm6300", []burst{{5 * ms, "34E0D2\x03\x02" + em + "\x03"}}, []string{"card 01000734e0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := everyPreset()[tt.preset].layout
			if err := l.validate(); err != nil {
				t.Fatal(err)
			}
			d := newLineDecoder(l)
			opened := time.Unix(100, 0)
			d.feed(opened, []byte("04A2B3")) // of another opening
			d.open(opened)
			var got []string
			note := func(all []decoded) {
				for _, one := range all {
					if one.ok {
						got = append(got, one.kind.String()+" "+string(one.value))
					}
				}
			}
			for _, b := range tt.in {
				note(d.feed(opened.Add(b.after), []byte(b.bytes)))
			}
			note(d.idle(opened.Add(time.Minute)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want, got differ:\n%s", diff)
			}
			if tt.in[0].after < tailSilence && tt.preset != "rdm6300" && d.drops[dropCut].Load() != 1 {
				t.Errorf("cut: got %d, want 1", d.drops[dropCut].Load())
			}
		})
	}
}
