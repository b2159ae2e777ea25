package cloudtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDuplicateAssignmentIsAnsweredAsSwitched(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Duplicates
		want int
		rows int
	}{{"conflict", Duplicates409, 409, 1}, {"invalid", Duplicates422, 422, 1}, {"allowed", DuplicatesAllowed, 200, 2}} {
		k, c := ownersKisi(t, Options{Duplicates: tt.in})
		group, ann := k.AddGroup(0, "Desk"), k.AddUser("Ann", "ann@example.com")
		body := fmt.Sprintf(`{"role_assignment":{"user_id":%d,"group_id":%d,"role_id":"group_basic"}}`, ann, group)
		c.want(200, "POST", "/role_assignments", body)
		c.want(tt.want, "POST", "/role_assignments", body)
		if rows := c.get(fmt.Sprintf("/role_assignments?group_id=%d", group)).rows(); len(rows) != tt.rows {
			t.Errorf("%s: %d rows, want %d", tt.name, len(rows), tt.rows)
		}
	}
}

func TestPatchOfWindowIsHonouredAsSwitched(t *testing.T) {
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		ignores bool
		want    string
	}{{false, "2027-02-01T00:00:00Z"}, {true, "2027-01-01T00:00:00Z"}} {
		k, c := ownersKisi(t, Options{PatchIgnoresValidity: tt.ignores})
		id := k.Assign(ToUser(k.AddUser("Ann", "ann@example.com")), k.AddGroup(0, "Desk"), Window{Until: until})
		path := fmt.Sprintf("/role_assignments/%d", id)
		g := c.want(204, "PATCH", path, `{"role_assignment":{"valid_until":"2027-02-01T00:00:00Z"}}`)
		if g.text != "" {
			t.Errorf("204 has a body: %q", g.text)
		}
		if got := c.get(path).field("valid_until"); got != tt.want {
			t.Errorf("ignores %v: valid until %v, want %v", tt.ignores, got, tt.want)
		}
	}
}

func TestWrongAssignmentsAreRefused(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	place := k.AddPlace("HQ", "")
	group, ann := k.AddGroup(place, "Desk"), k.AddUser("Ann", "ann@example.com")
	whole := `"assignee_type":"User","assignee_id":%d,"applies_to_type":%q,"applies_to_id":%d,"role_id":%q`
	for _, tt := range []struct{ name, in, want string }{
		{"nobody", fmt.Sprintf(whole, 1, "Group", group, "group_basic"), "assignee"},
		{"no group", fmt.Sprintf(whole, ann, "Group", 1, "group_basic"), "applies_to"},
		{"a role of another kind", fmt.Sprintf(whole, ann, "Place", place, "group_basic"), "role_id"},
		{"a window on a place", fmt.Sprintf(whole, ann, "Place", place, "place_observer") + `,"valid_until":"2030-01-01T00:00:00Z"`, "valid_until"},
		{"an end before the start", fmt.Sprintf(whole, ann, "Group", group, "group_basic") +
			`,"valid_from":"2030-01-02T00:00:00Z","valid_until":"2030-01-01T00:00:00Z"`, "valid_until"},
		{"no role", fmt.Sprintf(`"user_id":%d,"group_id":%d`, ann, group), "role_id"},
	} {
		g := c.want(422, "POST", "/role_assignments", `{"role_assignment":{`+tt.in+`}}`)
		if _, there := g.field("errors").(map[string]any)[tt.want]; !there {
			t.Errorf("%s: %s, want errors of %s", tt.name, g.text, tt.want)
		}
	}
	c.want(400, "POST", "/role_assignments", `{"assignment":{}}`)
	c.want(404, "DELETE", "/role_assignments/1", "")
}

func TestMailsGoOutWhenWrittenAndOnlyToThoseWhoGetAny(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	group := k.AddGroup(0, "Desk")
	managed := c.want(200, "POST", "/users", `{"user":{"email":"m@example.com","send_emails":false,"confirm":true}}`).field("id")
	regular := c.want(200, "POST", "/users", `{"user":{"email":"r@example.com","send_emails":true}}`).field("id")
	for _, id := range []any{managed, regular} {
		c.want(200, "POST", "/role_assignments", fmt.Sprintf(`{"role_assignment":{"user_id":%v,"group_id":%d,"role_id":"group_basic","notify":true,"valid_from":"2099-01-01T00:00:00Z"}}`, id, group))
	}
	c.want(200, "POST", "/group_links", fmt.Sprintf(`{"group_link":{"group_id":%d,"name":"V","email":"v@example.com"}}`, group))
	c.want(200, "POST", "/group_links", fmt.Sprintf(`{"group_link":{"group_id":%d,"name":"V"}}`, group))
	var got []string
	for _, m := range k.Mails() {
		got = append(got, string(m.Kind)+" "+m.To)
	}
	want := []string{"invitation r@example.com", "access r@example.com", "link v@example.com"}
	if !slices.Equal(got[len(got)-3:], want) {
		t.Errorf("mails: %v, want %v", got, want)
	}
}

func TestSecretsOfLinkAreInCreateAnswerOnly(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	group := k.AddGroup(0, "Desk")
	g := c.want(200, "POST", "/group_links", fmt.Sprintf(`{"group_link":{"group_id":%d,"name":"V","quick_response_code_type":"online"}}`, group))
	secret, _ := g.field("secret").(string)
	list := c.get("/group_links")
	if secret == "" || strings.Contains(list.text, secret) || strings.Contains(list.text, "quick_response_code_token") {
		t.Errorf("create: %q; list: %s", secret, list.text)
	}
	c.want(404, "GET", fmt.Sprintf("/group_links/%v", g.field("id")), "")
	c.want(204, "DELETE", fmt.Sprintf("/group_links/%v", g.field("id")), "")
}

func TestUsersAreFoundAndChanged(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	ann := k.AddUser("Ann Lee", "ann@example.com")
	k.AddUser("Bob", "bob@example.com")
	if rows := c.get("/users?email=ANN@example.com").rows(); len(rows) != 1 {
		t.Errorf("by e-mail: %d rows, want 1", len(rows))
	}
	path := fmt.Sprintf("/users/%d", ann)
	c.want(204, "PATCH", path, `{"user":{"access_enabled":false,"notes":"ours","email":"other@example.com"}}`)
	g := c.get(path)
	if g.field("access_enabled") != false || g.field("notes") != "ours" || g.field("email") != "ann@example.com" {
		t.Errorf("after PATCH: %s; the e-mail can not be changed", g.text)
	}
	c.want(422, "POST", "/users", `{"user":{"email":"Ann@example.com"}}`)
	c.want(204, "DELETE", path, "")
	c.want(404, "GET", path, "")
	c.want(422, "DELETE", fmt.Sprintf("/users/%d", k.Owner()), "")
}

func TestUserWhoIsRemovedTakesRightsCardsAndKeysAlong(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	group, ann := k.AddGroup(0, "Desk"), k.AddUser("Ann", "ann@example.com")
	k.Assign(ToUser(ann), group, Window{})
	k.AssignCard(k.AddCard(CardUID, "04A2B3C4"), ToUser(ann), true)
	k.AddTeamMember(k.AddTeam("T"), ToUser(ann))
	k.AddKey(ann, "ann-key")
	k.RemoveUser(ann)
	for _, path := range []string{fmt.Sprintf("/role_assignments?user_id=%d", ann), "/card_assignments", "/team_memberships"} {
		if rows := c.want(200, "GET", path, "").rows(); len(rows) != 0 {
			t.Errorf("%s: %v, want nothing", path, rows)
		}
	}
	if g := c.get(fmt.Sprintf("/groups/%d", group)); g.field("users_count") != 0.0 {
		t.Errorf("users_count: %v, want 0", g.field("users_count"))
	}
	clientOf(t, k, "KISI-LOGIN ann-key").want(401, "GET", "/user", "")
}

func TestCardsAreDeactivatedUntilSomebodyActivatesThem(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	ann := k.AddRegularUser("Ann", "ann@example.com")
	card := c.want(200, "POST", "/cards", `{"card":{"type":"third_party_hf","uid":"04a2b3c4"}}`).field("id")
	c.want(422, "POST", "/cards", `{"card":{"type":"third_party_hf","uid":"04A2B3C4"}}`)
	c.want(422, "POST", "/cards", `{"card":{"type":"third_party_hf","uid":"4A"}}`)
	body := fmt.Sprintf(`{"card_assignment":{"assignee_type":"User","assignee_id":%d,"card_id":%v}}`, ann, card)
	g := c.want(200, "POST", "/card_assignments", body)
	c.want(422, "POST", "/card_assignments", body)
	if g.field("status") != "deactivated" {
		t.Errorf("a new assignment: %v, want deactivated", g.field("status"))
	}
	c.want(204, "POST", fmt.Sprintf("/card_assignments/%v/activate", g.field("id")), "")
	if rows := c.get("/cards?status=activated").rows(); len(rows) != 1 {
		t.Errorf("activated cards: %v, want one", rows)
	}
	c.want(204, "DELETE", fmt.Sprintf("/cards/%v", card), "")
	if rows := c.get("/card_assignments").rows(); len(rows) != 0 {
		t.Errorf("assignments of a card that is gone: %v", rows)
	}
}

func TestRolesSayWhoUnlocks(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	sweeper := k.AddCustomRole("Cleaner", "Place", "locks_read")
	want := map[string]bool{"owner": true, "administrator": true, "access_manager": true, "observer": false, "user_manager": false, "group_basic": true, sweeper: false}
	for _, row := range c.get("/roles").rows() {
		role := row.(map[string]any)
		flags := role["permissions"].(map[string]any)
		for name, flag := range flags {
			if _, isBool := flag.(bool); !isBool {
				t.Errorf("%v: %s is %v, want true or false", role["id"], name, flag)
			}
		}
		if unlocks, listed := want[role["id"].(string)]; listed && flags["locks_unlock"] != unlocks {
			t.Errorf("%v: locks_unlock %v, want %v", role["id"], flags["locks_unlock"], unlocks)
		}
		delete(want, role["id"].(string))
	}
	if len(want) > 0 {
		t.Errorf("roles not listed: %v", want)
	}
}
