package pass

import (
	"crypto/cipher"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/tilegate/tilegate/daemon/access"
)

// maxText is how long a pass or a tag's address may be, before anything of it is
// decoded. The longest pass that Issue makes for one door is half of it.
const maxText = 512

// Issuer is somebody whose signature is believed.
type Issuer struct {
	Name string // for people
	Key  ed25519.PublicKey
}

// Secret is a key that never shows itself.
type Secret []byte

// Format hides the key, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[key]")) }

// Settings is what a Verifier believes.
type Settings struct {
	Site    string // the audience of every pass: the id of the site
	Issuers []Issuer
	// SUNMeta decrypts who a tag is and how often it was read
	// (K_SDMMetaRead); without it only tags are known that say so in clear.
	SUNMeta Secret
	// SUNMAC proves what a tag says (K_SDMFileRead); without it no tag is known.
	SUNMAC Secret
}

// Offer is what was shown at a door.
type Offer struct {
	Kind  access.Kind
	Value string
	Proof []byte // of PKOC: the challenge (16 bytes), then the signature R and S (64)
	Door  string
	At    time.Time
	Clock access.ClockState
	// AnyClock: this door refuses nobody because the gateway does not know the
	// time, as somebody's home.
	AnyClock bool
}

// Result is what came of an offer. With a Fault other than Granted nothing may
// open; what is known by then is told all the same.
type Result struct {
	Kind access.Kind
	// Value is what a credential is made of: the subject of a pass, the UID of a
	// tag or the public key, in lower-case hex; of all else what was offered.
	Value     string
	Assurance access.Assurance
	Fault     access.Reason
	Claim     access.Claim // what the tap uses up, if it does
	Issuer    string       // who signed, by the name in the settings
}

// Verifier verifies offers. It is immutable: any goroutine may ask.
type Verifier struct {
	site    string
	issuers []issuer
	strict  cbor.DecMode
	meta    cipher.Block // nil: no tag with encrypted data is known
	mac     *cmac        // nil: no tag is known
}

// New makes a Verifier. The error says which key has no right length.
func New(s Settings) (*Verifier, error) {
	strict, err := strictMode()
	if err != nil {
		return nil, fmt.Errorf("pass: %w", err)
	}
	v := &Verifier{site: s.Site, strict: strict}
	for _, known := range s.Issuers {
		one, err := newIssuer(known)
		if err != nil {
			return nil, fmt.Errorf("issuer %s: %w", known.Name, err)
		}
		v.issuers = append(v.issuers, one)
	}
	if len(s.SUNMeta) > 0 && len(s.SUNMAC) == 0 {
		return nil, errors.New("tags: a key that decrypts proves nothing without the one that authenticates")
	}
	if len(s.SUNMAC) > 0 {
		if v.mac, err = newCMAC(s.SUNMAC); err != nil {
			return nil, fmt.Errorf("tags: the key that authenticates: %w", err)
		}
	}
	if len(s.SUNMeta) > 0 {
		if v.meta, err = newAES(s.SUNMeta); err != nil {
			return nil, fmt.Errorf("tags: the key that decrypts: %w", err)
		}
	}
	return v, nil
}

// Verify tells what an offer is worth. The text of an optical code or of a tag
// says by its form what it is: a pass begins with TG1:, a tag sends an address
// with its message in it, and all else stays the plain text that it was.
func (v *Verifier) Verify(o Offer) Result {
	switch o.Kind {
	case access.QR:
		if strings.HasPrefix(o.Value, passPrefix) {
			return v.verifyPass(o)
		}
		if message, ok := v.parseSUN(o.Value); ok {
			return v.verifySUN(message)
		}
		return plain(o)
	case access.Card, access.Wiegand, access.PIN:
		return plain(o)
	case access.Pass:
		return v.verifyPass(o)
	case access.SUN:
		if message, ok := v.parseSUN(o.Value); ok {
			return v.verifySUN(message)
		}
		return refused(access.SUN)
	case access.PKOC:
		return verifyPKOC(o)
	default: // nobody signs in at a tile
		return refused(o.Kind)
	}
}

// plain is an offer that proves nothing but itself.
func plain(o Offer) Result {
	return Result{Kind: o.Kind, Value: o.Value, Assurance: o.Kind.DefaultAssurance()}
}

// refused says that an offer is not what it wants to be, and no more: whoever
// makes such things learns nothing from us.
func refused(kind access.Kind) Result {
	return Result{Kind: kind, Fault: access.InvalidPass}
}
