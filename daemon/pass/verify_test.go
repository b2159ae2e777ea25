package pass

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// The vector of PKOC, as published with its reference applications.
const (
	pkocKey   = "040ec5d87dc39d14a2c5480686da860c82b16be0b6903b525f84848b79fd463e32bbda1f0252c33503c5287035e6eac55d138d0650dcfb5281d59a9cf4124d2831"
	pkocProof = "6fcf5012b224043b09350a4fc5e56a8f b98613070c78010b04ed306d143f94ee6dc4eca2585b621405731fb3a53cd877a21685de18435da7cbcc38f1d926300a454efee3594cec5effe28c7feac03d7d"
)

func TestKeyThatProvedItselfIsTakenWhole(t *testing.T) {
	got := newVerifier(t).Verify(Offer{Kind: access.PKOC, Value: pkocKey, Proof: unhex(t, pkocProof)})
	want := Result{Kind: access.PKOC, Value: pkocKey, Assurance: access.HighAssured}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestKeyThatDidNotProveItselfIsRefused(t *testing.T) {
	proof := unhex(t, pkocProof)
	flipped := append([]byte{}, proof...)
	flipped[0] ^= 1
	tests := []struct {
		name, key string
		proof     []byte
	}{
		{"no proof", pkocKey, nil},
		{"a short proof", pkocKey, proof[:79]},
		{"another challenge", pkocKey, flipped},
		{"a proof of zeros", pkocKey, make([]byte, 80)},
		{"a short key", pkocKey[:128], proof},
		{"a key that is no point", pkocKey[:129] + "2", proof},
		{"capitals, which would be another credential", strings.ToUpper(pkocKey), proof},
		{"no hex", strings.Repeat("x", 130), proof},
	}
	v := newVerifier(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := v.Verify(Offer{Kind: access.PKOC, Value: tt.key, Proof: tt.proof})
			if diff := cmp.Diff(Result{Kind: access.PKOC, Fault: access.InvalidPass}, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlainKindsStayWhatTheyAre(t *testing.T) {
	v := newVerifier(t)
	for _, kind := range []access.Kind{access.Card, access.Wiegand, access.QR, access.PIN} {
		want := Result{Kind: kind, Value: "04a2b3c4d5e680", Assurance: access.LowAssured}
		if diff := cmp.Diff(want, v.Verify(Offer{Kind: kind, Value: "04a2b3c4d5e680"})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", kind, diff)
		}
	}
	// A card whose number is the text of a pass is a card with that number.
	if got := v.Verify(Offer{Kind: access.Card, Value: golden}); got.Kind != access.Card {
		t.Errorf("a card became %v", got.Kind)
	}
}

func TestNobodySignsInAtATile(t *testing.T) {
	v := newVerifier(t)
	for _, kind := range []access.Kind{access.NoKind, access.Login, access.Operator, 200} {
		if got := v.Verify(Offer{Kind: kind, Value: "ann"}); got.Fault != access.InvalidPass || got.Value != "" {
			t.Errorf("%v: got %v with %q, want invalid_pass", kind, got.Fault, got.Value)
		}
	}
}

// Whatever is shown: no panic, no claim and no assurance with a fault, and
// nothing but what is known by heart is believed.
func FuzzVerify(f *testing.F) {
	for _, text := range []string{golden, vectorA, vectorB, vectorPlain, "TG1:", "visitor 4711", pkocKey, "?c=&e=", "https://a.test/?picc_data=&cmac="} {
		for _, kind := range []access.Kind{access.QR, access.Pass, access.SUN, access.PKOC} {
			f.Add(uint8(kind), text, unhex(f, pkocProof))
		}
	}
	for _, forged := range []forgery{{after: "00"}, {before: "d284"}, {payload: "a0"}, {payload: "818181818100"}, {protected: "a0"}, {unprotected: "a1186301"}, {signature: make([]byte, 64)}} {
		f.Add(uint8(access.QR), forged.text(f), []byte(nil))
	}
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, kind uint8, text string, proof []byte) {
		got := v.Verify(Offer{Kind: access.Kind(kind), Value: text, Proof: proof, Door: "front", At: noon})
		switch {
		case got.Fault == access.InvalidPass && (got.Claim.Present() || got.Value != "" && got.Issuer == ""):
			t.Errorf("%q is invalid and still %+v", text, got)
		case got.Fault != access.Granted && got.Claim.Present():
			t.Errorf("%q is refused and uses up %+v", text, got.Claim)
		case got.Fault == access.Granted && got.Kind == access.Pass && got.Issuer == "":
			t.Errorf("%q is a pass of nobody", text)
		case got.Fault == access.Granted && got.Kind == access.SUN && len(got.Value) != 2*uidSize:
			t.Errorf("%q is the tag %q", text, got.Value)
		}
	})
}

// The claims of who can sign may be anything too.
func FuzzClaims(f *testing.F) {
	for _, payload := range []string{goodClaims, "a0", "80", "bf02ff", "a1 04 f6", "a1 3a00010002 8160", "a8 01 64 6465736b 06 1a69a81ec0" + goodClaims[2:]} {
		f.Add(unhex(f, payload))
	}
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > maxText {
			return
		}
		c, err := readClaims(v.strict, payload)
		if err != nil {
			return
		}
		if c.Until.Before(c.From) || c.Until.Sub(c.From) > longestUse || c.uses() == 0 {
			t.Errorf("%s gave %+v", hex.EncodeToString(payload), c)
		}
		text, err := Issue(testKey(0), c)
		if err != nil {
			return // too long for a code
		}
		if _, back, err := v.open(text); err != nil || !cmp.Equal(back, c) {
			t.Errorf("%+v came back as %+v, %v", c, back, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := newVerifier(b)
	for _, tt := range []struct {
		name  string
		offer Offer
		want  access.Reason
	}{
		{"pass", shown(golden), access.Granted},
		{"pass with a wrong signature", shown(forgery{signature: make([]byte, 64)}.text(b)), access.InvalidPass},
		{"pass of a stranger", shown(forgery{key: testKey(7)}.text(b)), access.InvalidPass},
		{"tag", Offer{Kind: access.QR, Value: vectorA}, access.Granted},
		{"tag with file data", Offer{Kind: access.QR, Value: vectorB}, access.Granted},
		{"key", Offer{Kind: access.PKOC, Value: pkocKey, Proof: unhex(b, pkocProof)}, access.Granted},
		{"text", Offer{Kind: access.QR, Value: "visitor 4711"}, access.Granted},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := v.Verify(tt.offer).Fault; got != tt.want {
					b.Fatalf("got %v, want %v", got, tt.want)
				}
			}
		})
	}
}
