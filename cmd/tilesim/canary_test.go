package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

const (
	strangerCard = "04BADCAFE15E80"
	strangerCode = "TG-STRANGER-4711"
	oddCode      = "TG-ODD-9177-\x00-END" // that no scanner should send
)

// forms are all ways in which a value might lie about: a card in both cases,
// both byte orders, as text, as bytes, and in base64; and a text as it is, in
// base64 and in hex.
func forms(value string) map[string][]byte {
	all := map[string][]byte{"as it is": []byte(value), "lower case": []byte(strings.ToLower(value)), "upper case": []byte(strings.ToUpper(value))}
	raw := []byte(value)
	if uid.MatchString(value) {
		raw, _ = hex.DecodeString(value)
		turned := slices.Clone(raw)
		slices.Reverse(turned)
		all["bytes"], all["bytes turned around"] = raw, turned
		all["turned around, lower case"] = []byte(hex.EncodeToString(turned))
		all["turned around, upper case"] = []byte(strings.ToUpper(hex.EncodeToString(turned)))
		all["with colons"] = []byte(strings.TrimSuffix(strings.Join(slices.Collect(pairs(value)), ":"), ":"))
	} else {
		all["in hex"] = []byte(hex.EncodeToString(raw))
	}
	// Without its last characters, which depend on what follows.
	all["in base64"] = []byte(base64.RawStdEncoding.EncodeToString(raw[:len(raw)/3*3]))
	return all
}

func pairs(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i+2 <= len(s); i += 2 {
			if !yield(s[i : i+2]) {
				return
			}
		}
	}
}

// TestNoSecretIsLeftAnywhere has a day on which all kinds of things happen, with
// the log at its most talkative, and then looks for card numbers, codes and the
// key of the cloud wherever the gateway has written or spoken.
func TestNoSecretIsLeftAnywhere(t *testing.T) { // R6
	d := newDay(t, "front", "lab", "workshop")
	d.edit(`level = "info"`, `level = "debug"`)
	d.begin()
	forger, err := newPocket()
	if err != nil {
		t.Fatal(err)
	}
	forged, err := forger.code(thingPass) // which nobody signed who may
	if err != nil {
		t.Fatal(err)
	}
	spoken := d.eventfulDay(forged)
	d.stop()

	places := map[string][]byte{"what it said to who asked": spoken}
	err = filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
		given := path == d.settings() || entry.Name() == "roster.json" || filepath.Base(filepath.Dir(path)) == "credentials"
		if err != nil || !entry.Type().IsRegular() || given {
			return err
		}
		places[strings.TrimPrefix(path, d.dir)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"/tilegated.log", "/state/journal.db", "/state/cache.db", "/state/ledger.db", "/state/keys/digest.key"} {
		if len(places[must]) == 0 {
			t.Errorf("%s was not looked at", must)
		}
	}
	pass, err := d.pocket.code(thingUsedPass)
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(d.pocket.tag.LastURL(), "?e=")
	for what, value := range map[string]string{
		"a pass": pass, "a forged pass": forged, "the signed part of a pass": pass[len(pass)-60:], "what the tag said": said, "the number of the tag": uidTag,
		"a key that was proved": hex.EncodeToString(d.pocket.pkoc.PublicKey()), "the key of the tags": hex.EncodeToString(d.pocket.mac),
		"Ann's card": cardAnn, "Eve's card": cardEve, "Dan's card": cardDan, "a stranger's card": strangerCard,
		"Ben's code": codeBen, "a stranger's code": strangerCode, "an odd code": "TG-ODD-9177", "the key of the cloud": apiKey,
	} {
		for form, secret := range forms(value) {
			for place, content := range places {
				if at := bytes.Index(content, secret); at >= 0 {
					t.Errorf("%s, %s, is in %s: …%q…", what, form, place, content[max(0, at-60):min(len(content), at+60)])
				}
			}
		}
	}
	// The search can find: names are allowed in the copy of the rights.
	if !bytes.Contains(places["/state/cache.db"], []byte("Ann Lee")) && !bytes.Contains(places["/state/cache.db-wal"], []byte("Ann Lee")) {
		t.Error("not even a name is in the copy of the rights: was it looked at?")
	}
}

// eventfulDay makes everything happen that might give something away, and
// returns all that the gateway said.
func (d *day) eventfulDay(forged string) []byte {
	t, tile, board := d.t, d.plug("front-tile"), d.plug("front-relay")
	d.tap("front", cardAnn, access.Granted)
	d.tap("front", codeBen, access.Granted)
	d.tap("lab", cardAnn, access.Granted)
	d.locked("front")
	d.locked("lab")
	d.tap("front", strangerCard, access.Unknown)
	d.tap("front", strangerCode, access.Unknown)
	d.tap("front", cardDan, access.Expired)
	d.tap("lab", cardEve, access.NoGrant)
	d.tap("front", forged, access.InvalidPass)
	d.tap("front", thingPass, access.Granted)
	d.tap("workshop", thingTag, access.Granted)
	d.tap("workshop", thingPKOC, access.Granted)
	d.locked("front")
	d.locked("workshop")
	before := d.drops("front", "decode")
	for _, in := range []string{"C:" + cardEve + "0\r", cardEve + "\r", "Q:" + oddCode + "\r", "X:" + codeBen + "\r"} {
		if _, err := tile.Master.Write([]byte(in)); err != nil {
			t.Fatal(err)
		}
	}
	d.until("four frames are thrown away", func() bool { return d.drops("front", "decode") == before+4 })
	if err := board.Unplug(); err != nil {
		t.Fatal(err)
	}
	d.until("the relay is missed", func() bool { return !d.door("front").Strike.Up })
	d.tapInVain(cardEve)
	if err := board.Replug(); err != nil {
		t.Fatal(err)
	}

	var said bytes.Buffer
	say := func(answer any, err error) {
		text, bad := json.Marshal(answer)
		if bad != nil {
			t.Fatal(bad)
		}
		fmt.Fprintf(&said, "%s %v\n", text, err)
	}
	ctx := t.Context()
	for _, q := range []control.Question{
		{Door: "front", Card: cardAnn},
		{Door: "front", Card: strangerCard},
		{Door: "front", Code: strangerCode},
		{Door: "nowhere", Card: cardEve},
		{Door: "front", Card: cardEve + "z"},
	} {
		say(d.daemon.view.Why(ctx, q))
		say(d.daemon.act.Simulate(ctx, q))
	}
	say(d.daemon.act.TestKisi(ctx))
	d.kisi.RevokeKey(apiKey)
	say(d.daemon.act.SyncNow(ctx, ""))
	say(d.daemon.act.TestKisi(ctx))
	for _, pasted := range [][2]string{
		{`api_key_file = "kisi-api-key"`, `api_key = "` + apiKey + `"`},
		{`api_key_file = "kisi-api-key"`, `api_key_file = ` + apiKey},
		{`base_url = "http://`, `base_url = "http://user:` + apiKey + `@`},
	} {
		mend := replaced(pasted[0], pasted[1])(d)
		_, err := d.daemon.act.Reload(ctx)
		if err == nil {
			t.Errorf("settings with a secret in the wrong place were taken: %s", pasted[0])
		}
		say(nil, err)
		mend()
	}
	say(d.daemon.view.SyncStatus(ctx))
	say(d.status(), nil)
	say(d.wholeJournal(), nil)
	said.WriteString(d.page())
	return said.Bytes()
}
