package pass

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// noon is when the pass of the golden vector begins.
var noon = time.Unix(1772625600, 0).UTC()

// testKey is a key whose seed counts up from a byte: nobody's secret.
func testKey(first byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = first + byte(i)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func public(key ed25519.PrivateKey) ed25519.PublicKey {
	return key.Public().(ed25519.PublicKey)
}

// The two keys of the tags in NXP AN12196.
var zeroKey = Secret(make([]byte, 16))

func newVerifier(t testing.TB) *Verifier {
	t.Helper()
	v, err := New(Settings{
		Site:    "trastevere",
		Issuers: []Issuer{{"desk", public(testKey(0))}, {"cloud", public(testKey(100))}},
		SUNMeta: zeroKey, SUNMAC: zeroKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return raw
}

// bstr is a CBOR byte string, written here once more and not by a library, so
// that forged passes do not depend on what an encoder is willing to write.
func bstr(b []byte) []byte {
	if len(b) < 24 {
		return append([]byte{0x40 | byte(len(b))}, b...)
	}
	if len(b) < 256 {
		return append([]byte{0x58, byte(len(b))}, b...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x59}, uint16(len(b))), b...)
}

// forgery is a pass put together by hand and signed all the same.
type forgery struct {
	key         ed25519.PrivateKey
	protected   string // hex; kid stands for 48 and the key id
	unprotected string // hex
	payload     string // hex
	before      string // hex in place of the head of the array
	after       string // hex behind the end
	signature   []byte // in place of the right one
}

const goodHeader = "a2 01 27 04 kid" // {1: -8, 4: kid}

// goodClaims is {2: h'0102030405060708', 3: "trastevere", 4: 13:00, 5: noon,
// 7: h'a1a2a3a4a5a6a7a8', -65537: 1}.
const goodClaims = "a6 02 48 0102030405060708 03 6a 74726173746576657265 04 1a69a82cd0 05 1a69a81ec0 07 48 a1a2a3a4a5a6a7a8 3a00010000 01"

// instead is goodClaims with one thing changed.
func instead(t testing.TB, old, now string) string {
	t.Helper()
	if strings.Count(goodClaims, old) != 1 {
		t.Fatalf("%q is not once in the claims", old)
	}
	return strings.Replace(goodClaims, old, now, 1)
}

// text is the pass as a scanner sends it.
func (f forgery) text(t testing.TB) string {
	t.Helper()
	if f.key == nil {
		f.key = testKey(0)
	}
	id := KeyIDOf(public(f.key))
	header := unhex(t, strings.ReplaceAll(or(f.protected, goodHeader), "kid", "48"+hex.EncodeToString(id[:])))
	payload := unhex(t, or(f.payload, goodClaims))
	// Sig_structure, RFC 9052 §4.4: ["Signature1", protected, h'', payload].
	signed := append([]byte("\x84\x6aSignature1"), bstr(header)...)
	signed = append(append(signed, 0x40), bstr(payload)...)
	signature := f.signature
	if signature == nil {
		signature = ed25519.Sign(f.key, signed)
	}
	raw := append(unhex(t, or(f.before, "84")), bstr(header)...)
	raw = append(raw, unhex(t, or(f.unprotected, "a0"))...)
	raw = append(append(raw, bstr(payload)...), bstr(signature)...)
	return passPrefix + encode45(append(raw, unhex(t, f.after)...))
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// shown is a pass at the front door, half an hour after noon.
func shown(text string) Offer {
	return Offer{Kind: access.QR, Value: text, Door: "front", At: noon.Add(30 * time.Minute)}
}

// good are claims that nothing is wrong with.
func good() Claims {
	return Claims{
		Site: "trastevere", Subject: []byte{1, 2, 3, 4, 5, 6, 7, 8}, ID: []byte{0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8},
		From: noon, Until: noon.Add(time.Hour), Mode: Single,
	}
}

func issue(t testing.TB, change func(*Claims)) string {
	t.Helper()
	c := good()
	if change != nil {
		change(&c)
	}
	text, err := Issue(testKey(0), c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
