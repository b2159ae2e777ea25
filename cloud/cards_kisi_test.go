package cloud

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/wiegand"
)

// lowFrequency are cards as Kisi stores them, and as a reader sends them: the
// bits, packed, and the format that the reader is set to. The bits are those
// that hw/wiegand tests against cards of others.
var lowFrequency = []struct {
	name   string
	card   kisi.Card
	format string // of the reader; empty: not set
	bits   string // hex, the first bit highest
	n      int
}{
	{"H10301", kisi.Card{Type: "third_party_lf_hid_h10301", FacilityCode: "123", CardNumber: "4567"}, "", "BD88EB80", 26},
	{"H10301 with zeros in front", kisi.Card{Type: "third_party_lf_hid_h10301", FacilityCode: "056", CardNumber: "00150"}, "h10301", "9C004B40", 26},
	{"H10302", kisi.Card{Type: "third_party_lf_hid_h10302", CardNumber: "12345678901"}, "h10302", "ADFDC1C350", 37},
	{"H10304", kisi.Card{Type: "third_party_lf_hid_h10304", FacilityCode: "40000", CardNumber: "500001"}, "h10304", "CE207A1210", 37},
	{"H2004064", kisi.Card{Type: "third_party_lf_hid_h2004064", FacilityCode: "260", CardNumber: "75458"}, "h2004064", "C00104024D84", 48},
	{"H2004064 under its other name", kisi.Card{Type: "third_party_lf_hid_h2004064", FacilityCode: "260", CardNumber: "75458"}, "corporate1000-48", "C00104024D84", 48},
	{"D10202", kisi.Card{Type: "third_party_lf_hid_d10202", FacilityCode: "101", CardNumber: "7654321"}, "d10202", "E574CBB100", 33},
	{"Corporate 1000", kisi.Card{Type: "third_party_lf_hid_corporate1000_35", FacilityCode: "1439", CardNumber: "183464"}, "corporate1000-35", "167CB32A20", 35},
	{"EM of 26", kisi.Card{Type: "third_party_lf_em_410x_26", FacilityCode: "123", CardNumber: "4567"}, "em410x-26", "BD88EB80", 26},
	{"EM of 26 at a reader that is not told", kisi.Card{Type: "third_party_lf_em_410x_26", FacilityCode: "123", CardNumber: "4567"}, "", "BD88EB80", 26},
	{"EM of 34", kisi.Card{Type: "third_party_lf_em_410x_32_34", CardID: "4102034567"}, "em410x-32-34", "7A400A43C0", 34},
	{"EM of 32", kisi.Card{Type: "third_party_lf_em_410x_32_34", CardID: "4102034567"}, "em410x-32-34", "F4801487", 32},
	{"Keyscan", kisi.Card{Type: "third_party_lf_keyscan_c15001", OEM: "900", FacilityCode: "118", CardNumber: "1603"}, "c15001", "F08EC0C860", 36},
	{"bits, length told", kisi.Card{Type: "third_party_lf", UID: "1E900290F", Length: "34"}, "", "7A400A43C0", 34},
	{"bits, length left out", kisi.Card{Type: "third_party_lf", UID: "1e900290f"}, "", "7A400A43C0", 34},
	{"26 bits as they are", kisi.Card{Type: "third_party_lf", UID: "2F623AE"}, "raw", "BD88EB80", 26},
}

func TestCardOfKisiMeetsItsBitsAtTheReader(t *testing.T) {
	covered := map[string]bool{}
	for _, tt := range lowFrequency {
		covered[tt.card.Type] = true
		kind, forms, err := kisiForms(&tt.card)
		if err != nil || kind != access.Wiegand {
			t.Errorf("%s: kind %s, %v", tt.name, kind, err)
			continue
		}
		bits, err := hex.DecodeString(tt.bits)
		if err != nil {
			t.Fatal(err)
		}
		value, err := wiegand.Decode(tt.format, bits, tt.n)
		if err != nil || !slices.Contains(forms, value) {
			t.Errorf("%s: the reader tells %q, %v; the rows are %q", tt.name, value, err, forms)
		}
	}
	for name := range kisiWiegand {
		if !covered[name] {
			t.Errorf("%s: no card of this type is tried", name)
		}
	}
}

func TestFormatsAreThoseThatReadersKnow(t *testing.T) {
	var ours []string
	for name := range wiegandFormats {
		ours = append(ours, name)
	}
	slices.Sort(ours)
	theirs := slices.DeleteFunc(wiegand.Formats(), func(name string) bool { return name == wiegand.Raw })
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("readers, sources differ:\n%s", diff)
	}
}

func TestOneCardIsNotAnother(t *testing.T) {
	seen := map[string]string{}
	for _, tt := range lowFrequency {
		_, forms, _ := kisiForms(&tt.card)
		for _, form := range forms {
			name := tt.card.Type + string(tt.card.OEM+tt.card.FacilityCode+tt.card.CardNumber+tt.card.CardID) + strings.ToLower(tt.card.UID)
			// 26 bits of HID and of EM are one card on the wire.
			if other, twice := seen[form]; twice && other != name && !strings.HasPrefix(form, "h10301:123:") {
				t.Errorf("%s: also %s", tt.name, other)
			}
			seen[form] = name
		}
	}
}

func TestCardsOfKisiThatNobodyCanReadHaveNoForm(t *testing.T) {
	for _, tt := range []struct {
		name string
		card kisi.Card
		bad  bool
	}{
		{"data block", kisi.Card{Type: "third_party_hf_mifare_classic", DataBlock: "00112233"}, false},
		{"pass that hides its UID", kisi.Card{Type: "mifare_desfire", Token: "12345678"}, false},
		{"a type of tomorrow", kisi.Card{Type: "third_party_uwb"}, false},
		{"Keyscan without its OEM number", kisi.Card{Type: "third_party_lf_keyscan_c15001", FacilityCode: "118", CardNumber: "1603"}, true},
		{"no number", kisi.Card{Type: "third_party_lf_hid_h10301", FacilityCode: "118"}, true},
		{"no hex", kisi.Card{Type: "third_party_lf", UID: "12345x"}, true},
		{"no bits", kisi.Card{Type: "third_party_lf"}, true},
		{"more bits than told", kisi.Card{Type: "third_party_lf", UID: "FFFFFFF", Length: "26"}, true},
	} {
		_, forms, err := kisiForms(&tt.card)
		if (err != nil) != tt.bad || err == nil && len(forms) != 0 {
			t.Errorf("%s: got %q, %v", tt.name, forms, err)
		}
	}
}
