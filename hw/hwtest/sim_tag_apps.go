package hwtest

import "bytes"

// Status words of ISO/IEC 7816-4.
var (
	swOK       = []byte{0x90, 0x00}
	swLength   = []byte{0x67, 0x00}
	swState    = []byte{0x69, 0x85}
	swNoFile   = []byte{0x6A, 0x82}
	swOffset   = []byte{0x6B, 0x00}
	swUnknown  = []byte{0x6D, 0x00}
	swBadClass = []byte{0x6E, 0x00}
)

// selectsByName says whether a command is SELECT of an application, and of
// which.
func selectsByName(command []byte) (name []byte, ok bool) {
	if len(command) < 6 || !bytes.Equal(command[:3], []byte{0x00, 0xA4, 0x04}) || len(command) < 5+int(command[4]) {
		return nil, false
	}
	return command[5 : 5+int(command[4])], true
}

// knowsNothing answers as an application host with nothing for us.
func knowsNothing(command []byte) []byte {
	switch {
	case command[0] != 0x00:
		return swBadClass
	case command[1] == 0xA4:
		return swNoFile
	default:
		return swUnknown
	}
}

// NewPhone makes a phone with nothing for us, which draws a UID each time it
// meets a field.
func NewPhone() Tag {
	return &depTag{
		target: Target{SENS: [2]byte{0x00, 0x04}, SEL: 0x20, ATS: mustHex("05 78 80 70 02")},
		random: true, apdu: knowsNothing,
	}
}

// NewPhoneWithUID makes a phone with nothing for us that always says the same
// UID, in hex; several makes of phones share 01020304.
func NewPhoneWithUID(uid string) Tag {
	return &depTag{
		target: Target{SENS: [2]byte{0x00, 0x04}, SEL: 0x20, UID: mustHex(uid), ATS: mustHex("05 78 80 70 02")},
		apdu:   knowsNothing,
	}
}

// newCard is a card of seven bytes of UID, in hex, with what answers APDUs.
func newCard(uid string, apdu func([]byte) []byte) *depTag {
	return &depTag{
		target: Target{SENS: [2]byte{0x03, 0x44}, SEL: 0x20, UID: mustHex(uid), ATS: mustHex("06 75 77 81 02 80")},
		apdu:   apdu,
	}
}

// NewDESFire makes a MIFARE DESFire card that has no application of ours.
func NewDESFire(uid string) Tag { return newCard(uid, knowsNothing) }

// NewBankCard makes a bank card: a UID drawn each time, and a payment directory
// (EMV Contactless Book B, 3.3).
func NewBankCard() Tag {
	return &depTag{
		target: Target{SENS: [2]byte{0x00, 0x04}, SEL: 0x20, ATS: mustHex("0A 78 80 82 02 20 63 CB A3 A0")},
		random: true,
		apdu: func(command []byte) []byte {
			if name, ok := selectsByName(command); ok && string(name) == "2PAY.SYS.DDF01" {
				return mustHex("6F 23 84 0E 325041592E5359532E4444463031 A5 11 BF0C 0E 61 0C 4F 07 A0000000041010 87 01 01 9000")
			}
			return knowsNothing(command)
		},
	}
}
