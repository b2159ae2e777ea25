package osdp

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
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

var errWeakKey = errors.New("the key can be guessed: it must be sixteen random bytes, and not the default key of OSDP")

// MakeKey takes sixteen bytes as a key. It refuses the default key, and keys
// whose bytes are all equal or count up or down: they are in every list.
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
// (SIA OSDP 2.2, annex D): 30 31 … 3F. It counts, so weak refuses it.
func defaultKey() Key {
	var raw [KeySize]byte
	for i := range raw {
		raw[i] = byte(0x30 + i)
	}
	return hideKey(raw)
}

// weak says whether each byte differs from the one before by the same step of
// -1, 0 or 1.
func weak(raw []byte) bool {
	step := raw[1] - raw[0]
	if step != 0 && step != 1 && step != 0xFF {
		return false
	}
	for i := 1; i < len(raw); i++ {
		if raw[i]-raw[i-1] != step {
			return false
		}
	}
	return true
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
