package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// HoldOps say how doors are to stand. All of them act: they need the operate
// socket and are recorded with the caller. What they answer for survives a
// restart.
type HoldOps interface {
	// HoldDoor holds a door open for a while. The strike is told again and
	// again to stay unlocked for half a minute, so a gateway that dies leaves
	// a door that locks by itself. A door that is locked down is a Conflict.
	HoldDoor(ctx context.Context, caller Caller, ask Hold) (Held, error)
	// LockDown lets nobody in any more, at all doors of a place at once. The
	// way out is not touched.
	LockDown(ctx context.Context, caller Caller, ask Lockdown) (LockedDown, error)
	// Release ends what staff said: our own lockdown of exactly this door,
	// place or site; of a door that is not locked down by us, its hold, or its
	// unlock hours until they end. Where there is nothing to end it is a
	// Conflict.
	Release(ctx context.Context, caller Caller, where Where) (Released, error)
}

// Hold is which door to hold open, and for how long.
type Hold struct {
	Door string        `json:"door"`
	For  time.Duration `json:"for"` // ShortestHold to LongestHold
}

// Held says what became of a hold.
type Held struct {
	Door  string    `json:"door"`
	Until time.Time `json:"until"`
	Event string    `json:"event"`
}

// The bounds of a hold.
const (
	ShortestHold = time.Second
	LongestHold  = 24 * time.Hour
)

// Where is a door, a place or the whole site: exactly one of them.
type Where struct {
	Door  string `json:"door,omitempty"`
	Place string `json:"place,omitempty"` // its id, or its name
	Site  bool   `json:"site,omitempty"`
}

// String names it for people.
func (w Where) String() string {
	switch {
	case w.Door != "":
		return w.Door
	case w.Place != "":
		return "the place " + w.Place
	}
	return "the whole site"
}

// check refuses what is none of them, or several.
func (w Where) check() error {
	given := 0
	for _, one := range []bool{w.Door != "", w.Place != "", w.Site} {
		if one {
			given++
		}
	}
	if given != 1 {
		return &Error{Code: BadRequest, Message: "say one door, one place or the whole site", Hint: "see: tilegate door list"}
	}
	return nil
}

// Lockdown is what to lock down, and why.
type Lockdown struct {
	Where
	Reason string `json:"reason,omitempty"` // for people; at most LongestReason characters
}

// LongestReason bounds what is written down.
const LongestReason = 200

// LockedDown says what a lockdown did.
type LockedDown struct {
	Where
	Doors int    `json:"doors"` // of this gateway that it shuts
	Event string `json:"event"`
}

// Released says what was ended, and what was not.
type Released struct {
	Where
	Ended string    `json:"ended"`                      // lockdown, hold, unlock_hours
	Kept  time.Time `json:"kept_locked_until,omitzero"` // the unlock hours of the door say nothing until then
	Still []string  `json:"still,omitempty"`            // what else shuts these doors, in words
	Event string    `json:"event"`
}

// Shut is a lockdown that shuts a door.
type Shut struct {
	Where
	Words  string    `json:"words"`
	By     string    `json:"by,omitempty"` // empty: it came from the cloud
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

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

func (s *Server) lockDown(r *http.Request, caller Caller) (any, error) {
	if s.ops.Holds == nil {
		return nil, missing("a door that can be locked down")
	}
	var ask Lockdown
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	ask.Reason = strings.Join(strings.Fields(ask.Reason), " ")
	if utf8.RuneCountInString(ask.Reason) > LongestReason {
		return nil, &Error{Code: BadRequest, Message: fmt.Sprintf("the reason has more than %d characters", LongestReason)}
	}
	if err := ask.check(); err != nil {
		return nil, err
	}
	return s.ops.Holds.LockDown(r.Context(), caller, ask)
}

func (s *Server) release(r *http.Request, caller Caller) (any, error) {
	if s.ops.Holds == nil {
		return nil, missing("a door that can be released")
	}
	var where Where
	if err := decode(r, &where); err != nil {
		return nil, err
	}
	if err := where.check(); err != nil {
		return nil, err
	}
	return s.ops.Holds.Release(r.Context(), caller, where)
}

// HoldDoor holds a door open. It needs the operate socket.
func (c *Client) HoldDoor(ctx context.Context, ask Hold) (Held, error) {
	return post[Held](ctx, c, "/v1/doors/"+url.PathEscape(ask.Door)+"/hold", quickly, ask)
}

// LockDown locks a door, a place or the site down. It needs the operate socket.
func (c *Client) LockDown(ctx context.Context, ask Lockdown) (LockedDown, error) {
	return post[LockedDown](ctx, c, "/v1/lockdown", quickly, ask)
}

// Release ends a lockdown, a hold or unlock hours. It needs the operate socket.
func (c *Client) Release(ctx context.Context, where Where) (Released, error) {
	return post[Released](ctx, c, "/v1/release", quickly, where)
}
