package pass

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// golden was written byte by byte and signed with openssl, by none of this code:
// the key of the seed 00 01 02 … 1f, and the claims of good at the door "front".
const golden = "TG1:TWGSLK/-4N69-09-6LZOC-U917B45LS49KB0*M0DY0Q01RKDVKE QE9$C5$CUYCBF3WBLIDQBF3IBLJCO889APKT K33L1CL100000:601002005GG .C-3E*VE.78D0H$$E%HQ44PN20496U0D4QVR9QFJG/UD19ABFKHF2.57V+RO:C5BI41TD3GP2Q7Q1L 13.F8380LNGG9-UM+HGFJIZ.JC0"

func TestPassOfAnotherMakerIsAccepted(t *testing.T) {
	got := newVerifier(t).Verify(shown(golden))
	want := Result{
		Kind: access.Pass, Value: "0102030405060708", Assurance: access.MediumAssured, Issuer: "desk",
		Claim: access.Claim{Uses: 1, Expires: noon.Add(time.Hour)},
	}
	if !got.Claim.Present() {
		t.Error("nothing is used up")
	}
	got.Claim.Key = access.Digest{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestIssueWritesWhatAnotherMakerWrites(t *testing.T) {
	if got := issue(t, func(c *Claims) { c.Doors = []string{"front"} }); got != golden {
		t.Errorf("got  %s\nwant %s", got, golden)
	}
	if got := hex.EncodeToString(public(testKey(0))); got != "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8" {
		t.Errorf("the public key is %s", got)
	}
}

// Whoever issues passes tries their own against the one in the page.
func TestPageShowsTheGoldenPass(t *testing.T) {
	page, err := os.ReadFile("../../docs/PASS.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := decode45(golden[len(passPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{golden, hex.EncodeToString(raw)} {
		if !strings.Contains(strings.ReplaceAll(string(page), "\n             ", ""), want) {
			t.Errorf("docs/PASS.md does not show %s", want)
		}
	}
}

func TestBadPassIsRefusedWithItsReason(t *testing.T) {
	door := func(id string) func(*Offer) { return func(o *Offer) { o.Door = id } }
	at := func(d time.Duration) func(*Offer) { return func(o *Offer) { o.At = noon.Add(d) } }
	hand := func(f forgery) string { return f.text(t) }
	claims := func(old, now string) string { return hand(forgery{payload: instead(t, old, now)}) }
	tests := []struct {
		name, in string
		change   func(*Offer)
		want     access.Reason
		why      string // what a forged pass fails by, so that it is not refused for something else
	}{
		{name: "the pass that all others differ from", in: hand(forgery{}), want: access.Granted},
		{name: "issuer and time of issue are said too", in: hand(forgery{payload: "a8 01 64 6465736b 06 1a69a81ec0" + goodClaims[2:]}), want: access.Granted},
		{name: "only the prefix", in: "TG1:", want: access.InvalidPass, why: "not a pass"},
		{name: "an unreadable character", in: strings.Replace(golden, "W", "w", 1), want: access.InvalidPass, why: "not Base45"},
		{name: "one character lost", in: golden[:len(golden)-1], want: access.InvalidPass, why: "not Base45"},
		{name: "too long", in: passPrefix + strings.Repeat("0", maxText), want: access.InvalidPass, why: "not a pass"},
		{name: "tagged", in: hand(forgery{before: "d284"}), want: access.InvalidPass, why: "tag isn't allowed"},
		{name: "an array of three", in: hand(forgery{before: "83"}), want: access.InvalidPass, why: "extraneous"},
		{name: "a length that is not said", in: hand(forgery{before: "9f", after: "ff"}), want: access.InvalidPass, why: "indefinite-length"},
		{name: "trailing bytes", in: hand(forgery{after: "00"}), want: access.InvalidPass, why: "1 bytes of extraneous"},
		{name: "another algorithm", in: hand(forgery{protected: "a2 01 26 04 kid"}), want: access.InvalidPass, why: "nobody we know"},
		{name: "no algorithm", in: hand(forgery{protected: "a1 04 kid"}), want: access.InvalidPass, why: "nobody we know"},
		{name: "no key id", in: hand(forgery{protected: "a1 01 27"}), want: access.InvalidPass, why: "no key id"},
		{name: "a short key id", in: hand(forgery{protected: "a2 01 27 04 44 56475aa7"}), want: access.InvalidPass, why: "no key id"},
		{name: "a key id that is text", in: hand(forgery{protected: "a2 01 27 04 68 3132333435363738"}), want: access.InvalidPass, why: "kid: require bstr"},
		{name: "a key that nobody knows", in: hand(forgery{key: testKey(7)}), want: access.InvalidPass, why: "nobody we know"},
		{name: "another's key id", in: hand(forgery{key: testKey(100), protected: "a2 01 27 04 48 56475aa75463474c"}), want: access.InvalidPass, why: "nobody we know"},
		{name: "an unknown critical header", in: hand(forgery{protected: "a4 01 27 02 81 18 63 04 kid 18 63 01"}), want: access.InvalidPass, why: "critical header 99"},
		{name: "a critical header that is known", in: hand(forgery{protected: "a3 01 27 02 81 04 04 kid"}), want: access.Granted},
		{name: "an unknown header that is not critical", in: hand(forgery{protected: "a3 01 27 04 kid 18 63 01"}), want: access.Granted},
		{name: "a header twice", in: hand(forgery{protected: "a3 01 27 01 27 04 kid"}), want: access.InvalidPass, why: "duplicate map key"},
		{name: "a header that is not signed", in: hand(forgery{unprotected: "a1 18 63 01"}), want: access.InvalidPass, why: "not signed"},
		{name: "the key id outside of what is signed", in: hand(forgery{protected: "a1 01 27", unprotected: "a1 04 48 56475aa75463474c"}), want: access.InvalidPass, why: "not signed"},
		{name: "no signature", in: hand(forgery{signature: []byte{}}), want: access.InvalidPass, why: "empty signature"},
		{name: "a signature of zeros", in: hand(forgery{signature: make([]byte, 64)}), want: access.InvalidPass, why: "nobody we know"},
		{name: "claims nested too deep", in: hand(forgery{payload: "81 81 81 81 81 00"}), want: access.InvalidPass, why: "max nested level 4"},
		{name: "claims that are no map", in: hand(forgery{payload: "80"}), want: access.InvalidPass, why: "array into Go value"},
		{name: "a claim twice", in: hand(forgery{payload: "a7 02 48 0102030405060709" + goodClaims[2:]}), want: access.InvalidPass, why: "duplicate map key 2"},
		{name: "bytes behind the claims", in: hand(forgery{payload: goodClaims + "00"}), want: access.InvalidPass, why: "1 bytes of extraneous"},
		{name: "claims of a length that is not said", in: hand(forgery{payload: "bf" + goodClaims[2:] + "ff"}), want: access.InvalidPass, why: "indefinite-length"},
		{name: "a claim that we do not know", in: hand(forgery{payload: "a7 3a00010003 01" + goodClaims[2:]}), want: access.InvalidPass, why: "unknown field"},
		{name: "bound to a holder's key", in: hand(forgery{payload: "a7 08 a0" + goodClaims[2:]}), want: access.InvalidPass, why: "unknown field"},
		{name: "a claim named by text", in: hand(forgery{payload: "a7 63 737562 01" + goodClaims[2:]}), want: access.InvalidPass, why: "unknown field"},
		{name: "another site", in: claims("6a 74726173746576657265", "65 6d6f6e7469"), want: access.InvalidPass},
		{name: "no site", in: hand(forgery{payload: strings.Replace(instead(t, "03 6a 74726173746576657265", ""), "a6", "a5", 1)}), want: access.InvalidPass, why: "site: 0 bytes"},
		{name: "two sites", in: claims("6a 74726173746576657265", "82 6a 74726173746576657265 61 61"), want: access.InvalidPass, why: "type string"},
		{name: "a short subject", in: claims("48 0102030405060708", "47 01020304050607"), want: access.InvalidPass, why: "subject: 7"},
		{name: "a long subject", in: claims("48 0102030405060708", "51 0102030405060708090a0b0c0d0e0f1011"), want: access.InvalidPass, why: "subject: 17"},
		{name: "a subject that is text", in: claims("48 0102030405060708", "68 3132333435363738"), want: access.InvalidPass, why: "wire.2"},
		{name: "a subject that is a list", in: claims("48 0102030405060708", "88 0102030405060708"), want: access.InvalidPass, why: "wire.2"},
		{name: "a short id", in: claims("48 a1a2a3a4a5a6a7a8", "41 a1"), want: access.InvalidPass, why: "id: 1 bytes"},
		{name: "an end that is null", in: claims("04 1a69a82cd0", "04 f6"), want: access.InvalidPass, why: "simple value 22"},
		{name: "an end with a fraction", in: claims("04 1a69a82cd0", "04 fb41da6a0b34000000"), want: access.InvalidPass, why: "wire.4"},
		{name: "an end before the beginning", in: claims("1a69a82cd0", "1a69a81ec0"), want: access.InvalidPass, why: "before it begins"},
		{name: "an end in the year 292 billion", in: claims("1a69a82cd0", "1b7fffffffffffffff"), want: access.InvalidPass, why: "out of range"},
		{name: "an end beyond counting", in: claims("1a69a82cd0", "1bffffffffffffffff"), want: access.InvalidPass, why: "overflows"},
		{name: "a beginning before 1970", in: claims("1a69a81ec0", "20"), want: access.InvalidPass, why: "out of range"},
		{name: "two years long", in: claims("1a69a82cd0", "1a6d69b940"), want: access.InvalidPass, why: "it lasts"},
		{name: "no mode", in: hand(forgery{payload: strings.Replace(instead(t, "3a00010000 01", ""), "a6", "a5", 1)}), want: access.InvalidPass, why: "mode 0"},
		{name: "mode 4", in: claims("3a00010000 01", "3a00010000 04"), want: access.InvalidPass, why: "mode 4"},
		{name: "mode 257", in: claims("3a00010000 01", "3a00010000 190101"), want: access.InvalidPass, why: "overflows"},
		{name: "uses of a single pass", in: hand(forgery{payload: "a7 3a00010001 02" + goodClaims[2:]}), want: access.InvalidPass, why: "2 uses of a single"},
		{name: "many uses without a number", in: claims("3a00010000 01", "3a00010000 02"), want: access.InvalidPass, why: "0 uses of a multi"},
		{name: "live for an hour", in: claims("3a00010000 01", "3a00010000 03"), want: access.InvalidPass, why: "a live pass of"},
		{name: "no door at all", in: hand(forgery{payload: "a7 3a00010002 80" + goodClaims[2:]}), want: access.InvalidPass, why: "0 doors"},
		{name: "doors that are null", in: hand(forgery{payload: "a7 3a00010002 f6" + goodClaims[2:]}), want: access.InvalidPass, why: "simple value 22"},
		{name: "doors that are text", in: hand(forgery{payload: "a7 3a00010002 65 66726f6e74" + goodClaims[2:]}), want: access.InvalidPass, why: "type []string"},
		{name: "a door without a name", in: hand(forgery{payload: "a7 3a00010002 81 60" + goodClaims[2:]}), want: access.InvalidPass, why: "0 bytes, want 1"},
		{name: "another door", in: golden, change: door("rear"), want: access.InvalidPass},
		{name: "ended, within the skew", in: golden, change: at(time.Hour + printedSkew - 1), want: access.Granted},
		{name: "ended", in: golden, change: at(time.Hour + printedSkew), want: access.Expired},
		{name: "early, within the skew", in: golden, change: at(-printedSkew), want: access.Granted},
		{name: "early", in: golden, change: at(-printedSkew - 1), want: access.NotYet},
	}
	v := newVerifier(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := v.open(tt.in); (err == nil) != (tt.why == "") || err != nil && !strings.Contains(err.Error(), tt.why) {
				t.Errorf("it fails by %v, want %q", err, tt.why)
			}
			for _, kind := range []access.Kind{access.QR, access.Pass} {
				offer := shown(tt.in)
				offer.Kind = kind
				if tt.change != nil {
					tt.change(&offer)
				}
				got := v.Verify(offer)
				if got.Fault != tt.want || got.Kind != access.Pass {
					t.Errorf("as %v: got %v of kind %v, want %v of kind pass", kind, got.Fault, got.Kind, tt.want)
				}
				if got.Claim.Present() != (tt.want == access.Granted) {
					t.Errorf("as %v: %v claims %+v", kind, got.Fault, got.Claim)
				}
				if got.Fault == access.InvalidPass && tt.name != "another door" && got.Value != "" {
					t.Errorf("as %v: a forged pass told whom it stands for", kind)
				}
			}
		})
	}
}

func TestEveryFlippedBitOfAPassIsRefused(t *testing.T) {
	v := newVerifier(t)
	raw, err := decode45(golden[len(passPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(raw) {
		wrong := bytes.Clone(raw)
		wrong[i/8] ^= 1 << (i % 8)
		if got := v.Verify(shown(passPrefix + encode45(wrong))); got.Fault != access.InvalidPass {
			t.Fatalf("bit %d: got %v, want invalid_pass", i, got.Fault)
		}
	}
	for i := range len(raw) {
		if got := v.Verify(shown(passPrefix + encode45(raw[:i]))); got.Fault != access.InvalidPass {
			t.Fatalf("cut to %d bytes: got %v, want invalid_pass", i, got.Fault)
		}
	}
}

func TestKeysOfOneIDAreAllTried(t *testing.T) {
	v := newVerifier(t)
	v.issuers[0].id = v.issuers[1].id // as a clash of hashes would be
	text := forgery{key: testKey(100)}.text(t)
	if got := v.Verify(shown(text)); got.Fault != access.Granted || got.Issuer != "cloud" {
		t.Errorf("got %v by %q, want granted by cloud", got.Fault, got.Issuer)
	}
}

func TestModesDifferInWhatTheyUseUp(t *testing.T) {
	v := newVerifier(t)
	claim := func(text, door string) access.Claim {
		t.Helper()
		o := Offer{Kind: access.QR, Value: text, Door: door, At: noon}
		r := v.Verify(o)
		if r.Fault != access.Granted {
			t.Fatalf("got %v", r.Fault)
		}
		return r.Claim
	}
	single := issue(t, nil)
	multi := issue(t, func(c *Claims) { c.Mode, c.MaxUses = Multi, 5 })
	live := issue(t, func(c *Claims) { c.Mode, c.Until = Live, noon.Add(time.Minute) })
	if a, b := claim(single, "front"), claim(single, "rear"); a != b || a.Uses != 1 {
		t.Errorf("a single pass: %+v and %+v, want one use for both doors", a, b)
	}
	if a, b := claim(multi, "front"), claim(multi, "rear"); a != b || a.Uses != 5 {
		t.Errorf("a multi pass: %+v and %+v, want five uses for both doors", a, b)
	}
	if a, b := claim(live, "front"), claim(live, "rear"); a.Key == b.Key || a.Uses != 1 || b.Uses != 1 {
		t.Errorf("a live pass: %+v and %+v, want a use of its own for each door", a, b)
	}
	if got := v.Verify(shown(multi)).Assurance; got != access.LowAssured {
		t.Errorf("what can be used again is %v, want low: a copy is a photo away", got)
	}
	// The same id of another issuer is another pass.
	other := forgery{key: testKey(100)}.text(t)
	if a, b := claim(single, "front"), claim(other, "front"); a.Key == b.Key {
		t.Error("one issuer can use up the passes of another")
	}
}

func TestClockDecidesWhatAPassIsWorth(t *testing.T) {
	printed := issue(t, nil)
	live := issue(t, func(c *Claims) { c.Mode, c.Until = Live, noon.Add(time.Minute) })
	tests := []struct {
		name, in string
		clock    access.ClockState
		anyClock bool
		at       time.Duration
		want     access.Reason
	}{
		{name: "live, synced", in: live, want: access.Granted},
		{name: "live, within the skew", in: live, at: time.Minute + liveSkew - 1, want: access.Granted},
		{name: "live, ended", in: live, at: time.Minute + liveSkew, want: access.Expired},
		{name: "live, early", in: live, at: -liveSkew - 1, want: access.NotYet},
		{name: "live, free-running", in: live, clock: access.ClockFreeRunning, want: access.Clock},
		{name: "live, at home", in: live, clock: access.ClockUnset, anyClock: true, want: access.Clock},
		{name: "printed, free-running", in: printed, clock: access.ClockFreeRunning, want: access.Granted},
		{name: "printed, jumped", in: printed, clock: access.ClockJumped, want: access.Clock},
		{name: "printed, unset", in: printed, clock: access.ClockUnset, want: access.Clock},
		{name: "printed, at home", in: printed, clock: access.ClockUnset, anyClock: true, want: access.Granted},
		{name: "printed, at home, begins within a day", in: printed, clock: access.ClockUnset, anyClock: true, at: -tooEarly, want: access.Granted},
		{name: "printed, at home, begins later", in: printed, clock: access.ClockUnset, anyClock: true, at: -tooEarly - 1, want: access.NotYet},
		{name: "printed, at home, begins later, clock right", in: printed, anyClock: true, at: -time.Hour, want: access.NotYet},
		{name: "ended by any clock", in: printed, clock: access.ClockUnset, at: 2 * time.Hour, want: access.Expired},
	}
	v := newVerifier(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := v.Verify(Offer{Kind: access.QR, Value: tt.in, Door: "front", At: noon.Add(tt.at), Clock: tt.clock, AnyClock: tt.anyClock})
			if got.Fault != tt.want {
				t.Errorf("got %v, want %v", got.Fault, tt.want)
			}
		})
	}
}

func TestIssueSignsNothingThatNoGatewayAccepts(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Claims)
		want   string
	}{
		{"no site", func(c *Claims) { c.Site = "" }, "site"},
		{"a short id", func(c *Claims) { c.ID = c.ID[:7] }, "id: 7 bytes"},
		{"a long subject", func(c *Claims) { c.Subject = make([]byte, 17) }, "subject: 17 bytes"},
		{"ends as it begins", func(c *Claims) { c.Until = c.From }, "ends"},
		{"two years", func(c *Claims) { c.Until = c.From.AddDate(2, 0, 0) }, "lasts"},
		{"a live pass of an hour", func(c *Claims) { c.Mode = Live }, "live"},
		{"no mode", func(c *Claims) { c.Mode = 0 }, "mode 0"},
		{"many uses, but how many", func(c *Claims) { c.Mode = Multi }, "0 uses"},
		{"no doors", func(c *Claims) { c.Doors = []string{} }, "0 doors"},
		{"doors that do not fit", func(c *Claims) {
			for i := range maxDoors {
				c.Doors = append(c.Doors, fmt.Sprintf("a-door-with-a-long-name-%d", i))
			}
		}, "fewer doors"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			if _, err := Issue(testKey(0), c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := Issue(ed25519.PrivateKey("short"), good()); err == nil {
		t.Error("a short key signed")
	}
}

// A pass of the usual size fits a QR code of version 8 at level M: 221
// characters (ISO/IEC 18004 table 7).
func TestUsualPassFitsASmallCode(t *testing.T) {
	if got := len(issue(t, nil)); got > 221 {
		t.Errorf("%d characters, want at most 221", got)
	} else {
		t.Logf("%d characters", got)
	}
}

func TestVerifierRefusesKeysThatAreNone(t *testing.T) {
	for name, s := range map[string]Settings{
		"a short issuer key": {Issuers: []Issuer{{"desk", public(testKey(0))[:31]}}},
		"a short tag key":    {SUNMAC: zeroKey[:15]},
		"a long tag key":     {SUNMAC: zeroKey, SUNMeta: make(Secret, 24)},
		"nothing to prove":   {SUNMeta: zeroKey},
	} {
		if _, err := New(s); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if got := fmt.Sprintf("%v %s %x %+v", zeroKey, zeroKey, zeroKey, Settings{SUNMAC: zeroKey}); strings.Contains(got, "0000") || strings.Contains(got, "0 0") {
		t.Errorf("a key was shown: %s", got)
	}
}
