package cloud

import (
	"testing"

	"github.com/tilegate/tilegate/cloud/kisi"
)

// A code means one thing, and one that Kisi documents.
func TestEveryCodeIsOfOneKind(t *testing.T) {
	kinds := map[string]int{}
	for code := range decided {
		kinds[code]++
	}
	for _, codes := range elsewhere {
		for _, code := range codes {
			kinds[code]++
		}
	}
	for code, n := range kinds {
		if n != 1 || kisi.Words(code) == "" {
			t.Errorf("%s stands %d times, and Kisi means %q by it", code, n, kisi.Words(code))
		}
	}
}
