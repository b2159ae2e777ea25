package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// tripper is a cloud in memory.
type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

// says makes an answer; headers are names and values in turn.
func says(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func always(status int, body string, headers ...string) tripper {
	return func(*http.Request) (*http.Response, error) { return says(status, body, headers...), nil }
}

func newTest(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Service == "" {
		o.Service = "kisi"
	}
	if o.BaseURL == "" {
		o.BaseURL = "https://cloud.example"
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddressOfTheCloudIsChecked(t *testing.T) {
	for _, test := range []struct {
		name, in string
		ok       bool
	}{
		{"https", "https://api.kisi.io", true},
		{"https with a path", "https://proxy.example/kisi", true},
		{"http on the v4 loopback", "http://127.0.0.1:8080", true},
		{"http on the v6 loopback", "http://[::1]:8080", true},
		{"http on localhost", "http://localhost:8080", true},
		{"http elsewhere", "http://api.kisi.io", false},
		{"http on a name that begins like the loopback", "http://127.0.0.1.example.com", false},
		{"a password", "https://user:hunter2@api.kisi.io", false},
		{"a query", "https://api.kisi.io/?key=hunter2", false},
		{"no scheme", "api.kisi.io", false},
		{"another scheme", "ftp://127.0.0.1", false},
		{"garbage with a password", "https://user:hunter2@%zz", false},
		{"nothing", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(Options{Service: "kisi", BaseURL: test.in})
			if got := err == nil; got != test.ok {
				t.Errorf("New(%q) = %v, want ok %t", test.in, err, test.ok)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

func TestAnswersAreJudged(t *testing.T) {
	page := []string{"Content-Type", "text/html; charset=utf-8"}
	for _, test := range []struct {
		name   string
		method string
		status int
		body   string
		header []string
		want   Kind // empty: good
	}{
		{name: "a list", status: 200, body: "[]"},
		{name: "another JSON media type", status: 200, body: "{}", header: []string{"Content-Type", "application/problem+json"}},
		{name: "done, without a body", method: "DELETE", status: 204, header: []string{"Content-Type", ""}},
		{name: "done, with 200 and no body", method: "POST", status: 200},
		{name: "wrong key", status: 401, body: `{"code":"afc516"}`, want: Unauthorised},
		{name: "no right", status: 403, body: "{}", want: Forbidden},
		{name: "absent", status: 404, body: "{}", want: NotFound},
		{name: "gone", status: 410, body: "{}", want: NotFound},
		{name: "exists already", status: 409, body: "{}", want: Conflict},
		{name: "bad request", status: 400, body: "{}", want: Invalid},
		{name: "bad fields", status: 422, body: "{}", want: Invalid},
		{name: "a teapot", status: 418, body: "{}", want: Invalid},
		{name: "too fast, in plain text", method: "POST", status: 429, body: "Retry later", header: []string{"Content-Type", "text/plain"}, want: Throttled},
		{name: "too fast, in HTML", status: 429, body: "<html>", header: page, want: Throttled},
		{name: "the gateway of the cloud, in HTML", status: 502, body: "<html>", header: page, want: Unavailable},
		{name: "time-out at the cloud", status: 408, want: Unavailable},
		{name: "too early", status: 425, want: Unavailable},
		{name: "a login page", status: 200, body: "<html>sign in", header: page, want: NotTheCloud},
		{name: "a login page as 401", status: 401, body: "<html>", header: page, want: NotTheCloud},
		{name: "a page of somebody else", status: 404, body: "<html>", header: page, want: NotTheCloud},
		{name: "network authentication required", status: 511, body: "{}", want: NotTheCloud},
		{name: "a redirect", status: 302, header: []string{"Location", "https://login.example/?from=x"}, want: NotTheCloud},
		{name: "a redirect to a broken address", status: 302, header: []string{"Location", "https://%zz"}, want: NotTheCloud},
		{name: "a redirect that asks to repeat a POST", method: "POST", status: 307, header: []string{"Location", "/elsewhere"}, want: NotTheCloud},
		{name: "plain text", status: 200, body: "ok", header: []string{"Content-Type", "text/plain"}, want: NotTheCloud},
		{name: "no media type", status: 200, body: "[]", header: []string{"Content-Type", ""}, want: NotTheCloud},
		{name: "nothing where something was asked for", status: 200, want: NotTheCloud},
		{name: "half of a list", status: 200, body: `[{"id":1},{"id`, want: NotTheCloud},
		{name: "a byte order mark", status: 200, body: "\ufeff[]", want: NotTheCloud},
		{name: "not a number", status: 200, body: `[NaN]`, want: NotTheCloud},
		{name: "too deep", status: 200, body: strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000), want: NotTheCloud},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTest(t, Options{Tries: 1, RoundTripper: always(test.status, test.body, test.header...)})
			resp, err := c.Do(t.Context(), Request{Method: test.method, Path: "/x"})
			if test.want == "" {
				if err != nil || resp.Status != test.status || string(resp.Body) != test.body {
					t.Errorf("got %+v, %v; want status %d and body %q", resp, err, test.status, test.body)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != test.want || !errors.Is(err, test.want) {
				t.Fatalf("got %v, want kind %q", err, test.want)
			}
			if e.Hint == "" && e.Kind != Invalid {
				t.Errorf("%v says nothing about what to do", err)
			}
		})
	}
}

func TestLoginPageIsNamedInWords(t *testing.T) {
	c := newTest(t, Options{RoundTripper: always(200, "<html>", "Content-Type", "text/html")})
	_, err := c.Do(t.Context(), Request{Path: "/users"})
	want := "kisi: GET /users: 200: a login page answered instead of the cloud: check the network: a login page (captive portal) or a proxy may stand in between"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// reset is a connection that broke after the request was sent.
func reset() error { return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET} }

// refused is a connection that was never made.
func refused() error { return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED} }

func TestRequestsAreSentAgainOnlyWhereItDoesNoHarm(t *testing.T) {
	const tries = 3
	nameless := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "cloud.example"}}
	for _, test := range []struct {
		name   string
		method string
		repeat bool
		status int
		err    error
		want   int
	}{
		{"a question when the cloud is down", "GET", false, 503, nil, tries},
		{"a question when the cloud errs", "GET", false, 500, nil, tries},
		{"a question that came too early", "GET", false, 425, nil, tries},
		{"a question that the cloud cannot answer ever", "GET", false, 501, nil, 1},
		{"a question with a wrong key", "GET", false, 401, nil, 1},
		{"a question about something absent", "GET", false, 404, nil, 1},
		{"a question whose connection broke", "GET", false, 0, reset(), tries},
		{"a removal when the cloud is down", "DELETE", false, 503, nil, tries},
		{"a replacement when the cloud is down", "PUT", false, 503, nil, tries},
		{"an unlock when the cloud is down", "POST", false, 503, nil, 1},
		{"an unlock whose connection broke", "POST", false, 0, reset(), 1},
		{"an unlock whose connection was never made", "POST", false, 0, refused(), tries},
		{"an unlock when names do not resolve", "POST", false, 0, nameless, tries},
		{"an unlock that came too fast", "POST", false, 429, nil, tries},
		{"a change when the cloud is down", "PATCH", false, 503, nil, 1},
		{"a search when the cloud is down", "POST", true, 503, nil, tries},
		{"a throttle by another name", "POST", false, 499, nil, tries},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				c := newTest(t, Options{
					Tries:   tries,
					Explain: func(status int, _ []byte) Problem { return Problem{Throttled: status == 499} },
					RoundTripper: tripper(func(req *http.Request) (*http.Response, error) {
						if req.Body != nil {
							b, _ := io.ReadAll(req.Body)
							bodies = append(bodies, string(b))
						} else {
							bodies = append(bodies, "")
						}
						if test.err != nil {
							return nil, test.err
						}
						return says(test.status, "{}"), nil
					}),
				})
				_, err := c.Do(t.Context(), Request{Method: test.method, Path: "/x", Body: map[string]int{"a": 1}, Repeatable: test.repeat})
				if err == nil {
					t.Fatal("no error")
				}
				if len(bodies) != test.want {
					t.Errorf("sent %d times, want %d: %v", len(bodies), test.want, err)
				}
				for _, b := range bodies {
					if b != `{"a":1}` {
						t.Errorf("sent %q, want the same body each time", b)
					}
				}
			})
		})
	}
}

func TestAFaultThatPassesIsNotSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []func() (*http.Response, error){
			func() (*http.Response, error) { return nil, reset() },
			func() (*http.Response, error) { return says(503, "{}"), nil },
			func() (*http.Response, error) { return says(200, `[{"id":1`), nil },
			func() (*http.Response, error) { return says(200, `[{"id":1}]`), nil },
		}
		c := newTest(t, Options{RoundTripper: tripper(func(*http.Request) (*http.Response, error) {
			next := answers[0]
			answers = answers[1:]
			return next()
		})})
		resp, err := c.Do(t.Context(), Request{Path: "/x"})
		if err != nil || string(resp.Body) != `[{"id":1}]` {
			t.Errorf("got %v, %v; want the answer of the fourth try", resp, err)
		}
	})
}

func TestKeyIsReadForEachTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		asked := 0
		c := newTest(t, Options{
			Authorize: func(context.Context) (string, error) { asked++; return fmt.Sprintf("KEY %d", asked), nil },
			RoundTripper: tripper(func(req *http.Request) (*http.Response, error) {
				sent = append(sent, req.Header.Get("Authorization"))
				return says(503, "{}"), nil
			}),
			Tries: 2,
		})
		_, _ = c.Do(t.Context(), Request{Path: "/x"})
		if got, want := strings.Join(sent, ","), "KEY 1,KEY 2"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

func TestWithoutAKeyNothingIsSent(t *testing.T) {
	missing := errors.New("no key")
	c := newTest(t, Options{
		Authorize:    func(context.Context) (string, error) { return "", missing },
		RoundTripper: tripper(func(*http.Request) (*http.Response, error) { t.Error("a request was sent"); return nil, reset() }),
	})
	if _, err := c.Do(t.Context(), Request{Path: "/x"}); !errors.Is(err, missing) {
		t.Errorf("got %v, want the error of the key", err)
	}
}

func TestACancelledRequestEndsAtOnceAndIsNoFaultOfTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := newTest(t, Options{RoundTripper: tripper(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})})
		time.AfterFunc(time.Second, cancel)
		_, err := c.Do(ctx, Request{Path: "/x"})
		var e *Error
		if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
			t.Errorf("got %v, want a plain cancellation", err)
		}
	})
}

func TestLastFaultIsToldWhenTimeRunsOutBetweenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		c := newTest(t, Options{RoundTripper: always(503, "{}"), Tries: 1000})
		_, err := c.Do(ctx, Request{Path: "/x"})
		if !errors.Is(err, Unavailable) {
			t.Errorf("got %v, want the 503", err)
		}
	})
}

func TestDateOfEachAnswerIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs := time.Now().Add(-90 * time.Second).UTC().Truncate(time.Second)
		var heard []time.Duration
		status, age := 200, ""
		c := newTest(t, Options{
			Heard: func(date, at time.Time, took time.Duration) {
				heard = append(heard, (at.Sub(date) - took).Round(time.Second))
				if took != 300*time.Millisecond {
					t.Errorf("the answer took %v, want 300 ms", took)
				}
			},
			RoundTripper: tripper(func(*http.Request) (*http.Response, error) {
				time.Sleep(300 * time.Millisecond)
				theirs := time.Now().Add(-90 * time.Second).UTC()
				return says(status, "{}", "Date", theirs.Format(http.TimeFormat), "Age", age), nil
			}),
		})
		resp, err := c.Do(t.Context(), Request{Path: "/x"})
		if err != nil || !resp.Date.Equal(theirs) || resp.At.Sub(resp.Date).Round(time.Second) != 90*time.Second {
			t.Errorf("got %+v, %v; want the date %v, 90 s ago", resp, err, theirs)
		}
		status = 404 // an error of the cloud tells its clock as well; a login page does not
		_, _ = c.Do(t.Context(), Request{Path: "/x"})
		status = 302
		_, _ = c.Do(t.Context(), Request{Path: "/x"})
		status, age = 200, "61" // out of a cache: its date is an old one
		_, _ = c.Do(t.Context(), Request{Path: "/x"})
		if len(heard) != 2 || heard[0] != 90*time.Second || heard[1] != 90*time.Second {
			t.Errorf("heard %v, want 90 s twice", heard)
		}
	})
}

func TestAValueThatDoesNotFitIsNotRepeated(t *testing.T) {
	c := newTest(t, Options{RoundTripper: always(200, `[{"uid":81985529216486895}]`)})
	resp, err := c.Do(t.Context(), Request{Path: "/cards"})
	if err != nil {
		t.Fatal(err)
	}
	var into []struct{ UID string }
	err = resp.Decode(&into)
	if !errors.Is(err, NotTheCloud) || strings.Contains(err.Error(), "81985529216486895") {
		t.Errorf("got %v, want NotTheCloud without the value", err)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "-1", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 2100 23:59:59 GMT", "soon", "1.5", " 7"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if got := retryAfter(http.Header{"Retry-After": {s}}, now); got < 0 || got > maxRetryAfter {
			t.Errorf("Retry-After %q made a wait of %v", s, got)
		}
	})
}
