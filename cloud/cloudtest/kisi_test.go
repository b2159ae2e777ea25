package cloudtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const ownersKey = "owner-key-0001"

// got is an answer as a caller sees it.
type got struct {
	status int
	header http.Header
	text   string
	body   any // of JSON
}

func (g got) rows() []any { rows, _ := g.body.([]any); return rows }

func (g got) field(name string) any { o, _ := g.body.(map[string]any); return o[name] }

// client asks the fake over its in-memory transport, with no help from our own
// client.
type client struct {
	t    *testing.T
	http http.Client
	auth string
}

func clientOf(t *testing.T, k *Kisi, auth string) *client {
	return &client{t: t, http: newInMemoryClient(k), auth: auth}
}

func newInMemoryClient(k *Kisi) http.Client { return http.Client{Transport: Transport(k)} }

func (c *client) try(method, path, body string) (got, error) {
	c.t.Helper()
	return c.ask(c.t.Context(), method, path, body)
}

func (c *client) ask(ctx context.Context, method, path, body string) (got, error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://api.kisi.io"+path, strings.NewReader(body))
	if err != nil {
		return got{}, err
	}
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return got{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return got{}, err
	}
	g := got{status: res.StatusCode, header: res.Header, text: string(text)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &g.body); err != nil {
			return g, err
		}
	}
	return g, nil
}

// do asks and stops the test if there is no answer.
func (c *client) do(method, path, body string) got {
	c.t.Helper()
	g, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return g
}

func (c *client) get(path string) got { c.t.Helper(); return c.do("GET", path, "") }

// want stops the test on another status.
func (c *client) want(status int, method, path, body string) got {
	c.t.Helper()
	g := c.do(method, path, body)
	if g.status != status {
		c.t.Fatalf("%s %s: status %d, want %d; %v", method, path, g.status, status, g.body)
	}
	return g
}

// ownersKisi is an organisation without a rate limit and a client with the
// owner's key.
func ownersKisi(t *testing.T, opts Options) (*Kisi, *client) {
	opts.Rate = -1
	k := NewKisi(opts)
	k.AddKey(k.Owner(), ownersKey)
	return k, clientOf(t, k, "KISI-LOGIN "+ownersKey)
}

func TestOnlyGoodKeysAreLetIn(t *testing.T) {
	k, owner := ownersKisi(t, Options{})
	place := k.AddPlace("HQ", "Europe/London")
	group := k.AddGroup(place, "Desk")
	_, secret := k.AddLink(group, "Visitor", Window{})
	for _, tt := range []struct {
		name, auth, path string
		want             int
		code             string
	}{
		{"a good key", "KISI-LOGIN " + ownersKey, "/users", 200, ""},
		{"no key", "", "/users", 401, "afc516"},
		{"a wrong key", "KISI-LOGIN nothing", "/users", 401, "afc516"},
		{"another scheme", "Bearer " + ownersKey, "/users", 401, "afc516"},
		{"a link where links may", "KISI-GROUP-LINK " + secret, "/organization", 200, ""},
		{"a link where they may not", "KISI-GROUP-LINK " + secret, "/users", 401, "f29aef"},
		{"a wrong link", "KISI-GROUP-LINK nothing", "/locks", 401, "f29aef"},
		{"an unknown route", "KISI-LOGIN " + ownersKey, "/nothing", 404, "000404"},
		{"a known path with another method", "KISI-LOGIN " + ownersKey, "/roles/owner/x", 404, "000404"},
	} {
		g := clientOf(t, k, tt.auth).get(tt.path)
		code, _ := g.field("code").(string)
		if g.status != tt.want || code != tt.code {
			t.Errorf("%s: %d %q, want %d %q", tt.name, g.status, code, tt.want, tt.code)
		}
	}
	k.RevokeKey(ownersKey)
	if g := owner.get("/user"); g.status != 401 {
		t.Errorf("a revoked key: status %d, want 401", g.status)
	}
}

func TestKeyOfPlainMemberSeesNoDirectory(t *testing.T) {
	k, _ := ownersKisi(t, Options{})
	place := k.AddPlace("HQ", "")
	front, cellar := k.AddLock(place, "Front"), k.AddLock(place, "Cellar")
	group := k.AddGroup(0, "Desk")
	k.PutInGroup(group, front)
	ann := k.AddUser("Ann Lee", "ann@example.com")
	k.Assign(ToUser(ann), group, Window{})
	k.AddKey(ann, "ann-key")
	member := clientOf(t, k, "KISI-LOGIN ann-key")
	member.want(403, "GET", "/users", "")
	member.want(403, "GET", "/role_assignments", "")
	member.want(404, "GET", fmt.Sprintf("/locks/%d", cellar), "")
	locks := member.get("/locks").rows()
	if len(locks) != 1 || locks[0].(map[string]any)["id"] != float64(front) {
		t.Errorf("locks of a member: %v, want the front door only", locks)
	}
}

func TestFiveRequestsSecondForUserNotForKey(t *testing.T) {
	for _, window := range []RateWindow{SlidingWindow, FixedWindow} {
		synctest.Test(t, func(t *testing.T) {
			k := NewKisi(Options{Window: window})
			k.AddKey(k.Owner(), "one")
			k.AddKey(k.Owner(), "two")
			ann := k.AddUser("Ann", "ann@example.com")
			k.AddKey(ann, "three")
			one, two, three := clientOf(t, k, "KISI-LOGIN one"), clientOf(t, k, "KISI-LOGIN two"), clientOf(t, k, "KISI-LOGIN three")
			for range 3 {
				one.want(200, "GET", "/user", "")
			}
			for range 2 {
				two.want(200, "GET", "/user", "")
			}
			g := two.want(429, "GET", "/user", "")
			if g.field("code") != "000429" || g.header.Get("Retry-After") != "" {
				t.Errorf("429: %v %v, want the code and no Retry-After", g.body, g.header)
			}
			three.want(200, "GET", "/user", "")
			time.Sleep(time.Second)
			one.want(200, "GET", "/user", "")
		})
	}
}

func TestSlidingWindowIsStricterThanFixedOne(t *testing.T) {
	for _, tt := range []struct {
		window RateWindow
		want   int
	}{{SlidingWindow, 429}, {FixedWindow, 200}} {
		synctest.Test(t, func(t *testing.T) {
			k := NewKisi(Options{Window: tt.window})
			k.AddKey(k.Owner(), ownersKey)
			c := clientOf(t, k, "KISI-LOGIN "+ownersKey)
			time.Sleep(900 * time.Millisecond)
			for range 5 {
				c.want(200, "GET", "/user", "")
			}
			time.Sleep(200 * time.Millisecond)
			c.want(tt.want, "GET", "/user", "")
		})
	}
}

func TestEventSetsHaveBudgetOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKisi(Options{})
		k.AddKey(k.Owner(), ownersKey)
		c := clientOf(t, k, "KISI-LOGIN "+ownersKey)
		c.want(200, "POST", "/event_sets", `{"event_set":{}}`)
		c.want(429, "POST", "/event_sets", `{"event_set":{}}`)
		c.want(200, "GET", "/user", "")
		time.Sleep(time.Second)
		c.want(200, "POST", "/event_sets", `{"event_set":{}}`)
	})
}

func TestCollectionRangeIsNotClipped(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	place := k.AddPlace("HQ", "")
	for i := range 15 {
		k.AddGroup(place, fmt.Sprintf("Group %02d", i))
	}
	for _, tt := range []struct {
		path, want string
		rows       int
	}{
		{"/groups", "0-9/15", 10}, // the default is ten
		{"/groups?offset=10&limit=10", "10-19/15", 5},
		{"/groups?limit=250", "0-249/15", 15},
		{"/groups?query=group+01", "0-9/1", 1},
		{"/groups?query=nothing", "*/0", 0},
		{"/guests", "*/0", 0},
		{"/users", "0-49/1", 1},
		{"/places", "0-49/1", 1},
	} {
		g := c.want(200, "GET", tt.path, "")
		if r := g.header.Get("X-Collection-Range"); r != tt.want || len(g.rows()) != tt.rows {
			t.Errorf("%s: %q with %d rows, want %q with %d", tt.path, r, len(g.rows()), tt.want, tt.rows)
		}
	}
	if r := c.get("/roles").header.Get("X-Collection-Range"); r != "" {
		t.Errorf("roles are not paged, yet say %q", r)
	}
}

func TestLimitsOfPages(t *testing.T) {
	_, strict := ownersKisi(t, Options{})
	_, clamps := ownersKisi(t, Options{ClampLimit: true})
	strict.want(200, "GET", "/users?limit=100", "")
	strict.want(422, "GET", "/users?limit=101", "")
	strict.want(200, "GET", "/locks?limit=250", "")
	strict.want(422, "GET", "/locks?limit=251", "")
	strict.want(422, "GET", "/users?limit=0", "")
	strict.want(200, "GET", "/users?offset=20000", "")
	g := strict.want(422, "GET", "/users?offset=20001", "")
	if _, there := g.field("errors").(map[string]any)["offset"]; !there {
		t.Errorf("422 body: %v, want errors of offset", g.body)
	}
	if r := clamps.want(200, "GET", "/users?limit=1000", "").header.Get("X-Collection-Range"); r != "0-99/1" {
		t.Errorf("a limit cut down: %q, want 0-99/1", r)
	}
	strict.want(400, "GET", "/group_locks", "")
	strict.want(400, "GET", "/users?user_id=x", "")
	strict.want(400, "GET", "/users?sort=age", "")
}
