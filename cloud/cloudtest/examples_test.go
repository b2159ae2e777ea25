package cloudtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shape is the JSON of a value with its contents taken out: the keys and the
// types, in a text that can be compared.
func shape(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "decimal"
		}
		return "integer"
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return "instant"
		}
		return "text"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + shape(v[0]) + "]"
	case map[string]any:
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, name+": "+shape(v[name]))
		}
		return "{" + strings.Join(lines, "\n") + "}"
	}
	return fmt.Sprintf("%T", v)
}

func decoded(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// diff names the keys that two objects do not have alike.
func diff(got, want any, at string) (out []string) {
	g, isObject := got.(map[string]any)
	w, wants := want.(map[string]any)
	if !isObject || !wants {
		if shape(got) != shape(want) {
			out = append(out, fmt.Sprintf("%s: %s, want %s", at, shape(got), shape(want)))
		}
		return out
	}
	for name := range w {
		if _, there := g[name]; !there {
			out = append(out, at+"."+name+": missing")
			continue
		}
		out = append(out, diff(g[name], w[name], at+"."+name)...)
	}
	for name := range g {
		if _, there := w[name]; !there {
			out = append(out, at+"."+name+": not documented")
		}
	}
	slices.Sort(out)
	return out
}

// specimens is an organisation with one of everything, and the ids by name.
func specimens(k *Kisi, now time.Time) map[string]int {
	ids := map[string]int{}
	place := k.AddPlace("HQ", "Europe/London")
	ids["lock"] = k.AddLock(place, "Front")
	ids["group"], ids["anywhere"] = k.AddGroup(place, "Desk"), k.AddGroup(0, "Anywhere")
	k.RestrictGroup(ids["group"], Restrictions{Hours: true})
	ids["group_lock"] = k.PutInGroup(ids["group"], ids["lock"])
	ann := k.AddRegularUser("Ann Lee", "ann@example.com")
	team := k.AddTeam("Studio")
	ids["guest"] = k.AddGuest("Visitor", "")
	ids["member"] = k.AddTeamMember(team, ToUser(ann))
	ids["on_group"] = k.Assign(ToUser(ann), ids["group"], Window{From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)})
	ids["on_place"] = k.AssignRole(ToUser(ann), "place_administrator", OnPlace(place))
	ids["on_organization"] = k.AssignRole(ToTeam(team), "administrator", OnOrganization())
	ids["card_uid"] = k.AddCard(CardUID, "04A2B3C4D5E680")
	ids["card_kisi"] = k.AddCard(CardKisi, "87654321")
	ids["card_classic"] = k.AddCard(CardClassic, "aabb")
	ids["card_corporate1000"] = k.AddNumberedCard("third_party_lf_hid_corporate1000_35", 1, 2)
	ids["card_qr"] = k.AddCard(CardQR, "HELLO")
	ids["card_assignment"] = k.AssignCard(ids["card_uid"], ToUser(ann), true)
	k.AddHoliday("gb_eng", "2025-12-25", "Christmas")
	days := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	ids["recurring"] = k.AddSchedule(OnGroup(ids["group"]), Schedule{Name: "Office", Days: days, Starts: "08:00", Ends: "18:00"})
	ids["single"] = k.AddSchedule(OnGroup(ids["group"]), Schedule{Override: true, From: now.Add(48 * time.Hour), Until: now.Add(58 * time.Hour)})
	ids["all_day"] = k.AddSchedule(OnGroup(ids["anywhere"]), Schedule{FirstDate: "2025-05-01", LastDate: "2025-05-02"})
	ids["holidays"] = k.AddSchedule(OnLock(ids["lock"]), Schedule{Region: "gb_eng", Override: true, Ignored: []string{"2025-12-26"}})
	return ids
}

// documented asks for everything that the examples show. {x} in a path is the
// id of specimen x; the first row stands for a list.
func documented(t *testing.T) map[string]any {
	now := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC) // a Saturday
	k, c := ownersKisi(t, Options{Now: func() time.Time { return now }, EventSetPolls: 1})
	ids := specimens(k, now)
	got := map[string]any{}
	ask := func(name, method, path, body string) any {
		for word, id := range ids {
			path = strings.ReplaceAll(path, "{"+word+"}", strconv.Itoa(id))
			body = strings.ReplaceAll(body, "{"+word+"}", strconv.Itoa(id))
		}
		got[name] = exact(t, c, method, path, body)
		if rows, isList := got[name].([]any); isList {
			got[name] = rows[0]
		}
		return got[name]
	}
	for name, path := range examplePaths {
		ask(name, "GET", path, "")
	}
	ask("user", "POST", "/users", `{"user":{"email":"bo@example.com","name":"Bo","send_emails":false,"confirm":true}}`)
	link := ask("group_link_created", "POST", "/group_links", `{"group_link":{"group_id":{group},"name":"Ann","email":"ann@example.com",`+
		`"quick_response_code_type":"offline","valid_from":"2025-03-01T09:00:00Z","valid_until":"2025-03-01T10:00:00Z"}}`)
	ask("group_link", "GET", "/group_links?query=ann", "")
	ask("unlocked", "POST", "/locks/{lock}/unlock", "")
	set := ask("event_set_in_progress", "POST", "/event_sets", `{"event_set":{"event_type":"lock.unlock"}}`)
	finished := ask("event", "GET", fmt.Sprintf("/event_sets/%s", set.(map[string]any)["id"]), "")
	got["event"] = finished.(map[string]any)["events"].([]any)[0]
	ask("errors", "POST", "/users", `{"user":{}}`)
	got["role"].(map[string]any)["permissions"] = map[string]any{} // a hundred flags; see TestRolesSayWhoUnlocks

	now = now.Add(90 * time.Minute)
	c = clientOf(t, k, fmt.Sprintf("KISI-GROUP-LINK %s", link.(map[string]any)["secret"]))
	ask("organization_for_link", "GET", "/organization", "")
	ask("lock_for_link", "GET", "/locks", "")
	return got
}

var examplePaths = map[string]string{
	"organization":                    "/organization",
	"current_user":                    "/user",
	"place":                           "/places",
	"lock":                            "/locks?ids={lock}",
	"group":                           "/groups/{group}",
	"group_of_organization":           "/groups/{anywhere}",
	"group_lock":                      "/group_locks?group_id={group}&ids={group_lock}",
	"guest":                           "/guests/{guest}",
	"team_membership":                 "/team_memberships/{member}",
	"role":                            "/roles/group_basic",
	"role_assignment_on_group":        "/role_assignments?ids={on_group}",
	"role_assignment_on_place":        "/role_assignments/{on_place}",
	"role_assignment_on_organization": "/role_assignments/{on_organization}",
	"card_uid":                        "/cards/{card_uid}",
	"card_kisi":                       "/cards/{card_kisi}",
	"card_classic":                    "/cards/{card_classic}",
	"card_corporate1000":              "/cards/{card_corporate1000}",
	"card_qr":                         "/cards/{card_qr}",
	"card_assignment":                 "/card_assignments/{card_assignment}",
	"schedule_recurring":              "/schedules/{recurring}",
	"schedule_single":                 "/schedules/{single}",
	"schedule_all_day":                "/schedules/{all_day}",
	"schedule_holidays":               "/schedules/{holidays}",
	"calendar_summary":                "/calendar/summary?group_id={group}&around=2025-03-01T00:00:00Z/P7D&consequence=allow",
	"holiday":                         "/holiday_calendars/gb_eng/holidays?year=2025&observed=true",
	"error":                           "/nothing",
}

// exact asks and decodes numbers as they were written.
func exact(t *testing.T, c *client, method, path, body string) any {
	t.Helper()
	g := c.do(method, path, body)
	if g.status == 0 || g.text == "" {
		t.Fatalf("%s %s: status %d with no body", method, path, g.status)
	}
	return decoded(t, []byte(g.text))
}

// TestAnswersAreShapedLikeDocument holds the fake to the vendor's own examples:
// the same keys and the same JSON types, nulls too, so that it cannot drift to
// please a client.
func TestAnswersAreShapedLikeDocument(t *testing.T) {
	got := documented(t)
	files, err := filepath.Glob("testdata/examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		answer, asked := got[name]
		if !asked {
			t.Errorf("%s: an example that nobody compares", name)
			continue
		}
		for _, line := range diff(answer, decoded(t, text), name) {
			t.Error(line)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s: an answer with no example", name)
	}
}

func TestDiffSeesWhatDiffers(t *testing.T) {
	want := decoded(t, []byte(`{"id":1,"radius":300.0,"place":{"id":2},"at":"2025-03-01T08:00:00Z","none":null,"list":[1]}`))
	for _, tt := range []struct{ in, want string }{
		{`{"id":9,"radius":1.5,"place":{"id":3},"at":"2026-03-01T08:00:00.5Z","none":null,"list":[4,5]}`, ""},
		{`{"id":"9","radius":1.5,"place":{"id":3},"at":"2026-03-01T08:00:00Z","none":null,"list":[4]}`, ".id: text, want integer"},
		{`{"id":9,"radius":1,"place":{"id":3},"at":"2026-03-01T08:00:00Z","none":null,"list":[4]}`, ".radius: integer, want decimal"},
		{`{"id":9,"radius":1.5,"place":{},"at":"2026-03-01T08:00:00Z","none":null,"list":[4]}`, ".place.id: missing"},
		{`{"id":9,"radius":1.5,"place":{"id":3},"at":"today","none":null,"list":[4]}`, ".at: text, want instant"},
		{`{"id":9,"radius":1.5,"place":{"id":3},"at":"2026-03-01T08:00:00Z","none":0,"list":[4]}`, ".none: integer, want null"},
		{`{"id":9,"radius":1.5,"place":{"id":3},"at":"2026-03-01T08:00:00Z","none":null,"list":[4],"more":1}`, ".more: not documented"},
	} {
		if got := strings.Join(diff(decoded(t, []byte(tt.in)), want, ""), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}
