package control

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// MaxEvents is how many events one request may ask for.
const MaxEvents = 10_000

// UsualEvents is how many are sent when the request does not say.
const UsualEvents = 100

// route is one operation: either an answer or a stream.
type route struct {
	pattern string
	acts    bool // needs the operate socket
	answer  func(r *http.Request, caller Caller) (any, error)
	// stream calls start once it is certain that it will send.
	stream func(r *http.Request, caller Caller, start func() error, send func(any) error) error
}

// routes is every operation. Questions about a card travel in a body, never in
// an address: addresses end up in logs.
func (s *Server) routes() []route {
	return []route{
		{pattern: "GET /v1/status", answer: s.status},
		{pattern: "GET /v1/doors", answer: s.doors},
		{pattern: "POST /v1/doors/{door}/open", acts: true, answer: s.openDoor},
		{pattern: "POST /v1/doors/{door}/test", acts: true, answer: s.testDoor},
		{pattern: "POST /v1/doors/{door}/hold", acts: true, answer: s.holdDoor},
		{pattern: "POST /v1/lockdown", acts: true, answer: s.lockDown},
		{pattern: "POST /v1/release", acts: true, answer: s.release},
		{pattern: "GET /v1/readers", answer: s.readers},
		{pattern: "POST /v1/doors/{door}/pair", acts: true, stream: s.pairReader},
		{pattern: "POST /v1/doors/{door}/move", acts: true, stream: s.moveReader},
		{pattern: "POST /v1/doors/{door}/keypad", acts: true, answer: s.enableKeypad},
		{pattern: "GET /v1/events", answer: s.events},
		{pattern: "GET /v1/events/follow", stream: s.follow},
		{pattern: "POST /v1/why", answer: s.why},
		{pattern: "POST /v1/who", stream: s.who},
		{pattern: "POST /v1/seen", answer: s.seen},
		{pattern: "POST /v1/taps", acts: true, answer: s.simulate},
		{pattern: "GET /v1/sync", answer: s.syncStatus},
		{pattern: "POST /v1/sync", acts: true, answer: s.syncNow},
		{pattern: "POST /v1/sync/{source}/approve", acts: true, answer: s.approveSync},
		{pattern: "POST /v1/kisi/test", acts: true, answer: s.testKisi},
		{pattern: "POST /v1/kisi/compare", acts: true, stream: s.compareKisi},
		{pattern: "POST /v1/reload", acts: true, answer: s.reload},
	}
}

func (s *Server) status(r *http.Request, _ Caller) (any, error) {
	if s.ops.Status == nil {
		return nil, missing("the status")
	}
	return s.ops.Status.Status(r.Context())
}

func (s *Server) doors(r *http.Request, _ Caller) (any, error) {
	if s.ops.Doors == nil {
		return nil, missing("a door")
	}
	return list(s.ops.Doors.Doors(r.Context()))
}

func (s *Server) openDoor(r *http.Request, caller Caller) (any, error) {
	if s.ops.Doors == nil {
		return nil, missing("a door")
	}
	var order Opening
	if r.ContentLength != 0 {
		if err := decode(r, &order); err != nil {
			return nil, err
		}
	}
	order.Door = r.PathValue("door")
	return s.ops.Doors.OpenDoor(r.Context(), caller, order)
}

func (s *Server) testDoor(r *http.Request, caller Caller) (any, error) {
	if s.ops.Doors == nil {
		return nil, missing("a door")
	}
	return list(s.ops.Doors.TestDoor(r.Context(), caller, r.PathValue("door")))
}

func (s *Server) events(r *http.Request, _ Caller) (any, error) {
	if s.ops.Events == nil {
		return nil, missing("the journal")
	}
	query, err := parseQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if query.Limit == 0 {
		query.Limit = UsualEvents
	}
	return list(s.ops.Events.Events(r.Context(), query))
}

func (s *Server) follow(r *http.Request, _ Caller, start func() error, send func(any) error) error {
	if s.ops.Events == nil {
		return missing("the journal")
	}
	query, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if err := start(); err != nil {
		return err
	}
	return s.ops.Events.Follow(r.Context(), query, func(e access.Event) error { return send(e) })
}

func (s *Server) why(r *http.Request, _ Caller) (any, error) {
	if s.ops.Access == nil {
		return nil, missing("an explanation")
	}
	question, err := decodeQuestion(r)
	if err != nil {
		return nil, err
	}
	return s.ops.Access.Why(r.Context(), question)
}

func (s *Server) simulate(r *http.Request, caller Caller) (any, error) {
	if s.ops.Access == nil {
		return nil, missing("a simulated tap")
	}
	question, err := decodeQuestion(r)
	if err != nil {
		return nil, err
	}
	if !question.At.IsZero() || question.Event != "" {
		return nil, &Error{
			Code: BadRequest, Message: "a simulated tap moves the strike, so it happens now, not at another time",
			Hint: "ask about another time with: tilegate why",
		}
	}
	return s.ops.Access.Simulate(r.Context(), caller, question)
}

func (s *Server) syncStatus(r *http.Request, _ Caller) (any, error) {
	if s.ops.Sync == nil {
		return nil, missing("a source of rights")
	}
	return list(s.ops.Sync.SyncStatus(r.Context()))
}

// syncRequest is which source to fetch; empty means all.
type syncRequest struct {
	Source string `json:"source"`
}

func (s *Server) syncNow(r *http.Request, caller Caller) (any, error) {
	if s.ops.Sync == nil {
		return nil, missing("a source of rights")
	}
	var request syncRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	return list(s.ops.Sync.SyncNow(r.Context(), caller, request.Source))
}

func (s *Server) approveSync(r *http.Request, caller Caller) (any, error) {
	if s.ops.Sync == nil {
		return nil, missing("a source of rights")
	}
	return list(s.ops.Sync.ApproveSync(r.Context(), caller, r.PathValue("source")))
}

func (s *Server) reload(r *http.Request, caller Caller) (any, error) {
	if s.ops.Reload == nil {
		return nil, missing("a reload")
	}
	return s.ops.Reload.Reload(r.Context(), caller)
}

// list is [] instead of null when there is nothing.
func list[T any](rows []T, err error) (any, error) {
	if rows == nil {
		rows = []T{}
	}
	return rows, err
}

// decodeQuestion reads a question and checks that it asks one thing. What it
// finds wrong never repeats the card or the code.
func decodeQuestion(r *http.Request) (Question, error) {
	var q Question
	if err := decode(r, &q); err != nil {
		return q, err
	}
	asked := 0
	for _, who := range []string{q.Person, q.Card, q.Code, q.Event} {
		if who != "" {
			asked++
		}
	}
	switch {
	case asked != 1:
		return q, &Error{Code: BadRequest, Message: "ask about one person, one card, one code or one event"}
	case q.Event != "" && (q.Door != "" || !q.At.IsZero()):
		return q, &Error{Code: BadRequest, Message: "an event knows its door and its time", Hint: "leave --door and --at away"}
	case q.Event == "" && q.Door == "":
		return q, &Error{Code: BadRequest, Message: "the question names no door", Hint: "see: tilegate door list"}
	}
	return q, nil
}

// values is the query as it stands in an address.
func (q EventQuery) values() url.Values {
	out := url.Values{}
	set := func(name, value string) {
		if value != "" {
			out.Set(name, value)
		}
	}
	if q.After != 0 {
		set("after", strconv.FormatUint(q.After, 10))
	}
	if q.Limit != 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	set("door", q.Door)
	set("kind", q.Kind)
	set("reason", q.Reason)
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return out
}

// parseQuery reads a query from an address. What it does not know is refused.
func parseQuery(values url.Values) (EventQuery, error) {
	var q EventQuery
	for name, all := range values {
		if len(all) != 1 {
			return q, &Error{Code: BadRequest, Message: fmt.Sprintf("%s is given more than once", name)}
		}
		if err := q.set(name, all[0]); err != nil {
			return q, &Error{Code: BadRequest, Message: fmt.Sprintf("%s: %v", name, err)}
		}
	}
	return q, nil
}

func (q *EventQuery) set(name, value string) (err error) {
	switch name {
	case "after":
		q.After, err = strconv.ParseUint(value, 10, 64)
	case "limit":
		q.Limit, err = strconv.Atoi(value)
		if err == nil && (q.Limit < 0 || q.Limit > MaxEvents) {
			err = fmt.Errorf("use 0 to %d", MaxEvents)
		}
	case "door":
		q.Door = value
	case "kind":
		q.Kind = value
		var kind access.EventKind
		err = kind.UnmarshalText([]byte(value))
	case "reason":
		q.Reason = value
		var reason access.Reason
		err = reason.UnmarshalText([]byte(value))
	case "since":
		q.Since, err = time.Parse(time.RFC3339Nano, value)
	case "until":
		q.Until, err = time.Parse(time.RFC3339Nano, value)
	default:
		err = errors.New("not something events can be selected by")
	}
	return err
}
