package daemon

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/pass"
	"github.com/tilegate/tilegate/hw"
)

// contextOf is a context that the test ends.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}

// A message of NXP AN12196 under keys of zeros: UID 04DE5F1EACC040, counter 61.
const sunURL = "https://choose.url.com/ntag424?e=EF963FF7828658A599F3041510671E88&c=94EED9EE65337086"

func deskKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

func deskPass(t *testing.T, change func(*pass.Claims)) hw.Read {
	t.Helper()
	c := pass.Claims{
		Site: "trastevere", Subject: []byte("visitor1"), ID: []byte("pass-001"),
		From: claimNoon, Until: claimNoon.Add(time.Hour), Mode: pass.Single,
	}
	if change != nil {
		change(&c)
	}
	text, err := pass.Issue(deskKey(), c)
	if err != nil {
		t.Fatal(err)
	}
	return hw.Read{Kind: access.QR, Value: hw.Value(text)}
}

// settingsWith names an issuer and, in files, the keys of tags.
func settingsWith(t *testing.T, meta, mac string) *config.Options {
	t.Helper()
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return &config.Options{
		Site:    config.Site{ID: "trastevere"},
		Issuers: []config.Issuer{{Name: "desk", Key: deskKey().Public().(ed25519.PublicKey)}},
		SUN:     config.SUN{MetaKeyFile: write("meta", meta), MACKeyFile: write("mac", mac)},
	}
}

func newOffers(t *testing.T) *offers {
	t.Helper()
	zero := strings.Repeat("00", 16)
	verifier, err := newVerifier(settingsWith(t, zero, zero))
	if err != nil {
		t.Fatal(err)
	}
	o := &offers{digest: doorKey, replays: emptyReplays()}
	o.verifier.Store(verifier)
	return o
}

func frontAt(d time.Duration) scene {
	return scene{door: "front", reader: "in", moment: moment{at: claimNoon.Add(d)}}
}

func TestReadsBecomeTaps(t *testing.T) {
	visitor := doorKey.Credential(access.Pass, []byte(hex.EncodeToString([]byte("visitor1"))))
	tag := doorKey.Credential(access.SUN, nil)
	tag.Digest = doorKey.Digest(access.Card, []byte("04de5f1eacc040")) // it is the card of that number
	card := doorKey.Credential(access.Card, []byte("04a2b3c4d5e680"))
	safer := card
	safer.Assurance = access.HighAssured
	tests := []struct {
		name   string
		read   hw.Read
		at     scene
		want   access.Credential
		fault  access.Reason
		uses   bool
		detail string
		digits int
	}{
		{name: "a card", read: hw.Read{Kind: access.Card, Value: "04a2b3c4d5e680"}, want: card},
		{
			name: "a text at a reader that proves cards", read: hw.Read{Kind: access.QR, Value: "a text on a photo", Assurance: access.HighAssured},
			want: doorKey.Credential(access.QR, []byte("a text on a photo")),
		},
		{
			name: "digits at a reader that proves cards", read: hw.Read{Kind: access.PIN, Value: "481516", Assurance: access.HighAssured},
			want: doorKey.Credential(access.PIN, []byte("481516")), digits: 6,
		},
		{name: "a card at a reader that proves it", read: hw.Read{Kind: access.Card, Value: "04a2b3c4d5e680", Assurance: access.HighAssured}, want: safer},
		{name: "a pass", read: deskPass(t, nil), want: visitor, uses: true, detail: "signed by desk"},
		{
			name: "a pass cannot be lifted by its reader", want: visitor, uses: true, detail: "signed by desk",
			read: hw.Read{Kind: access.QR, Value: deskPass(t, nil).Value, Assurance: access.HighAssured},
		},
		{name: "a tag", read: hw.Read{Kind: access.QR, Value: sunURL}, want: tag, uses: true},
		{name: "a pass that ended, and whose", read: deskPass(t, nil), at: frontAt(2 * time.Hour), want: visitor, fault: access.Expired, detail: "signed by desk"},
		{name: "a pass for another door", read: deskPass(t, func(c *pass.Claims) { c.Doors = []string{"rear"} }), want: visitor, fault: access.InvalidPass, detail: "signed by desk"},
		{name: "a pass of nobody", read: hw.Read{Kind: access.QR, Value: "TG1:BB8"}, want: access.Credential{Kind: access.Pass}, fault: access.InvalidPass},
		{name: "a key without a proof", read: hw.Read{Kind: access.PKOC, Value: "04"}, want: access.Credential{Kind: access.PKOC}, fault: access.InvalidPass},
		{name: "digits", read: hw.Read{Kind: access.PIN, Value: "4711"}, want: doorKey.Credential(access.PIN, []byte("4711")), digits: 4},
		{name: "nothing", read: hw.Read{Kind: access.Card}, fault: access.NoCredential},
		{name: "what could not be read", read: hw.Read{Fault: access.Unreadable}, fault: access.Unreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.at == (scene{}) {
				tt.at = frontAt(0)
			}
			got := newOffers(t).tap(tt.read, tt.at)
			want := access.Tap{Door: "front", Reader: "in", Credential: tt.want, Presence: access.AtReader, At: tt.at.at, Fault: tt.fault}
			if got.tap != want {
				t.Errorf("tap: got %+v, want %+v", got.tap, want)
			}
			if (got.uses != nil) != tt.uses || got.detail != tt.detail || got.digits != tt.digits {
				t.Errorf("uses %v, detail %q, %d digits; want %v, %q, %d", got.uses != nil, got.detail, got.digits, tt.uses, tt.detail, tt.digits)
			}
		})
	}
}

func TestSecondTapOfTheSameProofIsAReplayAndSaysWhose(t *testing.T) {
	for name, read := range map[string]hw.Read{"pass": deskPass(t, nil), "tag": {Kind: access.QR, Value: sunURL}} {
		o := newOffers(t)
		first := o.tap(read, frontAt(0))
		rear := frontAt(time.Second)
		rear.door = "rear"
		second := o.tap(read, rear)
		if first.tap.Fault != access.Granted || second.tap.Fault != access.Replayed || second.uses != nil {
			t.Errorf("%s: got %v, then %v; want granted, then replayed", name, first.tap.Fault, second.tap.Fault)
		}
		if second.tap.Credential != first.tap.Credential {
			t.Errorf("%s: the replay does not say whose it is: %v", name, second.tap.Credential)
		}
	}
}

// The codes were made with openssl.
func TestJumpOfACounterIsTold(t *testing.T) {
	const six, by1000, by1001 = "ctr=000006&c=4B00064004B0B3D3", "ctr=0003EE&c=8D97B5E155FEA14D", "ctr=0003EF&c=942A375BA14B1E45"
	for message, want := range map[string]string{by1000: "", by1001: "the tag's counter rose by 1001"} {
		o := newOffers(t)
		for i, m := range []string{six, message} {
			got := o.tap(hw.Read{Kind: access.QR, Value: hw.Value("https://a.test/?uid=041E3C8A2D6B80&" + m)}, frontAt(0))
			if got.tap.Fault != access.Granted {
				t.Fatalf("%s: got %v", m, got.tap.Fault)
			}
			if i == 1 && got.detail != want {
				t.Errorf("%s: got %q, want %q", m, got.detail, want)
			}
		}
	}
}

func TestVerifierWithoutTheKeysOfTagsKnowsAllElse(t *testing.T) {
	zero := strings.Repeat("00", 16)
	for name, o := range map[string]*config.Options{
		"a key cut short":  settingsWith(t, zero, zero[2:]),
		"no hex":           settingsWith(t, strings.Repeat("zz", 16), zero),
		"an empty file":    settingsWith(t, "", zero),
		"a file not there": {Site: config.Site{ID: "trastevere"}, Issuers: settingsWith(t, zero, zero).Issuers, SUN: config.SUN{MACKeyFile: filepath.Join(t.TempDir(), "none")}},
	} {
		v, err := newVerifier(o)
		if err == nil || strings.Contains(err.Error(), "zz") || strings.Contains(err.Error(), "0000") {
			t.Errorf("%s: got %v, want an error that tells no key", name, err)
		}
		if v == nil {
			t.Fatalf("%s: no verifier", name)
		}
		read := deskPass(t, nil)
		if got := v.Verify(pass.Offer{Kind: read.Kind, Value: string(read.Value), Door: "front", At: claimNoon}); got.Fault != access.Granted {
			t.Errorf("%s: a pass is refused: %v", name, got.Fault)
		}
		if got := v.Verify(pass.Offer{Kind: access.QR, Value: sunURL}); got.Kind != access.QR {
			t.Errorf("%s: the tag is %v, want a text", name, got.Kind)
		}
	}
	if v, err := newVerifier(&config.Options{}); err != nil || v == nil {
		t.Errorf("without passes and tags: %v", err)
	}
}
