package casefile

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// corpus is where the cases lie that hold the rules.
const corpus = "../access/testdata/cases/*.toml"

// leastTaps is how many there must be: a case that is lost is noticed.
const leastTaps = 650

// What should become of each tap was written down from Kisi's documents and our
// design, not from what the code does.
func TestEveryCaseIsDecidedAsWritten(t *testing.T) { // R113, R114, X2, X3, X4, X8, F-18, Q-31
	paths, err := filepath.Glob(corpus)
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d cases were found: %v", len(paths), err)
	}
	taps, seen := 0, map[access.Reason]int{}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			results, err := c.Run()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				for _, wrong := range r.Wrong {
					t.Errorf("%s:%d: %s at %s, %s: %s", path, r.Line, r.Who, r.Door, When(r.At, c.Zone), wrong)
				}
				if r.Decision == nil {
					continue
				}
				taps++
				if r.Open {
					seen[access.Granted]++
				}
				for _, m := range r.Decision.Misses {
					seen[m.Reason]++
				}
			}
		})
	}
	if taps < leastTaps {
		t.Errorf("%d taps, at least %d", taps, leastTaps)
	}
	t.Logf("%d taps: %v", taps, seen)
	for _, reason := range access.Reasons() {
		// That an entry could not be written is found after the decision.
		if reason != access.NotRecorded && seen[reason] == 0 {
			t.Errorf("no case has the reason %s; there are %v", reason, slices.Sorted(maps.Keys(seen)))
		}
	}
}
