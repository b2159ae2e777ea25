package cloud_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
)

// The test of the connection holds some hours against Kisi's own calendar, so
// that whoever sets up a gateway learns where they differ.
func TestProbeComparesHoursWithKisisCalendar(t *testing.T) {
	late := mornings
	late.Ends = "23:59"
	for _, tt := range []struct {
		name string
		make func(s *studio)
		keys map[string]any
		want string // of the line; empty: there is none
		bad  bool
	}{
		{"nothing is limited", func(*studio) {}, nil, "", false},
		{"limited and without a schedule", func(s *studio) { s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: true}) }, nil, "", false},
		{"a group", func(s *studio) {
			s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: true})
			s.k.AddSchedule(cloudtest.OnGroup(s.group), mornings)
		}, nil, "they agree for 14 days; groups and doors that were asked about: 1", false},
		{"a group and a door until 23:59, which is no difference", func(s *studio) {
			s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: true})
			s.k.AddSchedule(cloudtest.OnGroup(s.group), late)
			s.k.RestrictLock(s.door, cloudtest.Restrictions{Hours: true})
			s.k.AddSchedule(cloudtest.OnLock(s.door), late)
		}, nil, "they agree for 14 days; groups and doors that were asked about: 2", false},
		{"at most three groups and two doors", func(s *studio) {
			for range 9 {
				g, l := s.k.AddGroup(s.place, "G"), s.k.AddLock(s.place, "L")
				s.k.RestrictGroup(g, cloudtest.Restrictions{Hours: true})
				s.k.RestrictLock(l, cloudtest.Restrictions{Hours: true})
				s.k.AddSchedule(cloudtest.OnGroup(g), mornings)
				s.k.AddSchedule(cloudtest.OnLock(l), mornings)
			}
		}, nil, "they agree for 14 days; groups and doors that were asked about: 5", false},
		{"a schedule that we cannot read", func(s *studio) {
			s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: true})
			s.k.AddSchedule(cloudtest.OnGroup(s.group), mornings)
			same := mornings
			same.Ends, same.Override = same.Starts, true
			s.k.AddSchedule(cloudtest.OnGroup(s.group), same)
		}, nil, `the group "Desk" at Sat 1 Jan 2000 09:00 +01:00: Kisi says open, and tilegate shut`, true},
		{"a group of the organisation by a clock of its own", func(s *studio) {
			g := s.k.AddGroup(0, "Wide")
			s.k.RestrictGroup(g, cloudtest.Restrictions{Hours: true})
			s.k.AddSchedule(cloudtest.OnGroup(g), mornings)
			s.k.SetGroupZone(g, "Europe/Rome")
		}, map[string]any{"organization_hours": "organization"}, "they agree for 14 days; groups and doors that were asked about: 1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio()
				tt.make(s)
				report, err := openKisi(t, ownersKey, deps(t, s.k), tt.keys).Test(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				i := slices.IndexFunc(report.Lines, func(l cloud.CheckLine) bool { return strings.HasPrefix(l.What, "compare hours") })
				switch {
				case tt.want == "" && i >= 0:
					t.Errorf("line %+v, want none", report.Lines[i])
				case tt.want != "" && (i < 0 || report.Lines[i].OK == tt.bad || !strings.Contains(report.Lines[i].Note, tt.want)):
					t.Errorf("lines %+v, want one that says %q", report.Lines, tt.want)
				}
				if n := len(s.k.Requests()); n > 24 {
					t.Errorf("%d requests for a test, want at most two dozen", n)
				}
			})
		})
	}
}

// A crawl that says nothing of the schedules, or says that there are none, takes
// nobody's hours.
func TestNoAnswerAboutSchedulesTakesAnybodysHours(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(*cloudtest.Faults)
		want  string
	}{
		{"an empty list", func(f *cloudtest.Faults) { f.EmptyLists("/schedules") }, cloud.SyncHeld},
		{"a short page", func(f *cloudtest.Faults) { f.ShortPage("/schedules") }, cloud.SyncFailed},
		{"a removed endpoint", func(f *cloudtest.Faults) { f.RemovedEndpoint("/schedules") }, cloud.SyncFailed},
		{"403", func(f *cloudtest.Faults) { f.Status(403, -1, "/schedules") }, cloud.SyncFailed},
		{"half a page", func(f *cloudtest.Faults) { f.HalfPage("/schedules") }, cloud.SyncFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio()
				s.direct()
				s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: true})
				s.k.AddSchedule(cloudtest.OnGroup(s.group), always)
				s.k.AddSchedule(cloudtest.OnGroup(s.group), cloudtest.Schedule{Name: "Inventory", Override: true, FirstDate: "2000-01-05", LastDate: "2000-01-05"})
				keeper := &keeper{}
				sync, err := cloud.NewSync(cloud.SyncOptions{Source: openKisi(t, ownersKey, deps(t, s.k), nil), Every: time.Hour, Keeper: keeper})
				if err != nil {
					t.Fatal(err)
				}
				if err := sync.Now(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := slices.Clone(keeper.roster.Schedules)
				tt.fault(s.k.Faults())
				for range 3 {
					time.Sleep(2 * time.Minute)
					err = sync.Now(t.Context())
				}
				if got := sync.Status(); got.Result != tt.want || got.NeedsPerson != (tt.want == cloud.SyncHeld) {
					t.Errorf("result %s, needs a person %t, %v; want %s", got.Result, got.NeedsPerson, err, tt.want)
				}
				if len(keeper.roster.Schedules) != len(before) {
					t.Errorf("schedules %v, want all of %v", keeper.roster.Schedules, before)
				}
			})
		})
	}
}
