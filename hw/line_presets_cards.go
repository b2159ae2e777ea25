package hw

import "time"

// hexLine is the layout of a reader that sends the UID in hex and a line end.
var hexLine = layout{
	frame: frameOptions{Type: "delimited", End: anyLineEnd}, decode: decodeOptions{From: "hex", As: "uid"},
}

// turned is a layout whose reader tells the UID last byte first.
func turned(l layout) layout {
	l.decode.Reverse = []string{"bytes"}
	return l
}

// hexReader is any card reader that sends the UID in hex and a line end.
var hexReader = preset{
	baud:   9600,
	layout: hexLine,
	vectors: []vector{
		{[]byte("04A2B3C4D5E680\r"), "card 04a2b3c4d5e680"},
		{[]byte("922e5832\r\n"), "card 922e5832"},
		{[]byte("04A2B3C4D5E68\r"), "drop decode"},
		{[]byte("04A2B3C404A2B3C4D5E680\r"), "drop decode"},
	},
}

// twn4Text is Elatec's TWN4 with its standard application, which sends the
// identifier of whatever it saw: 5 bytes are an EM4100, 8 an ISO 15693. Not yet
// tried on hardware.
var twn4Text = preset{
	baud: 9600,
	layout: layout{
		frame:  hexLine.frame,
		decode: decodeOptions{From: "hex", As: "uid", Lengths: []int{4, 5, 7, 8, 10}},
	},
	vectors: []vector{
		{[]byte("04C63A63110189\r"), "card 04c63a63110189"},
		{[]byte("01000734E0\r"), "card 01000734e0"},
		{[]byte("E00\r"), "drop decode"},
	},
}

// rdm6300 is RDM6300 and its kin: STX, ten hex digits, two of their XOR, ETX,
// again every 50 ms while the card is there. Some clones send wrong check digits;
// those are refused, not believed. Variant: "wiegand" tells the number that is
// printed on EM cards with a facility code, as em410x-26.
var rdm6300 = preset{
	baud: 9600, layout: rdm6300Layout,
	vectors: []vector{
		{[]byte("\x0201000734E0D2\x03"), "card 01000734e0"},
		{[]byte("\x02100086F44426\x03"), "card 100086f444"},
		{[]byte("\x0201000734E03B\x03"), "drop check"},
		{[]byte("\x020100\x0201000734E0D2\x03"), "card 01000734e0"},
	},
	variants: map[string]preset{"wiegand": {
		layout: em26(rdm6300Layout),
		vectors: []vector{
			{[]byte("\x02100086F44426\x03"), "wiegand em410x-26:134:62532"},
			{[]byte("\x02100086F44427\x03"), "drop check"},
		},
	}},
}

var rdm6300Layout = layout{
	frame: frameOptions{Type: "delimited", Start: []byte{2}, End: []octets{{3}}, Max: 12},
	check: checkOptions{Type: "xor-hex"}, decode: decodeOptions{From: "hex", As: "em4100"},
}

// em26 is a layout that takes the low 24 bits of an EM number.
func em26(l layout) layout {
	l.decode = decodeOptions{From: "hex", As: "wiegand", Format: "em410x-26", TakeBits: 24}
	return l
}

// em18 is EM-18: the same twelve digits with nothing around them. Variant:
// "wiegand", as of rdm6300.
var em18 = preset{
	baud: 9600, layout: em18Layout,
	vectors: []vector{
		{[]byte("01000734E0D2"), "card 01000734e0"},
		{[]byte("100086F44426"), "card 100086f444"},
		{[]byte("100086F44444"), "drop check"},
	},
	variants: map[string]preset{"wiegand": {
		layout: em26(em18Layout),
		vectors: []vector{
			{[]byte("100086F44426"), "wiegand em410x-26:134:62532"},
			{[]byte("100086F44427"), "drop check"},
		},
	}},
}

var em18Layout = layout{
	frame: frameOptions{Type: "fixed", Bytes: 12, Gap: span(100 * time.Millisecond)},
	check: checkOptions{Type: "xor-hex"}, decode: decodeOptions{From: "hex", As: "em4100"},
}

// promagMF7 is Promag's MF7 series, set to hex text with CR or LF, last byte
// first as it is delivered ("LSB first"). Variants: "msb" for the other order;
// "mf7s" for STX and ETX around that; "binary" for bytes with nothing around
// them, which is how it is delivered: better set it to hex with CR, for silence is
// a poor end of a number. Not yet tried on hardware.
var promagMF7 = preset{
	baud:   19200,
	layout: turned(hexLine),
	vectors: []vector{
		{[]byte("80E6D5C4B3A204\r\n"), "card 04a2b3c4d5e680"},
		{[]byte("32582E92\r"), "card 922e5832"},
		{[]byte("32582E9\r"), "drop decode"},
	},
	variants: map[string]preset{
		"msb": {layout: hexLine, vectors: hexReader.vectors},
		"mf7s": {
			layout: turned(layout{
				frame:  frameOptions{Type: "delimited", Start: octets{2}, End: []octets{{3}}, Max: 32},
				picked: selectOptions{Match: `^(?P<data>[0-9A-Fa-f]+)\r?\n?$`},
				decode: hexLine.decode,
			}),
			vectors: []vector{
				{[]byte("\x0232582E92\r\n\x03"), "card 922e5832"},
				{[]byte("\x0232582E92\x03"), "card 922e5832"},
				{[]byte("\x02\r\n\x03"), "drop decode"},
			},
		},
		"binary": {
			layout: turned(layout{
				frame:  frameOptions{Type: "gap", Gap: span(40 * time.Millisecond), Max: 10},
				decode: decodeOptions{As: "uid"},
			}),
			vectors: []vector{
				{[]byte("\x80\xE6\xD5\xC4\xB3\xA2\x04"), "card 04a2b3c4d5e680"},
				{[]byte("\x13\x58\x11\x92"), "card 92115813"}, // XON and XOFF are bytes like others
				{[]byte("\x13\x58\x11"), "drop decode"},
			},
		},
	},
}

// blueBox is the layout of a "spontaneous" message of BLUEBOX readers with CR or
// CR LF, and STX in front or not (packet formats 02, 03, 08 and 09), and how its
// content is written.
func blueBox(digits string, decode decodeOptions) layout {
	return layout{
		frame:  hexLine.frame,
		picked: selectOptions{Match: `^\x02?(?P<data>` + digits + `)$`},
		decode: decode,
	}
}

// idtronic is iDTRONIC's BLUEBOX readers, HF and LF, with the UID in hex.
// Variants are the encodings of its content: "d10" is the last four bytes of the
// UID in ten digits, which for a UID of seven bytes is not all of it, so that such
// a card is no row's; "d18" is seven bytes in 18 digits. Nibbles and bits are to
// be left as they are. Not yet tried on hardware.
var idtronic = preset{
	baud:   9600,
	layout: blueBox(`[0-9A-Fa-f]+`, decodeOptions{From: "hex", As: "uid", Lengths: []int{4, 5, 7, 8, 10}}),
	vectors: []vector{
		{[]byte("04A2B3C4D5E680\r\n"), "card 04a2b3c4d5e680"},
		{[]byte("\x02922E5832\r"), "card 922e5832"},
		{[]byte("\x02922E58.2\r"), "drop decode"},
	},
	variants: map[string]preset{
		"d10": {
			layout: blueBox(`[0-9]+`, decodeOptions{From: "decimal", Width: 10, Pad: 4, As: "uid", Lengths: []int{4}}),
			vectors: []vector{
				{[]byte("2452510770\r\n"), "card 922e5832"},
				{[]byte("\x020000000255\r"), "card 000000ff"},
				{[]byte("4294967296\r"), "drop decode"},
			},
		},
		"d18": {
			layout: blueBox(`[0-9]+`, decodeOptions{From: "d18", As: "uid", Lengths: []int{7}}),
			vectors: []vector{
				{[]byte("004416513302352512\r\n"), "card 04a2b3c4d5e680"},
				{[]byte("256416513302352512\r\n"), "drop decode"}, // more than a byte
				{[]byte("04416513302352512\r\n"), "drop decode"},
			},
		},
	},
}

// rfIdeas is rf IDEAS' pcProx readers with a serial port, set to send the UID in
// hex. Their tool sets the characters around it; any that are no digits are taken
// away here. Variant: "number" for one set to send facility code and number of a
// 26-bit card together as one decimal, as it does for HID Prox. Not yet tried on
// hardware.
var rfIdeas = preset{
	baud: 9600,
	layout: layout{
		frame:  hexLine.frame,
		picked: selectOptions{Match: `^[^0-9A-Fa-f]*(?P<data>[0-9A-Fa-f]+)[^0-9A-Fa-f]*$`},
		decode: decodeOptions{From: "hex", As: "uid", Lengths: []int{4, 5, 7, 8, 10}},
	},
	vectors: []vector{
		{[]byte("04A2B3C4D5E680\r"), "card 04a2b3c4d5e680"},
		{[]byte("<922E5832>\r\n"), "card 922e5832"},
		{[]byte("<922E 5832>\r"), "drop decode"},
	},
	variants: map[string]preset{
		"number": {
			layout: layout{
				frame:  hexLine.frame,
				picked: selectOptions{Match: `^[^0-9]*(?P<data>[0-9]+)[^0-9]*$`},
				decode: decodeOptions{From: "decimal", As: "wiegand", Format: "h10301"},
			},
			vectors: []vector{
				{[]byte("8065495\r"), "wiegand h10301:123:4567"},
				{[]byte("16777216\r"), "drop decode"}, // 25 bits
			},
		},
	},
}
