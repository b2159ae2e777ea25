package hw

import (
	"errors"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/hw/wiegand"
)

func TestBitsAreTheCardThatTheSettingsSay(t *testing.T) {
	const h10301, uid = "BD 88 EB 80", "04 A2 B3 C4 D5 E6 80" // frames V14 of libosdp's tests
	for _, tt := range []struct {
		name  string
		card  cardOptions
		bits  string
		count int
		want  string
	}{
		{"26 bits, nothing said", cardOptions{}, h10301, 26, "wiegand h10301:123:4567"},
		{"26 bits, not cut", cardOptions{Format: "raw"}, h10301, 26, "wiegand raw:26:2f623ae"},
		{"26 bits of a chip", cardOptions{Format: "em410x-26"}, h10301, 26, "wiegand em410x-26:123:4567"},
		{"26 bits, parity wrong", cardOptions{}, "BC 88 EB 80", 26, "error"},
		{"34 bits, nothing said", cardOptions{}, "7A 40 0A 43 C0", 34, "wiegand raw:34:1e900290f"},
		{"34 bits, said", cardOptions{Format: "em410x-32-34"}, "7A 40 0A 43 C0", 34, "wiegand em410x-32-34:4102034567"},
		{"another length than said", cardOptions{Format: "h10301"}, "7A 40 0A 43 C0", 34, "error"},
		{"UID", cardOptions{As: "uid"}, uid, 56, "card 04a2b3c4d5e680"},
		{"UID, last byte first", cardOptions{As: "uid", ReverseBytes: true}, "80 E6 D5 C4 B3 A2 04", 56, "card 04a2b3c4d5e680"},
		{"UID between parity bits", cardOptions{As: "uid", Parity: true}, "C9 17 2C 19 00", 34, "card 922e5832"},
		{"UID of no whole bytes", cardOptions{As: "uid"}, h10301, 26, "error"},
		{"UID of another length", cardOptions{As: "uid"}, "04 A2 B3", 24, "error"},
		{"UID, fewer bytes than told", cardOptions{As: "uid"}, "04 A2 B3", 32, "error"},
		{"code", cardOptions{As: "qr"}, "54 47 31 3A 41", 40, "qr TG1:A"},
		{"code with a control character", cardOptions{As: "qr"}, "54 47 31 3A 00", 40, "error"},
		{"code of no whole bytes", cardOptions{As: "qr"}, "54 47 31 3A 40", 39, "error"},
	} {
		if err := tt.card.check(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := said(tt.card.value(unhex(t, tt.bits), tt.count)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBitsThatAreNoCardSayWhyWithoutThem(t *testing.T) {
	_, _, err := wiegandValue("h10301", unhex(t, "BC 88 EB 80"), 26)
	if !errors.Is(err, errNotAsTold) || !errors.Is(err, wiegand.ErrParity) || strings.ContainsAny(err.Error(), "0123456789") {
		t.Errorf("got %v", err)
	}
}

func TestCardOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct {
		card cardOptions
		want string
	}{
		{cardOptions{As: "card"}, "use one of"},
		{cardOptions{Format: "h1"}, "corporate1000-35"},
		{cardOptions{As: "uid", Format: "h10301"}, "has none"},
		{cardOptions{ReverseBytes: true}, "about a uid"},
		{cardOptions{As: "qr", Parity: true}, "about a uid"},
	} {
		if err := tt.card.check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.card, err, tt.want)
		}
	}
}

// FuzzCardBits looks that bits never panic, whatever a reader says of their
// number (X5).
func FuzzCardBits(f *testing.F) {
	f.Add(unhex(f, "BD 88 EB 80"), 26, uint8(0))
	f.Add(unhex(f, "04 A2 B3 C4 D5 E6 80"), 56, uint8(1))
	f.Add(unhex(f, "C9 17 2C 19 00"), 34, uint8(5))
	f.Add([]byte("TG1:A"), 40, uint8(2))
	f.Add([]byte{1}, -9, uint8(5))
	f.Fuzz(func(t *testing.T, bits []byte, n int, how uint8) {
		card := cardOptions{As: cardTypes[int(how)%len(cardTypes)]}
		card.Parity = card.As == "uid" && how >= 4
		if err := card.check(); err != nil {
			t.Fatal(err)
		}
		kind, value, err := card.value(bits, n)
		if (value == "") != (err != nil) || (kind.String() == "none") != (err != nil) {
			t.Fatalf("% X of %d bits: %s and %v", bits, n, kind, err)
		}
	})
}
