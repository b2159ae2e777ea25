// Package transport carries requests to a cloud and knows no cloud: a budget
// of requests, retries, limits on what an answer may be, and errors that say
// what to do.
package transport

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// Options is what a client of one cloud needs. Zero values stand for what is
// written beside them.
type Options struct {
	// Service names the cloud in metrics, logs and errors: "kisi".
	Service string
	// BaseURL is where the cloud is: https, or http on loopback only.
	BaseURL string
	// UserAgent is sent with each request: "tilegate".
	UserAgent string
	// Header is sent with each request.
	Header http.Header
	// Authorize gives the Authorization header of one request; nil: none. It
	// is asked for each try, so that a key can be changed while running.
	Authorize func(context.Context) (string, error)
	// Explain reads the body of a refusal; nil: the body says nothing.
	Explain func(status int, body []byte) Problem
	// Heard is told the Date of each answer of the cloud, when it came by our
	// clock, and how long after it was asked for; nil: nobody. It must not block.
	Heard func(date, at time.Time, took time.Duration)

	// Rate is how many requests a second are sent at most: 4.
	Rate float64
	// Tries is how often one request is sent at most: 4.
	Tries int
	// Idle is how long an answer may pause, before its first byte (twice this)
	// and between two reads: 15 s.
	Idle time.Duration
	// Try is how long one try may take: 1 min.
	Try time.Duration
	// Deadline is how long one request may take with all its tries and waits: 10 min.
	Deadline time.Duration
	// BodyLimit is how many bytes an answer may hold, after decompression: 32 MiB.
	BodyLimit int64

	// RoundTripper sends requests; nil: a transport of its own, TLS 1.2 or newer.
	RoundTripper http.RoundTripper
	// Metrics is where requests are counted; nil: nowhere.
	Metrics prometheus.Registerer
	// Log is told of tries that failed, at debug; nil: nobody.
	Log hclog.Logger
}

// Client sends requests to one cloud. It may be used by several goroutines,
// which then share its budget.
type Client struct {
	service  string
	base     *url.URL
	deadline time.Duration
	line     *line
	retry    *retryablehttp.Client
}

// New checks the options and returns a client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	base, err := baseURL(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Service, err)
	}
	meter, err := newMeter(o.Metrics, o.Service)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	o.UserAgent = cmp.Or(o.UserAgent, "tilegate")
	o.Rate = cmp.Or(o.Rate, 4)
	o.Tries = cmp.Or(o.Tries, 4)
	o.Idle = cmp.Or(o.Idle, 15*time.Second)
	o.Try = cmp.Or(o.Try, time.Minute)
	o.Deadline = cmp.Or(o.Deadline, 10*time.Minute)
	o.BodyLimit = cmp.Or(o.BodyLimit, 32<<20)
	if o.RoundTripper == nil {
		o.RoundTripper = newRoundTripper(o.Idle)
	}
	l := &line{o: o, host: base.Host, budget: newBudget(rate.Limit(o.Rate)), meter: meter}
	return &Client{
		service:  o.Service,
		base:     base,
		deadline: o.Deadline,
		line:     l,
		retry: &retryablehttp.Client{
			HTTPClient: &http.Client{
				Transport:     l,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			RetryMax:     o.Tries - 1,
			CheckRetry:   checkRetry,
			Backoff:      backoff,
			ErrorHandler: retryablehttp.PassthroughErrorHandler,
		},
	}, nil
}

// baseURL checks where a cloud is said to be. The text is not repeated in
// errors: it may hold a password.
func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, errors.New("the address of the cloud is not a URL: write it as https://host")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the address of the cloud at %s holds more than host and path: leave out user, password and query", u.Host)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("the address of the cloud at %s must begin with https://: a key never travels unencrypted", u.Host)
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Request is one thing to ask of a cloud.
type Request struct {
	// Method is GET where it is empty.
	Method string
	// Path begins with a slash and is added to the base URL. It may hold ids,
	// never a secret: it is shown in errors.
	Path string
	// Query is never shown in errors.
	Query url.Values
	// Body is sent as JSON; nil: no body.
	Body any
	// Repeatable says that sending it twice does no harm. GET, HEAD, PUT and
	// DELETE always are. All others are sent again only when the cloud said
	// that it was too fast, or the connection was never made.
	Repeatable bool
}

// Response is a complete answer with a 2xx status, its body read and, where
// there is one, valid JSON.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Date is the cloud's clock when it answered; zero: it did not say.
	Date time.Time
	// At is our clock when the answer came.
	At time.Time

	unfit func(message string, cause error) *Error
}

// Do sends one request and waits for its answer, through retries and the
// budget, until the deadline of the client or of ctx. All failures are an
// *Error, save a cancelled ctx and a key that cannot be read.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	call := &call{method: cmp.Or(r.Method, http.MethodGet), path: r.Path, repeatable: r.Repeatable}
	req, err := c.request(context.WithValue(ctx, callKey{}, call), call.method, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.retry.Do(req)
	if err != nil {
		return nil, c.failure(ctx, call, err)
	}
	defer func() { _ = resp.Body.Close() }() // in memory
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if call.last != nil {
		return nil, call.last
	}
	date, _ := http.ParseTime(resp.Header.Get("Date"))
	return &Response{
		Status: resp.StatusCode, Header: resp.Header, Body: body, Date: date, At: call.at,
		unfit: func(message string, cause error) *Error {
			e := c.line.fault(call, NotTheCloud, resp.StatusCode, message, cause)
			e.Hint = "the cloud answers otherwise than it documents: doors go on with the rights they have; update tilegate, and report it if that does not help"
			return e
		},
	}, nil
}

func (c *Client) request(ctx context.Context, method string, r Request) (*retryablehttp.Request, error) {
	if !strings.HasPrefix(r.Path, "/") {
		return nil, fmt.Errorf("%s: path %q does not begin with a slash", c.service, r.Path)
	}
	u := c.base.JoinPath(r.Path)
	u.RawQuery = r.Query.Encode()
	var body any
	if r.Body != nil {
		b, err := json.Marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("%s: %s %s: body: %w", c.service, method, r.Path, err)
		}
		body = b
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %s %s is no request that can be sent", c.service, method, r.Path)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// failure turns what came up through the retries into what the caller sees.
func (c *Client) failure(ctx context.Context, call *call, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // the outer one repeats the URL with its query
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %s %s: %w", c.service, call.method, call.path, context.Canceled)
	case call.unready != nil:
		return fmt.Errorf("%s: %s %s: not sent: %w", c.service, call.method, call.path, call.unready)
	case call.last != nil:
		return call.last // also where the time ended in the wait after it
	case ctx.Err() != nil:
		e := c.line.fault(call, Offline, 0, "not sent in time", ctx.Err())
		e.Hint = "more is asked of the cloud than it allows: other requests came first"
		return e
	}
	return fmt.Errorf("%s: %s %s: %w", c.service, call.method, call.path, err)
}

// Decode reads the body into a value. A body that does not fit is NotTheCloud:
// the value is then not to be used.
func (r *Response) Decode(into any) error {
	err := json.Unmarshal(r.Body, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// The error itself would repeat the value, which may be that of a card.
		err = fmt.Errorf("field %q cannot be read as %s", wrong.Field, wrong.Type)
	}
	if err != nil {
		return r.Unfit("the answer is not of the form that was agreed", err)
	}
	return nil
}

// Unfit gives the error for an answer whose content cannot be: of kind
// NotTheCloud, naming the request. The cause may be nil.
func (r *Response) Unfit(message string, cause error) error { return r.unfit(message, cause) }

// call is one request through all its tries.
type call struct {
	method, path string
	repeatable   bool
	last         *Error        // of the newest try that was made; nil: it went well
	unready      error         // our own side could not even send it
	at           time.Time     // when the newest answer began
	took         time.Duration // until then, from when it was asked for
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

func (c *call) mayRepeat() bool {
	switch c.method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return c.repeatable
}
