package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"slices"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// weak says whether a key is a point of small order on edwards25519 (given
// without the bit of the sign): under such a key anybody can sign anything. A key
// of zeros, as a template has it, is one of them.
func weak(key string) bool {
	switch key {
	case "0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a":
		return true
	}
	return false
}

// passes checks who signs passes, and where the keys of tags lie.
func (c *checker) passes(pass *passTable, sun *sunTable) {
	names, keys := map[string]string{}, map[string]string{}
	for i, t := range pass.Issuers {
		path := element("pass.issuer", i)
		switch {
		case t.Name == "":
			c.blame(path+".name", `add name = "front-desk"`, "missing")
		case !word.MatchString(t.Name):
			c.blame(path+".name", "use small letters, digits and hyphens, at most 63 of them", "%q cannot be a name", t.Name)
		default:
			c.once(names, t.Name, path+".name", "each issuer needs its own", "another issuer has this name")
		}
		if key := c.publicKey(path+".public_key", t.PublicKey); key != nil {
			c.once(keys, string(key), path+".public_key", "leave one of them away", "another issuer has this key")
			c.options.Issuers = append(c.options.Issuers, Issuer{Name: t.Name, Key: key})
		}
	}
	c.secretFile("sun.meta_key_file", sun.MetaKeyFile)
	c.secretFile("sun.mac_key_file", sun.MACKeyFile)
	if sun.MetaKeyFile != "" && sun.MACKeyFile == "" {
		c.blame("sun.meta_key_file", "add mac_key_file, whose key proves what a tag says", "without mac_key_file no tag can be believed")
	}
	c.options.SUN = SUN{
		MetaKeyFile: c.options.State.SecretPath(sun.MetaKeyFile),
		MACKeyFile:  c.options.State.SecretPath(sun.MACKeyFile),
	}
}

// openers warns of a door that nothing can open at its readers: what they read is
// copied too easily for it, and no key says whose passes or tags count.
func (c *checker) openers() {
	proven := access.AnyAssurance
	if len(c.options.Issuers) > 0 || c.options.SUN.MACKeyFile != "" {
		proven = access.MediumAssured
	}
	for _, door := range c.options.Doors {
		wants := door.Policy.MinimumAssurance
		enough := func(r Reader) bool {
			plan, known := r.Plan.(hw.Assurer)
			return !known || max(plan.Assures(), proven) >= wants
		}
		if len(door.Readers) == 0 || slices.ContainsFunc(door.Readers, enough) {
			continue
		}
		c.warn(`door %s opens for nobody at its reader: minimum_assurance is %s there ("medium" if left away), and what it reads is copied more easily, as the numbers of cards, printed codes and PINs are; if they shall open it, add minimum_assurance = "low"`,
			door.ID, wants)
	}
}

// publicKey reads a key of an issuer, or notes what is wrong with it.
func (c *checker) publicKey(key, text string) ed25519.PublicKey {
	const hint = "it is 32 bytes in base64, 44 characters with one = at the end, as the issuer shows it"
	if text == "" {
		c.blame(key, hint, "missing")
		return nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		c.blame(key, hint, "this is no public key")
		return nil
	}
	unsigned := append([]byte{}, raw...)
	unsigned[len(unsigned)-1] &= 0x7F
	if weak(hex.EncodeToString(unsigned)) {
		c.blame(key, "ask the issuer for its key", "with this key anybody could sign")
		return nil
	}
	return raw
}
