package hw

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// preset is a reader known by name. Its vectors are what the maker's documents
// print, or follow from them; they are run by tests and before use.
type preset struct {
	baud     int
	layout   layout
	dialogue dialogueOptions
	vectors  []vector
}

// vector is what a reader sends and what that means.
type vector struct {
	In   octets `toml:"in"`
	Want string `toml:"want"` // "card 04a2b3c4", "qr HELLO" or "drop check"
}

var anyLineEnd = []octets{[]byte("\r"), []byte("\n"), []byte("\r\n")}

// linePresets is never written to.
var linePresets = map[string]preset{
	// A scanner that sends the text of a code and a line end.
	"qr": {
		baud:   115200,
		layout: layout{frame: frameOptions{Type: "delimited", End: anyLineEnd}, decode: decodeOptions{As: "qr"}},
		vectors: []vector{
			{[]byte("TG1:6BF+70790\r"), "qr TG1:6BF+70790"},
			{[]byte(" A  B \r\n"), "qr  A  B "}, // Base45 has spaces, also at its ends
			{[]byte("\r"), "drop empty"},
			{[]byte("AB\x00CD\r"), "drop decode"},
		},
	},
	// Honeywell and Metrologic: as qr, with or without the AIM identifier in
	// front (ISO/IEC 15424).
	"honeywell": {
		baud: 115200,
		layout: layout{
			frame:  frameOptions{Type: "delimited", End: anyLineEnd},
			picked: selectOptions{Match: `^(?:\][A-Za-z][0-9A-Za-z])?(?P<data>(?s:.+))$`},
			decode: decodeOptions{As: "qr"},
		},
		vectors: []vector{
			{[]byte("HELLO\r"), "qr HELLO"},
			{[]byte("]Q1HELLO\r"), "qr HELLO"},
			{[]byte("]Q1\r"), "drop decode"},
		},
	},
	// A card reader that sends the UID in hex and a line end.
	"hex-cr": {
		baud: 9600,
		layout: layout{
			frame: frameOptions{Type: "delimited", End: anyLineEnd}, decode: decodeOptions{From: "hex", As: "uid"},
		},
		vectors: []vector{
			{[]byte("04A2B3C4D5E680\r"), "card 04a2b3c4d5e680"},
			{[]byte("922e5832\r\n"), "card 922e5832"},
			{[]byte("04A2B3C4D5E68\r"), "drop decode"},
			{[]byte("04A2B3C404A2B3C4D5E680\r"), "drop decode"},
		},
	},
	// Elatec TWN4 with its standard application, which sends the identifier
	// of whatever it saw: 5 bytes are an EM4100, 8 an ISO 15693.
	"twn4-text": {
		baud: 9600,
		layout: layout{
			frame:  frameOptions{Type: "delimited", End: anyLineEnd},
			decode: decodeOptions{From: "hex", As: "uid", Lengths: []int{4, 5, 7, 8, 10}},
		},
		vectors: []vector{
			{[]byte("04C63A63110189\r"), "card 04c63a63110189"},
			{[]byte("01000734E0\r"), "card 01000734e0"},
			{[]byte("E00\r"), "drop decode"},
		},
	},
	// RDM6300 and its kin: STX, ten hex digits, two of their XOR, ETX, again
	// every 50 ms while the card is there. Some clones send wrong check
	// digits; those are refused, not believed.
	"rdm6300": {
		baud: 9600,
		layout: layout{
			frame: frameOptions{Type: "delimited", Start: []byte{2}, End: []octets{{3}}, Max: 12},
			check: checkOptions{Type: "xor-hex"}, decode: decodeOptions{From: "hex", As: "em4100"},
		},
		vectors: []vector{
			{[]byte("\x0201000734E0D2\x03"), "card 01000734e0"},
			{[]byte("\x02100086F44426\x03"), "card 100086f444"},
			{[]byte("\x0201000734E03B\x03"), "drop check"},
			{[]byte("\x020100\x0201000734E0D2\x03"), "card 01000734e0"},
		},
	},
	// EM-18: the same twelve digits with nothing around them.
	"em18": {
		baud: 9600,
		layout: layout{
			frame: frameOptions{Type: "fixed", Bytes: 12, Gap: span(100 * time.Millisecond)},
			check: checkOptions{Type: "xor-hex"}, decode: decodeOptions{From: "hex", As: "em4100"},
		},
		vectors: []vector{
			{[]byte("01000734E0D2"), "card 01000734e0"},
			{[]byte("100086F44426"), "card 100086f444"},
			{[]byte("100086F44444"), "drop check"},
		},
	},
}

func presetNames() []string { return slices.Sorted(maps.Keys(linePresets)) }

// SelfTestPresets runs the vectors of every preset of the line reader. It
// touches no hardware.
func SelfTestPresets() []error {
	var all []error
	for _, name := range presetNames() {
		p := linePresets[name]
		if err := p.layout.validate(); err != nil {
			all = append(all, fmt.Errorf("preset %s: %w", name, err))
			continue
		}
		for _, v := range p.vectors {
			if err := v.run(p.layout); err != nil {
				all = append(all, fmt.Errorf("preset %s: %w", name, err))
			}
		}
	}
	return all
}

// run sends the bytes through a fresh decoder.
func (v vector) run(l layout) error {
	d := newLineDecoder(l)
	at := time.Unix(0, 0)
	got := slices.Clone(d.feed(at, v.In))
	got = append(got, d.idle(at.Add(time.Minute))...)
	var said string
	switch {
	case len(got) == 1 && got[0].ok:
		said = got[0].kind.String() + " " + string(got[0].value)
	case len(got) > 1:
		said = fmt.Sprintf("%d results", len(got))
	default:
		said = "drop " + strings.Join(d.dropped(), " ")
	}
	if said != v.Want {
		return fmt.Errorf("% X: got %q, want %q", []byte(v.In), said, v.Want)
	}
	return nil
}
