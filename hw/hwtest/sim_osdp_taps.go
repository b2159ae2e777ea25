package hwtest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// OSDPFate is what became of a tap on the way to the panel.
type OSDPFate int32

// The fates of a tap.
const (
	// TapWaits for a POLL.
	TapWaits OSDPFate = iota
	// TapSent went to the panel, which has not shown whether it heard it: it
	// has not asked again, or began anew.
	TapSent
	// TapTold was acknowledged: the panel's next command had the next number.
	TapTold
	// TapLost cannot be known to the panel: the reply that had it was lost and
	// is not kept, or the reader lost its panel or its power first.
	TapLost
)

// OSDPTap is something that was held to a simulated reader or typed on it once.
type OSDPTap struct {
	// At is when; Show is what OSDPReader.Show was told.
	At   time.Time
	Show string

	fate atomic.Int32
	late bool // it may arrive though the panel has asked again; guarded by the reader's mu
}

// Fate is what became of it until now.
func (t *OSDPTap) Fate() OSDPFate { return OSDPFate(t.fate.Load()) }

func (t *OSDPTap) becomes(f OSDPFate) { t.fate.Store(int32(f)) }

// osdpEvent is what waits for a POLL.
type osdpEvent struct {
	code byte
	data []byte
	tap  *OSDPTap
}

// Present holds something to the reader: so many bits, in the first bits of the
// bytes, as RAW. The format is 0 unspecified, 1 Wiegand with parity, 2 UID. A
// reader without a panel loses it at once.
func (r *OSDPReader) Present(data []byte, bits int, format byte) *OSDPTap {
	octets := (bits + 7) / 8
	out := append([]byte{0, format, byte(bits), byte(bits >> 8)}, make([]byte, octets)...)
	copy(out[4:], data)
	if rest := bits % 8; rest > 0 {
		out[len(out)-1] &= 0xFF << (8 - rest)
	}
	return r.tap(0x50, out, "")
}

// PresentText holds something to the reader that it sends as formatted text
// (FMT), forwards.
func (r *OSDPReader) PresentText(text string) *OSDPTap {
	return r.tap(0x51, append([]byte{0, 0, byte(len(text))}, text...), "")
}

// PresentMaker has the reader send the maker's own reply (MFGREP) unasked, as QR
// readers do.
func (r *OSDPReader) PresentMaker(data []byte) *OSDPTap {
	return r.tap(0x90, slices.Concat(r.Identity.Vendor[:], data), "")
}

// Press types on its keypad: 0 to 9, * and #. All is sent as one KEYPAD.
func (r *OSDPReader) Press(digits string) *OSDPTap {
	keys := []byte(strings.NewReplacer("*", "\x7F", "#", "\x0D").Replace(digits))
	return r.tap(0x53, append([]byte{0, byte(len(keys))}, keys...), "")
}

var (
	osdpUID     = regexp.MustCompile(`^([0-9a-fA-F]{2}){3,10}$`)
	osdpTyped   = regexp.MustCompile(`^[0-9*]*#$|^\*[0-9*#]*$`)
	osdpWiegand = regexp.MustCompile(`^h10301:([0-9]{1,3}):([0-9]{1,5})$`)
)

// Show holds a credential to the reader once, or types it: a UID in hex is RAW
// of its bits; keys that end in # or begin with * are KEYPAD; h10301:FACILITY:CARD
// is RAW of 26 bits with parity; other text is a code and RAW of its letters.
func (r *OSDPReader) Show(credential string) error {
	code, data, err := osdpShown(credential)
	if err == nil {
		r.tap(code, data, credential)
	}
	return err
}

// osdpShown is the reply for a credential.
func osdpShown(credential string) (code byte, data []byte, err error) {
	raw := func(format byte, bits int, body []byte) (byte, []byte, error) {
		return 0x50, append([]byte{0, format, byte(bits), byte(bits >> 8)}, body...), nil
	}
	if card := osdpWiegand.FindStringSubmatch(credential); card != nil {
		facility, wrong := strconv.ParseUint(card[1], 10, 8)
		number, err := strconv.ParseUint(card[2], 10, 16)
		if err := errors.Join(wrong, err); err != nil {
			return 0, nil, fmt.Errorf("card %s: %w", credential, err)
		}
		body := osdpH10301(byte(facility), uint16(number))
		return raw(1, 26, body[:])
	}
	switch {
	case osdpTyped.MatchString(credential):
		keys := strings.NewReplacer("*", "\x7F", "#", "\x0D").Replace(credential)
		return 0x53, append([]byte{0, byte(len(keys))}, keys...), nil
	case osdpUID.MatchString(credential):
		var body []byte
		for at := 0; at < len(credential); at += 2 {
			octet, _ := strconv.ParseUint(credential[at:at+2], 16, 8)
			body = append(body, byte(octet))
		}
		return raw(0, 8*len(body), body)
	case credential == "" || len(credential) > 1000:
		return 0, nil, fmt.Errorf("a credential of %d bytes cannot be shown", len(credential))
	}
	return raw(0, 8*len(credential), []byte(credential))
}

// osdpH10301 is a 26-bit card: even parity of the first half, facility, number,
// odd parity of the second.
func osdpH10301(facility byte, number uint16) [4]byte {
	value := uint32(facility)<<16 | uint32(number)
	first, second := uint32(0), uint32(1)
	for bit := range 12 {
		first ^= value >> (12 + bit) & 1
		second ^= value >> bit & 1
	}
	value = (first<<25 | value<<1 | second) << 6
	return [4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}
}

func (r *OSDPReader) tap(code byte, data []byte, show string) *OSDPTap {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &OSDPTap{At: time.Now(), Show: show}
	r.taps = append(r.taps, t)
	r.expire(t.At)
	if r.number < 0 {
		r.lose(t)
		return t
	}
	r.events = append(r.events, osdpEvent{code, data, t})
	return t
}

// Taps are all taps since it was made.
func (r *OSDPReader) Taps() []*OSDPTap {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taps)
}

// Idle says whether all that happened at the reader was asked for, and the last
// of it acknowledged.
func (r *OSDPReader) Idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events) == 0 && r.cached.tap == nil
}

func (r *OSDPReader) lose(t *OSDPTap) {
	if f := t.Fate(); f == TapWaits || f == TapSent {
		t.becomes(TapLost)
		r.seen.LostTaps++
	}
}

// acknowledge is what the next number says of the last reply.
func (r *OSDPReader) acknowledge() {
	switch t := r.cached.tap; {
	case t == nil:
	case t.Fate() == TapSent:
		t.becomes(TapTold)
	default:
		r.lose(t)
	}
	r.cached = osdpExchange{}
}

// drop forgets the last reply. A tap that went out unharmed may be known.
func (r *OSDPReader) drop() {
	if t := r.cached.tap; t != nil && t.Fate() == TapWaits {
		r.lose(t)
	}
	r.cached = osdpExchange{}
}

// Tamper opens or closes its tamper switch, and reports it.
func (r *OSDPReader) Tamper(open bool) {
	r.change(func(s *osdpStatus) { s.tamper = open }, 0x48)
}

// Power says that its supply fails, or is well again, and reports it.
func (r *OSDPReader) Power(fails bool) {
	r.change(func(s *osdpStatus) { s.power = fails }, 0x48)
}

// Input makes an input active or not, and reports it.
func (r *OSDPReader) Input(i int, active bool) {
	level := byte(0)
	if active {
		level = 1
	}
	r.InputLevel(i, level)
}

// InputLevel sets an input as v2.2.2 knows it: 0 inactive, 1 active, 2 shorted, 3
// open, 4 fault, 5 unknown; and reports it.
func (r *OSDPReader) InputLevel(i int, level byte) {
	r.change(func(s *osdpStatus) { s.inputs[i] = level }, 0x49)
}

// Attached sets what RSTAT says: 0 normal, 1 not connected, 2 tampered with; and
// reports it.
func (r *OSDPReader) Attached(state byte) {
	r.change(func(s *osdpStatus) { s.reader = state }, 0x4B)
}

func (r *OSDPReader) change(set func(*osdpStatus), code byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set(&r.status)
	r.events = append(r.events, osdpEvent{code: code, data: r.stands(code)})
}

// stands is how the reader stands, by the code of the reply that says it.
func (r *OSDPReader) stands(code byte) []byte {
	yes := func(b bool) byte {
		if b {
			return 1
		}
		return 0
	}
	switch code {
	case 0x48:
		return []byte{yes(r.status.tamper), yes(r.status.power)}
	case 0x49:
		return slices.Clone(r.status.inputs)
	case 0x4A:
		out := make([]byte, len(r.outputs))
		for i, o := range r.outputs {
			out[i] = yes(o.relay.Energised())
		}
		return out
	}
	return []byte{r.status.reader}
}
