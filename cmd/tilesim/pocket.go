package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tilegate/tilegate/daemon/pass"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// What can be held to a tile beside numbers and codes.
const (
	thingPass     = "pass"      // at the front: a new pass for one entry, as a QR code
	thingUsedPass = "used-pass" // the same code as the last time
	thingPKOC     = "pkoc"      // at the workshop: Gus's card, which proves its key
	thingTag      = "tag"       // Hana's NTAG 424
	thingReplay   = "replay"    // another tag, with the last message of Hana's
	thingCopy     = "copy"      // another card, with the number of Hana's
	uidTag        = "04424D4E4F5081"
	uidPKOC       = "04504B4F430180"
	uidReplay     = "04666B65650180"
)

// pocket is what people carry that is more than a number. It is made up anew for
// each building, keys and all.
type pocket struct {
	issuer    ed25519.PrivateKey // who signs passes
	visitor   []byte             // the subject of the passes
	meta, mac []byte             // keys of the tag
	pkoc      *hwtest.PKOC
	tag       *hwtest.NTAG424

	mu   sync.Mutex // guards last
	last string     // the pass that was signed last
}

func newPocket() (*pocket, error) {
	_, issuer, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &pocket{issuer: issuer, visitor: random(8), meta: random(16), mac: random(16)}
	p.pkoc = hwtest.NewPKOCCard(uidPKOC, nil)
	p.tag = hwtest.NewNTAG424(uidTag, "https://tag.example.com/?e={picc}&c={cmac}", p.meta, p.mac)
	return p, nil
}

func random(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // crypto/rand never fails
	return raw
}

// code is the text of what is held to a scanner: of a pass its code, of all else
// what it is.
func (p *pocket) code(value string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case value == thingUsedPass && p.last == "":
		return "", errors.New("no pass was shown yet; try: tilesim tap front " + thingPass)
	case value == thingUsedPass:
		return p.last, nil
	case value != thingPass:
		return value, nil
	}
	now := time.Now()
	text, err := pass.Issue(p.issuer, pass.Claims{
		Site: siteID, Subject: p.visitor, ID: random(16), Mode: pass.Single, Doors: []string{"front"},
		From: now.Add(-time.Minute), Until: now.Add(time.Hour),
	})
	p.last = text
	return text, err
}

// thing is what is held to a field.
func (p *pocket) thing(value string) (hwtest.Tag, error) {
	switch value {
	case thingPKOC:
		return p.pkoc, nil
	case thingTag:
		return p.tag, nil
	case thingCopy:
		return hwtest.NewMifareClassic(uidTag), nil
	case thingReplay:
		said := p.tag.LastURL()
		if said == "" {
			return nil, errors.New("the tag was never read, so nobody has heard what it says; try: tilesim tap workshop " + thingTag)
		}
		return hwtest.NewNTAG(215, uidReplay, hwtest.NDEFURI(said)), nil
	}
	if n := len(value); !uid.MatchString(value) || n != 8 && n != 14 {
		return nil, fmt.Errorf("%q cannot be held to a field; there are %s, %s, %s, %s and numbers of 4 or 7 bytes in hex", value, thingPKOC, thingTag, thingCopy, thingReplay)
	}
	return hwtest.NewMifareClassic(value), nil
}

// roster is the file with the rights of what is in the pocket.
func (p *pocket) roster() []byte {
	return fmt.Appendf(nil, rosterOfThings, hex.EncodeToString(p.pkoc.PublicKey()), uidTag, hex.EncodeToString(p.visitor))
}

const rosterOfThings = `{
  "doors": [{"id": "front", "name": "Front door"}, {"id": "workshop", "name": "Workshop"}],
  "groups": [
    {"id": "visitors", "name": "Visitors", "doors": ["front"]},
    {"id": "makers", "name": "Makers", "doors": ["workshop"]}
  ],
  "people": [
    {"id": "gus", "name": "Gus Brandt", "keys": [%q], "groups": ["makers"]},
    {"id": "hana", "name": "Hana Sato", "cards": [%q], "groups": ["makers"]},
    {"id": "ivo", "name": "Ivo Lind", "passes": [%q], "groups": ["visitors"]}
  ]
}
`
