package hwtest

import (
	"fmt"
	"slices"
	"strings"
)

// NTAG is an NTAG213, 215 or 216 with an NDEF message, as NXP's data sheet NTAG213/215/216
// has it.
type NTAG struct {
	uid    []byte
	kind   ntagKind
	memory []byte
	idle   bool // it was told something it does not know, and waits to be selected
}

type ntagKind struct {
	pages   int
	size    byte // of the capability container, in units of 8 bytes
	storage byte // of GET_VERSION
	lock    []byte
}

// NewNTAG makes a tag of model 213, 215 or 216 with a UID of 7 bytes, in hex,
// and an NDEF message, which may be empty. It panics if that cannot be.
func NewNTAG(model int, uid string, message []byte) *NTAG {
	kinds := map[int]ntagKind{
		213: {45, 0x12, 0x0F, mustHex("01 03 A0 0C 34")}, // delivered with a lock control TLV
		215: {135, 0x3E, 0x11, nil},
		216: {231, 0x6D, 0x13, nil},
	}
	kind, ok := kinds[model]
	n := &NTAG{uid: mustHex(uid), kind: kind}
	if !ok || len(n.uid) != 7 {
		panic(fmt.Sprintf("hwtest: no NTAG%d with the UID %s", model, uid))
	}
	n.memory = make([]byte, 4*kind.pages)
	copy(n.memory, n.uid[:3])
	n.memory[3] = 0x88 ^ n.uid[0] ^ n.uid[1] ^ n.uid[2]
	copy(n.memory[4:], n.uid[3:])
	n.memory[8] = n.uid[3] ^ n.uid[4] ^ n.uid[5] ^ n.uid[6]
	n.memory[9] = 0x48
	copy(n.memory[12:], []byte{0xE1, 0x10, kind.size, 0x00})
	tlv := append(slices.Clone(kind.lock), 0x03)
	if len(message) < 0xFF {
		tlv = append(tlv, byte(len(message)))
	} else {
		tlv = append(tlv, 0xFF, byte(len(message)>>8), byte(len(message)))
	}
	tlv = append(append(tlv, message...), 0xFE)
	if len(tlv) > 8*int(kind.size) {
		panic(fmt.Sprintf("hwtest: %d bytes do not fit on an NTAG%d", len(message), model))
	}
	copy(n.memory[16:], tlv)
	return n
}

// SetMemory overwrites the tag's memory from a page on, with whatever a careless
// or wicked hand may have written there. The tag must not be in a field.
func (n *NTAG) SetMemory(page int, data []byte) { copy(n.memory[4*page:], data) }

// PowerUp is Tag.PowerUp.
func (n *NTAG) PowerUp() {}

// Select is Tag.Select.
func (n *NTAG) Select() Target {
	n.idle = false
	return Target{SENS: [2]byte{0x00, 0x44}, SEL: 0x00, UID: n.uid}
}

// Exchange is Tag.Exchange. Pages behind the last cannot be read; a read that
// runs over the last begins anew at page 0.
func (n *NTAG) Exchange(command []byte) []byte {
	if n.idle {
		return nil
	}
	page := func(i int) int { return int(command[i]) }
	switch {
	case len(command) == 2 && command[0] == 0x30 && page(1) < n.kind.pages:
		twice := slices.Concat(n.memory, n.memory)
		return slices.Clone(twice[4*page(1) : 4*page(1)+16])
	case len(command) == 3 && command[0] == 0x3A && page(1) <= page(2) && page(2) < n.kind.pages:
		return slices.Clone(n.memory[4*page(1) : 4*page(2)+4])
	case len(command) == 1 && command[0] == 0x60:
		return []byte{0x00, 0x04, 0x04, 0x02, 0x01, 0x00, n.kind.storage, 0x03}
	}
	// It answers with a NAK of four bits, which the PN532 takes for no
	// answer, and goes back to the idle state.
	n.idle = true
	return nil
}

// NDEFText is an NDEF message of one text record (NFC Forum, Text RTD), UTF-8.
func NDEFText(language, text string) []byte {
	return ndefRecord('T', append([]byte{byte(len(language))}, language+text...))
}

// NDEFURI is an NDEF message of one URI record (NFC Forum, URI RTD), shortened
// where a prefix of it has a number.
func NDEFURI(uri string) []byte {
	for code, prefix := range []string{"", "http://www.", "https://www.", "http://", "https://"} {
		if rest, ok := strings.CutPrefix(uri, prefix); ok && code > 0 {
			return ndefRecord('U', append([]byte{byte(code)}, rest...))
		}
	}
	return ndefRecord('U', append([]byte{0}, uri...))
}

// ndefRecord is a message of one well-known record: short where it can be.
func ndefRecord(kind byte, payload []byte) []byte {
	if n := len(payload); n > 0xFF {
		return append([]byte{0xC1, 0x01, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), kind}, payload...)
	}
	return append([]byte{0xD1, 0x01, byte(len(payload)), kind}, payload...)
}
