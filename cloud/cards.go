package cloud

import (
	"encoding/hex"
	"errors"
	"fmt"
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

// codeForm is an optical code as its reader tells it: the text itself.
func codeForm(text string) (string, error) {
	if text == "" || utf8.RuneCountInString(text) > maxCode || strings.TrimSpace(text) != text {
		return "", errCode
	}
	return text, nil
}

// wiegandFormats are the low-frequency formats whose bits are cut into
// numbers, by the name that is part of the value, and how many numbers there
// are: facility and card, or the card alone.
var wiegandFormats = map[string]int{
	"h10301":           2, // HID 26 bits
	"h10302":           1, // HID 37 bits without facility
	"h10304":           2, // HID 37 bits
	"h2004064":         2,
	"d10202":           2, // HID 33 bits
	"corporate1000-35": 2, // HID 35 bits
	"em410x-26":        2,
	"em410x-32-34":     1,
	"c15001":           2, // Keyscan 36 bits
}

func wiegandNames() []string {
	names := make([]string, 0, len(wiegandFormats)+1)
	for name := range wiegandFormats {
		names = append(names, name)
	}
	slices.Sort(names)
	return append(names, "raw:bits:hex")
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
	if numbers, known := wiegandFormats[parts[0]]; !known || len(parts) != numbers+1 {
		return "", errWiegand
	}
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
	digits := strings.TrimLeft(value, "0")
	if err != nil || n == 0 || value == "" || len(digits) > (int(n)+3)/4 || strings.Trim(value, "0123456789abcdef") != "" {
		return "", errWiegand
	}
	// As many digits as the bits need: leading zeros are part of no card.
	return fmt.Sprintf("raw:%d:%s%s", n, strings.Repeat("0", (int(n)+3)/4-len(digits)), digits), nil
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
