package access

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hoursText reads "Mon 08:00–18:00", as the pages write it.
func hoursText(t *testing.T, text string) (s Schedule) {
	t.Helper()
	day, times, _ := strings.Cut(text, " ")
	from, until, _ := strings.Cut(times, "–")
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.HasPrefix(d.String(), day) {
			s.Days = s.Days.With(d)
		}
	}
	for into, part := range map[*Minute]string{&s.From: from, &s.Until: until} {
		if err := into.UnmarshalText([]byte(part)); err != nil || s.Days == 0 {
			t.Fatalf("%q cannot be read: %v", text, err)
		}
	}
	return s
}

// TestTheExamplesOfTheTimePageHold reads the table of docs/TIME.md: who changes
// the page or the rule changes both.
func TestTheExamplesOfTheTimePageHold(t *testing.T) {
	page, err := os.ReadFile("../../docs/TIME.md")
	if err != nil {
		t.Fatal(err)
	}
	rome := mustZone(t, "Europe/Rome")
	row := regexp.MustCompile(`(?m)^\| (2026-\d\d-\d\d) \| (.+?) \| .+? \| (.+?) \| (.+?) \|$`)
	stretch := regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d)–(\d\d:\d\d)$`)
	rows := row.FindAllStringSubmatch(string(page), -1)
	if len(rows) != 10 {
		t.Fatalf("%d examples, want 10", len(rows))
	}
	for _, r := range rows {
		date, hours, want, long := r[1], r[2], r[3], r[4]
		s := hoursText(t, hours)
		c := calendarOfRows([]Schedule{s})
		midnight, _ := time.ParseInLocation(time.DateOnly, date, rome)
		day, end := midnight.UnixMicro(), midnight.AddDate(0, 0, 1).UnixMicro()
		var got []string
		var open time.Duration
		for at := day; ; {
			from := c.turn(at, end, rome, true)
			if from == never {
				break
			}
			at = min(c.turn(from, end, rome, false), end)
			open += time.Duration(at-from) * time.Microsecond
			text := time.UnixMicro(from).UTC().Format("15:04") + "–" + time.UnixMicro(at).UTC().Format("15:04")
			if on := time.UnixMicro(from).UTC().Format(time.DateOnly); on != date {
				text = on + " " + text
			}
			if !stretch.MatchString(text) {
				t.Fatalf("%s is not as the page writes it", text)
			}
			got = append(got, text)
		}
		said := strings.Join(got, ", ")
		if said == "" {
			said = "never"
		}
		if said != want {
			t.Errorf("%s %s: the page says %s, it is %s", date, hours, want, said)
		}
		length, err := time.ParseDuration(strings.NewReplacer(" ", "", "min", "m").Replace(long))
		if err != nil || length != open {
			t.Errorf("%s %s: the page says %s, it is %v", date, hours, long, open)
		}
	}
}

// F-18: the edges of each form of hours.
func TestHoursBeginInsideAndEndOutside(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	at := func(text string) time.Time {
		parsed, err := time.ParseInLocation("2006-01-02 15:04", text, rome)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	leap, _ := time.Parse(time.DateOnly, "2028-02-29")
	weekly := func(text string) []Schedule { return []Schedule{hoursText(t, text)} }
	tests := []struct {
		name        string
		rows        []Schedule
		begins      string
		ends        string
		nothingElse bool // not open a day before and a day after
	}{
		{"weekly", weekly("Mon 08:00–18:00"), "2026-07-06 08:00", "2026-07-06 18:00", true},
		{"until midnight", weekly("Mon 08:00–24:00"), "2026-07-06 08:00", "2026-07-07 00:00", true},
		{"over midnight", append(weekly("Fri 22:00–24:00"), weekly("Sat 00:00–06:00")...), "2026-07-10 22:00", "2026-07-11 06:00", true},
		{"over the end of the week", append(weekly("Sat 22:00–24:00"), weekly("Sun 00:00–06:00")...), "2026-07-11 22:00", "2026-07-12 06:00", true},
		{"over the end of the year", []Schedule{{Days: EveryDay, From: 1320, Until: 1440}, {Days: EveryDay, From: 0, Until: 60}}, "2026-12-31 22:00", "2027-01-01 01:00", false},
		{"over the night that loses an hour", append(weekly("Sat 22:00–24:00"), weekly("Sun 00:00–06:00")...), "2026-03-28 22:00", "2026-03-29 06:00", true},
		{"over the night that gains an hour", append(weekly("Sat 22:00–24:00"), weekly("Sun 00:00–06:00")...), "2026-10-24 22:00", "2026-10-25 06:00", true},
		{"once", []Schedule{{Start: at("2026-12-24 12:00"), End: at("2026-12-24 18:00")}}, "2026-12-24 12:00", "2026-12-24 18:00", true},
		{"a leap day", []Schedule{{Dates: []Dates{{DateOf(leap), DateOf(leap)}}}}, "2028-02-29 00:00", "2028-03-01 00:00", true},
		{"both dates inside", []Schedule{{Dates: []Dates{{DateOf(leap) - 1, DateOf(leap) + 1}}}}, "2028-02-28 00:00", "2028-03-02 00:00", true},
		{"less an exception", append(weekly("Mon 08:00–18:00"), Schedule{Except: true, Start: at("2026-07-06 12:00"), End: at("2026-07-06 20:00")}), "2026-07-06 08:00", "2026-07-06 12:00", true},
		{"an exception of whole dates", []Schedule{{Days: EveryDay, Until: MinutesADay}, {Except: true, Dates: []Dates{{DateOf(leap), DateOf(leap)}}}}, "2028-03-01 00:00", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := calendarOfRows(tt.rows)
			check := func(at time.Time, want bool) {
				if got := c.openAt(at.UnixMicro(), rome); got != want {
					t.Errorf("%v: open %v, want %v", at, got, want)
				}
			}
			begins := at(tt.begins)
			for near, want := range map[time.Duration]bool{-time.Microsecond: false, 0: true, time.Microsecond: true} {
				check(begins.Add(near), want)
			}
			if got := c.next(begins.Add(-20*time.Hour).UnixMicro(), rome); tt.nothingElse && got != begins.UnixMicro() {
				t.Errorf("opens at %v, want %v", time.UnixMicro(got).In(rome), begins)
			}
			if tt.ends == "" {
				return
			}
			ends := at(tt.ends)
			for near, want := range map[time.Duration]bool{-time.Microsecond: true, 0: false, time.Microsecond: false} {
				check(ends.Add(near), want)
			}
			if !c.openThroughout(begins.UnixMicro(), ends.UnixMicro()-1, rome) || c.openThroughout(begins.UnixMicro(), ends.UnixMicro(), rome) {
				t.Error("it is not open throughout, or for longer")
			}
			if tt.nothingElse {
				check(begins.Add(-20*time.Hour), false)
				check(ends.Add(20*time.Hour), false)
			}
		})
	}
}

func TestDayThatWasLeftOutHasNoHours(t *testing.T) {
	apia := mustZone(t, "Pacific/Apia")
	thursday := time.Date(2011, 12, 29, 12, 0, 0, 0, apia)
	fridays := calendarOfRows([]Schedule{hoursText(t, "Fri 08:00–18:00")})
	want := time.Date(2012, 1, 6, 8, 0, 0, 0, apia)
	if got := fridays.next(thursday.UnixMicro(), apia); got != want.UnixMicro() {
		t.Errorf("the Friday after 29 December 2011: got %v, want %v", time.UnixMicro(got).In(apia), want)
	}
	lost, _ := time.Parse(time.DateOnly, "2011-12-30")
	if got := calendarOfRows([]Schedule{{Dates: []Dates{{DateOf(lost), DateOf(lost)}}}}).next(thursday.UnixMicro(), apia); got != never {
		t.Errorf("30 December 2011 came: %v", time.UnixMicro(got).In(apia))
	}
}

// Go's bounds of a zone that goes by a rule do not move on 31 December of a leap
// year. Who walked them would walk for ever.
func TestLastDayOfLeapYearEnds(t *testing.T) {
	for _, rule := range []string{romeRule, dublinRule, lordHoweRule, nuukRule} {
		zone := ruleZone(t, rule)
		c := calendarOfRows([]Schedule{hoursText(t, "Mon 08:00–18:00")})
		from := time.Date(2028, 12, 31, 12, 0, 0, 0, zone) // a Sunday
		want := time.Date(2029, 1, 1, 8, 0, 0, 0, zone)
		if got := c.next(from.UnixMicro(), zone); got != want.UnixMicro() {
			t.Errorf("%s: got %v, want %v", rule, time.UnixMicro(got).In(zone), want)
		}
	}
}

// F-18: the table of the zone database and the rule at its end say the same.
func TestTableAndRuleOfZoneAgree(t *testing.T) {
	table, rule := mustZone(t, "Europe/Rome"), ruleZone(t, romeRule)
	c := calendarOfRows([]Schedule{hoursText(t, "Sun 02:30–04:00"), hoursText(t, "Sat 23:00–24:00")})
	end := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	turns := 0
	for at, open := time.Date(1996, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), true; at < end; open = !open {
		got, want := c.turn(at, end, rule, open), c.turn(at, end, table, open)
		if got != want {
			t.Fatalf("from %v: by the rule %v, by the table %v", time.UnixMicro(at).UTC(), time.UnixMicro(got).UTC(), time.UnixMicro(want).UTC())
		}
		at, turns = got, turns+1
	}
	if turns < 104*52*4 {
		t.Errorf("%d turns, want four a week", turns)
	}
}

// Who came three weeks ago has come in this stretch only if it has no break, also
// one that lies far back.
func TestOldArrivalIsJudgedOverTheWholeStretch(t *testing.T) {
	day, _ := time.Parse(time.DateOnly, "2026-03-01")
	always := Schedule{Days: EveryDay, Until: MinutesADay}
	shut := Schedule{Except: true, Dates: []Dates{{DateOf(day) + 18, DateOf(day) + 18}}}
	arrived, now := day.Add(time.Hour).UnixMicro(), day.AddDate(0, 0, 30).UnixMicro()
	if !calendarOfRows([]Schedule{always}).openThroughout(arrived, now, time.UTC) {
		t.Error("30 days without a break: got a break")
	}
	if calendarOfRows([]Schedule{always, shut}).openThroughout(arrived, now, time.UTC) {
		t.Error("30 days with a break on the 18th: got none")
	}
}

func TestHoursThatNeverComeAreNever(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	past := Schedule{Start: noon.Add(-2 * time.Hour), End: noon.Add(-time.Hour)}
	yearly := Schedule{Dates: []Dates{{DateOf(noon) + 360, DateOf(noon) + 360}}}
	for name, c := range map[string]*calendar{
		"none": {}, "past": calendarOfRows([]Schedule{past}),
		"taken away": calendarOfRows([]Schedule{{Days: EveryDay, Until: MinutesADay}, {Except: true, Days: EveryDay, Until: MinutesADay}}),
	} {
		if got := c.next(noon.UnixMicro(), rome); got != never || c.openAt(noon.UnixMicro(), rome) {
			t.Errorf("%s: opens at %v", name, time.UnixMicro(got))
		}
	}
	if got := calendarOfRows([]Schedule{yearly}).next(noon.UnixMicro(), rome); got == never {
		t.Error("what comes within a year is taken for never")
	}
}

func TestAskingForHoursAllocatesNothing(t *testing.T) {
	c := calendarOfRows([]Schedule{
		hoursText(t, "Mon 08:00–18:00"), {Days: EveryDay, From: 540, Until: 780}, {Except: true, Dates: []Dates{{20_000, 20_100}, {20_300, 20_300}}},
	})
	for _, zone := range testZones(t) {
		at := time.Date(2026, 10, 24, 22, 0, 0, 0, zone).UnixMicro()
		if n := testing.AllocsPerRun(100, func() {
			c.openAt(at, zone)
			c.next(at, zone)
			c.openThroughout(at, at+9*3600e6, zone)
		}); n != 0 {
			t.Errorf("%v: %v allocations", zone, n)
		}
	}
}

func BenchmarkHours(b *testing.B) {
	weekdays := Schedule{Days: EveryDay &^ 1, From: 8 * 60, Until: 18 * 60}
	closed := Schedule{Except: true, Dates: []Dates{{DateOf(noon), DateOf(noon) + 380}}}
	for _, zone := range []*time.Location{mustZone(b, "Europe/Rome"), ruleZone(b, romeRule)} {
		at := time.Date(2027, 7, 5, 20, 0, 0, 0, zone).UnixMicro()
		c := calendarOfRows([]Schedule{weekdays, {Except: true, Dates: []Dates{{1, 2}, {3, 4}}}})
		b.Run("open/"+zone.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.openAt(at, zone)
			}
		})
		b.Run("next/"+zone.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.next(at, zone)
			}
		})
		long := calendarOfRows([]Schedule{weekdays, weekdays, weekdays, weekdays, closed})
		b.Run("next in a year/"+zone.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				long.next(noon.UnixMicro(), zone)
			}
		})
	}
}
