package pass

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// The messages of NXP AN12196, under keys of zeros.
const (
	vectorA     = "https://choose.url.com/ntag424?e=EF963FF7828658A599F3041510671E88&c=94EED9EE65337086"
	vectorB     = "https://www.my424dna.com/?picc_data=FD91EC264309878BE6345CBE53BADF40&enc=CEE9A53E3E463EF1F459635736738962&cmac=ECC1E7F6C6C73BF6"
	vectorPlain = "https://choose.url.com/ntag424?uid=041E3C8A2D6B80&ctr=000006&c=4B00064004B0B3D3"
)

func TestSUNMessagesOfTheMakerAreTaken(t *testing.T) {
	tests := []struct {
		name, in, uid string
		counter       uint64
	}{
		{"encrypted", vectorA, "04de5f1eacc040", 61},
		{"encrypted, with file data", vectorB, "04958caa5c5e80", 8},
		{"in clear", vectorPlain, "041e3c8a2d6b80", 6},
		{"small letters", strings.ToLower(vectorA), "04de5f1eacc040", 61},
		{"something behind it", vectorA + "&lang=it#top", "04de5f1eacc040", 61},
		{"without a scheme", strings.TrimPrefix(vectorA, "https://"), "04de5f1eacc040", 61},
	}
	v := newVerifier(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, kind := range []access.Kind{access.QR, access.SUN} {
				got := v.Verify(Offer{Kind: kind, Value: tt.in})
				if !got.Claim.Present() {
					t.Errorf("as %v: nothing is used up", kind)
				}
				got.Claim.Key = access.Digest{}
				want := Result{Kind: access.SUN, Value: tt.uid, Assurance: access.MediumAssured, Claim: access.Claim{Counter: tt.counter}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("as %v (-want +got):\n%s", kind, diff)
				}
			}
		})
	}
}

// The steps in between, so that a mistake in one is seen where it is.
func TestStepsOfASUNMessage(t *testing.T) {
	v := newVerifier(t)
	m, ok := v.parseSUN(vectorB)
	if !ok || !v.decrypt(&m) {
		t.Fatal("the message was not read")
	}
	if got := hex.EncodeToString(m.uid) + " " + hex.EncodeToString(m.counter); got != "04958caa5c5e80 080000" {
		t.Errorf("PICC data: got %s", got)
	}
	if key := v.mac.sum(unhex(t, "3CC3 0001 0080 04958CAA5C5E80 080000")); hex.EncodeToString(key[:]) != "3ed0920e5e6a0320d823d5987feafbb1" {
		t.Errorf("session key: got %x", key)
	}
	full := v.session(m.uid, m.counter).sum([]byte("CEE9A53E3E463EF1F459635736738962&cmac="))
	if hex.EncodeToString(full[:]) != "81ec45c175e72ff6fac61bc7ab3baef6" || hex.EncodeToString(short(full)) != "ecc1e7f6c6c73bf6" {
		t.Errorf("code: got %x, sent %x", full, short(full))
	}
}

func TestForgedSUNMessageIsRefused(t *testing.T) {
	tests := []struct{ name, in string }{
		{"the code of another", strings.Replace(vectorA, "94EED9EE65337086", "ECC1E7F6C6C73BF6", 1)},
		{"the data of another", strings.Replace(vectorA, "EF963FF7828658A599F3041510671E88", "FD91EC264309878BE6345CBE53BADF40", 1)},
		{"file data changed", strings.Replace(vectorB, "enc=CE", "enc=CF", 1)},
		{"file data gone", strings.Replace(vectorB, "enc=CEE9A53E3E463EF1F459635736738962&", "", 1)},
		{"another UID", strings.Replace(vectorPlain, "uid=041E", "uid=041F", 1)},
		{"a higher counter", strings.Replace(vectorPlain, "000006", "000007", 1)},
		{"the counter the other way round", strings.Replace(vectorPlain, "000006", "060000", 1)},
		{"LRP mode", strings.Replace(vectorA, "1E88", "1E880011223344556677", 1)},
		{"data that decrypts to something else", strings.Replace(vectorA, "EF96", "0000", 1)},
		{"the first of two counts", strings.Replace(vectorPlain, "uid=", "uid=00000000000000&uid=", 1)},
	}
	v := newVerifier(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.in == vectorA || tt.in == vectorB || tt.in == vectorPlain {
				t.Fatal("nothing was changed")
			}
			got := v.Verify(Offer{Kind: access.QR, Value: tt.in})
			if diff := cmp.Diff(Result{Kind: access.SUN, Fault: access.InvalidPass}, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryFlippedBitOfASUNMessageIsRefused(t *testing.T) {
	v := newVerifier(t)
	data, mac := unhex(t, "EF963FF7828658A599F3041510671E88"), unhex(t, "94EED9EE65337086")
	for i := range 8 * (len(data) + len(mac)) {
		d, m := append([]byte{}, data...), append([]byte{}, mac...)
		if at := i / 8; at < len(d) {
			d[at] ^= 1 << (i % 8)
		} else {
			m[at-len(d)] ^= 1 << (i % 8)
		}
		got := v.Verify(Offer{Kind: access.QR, Value: "https://a.test/?e=" + hex.EncodeToString(d) + "&c=" + hex.EncodeToString(m)})
		if got.Fault != access.InvalidPass {
			t.Fatalf("bit %d: got %v of kind %v, want invalid_pass", i, got.Fault, got.Kind)
		}
	}
}

func TestTextThatIsNoSUNMessageStaysText(t *testing.T) {
	v := newVerifier(t)
	for _, text := range []string{
		"visitor 4711", "", "https://example.org/", "https://example.org/?c=94EED9EE65337086", "https://example.org/?e=1&c=2",
		"https://example.org/?uid=041E3C8A2D6B80&c=4B00064004B0B3D3", strings.TrimSuffix(vectorA, "6"), strings.Replace(vectorA, "?", "/", 1),
		strings.Replace(vectorA, "EF", "XY", 1), vectorA + strings.Repeat("x", maxText), "tg1:ABC", "HC1:ABC", "?&&==&c=&e", "?c",
	} {
		want := Result{Kind: access.QR, Value: text, Assurance: access.LowAssured}
		if diff := cmp.Diff(want, v.Verify(Offer{Kind: access.QR, Value: text})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if got := v.Verify(Offer{Kind: access.SUN, Value: text}); got.Fault != access.InvalidPass {
			t.Errorf("%q, from a tag: got %v, want invalid_pass", text, got.Fault)
		}
	}
}

func TestWithoutKeysNoTagIsKnown(t *testing.T) {
	none, err := New(Settings{Site: "trastevere"})
	if err != nil {
		t.Fatal(err)
	}
	if got := none.Verify(Offer{Kind: access.QR, Value: vectorA}); got.Kind != access.QR || got.Value != vectorA {
		t.Errorf("got %+v, want the plain text", got)
	}
	clear, err := New(Settings{Site: "trastevere", SUNMAC: zeroKey})
	if err != nil {
		t.Fatal(err)
	}
	if got := clear.Verify(Offer{Kind: access.QR, Value: vectorPlain}); got.Fault != access.Granted || got.Kind != access.SUN {
		t.Errorf("in clear: got %v of kind %v", got.Fault, got.Kind)
	}
	if got := clear.Verify(Offer{Kind: access.QR, Value: vectorA}); got.Fault != access.InvalidPass {
		t.Errorf("encrypted, without the key: got %v, want invalid_pass", got.Fault)
	}
}

// A counter is one tag's: equal for all of its messages, and no other's. Its key
// says nothing to who has not the key of the tags.
func TestCounterBelongsToItsTag(t *testing.T) {
	v := newVerifier(t)
	a := v.Verify(Offer{Kind: access.QR, Value: vectorA}).Claim.Key
	b := v.Verify(Offer{Kind: access.QR, Value: vectorB}).Claim.Key
	if a == b {
		t.Error("two tags share a counter")
	}
	if again := v.counterKey(unhex(t, "04DE5F1EACC040")); access.Digest(again) != a {
		t.Errorf("the counter of one tag is %v and %v", a, again)
	}
	other, err := New(Settings{SUNMAC: append(make(Secret, 15), 1)})
	if err != nil {
		t.Fatal(err)
	}
	if access.Digest(other.counterKey(unhex(t, "04DE5F1EACC040"))) == a {
		t.Error("the name of a counter does not depend on the key")
	}
}
