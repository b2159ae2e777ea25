package daemon

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tilegate/tilegate/cloud/secret"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/pass"
	"github.com/tilegate/tilegate/hw"
)

// offers makes decidable taps of what readers see. All doors share one. The card
// value ends here.
type offers struct {
	verifier atomic.Pointer[pass.Verifier] // replaced by a reload
	digest   access.DigestKey
	replays  *replays
}

// scene is where and when something was offered.
type scene struct {
	moment
	door, reader string
	anyClock     bool // the door refuses nobody for the clock, as somebody's home
}

// offered is what came from a tile, for the door to decide. Of digits only their
// digest and their number are here.
type offered struct {
	tap access.Tap
	// uses is what the proof of a pass or a tag uses up: write the decision with
	// it. Nil: nothing.
	uses *reservation
	// detail is for the event: who signed, or what is odd. It may be empty.
	detail string
	digits int // how many, where the credential is a PIN
}

// tap makes a tap of a read. What is wrong with a proof, or was used before, is
// its Fault; then whose it was is told all the same, as far as it is known.
func (o *offers) tap(read hw.Read, at scene) offered {
	made, claim := o.judge(read, at)
	if claim.Present() {
		made.uses, made.tap.Fault = o.replays.reserve(claim, at.sweep)
		if made.uses != nil && made.uses.jump > strangeJump {
			made.detail = fmt.Sprintf("the tag's counter rose by %d", made.uses.jump)
		}
	}
	return made
}

// ask is tap for a question: nothing is used up by it.
func (o *offers) ask(read hw.Read, at scene) access.Tap {
	made, claim := o.judge(read, at)
	if claim.Present() && o.replays.spent(claim) {
		made.tap.Fault = access.Replayed
	}
	return made.tap
}

// judge verifies what was read, and says what its proof would use up.
func (o *offers) judge(read hw.Read, at scene) (made offered, claim access.Claim) {
	made.tap = access.Tap{Door: at.door, Reader: at.reader, Presence: access.AtReader, At: at.at, Fault: read.Fault}
	switch {
	case read.Fault != access.Granted:
		return made, claim
	case read.Value == "":
		made.tap.Fault = access.NoCredential
		return made, claim
	}
	result := o.verifier.Load().Verify(pass.Offer{
		Kind: read.Kind, Value: string(read.Value), Proof: read.Proof,
		Door: at.door, At: at.at, Clock: at.clock, AnyClock: at.anyClock,
	})
	made.tap.Credential = o.credential(result, read.Assurance)
	made.tap.Fault = result.Fault
	if result.Kind == access.PIN {
		made.digits = len(result.Value)
	}
	if result.Issuer != "" {
		made.detail = "signed by " + result.Issuer
	}
	if result.Fault == access.Granted {
		claim = result.Claim
	}
	return made, claim
}

// credential is what stands for a value from here on. What the settings of a
// reader say of its assurance counts only for the number of a card: the reader may
// have proved that by keys of its own. A text on a photo and digits it cannot prove.
func (o *offers) credential(r pass.Result, set access.Assurance) access.Credential {
	if r.Value == "" {
		return access.Credential{Kind: r.Kind}
	}
	c := o.digest.Credential(r.Kind, []byte(r.Value))
	if r.Kind == access.SUN { // its message proves the number of a card, and the card is whose it is
		c.Digest = o.digest.Digest(access.Card, []byte(r.Value))
	}
	c.Assurance = r.Assurance
	if set != access.AnyAssurance && (r.Kind == access.Card || r.Kind == access.Wiegand) {
		c.Assurance = set
	}
	return c
}

// newVerifier reads the keys that the settings name. With an error, which is for
// people, comes a verifier that knows all the others: a tag without its key is
// only a text that nobody has.
func newVerifier(o *config.Options) (*pass.Verifier, error) {
	known := pass.Settings{Site: o.Site.ID}
	for _, i := range o.Issuers {
		known.Issuers = append(known.Issuers, pass.Issuer{Name: i.Name, Key: i.Key})
	}
	meta, wrong := tagKey(o.SUN.MetaKeyFile)
	mac, also := tagKey(o.SUN.MACKeyFile)
	if err := errors.Join(wrong, also); err != nil {
		v, other := pass.New(known)
		return v, errors.Join(err, other)
	}
	known.SUNMeta, known.SUNMAC = meta, mac
	return pass.New(known)
}

// tagKey reads a key of tags; no file is no key.
func tagKey(path string) (pass.Secret, error) {
	if path == "" {
		return nil, nil
	}
	text, err := secret.Read(path)
	if err != nil {
		return nil, fmt.Errorf("keys of tags: %w", err)
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != 16 {
		return nil, fmt.Errorf("keys of tags: %s holds no key of 16 bytes in hex, 32 characters; write it there anew", path)
	}
	return key, nil
}
