package pass

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// Issue signs a pass and returns its text, for a QR code in alphanumeric mode.
// The error says what is wrong with the claims: what no gateway would accept is
// not signed.
func Issue(key ed25519.PrivateKey, c Claims) (string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("issue a pass: a key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	if err := c.check(); err != nil {
		return "", fmt.Errorf("issue a pass: %w", err)
	}
	payload, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return "", fmt.Errorf("issue a pass: %w", err)
	}
	said, err := payload.Marshal(wire{
		Subject: cbor.ByteString(c.Subject), Audience: c.Site, ID: cbor.ByteString(c.ID),
		NotBefore: c.From.Unix(), Expires: c.Until.Unix(), Mode: uint8(c.Mode), MaxUses: c.MaxUses, Doors: c.Doors,
	})
	if err != nil {
		return "", fmt.Errorf("issue a pass: %w", err)
	}
	signer, err := cose.NewSigner(cose.AlgorithmEdDSA, key)
	if err != nil {
		return "", fmt.Errorf("issue a pass: %w", err)
	}
	id := KeyIDOf(key.Public().(ed25519.PublicKey))
	message := cose.UntaggedSign1Message{
		Headers: cose.Headers{Protected: cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA, cose.HeaderLabelKeyID: id[:],
		}},
		Payload: said,
	}
	if err := message.Sign(rand.Reader, nil, signer); err != nil {
		return "", fmt.Errorf("issue a pass: %w", err)
	}
	raw, err := message.MarshalCBOR()
	if err != nil {
		return "", fmt.Errorf("issue a pass: %w", err)
	}
	text := passPrefix + encode45(raw)
	if len(text) > maxText {
		return "", fmt.Errorf("issue a pass: %d characters, want at most %d: name fewer doors", len(text), maxText)
	}
	return text, nil
}
