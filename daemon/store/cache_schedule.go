package store

import (
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

var consequenceCodes = newCodes(access.Consequence.String, "allow", "unlock", "first_to_arrive")

var scheduleTable = table[access.Schedule]{
	shape: shape{
		name: "schedules",
		columns: []string{
			"id", "name", "scope", "scope_id", "consequence", "flags", "days", "from_minute", "until_minute", "starts", "ends", "dates",
		},
		keys: 1,
	},
	bind: bindSchedule,
	read: func(c cells) access.Schedule {
		return access.Schedule{
			ID: c.text(0), Name: c.text(1), On: scopeCodes.value(c, 2), OnID: c.text(3), Consequence: consequenceCodes.value(c, 4),
			Except: c.number(5)&1 != 0, Days: access.Weekdays(c.number(6)),
			From: access.Minute(c.number(7)), Until: access.Minute(c.number(8)),
			Start: c.instant(9), End: c.instant(10), Dates: readDates(c, 11),
		}
	},
}

func bindSchedule(s *access.Schedule) []any {
	return []any{
		s.ID, s.Name, scopeCodes.encode[s.On], s.OnID, consequenceCodes.encode[s.Consequence], flags(s.Except),
		int64(s.Days), int64(s.From), int64(s.Until), instant(s.Start), instant(s.End), bindDates(s.Dates),
	}
}

func bindDates(runs []access.Dates) string {
	var b strings.Builder
	for i, run := range runs {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(run.First.String() + "/" + run.Last.String())
	}
	return b.String()
}

func readDates(c cells, i int) (runs []access.Dates) {
	for text := range strings.FieldsSeq(c.text(i)) {
		first, last, _ := strings.Cut(text, "/")
		var run access.Dates
		if run.First.UnmarshalText([]byte(first)) != nil || run.Last.UnmarshalText([]byte(last)) != nil {
			*c.bad = true
			return nil
		}
		runs = append(runs, run)
	}
	return runs
}
