// Package ndef reads what an NFC tag or a phone holds ready: the messages of the
// NFC Forum, and how they lie in Type 2 tags (NTAG21x) and Type 4 tags (NTAG 424,
// phones). It is bytes in, values out: what to ask a tag comes out, what the tag
// answered goes in. Nothing here writes to a tag.
//
// The formats are those of the NFC Forum: "NFC Data Exchange Format" 1.0, "Text
// RTD" 1.0, "URI RTD" 1.0, "Type 2 Tag" 1.2 and "Type 4 Tag" 2.0.
package ndef

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxMessage is the longest message that is read, in bytes. A signed pass needs
// half of it; a tag that says it holds more is not for a door.
const MaxMessage = 1024

// maxRecords is how many records of a message are looked at.
const maxRecords = 16

// Why there is nothing to read. Compare with errors.Is.
var (
	// ErrNone says that there is no message: the tag is empty, locked, or not
	// of this kind.
	ErrNone = errors.New("ndef: no message")
	// ErrMalformed says that what is there is not as the NFC Forum has it.
	ErrMalformed = errors.New("ndef: malformed")
	// ErrTooLong says that the message is longer than MaxMessage.
	ErrTooLong = errors.New("ndef: message too long")
)

// The flags in the first byte of a record (NDEF §3.2).
const (
	flagBegin  = 0x80
	flagEnd    = 0x40
	flagChunk  = 0x20
	flagShort  = 0x10
	flagID     = 0x08
	maskFormat = 0x07
)

// Formats of a record's type (NDEF §3.2.6).
const (
	formatEmpty     = 0x00
	formatWellKnown = 0x01
	formatAbsolute  = 0x03 // the type is itself a URI
)

// record is one record of a message.
type record struct {
	format  byte
	kind    string
	payload []byte
}

// Content is the text of the first text or URI record of a message. Other
// records are passed over, but the whole message must be well formed. Without
// such a record the error is ErrNone.
func Content(message []byte) (string, error) {
	if len(message) > MaxMessage {
		return "", ErrTooLong
	}
	found, first := false, ""
	for n, rest := 0, message; len(rest) > 0; n++ {
		if n == maxRecords {
			return "", fmt.Errorf("%w: more than %d records", ErrMalformed, maxRecords)
		}
		begins, ends := rest[0]&flagBegin != 0, rest[0]&flagEnd != 0
		r, after, err := cutRecord(rest)
		if err != nil {
			return "", err
		}
		if begins != (n == 0) || ends != (len(after) == 0) {
			return "", fmt.Errorf("%w: a message that begins or ends in the middle", ErrMalformed)
		}
		rest = after
		if found {
			continue
		}
		if first, found, err = r.content(); err != nil {
			return "", err
		}
	}
	if !found {
		return "", ErrNone
	}
	return first, nil
}

// cutRecord takes the first record off (NDEF §3.2). Records in chunks are
// refused: nothing that we read is so long.
func cutRecord(in []byte) (r record, rest []byte, err error) {
	short := fmt.Errorf("%w: a record is cut short", ErrMalformed)
	head, at := in[0], 2
	if head&flagChunk != 0 {
		return r, nil, fmt.Errorf("%w: a record in chunks", ErrMalformed)
	}
	lengths, named := 1, 0
	if head&flagShort == 0 {
		lengths = 4
	}
	if head&flagID != 0 {
		named = 1
	}
	if len(in) < at+lengths+named {
		return r, nil, short
	}
	size := uint32(in[at])
	if lengths == 4 {
		size = binary.BigEndian.Uint32(in[at:])
	}
	at += lengths
	kind, id := int(in[1]), 0
	if named == 1 {
		id = int(in[at])
		at++
	}
	if size > MaxMessage || len(in) < at+kind+id+int(size) {
		return r, nil, short
	}
	r = record{format: head & maskFormat, kind: string(in[at : at+kind])}
	at += kind + id
	r.payload, rest = in[at:at+int(size)], in[at+int(size):]
	if r.format == formatEmpty && kind+id+int(size) > 0 {
		return r, nil, fmt.Errorf("%w: an empty record that is not", ErrMalformed)
	}
	return r, rest, nil
}

// content is the text of the record, if it is of a kind that has one.
func (r record) content() (text string, ok bool, err error) {
	switch {
	case r.format == formatWellKnown && r.kind == "T":
		text, err = r.text()
	case r.format == formatWellKnown && r.kind == "U":
		text, err = r.uri()
	case r.format == formatAbsolute:
		if text = r.kind; !utf8.ValidString(text) {
			err = fmt.Errorf("%w: a URI that is not UTF-8", ErrMalformed)
		}
	default:
		return "", false, nil
	}
	return text, err == nil, err
}

// text reads a text record (Text RTD §3.2): a byte with the encoding and the
// length of the language, the language, the text.
func (r record) text() (string, error) {
	if len(r.payload) == 0 || len(r.payload) < 1+int(r.payload[0]&0x3F) || r.payload[0]&0x40 != 0 {
		return "", fmt.Errorf("%w: a text record", ErrMalformed)
	}
	raw := r.payload[1+int(r.payload[0]&0x3F):]
	if r.payload[0]&0x80 != 0 {
		return wide(raw)
	}
	if !utf8.Valid(raw) {
		return "", fmt.Errorf("%w: a text that is not UTF-8", ErrMalformed)
	}
	return string(raw), nil
}

// wide is UTF-16 text, big-endian unless a mark says otherwise (Text RTD §3.4).
func wide(raw []byte) (string, error) {
	var order binary.ByteOrder = binary.BigEndian
	switch {
	case len(raw)%2 != 0:
		return "", fmt.Errorf("%w: half a character of UTF-16", ErrMalformed)
	case len(raw) >= 2 && raw[0] == 0xFF && raw[1] == 0xFE:
		order, raw = binary.LittleEndian, raw[2:]
	case len(raw) >= 2 && raw[0] == 0xFE && raw[1] == 0xFF:
		raw = raw[2:]
	}
	units := make([]uint16, 0, len(raw)/2)
	for ; len(raw) > 0; raw = raw[2:] {
		units = append(units, order.Uint16(raw))
	}
	text := string(utf16.Decode(units))
	if strings.ContainsRune(text, utf8.RuneError) {
		return "", fmt.Errorf("%w: a text that is not UTF-16", ErrMalformed)
	}
	return text, nil
}

// uriPrefixes are the abbreviations of a URI record, by their number (URI RTD
// §3.2.2). They are never written to.
var uriPrefixes = [...]string{
	"", "http://www.", "https://www.", "http://", "https://", "tel:", "mailto:",
	"ftp://anonymous:anonymous@", "ftp://ftp.", "ftps://", "sftp://", "smb://", "nfs://", "ftp://", "dav://",
	"news:", "telnet://", "imap:", "rtsp://", "urn:", "pop:", "sip:", "sips:", "tftp:",
	"btspp://", "btl2cap://", "btgoep://", "tcpobex://", "irdaobex://", "file://",
	"urn:epc:id:", "urn:epc:tag:", "urn:epc:pat:", "urn:epc:raw:", "urn:epc:", "urn:nfc:",
}

// uri reads a URI record in full. Numbers of no abbreviation stand for none (URI
// RTD §3.2.2).
func (r record) uri() (string, error) {
	if len(r.payload) == 0 || !utf8.Valid(r.payload[1:]) {
		return "", fmt.Errorf("%w: a URI record", ErrMalformed)
	}
	prefix := ""
	if int(r.payload[0]) < len(uriPrefixes) {
		prefix = uriPrefixes[r.payload[0]]
	}
	return prefix + string(r.payload[1:]), nil
}
