package cloud

import (
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// kisiWiegand is the format of each of Kisi's types of low-frequency card that
// has numbers (OpenAPI document, Card).
var kisiWiegand = map[string]string{
	"third_party_lf_hid_h10301":           "h10301",
	"third_party_lf_hid_h10302":           "h10302",
	"third_party_lf_hid_h10304":           "h10304",
	"third_party_lf_hid_h2004064":         "h2004064",
	"third_party_lf_hid_d10202":           "d10202",
	"third_party_lf_hid_corporate1000_35": "corporate1000-35",
	"third_party_lf_em_410x_26":           "em410x-26",
	"third_party_lf_em_410x_32_34":        "em410x-32-34",
	"third_party_lf_keyscan_c15001":       "c15001",
}

// kisiForms is what readers tell of a card of Kisi's, by its type. A card that
// no reader of ours can tell has no forms: a MIFARE Classic data block, and a
// Kisi pass that does not show its UID.
func kisiForms(card *kisi.Card) (kind access.Kind, forms []string, err error) {
	switch card.Type {
	case "third_party_hf", "mifare_desfire":
		if card.UID == "" {
			return access.Card, nil, nil
		}
		forms, err = cardForms(card.UID)
		return access.Card, forms, err
	case "third_party_qr_code", "third_party_barcode":
		form, err := codeForm(card.UID)
		return access.QR, []string{form}, err
	case "third_party_lf":
		forms, err = bitForms(card)
		return access.Wiegand, forms, err
	}
	format, known := kisiWiegand[card.Type]
	if !known {
		return access.NoKind, nil, nil
	}
	forms, err = wiegandForms(format + ":" + strings.Join(kisiNumbers(card), ":"))
	return access.Wiegand, forms, err
}

// kisiNumbers are the numbers of a card in the order of its value.
func kisiNumbers(card *kisi.Card) []string {
	switch card.Type {
	case "third_party_lf_hid_h10302":
		return []string{string(card.CardNumber)}
	case "third_party_lf_em_410x_32_34":
		return []string{string(card.CardID)}
	case "third_party_lf_keyscan_c15001":
		return []string{string(card.OEM), string(card.FacilityCode), string(card.CardNumber)}
	default:
		return []string{string(card.FacilityCode), string(card.CardNumber)}
	}
}

// bitForms is a card of which Kisi knows the bits and no format. How many bits
// it has Kisi is told when the card is enrolled, and leaves out of its answer as
// documented; then it is every number of bits that needs these hex digits.
func bitForms(card *kisi.Card) ([]string, error) {
	if length := string(card.Length); length != "" {
		form, err := wiegandForm("raw:" + length + ":" + card.UID)
		return []string{form}, err
	}
	var forms []string
	most := 4 * len(card.UID)
	for bits := most; bits > most-4; bits-- {
		form, err := wiegandForm(fmt.Sprintf("raw:%d:%s", bits, card.UID))
		if err != nil {
			break // not so few: the first digit needs more
		}
		forms = append(forms, form)
	}
	if len(forms) == 0 {
		return nil, errWiegand
	}
	return forms, nil
}
