package hwtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
)

// PKOCHabit is how a PKOC credential answers.
type PKOCHabit uint8

// The habits.
const (
	PKOCHonest    PKOCHabit = iota
	PKOCWrongSign           // with the signature of another key
	PKOCReplays             // with its first answer again, whatever is asked
	PKOCRefuses             // with 6A 80 to the authentication
)

// PKOC is a card or a phone of PSIA's "Public Key Open Credential", NFC card
// specification 1.1: it presents its P-256 public key and signs the reader's
// transaction identifier.
type PKOC struct {
	*depTag
	key      *ecdsa.PrivateKey
	habit    PKOCHabit
	selected bool
	first    []byte
	asked    [][]byte
}

var pkocApplication = mustHex("A000000898000001")

// NewPKOCCard makes a card with a UID of seven bytes, in hex; without a key it
// draws one.
func NewPKOCCard(uid string, key *ecdsa.PrivateKey) *PKOC { return newPKOC(newCard(uid, nil), key) }

// NewPKOCPhone makes a phone, with a UID drawn anew each time; without a key it
// draws one.
func NewPKOCPhone(key *ecdsa.PrivateKey) *PKOC { return newPKOC(NewPhone().(*depTag), key) }

func newPKOC(tag *depTag, key *ecdsa.PrivateKey) *PKOC {
	if key == nil {
		key = newP256()
	}
	p := &PKOC{depTag: tag, key: key}
	tag.apdu = p.answer
	tag.begin = func() { p.selected = false }
	return p
}

func newP256() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("hwtest: %v", err))
	}
	return key
}

// PublicKey is the credential: 04, X and Y.
func (p *PKOC) PublicKey() []byte {
	raw, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(fmt.Sprintf("hwtest: %v", err))
	}
	return raw
}

// SetHabit sets how it answers from now on.
func (p *PKOC) SetHabit(habit PKOCHabit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.habit = habit
}

// Transactions are the identifiers that readers had signed, or tried to.
func (p *PKOC) Transactions() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *PKOC) answer(command []byte) []byte {
	name, byName := selectsByName(command)
	switch {
	case byName:
		if p.selected = bytes.Equal(name, pkocApplication); p.selected {
			return mustHex("5C 02 0100 9000")
		}
		return swNoFile
	case command[0] == 0x80 && command[1] == 0x80 && p.selected:
		return p.authenticate(command)
	default:
		return knowsNothing(command)
	}
}

// authenticate is AUTHENTICATION: version, transaction identifier and reader
// identifier in; public key and signature out.
func (p *PKOC) authenticate(command []byte) []byte {
	if len(command) < 5 || len(command) < 5+int(command[4]) || command[2] != 0x00 || command[3] != 0x01 {
		return swLength
	}
	fields := map[byte][]byte{}
	for rest := command[5 : 5+int(command[4])]; len(rest) > 0; {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			return mustHex("6A80")
		}
		fields[rest[0]] = rest[2 : 2+int(rest[1])]
		rest = rest[2+int(rest[1]):]
	}
	transaction := fields[0x4C]
	if !bytes.Equal(fields[0x5C], []byte{0x01, 0x00}) || len(transaction) != 16 || len(fields[0x4D]) != 32 || p.habit == PKOCRefuses {
		return mustHex("6A80")
	}
	p.asked = append(p.asked, bytes.Clone(transaction))
	if p.habit == PKOCReplays && p.first != nil {
		return p.first
	}
	key := p.key
	if p.habit == PKOCWrongSign {
		key = newP256()
	}
	answer := slices.Concat([]byte{0x5A, 0x41}, p.PublicKey(), []byte{0x9E, 0x40}, pkocSign(key, transaction), swOK)
	if p.first == nil {
		p.first = answer
	}
	return answer
}

// pkocSign is ECDSA over the SHA-256 of the transaction identifier alone: R and
// S, 32 bytes each.
func pkocSign(key *ecdsa.PrivateKey, transaction []byte) []byte {
	digest := sha256.Sum256(transaction)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		panic(fmt.Sprintf("hwtest: %v", err))
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out
}
