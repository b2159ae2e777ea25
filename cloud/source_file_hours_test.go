package cloud

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func dateOf(year, month, day int) access.Date {
	return access.DateOf(time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC))
}

// withGroup is a roster with one group that has these further keys.
func withGroup(keys string) string {
	return "{\"people\": [{\"id\": \"ann\"}],\n\"groups\": [\n{\"id\": \"g\"" + keys + "}]}"
}

func withDoor(keys string) string {
	return "{\"people\": [{\"id\": \"ann\"}],\n\"doors\": [\n{\"id\": \"d\"" + keys + "}]}"
}

func TestHoursAreRead(t *testing.T) {
	weekly := func(days access.Weekdays, from, until access.Minute) access.Schedule {
		return access.Schedule{Days: days, From: from, Until: until}
	}
	const (
		sun, mon, tue, fri, sat = 1, 2, 4, 32, 64
		workdays                = 62
	)
	for _, tt := range []struct {
		in   string
		want []access.Schedule
	}{
		{`{"days": "mon-fri", "from": "08:00", "until": "18:00"}`, []access.Schedule{weekly(workdays, 480, 1080)}},
		{`{"days": "Mon, tue,MON"}`, []access.Schedule{weekly(mon|tue, 0, 1440)}},
		{`{"days": "daily", "from": "12:00"}`, []access.Schedule{weekly(access.EveryDay, 720, 1440)}},
		{`{"days": "sat-mon", "until": "06:30"}`, []access.Schedule{weekly(sat|sun|mon, 0, 390)}},
		{`{"days": "mon", "from": "08:00", "until": "24:00"}`, []access.Schedule{weekly(mon, 480, 1440)}},
		{`{"days": "mon", "from": "08:00", "until": "23:59"}`, []access.Schedule{weekly(mon, 480, 1440)}},
		{`{"days": "mon", "from": "08:00", "until": "00:00"}`, []access.Schedule{weekly(mon, 480, 1440)}},
		{`{"days": "mon", "from": "00:00", "until": "23:58"}`, []access.Schedule{weekly(mon, 0, 1438)}},
		{`{"days": "fri", "from": "22:00", "until": "06:00"}`, []access.Schedule{weekly(fri, 1320, 1440), weekly(sat, 0, 360)}},
		{`{"days": "sat", "from": "22:00", "until": "06:00"}`, []access.Schedule{weekly(sat, 1320, 1440), weekly(sun, 0, 360)}},
		{`{"days": "mon-fri", "from": "23:59", "until": "00:01"}`, []access.Schedule{weekly(workdays, 1439, 1440), weekly(tue|8|16|fri|sat, 0, 1)}},
		{`{"dates": ["2026-12-25"]}`, []access.Schedule{{Dates: []access.Dates{{First: dateOf(2026, 12, 25), Last: dateOf(2026, 12, 25)}}}}},
		{`{"from": "2026-12-24T12:00:00+01:00", "until": "2026-12-24T12:00:00Z"}`, []access.Schedule{
			{Start: time.Date(2026, 12, 24, 11, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)},
		}},
	} {
		source, _ := fileWith(t, withGroup(`, "hours": [`+tt.in+`]`))
		got, err := taken(t, source)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		for i := range tt.want {
			tt.want[i].ID, tt.want[i].On, tt.want[i].OnID = "group/g/hours/1", access.ScopeGroup, "g"
		}
		if len(tt.want) == 2 {
			tt.want[1].ID += "/next"
		}
		if diff := cmp.Diff(tt.want, got.Schedules); diff != "" || !got.Groups[0].Restricted {
			t.Errorf("%s (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestHoursThatSayNothingClearAreRefused(t *testing.T) {
	many := strings.Repeat(`{"days": "mon"}, `, maxHours) + `{"days": "tue"}`
	dates := strings.Repeat(`"2026-12-25", `, maxDates) + `"2026-12-26"`
	for _, tt := range []struct {
		in   string
		want error
	}{
		{``, errNoHours},
		{many, errManyHours},
		{`{"dates": [` + dates + `]}`, errManyDates},
		{`{"days": "mon", "except": true}`, errOnlyExcept},
		{`{}`, errForm},
		{`{"name": "always"}`, errForm},
		{`{"days": "mon", "dates": ["2026-12-25"]}`, errForm},
		{`{"dates": ["2026-12-25"], "from": "08:00"}`, errForm},
		{`{"from": "2026-12-24T12:00:00Z"}`, errForm},
		{`{"from": "08:00", "until": "18:00"}`, errInstants},
		{`{"from": "2026-12-24T12:00:00", "until": "2026-12-24T13:00:00"}`, errInstants},
		{`{"from": "2026-12-24T13:00:00Z", "until": "2026-12-24T14:00:00+01:00"}`, errBackwards},
		{`{"days": "monday"}`, errDays},
		{`{"days": "mon-"}`, errDays},
		{`{"days": "mon,,tue"}`, errDays},
		{`{"days": "mon-tue-wed"}`, errDays},
		{`{"days": "mon", "from": "8:00"}`, errTime},
		{`{"days": "mon", "from": "24:00"}`, errTime},
		{`{"days": "mon", "until": "25:00"}`, errTime},
		{`{"days": "mon", "until": "18:00:00"}`, errTime},
		{`{"days": "mon", "from": "08:00", "until": "08:00"}`, errSame},
		{`{"days": "mon", "until": "00:00"}`, errSame},
		{`{"dates": ["25.12.2026"]}`, errDate},
		{`{"dates": ["2026-02-30"]}`, errDate},
		{`{"dates": ["2026-12-25/"]}`, errDate},
		{`{"dates": ["2027-01-06/2026-12-24"]}`, errBackwards},
	} {
		for list, text := range map[string]string{"hours": withGroup(`, "hours": [` + tt.in + `]`), "unlock": withDoor(`, "unlock": [` + tt.in + `]`)} {
			source, _ := fileWith(t, text)
			_, err := taken(t, source)
			var refused *RosterError
			if !errors.As(err, &refused) || refused.Mistakes[0].Line != 3 || !strings.HasSuffix(refused.Mistakes[0].What, tt.want.Error()) {
				t.Errorf("%s [%.60s]: got %v\nwant line 3: …%v", list, tt.in, err, tt.want)
			}
		}
	}
}

func TestWhatADoorAndAPlaceMaySay(t *testing.T) {
	source, _ := fileWith(t, `{
		"places": [{"id": "hq", "locked_down": true}],
		"doors": [{
			"id": "d", "place": "hq", "time_zone": "Europe/Rome", "locked_down": true, "at_door_only": true, "first_to_arrive": true,
			"hours": [{"days": "daily"}], "unlock": [{"days": "mon", "from": "22:00", "until": "02:00"}, {"dates": ["2026-12-25"], "except": true}]
		}],
		"groups": [{"id": "g", "time_zone": "Asia/Tokyo", "at_door_only": true}],
		"people": [{"id": "ann"}]
	}`)
	got, err := taken(t, source)
	if err != nil {
		t.Fatal(err)
	}
	var schedules []string
	for _, s := range got.Schedules {
		schedules = append(schedules, fmt.Sprint(s.ID, " ", s.Consequence, " ", s.Except))
	}
	want := []string{
		"door/d/hours/1 allow false", "door/d/unlock/1 unlock false", "door/d/unlock/1/next unlock false", "door/d/unlock/2 unlock true",
		"door/d/unlock/1/arrival first_to_arrive false", "door/d/unlock/1/next/arrival first_to_arrive false",
	}
	if diff := cmp.Diff(want, schedules); diff != "" {
		t.Errorf("schedules (-want +got):\n%s", diff)
	}
	got.Schedules = nil
	rest := access.Roster{
		Places:  []access.Place{{ID: "hq", LockedDown: true}},
		Doors:   []access.Door{{ID: "d", Place: "hq", Zone: "Europe/Rome", LockedDown: true, Restricted: true, AtDoorOnly: true}},
		Groups:  []access.Group{{ID: "g", Zone: "Asia/Tokyo", AtDoorOnly: true}},
		Holders: []access.Holder{{ID: "ann"}},
	}
	if diff := cmp.Diff(rest, got); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		withDoor(`, "first_to_arrive": true`):    "first_to_arrive is of no use without unlock",
		withDoor(`, "time_zone": "Rome"`):        `time_zone "Rome" is not an IANA name`,
		withGroup(`, "time_zone": "Local"`):      `time_zone "Local" is not an IANA name`,
		withGroup(`, "unlock": []`):              `unknown field "unlock"`,
		withGroup(`, "hours": [{"day": "mon"}]`): `unknown field "day"`,
	} {
		source, _ := fileWith(t, text)
		if _, err := taken(t, source); err == nil || !strings.Contains(err.Error(), "line 3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want line 3 and %q", text, err, want)
		}
	}
}
