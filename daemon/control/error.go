package control

import (
	"context"
	"errors"
	"net/http"
)

// Code is the kind of an Error: a closed set that scripts may rely on.
type Code string

// The codes of errors. NotRunning and NoPermission are made by the client, of a
// socket that does not let it in; all others come from the server.
const (
	BadRequest   Code = "bad_request"   // the question itself is wrong
	Forbidden    Code = "forbidden"     // the view socket was asked to act
	NotFound     Code = "not_found"     // no such door, person, source or operation
	Conflict     Code = "conflict"      // not now: something else is under way, or forbids it
	Unavailable  Code = "unavailable"   // this gateway has no such part
	Busy         Code = "busy"          // too many requests at once
	Timeout      Code = "timeout"       // it took too long
	Failed       Code = "failed"        // it was tried and did not work
	Stopped      Code = "stopped"       // the gateway went away in mid-answer
	NotRunning   Code = "not_running"   // nobody answers at the socket
	NoPermission Code = "no_permission" // the socket is not for this user
)

// statuses is written once, here; a code that is not in it is a 500.
var statuses = map[Code]int{
	BadRequest:  http.StatusBadRequest,
	Forbidden:   http.StatusForbidden,
	NotFound:    http.StatusNotFound,
	Conflict:    http.StatusConflict,
	Unavailable: http.StatusNotImplemented,
	Busy:        http.StatusServiceUnavailable,
	Timeout:     http.StatusGatewayTimeout,
}

// Error is what went wrong, for a person, with what to do about it. An
// operation returns one (wrapped or not) to choose its code; it reaches the
// client whole. Any other error of an operation arrives with the code Failed.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"` // what to do; empty if there is nothing

	cause error // on the client side, why the socket failed
}

// Error is the message without the hint.
func (e *Error) Error() string { return e.Message }

// Unwrap is the cause on this side of the wire, or nil.
func (e *Error) Unwrap() error { return e.cause }

// status is the HTTP status that goes with the code.
func (e *Error) status() int {
	if status, ok := statuses[e.Code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// asError is err as it goes over the wire. The text of the whole chain is kept,
// the code and the hint are those of the Error inside, if there is one.
func asError(err error) *Error {
	out := &Error{Code: Failed, Message: err.Error()}
	var inner *Error
	switch {
	case errors.As(err, &inner):
		out.Code, out.Hint = inner.Code, inner.Hint
	case errors.Is(err, context.DeadlineExceeded):
		out.Code = Timeout
	case errors.Is(err, context.Canceled):
		out.Code = Stopped
	}
	return out
}

// missing is the answer of an operation that this gateway does not have.
func missing(what string) *Error {
	return &Error{
		Code: Unavailable, Message: what + " is not available on this gateway",
		Hint: "its settings have no section for it, see: tilegate status",
	}
}
