package access_test

import (
	"path/filepath"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/casefile"
)

// The second implementation decides the cases as well: what is written there, what
// Decide says and what the documents say to somebody else are the same.
func TestTheCasesAgreeWithBruteForce(t *testing.T) {
	paths, err := filepath.Glob("testdata/cases/*.toml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d cases were found: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := casefile.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, tap := range c.Taps() {
				q := question{tap: tap.Tap, person: tap.Person, facts: tap.Facts, ahead: aheadOfCases}
				var roster access.Roster
				roster, q.contacts, q.locked = c.Site(tap.Tap.At, tap.Silent())
				built, err := access.Build(copyOf(roster), q.contacts, 1)
				if err != nil {
					t.Fatal(err)
				}
				q.roster = &roster
				if why := compare(built.WithLockdowns(q.locked, 1), q, true, map[access.Reason]int{}); why != "" {
					t.Errorf("%s:%d: %s", path, tap.Line, why)
				}
			}
		})
	}
}
