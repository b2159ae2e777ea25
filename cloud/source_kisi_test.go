package cloud_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
)

// settings stands for the settings reader: it fills in options by their key.
func settings(keys map[string]any) cloud.Decode {
	return func(into any) error {
		v := reflect.ValueOf(into).Elem()
		for i := range v.NumField() {
			if value, ok := keys[v.Type().Field(i).Tag.Get("toml")]; ok {
				v.Field(i).Set(reflect.ValueOf(value))
			}
		}
		return nil
	}
}

const ownersKey = "9f2c-key-of-the-owner"

// openKisi makes the source under test.
func openKisi(t *testing.T, key string, deps cloud.Deps, keys map[string]any) cloud.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"api_key_file": path}
	maps.Copy(all, keys)
	plan, err := cloud.CheckSource("kisi", settings(all))
	if err != nil {
		t.Fatal(err)
	}
	source, err := plan.Open(deps)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func deps(t *testing.T, k *cloudtest.Kisi) cloud.Deps {
	t.Helper()
	digest, err := access.NewDigestKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return cloud.Deps{Digest: digest, Transport: cloudtest.Transport(k)}
}

// R2, R3 and R4 are among what the suite asks.
func TestKisiSourceKeepsTheContract(t *testing.T) {
	cloudtest.SourceSuite(t, func(t *testing.T, key string, deps cloud.Deps) cloud.Source {
		return openKisi(t, key, deps, nil)
	})
}

// town is a world with one of everything, and the roster that it is, by hand.
func town(k *cloudtest.Kisi, d cloud.Deps) (keys map[string]any, moved cloud.Deps, want access.Roster) {
	k.AddKey(k.Owner(), ownersKey)
	hq, away := k.AddPlace("HQ", "Europe/Rome"), k.AddPlace("Elsewhere", "Europe/Oslo")
	front, lab := k.AddLock(hq, "Front door"), k.AddLock(hq, "Lab")
	far := k.AddLock(away, "Far door")
	k.RestrictLock(lab, cloudtest.Restrictions{Hours: true, Reader: true})
	k.LockDownLock(lab)
	desk, night, wide, foreign := k.AddGroup(hq, "Desk"), k.AddGroup(hq, "Night"), k.AddGroup(0, "Wide"), k.AddGroup(away, "Foreign")
	k.RestrictGroup(night, cloudtest.Restrictions{Hours: true, TapToAccess: true})
	k.RestrictGroup(wide, cloudtest.Restrictions{PrimaryDevice: true, NoApp: true})
	nights := k.AddSchedule(cloudtest.OnGroup(night), cloudtest.Schedule{Name: "Nights", Days: []time.Weekday{time.Friday, time.Sunday}, Starts: "18:00", Ends: "23:59"})
	lobby := k.AddSchedule(cloudtest.OnLock(front), cloudtest.Schedule{Consequence: "unlock", Days: []time.Weekday{time.Monday}})
	k.AddSchedule(cloudtest.OnGroup(foreign), cloudtest.Schedule{Days: []time.Weekday{time.Monday}})
	k.PutInGroup(desk, front)
	k.PutInGroup(night, front)
	k.PutInGroup(night, lab)
	k.PutInGroup(wide, front)
	k.PutInGroup(wide, far)
	k.PutInGroup(foreign, far)

	ann, bo := k.AddUser("Ann Lee", "ann@example.com"), k.AddUser("Bo Chen", "bo@example.com")
	k.SuspendUser(bo)
	gus := k.AddGuest("Gus", "")
	crew := k.AddTeam("Crew")
	k.AddTeamMember(crew, cloudtest.ToUser(bo))
	k.AddTeamMember(crew, cloudtest.ToGuest(gus))

	from := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	window := cloudtest.Window{From: from, Until: from.Add(8 * time.Hour)}
	annDesk := k.Assign(cloudtest.ToUser(ann), desk, window)
	crewNight := k.Assign(cloudtest.ToTeam(crew), night, cloudtest.Window{})
	gusWide := k.Assign(cloudtest.ToGuest(gus), wide, cloudtest.Window{})
	k.Assign(cloudtest.ToUser(bo), foreign, cloudtest.Window{})
	annHQ := k.AssignRole(cloudtest.ToUser(ann), "place_administrator", cloudtest.OnPlace(hq))
	k.AssignRole(cloudtest.ToUser(ann), "place_administrator", cloudtest.OnPlace(away))
	k.AssignRole(cloudtest.ToUser(bo), "observer", cloudtest.OnOrganization())

	card := k.AddCard(cloudtest.CardUID, "04A2B3C4D5E680")
	code := k.AddCard(cloudtest.CardQR, "TG Code 1")
	bar := k.AddCard(cloudtest.CardBarcode, "4006381333931")
	prox := k.AddNumberedCard(cloudtest.CardH10301, 12, 3456)
	low := k.AddCard(cloudtest.CardLF, "0A1B2C3D4E")
	block := k.AddCard(cloudtest.CardClassic, "00112233445566778899aabbccddeeff")
	pass := k.AddCard(cloudtest.CardKisi, "12345678")
	k.AddCard(cloudtest.CardUID, "04FFFFFFFFFF80") // nobody's
	k.AssignCard(card, cloudtest.ToUser(ann), true)
	k.AssignCard(code, cloudtest.ToUser(bo), true)
	k.AssignCard(bar, cloudtest.ToGuest(gus), true)
	k.AssignCard(prox, cloudtest.ToUser(bo), false)
	k.AssignCard(low, cloudtest.ToUser(bo), true)
	k.AssignCard(block, cloudtest.ToUser(ann), true)
	k.AssignCard(pass, cloudtest.ToUser(ann), true)

	d.Doors = map[string]string{fmt.Sprintf("kisi:%d", front): "front"}
	d.Links = map[string]string{fmt.Sprintf("kisi:user:%d", ann): "h42"}
	id := func(kind string, n int) string { return fmt.Sprintf("kisi-%s-%d", kind, n) }
	credential := func(n int, holder string, kind access.Kind, value string, active bool) access.Assignment {
		return access.Assignment{
			ID: id("card", n), Kind: kind, Digest: d.Digest.Digest(kind, []byte(value)),
			Assurance: access.LowAssured, Holder: holder, Active: active,
		}
	}
	grant := func(n int, kind access.AssigneeKind, who string, scope access.ScopeKind, what string) access.Grant {
		return access.Grant{ID: id("ra", n), Kind: kind, Assignee: who, Scope: scope, ScopeID: what, Source: "kisi", Cause: "role"}
	}
	inWindow := grant(annDesk, access.ToHolder, "h42", access.ScopeGroup, id("group", desk))
	inWindow.From, inWindow.Until = window.From, window.Until
	boID, gusID, place := id("user", bo), id("guest", gus), id("place", hq)
	return map[string]any{"places": []int64{int64(hq)}}, d, access.Roster{
		Places: []access.Place{{ID: place, Name: "HQ", Zone: "Europe/Rome"}},
		Doors: []access.Door{
			{ID: "front", Name: "Front door", Place: place},
			{ID: id("lock", lab), Name: "Lab", Place: place, LockedDown: true, Restricted: true, AtDoorOnly: true},
		},
		Groups: []access.Group{
			{ID: id("group", desk), Name: "Desk", Doors: []string{"front"}, Zone: "Europe/Rome"},
			{ID: id("group", night), Name: "Night", Doors: []string{"front", id("lock", lab)}, Restricted: true, Zone: "Europe/Rome", AtDoorOnly: true},
			{ID: id("group", wide), Name: "Wide", Doors: []string{"front"}, AtDoorOnly: true},
		},
		Schedules: []access.Schedule{
			{ID: id("schedule", nights), Name: "Nights", On: access.ScopeGroup, OnID: id("group", night), Days: access.Weekdays(0).With(time.Friday, time.Sunday), From: 18 * 60, Until: access.MinutesADay},
			{ID: id("schedule", lobby), On: access.ScopeDoor, OnID: "front", Consequence: access.Unlock, Days: access.Weekdays(0).With(time.Monday), Until: access.MinutesADay},
		},
		Teams: []access.Team{{ID: id("team", crew), Members: []string{boID, gusID}}},
		Holders: []access.Holder{
			{ID: id("user", k.Owner()), Name: "Olive Owner"},
			{ID: "h42", Name: "Ann Lee"},
			{ID: boID, Name: "Bo Chen", Suspended: true},
			{ID: gusID, Name: "Gus"},
		},
		Assignments: []access.Assignment{
			credential(card, "h42", access.Card, "04a2b3c4d5e680", true), credential(card, "h42", access.Card, "80e6d5c4b3a204", true),
			credential(code, boID, access.QR, "TG Code 1", true),
			credential(bar, gusID, access.QR, "4006381333931", true),
			credential(prox, boID, access.Wiegand, "h10301:12:3456", false),
			credential(low, boID, access.Wiegand, "raw:40:0a1b2c3d4e", true), credential(low, boID, access.Wiegand, "raw:39:0a1b2c3d4e", true),
			credential(low, boID, access.Wiegand, "raw:38:0a1b2c3d4e", true), credential(low, boID, access.Wiegand, "raw:37:0a1b2c3d4e", true),
		},
		Grants: []access.Grant{
			{ID: "kisi-ra-owner", Assignee: id("user", k.Owner()), Scope: access.ScopeOrganisation, Source: "kisi", Cause: "role"},
			inWindow,
			grant(crewNight, access.ToTeam, id("team", crew), access.ScopeGroup, id("group", night)),
			grant(gusWide, access.ToHolder, gusID, access.ScopeGroup, id("group", wide)),
			grant(annHQ, access.ToHolder, "h42", access.ScopePlace, place),
		},
	}
}

// R10: the places are chosen by their ids, and what lies elsewhere is left out.
func TestKisiRosterIsWhatTheOrganisationIs(t *testing.T) {
	for _, overHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("over HTTP %t", overHTTP), func(t *testing.T) {
			k := cloudtest.NewKisi(cloudtest.Options{Rate: -1})
			keys, d, want := town(k, deps(t, k))
			if overHTTP {
				base, stop, err := cloudtest.Serve(t.Context(), k, "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				keys["base_url"], d.Transport = base, nil
				check(t, openKisi(t, ownersKey, d, keys), want)
				return
			}
			synctest.Test(t, func(t *testing.T) { check(t, openKisi(t, ownersKey, d, keys), want) })
		})
	}
}

func check(t *testing.T, source cloud.Source, want access.Roster) {
	t.Helper()
	got, err := source.Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Dropped) > 0 || got.At.IsZero() || got.Cursor == "" {
		t.Errorf("dropped %v, at %v, cursor %q", got.Dropped, got.At, got.Cursor)
	}
	i := slices.IndexFunc(got.Roster.Grants, func(g access.Grant) bool { return g.Scope == access.ScopeOrganisation })
	if i < 0 {
		t.Fatal("the owner's right is missing")
	}
	got.Roster.Grants[i].ID = "kisi-ra-owner" // made by the fake itself
	sorted := []cmp.Option{
		cmpopts.SortSlices(func(a, b access.Holder) bool { return a.ID < b.ID }),
		cmpopts.SortSlices(func(a, b access.Grant) bool { return a.ID < b.ID }),
		cmpopts.SortSlices(func(a, b access.Assignment) bool { return a.ID+a.Digest.String() < b.ID+b.Digest.String() }),
		cmpopts.SortSlices(func(a, b string) bool { return a < b }),
	}
	if diff := cmp.Diff(want, got.Roster, sorted...); diff != "" {
		t.Errorf("roster (-want +got):\n%s", diff)
	}
}

// crowd is an organisation with people in groups, each with a card.
func crowd(k *cloudtest.Kisi, people, groups, doors int) {
	k.AddKey(k.Owner(), ownersKey)
	place := k.AddPlace("HQ", "Europe/Rome")
	var inGroup []int
	var locks []int
	for i := range doors {
		locks = append(locks, k.AddLock(place, fmt.Sprintf("Door %d", i)))
	}
	for i := range groups {
		g := k.AddGroup(place, fmt.Sprintf("Group %d", i))
		k.PutInGroup(g, locks[i%doors])
		inGroup = append(inGroup, g)
	}
	for i := range people {
		who := cloudtest.ToUser(k.AddUser(fmt.Sprintf("Person %d", i), fmt.Sprintf("p%d@example.com", i)))
		for j := range 3 {
			k.Assign(who, inGroup[(i+j)%groups], cloudtest.Window{})
		}
		k.AssignCard(k.AddCard(cloudtest.CardUID, fmt.Sprintf("04%010X80", i)), who, true)
	}
}

// A full crawl of 1,000 people, 60 groups, 40 doors, 3,000 rights and 1,000
// cards stays within a tenth of the fewest requests that can read it.
func TestAFullCrawlStaysNearTheFloorOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := cloudtest.NewKisi(cloudtest.Options{})
		crowd(k, 1000, 60, 40)
		source := openKisi(t, ownersKey, deps(t, k), nil)
		start := time.Now()
		got, err := source.Fetch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		pages := func(rows, size int) int { return (rows + size - 1) / size }
		// Identity at both ends, roles, places, locks, groups; the groups of
		// each lock; schedules; users and the owner; guests, teams; rights; cards twice.
		floor := 4 + 1 + 1 + 1 + pages(60, 250) + 40 + 1 + pages(1001, 100) + 1 + 1 + pages(3001, 250) + 2*pages(1000, 250)
		made := len(k.Requests())
		t.Logf("requests %d, floor %d; %v at the budget of 4 a second", made, floor, took)
		if made*10 > floor*11 {
			t.Errorf("%d requests, want at most a tenth more than %d", made, floor)
		}
		if len(got.Roster.Holders) != 1001 || len(got.Roster.Grants) != 3001 || len(got.Roster.Assignments) != 2000 {
			t.Errorf("%d people, %d rights, %d credentials", len(got.Roster.Holders), len(got.Roster.Grants), len(got.Roster.Assignments))
		}
		for _, r := range k.Requests() {
			if r.Status != http.StatusOK {
				t.Errorf("%s %s: %d", r.Method, r.Path, r.Status)
			}
		}
	})
}

func TestKisiAsksForTheDoorsOfGroupsTheCheaperWayRound(t *testing.T) {
	for _, tt := range []struct{ groups, doors int }{{3, 8}, {8, 3}} {
		synctest.Test(t, func(t *testing.T) {
			k := cloudtest.NewKisi(cloudtest.Options{})
			crowd(k, 10, tt.groups, tt.doors)
			got, err := openKisi(t, ownersKey, deps(t, k), nil).Fetch(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			for _, r := range k.Requests() {
				if r.Path == "/group_locks" || strings.Contains(r.Query, "lock_id=") {
					asked++
				}
			}
			doors := 0
			for _, g := range got.Roster.Groups {
				doors += len(g.Doors)
			}
			if asked != 3 || doors != tt.groups {
				t.Errorf("%d groups, %d doors: asked %d times and found %d, want 3 and %d", tt.groups, tt.doors, asked, doors, tt.groups)
			}
		})
	}
}

// R4: a key that is good and may not list something says so, line by line.
func TestProbeTellsWhichListsTheKeyMayNotRead(t *testing.T) {
	for _, tt := range []struct{ path, line string }{
		{"/locks", "list locks"},
		{"/groups", "list groups"},
		{"/group_locks", "list groups"},
		{"/users", "list users"},
		{"/role_assignments", "list role assignments"},
		{"/cards", "list cards"},
		{"/card_assignments", "list card assignments"},
		{"/places", "list places"},
		{"/roles", "list roles"},
		{"/guests", "list guests"},
		{"/team_memberships", "list team memberships"},
		{"/schedules", "list schedules"},
		{"/calendar", "compare hours with Kisi's own calendar"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := cloudtest.NewKisi(cloudtest.Options{})
				crowd(k, 3, 1, 1)
				k.RestrictGroup(45274, cloudtest.Restrictions{Hours: true})
				k.AddSchedule(cloudtest.OnGroup(45274), mornings)
				k.Faults().Status(403, -1, tt.path)
				report, err := openKisi(t, ownersKey, deps(t, k), nil).Test(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var wrong []string
				for _, line := range report.Lines {
					if !line.OK {
						wrong = append(wrong, line.What)
					}
				}
				if diff := cmp.Diff([]string{tt.line}, wrong); diff != "" {
					t.Errorf("lines that are not passed (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestProgressEndsAtItsTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := cloudtest.NewKisi(cloudtest.Options{})
		crowd(k, 30, 4, 6)
		d := deps(t, k)
		last, total := 0, 0
		d.Progress = func(done, of int, what string) {
			if done != last+1 || what == "" {
				t.Errorf("progress went from %d to %d (%s)", last, done, what)
			}
			last, total = done, of
		}
		if _, err := openKisi(t, ownersKey, d, nil).Fetch(t.Context(), ""); err != nil || last != total || total == 0 {
			t.Errorf("progress ended at %d of %d, %v", last, total, err)
		}
	})
}
