package access

import (
	"testing"
	"time"
)

// However many rows a cloud sends for one group, a tap is answered at once, also one
// that is refused, for which the next time is looked for.
func TestManyRowsOfHoursDoNotSlowATap(t *testing.T) {
	var rows []Schedule
	for i := range 10_000 {
		from := Minute(i % 720 * 2)
		rows = append(rows,
			Schedule{Days: EveryDay, From: from, Until: from + 1},
			Schedule{Dates: []Dates{{Date(20_000 + i*2), Date(20_000 + i*2)}}},
			Schedule{Start: noon.Add(time.Duration(i) * time.Hour), End: noon.Add(time.Duration(i)*time.Hour + time.Minute)},
		)
	}
	rows = append(rows, Schedule{Except: true, Days: EveryDay, Until: MinutesADay})
	c := calendarOfRows(rows)
	begin := time.Now()
	if at := c.next(noon.UnixMicro(), mustZone(t, "Europe/Rome")); at != never {
		t.Errorf("opens at %v, want never", time.UnixMicro(at))
	}
	if took := time.Since(begin); took > 5*time.Second { // some milliseconds; row by row it was minutes
		t.Errorf("took %v", took)
	}
}
