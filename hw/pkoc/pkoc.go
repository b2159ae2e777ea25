// Package pkoc is the card application of PKOC, Public Key Open Credential, over
// NFC: commands as bytes out, answers as bytes in. The card holds a P-256 key of
// its own; its public key is the credential, and it signs what the reader made
// up for this one tap. Neither reader nor gateway holds a secret.
//
// The format is that of PSIA, "PKOC NFC Card Specification" version 1.1. What
// identifies a reader is not signed there: an answer proves the key, not the
// door.
package pkoc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// The sizes of what is exchanged, in bytes.
const (
	TransactionSize = 16 // what the reader makes up, and the card signs
	ReaderSize      = 32 // site and reader, told to the card
	KeySize         = 65 // 04, X, Y: an uncompressed point of P-256
	SignatureSize   = 64 // R, S
	ProofSize       = TransactionSize + SignatureSize
)

// Version is a version of the protocol.
type Version [2]byte

// Version1 is the version that this package speaks.
var Version1 = Version{0x01, 0x00}

// The tags of the application.
const (
	tagReader      = 0x4D
	tagTransaction = 0x4C
	tagVersion     = 0x5C
	tagKey         = 0x5A
	tagSignature   = 0x9E
)

// Why an answer is not taken. Compare with errors.Is.
var (
	// ErrRefused says that the card answered with another status than 9000:
	// to Select, that it has no such application.
	ErrRefused = errors.New("pkoc: the card refused")
	// ErrVersion says that the card speaks no version that is known here.
	ErrVersion = errors.New("pkoc: the card speaks another version")
	// ErrMalformed says that the answer is not one of this application.
	ErrMalformed = errors.New("pkoc: malformed answer")
	// ErrProof says that the signature is not one of the key over the
	// transaction, or that the key is none.
	ErrProof = errors.New("pkoc: the key did not prove itself")
)

// Select is the command that chooses the application (ISO 7816-4 §11.1.1, with
// the application identifier of PKOC).
func Select() []byte {
	return []byte{0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x08, 0x98, 0x00, 0x00, 0x01, 0x00}
}

// ParseSelect says nothing if the answer to Select is that of a card which
// speaks Version1. Otherwise the error is ErrRefused, ErrMalformed or ErrVersion.
func ParseSelect(answer []byte) error {
	body, err := accepted(answer)
	if err != nil {
		return err
	}
	fields, err := split(body)
	if err != nil {
		return err
	}
	offered := fields[tagVersion]
	if len(offered) == 0 || len(offered)%len(Version1) != 0 {
		return fmt.Errorf("%w: %d bytes of versions", ErrMalformed, len(offered))
	}
	for v := range slices.Chunk(offered, len(Version1)) {
		if Version(v) == Version1 {
			return nil
		}
	}
	return ErrVersion
}

// Authenticate is the command that has the card sign. The transaction must come
// from a source that nobody can foretell: else answers can be had beforehand.
func Authenticate(transaction [TransactionSize]byte, reader [ReaderSize]byte) []byte {
	body := append([]byte{tagVersion, byte(len(Version1))}, Version1[:]...)
	body = append(body, tagTransaction, TransactionSize)
	body = append(body, transaction[:]...)
	body = append(body, tagReader, ReaderSize)
	body = append(body, reader[:]...)
	command := append([]byte{0x80, 0x80, 0x00, 0x01, byte(len(body))}, body...)
	return append(command, 0x00)
}

// Answer is what a card said of itself. Nothing of it is proven yet.
type Answer struct {
	Key       [KeySize]byte
	Signature [SignatureSize]byte
}

// ParseAuthenticate takes the answer to Authenticate apart and checks its form,
// not the proof: that is Verify. The error is ErrRefused or ErrMalformed.
func ParseAuthenticate(answer []byte) (Answer, error) {
	body, err := accepted(answer)
	if err != nil {
		return Answer{}, err
	}
	fields, err := split(body)
	if err != nil {
		return Answer{}, err
	}
	key, signature := fields[tagKey], fields[tagSignature]
	if len(key) != KeySize || key[0] != 0x04 {
		return Answer{}, fmt.Errorf("%w: a key of %d bytes, want %d that begin with 04", ErrMalformed, len(key), KeySize)
	}
	if len(signature) != SignatureSize {
		return Answer{}, fmt.Errorf("%w: a signature of %d bytes, want %d", ErrMalformed, len(signature), SignatureSize)
	}
	return Answer{Key: [KeySize]byte(key), Signature: [SignatureSize]byte(signature)}, nil
}

// Value is the credential: the whole public key in lower-case hex.
func (a Answer) Value() string { return hex.EncodeToString(a.Key[:]) }

// Proof is what proves the value: the transaction and its signature.
func (a Answer) Proof(transaction [TransactionSize]byte) []byte {
	return append(slices.Clone(transaction[:]), a.Signature[:]...)
}

// VerifyProof verifies a proof, as Answer.Proof makes it, of a value, as
// Answer.Value writes it. The error is ErrProof.
func VerifyProof(value string, proof []byte) error {
	key, err := hex.DecodeString(value)
	if err != nil || value != hex.EncodeToString(key) {
		return fmt.Errorf("%w: the value is not a key in lower-case hex", ErrProof)
	}
	if len(proof) != ProofSize {
		return fmt.Errorf("%w: a proof of %d bytes, want %d", ErrProof, len(proof), ProofSize)
	}
	return Verify(key, proof[:TransactionSize], proof[TransactionSize:])
}

// Verify verifies a signature, R and S of 32 bytes each, of an uncompressed
// public key over a transaction: ECDSA on P-256 with SHA-256 over the 16 bytes of
// the transaction alone. The error is ErrProof.
func Verify(key, transaction, signature []byte) error {
	if len(transaction) != TransactionSize || len(signature) != SignatureSize {
		return fmt.Errorf("%w: a transaction of %d and a signature of %d bytes", ErrProof, len(transaction), len(signature))
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	if err != nil {
		return fmt.Errorf("%w: the key is no point of P-256", ErrProof)
	}
	digest := sha256.Sum256(transaction)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(public, digest[:], r, s) {
		return ErrProof
	}
	return nil
}

// accepted is the answer without its status, which must be 9000.
func accepted(answer []byte) ([]byte, error) {
	if len(answer) < 2 {
		return nil, fmt.Errorf("%w: %d bytes, without a status", ErrMalformed, len(answer))
	}
	body, status := answer[:len(answer)-2], answer[len(answer)-2:]
	if status[0] != 0x90 || status[1] != 0x00 {
		return nil, fmt.Errorf("%w: status %02X%02X", ErrRefused, status[0], status[1])
	}
	return body, nil
}

// split takes fields apart: a tag of one byte, a length of one byte, the value.
// Unknown tags are passed over; the same tag twice is malformed, because then
// two readers of the same bytes could see different keys.
func split(body []byte) (map[byte][]byte, error) {
	fields := map[byte][]byte{}
	for len(body) > 0 {
		if len(body) < 2 || len(body)-2 < int(body[1]) {
			return nil, fmt.Errorf("%w: a field is cut short", ErrMalformed)
		}
		tag, value := body[0], body[2:2+int(body[1])]
		if _, twice := fields[tag]; twice {
			return nil, fmt.Errorf("%w: field %02X stands there twice", ErrMalformed, tag)
		}
		fields[tag], body = value, body[2+len(value):]
	}
	return fields, nil
}
