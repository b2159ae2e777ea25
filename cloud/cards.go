package cloud

import (
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tilegate/tilegate/daemon/access"
)

// Limits on what a credential may be. Kisi's uid has 3 to 8 bytes (OpenAPI
// document, Card); ISO 14443-3 knows UIDs of 4, 7 and 10.
const (
	minUID  = 3
	maxUID  = 10
	maxCode = 2000 // characters of an optical code, as Kisi's
)

// Errors about credentials never repeat the value.
var (
	errUID     = fmt.Errorf("a card is not written as %d to %d bytes of hex, as in 04A2B3C4D5E680", minUID, maxUID)
	errPIN     = fmt.Errorf("a pin is not written as %d to %d digits in quotes, as in \"0417\"", access.MinPIN, access.MaxPIN)
	errSubject = errors.New("a pass is not written as its subject, 8 to 16 bytes in hex")
	errKey     = errors.New("a key is not written as a public key on P-256, 65 bytes in hex that begin with 04")
	errCode    = fmt.Errorf("a code is empty, longer than %d characters, or has spaces around it", maxCode)
	errWiegand = errors.New("a Wiegand number is not written as format:facility:number, as in h10301:12:3456 (formats: " + strings.Join(wiegandNames(), ", ") + ")")
)

// cardForms is every form in which readers tell a UID: lower-case hex in air
// order, and the same bytes reversed, since which of them Kisi, an older
// system or a reader calls the UID is documented nowhere.
func cardForms(uid string) ([]string, error) {
	plain := strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, uid)
	raw, err := hex.DecodeString(plain)
	if err != nil || len(raw) < minUID || len(raw) > maxUID {
		return nil, errUID
	}
	forms := []string{hex.EncodeToString(raw)}
	slices.Reverse(raw)
	if turned := hex.EncodeToString(raw); turned != forms[0] {
		forms = append(forms, turned)
	}
	return forms, nil
}

// codeForms is codeForm as a list.
func codeForms(text string) ([]string, error) {
	form, err := codeForm(text)
	return []string{form}, err
}

// passForms is the subject of a signed pass, as docs/PASS.md has it.
func passForms(subject string) ([]string, error) {
	raw, err := hex.DecodeString(subject)
	if err != nil || len(raw) < 8 || len(raw) > 16 {
		return nil, errSubject
	}
	return []string{hex.EncodeToString(raw)}, nil
}

// keyForms is a public key on P-256: 04 and its two coordinates (SEC 1 §2.3.3).
func keyForms(key string) ([]string, error) {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return nil, errKey
	}
	if _, err := ecdh.P256().NewPublicKey(raw); err != nil || len(raw) != 65 {
		return nil, errKey
	}
	return []string{hex.EncodeToString(raw)}, nil
}

// codeForm is an optical code as its reader tells it: the text itself.
func codeForm(text string) (string, error) {
	if text == "" || utf8.RuneCountInString(text) > maxCode || strings.TrimSpace(text) != text {
		return "", errCode
	}
	return text, nil
}

// wiegandFormat is a format whose bits are cut into numbers.
type wiegandFormat struct {
	name    string // in values: one format that has two names has one value
	numbers int    // facility and card, the card alone, or one number more
	// twin is a format with the same bits on the wire. A reader that is not told
	// which of both a card has says this one.
	twin string
}

// pinForm is a PIN as a keypad tells it: the digits themselves, with leading zeros.
func pinForm(digits string) (string, error) {
	if len(digits) < access.MinPIN || len(digits) > access.MaxPIN || strings.Trim(digits, "0123456789") != "" {
		return "", errPIN
	}
	return digits, nil
}

// wiegandFormats are the low-frequency formats by the name that is part of the
// value. Readers know the same names (hw/wiegand).
var wiegandFormats = map[string]wiegandFormat{
	"h10301":           {name: "h10301", numbers: 2},           // HID 26 bits
	"h10302":           {name: "h10302", numbers: 1},           // HID 37 bits without facility
	"h10304":           {name: "h10304", numbers: 2},           // HID 37 bits
	"h10306":           {name: "h10306", numbers: 2},           // HID 34 bits
	"corporate1000-35": {name: "corporate1000-35", numbers: 2}, // HID 35 bits
	"corporate1000-48": {name: "corporate1000-48", numbers: 2}, // HID 48 bits
	"h2004064":         {name: "corporate1000-48", numbers: 2}, // the same by HID's number
	"d10202":           {name: "d10202", numbers: 2},           // HID 33 bits
	"em410x-26":        {name: "em410x-26", numbers: 2, twin: "h10301"},
	"em410x-32-34":     {name: "em410x-32-34", numbers: 1},
	"c15001":           {name: "c15001", numbers: 3}, // Keyscan 36 bits: OEM, facility, card
}

func wiegandNames() []string {
	return append(slices.Sorted(maps.Keys(wiegandFormats)), "raw:bits:hex")
}

// wiegandForms is a Wiegand value in all its forms: the text that readers and
// sources share, and that of the format's twin.
func wiegandForms(text string) ([]string, error) {
	form, err := wiegandForm(text)
	if err != nil {
		return nil, err
	}
	name, numbers, _ := strings.Cut(form, ":")
	if twin := wiegandFormats[name].twin; twin != "" {
		return []string{form, twin + ":" + numbers}, nil
	}
	return []string{form}, nil
}

// wiegandForm is the one text for a Wiegand value, which readers and sources
// share: "h10301:12:3456" with format, facility and card number in decimal
// without leading zeros, "h10302:123456" where the format has no facility, and
// "raw:37:0a1b2c3d4e" with the bits in hex where no format is known.
func wiegandForm(text string) (string, error) {
	parts := strings.Split(strings.ToLower(text), ":")
	if parts[0] == "raw" && len(parts) == 3 {
		return rawWiegand(parts[1], parts[2])
	}
	format, known := wiegandFormats[parts[0]]
	if !known || len(parts) != format.numbers+1 {
		return "", errWiegand
	}
	parts[0] = format.name
	for i, part := range parts[1:] {
		n, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return "", errWiegand
		}
		parts[i+1] = strconv.FormatUint(n, 10)
	}
	return strings.Join(parts, ":"), nil
}

func rawWiegand(bits, value string) (string, error) {
	n, err := strconv.ParseUint(bits, 10, 8)
	number, isHex := new(big.Int).SetString(value, 16)
	if err != nil || n == 0 || !isHex || strings.Trim(value, "0123456789abcdef") != "" || number.BitLen() > int(n) {
		return "", errWiegand
	}
	// As many digits as the bits need: leading zeros are part of no card.
	return fmt.Sprintf("raw:%d:%0*x", n, (int(n)+3)/4, number), nil
}

// credentialRows is one credential in all its forms, as rows of one id.
func credentialRows(key access.DigestKey, id, holder string, kind access.Kind, active bool, forms ...string) []access.Assignment {
	rows := make([]access.Assignment, 0, len(forms))
	for _, form := range forms {
		rows = append(rows, access.Assignment{
			ID: id, Kind: kind, Digest: key.Digest(kind, []byte(form)), Assurance: kind.DefaultAssurance(),
			Holder: holder, Active: active,
		})
	}
	return rows
}
