package access

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelOpen is hours by brute force: the fields that Go's own clock shows.
func modelOpen(rows []Schedule, at time.Time) bool {
	open := false
	for _, s := range rows {
		clock, date := Minute(at.Hour()*60+at.Minute()), at.Format(time.DateOnly)
		in := s.Days.On(at.Weekday()) && clock >= s.From && clock < s.Until ||
			!s.Start.IsZero() && !at.Before(s.Start) && at.Before(s.End) ||
			slices.ContainsFunc(s.Dates, func(run Dates) bool { return date >= run.First.String() && date <= run.Last.String() })
		if in && s.Except {
			return false
		}
		open = open || in
	}
	return open
}

// modelTurn walks from one instant to before another, looking at every minute,
// or second where the zone has odd ones, and at every instant that is named.
func modelTurn(rows []Schedule, from, limit time.Time, open bool) (time.Time, bool) {
	edges := []time.Time{from}
	for _, s := range rows {
		edges = append(edges, s.Start, s.End)
	}
	for at := from; at.Before(limit); {
		step := time.Minute
		if _, offset := at.Zone(); offset%60 != 0 {
			step = time.Second
		}
		next := at.Truncate(step).Add(step)
		slices.SortFunc(edges, time.Time.Compare)
		for _, edge := range append(slices.Clone(edges), next) {
			edge = edge.In(from.Location())
			if !edge.Before(at) && !edge.After(next) && edge.Before(limit) && modelOpen(rows, edge) == open {
				return edge, true
			}
		}
		at = next
	}
	return time.Time{}, false
}

func calendarOfRows(rows []Schedule) *calendar {
	var c calendar
	for i := range rows {
		c.add(&rows[i])
	}
	c.settle()
	return &c
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// ruleZone is a zone that has no table of changes, only the rule for the years
// to come that ends each file of the zone database, as Go reads it.
func ruleZone(t testing.TB, rule string) *time.Location {
	t.Helper()
	var file bytes.Buffer
	for range 2 { // the header of the first version, and of the second
		file.WriteString("TZif2" + strings.Repeat("\x00", 15))
		for _, count := range []uint32{0, 0, 0, 0, 1, 4} { // one local time, 4 letters
			_ = binary.Write(&file, binary.BigEndian, count)
		}
		file.WriteString("\x00\x00\x00\x00" + "\x00\x00" + "LMT\x00")
	}
	file.WriteString("\n" + rule + "\n")
	zone, err := time.LoadLocationFromTZData(rule, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

const (
	romeRule     = "CET-1CEST,M3.5.0,M10.5.0/3"
	dublinRule   = "IST-1GMT0,M10.5.0,M3.5.0/1" // winter is the time that is moved
	lordHoweRule = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
	nuukRule     = "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"
)

// testZones are those where a mistake would show.
func testZones(t testing.TB) (zones []*time.Location) {
	for _, name := range []string{
		"UTC", "Europe/Rome", "Europe/Dublin", "America/New_York",
		"Australia/Lord_Howe",                                // half an hour
		"Antarctica/Troll",                                   // two hours
		"Africa/Casablanca",                                  // the other way round, and not by a rule
		"Asia/Kathmandu",                                     // 15 minutes moved in 1986
		"Pacific/Apia",                                       // left out 30 December 2011
		"Asia/Beirut", "America/Sao_Paulo", "America/Havana", // at midnight
		"Asia/Pyongyang", "America/Caracas", // laws came and went
		"Africa/Monrovia", // 44 min 30 s until 1972
	} {
		zones = append(zones, mustZone(t, name))
	}
	for _, rule := range []string{romeRule, dublinRule, lordHoweRule, nuukRule} {
		zones = append(zones, ruleZone(t, rule))
	}
	return zones
}

// drawInstant is one anywhere from 1970 to 2100, more often near a change of the
// zone's offset, the end of a year, or a minute.
func drawInstant(t *rapid.T, zone *time.Location) time.Time {
	at := time.Unix(rapid.Int64Range(0, 4_102_444_800).Draw(t, "second"), 0).In(zone)
	switch rapid.IntRange(0, 3).Draw(t, "near") {
	case 0:
		if _, change := at.ZoneBounds(); !change.IsZero() {
			at = change.Add(time.Duration(rapid.Int64Range(-5*3600, 5*3600).Draw(t, "around")) * time.Second)
		}
	case 1:
		at = time.Date(at.Year(), 12, 31, 22, 0, 0, 0, zone).Add(time.Duration(rapid.Int64Range(0, 4*3600).Draw(t, "around")) * time.Second)
	case 2:
		at = at.Truncate(time.Minute)
	}
	return at.Add(time.Duration(rapid.Int64Range(-1, 1).Draw(t, "microsecond")) * time.Microsecond)
}

// drawRows is a week's worth of hours around an instant.
func drawRows(t *rapid.T, at time.Time) (rows []Schedule) {
	for range rapid.IntRange(1, 5).Draw(t, "rows") {
		s := Schedule{On: ScopeGroup, OnID: "g", Except: rapid.IntRange(0, 3).Draw(t, "except") == 0}
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			s.Start = at.Add(time.Duration(rapid.Int64Range(-4*86400e6, 4*86400e6).Draw(t, "start")) * time.Microsecond)
			s.End = s.Start.Add(time.Duration(rapid.Int64Range(1, 3*86400e6).Draw(t, "length")) * time.Microsecond)
		case 1:
			first := DateOf(at) + Date(rapid.IntRange(-3, 3).Draw(t, "date"))
			s.Dates = []Dates{{first, first + Date(rapid.IntRange(0, 2).Draw(t, "days"))}}
		default:
			s.Days = Weekdays(rapid.IntRange(1, int(EveryDay)).Draw(t, "days"))
			s.From = Minute(rapid.IntRange(0, int(MinutesADay)-1).Draw(t, "from"))
			s.Until = Minute(rapid.IntRange(int(s.From)+1, int(MinutesADay)).Draw(t, "until"))
			if rapid.IntRange(0, 2).Draw(t, "until midnight") == 0 {
				s.Until = MinutesADay
			}
		}
		rows = append(rows, s)
	}
	return rows
}

// F-18: also the neighbours of each turn, to the microsecond.
func TestHoursAgreeWithBruteForce(t *testing.T) {
	zones := testZones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := zones[rapid.IntRange(0, len(zones)-1).Draw(t, "zone")]
		from := drawInstant(t, zone)
		rows := drawRows(t, from)
		c := calendarOfRows(rows)
		limit := from.Add(time.Duration(rapid.IntRange(1, 60*60).Draw(t, "minutes")) * time.Minute)
		for _, open := range []bool{true, false} {
			got := c.turn(from.UnixMicro(), limit.UnixMicro(), zone, open)
			want, comes := modelTurn(rows, from, limit, open)
			if comes != (got != never) || comes && want.UnixMicro() != got {
				t.Fatalf("%v: open %v from %v: got %v, want %v (comes %v)\n%+v", zone, open, from, time.UnixMicro(got).In(zone), want, comes, rows)
			}
			if open {
				continue
			}
			last := limit.Add(-time.Microsecond).UnixMicro()
			if through := c.openThroughout(from.UnixMicro(), last, zone); through == comes {
				t.Fatalf("%v: open from %v throughout to before %v: got %v\n%+v", zone, from, limit, through, rows)
			}
		}
		for range 50 {
			at := limit
			if rapid.Bool().Draw(t, "at a turn") {
				at = time.UnixMicro(min(c.turn(at.Add(-time.Hour).UnixMicro(), at.UnixMicro(), zone, rapid.Bool().Draw(t, "open")), limit.UnixMicro())).In(zone)
			}
			for _, near := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
				at := at.Add(near)
				if got, want := c.openAt(at.UnixMicro(), zone), modelOpen(rows, at); got != want {
					t.Fatalf("%v at %v: got %v, want %v\n%+v", zone, at, got, want, rows)
				}
			}
			limit = limit.Add(time.Duration(rapid.Int64Range(1, 9*3600e6).Draw(t, "on")) * time.Microsecond)
		}
	})
}
