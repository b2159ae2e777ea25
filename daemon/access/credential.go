package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Kind is the kind of thing that was offered.
type Kind uint8

// The kinds of credential.
const (
	NoKind   Kind = iota
	Card          // the UID of a contactless card, in air order
	Wiegand       // facility code and number, with the number of bits
	QR            // the text of an optical code
	Pass          // our own signed pass
	SUN           // an NTAG 424 message with its counter
	PKOC          // a public key that proved itself
	PIN           // digits
	Login         // a member signed in on a page
	Operator      // staff, by name

	kindCount
)

var kindNames = [kindCount]string{"none", "card", "wiegand", "qr", "pass", "sun", "pkoc", "pin", "login", "operator"}

// String is the label of the kind.
func (k Kind) String() string {
	if k >= kindCount {
		return "unknown_kind"
	}
	return kindNames[k]
}

// MarshalText writes the label.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a label.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("credential kind %q: not one of the known kinds", text)
}

// Assurance says how hard a credential is to copy.
type Assurance uint8

// The classes of assurance, weakest first.
const (
	AnyAssurance  Assurance = iota
	LowAssured              // a UID or a static code: a copy is a photo away
	MediumAssured           // stops copies, not harvest-and-use
	HighAssured             // proves possession of a secret at this very tap
	assuranceClasses
)

var assuranceNames = [assuranceClasses]string{"any", "low", "medium", "high"}

// String is the label of the class.
func (a Assurance) String() string {
	if a >= assuranceClasses {
		return "unknown_assurance"
	}
	return assuranceNames[a]
}

// MarshalText writes the label.
func (a Assurance) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a label.
func (a *Assurance) UnmarshalText(text []byte) error {
	for i, name := range assuranceNames {
		if name == string(text) {
			*a = Assurance(i)
			return nil
		}
	}
	return fmt.Errorf("assurance %q: use any, low, medium or high", text)
}

// DefaultAssurance is the class of a kind when the reader proved nothing more.
func (k Kind) DefaultAssurance() Assurance {
	switch k {
	case Pass, SUN, Login:
		return MediumAssured
	case PKOC, Operator:
		return HighAssured
	case NoKind:
		return AnyAssurance
	default:
		return LowAssured
	}
}

// Digest stands for a card value everywhere but in the reader: the first 16
// bytes of HMAC-SHA-256 under the gateway's own key. It is safe to print and to
// store, and useless on another gateway.
type Digest [16]byte

// String is the digest in hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads hex.
func (d *Digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return fmt.Errorf("digest: %d characters, want %d of hex", len(text), hex.EncodedLen(len(d)))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// Credential is one offered credential: comparable, and safe to print.
type Credential struct {
	Kind      Kind      `json:"kind"`
	Digest    Digest    `json:"digest"`
	Assurance Assurance `json:"assurance"`
}

// String is the kind and the first characters of the digest, for people.
func (c Credential) String() string { return c.Kind.String() + ":" + c.Digest.String()[:8] }

// DigestKey turns card values into digests. It is a secret of the gateway.
type DigestKey struct{ key [32]byte }

// NewDigestKey takes a key of 32 bytes.
func NewDigestKey(key []byte) (DigestKey, error) {
	var d DigestKey
	if len(key) != len(d.key) {
		return d, fmt.Errorf("digest key: %d bytes, want %d", len(key), len(d.key))
	}
	copy(d.key[:], key)
	return d, nil
}

// String never shows the key.
func (DigestKey) String() string { return "[digest key]" }

// GoString never shows the key.
func (DigestKey) GoString() string { return "[digest key]" }

// Format never shows the key, whatever the verb.
func (DigestKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[digest key]")) }

// Digest is the digest of a normalised value of the given kind. The kind is
// part of what is hashed, so equal texts of two kinds never meet.
func (d DigestKey) Digest(kind Kind, value []byte) Digest {
	mac := hmac.New(sha256.New, d.key[:])
	mac.Write([]byte{byte(kind)})
	mac.Write(value)
	var out Digest
	copy(out[:], mac.Sum(nil))
	return out
}

// Credential is the credential for a normalised value, with the assurance
// usual for its kind.
func (d DigestKey) Credential(kind Kind, value []byte) Credential {
	return Credential{Kind: kind, Digest: d.Digest(kind, value), Assurance: kind.DefaultAssurance()}
}
