package store

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// Hours and zones are read as they were written: of each form of hours, and what
// each is on and does.
func TestHoursAndZonesAreKeptAsTheyWereSaid(t *testing.T) {
	date := func(month time.Month, day int) access.Date {
		return access.DateOf(time.Date(2026, month, day, 0, 0, 0, 0, time.UTC))
	}
	r := building()
	r.Doors[0].Zone, r.Groups[0].Zone, r.Policies[0].Zone = "Europe/London", "Asia/Tokyo", "UTC"
	r.Policies[0].PassbackRefuses = true
	r.Schedules = []access.Schedule{
		{ID: "a", Name: "Office", On: access.ScopeGroup, OnID: "members", Days: 0b0111110, From: 8 * 60, Until: 22*60 + 30},
		{ID: "b", On: access.ScopeDoor, OnID: "front", Consequence: access.Unlock, Start: noon, End: noon.Add(time.Hour + time.Microsecond)},
		{ID: "c", On: access.ScopeDoor, OnID: "front", Consequence: access.FirstToArrive, Days: access.EveryDay, From: 0, Until: access.MinutesADay},
		{ID: "d", Name: "Closed", On: access.ScopeGroup, OnID: "members", Except: true, Dates: []access.Dates{
			{First: date(time.December, 25), Last: date(time.December, 25)}, {First: date(time.December, 31), Last: date(time.December, 31) + 1},
		}},
	}
	c := openCache(t, cachePath(t))
	number, _ := install(t, c, "kisi", r, noon)
	if diff := gocmp.Diff(r, rosterAsOf(t, c, number), sameRows); diff != "" {
		t.Errorf("roster (-want +got):\n%s", diff)
	}
	if got := loaded(t, c).Snapshot; got.Hash() != built(t, r).Hash() {
		t.Error("what is loaded is not what was said")
	}
}
