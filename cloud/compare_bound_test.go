package cloud_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
)

// What a log says is kept only so far, whatever it says.
func TestCodesThatNobodyKnowsAreCountedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, nil)
		l.keep(t)
		const codes = 300
		for i := range codes {
			time.Sleep(time.Second)
			l.LogUnlock(cloudtest.LoggedUnlock{
				Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Card", ByID: l.cards[l.ann], Code: fmt.Sprintf("%d%s", i, strings.Repeat("x", 1000)),
			})
		}
		time.Sleep(time.Second)
		got := l.compare(t, 1)
		counted, size := 0, 0
		for _, s := range got.Skipped {
			counted, size = counted+s.Count, size+len(s.Why)
		}
		if counted != codes || len(got.Skipped) > 101 || size > 12_000 {
			t.Errorf("%d skipped for %d reasons of %d bytes, want %d for 101 at most", counted, len(got.Skipped), size, codes)
		}
	})
}
