package transport

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

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
	var fields map[string][]string
	for name, complaints := range p.Fields {
		if fields == nil {
			fields = map[string][]string{}
		}
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
