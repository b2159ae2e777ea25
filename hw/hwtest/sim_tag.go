package hwtest

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// Tag is a contactless card or a phone, of ISO/IEC 14443 type A. A simulated
// reader calls it from one goroutine at a time. Tags are compared by ==, so they
// are pointers.
type Tag interface {
	// PowerUp is called when a field reaches the tag: it has forgotten
	// everything that it keeps no better than in its head.
	PowerUp()
	// Select begins anew in the active state and says how the tag presented
	// itself.
	Select() Target
	// Exchange answers a command, an APDU where the tag speaks ISO/IEC
	// 14443-4; nil: it says nothing.
	Exchange(command []byte) []byte
}

// Target is how a tag presents itself when it is selected.
type Target struct {
	SENS [2]byte // SENS_RES, high byte first
	SEL  byte    // SEL_RES; bit 5 means ISO/IEC 14443-4
	UID  []byte  // in air order
	ATS  []byte  // with its length in front; ISO/IEC 14443-4 only
}

// dep says whether the tag speaks ISO/IEC 14443-4.
func (t Target) dep() bool { return t.SEL&0x20 != 0 }

// cascaded is the UID with cascade tags, as anticollision sends it.
func (t Target) cascaded() []byte {
	switch len(t.UID) {
	case 7:
		return slices.Concat([]byte{0x88}, t.UID)
	case 10:
		return slices.Concat([]byte{0x88}, t.UID[:3], []byte{0x88}, t.UID[3:])
	default:
		return t.UID
	}
}

// mustHex reads the hex of a test, spaces allowed.
func mustHex(text string) []byte {
	var digits []byte
	for _, c := range []byte(text) {
		if c != ' ' {
			digits = append(digits, c)
		}
	}
	raw, err := hex.DecodeString(string(digits))
	if err != nil {
		panic(fmt.Sprintf("hwtest: %q is not hex: %v", text, err))
	}
	return raw
}

// MifareClassic is a MIFARE Classic 1K with its keys as delivered, which is all
// that a reader of UIDs gets to see of it.
type MifareClassic struct {
	uid  []byte
	open int // the sector that was authenticated; -1: none
}

// NewMifareClassic makes a card with a UID of 4 or 7 bytes, in hex and air order.
func NewMifareClassic(uid string) *MifareClassic {
	return &MifareClassic{uid: mustHex(uid), open: -1}
}

// PowerUp is Tag.PowerUp.
func (m *MifareClassic) PowerUp() {}

// Select is Tag.Select.
func (m *MifareClassic) Select() Target {
	m.open = -1
	sens := [2]byte{0x00, 0x04}
	if len(m.uid) == 7 {
		sens[1] = 0x44
	}
	return Target{SENS: sens, SEL: 0x08, UID: m.uid}
}

// Exchange is Tag.Exchange. It knows authentication with the key FF FF FF FF FF
// FF and reading.
func (m *MifareClassic) Exchange(command []byte) []byte {
	block := 0
	if len(command) > 1 {
		block = int(command[1])
	}
	switch {
	case len(command) == 12 && command[0]&0xFE == 0x60 && block < 64:
		if slices.Equal(command[2:8], mustHex("FFFFFFFFFFFF")) && slices.Equal(command[8:], m.uid[len(m.uid)-4:]) {
			m.open = block / 4
			return []byte{}
		}
	case len(command) == 2 && command[0] == 0x30 && m.open >= 0 && block/4 == m.open:
		data := make([]byte, 16)
		if block == 0 {
			copy(data, m.uid)
		}
		return data
	}
	m.open = -1
	return nil
}

// depTag is a tag of ISO/IEC 14443-4: something that answers APDUs behind a UID that may
// be drawn anew each time.
type depTag struct {
	mu     sync.Mutex // guards all below; settings come from other goroutines
	target Target
	random bool // four bytes, 08 and three drawn at each power-up
	apdu   func(command []byte) []byte
	begin  func() // forget what was selected
}

// PowerUp is Tag.PowerUp.
func (d *depTag) PowerUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.random {
		d.target.UID = []byte{0x08, byte(rand.Uint32()), byte(rand.Uint32()), byte(rand.Uint32())}
	}
}

// Select is Tag.Select.
func (d *depTag) Select() Target {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begin != nil {
		d.begin()
	}
	return d.target
}

// Exchange is Tag.Exchange.
func (d *depTag) Exchange(command []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(command) < 4 {
		return []byte{0x67, 0x00}
	}
	return d.apdu(command)
}
