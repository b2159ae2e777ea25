package cloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWiegandNumbersHaveOneForm(t *testing.T) {
	tests := []struct{ in, want string }{
		{"h10301:12:3456", "h10301:12:3456"},
		{"H10301:012:03456", "h10301:12:3456"},
		{"h10302:0001", "h10302:1"},
		{"raw:26:0abcdef", "raw:26:0abcdef"},
		{"raw:26:ABCDEF", "raw:26:0abcdef"},
		{"raw:8:123", ""},
		{"raw:25:2abcdef", ""}, // 26 bits
		{"raw:26:+1", ""},
		{"H2004064:260:75458", "corporate1000-48:260:75458"},
		{"c15001:900:118:1603", "c15001:900:118:1603"},
		{"c15001:118:1603", ""},
		{"raw:0:0", ""},
		{"raw:26:", ""},
		{"h10301:12", ""},
		{"h10301:12:34:56", ""},
		{"h10301:-1:3", ""},
		{"h10301:1:0x3", ""},
		{"h99999:1:3", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got, err := wiegandForm(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("wiegandForm(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestACardIsKnownInBothByteOrders(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"04A2B3C4D5E680", []string{"04a2b3c4d5e680", "80e6d5c4b3a204"}},
		{"04:a2-b3 c4", []string{"04a2b3c4", "c4b3a204"}},
		{"112211", []string{"112211"}},
		{"0102", nil},
		{strings.Repeat("01", 11), nil},
		{"0A2B3C4", nil},
		{"", nil},
	}
	for _, tt := range tests {
		got, err := cardForms(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
			t.Errorf("cardForms(%q): %v (-want +got):\n%s", tt.in, err, diff)
		}
	}
}

func TestSubjectsAndKeysAreTakenInHexOnly(t *testing.T) {
	const point = "040ec5d87dc39d14a2c5480686da860c82b16be0b6903b525f84848b79fd463e32bbda1f0252c33503c5287035e6eac55d138d0650dcfb5281d59a9cf4124d2831"
	for _, tt := range []struct {
		name, in string
		forms    func(string) ([]string, error)
		want     string
	}{
		{"a subject", "0102030405060708", passForms, "0102030405060708"},
		{"in capitals", "0102030405060A0B", passForms, "0102030405060a0b"},
		{"too short", "01020304050607", passForms, ""},
		{"too long", strings.Repeat("01", 17), passForms, ""},
		{"no hex", "subject-of-mine!", passForms, ""},
		{"a key", strings.ToUpper(point), keyForms, point},
		{"a key that is no point", point[:129] + "2", keyForms, ""},
		{"a compressed key", "03" + point[2:66], keyForms, ""},
		{"a private key", strings.Repeat("1f", 32), keyForms, ""},
	} {
		got, err := tt.forms(tt.in)
		if (err == nil) != (tt.want != "") || err == nil && got[0] != tt.want {
			t.Errorf("%s: got %v, %v, want %q", tt.name, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), tt.in) {
			t.Errorf("%s: the error repeats the value", tt.name)
		}
	}
}
