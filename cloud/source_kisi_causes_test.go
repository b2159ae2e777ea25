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

// studio is a door in a group in a place, and somebody with a card and a key of
// Kisi's, who may be given anything.
type studio struct {
	k                             *cloudtest.Kisi
	now                           time.Time
	place, elsewhere, door, group int
	user, card                    int
	who                           cloudtest.Who
}

func newStudio() *studio { return studioOf(cloudtest.Options{Rate: -1}) }

func studioOf(o cloudtest.Options) *studio {
	k := cloudtest.NewKisi(o)
	k.AddKey(k.Owner(), ownersKey)
	s := &studio{k: k, now: time.Now(), place: k.AddPlace("Studio", "Europe/Rome"), elsewhere: k.AddPlace("Elsewhere", "Europe/Rome")}
	s.door, s.group = k.AddLock(s.place, "Front"), k.AddGroup(s.place, "Desk")
	k.PutInGroup(s.group, s.door)
	s.user = k.AddUser("Ann Lee", "ann@example.com")
	s.who = cloudtest.ToUser(s.user)
	k.AddKey(s.user, "key-of-ann")
	s.card = k.AddCard(cloudtest.CardUID, "04A2B3C4D5E680")
	k.AssignCard(s.card, s.who, true)
	return s
}

func (s *studio) direct() int { return s.k.Assign(s.who, s.group, cloudtest.Window{}) }

func (s *studio) window(from, until time.Duration) {
	s.k.Assign(s.who, s.group, cloudtest.Window{From: s.now.Add(from), Until: s.now.Add(until)})
}

// another is a second group with the door, with a right of Ann's to it.
func (s *studio) another() int {
	g := s.k.AddGroup(0, "Another")
	s.k.PutInGroup(g, s.door)
	s.k.Assign(s.who, g, cloudtest.Window{})
	return g
}

func (s *studio) role(name, on string, target cloudtest.Target, granted ...string) {
	s.k.AssignRole(s.who, s.k.AddCustomRole(name, on, granted...), target)
}

func restricted(r cloudtest.Restrictions) func(*studio) {
	return func(s *studio) { s.direct(); s.k.RestrictGroup(s.group, r) }
}

func locked(r cloudtest.Restrictions) func(*studio) {
	return func(s *studio) { s.direct(); s.k.RestrictLock(s.door, r) }
}

var always = cloudtest.Schedule{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}}

// causes are all that gives a right or takes it away, with what becomes of a card
// at the tile and of somebody who asks from afar. What is empty is granted.
func causes() []cause {
	const no, from = access.NoGrant, access.RemoteNotAllowed
	role := func(target string, on func(*studio) cloudtest.Target, granted ...string) func(*studio) {
		return func(s *studio) { s.role("Role", target, on(s), granted...) }
	}
	org := func(*studio) cloudtest.Target { return cloudtest.OnOrganization() }
	here := func(s *studio) cloudtest.Target { return cloudtest.OnPlace(s.place) }
	away := func(s *studio) cloudtest.Target { return cloudtest.OnPlace(s.elsewhere) }
	desk := func(s *studio) cloudtest.Target { return cloudtest.OnGroup(s.group) }
	team := func(s *studio) int {
		t := s.k.AddTeam("Crew")
		s.k.Assign(cloudtest.ToTeam(t), s.group, cloudtest.Window{})
		return t
	}
	return []cause{
		{"nothing", func(*studio) {}, no, no},
		{"a right of one's own", func(s *studio) { s.direct() }, 0, 0},
		{"a team's", func(s *studio) { s.k.AddTeamMember(team(s), s.who) }, 0, 0},
		{"a team's that one left", func(s *studio) { s.k.RemoveTeamMember(s.k.AddTeamMember(team(s), s.who)) }, no, no},
		{"a guest's of the same id", func(s *studio) { s.k.Assign(cloudtest.ToGuest(s.k.AddGuest("Gus", "")), s.group, cloudtest.Window{}) }, no, no},
		{"a group without the door", func(s *studio) { s.k.Assign(s.who, s.k.AddGroup(s.place, "Other"), cloudtest.Window{}) }, no, no},
		{"a group of the organisation", func(s *studio) { s.another() }, 0, 0},
		{"a right that was taken away", func(s *studio) { s.k.RemoveAssignment(s.direct()) }, no, no},

		{"manager of the group", func(s *studio) { s.k.AssignRole(s.who, "group_manager", cloudtest.OnGroup(s.group)) }, 0, 0},
		{"administrator of the place", func(s *studio) { s.k.AssignRole(s.who, "place_administrator", cloudtest.OnPlace(s.place)) }, 0, 0},
		{"administrator of another place", func(s *studio) { s.k.AssignRole(s.who, "place_administrator", cloudtest.OnPlace(s.elsewhere)) }, no, no},
		{"administrator", func(s *studio) { s.k.AssignRole(s.who, "administrator", cloudtest.OnOrganization()) }, 0, 0},
		{"observer", func(s *studio) { s.k.AssignRole(s.who, "observer", cloudtest.OnOrganization()) }, no, no},
		{"a role of a place that unlocks", role("Place", here, "locks_unlock"), 0, 0},
		{"a role of another place that unlocks", role("Place", away, "locks_unlock"), no, no},
		{"a role of a place that does not", role("Place", here, "locks_read", "locks_write"), no, no},
		{"a role of the organisation that unlocks", role("Organization", org, "locks_unlock"), 0, 0},
		{"a role of the organisation that does not", role("Organization", org, "locks_read"), no, no},
		{"a role of the group that unlocks", role("Group", desk, "locks_unlock"), 0, 0},
		{"a role of the group that does not", role("Group", desk, "groups_read"), no, no},

		{"within a window", func(s *studio) { s.window(-time.Hour, time.Hour) }, 0, 0},
		{"before a window", func(s *studio) { s.window(time.Hour, 2*time.Hour) }, access.NotYet, access.NotYet},
		{"after a window", func(s *studio) { s.window(-2*time.Hour, -time.Hour) }, access.Expired, access.Expired},
		{"a window without a beginning", func(s *studio) { s.k.Assign(s.who, s.group, cloudtest.Window{Until: s.now.Add(time.Hour)}) }, 0, 0},
		{"a window without an end", func(s *studio) { s.k.Assign(s.who, s.group, cloudtest.Window{From: s.now.Add(-time.Hour)}) }, 0, 0},
		{"one window that is over and one that is not", func(s *studio) { s.window(-2*time.Hour, -time.Hour); s.another() }, 0, 0},

		{"suspended", func(s *studio) { s.direct(); s.k.SuspendUser(s.user) }, access.Suspended, access.Suspended},
		{"suspended by the directory", func(s *studio) { s.direct(); s.k.SetSCIM(s.user, false) }, access.Suspended, access.Suspended},
		{"no longer suspended", func(s *studio) { s.direct(); s.k.SuspendUser(s.user); s.k.ResumeUser(s.user) }, 0, 0},
		{"lockdown of the door", func(s *studio) { s.direct(); s.k.LockDownLock(s.door) }, access.LockedDown, access.LockedDown},
		{"lockdown of the place", func(s *studio) { s.direct(); s.k.LockDownPlace(s.place) }, access.LockedDown, access.LockedDown},
		{"lockdown of another place", func(s *studio) { s.direct(); s.k.LockDownPlace(s.elsewhere) }, 0, 0},

		{"group: geofence", restricted(cloudtest.Restrictions{Geofence: true}), 0, from},
		{"group: reader", restricted(cloudtest.Restrictions{Reader: true}), 0, from},
		{"group: tap to access", restricted(cloudtest.Restrictions{TapToAccess: true}), 0, from},
		{"group: primary device", restricted(cloudtest.Restrictions{PrimaryDevice: true}), 0, from},
		{"group: managed device", restricted(cloudtest.Restrictions{ManagedDevice: true}), 0, from},
		{"group: no app", restricted(cloudtest.Restrictions{NoApp: true}), 0, from},
		{"group: hours that are none", restricted(cloudtest.Restrictions{Hours: true}), access.OutsideHours, access.OutsideHours},
		{"group: hours", func(s *studio) {
			restricted(cloudtest.Restrictions{Hours: true})(s)
			s.k.AddSchedule(cloudtest.OnGroup(s.group), always)
		}, 0, 0},
		{"group: restricted, and another that is not", func(s *studio) {
			restricted(cloudtest.Restrictions{Hours: true, Reader: true, NoApp: true})(s)
			s.another()
		}, 0, 0},
		{"group: two halves make no whole", func(s *studio) {
			restricted(cloudtest.Restrictions{Hours: true})(s)
			s.k.RestrictGroup(s.another(), cloudtest.Restrictions{Reader: true})
		}, 0, from},
		{"group: restrictions do not bind an administrator", func(s *studio) {
			restricted(cloudtest.Restrictions{Hours: true, Reader: true})(s)
			s.k.AssignRole(s.who, "administrator", cloudtest.OnOrganization())
		}, 0, 0},
		{"door: geofence", locked(cloudtest.Restrictions{Geofence: true}), 0, from},
		{"door: reader", locked(cloudtest.Restrictions{Reader: true}), 0, from},
		{"door: hours that are none", locked(cloudtest.Restrictions{Hours: true}), access.DoorHours, access.DoorHours},
		{"door: hours", func(s *studio) {
			locked(cloudtest.Restrictions{Hours: true})(s)
			s.k.AddSchedule(cloudtest.OnLock(s.door), always)
		}, 0, 0},
		{"door: restrictions bind an administrator", func(s *studio) {
			locked(cloudtest.Restrictions{Hours: true})(s)
			s.k.AssignRole(s.who, "administrator", cloudtest.OnOrganization())
		}, access.DoorHours, access.DoorHours},
	}
}

type cause struct {
	name           string
	give           func(*studio)
	reader, remote access.Reason
}

// decided fetches, builds and decides for the card of Ann.
func (s *studio) decided(t *testing.T, keys map[string]any) map[access.Presence]access.Reason {
	t.Helper()
	d := deps(t, s.k)
	fetched, err := openKisi(t, ownersKey, d, keys).Fetch(t.Context(), "")
	if err != nil || len(fetched.Dropped) > 0 {
		t.Fatalf("%v, dropped %v", err, fetched.Dropped)
	}
	snapshot := built(t, fetched.Roster)
	out := map[access.Presence]access.Reason{}
	for _, p := range []access.Presence{access.AtReader, access.Near, access.Remote} {
		decision := snapshot.Decide(access.Tap{
			Door: fmt.Sprintf("kisi-lock-%d", s.door), Credential: d.Digest.Credential(access.Card, []byte("04a2b3c4d5e680")), Presence: p, At: time.Now(),
		}, access.Facts{})
		out[p] = decision.Reason
	}
	return out
}

// Every cause of a right, and everything that takes one away, decides as the
// documents say; and what is asked from afar is what Kisi itself answers to the
// same person, who proves nothing (R113, X2).
func TestEveryCauseDecidesAsKisiDoes(t *testing.T) {
	for _, tt := range causes() {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio()
				tt.give(s)
				got := s.decided(t, nil)
				if got[access.AtReader] != tt.reader || got[access.Near] != tt.reader || got[access.Remote] != tt.remote {
					t.Errorf("decided %v; want %v at the tile and near it, %v from afar", got, tt.reader, tt.remote)
				}
				client, err := kisi.NewClient(kisi.Options{
					Key: func() (kisi.Key, error) { return "key-of-ann", nil }, HTTP: transport.Options{RoundTripper: cloudtest.Transport(s.k)},
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := client.Unlock(t.Context(), int64(s.door)); (err == nil) != (got[access.Remote] == access.Granted) {
					t.Errorf("from afar we decide %v, and Kisi says: %v", got[access.Remote], err)
				}
			})
		})
	}
}

// A card counts when it is given and activated, whoever it was before; a guest's
// and a guest's in a team as well.
func TestACardCountsWhenItIsGivenAndActivated(t *testing.T) {
	for _, tt := range []struct {
		name string
		give func(*studio)
		want access.Reason
	}{
		{"activated", func(s *studio) { s.direct() }, access.Granted},
		{"deactivated", func(s *studio) { s.direct(); s.k.DeactivateCard(s.card) }, access.NotActivated},
		{"activated again", func(s *studio) { s.direct(); s.k.DeactivateCard(s.card); s.k.ActivateCard(s.card) }, access.Granted},
		{"taken away", func(s *studio) { s.direct(); s.k.UnassignCard(s.card) }, access.Unknown},
		{"deleted", func(s *studio) { s.direct(); s.k.DeleteCard(s.card) }, access.Unknown},
		{"given to a guest", func(s *studio) {
			guest := cloudtest.ToGuest(s.k.AddGuest("Gus", ""))
			s.k.UnassignCard(s.card)
			s.k.AssignCard(s.card, guest, true)
			s.k.Assign(guest, s.group, cloudtest.Window{})
		}, access.Granted},
		{"given to a guest of a team", func(s *studio) {
			guest, team := cloudtest.ToGuest(s.k.AddGuest("Gus", "")), s.k.AddTeam("Crew")
			s.k.UnassignCard(s.card)
			s.k.AssignCard(s.card, guest, true)
			s.k.AddTeamMember(team, guest)
			s.k.Assign(cloudtest.ToTeam(team), s.group, cloudtest.Window{})
		}, access.Granted},
		{"given to a guest without a right", func(s *studio) {
			s.direct()
			s.k.UnassignCard(s.card)
			s.k.AssignCard(s.card, cloudtest.ToGuest(s.k.AddGuest("Gus", "")), true)
		}, access.NoGrant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio()
				tt.give(s)
				if got := s.decided(t, nil)[access.AtReader]; got != tt.want {
					t.Errorf("decided %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// What binds phones may be left to Kisi's app.
func TestWhatBindsPhonesIsASetting(t *testing.T) {
	for _, tt := range []struct {
		restrictions cloudtest.Restrictions
		want         access.Reason
	}{
		{cloudtest.Restrictions{PrimaryDevice: true}, access.Granted},
		{cloudtest.Restrictions{ManagedDevice: true}, access.Granted},
		{cloudtest.Restrictions{NoApp: true}, access.Granted},
		{cloudtest.Restrictions{NoApp: true, TapToAccess: true}, access.RemoteNotAllowed},
		{cloudtest.Restrictions{PrimaryDevice: true, Geofence: true}, access.RemoteNotAllowed},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio()
			restricted(tt.restrictions)(s)
			if got := s.decided(t, map[string]any{"app_restrictions": "ignore"})[access.Remote]; got != tt.want {
				t.Errorf("%+v from afar: %v, want %v", tt.restrictions, got, tt.want)
			}
		})
	}
}

// A switch that binds phones and is not told binds them: what Kisi renamed must not
// open from afar.
func TestWhatBindsPhonesAndIsNotToldBindsThem(t *testing.T) {
	for _, field := range []string{"primary_device_restriction_enabled", "managed_device_restriction_enabled", "login_enabled"} {
		t.Run(field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio()
				s.direct()
				d := deps(t, s.k)
				d.Transport = rewritten{d.Transport, `"` + field + `":`, `"renamed_` + field + `":`}
				fetched, err := openKisi(t, ownersKey, d, nil).Fetch(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				for _, g := range fetched.Roster.Groups {
					if !g.AtDoorOnly {
						t.Errorf("the group %q may be opened from afar", g.Name)
					}
				}
			})
		})
	}
}
