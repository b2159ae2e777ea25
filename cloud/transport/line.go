package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
)

// Why there is no whole answer, where it is we who gave up.
var (
	errPaused = errors.New("the cloud asked for a longer wait than this request has time")
	errSilent = errors.New("nothing came for a while")
	errSlow   = errors.New("the answer did not end in time")
	errShort  = errors.New("the answer broke off")
	errLong   = errors.New("the answer is longer than any answer of the cloud may be")
)

// newRoundTripper is the transport of a client that was not given one.
func newRoundTripper(idle time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: idle, PingTimeout: idle},
		MaxIdleConnsPerHost:    2,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// line sends one try of a request and reads its whole answer into memory, so
// that everything that can go wrong has gone wrong before anybody looks at it.
type line struct {
	o      Options
	host   string
	budget *budget
	meter  *meter
}

// RoundTrip is one try: budget, key, request, answer, body, count.
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	call := callOf(req.Context())
	if err := l.budget.wait(req.Context()); err != nil {
		if errors.Is(err, errPaused) {
			call.last = l.fault(call, Throttled, 0, "too many requests", err)
			return nil, call.last
		}
		return nil, err
	}
	out := req.Clone(req.Context())
	secret, err := l.dress(out)
	if err != nil {
		call.unready = err
		return nil, err
	}
	began := time.Now()
	resp, body, err := l.exchange(call, out)
	if err != nil {
		call.last = l.broken(req.Context(), call, err)
	} else {
		call.last = l.judge(call, resp, body, secret)
	}
	l.note(call, resp, time.Since(began))
	if err != nil {
		return nil, call.last
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.Request = req
	return resp, nil
}

// CloseIdleConnections lets a fresh connection be made after a fault.
func (l *line) CloseIdleConnections() {
	if c, ok := l.o.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// dress puts on the headers, the key last and for our host only. It returns
// the secret part, which must not be repeated in errors.
func (l *line) dress(req *http.Request) (secret string, err error) {
	if req.URL.Host != l.host {
		return "", fmt.Errorf("%s: refused to send a request to another host than %s", l.o.Service, l.host)
	}
	maps.Copy(req.Header, l.o.Header)
	req.Header.Set("User-Agent", l.o.UserAgent)
	req.Header.Set("Accept", "application/json")
	if l.o.Authorize == nil {
		return "", nil
	}
	value, err := l.o.Authorize(req.Context())
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", value)
	_, secret, _ = strings.Cut(value, " ")
	return secret, nil
}

// exchange sends the request and reads the answer whole, under the idle time,
// the time for one try and the limit of the body.
func (l *line) exchange(call *call, req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	whole := time.AfterFunc(l.o.Try, func() { cancel(errSlow) })
	defer whole.Stop()
	idle := time.AfterFunc(2*l.o.Idle, func() { cancel(errSilent) })
	defer idle.Stop()
	asked := time.Now()
	resp, err := l.o.RoundTripper.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, nil, cause(ctx, err)
	}
	call.at = time.Now()
	call.took = call.at.Sub(asked)
	defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(&fed{resp.Body, idle, l.o.Idle}, l.o.BodyLimit+1))
	if err != nil {
		return nil, nil, cause(ctx, fmt.Errorf("%w: %w", errShort, err))
	}
	if int64(len(body)) > l.o.BodyLimit {
		return nil, nil, errLong
	}
	return resp, body, nil
}

// cause is why a context ended, where that is why err happened.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// fed is a body that winds up the idle timer with each read.
type fed struct {
	io.Reader
	timer *time.Timer
	idle  time.Duration
}

func (f *fed) Read(p []byte) (int, error) {
	f.timer.Reset(f.idle)
	return f.Reader.Read(p)
}

// note counts a try, tells the budget and the clock of it, and logs it where it failed.
func (l *line) note(call *call, resp *http.Response, took time.Duration) {
	code := ""
	switch {
	case call.last != nil && call.last.code != "":
		code = call.last.code
	case resp != nil:
		code = l.meter.statusCode(resp.StatusCode)
	}
	l.meter.count(code, took.Seconds())
	if call.last != nil && call.last.Kind == Throttled {
		l.budget.throttled(call.last.RetryAfter)
	} else if resp != nil {
		l.budget.answered()
	}
	// An answer with an Age is an old one, out of a cache on the way.
	if resp != nil && l.o.Heard != nil && resp.Header.Get("Age") == "" && (call.last == nil || call.last.Kind != NotTheCloud) {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			l.o.Heard(date, call.at, call.took)
		}
	}
	if call.last != nil {
		l.o.Log.Debug("a cloud request failed", "method", call.method, "path", call.path, "code", code, "took", took)
	}
}

// fault makes an error of a kind for a call.
func (l *line) fault(call *call, kind Kind, status int, message string, err error) *Error {
	return &Error{
		Kind: kind, Service: l.o.Service, Method: call.method, Path: call.path, Status: status,
		Problem: Problem{Message: message, Hint: hints[kind]}, Err: err,
	}
}
