package pn532

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Target is a card, tag or phone of ISO 14443 type A that the chip activated.
type Target struct {
	Number byte   // how the chip calls it
	Sense  uint16 // SENS_RES; 0000: several answered, and their bits ran into each other
	Select byte   // SEL_RES
	UID    []byte // in air order, without cascade tags
	ATS    []byte // of an ISO-DEP target, from its format byte on
}

// ParseTargets reads the answer to ListTargets. No target is no error.
func ParseTargets(data []byte) ([]Target, error) {
	if len(data) == 0 || data[0] > 2 {
		return nil, fmt.Errorf("%w: targets of a number that the chip cannot hold", ErrMalformed)
	}
	var all []Target
	rest := data[1:]
	for range data[0] {
		target, after, err := parseTarget(rest)
		if err != nil {
			return nil, err
		}
		all, rest = append(all, target), after
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes after the last target", ErrMalformed, len(rest))
	}
	return all, nil
}

// parseTarget reads Tg SENS_RES(2) SEL_RES NFCIDLength NFCID [ATS]
// (UM0701-02 §7.3.5). The first byte of the ATS is its own length.
func parseTarget(data []byte) (Target, []byte, error) {
	if len(data) < 5 || len(data)-5 < int(data[4]) {
		return Target{}, nil, fmt.Errorf("%w: a target is cut short", ErrMalformed)
	}
	t := Target{Number: data[0], Sense: binary.BigEndian.Uint16(data[1:]), Select: data[3]}
	uid, rest := data[5:5+int(data[4])], data[5+int(data[4]):]
	if len(uid) != 4 && len(uid) != 7 && len(uid) != 10 && !t.Collided() {
		return Target{}, nil, fmt.Errorf("%w: a UID of %d bytes", ErrMalformed, len(uid))
	}
	t.UID = slices.Clone(uid)
	if t.ISODEP() && len(rest) > 0 {
		size := int(rest[0])
		if size == 0 || size > len(rest) {
			return Target{}, nil, fmt.Errorf("%w: an ATS is cut short", ErrMalformed)
		}
		t.ATS, rest = slices.Clone(rest[1:size]), rest[size:]
	}
	return t, rest, nil
}

// ISODEP says that the target takes APDUs (SEL_RES bit 6, ISO 14443-3 §6.5.3).
func (t Target) ISODEP() bool { return t.Select&0x20 != 0 }

// Type2 says that the target may be an NFC Forum Type 2 tag, as NTAG21x are.
func (t Target) Type2() bool { return t.Select == 0x00 }

// Collided says that several cards answered at once.
func (t Target) Collided() bool { return t.Sense == 0x0000 }

// Random says that the UID was made up for this one time: four bytes that begin
// with 08 (ISO 14443-3 §6.5.4). Phones and bank cards do so.
func (t Target) Random() bool { return len(t.UID) == 4 && t.UID[0] == 0x08 }

// Shared says that many cards and phones bear this same UID: 01020304, which
// several phones show, and those of a single byte repeated, as of blank cards.
func (t Target) Shared() bool {
	same := len(slices.Compact(slices.Clone(t.UID))) <= 1
	return same || slices.Equal(t.UID, []byte{0x01, 0x02, 0x03, 0x04})
}
