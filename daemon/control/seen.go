package control

import (
	"context"
	"net/http"
	"time"
)

// SeenOps tells who was at the doors. Who looks is recorded.
type SeenOps interface {
	// Seen lists who was let in at any door since an instant; zero: since midnight,
	// by the clock of the site.
	Seen(ctx context.Context, caller Caller, since time.Time) (Seen, error)
}

// Seen is who was let in since an instant, by name.
type Seen struct {
	Since time.Time `json:"since"`
	At    time.Time `json:"at"` // when this was put together
	// Evacuation says that every perimeter door reads who comes and who goes, so
	// that this is a list of who is inside. Otherwise Why says what it is not.
	Evacuation bool         `json:"evacuation_list"`
	Why        string       `json:"why_not,omitempty"`
	People     []SeenPerson `json:"people"`
}

// SeenPerson is where and when somebody was let in last.
type SeenPerson struct {
	Holder   string    `json:"holder"`
	Name     string    `json:"name,omitempty"`
	Door     string    `json:"door"`
	DoorName string    `json:"door_name"`
	At       time.Time `json:"at"`
	Way      string    `json:"way,omitempty"` // in or out, where the reader says so
	// Left says that the last that was seen is that they went out.
	Left bool `json:"left"`
}

// seenRequest is since when.
type seenRequest struct {
	Since time.Time `json:"since,omitzero"`
}

func (s *Server) seen(r *http.Request, caller Caller) (any, error) {
	if s.ops.Seen == nil {
		return nil, missing("a list of who was seen")
	}
	var ask seenRequest
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	if caller == (Caller{}) {
		return nil, &Error{Code: Forbidden, Message: "who asks is not known, and this list is only for somebody whose name can be written down"}
	}
	return s.ops.Seen.Seen(r.Context(), caller, ask.Since)
}

// Seen lists who was let in since an instant; zero: since midnight at the site. The
// gateway records who looked.
func (c *Client) Seen(ctx context.Context, since time.Time) (Seen, error) {
	return post[Seen](ctx, c, "/v1/seen", slowly, seenRequest{Since: since})
}
