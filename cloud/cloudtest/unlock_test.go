package cloudtest

import (
	"fmt"
	"testing"
	"time"
)

// building is a front door, one member who may open it, and her own key.
type building struct {
	k                                     *Kisi
	now                                   time.Time
	place, front, group, ann, right, link int
	member, visitor                       *client
}

func newBuilding(t *testing.T) *building {
	b := &building{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)} // a Monday
	b.k = NewKisi(Options{Rate: -1, Now: func() time.Time { return b.now }})
	b.place = b.k.AddPlace("HQ", "Europe/Rome")
	b.front = b.k.AddLock(b.place, "Front")
	b.group = b.k.AddGroup(b.place, "Desk")
	b.k.PutInGroup(b.group, b.front)
	b.ann = b.k.AddUser("Ann", "ann@example.com")
	b.right = b.k.Assign(ToUser(b.ann), b.group, Window{From: b.now.Add(-time.Hour), Until: b.now.Add(time.Hour)})
	b.k.AddKey(b.ann, "ann-key")
	b.member = clientOf(t, b.k, "KISI-LOGIN ann-key")
	id, secret := b.k.AddLink(b.group, "Visitor", Window{})
	b.link, b.visitor = id, clientOf(t, b.k, "KISI-GROUP-LINK "+secret)
	return b
}

// Where a phone may be.
const (
	near = `{"context":{"location":{"latitude":51.5,"longitude":-0.1}}}`
	far  = `{"context":{"location":{"latitude":51.6,"longitude":-0.1}}}`
)

var unlockCases = []struct {
	name   string
	set    func(b *building)
	body   string
	status int
	code   string
}{
	{"a member in her window", func(*building) {}, "", 200, ""},
	{"before the window", func(b *building) { b.now = b.now.Add(-2 * time.Hour) }, "", 403, "f358de"},
	{"the instant the window begins", func(b *building) { b.now = b.now.Add(-time.Hour) }, "", 200, ""},
	{"the instant the window ends", func(b *building) { b.now = b.now.Add(time.Hour) }, "", 403, "f35ade"},
	{"no right at all", func(b *building) { b.k.RemoveAssignment(b.right) }, "", 403, "fcd8ef"},
	{"a right by a team", func(b *building) {
		b.k.RemoveAssignment(b.right)
		team := b.k.AddTeam("Studio")
		b.k.AddTeamMember(team, ToUser(b.ann))
		b.k.Assign(ToTeam(team), b.group, Window{})
	}, "", 200, ""},
	{"any grant is enough", func(b *building) {
		b.now = b.now.Add(2 * time.Hour)
		other := b.k.AddGroup(0, "Night")
		b.k.PutInGroup(other, b.front)
		b.k.Assign(ToUser(b.ann), other, Window{})
	}, "", 200, ""},
	{"suspended", func(b *building) { b.k.SuspendUser(b.ann) }, "", 403, "fcd8ff"},
	{"suspended by the directory", func(b *building) { b.k.SetSCIM(b.ann, false) }, "", 403, "fcd8ff"},
	{"lock locked down", func(b *building) { b.k.LockDownLock(b.front) }, "", 409, "fad001"},
	{"place locked down", func(b *building) { b.k.LockDownPlace(b.place) }, "", 409, "fad002"},
	{"lockdown cancelled", func(b *building) { b.k.LockDownPlace(b.place); b.k.CancelPlaceLockdown(b.place) }, "", 200, ""},
	{"controller offline", func(b *building) { b.k.SetOnline(b.front, false) }, "", 503, "fac001"},
	{"no app access", func(b *building) { b.k.RestrictGroup(b.group, Restrictions{NoApp: true}) }, "", 403, "f01337"},
	{"tap to access", func(b *building) { b.k.RestrictGroup(b.group, Restrictions{TapToAccess: true}) }, "", 403, "bbc93f"},
	{"primary device", func(b *building) { b.k.RestrictGroup(b.group, Restrictions{PrimaryDevice: true}) }, "", 403, "34bd8f"},
	{"geofence without a location", func(b *building) { b.k.RestrictLock(b.front, Restrictions{Geofence: true}) }, "", 403, "bbb99f"},
	{"geofence from far", func(b *building) { b.k.RestrictLock(b.front, Restrictions{Geofence: true}) }, far, 403, "a3995f"},
	{"geofence from near", func(b *building) { b.k.RestrictLock(b.front, Restrictions{Geofence: true}) }, near, 200, ""},
	{"reader without proof", func(b *building) { b.k.RestrictGroup(b.group, Restrictions{Reader: true}) }, `{"lock":{"proximity_proof":0}}`, 403, "bb4faa"},
	{"reader with proof", func(b *building) { b.k.RestrictGroup(b.group, Restrictions{Reader: true}) }, `{"lock":{"proximity_proof":"p"}}`, 200, ""},
	{"hours of the group with no schedule", func(b *building) { b.k.RestrictGroup(b.group, Restrictions{Hours: true}) }, "", 403, "34ffaa"},
	{"inside the hours of the group", func(b *building) {
		b.k.RestrictGroup(b.group, Restrictions{Hours: true})
		b.k.AddSchedule(OnGroup(b.group), Schedule{Days: []time.Weekday{time.Monday}, Starts: "11:00", Ends: "12:00"}) // in Rome it is 11:00
	}, "", 200, ""},
	{"hours of the lock bind all", func(b *building) {
		b.k.RestrictLock(b.front, Restrictions{Hours: true})
		b.k.AddSchedule(OnLock(b.front), Schedule{Days: []time.Weekday{time.Monday}, Starts: "12:00", Ends: "13:00"})
	}, "", 403, "34ffaa"},
}

func TestUnlockIsDecidedLikeDocument(t *testing.T) {
	for _, tt := range unlockCases {
		b := newBuilding(t)
		tt.set(b)
		g := b.member.do("POST", fmt.Sprintf("/locks/%d/unlock", b.front), tt.body)
		code, _ := g.field("code").(string)
		if g.status != tt.status || code != tt.code {
			t.Errorf("%s: %d %q, want %d %q", tt.name, g.status, code, tt.status, tt.code)
		}
		last := b.k.Unlocks()[len(b.k.Unlocks())-1]
		want := Unlock{Lock: b.front, User: b.ann, Code: tt.code, OK: tt.status == 200, At: b.now}
		if last != want {
			t.Errorf("%s: recorded %+v, want %+v", tt.name, last, want)
		}
	}
}

func TestUnlockThroughLinkWorksFromAnywhereButNotInLockdown(t *testing.T) {
	b := newBuilding(t)
	path := fmt.Sprintf("/locks/%d/unlock", b.front)
	b.k.RestrictLock(b.front, Restrictions{Geofence: true, Reader: true})
	if g := b.visitor.want(200, "POST", path, ""); g.text != `{"message":"Unlocked!"}` {
		t.Errorf("answer: %s", g.text)
	}
	if g := b.visitor.get(fmt.Sprintf("/locks?ids=%d", b.front)); g.rows()[0].(map[string]any)["unlocked"] != true {
		t.Errorf("the lock: %s, want unlocked for a moment", g.text)
	}
	b.k.LockDownPlace(b.place)
	b.visitor.want(409, "POST", path, "")
	b.k.RemoveLink(b.link)
	b.visitor.want(401, "POST", path, "")
	b.member.want(404, "POST", "/locks/1/unlock", "")
}

func TestOwnerOpensEveryDoorAndBypassesGroupOnly(t *testing.T) {
	b := newBuilding(t)
	b.k.AddKey(b.k.Owner(), ownersKey)
	owner := clientOf(t, b.k, "KISI-LOGIN "+ownersKey)
	path := fmt.Sprintf("/locks/%d/unlock", b.front)
	b.k.RestrictGroup(b.group, Restrictions{Reader: true})
	owner.want(200, "POST", path, "")
	b.k.RestrictLock(b.front, Restrictions{Reader: true})
	owner.want(403, "POST", path, "")
}

func TestCalendarTakesOverridesAwayAndFollowsZone(t *testing.T) {
	b := newBuilding(t)
	b.k.AddKey(b.k.Owner(), ownersKey)
	owner := clientOf(t, b.k, "KISI-LOGIN "+ownersKey)
	week := []time.Weekday{time.Friday, time.Saturday, time.Sunday, time.Monday}
	b.k.AddSchedule(OnGroup(b.group), Schedule{Days: week, Starts: "08:00", Ends: "18:00"})
	b.k.AddSchedule(OnGroup(b.group), Schedule{Days: week, Starts: "17:00", Ends: "20:00"})
	b.k.AddHoliday("it", "2026-03-30", "Closed")
	b.k.AddSchedule(OnGroup(b.group), Schedule{Region: "it", Override: true})
	b.k.AddSchedule(OnGroup(b.group), Schedule{From: time.Date(2026, 3, 28, 11, 0, 0, 0, time.UTC), Until: time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), Override: true})
	g := owner.want(200, "GET", fmt.Sprintf("/calendar/summary?group_id=%d&consequence=allow&around=2026-03-28T00:00:00Z/2026-03-31T00:00:00Z", b.group), "")
	got := fmt.Sprint(g.field("events"))
	want := fmt.Sprint([]any{ // the clocks change on the 29th
		map[string]any{"starts_at": "2026-03-28T07:00:00Z", "ends_at": "2026-03-28T11:00:00Z"},
		map[string]any{"starts_at": "2026-03-28T12:00:00Z", "ends_at": "2026-03-28T19:00:00Z"},
		map[string]any{"starts_at": "2026-03-29T06:00:00Z", "ends_at": "2026-03-29T18:00:00Z"},
	})
	if got != want {
		t.Errorf("allowed: %s\nwant     %s", got, want)
	}
	for _, around := range []string{"", "today", "2026-03-28T00:00:00Z/P", "2026-03-28T00:00:00Z/2026-03-27T00:00:00Z"} {
		owner.want(400, "GET", fmt.Sprintf("/calendar/summary?group_id=%d&around=%s", b.group, around), "")
	}
}

func FuzzAroundNeverAnswersBackwards(f *testing.F) {
	for _, seed := range []string{"2026-03-28T00:00:00Z/P14D", "PT1H/2026-03-28T00:00:00Z", "P/", "/", "2026-03-28T00:00:00Z/P99999999999999999999D"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if from, to, sound := around(s); sound && !from.Before(to) {
			t.Errorf("%q: from %v to %v", s, from, to)
		}
	})
}
