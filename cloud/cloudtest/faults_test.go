package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsAreSeenAndCleared(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(f *Faults)
		want func(g got, err error) bool
	}{
		{"cut", func(f *Faults) { f.Cut() }, func(_ got, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"503", func(f *Faults) { f.Status(503, -1) }, func(g got, err error) bool { return err == nil && g.status == 503 && g.field("code") == "000503" }},
		{"storm", func(f *Faults) { f.Storm429() }, func(g got, err error) bool { return err == nil && g.status == 429 }},
		{"portal", func(f *Faults) { f.CaptivePortal() }, func(g got, err error) bool {
			return err == nil && g.status == 200 && strings.HasPrefix(g.header.Get("Content-Type"), "text/html") && strings.Contains(g.text, "<form")
		}},
		{"removed endpoint", func(f *Faults) { f.RemovedEndpoint("/users") }, func(g got, err error) bool { return err == nil && g.status == 404 && g.field("code") == "000404" }},
		{"half a page", func(f *Faults) { f.HalfPage() }, func(_ got, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"broken JSON", func(f *Faults) { f.BrokenJSON() }, func(g got, err error) bool { return err != nil && g.status == 200 }},
		{"short page", func(f *Faults) { f.ShortPage("/users") }, func(g got, err error) bool {
			return err == nil && len(g.rows()) == 2 && g.header.Get("X-Collection-Range") == "0-49/4"
		}},
		{"empty list", func(f *Faults) { f.EmptyLists() }, func(g got, err error) bool {
			return err == nil && g.status == 200 && g.text == "[]" && g.header.Get("X-Collection-Range") == "*/0"
		}},
		{"extra fields", func(f *Faults) { f.ExtraFields(true) }, func(g got, err error) bool {
			return err == nil && g.rows()[0].(map[string]any)["x_new_since_yesterday"] != nil
		}},
	} {
		k, c := ownersKisi(t, Options{})
		for i := range 3 {
			k.AddUser("Somebody", fmt.Sprintf("u%d@example.com", i))
		}
		tt.set(k.Faults())
		if g, err := c.try("GET", "/users", ""); !tt.want(g, err) {
			t.Errorf("%s: %d %q %v", tt.name, g.status, g.text, err)
		}
		k.Faults().Clear()
		if g := c.want(200, "GET", "/users", ""); len(g.rows()) != 4 {
			t.Errorf("%s: after Clear %d users, want 4", tt.name, len(g.rows()))
		}
	}
}

func TestFaultsStayOnTheirPathsAndCount(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	k.Faults().Status(503, 2, "/users")
	c.want(200, "GET", "/user", "")
	c.want(503, "GET", "/users", "")
	c.want(503, "GET", "/users/1", "")
	c.want(404, "GET", "/users/1", "")
	k.Faults().CutNext(1)
	if _, err := c.try("GET", "/user", ""); err == nil {
		t.Error("a cut that was not")
	}
	c.want(200, "GET", "/user", "")
}

func TestPortalRedirectLeadsAwayAndIsRecorded(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	k.Faults().CaptivePortalRedirect()
	if g := c.get("/users"); !strings.Contains(g.text, "<form") {
		t.Errorf("followed: %q, want the page of the portal", g.text)
	}
	all := k.Requests()
	if all[0].Status != 302 || all[1].Host != PortalHost || all[1].Authorized {
		t.Errorf("requests: %+v, want a redirect to %s that the key does not follow", all, PortalHost)
	}
}

// pages crawls a list without any care.
func pages(c *client, path string, size int) (ids []any, totals []string) {
	for offset := 0; ; offset += size {
		g := c.get(fmt.Sprintf("%s?limit=%d&offset=%d", path, size, offset))
		for _, row := range g.rows() {
			ids = append(ids, row.(map[string]any)["id"])
		}
		_, total, _ := strings.Cut(g.header.Get("X-Collection-Range"), "/")
		totals = append(totals, total)
		if len(g.rows()) < size {
			return ids, totals
		}
	}
}

func TestRowsDriftBetweenPages(t *testing.T) {
	for _, tt := range []struct {
		name         string
		drift        Drift
		unique, rows int
		lastTotal    string
	}{
		{"insert", DriftInsert, 25, 26, "26"},
		{"remove", DriftRemove, 24, 24, "24"},
		{"rotate", DriftRotate, 24, 25, "25"},
	} {
		k, c := ownersKisi(t, Options{})
		for i := range 25 {
			k.AddGroup(0, fmt.Sprint(i))
		}
		k.Faults().RowDrift(tt.drift, -1)
		ids, totals := pages(c, "/groups", 10)
		seen := map[any]bool{}
		for _, id := range ids {
			seen[id] = true
		}
		if len(seen) != tt.unique || len(ids) != tt.rows || totals[0] != "25" || totals[2] != tt.lastTotal {
			t.Errorf("%s: %d rows, %d different, totals %v; want %d, %d, 25 … %s", tt.name, len(ids), len(seen), totals, tt.rows, tt.unique, tt.lastTotal)
		}
		k.Faults().Clear()
		if ids, _ := pages(c, "/groups", 10); len(ids) != 25 {
			t.Errorf("%s: after Clear %d rows, want 25", tt.name, len(ids))
		}
	}
}

func TestHookChangesWorldDuringCrawl(t *testing.T) {
	k, c := ownersKisi(t, Options{})
	group := k.AddGroup(0, "Desk")
	var first int
	for i := range 15 {
		id := k.Assign(ToUser(k.AddUser("U", fmt.Sprintf("u%d@example.com", i))), group, Window{})
		if i == 0 {
			first = id
		}
	}
	done := false
	k.Faults().OnRequest(func(r *http.Request) {
		if r.URL.Query().Get("offset") == "10" && !done {
			done = true
			k.RemoveAssignment(first)
		}
	})
	ids, totals := pages(c, "/role_assignments", 10)
	if len(ids) != 15 || totals[0] != "16" || totals[1] != "15" { // the owner's is one
		t.Errorf("%d rows, totals %v; want 15 and 16, 15", len(ids), totals)
	}
}

func TestSlowAnswerEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, c := ownersKisi(t, Options{})
		k.Faults().Slow(time.Minute, "/users")
		start := time.Now()
		c.want(200, "GET", "/user", "")
		c.want(200, "GET", "/users", "")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v, want a minute", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "https://api.kisi.io/users", nil)
		if err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		res, err := Transport(k).RoundTrip(req)
		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want the deadline after a second", err, time.Since(start))
		}
	})
}

func TestClockSkewMovesDateAndWindows(t *testing.T) {
	b := newBuilding(t)
	path := fmt.Sprintf("/locks/%d/unlock", b.front)
	b.k.Faults().ClockSkew(2 * time.Hour)
	g := b.member.want(403, "POST", path, "")
	if date, err := http.ParseTime(g.header.Get("Date")); err != nil || !date.Equal(b.now.Add(2*time.Hour)) || g.field("code") != "f35ade" {
		t.Errorf("date %v %v, code %v; want two hours on and expired", date, err, g.field("code"))
	}
}

func TestRealListenerBreaksLikeRealOne(t *testing.T) {
	k := NewKisi(Options{Rate: -1})
	k.AddKey(k.Owner(), ownersKey)
	base, stop, err := Serve(t.Context(), k, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ask := func() (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/organization", nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "KISI-LOGIN "+ownersKey)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	if text, err := ask(); err != nil || !strings.Contains(text, "Acme Cowork") {
		t.Errorf("sound: %q %v", text, err)
	}
	k.Faults().HalfPage()
	if _, err := ask(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a page: %v, want an unexpected end", err)
	}
	k.Faults().Clear()
	k.Faults().Cut()
	if _, err := ask(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("cut: %v, want a reset", err)
	}
	stop()
	stop()
	if _, err := ask(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("stopped: %v, want refused", err)
	}
}

func TestTransportPassesRequestAsServerWould(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", fmt.Sprint(r.Method, " ", r.Host, " ", r.RequestURI, " ", r.URL.IsAbs(), " ", string(body)))
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "after the header was sent")
	})
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.example/a/b?c=d", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := Transport(h).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if got, want := res.Header.Get("X-Seen"), "POST api.example /a/b?c=d false hello"; got != want || res.StatusCode != 418 || res.Header.Get("X-Late") != "" {
		t.Errorf("%d %q %q, want 418 %q", res.StatusCode, got, res.Header.Get("X-Late"), want)
	}
}
