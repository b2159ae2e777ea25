package osdp

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is how long a key is: AES-128.
const KeySize = 16

// Key is the secret key of one reader (SCBK). It never shows itself: it prints
// as a word, whatever the verb, also inside other values. The zero value is no
// key.
type Key struct{ hidden **[KeySize]byte }

// Inside unexported fields fmt does not ask a value how to print itself, and for
// a verb that does not fit it follows one pointer. It never follows two.

func hideKey(raw [KeySize]byte) Key {
	p := &raw
	return Key{&p}
}

func (k Key) secret() *[KeySize]byte { return *k.hidden }

var errWeakKey = errors.New("the key can be guessed or is published: it must be sixteen random bytes")

// MakeKey takes sixteen bytes as a key. It refuses the default key, keys with a
// pattern, and keys that were published: they are in every list.
func MakeKey(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(raw))
	}
	if weak(raw) {
		return Key{}, errWeakKey
	}
	return hideKey([KeySize]byte(raw)), nil
}

// NewKey draws a key from a source of random bytes.
func NewKey(random io.Reader) (Key, error) {
	var raw [KeySize]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return Key{}, fmt.Errorf("drawing a key: %w", err)
	}
	return MakeKey(raw[:])
}

// defaultKey is SCBK-D, which every reader knows before it was given its own
// (SIA OSDP 2.2, annex D): 30 31 … 3F. MakeKey refuses it.
func defaultKey() Key {
	var raw [KeySize]byte
	for i := range raw {
		raw[i] = byte(0x30 + i)
	}
	return hideKey(raw)
}

// publishedKeys are the keys of examples that people have copied, in hex.
const publishedKeys = "" +
	"C18A12507EF271FED4820ED75128EF4E " + // "default OSDP v2 keys" in the wiki of liblogicalaccess
	"D459F02F6602E5651F3B553BC283D43E " + // sent in the public capture of libosdp-conformance
	"2B7E151628AED2A6ABF7158809CF4F3C " + // the example of FIPS 197, annex A
	"0123456789ABCDEFFEDCBA9876543210" // of many a data sheet

// weak says whether a key is in lists of keys to try: its bytes go on by the same
// step, as those of the default key and of all that Bishop Fox's mellon tries do;
// or its second half is its first; or it was published.
func weak(raw []byte) bool {
	even := true
	for i := 2; i < len(raw); i++ {
		even = even && raw[i]-raw[i-1] == raw[1]-raw[0]
	}
	return even || bytes.Equal(raw[:KeySize/2], raw[KeySize/2:]) || strings.Contains(publishedKeys, fmt.Sprintf("%X", raw))
}

// IsZero says whether there is no key.
func (k Key) IsZero() bool { return k.hidden == nil }

// Bytes is a copy of the key, for whoever keeps it; nil if there is none.
func (k Key) Bytes() []byte {
	if k.hidden == nil {
		return nil
	}
	return append([]byte(nil), k.secret()[:]...)
}

// Equal compares two keys in constant time. No key equals none.
func (k Key) Equal(other Key) bool {
	if k.hidden == nil || other.hidden == nil {
		return k.hidden == other.hidden
	}
	return subtle.ConstantTimeCompare(k.secret()[:], other.secret()[:]) == 1
}

// String hides the key.
func (Key) String() string { return "[key]" }

// Format hides the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText refuses: who keeps keys writes them by intent.
func (Key) MarshalText() ([]byte, error) { return nil, errors.New("a key is not written by accident") }

// Secret is what a person presented: the bits of a card, the digits of a PIN. It
// never shows itself, as Key does not.
type Secret struct{ hidden **[]byte }

func newSecret(b []byte) Secret {
	b = append([]byte(nil), b...)
	p := &b
	return Secret{&p}
}

// Bytes is what is hidden. The caller does not change it.
func (s Secret) Bytes() []byte {
	if s.hidden == nil {
		return nil
	}
	return **s.hidden
}

// String hides the secret.
func (Secret) String() string { return "[hidden]" }

// Format hides the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[hidden]") }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("[hidden]"), nil }
