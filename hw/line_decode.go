package hw

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tilegate/tilegate/daemon/access"
)

// selectOptions say which part of a frame is the credential.
type selectOptions struct {
	Skip   int    `toml:"skip"`   // bytes at the front that are cut off, whatever they are
	Prefix octets `toml:"prefix"` // what must stand in front, and is cut off
	Suffix octets `toml:"suffix"` // what must stand at the end, and is cut off
	// Match must match the rest. Its group data is the credential, its group
	// kind is looked up in Kinds. RE2 syntax.
	Match  string            `toml:"match"`
	Kinds  map[string]string `toml:"kinds"`  // what the reader calls it = how it is decoded
	Ignore string            `toml:"ignore"` // a frame that matches is no credential and no fault

	match, ignore *regexp.Regexp
	data, kind    int // groups of match, -1: none
}

func (o *selectOptions) check() (err error) {
	if o.Skip < 0 || o.Skip >= maxFrame {
		return fmt.Errorf("select: skip %d: how many bytes at the front are cut off", o.Skip)
	}
	o.data, o.kind = -1, -1
	if o.Ignore != "" {
		if o.ignore, err = regexp.Compile(o.Ignore); err != nil {
			return fmt.Errorf("select: ignore: %w", err)
		}
	}
	if o.Match != "" {
		if o.match, err = regexp.Compile(o.Match); err != nil {
			return fmt.Errorf("select: match: %w", err)
		}
		o.data, o.kind = o.match.SubexpIndex("data"), o.match.SubexpIndex("kind")
		if o.data < 0 {
			return errors.New("select: match has no group (?P<data>…)")
		}
	}
	if (o.kind >= 0) != (len(o.Kinds) > 0) {
		return errors.New("select: a group (?P<kind>…) in match and the table kinds go together")
	}
	for name, as := range o.Kinds {
		if !slices.Contains(resultTypes, as) {
			return fmt.Errorf("select: kinds: %q is %q: use one of %q", name, as, resultTypes)
		}
	}
	return nil
}

// pick is the credential in a frame, and how to decode it where the frame says.
func (o *selectOptions) pick(frame []byte) (data []byte, as string, ok bool) {
	if len(frame) < o.Skip {
		return nil, "", false
	}
	data, front := bytes.CutPrefix(frame[o.Skip:], o.Prefix)
	data, back := bytes.CutSuffix(data, o.Suffix)
	if !front || !back {
		return nil, "", false
	}
	if o.match == nil {
		return data, "", true
	}
	groups := o.match.FindSubmatch(data)
	if groups == nil {
		return nil, "", false
	}
	if o.kind >= 0 {
		if as, ok = o.Kinds[string(groups[o.kind])]; !ok {
			return nil, "", false
		}
	}
	return groups[o.data], as, true
}

// resultTypes is what a credential can be decoded as.
var resultTypes = []string{"qr", "uid", "em4100", "wiegand", "keys"}

// decodeOptions say how the credential is written. The steps are taken in the
// order of the fields.
type decodeOptions struct {
	From  string `toml:"from"`  // text (the bytes as they are), hex, decimal, d18
	Width int    `toml:"width"` // decimal: exactly so many digits; 0: any number
	Pad   int    `toml:"pad"`   // zero bytes on the left, up to so many bytes in all

	Reverse  []string `toml:"reverse"`   // bytes, bits (in each byte), nibbles (in each byte)
	DropBits int      `toml:"drop_bits"` // from the low end
	TakeBits int      `toml:"take_bits"` // of what is left, from the low end; 0: all

	As      string `toml:"as"`      // qr, uid, em4100, wiegand, keys (of a keypad: digits, # and *)
	Min     int    `toml:"min"`     // qr: how many bytes it has at least; not given: 4
	Lengths []int  `toml:"lengths"` // uid: how many bytes it may have; none given: 4, 7 or 10
	Format  string `toml:"format"`  // wiegand: one of hw/wiegand, or raw
	Bits    int    `toml:"bits"`    // wiegand: of the format; 26 without a format means h10301, others raw
	Parity  bool   `toml:"parity"`  // wiegand: the parity bits are there
}

func (o *decodeOptions) check() error {
	if o.From == "" {
		o.From = "text"
	}
	if !slices.Contains([]string{"text", "hex", "decimal", "d18"}, o.From) {
		return fmt.Errorf("decode: from %q: use text, hex, decimal or d18", o.From)
	}
	for _, what := range o.Reverse {
		if what != "bytes" && what != "bits" && what != "nibbles" {
			return fmt.Errorf("decode: reverse %q: use bytes, bits or nibbles", what)
		}
	}
	if !slices.Contains(resultTypes, o.As) {
		return fmt.Errorf("decode: as %q: use one of %q", o.As, resultTypes)
	}
	if min(o.Width, o.DropBits, o.TakeBits, o.Pad) < 0 || max(o.Width, o.Pad) > maxDigits {
		return fmt.Errorf("decode: width, drop_bits, take_bits and pad are counts, at most %d", maxDigits)
	}
	if o.Min = cmp.Or(o.Min, shortestCode); o.Min < 1 || o.Min > maxFrame {
		return fmt.Errorf("decode: min %d: use 1 to %d bytes", o.Min, maxFrame)
	}
	if len(o.Lengths) == 0 {
		o.Lengths = []int{4, 7, 10}
	}
	if slices.Min(o.Lengths) < shortestUID || slices.Max(o.Lengths) > longestUID {
		return fmt.Errorf("decode: lengths %v: a uid has %d to %d bytes", o.Lengths, shortestUID, longestUID)
	}
	if o.As == "wiegand" || o.Format != "" {
		return o.checkWiegand()
	}
	return nil
}

const (
	maxDigits    = 64
	shortestCode = 4 // bytes of a qr, if the settings do not say
	shortestUID  = 3 // bytes; with fewer, a few cards would be everybody's
	longestUID   = 32
)

// errNotAsTold is why a frame cannot be decoded. It carries no part of the
// frame: that may be a card's value.
var errNotAsTold = errors.New("not as the settings say")

// credential is what data means; as overrides the configured type if not "".
func (o *decodeOptions) credential(data []byte, as string) (access.Kind, Value, error) {
	raw, err := data, error(nil)
	if as != "qr" && as != "keys" { // what the frame says to be a code or keys is as it is
		raw, err = o.bytes(data)
	}
	if err != nil {
		return access.NoKind, "", err
	}
	as = cmp.Or(as, o.As)
	switch as {
	case "qr":
		if len(raw) < o.Min || !utf8.Valid(raw) || bytes.ContainsFunc(raw, isControl) {
			return access.NoKind, "", errNotAsTold
		}
		return access.QR, Value(raw), nil
	case "uid":
		if !slices.Contains(o.Lengths, len(raw)) {
			return access.NoKind, "", errNotAsTold
		}
		return access.Card, Value(hex.EncodeToString(raw)), nil
	case "em4100":
		if len(raw) != 5 {
			return access.NoKind, "", errNotAsTold
		}
		return access.Card, Value(hex.EncodeToString(raw)), nil
	case "keys":
		if len(raw) == 0 || len(bytes.Trim(raw, "0123456789#*")) > 0 {
			return access.NoKind, "", errNotAsTold
		}
		return access.PIN, Value(raw), nil
	default:
		value, err := o.wiegand(raw)
		return access.Wiegand, value, err
	}
}

// isControl lets GS pass, which separates the fields of GS1 codes.
func isControl(r rune) bool { return r != 0x1D && (r < ' ' || r >= 0x7F && r < 0xA0) }

func (o *decodeOptions) bytes(data []byte) ([]byte, error) {
	raw := slices.Clone(data)
	switch o.From {
	case "hex":
		n, err := hex.Decode(raw, data)
		if err != nil || n == 0 {
			return nil, errNotAsTold
		}
		raw = raw[:n]
	case "decimal":
		if len(data) == 0 || len(data) > maxDigits || o.Width > 0 && len(data) != o.Width ||
			bytes.ContainsFunc(data, func(r rune) bool { return r < '0' || r > '9' }) {
			return nil, errNotAsTold
		}
		number, _ := new(big.Int).SetString(string(data), 10)
		raw = number.Bytes()
	case "d18":
		var ok bool
		if raw, ok = fromD18(data); !ok {
			return nil, errNotAsTold
		}
	}
	if missing := o.Pad - len(raw); missing > 0 {
		raw = append(make([]byte, missing), raw...)
	}
	for _, what := range o.Reverse {
		reverse(raw, what)
	}
	if o.DropBits > 0 || o.TakeBits > 0 {
		raw = cutBits(raw, o.DropBits, o.TakeBits)
	}
	return raw, nil
}

// fromD18 is the seven bytes that 18 digits stand for: three of the first byte,
// five of the next two, ten of the last four (iDTRONIC BLUEBOX, content data
// encoding 04).
func fromD18(data []byte) (raw []byte, ok bool) {
	if len(data) != 18 {
		return nil, false
	}
	for _, group := range []struct{ from, to, bytes int }{{0, 3, 1}, {3, 8, 2}, {8, 18, 4}} {
		number, err := strconv.ParseUint(string(data[group.from:group.to]), 10, 8*group.bytes)
		if err != nil {
			return nil, false
		}
		raw = append(raw, binary.BigEndian.AppendUint64(nil, number)[8-group.bytes:]...)
	}
	return raw, true
}

func reverse(raw []byte, what string) {
	switch what {
	case "bytes":
		slices.Reverse(raw)
	case "bits":
		for i, b := range raw {
			raw[i] = bits.Reverse8(b)
		}
	case "nibbles":
		for i, b := range raw {
			raw[i] = b<<4 | b>>4
		}
	}
}

// cutBits is the number in raw without its low drop bits, and of that the low
// take bits, in as many bytes as these need.
func cutBits(raw []byte, drop, take int) []byte {
	number := new(big.Int).SetBytes(raw)
	number.Rsh(number, uint(drop))
	left := max(len(raw)*8-drop, 0)
	if take > 0 {
		left = min(left, take)
	}
	mask := new(big.Int).Lsh(big.NewInt(1), uint(left))
	number.And(number, mask.Sub(mask, big.NewInt(1)))
	return number.FillBytes(make([]byte, (left+7)/8))
}
