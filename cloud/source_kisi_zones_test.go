package cloud_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// mornings is 09:00–10:00 on every day.
var mornings = cloudtest.Schedule{Name: "Mornings", Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Starts: "09:00", Ends: "10:00"}

// opensAt is at which hours of the day in UTC the door opens for Ann, on 15 March
// 2026. The site itself is in Kathmandu.
func (s *studio) opensAt(t *testing.T, keys map[string]any) (hours []int) {
	t.Helper()
	fetched, err := openKisi(t, ownersKey, deps(t, s.k), keys).Fetch(t.Context(), "")
	if err != nil || len(fetched.Dropped) > 0 {
		t.Fatalf("%v, dropped %v", err, fetched.Dropped)
	}
	door := fmt.Sprintf("kisi-lock-%d", s.door)
	fetched.Roster.Policies = []access.Policy{{Door: door, Zone: "Asia/Kathmandu"}}
	snapshot := built(t, fetched.Roster)
	for hour := range 24 {
		at := time.Date(2026, 3, 15, hour, 30, 0, 0, time.UTC)
		if d := snapshot.DecideHolder(fmt.Sprintf("kisi-user-%d", s.user), access.Tap{Door: door, At: at}, access.Facts{}); d.Granted() {
			hours = append(hours, hour)
		}
	}
	return hours
}

// By which clock hours are read: Rome is an hour ahead of UTC on that day, New
// York four behind, London with it, Kathmandu five hours and three quarters ahead.
func TestHoursAreReadByTheClockThatKisiMeans(t *testing.T) {
	organisation := map[string]any{"organization_hours": "organization"}
	hours := func(on cloudtest.Target) func(*studio) {
		return func(s *studio) {
			s.direct()
			if s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: on.Type == "Group"}); on.Type == "Group" {
				on.ID = s.group
			} else {
				s.k.RestrictLock(s.door, cloudtest.Restrictions{Hours: true})
				on.ID = s.door
			}
			s.k.AddSchedule(on, mornings)
		}
	}
	ofGroup, ofLock := hours(cloudtest.OnGroup(0)), hours(cloudtest.OnLock(0))
	wide := func(s *studio) {
		g := s.another()
		s.k.RestrictGroup(g, cloudtest.Restrictions{Hours: true})
		s.k.AddSchedule(cloudtest.OnGroup(g), mornings)
	}
	for _, tt := range []struct {
		name string
		make []func(*studio)
		keys map[string]any
		want []int
	}{
		{"group of a place", []func(*studio){ofGroup}, nil, []int{8}},
		{"group of a place, whatever its lock's zone is", []func(*studio){ofGroup, func(s *studio) { s.k.SetLockZone(s.door, "America/New_York") }}, nil, []int{8}},
		{"group of a place, whatever the setting", []func(*studio){ofGroup}, organisation, []int{8}},
		{"group with a zone of its own", []func(*studio){ofGroup, func(s *studio) { s.k.SetGroupZone(s.group, "America/New_York") }}, nil, []int{13}},
		{"group of a place without a zone: the site's", []func(*studio){ofGroup, func(s *studio) { s.k.SetPlaceZone(s.place, "") }}, nil, []int{3}},
		{"group of the organisation: the door's place", []func(*studio){wide}, nil, []int{8}},
		{"group of the organisation: the door's own zone", []func(*studio){wide, func(s *studio) { s.k.SetLockZone(s.door, "America/New_York") }}, nil, []int{13}},
		{"group of the organisation: the organisation", []func(*studio){wide}, organisation, []int{9}},
		{"lock", []func(*studio){ofLock}, nil, []int{8}},
		{"lock with a zone of its own", []func(*studio){ofLock, func(s *studio) { s.k.SetLockZone(s.door, "America/New_York") }}, nil, []int{13}},
		{"lock of a place without a zone: the site's", []func(*studio){ofLock, func(s *studio) { s.k.SetPlaceZone(s.place, "") }}, nil, []int{3}},
		{"a zone that nobody knows shuts", []func(*studio){ofLock, func(s *studio) { s.k.SetLockZone(s.door, "America/New_Amsterdam") }}, nil, nil},
		{"a group's zone that nobody knows shuts", []func(*studio){ofGroup, func(s *studio) { s.k.SetGroupZone(s.group, "America/New_Amsterdam") }}, nil, nil},
		{"a lock that moved to another city", []func(*studio){ofLock, func(s *studio) {
			s.k.SetPlaceZone(s.elsewhere, "America/New_York")
			s.k.MoveLock(s.door, s.elsewhere)
		}}, nil, []int{13}},
		{"a lock that moved, and a group that did not", []func(*studio){ofGroup, func(s *studio) {
			s.k.SetPlaceZone(s.elsewhere, "America/New_York")
			s.k.MoveLock(s.door, s.elsewhere)
		}}, nil, []int{8}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio()
				for _, do := range tt.make {
					do(s)
				}
				if got := s.opensAt(t, tt.keys); !slices.Equal(got, tt.want) {
					t.Errorf("open at the hours %v UTC, want %v", got, tt.want)
				}
			})
		})
	}
}

// A right to a place goes with the door, and not after it: a lock that moved is
// opened by who may open the place where it is now.
func TestARightToAPlaceDoesNotFollowALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio()
		s.k.AssignRole(s.who, "place_administrator", cloudtest.OnPlace(s.place))
		if got := s.decided(t, nil)[access.AtReader]; got != access.Granted {
			t.Fatalf("before: %v", got)
		}
		s.k.MoveLock(s.door, s.elsewhere)
		if got := s.decided(t, nil)[access.AtReader]; got != access.NoGrant {
			t.Errorf("after the lock moved: %v, want no_grant", got)
		}
	})
}

// closedOnHolidays is a studio with hours less the holidays of Italy.
func closedOnHolidays() *studio {
	time.Sleep(time.Until(time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC)))
	s := newStudio()
	s.direct()
	s.k.AddMovedHoliday("it", "2026-12-26", "2026-12-28", "Santo Stefano")
	for _, year := range []string{"2026", "2027", "2028"} {
		s.k.AddHoliday("it", year+"-01-01", "Capodanno")
		s.k.AddHoliday("it", year+"-12-25", "Natale")
	}
	s.k.RestrictGroup(s.group, cloudtest.Restrictions{Hours: true})
	s.k.AddSchedule(cloudtest.OnGroup(s.group), always)
	s.k.AddSchedule(cloudtest.OnGroup(s.group), cloudtest.Schedule{Name: "Holidays", Override: true, Region: "it"})
	return s
}

func requestsTo(k *cloudtest.Kisi, path string) (n int) {
	for _, r := range k.Requests() {
		if strings.HasPrefix(r.Path, path) {
			n++
		}
	}
	return n
}

// Holidays of this year and the next are read once a day, and in the first days
// of a year also those of the year before.
func TestHolidaysAreReadOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := closedOnHolidays()
		source := openKisi(t, ownersKey, deps(t, s.k), nil)
		for _, tt := range []struct {
			later time.Duration
			want  int // lists of holidays so far
		}{{0, 2}, {time.Hour, 2}, {22 * time.Hour, 2}, {2 * time.Hour, 4}, {12 * 24 * time.Hour, 7}, {30 * 24 * time.Hour, 9}} {
			time.Sleep(tt.later)
			fetched, err := source.Fetch(t.Context(), "")
			if err != nil || len(fetched.Dropped) > 0 {
				t.Fatalf("%v, dropped %v", err, fetched.Dropped)
			}
			if got := requestsTo(s.k, "/holiday_calendars"); got != tt.want {
				t.Errorf("%v: asked for %d lists of holidays, want %d", time.Now(), got, tt.want)
			}
		}
		fetched, err := source.Fetch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		snapshot := built(t, fetched.Roster)
		for date, want := range map[string]bool{
			"2027-01-01": false, "2027-12-25": false, "2028-01-01": false, "2027-12-24": true, "2027-12-26": true,
		} {
			at, err := time.Parse("2006-01-02 15", date+" 12")
			if err != nil {
				t.Fatal(err)
			}
			if d := snapshot.DecideHolder(fmt.Sprintf("kisi-user-%d", s.user), access.Tap{Door: fmt.Sprintf("kisi-lock-%d", s.door), At: at}, access.Facts{}); d.Granted() != want {
				t.Errorf("%s: open %t, want %t", date, d.Granted(), want)
			}
		}
	})
}

// Hours that ignore holidays are no answer: without the list the whole crawl is
// not believed, unless the list was read before.
func TestHolidaysThatCannotBeReadAreNotForgotten(t *testing.T) {
	for _, tt := range []struct {
		name, answer string // instead of a list; empty: the endpoint is gone
		is           error  // what the first crawl of all fails with
	}{
		{"gone", "", transport.NotFound},
		{"empty", "[]", cloud.ErrNobody},
		{"half", `[{"date":"2026-12-25","name":"Natale"}]`, nil},
		{"of another year", `[{"date":"2016-12-25","name":"Natale"},{"date":"2016-12-26","name":"Santo Stefano"}]`, nil},
		{"no dates", `[{"date":"Christmas","name":"Natale"},{"date":"Boxing day","name":"Santo Stefano"}]`, nil},
		{"instants", `[{"date":"2026-12-29T00:00:00Z","name":"Natale"},{"date":"2026-12-30T00:00:00Z","name":"Santo Stefano"}]`, nil},
		{"not a list", `{}`, transport.NotTheCloud},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := closedOnHolidays()
				d := deps(t, s.k)
				net := &instead{to: d.Transport, path: "/holiday_calendars/"}
				d.Transport = net
				source := openKisi(t, ownersKey, d, nil)
				good, err := source.Fetch(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				if net.body = tt.answer; tt.answer == "" {
					s.k.Faults().RemovedEndpoint("/holiday_calendars")
				}
				time.Sleep(25 * time.Hour)
				again, err := source.Fetch(t.Context(), "")
				if err != nil {
					t.Fatalf("a list that was read yesterday is not used: %v", err)
				}
				if len(again.Roster.Schedules) != 2 || !slices.Equal(again.Roster.Schedules[1].Dates, good.Roster.Schedules[1].Dates) {
					t.Errorf("holidays %v, want those of yesterday, %v", again.Roster.Schedules, good.Roster.Schedules)
				}
				if len(again.Dropped) == 0 || again.Dropped[0].Table != "holidays" {
					t.Errorf("said of it: %v", again.Dropped)
				}
				if _, err = openKisi(t, ownersKey, d, nil).Fetch(t.Context(), ""); err == nil || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("the first crawl of all: %v, want %v", err, tt.is)
				}
			})
		})
	}
}

// instead is a network that answers something else below a path.
type instead struct {
	to         http.RoundTripper
	path, body string
}

func (i *instead) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := i.to.RoundTrip(r)
	if err != nil || i.body == "" || !strings.HasPrefix(r.URL.Path, i.path) {
		return resp, err
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(i.body)), int64(len(i.body))
	resp.Header.Del("Content-Length")
	return resp, nil
}
