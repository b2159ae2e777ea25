package cloudtest

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// eventsOf reads a whole event set as a caller must: until it is finished, and
// then by cursor.
func eventsOf(t *testing.T, c *client, body string, limit int) (rows []map[string]any, polls int) {
	t.Helper()
	set := c.want(200, "POST", "/event_sets", body)
	path := fmt.Sprintf("/event_sets/%v", set.field("id"))
	for set.field("status") == "in_progress" {
		if _, there := set.field("events").([]any); there {
			t.Fatalf("events while in progress: %s", set.text)
		}
		polls++
		set = c.want(200, "GET", fmt.Sprintf("%s?limit=%d", path, limit), "")
	}
	for {
		for _, row := range set.field("events").([]any) {
			rows = append(rows, row.(map[string]any))
		}
		if set.field("cursor") == nil {
			return rows, polls
		}
		set = c.want(200, "GET", fmt.Sprintf("%s?limit=%d&cursor=%v", path, limit, set.field("cursor")), "")
	}
}

func TestEveryChangeLeavesEventInOrder(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	k, c := ownersKisi(t, Options{EventSetPolls: 2, Now: func() time.Time { return now }})
	place := k.AddPlace("HQ", "")
	front, group, ann := k.AddLock(place, "Front"), k.AddGroup(place, "Desk"), k.AddUser("Ann", "ann@example.com")
	card := k.AddCard(CardUID, "04A2B3C4")
	now = now.Add(time.Hour)
	from := now.Format(time.RFC3339)
	inGroup := k.PutInGroup(group, front)
	right := k.Assign(ToUser(ann), group, Window{})
	k.AssignCard(card, ToUser(ann), true)
	k.ChangeWindow(right, Window{Until: now.Add(time.Hour)})
	k.RemoveAssignment(right)
	k.SuspendUser(ann)
	k.DeactivateCard(card)
	k.DeleteCard(card)
	k.LockDownPlace(place)
	k.CancelPlaceLockdown(place)
	k.TakeFromGroup(inGroup)
	c.want(204, "PATCH", fmt.Sprintf("/users/%d", ann), `{"user":{"access_enabled":true}}`)
	c.want(200, "POST", fmt.Sprintf("/locks/%d/unlock", front), "")
	k.SetOnline(front, false)
	c.want(503, "POST", fmt.Sprintf("/locks/%d/unlock", front), "")
	now = now.Add(time.Minute)

	rows, polls := eventsOf(t, c, fmt.Sprintf(`{"event_set":{"interval":"%s/%s"}}`, from, now.Format(time.RFC3339)), 4)
	var got []string
	for _, row := range rows {
		kind := row["type"].(string)
		if row["error_code"] != nil {
			kind += " " + row["error_code"].(string)
		}
		got = append(got, kind)
	}
	want := []string{
		"group_lock.create", "role_assignment.create", "card.assign", "role_assignment.update", "role_assignment.destroy", "user.update",
		"card.deactivate", "card.deassign", "card.destroy", "place.lock_down", "place.cancel_lockdown", "group_lock.destroy", "user.update",
		"lock.unlock", "lock.unlock fac001",
	}
	if !slices.Equal(got, want) || polls != 2 {
		t.Errorf("%d polls, events %v\nwant 2, %v", polls, got, want)
	}
	if rows[4]["object_id"] != float64(right) || rows[4]["object_type"] != "RoleAssignment" || rows[13]["authenticated_by_type"] != "Login" {
		t.Errorf("the removal: %v; the unlock: %v", rows[4], rows[13])
	}
	only, _ := eventsOf(t, c, `{"event_set":{"event_type":"card.destroy,lock.unlock","event_success":true}}`, 50)
	if len(only) != 2 {
		t.Errorf("filtered: %v, want two", only)
	}
}

func TestEventSetsRefuseWhatDocumentForbids(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	_, c := ownersKisi(t, Options{EventSetPolls: -1, Now: func() time.Time { return now }})
	for _, body := range []string{
		`{"event_set":{"interval":"2025-01-01T00:00:00Z/2025-06-01T00:00:00Z"}}`,
		`{"event_set":{"interval":"yesterday"}}`,
		`{"event_set":{"event_place_id":1,"place_id":1}}`,
	} {
		c.want(422, "POST", "/event_sets", body)
	}
	set := c.want(200, "POST", "/event_sets", `{"event_set":{}}`)
	if set.field("status") != "finished" {
		t.Errorf("status: %v, want finished at once", set.field("status"))
	}
	path := fmt.Sprintf("/event_sets/%v", set.field("id"))
	c.want(400, "GET", path+"?cursor=x", "")
	now = now.Add(25 * time.Hour)
	c.want(404, "GET", path, "")
}

func TestEventsShowUpAfterTheirLag(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	k, c := ownersKisi(t, Options{EventLag: 20 * time.Second, Now: func() time.Time { return now }})
	now = now.Add(time.Hour)
	k.AddUser("Ann", "ann@example.com")
	ask := fmt.Sprintf(`{"event_set":{"interval":"%s/2026-03-02T12:00:00Z"}}`, now.Format(time.RFC3339))
	for _, want := range []int{0, 1} {
		if rows, _ := eventsOf(t, c, ask, 50); len(rows) != want {
			t.Errorf("%d events, want %d", len(rows), want)
		}
		now = now.Add(30 * time.Second)
	}
}
