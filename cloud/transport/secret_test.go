package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func key(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// R6.
func TestNoErrorAndNoLogRepeatsASecret(t *testing.T) {
	const secret, query = "s3cr3t-K3Y-0123456789", "ann@example.com"
	explain := func(_ int, body []byte) Problem {
		return Problem{Code: string(body), Message: string(body), Fields: map[string][]string{"key": {string(body)}}, Hint: "look"}
	}
	for name, trip := range map[string]tripper{
		"a refusal that repeats the key": always(401, "no login "+secret+" here", "Content-Type", "text/plain"),
		"bad fields":                     always(422, `"`+secret+`"`),
		"an outage":                      always(503, secret),
		"a redirect with a password":     always(302, "", "Location", "https://user:"+secret+"@login.example/?k="+secret),
		"a broken redirect":              always(302, "", "Location", "https://%zz/"+secret),
		"a network that repeats the URL": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "https://user:" + secret + "@proxy.example/", Err: errors.New("dial http://user:" + secret + "@proxy.example")}
		},
		"a broken connection": func(*http.Request) (*http.Response, error) { return nil, reset() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				c := newTest(t, Options{
					Authorize: key("KISI-LOGIN " + secret), Explain: explain, RoundTripper: trip,
					Log: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &logged}),
				})
				_, err := c.Do(t.Context(), Request{Path: "/users", Query: url.Values{"email": {query}}})
				if err == nil {
					t.Fatal("no error")
				}
				if logged.Len() == 0 {
					t.Error("nothing was logged at all: the test sees nothing")
				}
				for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v", err, err), logged.String()} {
					if strings.Contains(text, secret) || strings.Contains(text, query) || strings.Contains(text, "ann%40") {
						t.Errorf("a secret shows in: %s", text)
					}
				}
			})
		})
	}
}

func TestWordsOfTheCloudStayOnOneShortLine(t *testing.T) {
	c := newTest(t, Options{
		Explain:      func(_ int, body []byte) Problem { return Problem{Message: string(body)} },
		RoundTripper: always(403, "one\ntwo\x1b[31m\x00three \xff"+strings.Repeat("x", 5000)),
	})
	_, err := c.Do(t.Context(), Request{Path: "/x"})
	ugly := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if err == nil || strings.ContainsFunc(err.Error(), ugly) || len(err.Error()) > 600 || !strings.Contains(err.Error(), "one two [31m three") {
		t.Errorf("got %q, want one short printable line", err)
	}
}

func TestEveryTryIsCountedUnderAKnownCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		var next func() (*http.Response, error)
		o := Options{Metrics: reg, Tries: 1, RoundTripper: tripper(func(*http.Request) (*http.Response, error) { return next() })}
		c := newTest(t, o)
		series, err := testutil.GatherAndCount(reg, "tilegate_cloud_requests_total")
		if err != nil || series != len(codes) {
			t.Errorf("%d series at the start (%v), want all %d at zero", series, err, len(codes))
		}
		for _, test := range []struct {
			status int
			body   string
			err    error
			code   string
		}{
			{200, "[]", nil, "200"},
			{204, "", nil, "204"},
			{206, "[]", nil, "2xx"},
			{401, "{}", nil, "401"},
			{418, "{}", nil, "4xx"},
			{422, "{}", nil, "422"},
			{499, "{}", nil, "4xx"},
			{503, "{}", nil, "503"},
			{599, "{}", nil, "5xx"},
			{302, "", nil, "not_the_cloud"},
			{200, "[", nil, "not_the_cloud"},
			{429, "", nil, "429"},
			{0, "", reset(), "offline"},
			{0, "", context.DeadlineExceeded, "timeout"},
		} {
			next = func() (*http.Response, error) {
				if test.err != nil {
					return nil, test.err
				}
				return says(test.status, test.body), nil
			}
			before := testutil.ToFloat64(c.line.meter.requests[test.code])
			_, _ = c.Do(t.Context(), Request{Path: "/x"})
			if got := testutil.ToFloat64(c.line.meter.requests[test.code]) - before; got != 1 {
				t.Errorf("status %d, error %v: counted %v times under %s, want once", test.status, test.err, got, test.code)
			}
		}
		if series, _ := testutil.GatherAndCount(reg, "tilegate_cloud_requests_total"); series != len(codes) {
			t.Errorf("%d series at the end, want no new one beyond %d", series, len(codes))
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
	})
}

func TestTwoClientsCountOnOneRegistry(t *testing.T) {
	reg := prometheus.NewRegistry()
	for _, service := range []string{"kisi", "nexudus", "kisi"} { // the last one after a reload
		c := newTest(t, Options{Service: service, Metrics: reg, RoundTripper: always(200, "{}")})
		if _, err := c.Do(t.Context(), Request{Path: "/x"}); err != nil {
			t.Fatal(err)
		}
	}
	want := `
# HELP tilegate_cloud_requests_total Requests sent to a cloud, each try counted, by the status of the answer or what went wrong.
# TYPE tilegate_cloud_requests_total counter
`
	for _, service := range []string{"kisi", "nexudus"} {
		for _, code := range codes {
			n := 0
			if code == "200" {
				n = map[string]int{"kisi": 2, "nexudus": 1}[service]
			}
			want += fmt.Sprintf("tilegate_cloud_requests_total{code=%q,service=%q} %d\n", code, service, n)
		}
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "tilegate_cloud_requests_total"); err != nil {
		t.Error(err)
	}
}
