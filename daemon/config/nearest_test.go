package config

import "testing"

func TestNearestKeyIsTheOneThatWasMeant(t *testing.T) {
	known := []string{"id", "name", "hold", "kisi_lock", "minimum_assurance", "high_security", "api_key_file", "listen"}
	tests := []struct{ in, want string }{
		{"hodl", "hold"},
		{"holdd", "hold"},
		{"kisilock", "kisi_lock"},
		{"kisi-lock", "kisi_lock"},
		{"minimal_assurance", "minimum_assurance"},
		{"lisen", "listen"},
		{"api_key", "api_key_file"},
		{"di", "id"},
		{"colour", ""},
		{"x", ""},
		{"", ""},
	}
	for _, test := range tests {
		if got := nearest(test.in, known); got != test.want {
			t.Errorf("nearest to %q is %q, want %q", test.in, got, test.want)
		}
	}
}

func TestDistanceCountsSlipsOfTheHand(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"hold", "hold", 0},
		{"hold", "hodl", 1},
		{"hold", "hld", 1},
		{"hold", "holds", 1},
		{"hold", "cold", 1},
		{"", "hold", 4},
		{"kitten", "sitting", 3},
		{"tür", "tur", 1},
	}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("from %q to %q are %d steps, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("from %q to %q are %d steps, want %d", test.b, test.a, got, test.want)
		}
	}
}
