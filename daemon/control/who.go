package control

import (
	"context"
	"net/http"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// WhoOps tells who may open a door.
type WhoOps interface {
	// Who calls each for everybody who could open the door at an instant, one by
	// one, in the order of their ids. An error of each ends it and is returned.
	Who(ctx context.Context, query WhoQuery, each func(Opener) error) error
}

// WhoQuery is which door, and when.
type WhoQuery struct {
	Door     string          `json:"door"`
	At       time.Time       `json:"at,omitzero"` // zero: now
	Presence access.Presence `json:"presence"`
	All      bool            `json:"all,omitempty"` // also those who have a right for the door, and could not
}

// Opener is somebody with a right for a door.
type Opener struct {
	Holder  string            `json:"holder"`
	Name    string            `json:"name,omitempty"`
	Granted bool              `json:"granted"`
	Reason  access.Reason     `json:"reason"`
	Grant   *access.GrantView `json:"grant,omitempty"` // that opens, or came nearest
	Until   time.Time         `json:"until,omitzero"`  // when that ends, or its hours do; zero: nobody knows an end
	Works   time.Time         `json:"works,omitzero"`  // when it would open, where only the time is against it
	NoCard  bool              `json:"no_card,omitempty"`
}

func (s *Server) who(r *http.Request, _ Caller, start func() error, send func(any) error) error {
	if s.ops.Who == nil {
		return missing("a list of people")
	}
	var query WhoQuery
	if err := decode(r, &query); err != nil {
		return err
	}
	if query.Door == "" {
		return &Error{Code: BadRequest, Message: "the question names no door", Hint: "see: tilegate door list"}
	}
	started := false
	begin := func() error {
		if started {
			return nil
		}
		started = true
		return start()
	}
	err := s.ops.Who.Who(r.Context(), query, func(o Opener) error {
		if err := begin(); err != nil {
			return err
		}
		return send(o)
	})
	if err != nil {
		return err
	}
	return begin()
}

// Who calls each for everybody who could open a door at an instant.
func (c *Client) Who(ctx context.Context, query WhoQuery, each func(Opener) error) error {
	return stream(ctx, c, http.MethodPost, "/v1/who", query, each)
}
