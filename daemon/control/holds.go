package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// HoldOps hold doors open. Both act: they need the operate socket and are
// recorded with the caller.
type HoldOps interface {
	// HoldDoor holds a door open for a while. The strike is told again and
	// again to stay unlocked for half a minute, so a gateway that dies leaves
	// a door that locks by itself, and a restart ends the hold. A door that is
	// locked down is a Conflict.
	HoldDoor(ctx context.Context, caller Caller, ask Hold) (Held, error)
	// ReleaseDoor ends a hold and locks. A door that is not held is a Conflict.
	ReleaseDoor(ctx context.Context, caller Caller, door string) (Held, error)
}

// Hold is which door to hold open, and for how long.
type Hold struct {
	Door string        `json:"door"`
	For  time.Duration `json:"for"` // ShortestHold to LongestHold
}

// Held says what became of a hold.
type Held struct {
	Door  string    `json:"door"`
	Until time.Time `json:"until,omitzero"` // zero: released
	Event string    `json:"event"`
}

// The bounds of a hold.
const (
	ShortestHold = time.Second
	LongestHold  = 24 * time.Hour
)

func (s *Server) holdDoor(r *http.Request, caller Caller) (any, error) {
	if s.ops.Holds == nil {
		return nil, missing("a door that can be held open")
	}
	var ask Hold
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	ask.Door = r.PathValue("door")
	if ask.For < ShortestHold || ask.For > LongestHold {
		return nil, &Error{
			Code: BadRequest, Message: fmt.Sprintf("%v is not between %v and %v", ask.For, ShortestHold, LongestHold),
			Hint: "a door that is open every day is opened by its hours in the cloud",
		}
	}
	return s.ops.Holds.HoldDoor(r.Context(), caller, ask)
}

func (s *Server) releaseDoor(r *http.Request, caller Caller) (any, error) {
	if s.ops.Holds == nil {
		return nil, missing("a door that can be held open")
	}
	return s.ops.Holds.ReleaseDoor(r.Context(), caller, r.PathValue("door"))
}

// HoldDoor holds a door open. It needs the operate socket.
func (c *Client) HoldDoor(ctx context.Context, ask Hold) (Held, error) {
	return post[Held](ctx, c, "/v1/doors/"+url.PathEscape(ask.Door)+"/hold", quickly, ask)
}

// ReleaseDoor ends a hold. It needs the operate socket.
func (c *Client) ReleaseDoor(ctx context.Context, door string) (Held, error) {
	return post[Held](ctx, c, "/v1/doors/"+url.PathEscape(door)+"/release", quickly, nil)
}
