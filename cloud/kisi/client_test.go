package kisi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/cloud/transport"
)

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

// says makes an answer; headers are names and values in turn.
func says(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

const testKey = "4f6bb3c1e0a94d2f8c7e5a1b2d3c4e5f"

// newTest is a client of a Kisi in memory, without waits worth mentioning.
func newTest(t testing.TB, trip tripper) *Client {
	t.Helper()
	c, err := NewClient(Options{
		Key: func() (Key, error) { return testKey, nil }, Contact: "ops@example.com",
		HTTP: transport.Options{RoundTripper: trip, Rate: 1e6, Tries: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asked is what a request said.
type asked struct{ Method, URL, Body string }

func TestEachCallAsksWhatKisiDocuments(t *testing.T) {
	from := time.Date(2026, 11, 2, 10, 0, 0, 500, time.FixedZone("CET", 3600))
	until := from.Add(8 * time.Hour)
	no := false
	const none, user, card = "*/0", `{"id":1804}`, `{"id":8325}`
	for _, test := range []struct {
		name   string
		call   func(context.Context, *Client) error
		answer string
		want   asked
	}{
		{"organization", drop((*Client).GetOrganization), `{"id":3289}`, asked{"GET", "/organization", ""}},
		{"account", drop((*Client).GetAccount), `{"id":11}`, asked{"GET", "/user", ""}},
		{"login", drop((*Client).GetLogin), `{"id":7}`, asked{"GET", "/login", ""}},
		{"roles", drop((*Client).ListRoles), `[]`, asked{"GET", "/roles", ""}},
		{"places", dropList((*Client).ListPlaces), none, asked{"GET", "/places?limit=250&offset=0", ""}},
		{"locks of a place", dropList((*Client).ListLocks, InPlace(46)), none, asked{"GET", "/locks?limit=250&offset=0&place_id=46", ""}},
		{"groups of a lock", dropList((*Client).ListGroups, WithLock(2006)), none, asked{"GET", "/groups?limit=250&lock_id=2006&offset=0", ""}},
		{
			"locks of a group", func(ctx context.Context, c *Client) error { _, err := c.ListGroupLocks(ctx, 45274); return err }, none,
			asked{"GET", "/group_locks?group_id=45274&limit=250&offset=0", ""},
		},
		{"schedules", dropList((*Client).ListSchedules, WithConsequence(ConsequenceAllow)), none, asked{"GET", "/schedules?consequence=allow&limit=250&offset=0", ""}},
		{"users, of whom a page holds 100", dropList((*Client).ListUsers), none, asked{"GET", "/users?limit=100&offset=0", ""}},
		{"the user with an address", dropList((*Client).ListUsers, ByEmail("a+b@example.com")), none, asked{"GET", "/users?email=a%2Bb%40example.com&limit=100&offset=0", ""}},
		{"users by id", dropList((*Client).ListUsers, ByIDs(7, 3, 7)), none, asked{"GET", "/users?ids=3%2C7&limit=100&offset=0", ""}},
		{"guests", dropList((*Client).ListGuests), none, asked{"GET", "/guests?limit=250&offset=0", ""}},
		{"teams", dropList((*Client).ListTeams), none, asked{"GET", "/teams?limit=250&offset=0", ""}},
		{"members of a team", dropList((*Client).ListTeamMemberships, InTeam(5)), none, asked{"GET", "/team_memberships?limit=250&offset=0&team_id=5", ""}},
		{
			"rights on a group", dropList((*Client).ListRoleAssignments, OnTarget(AppliesToGroup, 9)), none,
			asked{"GET", "/role_assignments?applies_to_id=9&applies_to_type=Group&limit=250&offset=0", ""},
		},
		{
			"rights of a user", dropList((*Client).ListRoleAssignments, OfAssignee(AssigneeUser, 4)), none,
			asked{"GET", "/role_assignments?assignee_id=4&assignee_type=User&limit=250&offset=0", ""},
		},
		{"cards", dropList((*Client).ListCards), none, asked{"GET", "/cards?limit=250&offset=0", ""}},
		{"assignments of a card", dropList((*Client).ListCardAssignments, OfCard(8)), none, asked{"GET", "/card_assignments?card_id=8&limit=250&offset=0", ""}},
		{"links of a group", dropList((*Client).ListGroupLinks, InGroup(9)), none, asked{"GET", "/group_links?group_id=9&limit=250&offset=0", ""}},
		{
			"calendar", func(ctx context.Context, c *Client) error {
				_, err := c.CalendarOfGroup(ctx, 9, ConsequenceAllow, from, until)
				return err
			}, `{"events":[],"exceptions":[],"schedules_by_day":[]}`,
			asked{"GET", "/calendar/summary?around=2026-11-02T09%3A00%3A00Z%2F2026-11-02T17%3A00%3A00Z&consequence=allow&group_id=9", ""},
		},
		{
			"holidays", func(ctx context.Context, c *Client) error {
				_, err := c.ListHolidays(ctx, "gb_eng", 2026, true)
				return err
			},
			`[{"date":"2026-12-25","name":"Christmas"}]`,
			asked{"GET", "/holiday_calendars/gb_eng/holidays?observed=true&year=2026", ""},
		},
		{
			"a search", func(ctx context.Context, c *Client) error {
				_, err := c.CreateEventSet(ctx, Search{From: from, Until: until, Types: []string{"lock.unlock", "user.update"}})
				return err
			}, `{"id":1,"status":"in_progress"}`,
			asked{"POST", "/event_sets", `{"event_set":{"event_type":"lock.unlock,user.update","interval":"2026-11-02T09:00:00Z/2026-11-02T17:00:00Z"}}`},
		},
		{
			"a page of a search", func(ctx context.Context, c *Client) error { _, err := c.GetEventSet(ctx, "1", "a b"); return err },
			`{"id":1,"status":"finished"}`,
			asked{"GET", "/event_sets/1?cursor=a+b&limit=200", ""},
		},
		{"unlock", func(ctx context.Context, c *Client) error { return c.Unlock(ctx, 2006) }, `{"message":"Unlocked!"}`, asked{"POST", "/locks/2006/unlock", ""}},
		{"lockdown", func(ctx context.Context, c *Client) error { return c.LockDown(ctx, 2006) }, "", asked{"POST", "/locks/2006/lock_down", ""}},
		{"its end", func(ctx context.Context, c *Client) error { return c.CancelLockdown(ctx, 2006) }, "", asked{"POST", "/locks/2006/cancel_lockdown", ""}},
		{"lockdown of a place", func(ctx context.Context, c *Client) error { return c.LockDownPlace(ctx, 46) }, "", asked{"POST", "/places/46/lock_down", ""}},
		{"its end", func(ctx context.Context, c *Client) error { return c.CancelLockdownOfPlace(ctx, 46) }, "", asked{"POST", "/places/46/cancel_lockdown", ""}},
		{"a managed user", func(ctx context.Context, c *Client) error {
			_, err := c.CreateUser(ctx, NewUser{Email: "ann@example.com", Name: "Ann", Managed: true, Notes: "n"})
			return err
		}, user, asked{"POST", "/users", `{"user":{"confirm":true,"email":"ann@example.com","name":"Ann","notes":"n","send_emails":false}}`}},
		{
			"suspend", func(ctx context.Context, c *Client) error {
				return c.ChangeUser(ctx, 1804, UserChange{AccessEnabled: &no})
			}, "",
			asked{"PATCH", "/users/1804", `{"user":{"access_enabled":false}}`},
		},
		{"remove a user", func(ctx context.Context, c *Client) error { return c.DeleteUser(ctx, 1804) }, "", asked{"DELETE", "/users/1804", ""}},
		{"give a right", func(ctx context.Context, c *Client) error {
			_, err := c.CreateRoleAssignment(ctx, NewRoleAssignment{RoleID: "group_basic", AppliesToType: AppliesToGroup, AppliesToID: 9, AssigneeType: AssigneeUser, AssigneeID: 4, ValidFrom: &from, ValidUntil: &until})
			return err
		}, `{"id":777001}`, asked{"POST", "/role_assignments", `{"role_assignment":{"role_id":"group_basic","applies_to_type":"Group","applies_to_id":9,"assignee_type":"User","assignee_id":4,"notify":false,"valid_from":"2026-11-02T09:00:00Z","valid_until":"2026-11-02T17:00:00Z"}}`}},
		{
			"move its end", func(ctx context.Context, c *Client) error { return c.ChangeRoleAssignment(ctx, 1, &until, false) }, "",
			asked{"PATCH", "/role_assignments/1", `{"role_assignment":{"notify":false,"valid_until":"2026-11-02T17:00:00Z"}}`},
		},
		{"take it away", func(ctx context.Context, c *Client) error { return c.DeleteRoleAssignment(ctx, 1) }, "", asked{"DELETE", "/role_assignments/1", ""}},
		{"make a link", func(ctx context.Context, c *Client) error {
			_, err := c.CreateGroupLink(ctx, NewGroupLink{GroupID: 9, Name: "Ann", QRType: "offline", Enabled: true, ValidUntil: &until})
			return err
		}, `{"id":6001}`, asked{"POST", "/group_links", `{"group_link":{"group_id":9,"name":"Ann","quick_response_code_type":"offline","link_enabled":true,"valid_from":null,"valid_until":"2026-11-02T17:00:00Z"}}`}},
		{"end a link", func(ctx context.Context, c *Client) error { return c.DeleteGroupLink(ctx, 6001) }, "", asked{"DELETE", "/group_links/6001", ""}},
		{"enrol a card", func(ctx context.Context, c *Client) error {
			_, err := c.CreateCard(ctx, NewCard{Type: "third_party_hf", UID: "04a1"})
			return err
		}, card, asked{"POST", "/cards", `{"card":{"type":"third_party_hf","uid":"04a1"}}`}},
		{"remove a card", func(ctx context.Context, c *Client) error { return c.DeleteCard(ctx, 8325) }, "", asked{"DELETE", "/cards/8325", ""}},
		{"give a card", func(ctx context.Context, c *Client) error {
			_, err := c.CreateCardAssignment(ctx, NewCardAssignment{CardID: 8325, AssigneeType: AssigneeUser, AssigneeID: 4})
			return err
		}, `{"id":5001}`, asked{"POST", "/card_assignments", `{"card_assignment":{"card_id":8325,"assignee_type":"User","assignee_id":4}}`}},
		{"activate it", func(ctx context.Context, c *Client) error { return c.ActivateCardAssignment(ctx, 5001) }, "", asked{"POST", "/card_assignments/5001/activate", ""}},
		{"deactivate it", func(ctx context.Context, c *Client) error { return c.DeactivateCardAssignment(ctx, 5001) }, "", asked{"POST", "/card_assignments/5001/deactivate", ""}},
		{"take it back", func(ctx context.Context, c *Client) error { return c.DeleteCardAssignment(ctx, 5001) }, "", asked{"DELETE", "/card_assignments/5001", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got asked
			c := newTest(t, func(req *http.Request) (*http.Response, error) {
				got = asked{req.Method, req.URL.RequestURI(), bodyOf(t, req)}
				for name, want := range map[string]string{
					"Authorization": "KISI-LOGIN " + testKey, "Accept": "application/json",
					"X-Kisi-Integration-Identifier": "tilegate", "X-Kisi-Integration-Contact": "ops@example.com",
				} {
					if got := req.Header.Get(name); got != want {
						t.Errorf("header %s: %q, want %q", name, got, want)
					}
				}
				switch test.answer {
				case "":
					return says(204, "", "Content-Type", ""), nil
				case none:
					return says(200, "[]", "X-Collection-Range", none), nil
				}
				return says(200, test.answer), nil
			})
			if err := test.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("asked %+v\nwant  %+v", got, test.want)
			}
		})
	}
}

func drop[T any](call func(*Client, context.Context) (T, error)) func(context.Context, *Client) error {
	return func(ctx context.Context, c *Client) error { _, err := call(c, ctx); return err }
}

func dropList[T any](call func(*Client, context.Context, ...Filter) ([]T, error), f ...Filter) func(context.Context, *Client) error {
	return func(ctx context.Context, c *Client) error { _, err := call(c, ctx, f...); return err }
}

func bodyOf(t *testing.T, req *http.Request) string {
	t.Helper()
	if req.Body == nil {
		return ""
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestRefusalsSayWhatHappenedAndWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		kind   transport.Kind
		want   []string
	}{
		{"a wrong key", 401, `{"code":"afc516","error":"x"}`, transport.Unauthorised, []string{"afc516", "wrong", "created by the Organization Owner"}}, // R3
		{"a key without a body", 401, ``, transport.Unauthorised, []string{"created by the Organization Owner"}},
		{"a key that may not list", 403, `{"code":"fcd8ef","error":"x"}`, transport.Forbidden, []string{"fcd8ef", "no right", "Organization Owner"}}, // R4
		{"a door outside its hours", 403, `{"code":"34ffaa","error":"x"}`, transport.Forbidden, []string{"34ffaa", "outside the allowed hours", "restrictions"}},
		{"a controller without power", 503, `{"code":"fac001","error":"x"}`, transport.Unavailable, []string{"fac001", "controller is not available", "power"}},
		{"a code of tomorrow", 409, `{"code":"123abc","error":"Something new"}`, transport.Conflict, []string{"123abc", "Something new"}},
		{"an address that is gone", 404, `{"code":"000404","error":"x"}`, transport.NotFound, []string{"000404", "no such address"}},
		{"bad fields", 422, `{"errors":{"name":["is too long"],"email":["can't be blank","is odd"]}}`, transport.Invalid, []string{"refuses what was sent; email: can't be blank, is odd; name: is too long"}},
		{"an OAuth error", 400, `{"error":"invalid_redirect_uri","error_description":"The address is not known"}`, transport.Invalid, []string{"The address is not known"}},
		{"errors of another shape", 422, `{"errors":["one","two"]}`, transport.Invalid, nil},
		{"no JSON", 500, `oops`, transport.Unavailable, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTest(t, func(*http.Request) (*http.Response, error) { return says(test.status, test.body), nil })
			err := c.Unlock(t.Context(), 2006)
			var e *transport.Error
			if !errors.As(err, &e) || e.Kind != test.kind {
				t.Fatalf("got %v, want kind %q", err, test.kind)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestEveryDocumentedCodeHasWords(t *testing.T) {
	const documented = `afc516 afc526 afc536 afc546 afc507 afc496 fcd8ef fcd8ff faa9ff faa9ef cabbeb f29aef f298bf f298cf f298df f01337
		34bd8f bbc93f 34ffaa f358de f35ade f398de a3995f bb4faa bbb99f bbb93f bb4fff bb5bff bb4bff a7793f a3799f a3793f facced fad001 fad002
		fad123 fad10e fad105 ff420a fad108 fad110 fad124 fad112 fad137 fad144 fad146 fac001 fac002 fac003 fac004 fbc000 fad106 fad107 fad10f
		ecc123 ffffff aaa345 fad126 fad129 adf234 fad121 fad122 fad334 abbb11 abcc11 abdd11 abee11 abfe11 abff11 000404`
	codes := strings.Fields(documented)
	for _, code := range codes {
		if Words(code) == "" {
			t.Errorf("code %s has no words", code)
		}
	}
	if len(words) != len(codes) {
		t.Errorf("%d codes have words, %d are documented", len(words), len(codes))
	}
	if got := Words("zzzzzz"); got != "" {
		t.Errorf("an unknown code means %q, want nothing", got)
	}
}

func TestOnlyTheAgreedAnswerIsAnUnlock(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, `{"message":"unlocked"}`, `{"message":"Not unlocked!"}`} {
		c := newTest(t, func(*http.Request) (*http.Response, error) { return says(200, body), nil })
		if err := c.Unlock(t.Context(), 1); !errors.Is(err, transport.NotTheCloud) {
			t.Errorf("answer %s: got %v, want NotTheCloud", body, err)
		}
	}
}

func TestObjectsWithoutAnIDAreNotBelieved(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, `"x"`, `{"id":0}`, `{"id":-1}`, `{"id":9223372036854775808}`, `{"id":"7"}`} {
		c := newTest(t, func(*http.Request) (*http.Response, error) { return says(200, body), nil })
		if _, err := c.GetOrganization(t.Context()); !errors.Is(err, transport.NotTheCloud) {
			t.Errorf("answer %s: got %v, want NotTheCloud", body, err)
		}
	}
}

func TestSearchesAreOneASecond(t *testing.T) {
	c := newTest(t, func(*http.Request) (*http.Response, error) {
		return says(200, `{"id":"s-1","status":"in_progress"}`), nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := c.CreateEventSet(ctx, Search{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateEventSet(ctx, Search{}); err == nil {
		t.Error("two searches were begun within half a second")
	}
}

func TestCreatedLinkBringsItsSecretsOnce(t *testing.T) {
	c := newTest(t, func(*http.Request) (*http.Response, error) {
		return says(200, `{"id":6001,"resource_type":"GroupLink","name":"Ann Lee","email":"ann@example.com","phone":null,"last_used_at":null,
 "link_enabled":true,"quick_response_code_type":"offline","valid_from":null,"valid_until":"2026-11-02T17:00:00.123Z","created_at":"2026-11-01T09:00:00Z",
 "updated_at":"2026-11-01T09:00:00Z","group_id":45274,"group":{"id":45274,"resource_type":"Group","name":"Hot desk"},
 "created_by_type":"User","created_by_id":11,"issued_by_id":11,"secret":"sss","quick_response_code_token":"ttt","quick_response_code_image":"iii"}`), nil
	})
	got, err := c.CreateGroupLink(t.Context(), NewGroupLink{GroupID: 45274, Name: "Ann Lee"})
	until := time.Date(2026, 11, 2, 17, 0, 0, 123e6, time.UTC)
	want := CreatedGroupLink{
		GroupLink: GroupLink{
			ID: 6001, GroupID: 45274, Name: "Ann Lee", Email: "ann@example.com", Enabled: true, QRType: "offline", ValidUntil: &until,
			CreatedAt: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC),
		},
		Secret: "sss", QRToken: "ttt", QRImage: "iii",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
