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
