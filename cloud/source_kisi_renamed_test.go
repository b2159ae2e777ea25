package cloud_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
)

// A field of schedules that Kisi renames opens nothing for longer and shuts nobody
// out: the rights in force stand.
func TestHoursAreNotTakenFromSchedulesThatLostAField(t *testing.T) {
	for _, field := range []string{"starts_at_time", "ends_at_time", "s_at_time", "monday"} {
		t.Run(field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := closedOnHolidays()
				d := deps(t, s.k)
				net := &instead{to: d.Transport, path: "/schedules"}
				d.Transport = net
				source := openKisi(t, ownersKey, d, nil)
				if _, err := source.Fetch(t.Context(), ""); err != nil {
					t.Fatal(err)
				}
				row := `{"id":1,"type":"recurring_event","name":"Office","enabled":true,"override":false,"consequence":"allow","scheduleable_type":"Group",` +
					`"scheduleable_id":%d,"monday":true,"tuesday":true,"wednesday":true,"thursday":true,"friday":true,"saturday":false,"sunday":false,` +
					`"starts_at_time":"08:00","ends_at_time":"18:00"}`
				row = fmt.Sprintf(row, s.group)
				net.body = "[" + row + "," + strings.Replace(row, `"id":1,`, `"id":2,`, 1) + "]"
				if _, err := source.Fetch(t.Context(), ""); err != nil {
					t.Fatalf("as it was: %v", err)
				}
				net.body = strings.ReplaceAll(net.body, field, "new_"+field)
				if got, err := source.Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "the rights in force stand") {
					t.Errorf("hours %+v, %v", got.Roster.Schedules, err)
				}
			})
		})
	}
}

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
