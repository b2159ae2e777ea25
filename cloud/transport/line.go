package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var (
	errPaused = errors.New("the cloud asked for a longer wait than this request has time")
	errSilent = errors.New("the answer stopped coming")
	errSlow   = errors.New("the answer did not end in time")
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
	call.last = nil
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
		return nil, err
	}
	began := time.Now()
	resp, body, err := l.exchange(out)
	call.at = time.Now()
	if err != nil {
		call.last = l.broken(call, req.Context(), err)
	} else {
		call.last = l.judge(call, resp, body, secret)
	}
	l.note(call, req, resp, call.at.Sub(began))
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
	for name, values := range l.o.Header {
		req.Header[name] = values
	}
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
func (l *line) exchange(req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	whole := time.AfterFunc(l.o.Try, func() { cancel(errSlow) })
	defer whole.Stop()
	idle := time.AfterFunc(2*l.o.Idle, func() { cancel(errSilent) })
	defer idle.Stop()
	resp, err := l.o.RoundTripper.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, nil, cause(ctx, err)
	}
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

var (
	errShort = errors.New("the answer broke off")
	errLong  = errors.New("the answer is longer than any answer of the cloud may be")
)

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
func (l *line) note(call *call, req *http.Request, resp *http.Response, took time.Duration) {
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
	if resp != nil && l.o.Heard != nil && (call.last == nil || call.last.Kind != NotTheCloud) {
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			l.o.Heard(date, call.at)
		}
	}
	if call.last != nil {
		l.o.Log.Debug("a cloud request failed", "method", req.Method, "path", call.path, "code", code, "took", took)
	}
}

// fault makes an error of a kind for a call.
func (l *line) fault(call *call, kind Kind, status int, message string, err error) *Error {
	return &Error{
		Kind: kind, Service: l.o.Service, Method: call.method, Path: call.path, Status: status,
		Problem: Problem{Message: message, Hint: hints[kind]}, Err: err,
	}
}

// judge reads an answer that came whole: nil for a good one, else what it means.
func (l *line) judge(call *call, resp *http.Response, body []byte, secret string) *Error {
	if e := l.foreign(call, resp, body); e != nil {
		e.code = codeNotTheCloud
		return e
	}
	if resp.StatusCode < 300 {
		return nil
	}
	var problem Problem
	if l.o.Explain != nil {
		problem = tidy(l.o.Explain(resp.StatusCode, body), secret)
	}
	kind := kindOf(resp.StatusCode)
	if problem.Throttled {
		kind = Throttled
	}
	e := l.fault(call, kind, resp.StatusCode, "", nil)
	if problem.Hint == "" {
		problem.Hint = e.Hint
	}
	e.Problem = problem
	e.passing = kind == Throttled || kind == Unavailable && resp.StatusCode != http.StatusNotImplemented
	e.RetryAfter = retryAfter(resp.Header, time.Now())
	return e
}

func kindOf(status int) Kind {
	switch status {
	case http.StatusUnauthorized:
		return Unauthorised
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusConflict:
		return Conflict
	case http.StatusTooManyRequests:
		return Throttled
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return Unavailable
	}
	if status >= 500 {
		return Unavailable
	}
	return Invalid
}

// tidy makes what the cloud said fit to be shown: short, printable, and
// without the key, should the cloud repeat it.
func tidy(p Problem, secret string) Problem {
	show := func(s string) string {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[the key]")
		}
		return clean(s, maxMessage)
	}
	p.Code, p.Message = show(p.Code), show(p.Message)
	fields := make(map[string][]string, len(p.Fields))
	for name, complaints := range p.Fields {
		for _, c := range complaints {
			fields[show(name)] = append(fields[show(name)], show(c))
		}
	}
	p.Fields = fields
	return p
}

// foreign says why an answer cannot come from the cloud; nil: it may.
func (l *line) foreign(call *call, resp *http.Response, body []byte) *Error {
	status := resp.StatusCode
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isJSON := media == "application/json" || strings.HasSuffix(media, "+json")
	isPage := media == "text/html" || media == "application/xhtml+xml"
	fault := func(message string) *Error { return l.fault(call, NotTheCloud, status, message, nil) }
	switch {
	case status >= 300 && status < 400:
		to := "another address"
		if u, err := url.Parse(resp.Header.Get("Location")); err == nil && u.Host != "" {
			to = clean(u.Host, 80)
		}
		return fault("a redirect to " + to + " answered instead of the cloud")
	case status == http.StatusNetworkAuthenticationRequired, isPage && status < 500 && status != http.StatusTooManyRequests:
		return fault("a login page answered instead of the cloud")
	case status >= 300 || status == http.StatusNoContent:
		return nil
	case status < 200:
		return fault("something that is no answer came instead of one")
	case len(body) == 0:
		return l.empty(call, resp)
	case !isJSON:
		return fault("the answer is not JSON, but " + clean(media, 80))
	case !json.Valid(body):
		e := fault("the answer is not whole: its JSON is broken")
		e.passing = true
		return e
	}
	return nil
}

// empty judges a good status without a body: right after an action, short after a question.
func (l *line) empty(call *call, resp *http.Response) *Error {
	if call.method != http.MethodGet {
		return nil
	}
	e := l.fault(call, NotTheCloud, resp.StatusCode, "the answer is empty", nil)
	e.passing = true
	return e
}

// broken sorts why no whole answer came.
func (l *line) broken(call *call, ctx context.Context, err error) *Error {
	e := l.fault(call, Offline, 0, "no connection", err)
	e.code, e.passing = codeOffline, true
	var dial *net.OpError
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.code, e.passing = codeCancelled, false
	case errors.Is(err, errLong):
		e.Kind, e.code, e.passing = NotTheCloud, codeNotTheCloud, false
		e.Message, e.Hint, e.Err = errLong.Error(), hints[NotTheCloud], nil
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(err, errShort):
		e.Kind, e.code = NotTheCloud, codeNotTheCloud
		e.Message, e.Hint, e.Err = errShort.Error(), hints[NotTheCloud], nil
	case tlsFault(e, err):
		e.code, e.passing, e.unsent = codeTLS, false, true
	case errors.As(err, &name):
		e.Message, e.unsent = "the name of the cloud was not found", true
	case errors.Is(err, errSilent), errors.Is(err, errSlow), errors.As(err, &timeout) && timeout.Timeout():
		e.Message, e.code = "no answer in time", codeTimeout
		e.unsent = errors.As(err, &dial) && dial.Op == "dial"
	case errors.As(err, &dial):
		e.unsent = dial.Op == "dial"
	}
	return e
}

// tlsFault says in e what is wrong with the certificate or the handshake.
func tlsFault(e *Error, err error) bool {
	var (
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	e.Hint = "check the network: a proxy or a login page may stand in between, or the certificates of this box are old (package ca-certificates)"
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Message, e.Hint = datesOf(invalid.Cert, time.Now())
	case errors.As(err, &host):
		e.Message = "the certificate belongs to another host"
	case errors.As(err, &authority):
		e.Message = "the certificate was signed by somebody this box does not know"
	case errors.As(err, &invalid), errors.As(err, &verify):
		e.Message = "the certificate of the cloud is not valid"
	case errors.As(err, &record), errors.As(err, &alert):
		e.Message = "the other end does not speak the TLS of the cloud"
	default:
		e.Hint = hints[Offline]
		return false
	}
	return true
}

// datesOf words a certificate that is out of its dates: seen from a gateway
// without a clock battery, it is mostly the clock that is wrong.
func datesOf(cert *x509.Certificate, now time.Time) (message, hint string) {
	const day = "2006-01-02"
	if now.Before(cert.NotBefore) {
		return fmt.Sprintf("the certificate is not valid before %s and this box has %s", cert.NotBefore.UTC().Format(day), now.UTC().Format(day)),
			"the clock of this box is behind: set it (timedatectl) and check its time service"
	}
	return fmt.Sprintf("the certificate ended on %s and this box has %s", cert.NotAfter.UTC().Format(day), now.UTC().Format(day)),
		"if the date of this box is wrong, set it (timedatectl); else the cloud or a proxy has let its certificate run out"
}

// bodyOf reads the body of an answer, which is in memory already.
func bodyOf(resp *http.Response) ([]byte, error) { return io.ReadAll(resp.Body) }
