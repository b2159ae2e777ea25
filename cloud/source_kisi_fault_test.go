package cloud_test

import (
	"bytes"
	"context"
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
	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/cloud/transport"
	"github.com/tilegate/tilegate/daemon/access"
)

// keeper keeps the rights as the daemon does, checked.
type keeper struct{ roster access.Roster }

func (k *keeper) Current(context.Context, string) (access.Roster, error) { return k.roster, nil }

func (k *keeper) Replace(ctx context.Context, source string, rows cloud.Rows, _ access.Contact) (int, error) {
	var next basket
	if err := rows(ctx, &next); err != nil {
		return 0, err
	}
	_, err := access.Build(access.Roster(next), []access.Contact{{Source: source}}, 1)
	k.roster = access.Roster(next)
	return 1, err
}

// basket takes the one roster that a cloud says.
type basket access.Roster

func (b *basket) Add(r access.Roster, _ int, _ bool) error {
	*b = basket(r)
	return nil
}

func (*basket) Wrong(context.Context, func(int, string, string, string) bool) error { return nil }

func (*keeper) Confirm(string, time.Time) {}

// opens counts the people of the crowd whose card opens one of their doors.
func (k *keeper) opens(t *testing.T, d cloud.Deps, people int, now time.Time) int {
	t.Helper()
	s, err := access.Build(k.roster, []access.Contact{{Source: "kisi", At: now}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range people {
		c := d.Digest.Credential(access.Card, fmt.Appendf(nil, "04%010x80", i))
		if decision := s.Decide(access.Tap{Door: "front", Credential: c, At: now}, access.Facts{}); decision.Granted() {
			n++
		}
	}
	return n
}

// Bad input of the issue: each fault gives one clear message that says what to
// do, and nobody loses a door (F-44, F-45, F-46, F-48, G-16).
func TestNoAnswerOfABrokenCloudTakesAnybodysRights(t *testing.T) {
	const people = 150
	for _, tt := range []struct {
		name   string
		fault  func(k *cloudtest.Kisi, f *cloudtest.Faults)
		is     error // what the error must be; nil: none, but a held change
		advice string
	}{
		{"401", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.Status(401, -1) }, transport.Unauthorised, "Organization Owner"},
		{"a key that was deleted", func(k *cloudtest.Kisi, _ *cloudtest.Faults) { k.RevokeKey(ownersKey) }, transport.Unauthorised, "Organization Owner"},
		{"403 on one list", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.Status(403, -1, "/users") }, transport.Forbidden, ""},
		{"HTML", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.CaptivePortal() }, transport.NotTheCloud, "captive portal"},
		{"a login page by redirect", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.CaptivePortalRedirect() }, transport.NotTheCloud, "captive portal"},
		{"a truncated page", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.HalfPage("/users") }, transport.NotTheCloud, "not whole"},
		{"JSON that ends too early", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.BrokenJSON("/role_assignments") }, transport.NotTheCloud, "not whole"},
		{"pages with half of their rows", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.ShortPage("/role_assignments") }, kisi.ErrShort, "next sync"},
		{"rows that move between pages", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.RowDrift(cloudtest.DriftRemove, -1, "/users") }, kisi.ErrDrift, "next sync"},
		{"no users", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/users") }, cloud.ErrNobody, "Organization Owner"},
		{"no locks", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/locks") }, cloud.ErrNobody, "Organization Owner"},
		{"no rights", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/role_assignments") }, cloud.ErrNobody, "Organization Owner"},
		{"every list empty", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists() }, cloud.ErrNobody, "Organization Owner"},
		{"no cards", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/cards") }, nil, "waits for a person"},
		{"no card assignments", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/card_assignments") }, nil, "waits for a person"},
		{"no groups", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/groups") }, nil, "waits for a person"},
		{"no doors in groups", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.EmptyLists("/group_locks") }, nil, "waits for a person"},
		{"cut", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.Cut() }, transport.Offline, "network"},
		{"a removed endpoint", func(_ *cloudtest.Kisi, f *cloudtest.Faults) { f.RemovedEndpoint("/card_assignments") }, transport.NotFound, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := cloudtest.NewKisi(cloudtest.Options{})
				crowd(k, people, 1, 1)
				d := deps(t, k)
				d.Doors = map[string]string{"kisi:2006": "front"}
				keeper := &keeper{}
				sync, err := cloud.NewSync(cloud.SyncOptions{Source: openKisi(t, ownersKey, d, nil), Every: time.Hour, Keeper: keeper})
				if err != nil {
					t.Fatal(err)
				}
				if err := sync.Now(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := keeper.opens(t, d, people, time.Now()); n != people {
					t.Fatalf("%d people open the door before the fault, want %d", n, people)
				}
				tt.fault(k, k.Faults())
				for range 3 { // and repeating it does not make it true
					time.Sleep(2 * time.Minute)
					err = sync.Now(t.Context())
					if n := keeper.opens(t, d, people, time.Now()); n != people {
						t.Fatalf("%d people open the door, want all %d; %v", n, people, err)
					}
				}
				said := strings.Join(sync.Status().Held, "\n")
				if err != nil {
					said = err.Error()
				}
				switch {
				case tt.is == nil && (err != nil || sync.Status().Result != cloud.SyncHeld),
					tt.is != nil && !errors.Is(err, tt.is):
					t.Errorf("error %v, result %s; want %v", err, sync.Status().Result, tt.is)
				case !strings.Contains(said, tt.advice) || strings.Contains(said, ownersKey):
					t.Errorf("said %q, want it to say %q", said, tt.advice)
				}
				t.Log(said)
			})
		})
	}
}

func TestAKeyOfAnotherOrganisationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := cloudtest.NewKisi(cloudtest.Options{}), cloudtest.NewKisi(cloudtest.Options{Organisation: "Other"})
		crowd(ours, 5, 1, 1)
		crowd(theirs, 5, 1, 1)
		to := &switched{to: cloudtest.Transport(ours)}
		d := deps(t, ours)
		d.Transport = to
		source := openKisi(t, ownersKey, d, nil)
		first, err := source.Fetch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		to.to = rewritten{cloudtest.Transport(theirs), "3289", "9911"}
		_, err = source.Fetch(t.Context(), first.Cursor)
		if !errors.Is(err, cloud.ErrOtherOrganisation) || !strings.Contains(err.Error(), "put the key of the right organisation back") {
			t.Errorf("Fetch: %v, want ErrOtherOrganisation and what to do", err)
		}
		to.to = cloudtest.Transport(ours)
		if _, err := source.Fetch(t.Context(), first.Cursor); err != nil {
			t.Errorf("Fetch with the right key again: %v", err)
		}
		requests := 0
		to.before = func(*http.Request) {
			if requests++; requests == 5 {
				to.to = rewritten{cloudtest.Transport(theirs), "3289", "9911"}
			}
		}
		if _, err := source.Fetch(t.Context(), ""); !errors.Is(err, cloud.ErrIdentityMoved) {
			t.Errorf("Fetch whose key changed on the way: %v, want ErrIdentityMoved", err)
		}
	})
}

// A field that Kisi renames must not read as "suspended" or "released" (F-45).
func TestRowsWithoutWhatEveryRowHasAreNotBelieved(t *testing.T) {
	for _, tt := range []struct{ field, what string }{
		{"access_enabled", "user"},
		{"scim_access_enabled", "user"},
		{"email", "user"},
		{"locked_down", "place"},
		{"time_restriction_enabled", "lock"},
		{"reader_restriction_enabled", "lock"},
		{"geofence_restriction_enabled", "lock"},
		{"tap_to_access_restriction_enabled", "group"},
		{"place_id", "lock"},
		{"enabled", "schedule"},
		{"override", "schedule"},
		{"consequence", "schedule"},
		{"scheduleable_type", "schedule"},
		{"scheduleable_id", "schedule"},
		{"type", "schedule"},
		{"role_id", "role assignment"},
		{"assignee_id", "role assignment"},
		{"status", "card assignment"},
	} {
		t.Run(tt.field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := cloudtest.NewKisi(cloudtest.Options{})
				crowd(k, 3, 1, 1)
				k.AddSchedule(cloudtest.OnLock(2006), cloudtest.Schedule{Days: []time.Weekday{time.Monday}})
				d := deps(t, k)
				d.Transport = rewritten{d.Transport, `"` + tt.field + `":`, `"renamed_` + tt.field + `":`}
				_, err := openKisi(t, ownersKey, d, nil).Fetch(t.Context(), "")
				if err == nil || !strings.Contains(err.Error(), "kisi: the "+tt.what+" ") || !strings.Contains(err.Error(), "ask for a newer tilegate") {
					t.Errorf("Fetch: %v, want an error about a %s", err, tt.what)
				}
			})
		})
	}
}

func TestACountOfANewKeyProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := cloudtest.NewKisi(cloudtest.Options{})
		crowd(k, 5, 1, 1)
		admin := k.AddUser("Admin", "admin@example.com")
		k.AssignRole(cloudtest.ToUser(admin), "administrator", cloudtest.OnOrganization())
		k.AddKey(admin, "another-key")
		d := deps(t, k)
		first, err := openKisi(t, ownersKey, d, nil).Fetch(t.Context(), "")
		if err != nil || len(first.Counts) == 0 {
			t.Fatalf("counts %v, %v", first.Counts, err)
		}
		other := openKisi(t, "another-key", d, nil)
		second, err := other.Fetch(t.Context(), first.Cursor)
		if err != nil || second.Counts != nil {
			t.Errorf("counts %v, %v; want none from a key that is new", second.Counts, err)
		}
		third, err := other.Fetch(t.Context(), second.Cursor)
		if err != nil || len(third.Counts) == 0 {
			t.Errorf("counts %v, %v; want them from the second crawl on", third.Counts, err)
		}
	})
}

// A company that leaves is proven by its group's own total and goes at once.
func TestARemovalThatKisiCountsPassesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := cloudtest.NewKisi(cloudtest.Options{})
		k.AddKey(k.Owner(), ownersKey)
		place := k.AddPlace("HQ", "")
		lock, group := k.AddLock(place, "Front"), k.AddGroup(place, "Company")
		k.PutInGroup(group, lock)
		var rights []int
		for i := range 40 {
			rights = append(rights, k.Assign(cloudtest.ToUser(k.AddUser(fmt.Sprint(i), fmt.Sprintf("%d@example.com", i))), group, cloudtest.Window{}))
		}
		keeper := &keeper{}
		sync, err := cloud.NewSync(cloud.SyncOptions{Source: openKisi(t, ownersKey, deps(t, k), nil), Every: time.Hour, Keeper: keeper})
		if err != nil {
			t.Fatal(err)
		}
		if err := sync.Now(t.Context()); err != nil || len(keeper.roster.Grants) != 41 {
			t.Fatalf("%d rights, %v; want 40 and the owner's", len(keeper.roster.Grants), err)
		}
		for _, id := range rights {
			k.RemoveAssignment(id)
		}
		if err := sync.Now(t.Context()); err != nil || len(keeper.roster.Grants) != 1 || sync.Status().Result != cloud.SyncOK {
			t.Errorf("%d rights, %v, %+v; want the owner's alone", len(keeper.roster.Grants), err, sync.Status())
		}
	})
}

func TestAMissingPlaceStopsTheCrawl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := cloudtest.NewKisi(cloudtest.Options{})
		crowd(k, 3, 1, 1)
		source := openKisi(t, ownersKey, deps(t, k), map[string]any{"places": []int64{46, 9999}})
		if _, err := source.Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "the place 9999 of the settings") {
			t.Errorf("Fetch: %v, want the place that is missing", err)
		}
		report, err := source.Test(t.Context())
		i := slices.IndexFunc(report.Lines, func(l cloud.CheckLine) bool { return l.What == "list places" })
		if err != nil || i < 0 || report.Lines[i].OK || !strings.Contains(report.Lines[i].Note, "9999") {
			t.Errorf("Test: %+v, %v; want the missing place in its line", report, err)
		}
	})
}

// switched is a network whose other end can be changed.
type switched struct {
	to     http.RoundTripper
	before func(*http.Request)
}

func (s *switched) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.before != nil {
		s.before(r)
	}
	return s.to.RoundTrip(r)
}

// rewritten is a cloud whose answers say something else.
type rewritten struct {
	to      http.RoundTripper
	old, is string
}

func (o rewritten) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.to.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // in memory
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.ReplaceAll(body, []byte(o.old), []byte(o.is))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}
