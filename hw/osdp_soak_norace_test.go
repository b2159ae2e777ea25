//go:build !race

package hw_test

import "testing"

// The soak of the readers, as long as it must be. It waits for the line far more
// than it works, and takes a minute.
func TestSoakOfTenThousandTapsAtEightSecureReadersOnABadLine(t *testing.T) {
	t.Parallel()
	taps := 10_000
	if testing.Short() {
		taps = 800
	}
	soak(t, taps)
}
