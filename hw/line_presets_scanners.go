package hw

import "time"

// anyLineEnd is how scanners end what they send: makers differ, and so do the
// settings of their scanners.
var anyLineEnd = []octets{[]byte("\r"), []byte("\n"), []byte("\r\n")}

// codes is the layout of a scanner that sends the text of a code and a line end.
var codes = layout{frame: frameOptions{Type: "delimited", End: anyLineEnd}, decode: decodeOptions{As: "qr"}}

// aimCodes is codes with or without the AIM identifier in front (ISO/IEC 15424).
var aimCodes = layout{
	frame:  codes.frame,
	picked: selectOptions{Match: `^(?:\][A-Za-z][0-9A-Za-z])?(?P<data>(?s:.+))$`},
	decode: codes.decode,
}

// aimVectors are those of aimCodes.
var aimVectors = []vector{
	{[]byte("HELLO\r"), "qr HELLO"},
	{[]byte("]Q1HELLO\r\n"), "qr HELLO"},
	{[]byte("]Q1\r"), "drop decode"},
}

// plainScanner is any scanner that sends the text of a code and a line end.
var plainScanner = preset{
	baud:   115200,
	layout: codes,
	vectors: []vector{
		{[]byte("TG1:6BF+70790\r"), "qr TG1:6BF+70790"},
		{[]byte(" A  B \r\n"), "qr  A  B "}, // Base45 has spaces, also at its ends
		{[]byte("\r"), "drop empty"},
		{[]byte("AB\x00CD\r"), "drop decode"},
	},
}

// honeywell is the scanners of Honeywell and Metrologic. Variants: "trigger" for
// one set to serial trigger, which scans until it has read or a time is over (SYN
// T CR, "Serial Trigger Commands"); "host-ack" for one that waits for the host's
// word on each code ("Host ACK Responses": ESC 1 a green flash, ESC 2 green for
// two seconds, ESC 7 good, ESC 8 razz, each with its comma). The variants are not
// yet tried on hardware.
var honeywell = preset{
	baud: 115200, layout: aimCodes, vectors: aimVectors,
	variants: map[string]preset{
		"trigger": {
			layout: aimCodes, vectors: aimVectors,
			dialogue: dialogueOptions{Poll: &step{Every: span(time.Second), Send: octets("\x16T\r")}},
		},
		"host-ack": {
			layout: aimCodes, vectors: aimVectors,
			dialogue: dialogueOptions{
				Ack: octets("\x1B1,"), Nak: octets("\x1B8,"),
				Granted: octets("\x1B7,\x1B2,"), Refused: octets("\x1B8,\x1B8,"), PIN: octets("\x1B5,"),
			},
		},
	},
}

// zebraBeeps is the one thing that a scanner of Zebra does for the host in ASCII
// mode: it beeps on BEL, if it is set to.
var zebraBeeps = dialogueOptions{Granted: octets("\x07"), Refused: octets("\x07\x07\x07")}

// zebraASCII is the scanners of Zebra, which was Symbol and Motorola, over RS-232
// or USB-CDC without SSI. Variants: "ack" for one with ACK/NAK handshake; "bare"
// for one that adds no suffix, which is how they are delivered: better set it to
// add CR, for silence is a poor end of a code. Not yet tried on hardware.
var zebraASCII = preset{
	baud: 9600, layout: aimCodes, vectors: aimVectors, dialogue: zebraBeeps,
	variants: map[string]preset{
		"ack": {
			layout: aimCodes, vectors: aimVectors,
			dialogue: dialogueOptions{Ack: octets{0x06}, Nak: octets{0x15}, Granted: zebraBeeps.Granted, Refused: zebraBeeps.Refused},
		},
		"bare": {
			layout:   layout{frame: frameOptions{Type: "gap", Gap: span(60 * time.Millisecond)}, picked: aimCodes.picked, decode: aimCodes.decode},
			dialogue: zebraBeeps,
			vectors:  []vector{{[]byte("]Q1HELLO"), "qr HELLO"}, {[]byte("]Q1"), "drop decode"}},
		},
	},
}

// newlandLock ends the set-up mode of a scanner of Newland, in which it takes
// orders from printed codes, and says that it lives. It is a temporary setting
// (#), so nothing is written to its flash. The frame is that of the maker's
// manuals (NLS-HR52, FM530: prefix, storage, command, suffix; the answer with ACK
// before its suffix).
var newlandLock = step{
	Send:    octets("~\x010000#SETUPE0;\x03"),
	Expect:  octets("\x02\x010000#SETUPE0\x06;\x03"),
	Timeout: span(2 * time.Second),
	Every:   span(20 * time.Second),
}

// newland is the scanners of Newland with the unified command set. They are told
// to leave their set-up mode at each opening and every 20 seconds. Variant:
// "plain" says nothing to the scanner, for older ones. Not yet tried on hardware.
var newland = preset{
	baud: 9600, layout: aimCodes, vectors: aimVectors,
	dialogue: dialogueOptions{Init: []step{newlandLock}, Ping: &newlandLock},
	variants: map[string]preset{"plain": {layout: aimCodes, vectors: aimVectors}},
}

// datalogicBeeps are host commands of Datalogic's scanners ("Host Commands
// Characters"): SOH beeps whatever is set; F sounds "not on file" and may disable
// the scanner, so E follows, which enables it.
var datalogicBeeps = dialogueOptions{Granted: octets("\x01"), Refused: octets("FE")}

// datalogic is the scanners of Datalogic over RS-232 or USB-COM, which end a code
// with CR LF. Variants: "ack" for one with ACK/NAK for labels, which without an
// answer stops reading and beeps; "trigger" for one that scans on T. Not yet tried
// on hardware.
var datalogic = preset{
	baud: 9600, layout: aimCodes, vectors: aimVectors,
	dialogue: dialogueOptions{Init: []step{{Send: octets("E")}}, Granted: datalogicBeeps.Granted, Refused: datalogicBeeps.Refused},
	variants: map[string]preset{
		"ack": {
			layout: aimCodes, vectors: aimVectors,
			dialogue: dialogueOptions{
				Init: []step{{Send: octets("E")}}, Ack: octets{0x06}, Nak: octets{0x15},
				Granted: datalogicBeeps.Granted, Refused: datalogicBeeps.Refused,
			},
		},
		"trigger": {
			layout: aimCodes, vectors: aimVectors,
			dialogue: dialogueOptions{
				Poll:    &step{Every: span(2 * time.Second), Send: octets("T")},
				Granted: datalogicBeeps.Granted, Refused: datalogicBeeps.Refused,
			},
		},
	},
}

// gm65Done is the answer of a GM65 to a register that was written; its CRC is
// that of CCITT over 00 00 01 00.
var gm65Done = octets("\x02\x00\x00\x01\x00\x33\x31")

// gm65Lock writes register 0003: orders in printed codes are not obeyed (bit 1),
// but sent like any code (bit 0), so that somebody who tries is seen. What is
// written is lost with the power, and not in the flash.
var gm65Lock = step{
	Send: octets("\x7E\x00\x08\x01\x00\x03\x03\xAB\xCD"), Expect: gm65Done,
	Timeout: span(time.Second), Every: span(20 * time.Second),
}

// gm65Once brings a module into command mode (register 0000, low bits 01; the
// others as delivered).
var gm65Once = step{Send: octets("\x7E\x00\x08\x01\x00\x00\xD5\xAB\xCD"), Expect: gm65Done}

// gm65 is the modules GM65 and GM861 of Grow, sold by Waveshare and others. They
// are told not to obey printed orders at each opening and every 20 seconds.
// Variants: "trigger" brings it into command mode, in which it scans once per
// order (register 0002); "plain" says nothing to the module. Not yet tried on hardware.
var gm65 = preset{
	baud: 9600, layout: aimCodes, vectors: aimVectors,
	dialogue: dialogueOptions{Init: []step{gm65Lock}, Ping: &gm65Lock},
	variants: map[string]preset{
		"trigger": {
			layout: aimCodes, vectors: aimVectors,
			dialogue: dialogueOptions{
				Init: []step{gm65Lock, gm65Once}, Ping: &gm65Lock,
				Poll: &step{
					Send: octets("\x7E\x00\x08\x01\x00\x02\x01\xAB\xCD"), Expect: gm65Done,
					Timeout: span(500 * time.Millisecond), Every: span(3 * time.Second),
				},
			},
		},
		"plain": {layout: aimCodes, vectors: aimVectors},
	},
}

// de2120 is the engine of SparkFun's scanner, which ends a code with CR. Orders
// are text, answered with ACK in up to 0.8 s. It is set to scan by itself, to
// report a code that stays once, and to send UTF-8: it comes with GBK. Variants:
// "trigger" leaves it in manual mode and says SCAN again and again; "plain" says
// nothing to it. That printed orders cannot be switched off is its weakness. Not
// yet tried on hardware.
var de2120 = preset{
	baud: 115200, layout: codes, vectors: plainScanner.vectors,
	dialogue: dialogueOptions{Init: []step{de2120Order("232UTF1"), de2120Order("CNTALW0"), de2120Order("SCMCNT")}},
	variants: map[string]preset{
		"trigger": {
			layout: codes, vectors: plainScanner.vectors,
			dialogue: dialogueOptions{
				Init: []step{de2120Order("232UTF1"), de2120Order("SCMMAN")},
				Poll: &step{Every: span(4 * time.Second), Send: octets("^_^SCAN."), Expect: octets{0x06}, Timeout: span(time.Second)},
			},
		},
		"plain": {layout: codes, vectors: plainScanner.vectors},
	},
}

func de2120Order(order string) step {
	return step{Send: octets("^_^" + order + "."), Expect: octets{0x06}, Timeout: span(1500 * time.Millisecond)}
}
