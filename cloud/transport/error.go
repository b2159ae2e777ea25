package transport

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Kind sorts what can go wrong between us and a cloud. It is itself an error,
// so that errors.Is(err, Offline) asks for the kind of an *Error.
type Kind string

// The kinds of error. Every failed request has exactly one.
const (
	Unauthorised Kind = "unauthorised"  // 401: the key is wrong, expired or deleted
	Forbidden    Kind = "forbidden"     // 403: the key is good but may not do this
	NotFound     Kind = "not found"     // 404: absent, or not visible to us
	Conflict     Kind = "conflict"      // 409: it is so already, or something else is in the way
	Invalid      Kind = "invalid"       // 400, 422 and other 4xx: the cloud refused what we asked
	Throttled    Kind = "throttled"     // 429: too many requests
	Unavailable  Kind = "unavailable"   // 5xx, 408, 425: the cloud is there and cannot answer now
	Offline      Kind = "offline"       // no answer: dialling, names, TLS, time-outs, a broken connection
	NotTheCloud  Kind = "not the cloud" // something answered that is not the cloud: a login page, a redirect, half a body
)

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Problem is what a cloud says about a refused request, read from its body.
type Problem struct {
	// Code is the cloud's own code for the error, such as "afc516".
	Code string
	// Message is for people: the cloud's own words or better ones.
	Message string
	// Fields are the complaints about single fields of what was sent.
	Fields map[string][]string
	// Hint says what to do. Empty: the general hint for the kind.
	Hint string
	// Throttled says that the answer means "too many requests" whatever its status.
	Throttled bool
}

// Error is one request that did not give what was asked for. It never carries
// a secret: no header, no query, no user info of a URL.
type Error struct {
	Kind    Kind
	Service string // "kisi"
	Method  string
	Path    string // without query
	Status  int    // of the answer; 0: there was none
	Problem
	// RetryAfter is how long the cloud asked us to wait; 0: it did not say.
	RetryAfter time.Duration
	// OutOfDate says that a certificate is not valid yet, or no longer, by our
	// clock: where nobody knows the time, it is the clock that is wrong.
	OutOfDate bool
	// Err is the cause; nil: the answer itself.
	Err error

	code    string // label of the metric, where it differs from the status
	unsent  bool   // the connection was never made: nothing can have happened
	passing bool   // worth another try
}

// Error says what happened, to which request, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s: ", e.Service, e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d: ", e.Status)
	}
	b.WriteString(cmp.Or(e.Message, string(e.Kind)))
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		fmt.Fprintf(&b, "; %s: %s", field, strings.Join(e.Fields[field], ", "))
	}
	if e.Err != nil {
		b.WriteString(": " + clean(e.Err.Error(), maxMessage))
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, kind) true for the kind of the error.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// hints is the general advice for each kind, for a person who installs a gateway.
var hints = map[Kind]string{
	Unauthorised: "check the key; doors go on with the rights they have",
	Forbidden:    "give the key's user the right to do this",
	NotFound:     "it was removed, or the key may not see it",
	Conflict:     "it is so already, or something else is in the way: look before it is tried again",
	Throttled:    "something else uses the same account; give this gateway a user of its own",
	Unavailable:  "it is tried again by itself; if it lasts, look at the status page of the cloud",
	Offline:      "check the network of this box: cable, names (DNS), firewall",
	NotTheCloud:  "check the network: a login page (captive portal) or a proxy may stand in between",
}

const maxMessage = 300 // runes of the cloud's own words that we repeat

// userInfo finds the user info of a URL inside a text.
var userInfo = regexp.MustCompile(`//[^/@\s"]*@`)

// clean makes a foreign text fit for one line of a log: printable, short,
// without user info.
func clean(s string, limit int) string {
	s = userInfo.ReplaceAllString(s, "//")
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return s
}
