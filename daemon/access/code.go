package access

import (
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// crockford are the digits of Crockford's base 32 (crockford.com/base32.html):
// no I, L, O or U, so that a code survives being read out over a counter.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// ShortCodeLength is how many characters a short code has.
const ShortCodeLength = 4

// ShortCode is the name of an event that a member can read out to the desk: the
// first 20 bits of its id in Crockford's base 32. A million codes are not unique
// for ever, but they are among the taps of a day. An id that is not hex, or is
// too short, has none.
func ShortCode(id string) string {
	const digits = 6 // of hex: 24 bits, of which 20 count
	if len(id) < digits {
		return ""
	}
	front, err := hex.DecodeString(id[:digits])
	if err != nil {
		return ""
	}
	return crockford.EncodeToString(front)[:ShortCodeLength]
}

// Code is the short code of the event.
func (e *Event) Code() string { return ShortCode(e.ID) }

// CodeFront is the front of the ids that have a short code, in hex, or "" where
// the text is no short code. It reads what people write: in any case, O for 0, and
// I or L for 1.
func CodeFront(code string) string {
	code = strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(code)))
	if len(code) != ShortCodeLength {
		return ""
	}
	front, err := crockford.DecodeString(code + "0") // five digits are 25 bits: three bytes and one bit
	if err != nil {
		return ""
	}
	return hex.EncodeToString(front)[:5]
}
