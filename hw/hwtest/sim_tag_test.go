package hwtest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"
	"slices"
	"testing"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// pkocHolds says whether a signature of R and S is that of a public key over a
// transaction identifier.
func pkocHolds(t *testing.T, public, transaction, signature []byte) bool {
	t.Helper()
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), public)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(transaction)
	return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func TestPKOCSignsTheTransaction(t *testing.T) {
	// The vector of a public implementation shows that this is what is signed.
	if !pkocHolds(t,
		unhex(t, "040ec5d87dc39d14a2c5480686da860c82b16be0b6903b525f84848b79fd463e32bbda1f0252c33503c5287035e6eac55d138d0650dcfb5281d59a9cf4124d2831"),
		unhex(t, "6fcf5012b224043b09350a4fc5e56a8f"),
		unhex(t, "b98613070c78010b04ed306d143f94ee6dc4eca2585b621405731fb3a53cd877a21685de18435da7cbcc38f1d926300a454efee3594cec5effe28c7feac03d7d")) {
		t.Fatal("the published vector does not hold")
	}
	tests := []struct {
		name       string
		habit      hwtest.PKOCHabit
		first, now bool // whether the signature holds for the transaction
	}{
		{"honest", hwtest.PKOCHonest, true, true},
		{"wrong signature", hwtest.PKOCWrongSign, false, false},
		{"replays", hwtest.PKOCReplays, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			card := hwtest.NewPKOCPhone(nil)
			card.SetHabit(tt.habit)
			card.PowerUp()
			card.Select()
			if got := card.Exchange(unhex(t, "808000010400000000 00")); bytes.HasSuffix(got, []byte{0x90, 0x00}) {
				t.Error("authenticates before it is selected")
			}
			if got, want := card.Exchange(unhex(t, "00A4040008A00000089800000100")), unhex(t, "5C0201009000"); !bytes.Equal(got, want) {
				t.Fatalf("select: got % X, want % X", got, want)
			}
			for i, want := range []bool{tt.first, tt.now} {
				transaction := bytes.Repeat([]byte{byte(i + 1)}, 16)
				command := slices.Concat(unhex(t, "8080000138 5C020100 4C10"), transaction, unhex(t, "4D20"), make([]byte, 32), []byte{0})
				got := card.Exchange(command)
				if len(got) != 135 || !bytes.Equal(got[:2], []byte{0x5A, 0x41}) || !bytes.Equal(got[67:69], []byte{0x9E, 0x40}) {
					t.Fatalf("got % X", got)
				}
				if public := got[2:67]; !bytes.Equal(public, card.PublicKey()) {
					t.Errorf("public key: got % X", public)
				}
				if holds := pkocHolds(t, got[2:67], transaction, got[69:133]); holds != want {
					t.Errorf("answer %d holds: got %t, want %t", i+1, holds, want)
				}
			}
		})
	}
}

func TestCardsWithoutOurApplicationsSaySo(t *testing.T) {
	for name, card := range map[string]hwtest.Tag{
		"DESFire": hwtest.NewDESFire("04A1B2C3D4E5F6"), "phone": hwtest.NewPhone(),
		"shared UID": hwtest.NewPhoneWithUID("01020304"), "bank card": hwtest.NewBankCard(),
	} {
		card.PowerUp()
		target := card.Select()
		if target.SEL&0x20 == 0 || int(target.ATS[0]) != len(target.ATS) {
			t.Errorf("%s: got %+v", name, target)
		}
		for _, sel := range []string{"00A4040008A00000089800000100", "00A4040007D276000085010100"} {
			if got := card.Exchange(unhex(t, sel)); !bytes.Equal(got, []byte{0x6A, 0x82}) {
				t.Errorf("%s: %s: got % X, want 6A 82", name, sel, got)
			}
		}
	}
}

func TestPhoneDrawsAUIDForEachField(t *testing.T) {
	for _, phone := range []hwtest.Tag{hwtest.NewPhone(), hwtest.NewBankCard(), hwtest.NewPKOCPhone(nil), hwtest.NewType4Phone(nil)} {
		seen := map[string]bool{}
		for range 8 {
			phone.PowerUp()
			uid := phone.Select().UID
			if len(uid) != 4 || uid[0] != 0x08 || !bytes.Equal(uid, phone.Select().UID) {
				t.Fatalf("got % X", uid)
			}
			seen[string(uid)] = true
		}
		if len(seen) < 7 {
			t.Errorf("8 fields: got %d UIDs", len(seen))
		}
	}
}

func TestNTAGReadsAsItsDataSheetSays(t *testing.T) {
	message := hwtest.NDEFText("en", "hello")
	tests := []struct {
		model       int
		cc, version string
		last        byte
	}{
		{213, "E1101200 0103A00C 34030CD1 01085402", "0004040201000F03", 44},
		{215, "E1103E00 030CD101 08540265 6E68656C", "0004040201001103", 134},
		{216, "E1106D00 030CD101 08540265 6E68656C", "0004040201001303", 230},
	}
	for _, tt := range tests {
		tag := hwtest.NewNTAG(tt.model, "04C63A63110189", message)
		tag.Select()
		for _, ask := range []struct{ in, want string }{
			{"3003", tt.cc},
			{"60", tt.version},
			{"3000", "04C63A70 63110189 FA480000 E110" + tt.cc[4:6] + "00"},
			{"3A0303", tt.cc[:8]},
		} {
			if got, want := tag.Exchange(unhex(t, ask.in)), unhex(t, ask.want); !bytes.Equal(got, want) {
				t.Errorf("NTAG%d: %s: got % X, want % X", tt.model, ask.in, got, want)
			}
		}
		if got := tag.Exchange([]byte{0x30, tt.last}); len(got) != 16 || !bytes.Equal(got[4:8], unhex(t, "04C63A70")) {
			t.Errorf("NTAG%d: its last page: got % X, want it to go on at page 0", tt.model, got)
		}
		if got := tag.Exchange([]byte{0x30, tt.last + 1}); got != nil {
			t.Errorf("NTAG%d: behind its last page: got % X", tt.model, got)
		}
		if got := tag.Exchange([]byte{0x30, 0}); got != nil {
			t.Errorf("NTAG%d: after a mistake: got % X, want silence until it is selected", tt.model, got)
		}
	}
}
