package cloud

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

var (
	on  = kisi.Flag{On: true, Told: true}
	off = kisi.Flag{Told: true}
)

// weekdays is a schedule of Kisi's for a group, Monday and Friday 08:00–18:00.
func weekdays(change func(*kisi.Schedule)) kisi.Schedule {
	s := kisi.Schedule{
		ID: 5, Type: kisi.ScheduleRecurring, Name: "Office", Enabled: on, Override: off, Consequence: kisi.ConsequenceAllow,
		ScheduleableType: kisi.ScheduleableGroup, ScheduleableID: 9, Monday: on, Friday: on,
		Tuesday: off, Wednesday: off, Thursday: off, Saturday: off, Sunday: off, StartsAtTime: "08:00", EndsAtTime: "18:00",
	}
	if change != nil {
		change(&s)
	}
	return s
}

// shutRow is what takes all time away.
func shutRow(change func(*access.Schedule)) access.Schedule {
	row := access.Schedule{
		ID: "kisi-schedule-5", Name: "Office", On: access.ScopeGroup, OnID: "kisi-group-9", Except: true,
		Days: access.EveryDay, Until: access.MinutesADay,
	}
	if change != nil {
		change(&row)
	}
	return row
}

func day(t *testing.T, text string) (d access.Date) {
	t.Helper()
	if err := d.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return d
}

// mirrored is one schedule as the mirror turns it into rows.
func mirrored(t *testing.T, s kisi.Schedule, rules kisiRules) *kisiMirror {
	t.Helper()
	m := newKisiMirror(Deps{}, rules)
	never := false
	place := int64(46)
	m.add(&kisiCrawl{
		places: []kisi.Place{{ID: 46, LockedDown: &never}},
		locks:  []kisi.Lock{{ID: 7, Name: "Lab", PlaceID: 46, LockedDown: &never, TimeRestricted: on}},
		groups: []kisi.Group{{ID: 9, Name: "Desk", PlaceID: &place, TimeRestricted: on}},
		holidays: map[holidayCalendar]holidays{{"it", true}: {
			day(t, "2026-12-25"): {"Natale"}, day(t, "2026-12-26"): {"Santo Stefano"},
			day(t, "2026-06-02"): {"Repubblica", "Patrono"},
		}},
		schedules: []kisi.Schedule{s},
	})
	if _, problems := access.Prune(m.roster); len(problems) > 0 {
		t.Errorf("the rows are not sound: %v", problems)
	}
	return m
}

func TestEveryScheduleOfKisiBecomesHours(t *testing.T) {
	at := func(text string) *time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return &instant
	}
	office := func(change func(*access.Schedule)) []access.Schedule {
		return []access.Schedule{shutRow(func(r *access.Schedule) {
			r.Except, r.Days, r.From, r.Until = false, access.Weekdays(0).With(time.Monday, time.Friday), 8*60, 18*60
			if change != nil {
				change(r)
			}
		})}
	}
	lock := func(s *kisi.Schedule) { s.ScheduleableType, s.ScheduleableID = kisi.ScheduleableLock, 7 }
	onLock := func(r *access.Schedule) { r.On, r.OnID = access.ScopeDoor, "kisi-lock-7" }
	xmas := func(s *kisi.Schedule) { s.Type, s.Region, s.Observed = kisi.ScheduleHolidays, "it", on }
	days := func(texts ...string) func(*access.Schedule) {
		return func(r *access.Schedule) {
			r.Days, r.From, r.Until = 0, 0, 0
			for _, text := range texts {
				r.Dates = append(r.Dates, access.Dates{First: day(t, text), Last: day(t, text)})
			}
		}
	}
	tests := []struct {
		name   string
		change func(*kisi.Schedule)
		rules  kisiRules
		want   []access.Schedule
		told   string // what is reported; empty: nothing
	}{
		{"weekly", nil, kisiRules{}, office(nil), ""},
		{"an exception", func(s *kisi.Schedule) { s.Override = on }, kisiRules{}, office(func(r *access.Schedule) { r.Except = true }), ""},
		{"of a lock", lock, kisiRules{}, office(onLock), ""},
		{"that unlocks", func(s *kisi.Schedule) { lock(s); s.Consequence = "unlock" }, kisiRules{}, office(func(r *access.Schedule) { onLock(r); r.Consequence = access.Unlock }), ""},
		{"that waits", func(s *kisi.Schedule) { lock(s); s.Consequence = "first_to_arrive" }, kisiRules{}, office(func(r *access.Schedule) { onLock(r); r.Consequence = access.FirstToArrive }), ""},
		{"without times is all day", func(s *kisi.Schedule) { s.StartsAtTime, s.EndsAtTime = "", "" }, kisiRules{}, office(func(r *access.Schedule) { r.From, r.Until = 0, access.MinutesADay }), ""},
		{"until 23:59 is until midnight", func(s *kisi.Schedule) { s.EndsAtTime = "23:59" }, kisiRules{}, office(func(r *access.Schedule) { r.Until = access.MinutesADay }), ""},
		{"until 23:59 by the letter", func(s *kisi.Schedule) { s.EndsAtTime = "23:59" }, kisiRules{literalEnd: true}, office(func(r *access.Schedule) { r.Until = access.MinutesADay - 1 }), ""},
		{"once, without its seconds", func(s *kisi.Schedule) {
			s.Type, s.StartsAt, s.EndsAt = kisi.ScheduleSingle, at("2026-12-24T12:00:59Z"), at("2026-12-24T19:00:01+01:00")
		}, kisiRules{}, office(func(r *access.Schedule) {
			r.Days, r.From, r.Until, r.Start, r.End = 0, 0, 0, at("2026-12-24T12:00:00Z").UTC(), at("2026-12-24T18:00:00Z").UTC()
		}), ""},
		{"an exception since the year one", func(s *kisi.Schedule) {
			s.Override, s.Type, s.StartsAt, s.EndsAt = on, kisi.ScheduleSingle, at("0001-01-01T00:00:00Z"), at("2099-01-01T00:00:00Z")
		}, kisiRules{}, office(func(r *access.Schedule) {
			r.Except, r.Days, r.From, r.Until = true, 0, 0, 0
			r.Start, r.End = time.Time{}.Add(time.Microsecond), at("2099-01-01T00:00:00Z").UTC()
		}), ""},
		{"whole days, the last inside", func(s *kisi.Schedule) {
			s.Type, s.StartsAtDate, s.EndsAtDate = kisi.ScheduleAllDay, "2026-12-24", "2026-12-26"
		}, kisiRules{}, office(func(r *access.Schedule) {
			days()(r)
			r.Dates = []access.Dates{{First: day(t, "2026-12-24"), Last: day(t, "2026-12-26")}}
		}), ""},
		{"holidays", xmas, kisiRules{}, office(days("2026-06-02", "2026-12-25", "2026-12-26")), ""},
		{"holidays but one, by its date", func(s *kisi.Schedule) { xmas(s); s.Ignored = []string{"2026-12-26"} }, kisiRules{}, office(days("2026-06-02", "2026-12-25")), ""},
		{"holidays but one, by its name", func(s *kisi.Schedule) { xmas(s); s.Ignored = []string{"Natale"} }, kisiRules{}, office(days("2026-06-02", "2026-12-26")), ""},
		{"one of two on a day is ignored", func(s *kisi.Schedule) { xmas(s); s.Ignored = []string{"Patrono"} }, kisiRules{}, office(days("2026-06-02", "2026-12-25", "2026-12-26")), ""},
		{"a day of another year is ignored", func(s *kisi.Schedule) { xmas(s); s.Ignored = []string{"2020-12-25"} }, kisiRules{}, office(days("2026-06-02", "2026-12-25", "2026-12-26")), ""},
		{"all holidays are ignored", func(s *kisi.Schedule) { xmas(s); s.Ignored = []string{"Natale", "Santo Stefano", "2026-06-02"} }, kisiRules{}, nil, ""},

		{"switched off", func(s *kisi.Schedule) { s.Enabled = off }, kisiRules{}, nil, ""},
		{"of an elevator", func(s *kisi.Schedule) { s.ScheduleableType, s.Consequence = kisi.ScheduleableElevatorStop, "permit" }, kisiRules{}, nil, ""},
		{"permit", func(s *kisi.Schedule) { s.Consequence = "permit" }, kisiRules{}, nil, ""},
		{"of another place's group", func(s *kisi.Schedule) { s.ScheduleableID = 10 }, kisiRules{}, nil, ""},
		{"of another place's lock", func(s *kisi.Schedule) { lock(s); s.ScheduleableID = 10 }, kisiRules{}, nil, ""},

		// What cannot be read opens nothing, and shuts if it may have taken away.
		{"hours over midnight", func(s *kisi.Schedule) { s.StartsAtTime, s.EndsAtTime = "22:00", "06:00" }, kisiRules{}, nil, "what goes on past midnight is two schedules"},
		{"an exception over midnight", func(s *kisi.Schedule) { s.Override, s.StartsAtTime, s.EndsAtTime = on, "22:00", "06:00" }, kisiRules{}, []access.Schedule{shutRow(nil)}, "22:00 until 06:00"},
		{"no stretch at all", func(s *kisi.Schedule) { s.StartsAtTime, s.EndsAtTime = "08:00", "08:00" }, kisiRules{}, nil, "08:00 until 08:00"},
		{"half a time", func(s *kisi.Schedule) { s.EndsAtTime = "" }, kisiRules{}, nil, "not two times of the day"},
		{"seconds", func(s *kisi.Schedule) { s.Override, s.EndsAtTime = on, "18:00:00" }, kisiRules{}, []access.Schedule{shutRow(nil)}, "not two times of the day"},
		{"25 o'clock", func(s *kisi.Schedule) { s.EndsAtTime = "25:00" }, kisiRules{}, nil, "not two times of the day"},
		{"a sign", func(s *kisi.Schedule) { s.StartsAtTime = "+8:00" }, kisiRules{}, nil, "not two times of the day"},
		{"an exception on no day", func(s *kisi.Schedule) { s.Override, s.Monday, s.Friday = on, off, off }, kisiRules{}, []access.Schedule{shutRow(nil)}, "no day of the week"},
		{"times that are not told", func(s *kisi.Schedule) { s.StartsAtTime, s.EndsAtTime, s.Timeless = "", "", true }, kisiRules{}, nil, "does not tell its times"},
		{"a day that is not told", func(s *kisi.Schedule) { s.Override, s.Sunday = on, kisi.Flag{} }, kisiRules{}, []access.Schedule{shutRow(nil)}, "does not tell all days"},
		{"once without an end", func(s *kisi.Schedule) { s.Type, s.StartsAt = kisi.ScheduleSingle, at("2026-12-24T12:00:00Z") }, kisiRules{}, nil, "no beginning or no end"},
		{"once within a minute", func(s *kisi.Schedule) {
			s.Override, s.Type, s.StartsAt, s.EndsAt = on, kisi.ScheduleSingle, at("2026-12-24T12:00:01Z"), at("2026-12-24T12:00:59Z")
		}, kisiRules{}, []access.Schedule{shutRow(nil)}, "does not end after it begins"},
		{"a day that is none", func(s *kisi.Schedule) {
			s.Override, s.Type, s.StartsAtDate, s.EndsAtDate = on, kisi.ScheduleAllDay, "2026-02-30", "2026-03-01"
		}, kisiRules{}, []access.Schedule{shutRow(nil)}, "2026-02-30"},
		{"days backwards", func(s *kisi.Schedule) {
			s.Type, s.StartsAtDate, s.EndsAtDate = kisi.ScheduleAllDay, "2026-03-02", "2026-03-01"
		}, kisiRules{}, nil, "ends before it begins"},
		{"holidays of nowhere", func(s *kisi.Schedule) { xmas(s); s.Override, s.Region = on, "" }, kisiRules{}, []access.Schedule{shutRow(nil)}, "names no region"},
		{"holidays, observed or not", func(s *kisi.Schedule) { xmas(s); s.Override, s.Observed = on, kisi.Flag{} }, kisiRules{}, []access.Schedule{shutRow(nil)}, "observed"},
		{"opens on holidays but on one that nobody knows", func(s *kisi.Schedule) { xmas(s); s.Ignored = []string{"Christmas"} }, kisiRules{}, nil, `"Christmas", which is not in the list`},
		{"shuts on holidays but on one that nobody knows", func(s *kisi.Schedule) { xmas(s); s.Override, s.Ignored = on, []string{"Christmas"} }, kisiRules{}, office(func(r *access.Schedule) {
			days("2026-06-02", "2026-12-25", "2026-12-26")(r)
			r.Except = true
		}), ""},
		{"of a kind that is not known", func(s *kisi.Schedule) { s.Type = "moon_event" }, kisiRules{}, nil, `is a "moon_event"`},
		{"an exception of a kind that is not known", func(s *kisi.Schedule) { s.Override, s.Type = on, "moon_event" }, kisiRules{}, []access.Schedule{shutRow(nil)}, `is a "moon_event"`},
		{"does what is not known to a group", func(s *kisi.Schedule) { s.Consequence = "deny" }, kisiRules{}, []access.Schedule{shutRow(nil)}, `does "deny"`},
		{"does what is not known to a lock", func(s *kisi.Schedule) { lock(s); s.Consequence = "deny" }, kisiRules{}, []access.Schedule{
			shutRow(onLock), shutRow(func(r *access.Schedule) { onLock(r); r.ID, r.Consequence = r.ID+"#unlock", access.Unlock }),
		}, `does "deny"`},
		{"waits, unreadably", func(s *kisi.Schedule) { lock(s); s.Consequence, s.EndsAtTime = "first_to_arrive", "" }, kisiRules{}, []access.Schedule{
			shutRow(func(r *access.Schedule) { onLock(r); r.Consequence = access.Unlock }),
		}, "not two times"},
		{"unlocks a group", func(s *kisi.Schedule) { s.Consequence = "unlock" }, kisiRules{}, nil, "only doors can be"},
		{"for what is not known", func(s *kisi.Schedule) { s.ScheduleableType = "Gate" }, kisiRules{}, nil, `is for a "Gate"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := weekdays(tt.change)
			m := mirrored(t, s, tt.rules)
			if diff := cmp.Diff(tt.want, m.roster.Schedules); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			switch {
			case tt.told == "" && len(m.dropped) > 0, tt.told != "" && len(m.dropped) != 1:
				t.Errorf("reported %v", m.dropped)
			case tt.told != "" && !strings.Contains(m.dropped[0].String(), tt.told):
				t.Errorf("reported %q, want %q", m.dropped[0], tt.told)
			}
			_, listed := m.off["kisi-schedule-5"]
			there := len(m.roster.Schedules) > 0
			ours := (s.ScheduleableID == 9 || s.ScheduleableID == 7) && (s.ScheduleableType == kisi.ScheduleableGroup || s.ScheduleableType == kisi.ScheduleableLock)
			if ours && !there && !listed {
				t.Error("the schedule neither counts nor is it said that it does not: the guard would hold it")
			}
		})
	}
}

// A time restriction without a schedule shuts, and opens only where the settings
// say so; any schedule, even one that cannot be read, ends that.
func TestARestrictionWithoutAScheduleIsASetting(t *testing.T) {
	none := func(s *kisi.Schedule) { s.Enabled = off }
	for _, tt := range []struct {
		name   string
		change func(*kisi.Schedule)
		open   bool
		want   int // rows for the group that open always
	}{
		{"closed by default", none, false, 0},
		{"open by the settings", none, true, 1},
		{"a schedule ends it", nil, true, 0},
		{"a schedule that cannot be read ends it", func(s *kisi.Schedule) { s.EndsAtTime = "x" }, true, 0},
		{"an exception does not", func(s *kisi.Schedule) { s.Override = on }, true, 1},
	} {
		m := mirrored(t, weekdays(tt.change), kisiRules{openUnscheduled: tt.open})
		got := 0
		for _, s := range m.roster.Schedules {
			if s.ID == "kisi-group-9#always" && s.Days == access.EveryDay && s.Until == access.MinutesADay && !s.Except {
				got++
			}
		}
		_, said := m.off["kisi-group-9#always"]
		if got != tt.want || said == (got > 0) {
			t.Errorf("%s: %d rows that open always, said not to be %t; want %d", tt.name, got, said, tt.want)
		}
	}
}

// A right that ended in the year one has ended: it is not one without an end.
func TestAnEndInTheYearOneIsAnEnd(t *testing.T) {
	if got := instant(&time.Time{}); got.IsZero() || got.After(time.Unix(0, 0)) {
		t.Errorf("%v", got)
	}
}
