package cloud_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
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
