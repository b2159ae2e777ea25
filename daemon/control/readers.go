package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// ReaderOps are the tiles of this gateway, as devices. Pairing acts.
type ReaderOps interface {
	// Readers lists every device of every door.
	Readers(ctx context.Context) ([]Reader, error)
	// PairReader gives a device a key of its own, and pins who it is. It
	// blocks until that is done or the window of time is over; each is called
	// with every step in words. An error of each changes nothing: what was
	// begun is finished.
	PairReader(ctx context.Context, caller Caller, ask Pairing, each func(Step) error) error
	// EnableKeypad switches a keypad on again that guessing switched off; an
	// empty reader is the only one. It says whether it was off.
	EnableKeypad(ctx context.Context, caller Caller, door, reader string) (Enabled, error)
}

// MoverOps sends devices to other addresses and speeds of their line. It acts.
type MoverOps interface {
	// MoveReader gives a device another address, or its whole line another
	// speed, and returns when it was found there; each is called with every step
	// in words. The settings must be changed after it.
	MoveReader(ctx context.Context, caller Caller, ask Moving, each func(Step) error) error
}

// Moving is where to send which device.
type Moving struct {
	Door    string `json:"door"`
	Device  string `json:"device"`            // as in Pairing
	Address *int   `json:"address,omitempty"` // nil: as it is
	Baud    int    `json:"baud,omitempty"`    // 0: as it is
}

// Enabled says what EnableKeypad did.
type Enabled struct {
	Door   string `json:"door"`
	Reader string `json:"reader"`
	WasOff bool   `json:"was_off"`
}

// Pairing is which device to pair, and for how long to try.
type Pairing struct {
	Door   string        `json:"door"`
	Device string        `json:"device"` // name of a reader, or "strike"; empty: the only reader
	Window time.Duration `json:"window"` // 10 s to 10 min; 0: a minute
}

// Step is one thing that happened, in words.
type Step struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Reader is a device of a door, in full.
type Reader struct {
	Device
	Door     string            `json:"door"`
	Address  string            `json:"address,omitempty"` // on a shared line
	Identity string            `json:"identity,omitempty"`
	Secure   bool              `json:"secure"` // speaks under a key of its own
	Pairable bool              `json:"pairable"`
	Tampered bool              `json:"tampered"`
	NoPower  bool              `json:"no_power"`
	LastSeen time.Time         `json:"last_seen,omitzero"`
	Why      map[string]uint64 `json:"why,omitempty"`   // drops by word
	Steps    map[string]uint64 `json:"steps,omitempty"` // what was done to heal it
}

// The bounds of a pairing window.
const (
	usualWindow    = time.Minute
	shortestWindow = 10 * time.Second
	longestWindow  = 10 * time.Minute
)

func (s *Server) readers(r *http.Request, _ Caller) (any, error) {
	if s.ops.Readers == nil {
		return nil, missing("a reader")
	}
	return list(s.ops.Readers.Readers(r.Context()))
}

func (s *Server) pairReader(r *http.Request, caller Caller, start func() error, send func(any) error) error {
	if s.ops.Readers == nil {
		return missing("a reader")
	}
	var ask Pairing
	if err := decode(r, &ask); err != nil {
		return err
	}
	if ask.Window == 0 {
		ask.Window = usualWindow
	}
	if ask.Window < shortestWindow || ask.Window > longestWindow {
		return &Error{Code: BadRequest, Message: fmt.Sprintf("a window of %v: use %v to %v", ask.Window, shortestWindow, longestWindow)}
	}
	ask.Door = r.PathValue("door")
	if err := start(); err != nil {
		return err
	}
	return s.ops.Readers.PairReader(r.Context(), caller, ask, func(step Step) error { return send(step) })
}

func (s *Server) moveReader(r *http.Request, caller Caller, start func() error, send func(any) error) error {
	if s.ops.Movers == nil {
		return missing("a reader")
	}
	var ask Moving
	if err := decode(r, &ask); err != nil {
		return err
	}
	if ask.Address == nil && ask.Baud == 0 {
		return &Error{Code: BadRequest, Message: "say where to: an address, or a speed"}
	}
	if ask.Address != nil && *ask.Address < 0 {
		return &Error{Code: BadRequest, Message: fmt.Sprintf("address %d: use 0 to 126", *ask.Address)}
	}
	ask.Door = r.PathValue("door")
	if err := start(); err != nil {
		return err
	}
	return s.ops.Movers.MoveReader(r.Context(), caller, ask, func(step Step) error { return send(step) })
}

// MoveReader sends a device to another address or speed. It needs the operate
// socket.
func (c *Client) MoveReader(ctx context.Context, ask Moving, each func(Step) error) error {
	path := "/v1/doors/" + url.PathEscape(ask.Door) + "/move"
	return stream(ctx, c, http.MethodPost, path, ask, each)
}

// keypadRequest is which reader's keypad is meant; empty: the only one.
type keypadRequest struct {
	Reader string `json:"reader"`
}

func (s *Server) enableKeypad(r *http.Request, caller Caller) (any, error) {
	if s.ops.Readers == nil {
		return nil, missing("a reader")
	}
	var ask keypadRequest
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	return s.ops.Readers.EnableKeypad(r.Context(), caller, r.PathValue("door"), ask.Reader)
}

// EnableKeypad switches a keypad on again. It needs the operate socket.
func (c *Client) EnableKeypad(ctx context.Context, door, reader string) (Enabled, error) {
	return post[Enabled](ctx, c, "/v1/doors/"+url.PathEscape(door)+"/keypad", quickly, keypadRequest{reader})
}

// Readers lists every device of every door.
func (c *Client) Readers(ctx context.Context) ([]Reader, error) {
	return get[[]Reader](ctx, c, "/v1/readers")
}

// PairReader gives a device a key of its own and calls each with every step. It
// returns nil when the device is paired. It needs the operate socket.
func (c *Client) PairReader(ctx context.Context, ask Pairing, each func(Step) error) error {
	path := "/v1/doors/" + url.PathEscape(ask.Door) + "/pair"
	return stream(ctx, c, http.MethodPost, path, ask, each)
}
