package cloud_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// Whatever Kisi turns out to do where its documents are silent, there is a
// setting under which we do the same, minute by minute; and the default differs
// where Kisi does otherwise, so that each of these settings has an effect.
func TestEachOpenQuestionHasASettingThatAgrees(t *testing.T) {
	late := cloudtest.Schedule{Days: always.Days, Starts: "23:00", Ends: "23:59"}
	for _, tt := range []struct {
		name string
		kisi cloudtest.Options
		keys map[string]any // with which we agree; nil: the defaults
		make func(*studio)
		from string // when to begin; two hours are compared
	}{
		{"hours of the organisation by the door", cloudtest.Options{HoursAtDoor: true, MidnightAt2359: true}, nil, hoursOfAll, "2000-01-03T07:30:00Z"},
		{"hours of the organisation by the organisation", cloudtest.Options{MidnightAt2359: true}, map[string]any{"organization_hours": "organization"}, hoursOfAll, "2000-01-03T07:30:00Z"},
		{"no schedule shuts", cloudtest.Options{}, nil, restricted(cloudtest.Restrictions{Hours: true}), "2000-01-03T07:30:00Z"},
		{"no schedule opens", cloudtest.Options{OpenWithoutSchedule: true}, map[string]any{"hours_missing": "open"}, restricted(cloudtest.Restrictions{Hours: true}), "2000-01-03T07:30:00Z"},
		{"no schedule opens a door", cloudtest.Options{OpenWithoutSchedule: true}, map[string]any{"hours_missing": "open"}, locked(cloudtest.Restrictions{Hours: true}), "2000-01-03T07:30:00Z"},
		{"23:59 is midnight", cloudtest.Options{MidnightAt2359: true}, nil, hoursOf(late), "2000-01-03T21:30:00Z"},
		{"23:59 is 23:59", cloudtest.Options{}, map[string]any{"hours_until_2359": "literal"}, hoursOf(late), "2000-01-03T21:30:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, keys := range []map[string]any{tt.keys, nil} {
				differ := 0
				synctest.Test(t, func(t *testing.T) { differ = disagreements(t, tt.kisi, keys, tt.make, tt.from) })
				if agree := keys != nil || tt.keys == nil; agree != (differ == 0) {
					t.Errorf("with %v, %d of 120 minutes differ", keys, differ)
				}
			}
		})
	}
}

func hoursOf(s cloudtest.Schedule) func(*studio) {
	return func(st *studio) {
		restricted(cloudtest.Restrictions{Hours: true})(st)
		st.k.AddSchedule(cloudtest.OnGroup(st.group), s)
	}
}

// hoursOfAll gives Ann a group of the organisation with hours in the morning.
func hoursOfAll(s *studio) {
	g := s.another()
	s.k.RestrictGroup(g, cloudtest.Restrictions{Hours: true})
	s.k.AddSchedule(cloudtest.OnGroup(g), mornings)
}

// disagreements counts the minutes of two hours in which Kisi answers Ann
// otherwise than we decide.
func disagreements(t *testing.T, o cloudtest.Options, keys map[string]any, give func(*studio), from string) (differ int) {
	t.Helper()
	begin, err := time.Parse(time.RFC3339, from)
	if err != nil {
		t.Fatal(err)
	}
	o.Rate = -1
	s := studioOf(o)
	give(s)
	fetched, err := openKisi(t, ownersKey, deps(t, s.k), keys).Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ours := built(t, fetched.Roster)
	client, err := kisi.NewClient(kisi.Options{
		Key: func() (kisi.Key, error) { return "key-of-ann", nil }, HTTP: transport.Options{RoundTripper: cloudtest.Transport(s.k)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for minute := range 120 {
		time.Sleep(time.Until(begin.Add(time.Duration(minute) * time.Minute)))
		d := ours.DecideHolder(fmt.Sprintf("kisi-user-%d", s.user), access.Tap{
			Door: fmt.Sprintf("kisi-lock-%d", s.door), Presence: access.Remote, At: time.Now(),
		}, access.Facts{})
		if err := client.Unlock(t.Context(), int64(s.door)); (err == nil) != d.Granted() {
			differ++
		}
	}
	return differ
}
