package kisi_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/cloud/transport"
)

// key is the key of the fake organisation's owner.
const key = "owner-key-0123456789"

// fakeKisi is an organisation with a key for its owner.
func fakeKisi(o cloudtest.Options) *cloudtest.Kisi {
	k := cloudtest.NewKisi(o)
	k.AddKey(k.Owner(), key)
	return k
}

func client(t *testing.T, base string, o transport.Options) *kisi.Client {
	t.Helper()
	c, err := kisi.NewClient(kisi.Options{BaseURL: base, Key: func() (kisi.Key, error) { return key, nil }, HTTP: o})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// must is for calls that may not fail.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func overHTTP(t *testing.T, k *cloudtest.Kisi) *kisi.Client {
	t.Helper()
	base, stop, err := cloudtest.Serve(t.Context(), k, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return client(t, base, transport.Options{Rate: 1e6})
}

// R2: the organisation's name comes back.
func TestClientReadsAFakeKisiOverHTTP(t *testing.T) {
	k := fakeKisi(cloudtest.Options{Rate: -1, Milliseconds: true, Organisation: "Acme Cowork"})
	k.Faults().ExtraFields(true)
	place := k.AddPlace("HQ", "Europe/Rome")
	lock := k.AddLock(place, "Entrance")
	k.SetOnlineUnknown(lock)
	group, wide := k.AddGroup(place, "Hot desk"), k.AddGroup(0, "Everywhere")
	k.RestrictGroup(group, cloudtest.Restrictions{Hours: true})
	k.PutInGroup(group, lock)
	ann := k.AddUser("Ann Lee", "ann@example.com")
	k.SuspendUser(k.AddUser("Bob", "bob@example.com"))
	guest, team := k.AddGuest("Gil", ""), k.AddTeam("Crew")
	k.AddTeamMember(team, cloudtest.ToGuest(guest))
	from := time.Date(2026, 11, 2, 9, 0, 0, 250e6, time.UTC)
	until := from.Add(8 * time.Hour)
	right := k.Assign(cloudtest.ToUser(ann), group, cloudtest.Window{From: from, Until: until})
	k.Assign(cloudtest.ToTeam(team), wide, cloudtest.Window{})
	card := k.AddCard("third_party_hf", "04A2B3C4D5E680")
	k.AssignCard(card, cloudtest.ToUser(ann), true)
	number := k.AddNumberedCard("third_party_lf_hid_h10301", 12, 3456)
	k.AddLink(group, "Visitor", cloudtest.Window{})

	c, ctx := overHTTP(t, k), t.Context()
	if org := must[kisi.Organization](t)(c.GetOrganization(ctx)); org.Name != "Acme Cowork" {
		t.Errorf("organisation %+v", org)
	}
	if login := must[kisi.Login](t)(c.GetLogin(ctx)); login.Type != "api" {
		t.Errorf("login %+v, want the type of a key", login)
	}
	me := must[kisi.Account](t)(c.GetAccount(ctx))
	if me.ID != int64(k.Owner()) {
		t.Errorf("account %+v, want the owner", me)
	}
	locks := must[[]kisi.Lock](t)(c.ListLocks(ctx, kisi.InPlace(int64(place))))
	if len(locks) != 1 || locks[0].Online != nil || locks[0].PlaceID != int64(place) || !locks[0].Configured {
		t.Errorf("locks %+v, want the entrance, of which nobody knows whether it is online", locks)
	}
	groups := must[[]kisi.Group](t)(c.ListGroups(ctx))
	if len(groups) != 2 || groups[0].PlaceID == nil || !groups[0].TimeRestricted.On || groups[1].PlaceID != nil {
		t.Errorf("groups %+v, want one of the place, restricted, and one of the organisation", groups)
	}
	in := must[[]kisi.GroupLock](t)(c.ListGroupLocks(ctx, int64(group)))
	if len(in) != 1 || in[0].LockID != int64(lock) || in[0].GroupID != int64(group) {
		t.Errorf("group locks %+v", in)
	}
	found := must[[]kisi.User](t)(c.ListUsers(ctx, kisi.ByEmail("bob@example.com")))
	if len(found) != 1 || *found[0].AccessEnabled {
		t.Errorf("users %+v, want Bob, suspended", found)
	}
	rights := must[[]kisi.RoleAssignment](t)(c.ListRoleAssignments(ctx, kisi.OnTarget(kisi.AppliesToGroup, int64(group))))
	if len(rights) != 1 || rights[0].ID != int64(right) || rights[0].AssigneeID != int64(ann) || !rights[0].ValidFrom.Equal(from) || !rights[0].ValidUntil.Equal(until) {
		t.Errorf("rights %+v, want Ann's, %v to %v", rights, from, until)
	}
	ofTeam := must[[]kisi.RoleAssignment](t)(c.ListRoleAssignments(ctx, kisi.OfAssignee(kisi.AssigneeTeam, int64(team))))
	if len(ofTeam) != 1 || ofTeam[0].ValidFrom != nil || ofTeam[0].ValidUntil != nil {
		t.Errorf("rights of the team %+v, want one without end", ofTeam)
	}
	members := must[[]kisi.TeamMembership](t)(c.ListTeamMemberships(ctx))
	if len(members) != 1 || members[0].MemberType != kisi.AssigneeGuest || members[0].MemberID != int64(guest) {
		t.Errorf("members %+v", members)
	}
	cards := must[[]kisi.Card](t)(c.ListCards(ctx, kisi.ByIDs(int64(card), int64(number))))
	if len(cards) != 2 || cards[0].UID != "04A2B3C4D5E680" || cards[1].FacilityCode != "12" || cards[1].CardNumber != "3456" {
		t.Error("the two cards did not come back with their values")
	}
	held := must[[]kisi.CardAssignment](t)(c.ListCardAssignments(ctx, kisi.OfCard(int64(card))))
	if len(held) != 1 || held[0].Status != kisi.CardActivated || held[0].AssigneeID != int64(ann) {
		t.Errorf("card assignments %+v", held)
	}
	for name, n := range map[string]int{
		"places": len(must[[]kisi.Place](t)(c.ListPlaces(ctx))), "guests": len(must[[]kisi.Guest](t)(c.ListGuests(ctx))),
		"teams": len(must[[]kisi.Team](t)(c.ListTeams(ctx))), "links": len(must[[]kisi.GroupLink](t)(c.ListGroupLinks(ctx))),
	} {
		if n != 1 {
			t.Errorf("%d %s, want 1", n, name)
		}
	}
	basic := false
	for _, r := range must[[]kisi.Role](t)(c.ListRoles(ctx)) {
		basic = basic || r.ID == "group_basic" && r.AppliesTo == kisi.AppliesToGroup && r.Unlocks()
	}
	if !basic {
		t.Error("no role group_basic that unlocks")
	}
}

func TestClientWritesToAFakeKisiOverHTTP(t *testing.T) {
	k := fakeKisi(cloudtest.Options{Rate: -1, Duplicates: cloudtest.Duplicates409, EventSetPolls: 1})
	place := k.AddPlace("HQ", "Europe/Rome")
	lock, group := k.AddLock(place, "Entrance"), k.AddGroup(place, "Hot desk")
	k.PutInGroup(group, lock)
	c, ctx, began := overHTTP(t, k), t.Context(), time.Now()

	user := must[kisi.User](t)(c.CreateUser(ctx, kisi.NewUser{Email: "ann@example.com", Name: "Ann", Managed: true, Notes: "tilegate"}))
	until := began.Add(time.Hour).UTC().Truncate(time.Second)
	grant := kisi.NewRoleAssignment{RoleID: "group_basic", AppliesToType: kisi.AppliesToGroup, AppliesToID: int64(group), AssigneeType: kisi.AssigneeUser, AssigneeID: user.ID, ValidUntil: &until}
	right := must[kisi.RoleAssignment](t)(c.CreateRoleAssignment(ctx, grant))
	if right.ValidUntil == nil || !right.ValidUntil.Equal(until) || right.CreatedByID != int64(k.Owner()) {
		t.Errorf("the right is %+v, want it to end at %v", right, until)
	}
	if _, err := c.CreateRoleAssignment(ctx, grant); !errors.Is(err, transport.Conflict) {
		t.Errorf("the same right again: got %v, want Conflict", err)
	}
	later := until.Add(time.Hour)
	if err := c.ChangeRoleAssignment(ctx, right.ID, &later, false); err != nil {
		t.Error(err)
	}
	again := must[[]kisi.RoleAssignment](t)(c.ListRoleAssignments(ctx, kisi.ByIDs(right.ID)))
	if len(again) != 1 || !again[0].ValidUntil.Equal(later) {
		t.Errorf("read back %+v, want the end at %v", again, later)
	}
	card := must[kisi.Card](t)(c.CreateCard(ctx, kisi.NewCard{Type: "third_party_qr_code", UID: "tg1.example"}))
	held := must[kisi.CardAssignment](t)(c.CreateCardAssignment(ctx, kisi.NewCardAssignment{CardID: card.ID, AssigneeType: kisi.AssigneeUser, AssigneeID: user.ID}))
	if held.Status != kisi.CardDeactivated {
		t.Errorf("a new card assignment is %q", held.Status)
	}
	link := must[kisi.CreatedGroupLink](t)(c.CreateGroupLink(ctx, kisi.NewGroupLink{GroupID: int64(group), Name: "Ann", QRType: "offline", Enabled: true}))
	if link.Secret == "" || link.QRToken == "" {
		t.Error("the new link came without its secrets")
	}
	no := false
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"activate", func() error { return c.ActivateCardAssignment(ctx, held.ID) }},
		{"suspend", func() error { return c.ChangeUser(ctx, user.ID, kisi.UserChange{AccessEnabled: &no}) }},
		{"unlock", func() error { return c.Unlock(ctx, int64(lock)) }},
		{"lock down", func() error { return c.LockDown(ctx, int64(lock)) }},
		{"lock down the place", func() error { return c.LockDownPlace(ctx, int64(place)) }},
		{"end the link", func() error { return c.DeleteGroupLink(ctx, link.ID) }},
		{"take the right", func() error { return c.DeleteRoleAssignment(ctx, right.ID) }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if n := len(k.Unlocks()); n != 1 {
		t.Errorf("the lock was asked to open %d times, want once", n)
	}
	if err := c.Unlock(ctx, int64(lock)); !errors.Is(err, transport.Conflict) {
		t.Errorf("unlock in a lockdown: got %v, want Conflict", err)
	}
	if err := c.DeleteRoleAssignment(ctx, right.ID); !errors.Is(err, transport.NotFound) {
		t.Errorf("taken away twice: got %v, want NotFound", err)
	}
	if !*must[[]kisi.Place](t)(c.ListPlaces(ctx))[0].LockedDown || !*must[[]kisi.Lock](t)(c.ListLocks(ctx))[0].LockedDown {
		t.Error("place and lock are not locked down")
	}
	seen := search(t, c, kisi.Search{From: began.Add(-time.Minute), Until: time.Now().Add(time.Minute)})
	for _, kind := range []string{"user.create", "role_assignment.create", "role_assignment.destroy", "lock.lock_down", "place.lock_down"} {
		if !seen[kind] {
			t.Errorf("the log has no %s: %v", kind, seen)
		}
	}
}

// search runs a search to its end and returns the types of event it found.
func search(t *testing.T, c *kisi.Client, s kisi.Search) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	set := must[kisi.EventSet](t)(c.CreateEventSet(t.Context(), s))
	for range 10 {
		if set.Status == kisi.EventSetFinished {
			break
		}
		set = must[kisi.EventSet](t)(c.GetEventSet(t.Context(), set.ID, ""))
	}
	for range 10 {
		for _, e := range set.Events {
			seen[e.Type] = true
		}
		if set.Cursor == "" {
			return seen
		}
		set = must[kisi.EventSet](t)(c.GetEventSet(t.Context(), set.ID, set.Cursor))
	}
	t.Fatal("the search has no end")
	return nil
}

func TestCrawlStaysWithinTheRateOfKisi(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fakeKisi(cloudtest.Options{})
		place := k.AddPlace("HQ", "Europe/Rome")
		group := k.AddGroup(place, "Hot desk")
		for i := range 1000 {
			user := k.AddUser(fmt.Sprintf("User %d", i), fmt.Sprintf("u%d@example.com", i))
			k.Assign(cloudtest.ToUser(user), group, cloudtest.Window{})
		}
		c := client(t, "https://api.kisi.io", transport.Options{RoundTripper: cloudtest.Transport(k)})
		began := time.Now()
		users := must[[]kisi.User](t)(c.ListUsers(t.Context()))
		rights := must[[]kisi.RoleAssignment](t)(c.ListRoleAssignments(t.Context()))
		if len(users) < 1000 || len(rights) < 1000 {
			t.Errorf("read %d users and %d rights", len(users), len(rights))
		}
		for _, r := range k.Requests() {
			if r.Status != 200 {
				t.Errorf("%s %s?%s was answered with %d", r.Method, r.Path, r.Query, r.Status)
			}
		}
		// 16 or 17 requests at 4 a second.
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the crawl took %v, want about 4 s", took)
		}
	})
}

func TestNoFaultOfTheCloudLooksLikeAnEmptyBuilding(t *testing.T) {
	for name, fault := range map[string]struct {
		set  func(*cloudtest.Faults)
		want error
	}{
		"a login page":         {(*cloudtest.Faults).CaptivePortal, transport.NotTheCloud},
		"a redirect to one":    {(*cloudtest.Faults).CaptivePortalRedirect, transport.NotTheCloud},
		"half a body":          {func(f *cloudtest.Faults) { f.HalfPage() }, transport.NotTheCloud},
		"broken JSON":          {func(f *cloudtest.Faults) { f.BrokenJSON() }, transport.NotTheCloud},
		"half of the rows":     {func(f *cloudtest.Faults) { f.ShortPage() }, kisi.ErrShort},
		"a cut line":           {func(f *cloudtest.Faults) { f.Cut() }, transport.Offline},
		"an outage":            {func(f *cloudtest.Faults) { f.Status(503, -1) }, transport.Unavailable},
		"a revoked key":        {func(f *cloudtest.Faults) { f.Status(401, -1) }, transport.Unauthorised},
		"a smaller role":       {func(f *cloudtest.Faults) { f.Status(403, -1) }, transport.Forbidden},
		"a removed endpoint":   {func(f *cloudtest.Faults) { f.RemovedEndpoint() }, transport.NotFound},
		"a storm of others":    {func(f *cloudtest.Faults) { f.Storm429() }, transport.Throttled},
		"rows that come":       {func(f *cloudtest.Faults) { f.RowDrift(cloudtest.DriftInsert, -1) }, kisi.ErrDrift},
		"rows that go":         {func(f *cloudtest.Faults) { f.RowDrift(cloudtest.DriftRemove, -1) }, kisi.ErrDrift},
		"rows that move":       {func(f *cloudtest.Faults) { f.RowDrift(cloudtest.DriftRotate, -1) }, kisi.ErrDrift},
		"nobody to be reached": {func(f *cloudtest.Faults) { f.Slow(time.Hour) }, transport.Offline},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := fakeKisi(cloudtest.Options{})
				for i := range 150 {
					k.AddUser(fmt.Sprintf("User %d", i), fmt.Sprintf("u%d@example.com", i))
				}
				fault.set(k.Faults())
				c := client(t, "https://api.kisi.io", transport.Options{RoundTripper: cloudtest.Transport(k)})
				users, err := c.ListUsers(t.Context())
				if !errors.Is(err, fault.want) || users != nil {
					t.Errorf("got %d users, %v; want none and %v", len(users), err, fault.want)
				}
				for _, r := range k.Requests() {
					if r.Host != "api.kisi.io" {
						t.Errorf("a request went to %s", r.Host)
					}
				}
				k.Faults().Clear()
				time.Sleep(6 * time.Minute) // whatever wait was asked for
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if users, err = c.ListUsers(ctx); err != nil || len(users) < 150 {
					t.Errorf("after the fault: %d users, %v", len(users), err)
				}
			})
		})
	}
}

func TestOneDriftIsReadOver(t *testing.T) {
	for _, drift := range []cloudtest.Drift{cloudtest.DriftInsert, cloudtest.DriftRemove, cloudtest.DriftRotate} {
		synctest.Test(t, func(t *testing.T) {
			k := fakeKisi(cloudtest.Options{})
			for i := range 250 {
				k.AddUser(fmt.Sprintf("User %d", i), fmt.Sprintf("u%d@example.com", i))
			}
			c := client(t, "https://api.kisi.io", transport.Options{RoundTripper: cloudtest.Transport(k)})
			want := must[[]kisi.User](t)(c.ListUsers(t.Context()))
			k.Faults().RowDrift(drift, 1)
			got, err := c.ListUsers(t.Context())
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("drift %d: %v (-want +got):\n%s", drift, err, diff)
			}
		})
	}
}
