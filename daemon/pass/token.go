package pass

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/veraison/go-cose"

	"github.com/tilegate/tilegate/daemon/access"
)

// passPrefix begins every pass; another format will begin otherwise.
const passPrefix = "TG1:"

// KeyID names a public key in the header of a pass: the first 8 bytes of its
// SHA-256. Two keys may share one; then both are tried.
type KeyID [8]byte

// KeyIDOf is the name of a key.
func KeyIDOf(key ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(key)
	return KeyID(sum[:8])
}

// issuer is an Issuer made ready. The algorithm is its key's, never the token's.
type issuer struct {
	Issuer
	id       KeyID
	verifier cose.Verifier
}

func newIssuer(known Issuer) (issuer, error) {
	if len(known.Key) != ed25519.PublicKeySize {
		return issuer{}, fmt.Errorf("a key of %d bytes, want %d", len(known.Key), ed25519.PublicKeySize)
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, known.Key)
	if err != nil {
		return issuer{}, err
	}
	return issuer{Issuer: known, id: KeyIDOf(known.Key), verifier: verifier}, nil
}

// verifyPass verifies a TG1 pass: text, envelope, signature, form, then what it
// says. Nothing of its claims is looked at before the signature was right.
func (v *Verifier) verifyPass(o Offer) Result {
	by, claims, err := v.open(o.Value)
	if err != nil || claims.Site != v.site {
		return refused(access.Pass)
	}
	r := Result{
		Kind: access.Pass, Value: hex.EncodeToString(claims.Subject), Assurance: claims.Mode.assurance(), Issuer: by.Name,
		Claim: access.Claim{Key: by.claimKey(claims, o.Door), Uses: claims.uses(), Expires: claims.Until},
	}
	if claims.Doors != nil && !slices.Contains(claims.Doors, o.Door) {
		r.Fault = access.InvalidPass
	} else {
		r.Fault = claims.when(o)
	}
	if r.Fault != access.Granted {
		r.Claim = access.Claim{}
	}
	return r
}

// open takes a pass apart and says who signed it. The error is for tests; whoever
// shows a pass is told nothing of it.
func (v *Verifier) open(text string) (*issuer, Claims, error) {
	if len(text) > maxText || len(text) <= len(passPrefix) || text[:len(passPrefix)] != passPrefix {
		return nil, Claims{}, errors.New("not a pass")
	}
	raw, err := decode45(text[len(passPrefix):])
	if err != nil {
		return nil, Claims{}, err
	}
	message, err := v.envelope(raw)
	if err != nil {
		return nil, Claims{}, err
	}
	by, err := v.signer(message)
	if err != nil {
		return nil, Claims{}, err
	}
	claims, err := readClaims(v.strict, message.Payload)
	return by, claims, err
}

// envelope reads an untagged COSE_Sign1 (RFC 9052 §4.2) whose header parameters
// are all signed. go-cose is strict; what it would let through is refused here
// first.
func (v *Verifier) envelope(raw []byte) (*cose.UntaggedSign1Message, error) {
	if err := v.strict.Wellformed(raw); err != nil {
		return nil, err
	}
	var message cose.UntaggedSign1Message
	if err := message.UnmarshalCBOR(raw); err != nil {
		return nil, err
	}
	var header []byte
	if err := v.strict.Unmarshal(message.Headers.RawProtected, &header); err != nil {
		return nil, err
	}
	if err := v.strict.Wellformed(header); err != nil {
		return nil, err
	}
	if len(message.Headers.Unprotected) > 0 {
		return nil, errors.New("a header that is not signed")
	}
	return &message, understood(message.Headers.Protected)
}

// understood says whether we know every header parameter that must be
// understood (RFC 9052 §3.1, crit).
func understood(header cose.ProtectedHeader) error {
	labels, err := header.Critical()
	if err != nil {
		return err
	}
	for _, label := range labels {
		if label != cose.HeaderLabelAlgorithm && label != cose.HeaderLabelKeyID {
			return fmt.Errorf("unknown critical header %v", label)
		}
	}
	return nil
}

// signer is the issuer whose signature it is.
func (v *Verifier) signer(message *cose.UntaggedSign1Message) (*issuer, error) {
	id, ok := message.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	if !ok || len(id) != len(KeyID{}) {
		return nil, errors.New("no key id of 8 bytes")
	}
	for i := range v.issuers {
		if by := &v.issuers[i]; by.id == KeyID(id) && message.Verify(nil, by.verifier) == nil {
			return by, nil
		}
	}
	return nil, errors.New("signed by nobody we know")
}

// claimKey is what stands for the uses of a pass: its issuer and id, so that no
// issuer can use up another's, and of a live pass the door too.
func (i *issuer) claimKey(c Claims, door string) access.Digest {
	h := sha256.New()
	h.Write([]byte("tilegate pass\x00"))
	h.Write(i.Key)
	h.Write([]byte{byte(len(c.ID))})
	h.Write(c.ID)
	if c.Mode == Live {
		h.Write([]byte(door))
	}
	return access.Digest(h.Sum(nil)[:16])
}
