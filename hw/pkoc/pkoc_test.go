package pkoc_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/hw/pkoc"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The published vector of a card that signed.
const (
	vectorKey = "040ec5d87dc39d14a2c5480686da860c82b16be0b6903b525f84848b79fd463e32" +
		"bbda1f0252c33503c5287035e6eac55d138d0650dcfb5281d59a9cf4124d2831"
	vectorTransaction = "6fcf5012b224043b09350a4fc5e56a8f"
	vectorSignature   = "b98613070c78010b04ed306d143f94ee6dc4eca2585b621405731fb3a53cd877" +
		"a21685de18435da7cbcc38f1d926300a454efee3594cec5effe28c7feac03d7d"
	vectorAnswer = "5A41" + vectorKey + "9E40" + vectorSignature + "9000"
)

func TestPublishedVectorProvesItsKey(t *testing.T) {
	answer, err := pkoc.ParseAuthenticate(unhex(t, vectorAnswer))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Value() != vectorKey {
		t.Errorf("value: got %s, want %s", answer.Value(), vectorKey)
	}
	proof := answer.Proof([pkoc.TransactionSize]byte(unhex(t, vectorTransaction)))
	if got, want := hex.EncodeToString(proof), vectorTransaction+vectorSignature; got != want {
		t.Errorf("proof: got %s, want %s", got, want)
	}
	if err := pkoc.VerifyProof(answer.Value(), proof); err != nil {
		t.Errorf("got %v, want a proof", err)
	}
}

func TestEveryFlippedBitOfAProofIsRefused(t *testing.T) {
	key, proof := unhex(t, vectorKey), unhex(t, vectorTransaction+vectorSignature)
	for i := range 8 * len(proof) {
		wrong := slices.Clone(proof)
		wrong[i/8] ^= 1 << (i % 8)
		if err := pkoc.VerifyProof(vectorKey, wrong); !errors.Is(err, pkoc.ErrProof) {
			t.Fatalf("bit %d of the proof: got %v, want ErrProof", i, err)
		}
	}
	for i := range 8 * len(key) {
		wrong := slices.Clone(key)
		wrong[i/8] ^= 1 << (i % 8)
		if err := pkoc.VerifyProof(hex.EncodeToString(wrong), proof); !errors.Is(err, pkoc.ErrProof) {
			t.Fatalf("bit %d of the key: got %v, want ErrProof", i, err)
		}
	}
}

func TestWhatIsNoProofIsRefused(t *testing.T) {
	good := vectorTransaction + vectorSignature
	order := elliptic.P256().Params().N.FillBytes(make([]byte, 32))
	for _, tt := range []struct{ name, key, proof string }{
		{"nothing", vectorKey, ""},
		{"no signature", vectorKey, vectorTransaction},
		{"a byte more", vectorKey, good + "00"},
		{"R and S of zero", vectorKey, vectorTransaction + strings.Repeat("00", 64)},
		{"S as large as the order", vectorKey, vectorTransaction + vectorSignature[:64] + hex.EncodeToString(order)},
		{"R as large as the order", vectorKey, vectorTransaction + hex.EncodeToString(order) + vectorSignature[64:]},
		{"no key", "", good},
		{"the point at infinity", "00", good},
		{"a compressed key", "03" + vectorKey[2:66], good},
		{"a point off the curve", "04" + strings.Repeat("11", 64), good},
		{"upper-case hex, a second form of one key", strings.ToUpper(vectorKey), good},
		{"no hex", "zz", good},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := pkoc.VerifyProof(tt.key, unhex(t, tt.proof)); !errors.Is(err, pkoc.ErrProof) {
				t.Errorf("got %v, want ErrProof", err)
			}
		})
	}
}

func TestFreshKeyProvesItself(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var transaction [pkoc.TransactionSize]byte
	_, _ = rand.Read(transaction[:])
	digest := sha256.Sum256(transaction[:])
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	key, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	if err := pkoc.Verify(key, transaction[:], signature); err != nil {
		t.Errorf("got %v, want a proof", err)
	}
	transaction[0]++ // an answer of before, offered again
	if err := pkoc.Verify(key, transaction[:], signature); !errors.Is(err, pkoc.ErrProof) {
		t.Errorf("another transaction: got %v, want ErrProof", err)
	}
}

func TestCommandsAreThoseOfTheSpecification(t *testing.T) {
	if got, want := pkoc.Select(), unhex(t, "00 A4 04 00 08 A000000898000001 00"); !bytes.Equal(got, want) {
		t.Errorf("select: got % X, want % X", got, want)
	}
	reader := [pkoc.ReaderSize]byte(bytes.Repeat([]byte{0x77}, pkoc.ReaderSize))
	got := pkoc.Authenticate([pkoc.TransactionSize]byte(unhex(t, vectorTransaction)), reader)
	want := unhex(t, "80 80 00 01 38 5C 02 0100 4C 10"+vectorTransaction+"4D 20"+strings.Repeat("77", 32)+"00")
	if !bytes.Equal(got, want) {
		t.Errorf("authenticate: got % X, want % X", got, want)
	}
}

func TestSelectTakesOnlyAKnownVersion(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"version 1.0", "5C 02 0100 9000", nil},
		{"several versions", "5C 04 0200 0100 9000", nil},
		{"beside an unknown field", "99 01 00 5C 02 0100 9000", nil},
		{"another version", "5C 02 0200 9000", pkoc.ErrVersion},
		{"no such application", "6A82", pkoc.ErrRefused},
		{"versions, but refused", "5C 02 0100 6985", pkoc.ErrRefused},
		{"no version", "9000", pkoc.ErrMalformed},
		{"half a version", "5C 01 01 9000", pkoc.ErrMalformed},
		{"cut short", "5C 02 01 9000", pkoc.ErrMalformed},
		{"two fields of versions", "5C 02 0100 5C 02 0100 9000", pkoc.ErrMalformed},
		{"nothing", "", pkoc.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := pkoc.ParseSelect(unhex(t, tt.in)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAnswerOfAnotherFormIsRefused(t *testing.T) {
	whole := unhex(t, vectorAnswer)
	for n := range whole {
		if _, err := pkoc.ParseAuthenticate(whole[:n]); err == nil {
			t.Errorf("the first %d bytes of an answer were taken", n)
		}
	}
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"not authenticated", "6300", pkoc.ErrRefused},
		{"no signature", "5A41" + vectorKey + "9000", pkoc.ErrMalformed},
		{"no key", "9E40" + vectorSignature + "9000", pkoc.ErrMalformed},
		{"two keys", "5A41" + vectorKey + vectorAnswer, pkoc.ErrMalformed},
		{"a compressed key", "5A21" + "03" + vectorKey[2:66] + "9E40" + vectorSignature + "9000", pkoc.ErrMalformed},
		{"a key of another form", "5A41" + "06" + vectorKey[2:] + "9E40" + vectorSignature + "9000", pkoc.ErrMalformed},
		{"a short signature", "5A41" + vectorKey + "9E3F" + vectorSignature[2:] + "9000", pkoc.ErrMalformed},
		{"a byte after the last field", "5A41" + vectorKey + "9E40" + vectorSignature + "00 9000", pkoc.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := pkoc.ParseAuthenticate(unhex(t, tt.in)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{vectorAnswer, "5C020100" + "9000", "6A82", "", "9000", "5A", "5AFF9000", "9E40" + vectorSignature + "5A41" + vectorKey + "9000"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		_ = pkoc.ParseSelect(in)
		answer, err := pkoc.ParseAuthenticate(in)
		if err != nil {
			return
		}
		if answer.Key[0] != 0x04 || !bytes.Contains(in, answer.Key[:]) || !bytes.Contains(in, answer.Signature[:]) {
			t.Errorf("% X: an answer that is not in it", in)
		}
		// Whatever else it is: nobody signs our transaction by chance.
		err = pkoc.VerifyProof(answer.Value(), answer.Proof([pkoc.TransactionSize]byte{1, 2, 3}))
		if !errors.Is(err, pkoc.ErrProof) {
			t.Errorf("% X: got %v, want ErrProof", in, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	proof := unhex(b, vectorTransaction+vectorSignature)
	for b.Loop() {
		if err := pkoc.VerifyProof(vectorKey, proof); err != nil {
			b.Fatal(err)
		}
	}
}
