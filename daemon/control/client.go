package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// How long the client waits for an answer, and for one that takes work.
const (
	quickly = 15 * time.Second
	slowly  = 10 * time.Minute
)

// maxAnswer bounds what the client reads of one answer: MaxEvents of the
// longest events fit.
const maxAnswer = 32 << 20

// Client asks a running gateway over one of its sockets. Every method sends one
// request, waits for the answer and returns an *Error when there is none.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient makes a client of the socket at a path. It connects when asked.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: quickly}
		return dialer.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, DisableCompression: true,
	}}}
}

// Status is the gateway on one screen.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/v1/status")
}

// Doors are the doors of the gateway.
func (c *Client) Doors(ctx context.Context) ([]Door, error) { return get[[]Door](ctx, c, "/v1/doors") }

// OpenDoor pulses the strike of a door once. It needs the operate socket.
func (c *Client) OpenDoor(ctx context.Context, order Opening) (Opened, error) {
	return post[Opened](ctx, c, "/v1/doors/"+url.PathEscape(order.Door)+"/open", quickly, order)
}

// TestDoor tries the parts of a door. It needs the operate socket.
func (c *Client) TestDoor(ctx context.Context, door string) ([]cloud.CheckLine, error) {
	return post[[]cloud.CheckLine](ctx, c, "/v1/doors/"+url.PathEscape(door)+"/test", slowly, nil)
}

// Events returns events of the journal, oldest first.
func (c *Client) Events(ctx context.Context, query EventQuery) ([]access.Event, error) {
	return get[[]access.Event](ctx, c, "/v1/events?"+query.values().Encode())
}

// Why decides a tap that is only a question. About another time it may take a
// while: the rights of then are put together first.
func (c *Client) Why(ctx context.Context, question Question) (Answer, error) {
	return post[Answer](ctx, c, "/v1/why", slowly, question)
}

// Simulate runs a tap through a door; the strike moves. It needs the operate
// socket.
func (c *Client) Simulate(ctx context.Context, question Question) (Answer, error) {
	return post[Answer](ctx, c, "/v1/taps", quickly, question)
}

// SyncStatus says how the sources of rights are doing.
func (c *Client) SyncStatus(ctx context.Context) ([]Sync, error) {
	return get[[]Sync](ctx, c, "/v1/sync")
}

// SyncNow fetches one source, or all if empty, and waits for minutes if need
// be. It needs the operate socket.
func (c *Client) SyncNow(ctx context.Context, source string) ([]Sync, error) {
	return post[[]Sync](ctx, c, "/v1/sync", slowly, syncRequest{Source: source})
}

// ApproveSync lets the removals of a source pass that are held now, and waits as
// SyncNow does. It needs the operate socket.
func (c *Client) ApproveSync(ctx context.Context, source string) ([]Sync, error) {
	return post[[]Sync](ctx, c, "/v1/sync/"+url.PathEscape(source)+"/approve", slowly, nil)
}

// Reload takes the settings file into use and waits until it is. It needs the
// operate socket.
func (c *Client) Reload(ctx context.Context) (Reloaded, error) {
	return post[Reloaded](ctx, c, "/v1/reload", slowly, nil)
}

// Follow calls each for every event after query.After, or from now on if that
// is 0. It ends when ctx does, with its error, or with the error of each, or
// with an *Error of code Stopped when the gateway goes away.
func (c *Client) Follow(ctx context.Context, query EventQuery, each func(access.Event) error) error {
	return stream(ctx, c, http.MethodGet, "/v1/events/follow?"+query.values().Encode(), nil, each)
}

// stream calls each for every line of an answer that comes bit by bit. It ends
// with nil at the line that says that all is done.
func stream[T any](ctx context.Context, c *Client, method, path string, body any, each func(T) error) error {
	response, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	lines := json.NewDecoder(response.Body)
	for {
		var raw json.RawMessage
		if err := lines.Decode(&raw); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &Error{
				Code: Stopped, Message: "the gateway stopped, so nothing more will follow",
				Hint: "see: systemctl status tilegated", cause: err,
			}
		}
		var end struct {
			Done bool `json:"done"`
			*Error
		}
		if err := json.Unmarshal(raw, &end); err == nil && end.Error != nil && end.Code != "" {
			return end.Error
		} else if err == nil && end.Done {
			return nil
		}
		var line T
		if err := json.Unmarshal(raw, &line); err != nil {
			return &Error{Code: Failed, Message: "the gateway's answer cannot be read: " + err.Error(), cause: err}
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return ask[T](ctx, c, http.MethodGet, path, quickly, nil)
}

func post[T any](ctx context.Context, c *Client, path string, patience time.Duration, body any) (T, error) {
	return ask[T](ctx, c, http.MethodPost, path, patience, body)
}

// ask sends one request and reads one answer.
func ask[T any](ctx context.Context, c *Client, method, path string, patience time.Duration, body any) (T, error) {
	var answer T
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := c.send(bounded, method, path, body)
	if err == nil {
		defer func() { _ = response.Body.Close() }()
		err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer)
	}
	var told *Error
	switch {
	case err == nil, errors.As(err, &told):
		return answer, err
	case ctx.Err() != nil:
		return answer, ctx.Err()
	case bounded.Err() != nil:
		return answer, &Error{
			Code: Timeout, Message: fmt.Sprintf("the gateway did not answer within %v", patience),
			Hint: "see: journalctl -u tilegated", cause: err,
		}
	}
	return answer, &Error{
		Code: Failed, Message: "the gateway's answer cannot be read: " + err.Error(),
		Hint: "the tool and the gateway may be of different versions, see: tilegate version, tilegate status", cause: err,
	}
}

// send returns a response of 200, whose body the caller closes, or an error.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var sent io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://tilegate"+path, sent)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreached(ctx, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	var told Error
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&told); err != nil || told.Message == "" {
		return nil, &Error{Code: Failed, Message: "the gateway answered " + response.Status, cause: err}
	}
	return nil, &told
}

// unreached puts into words why no answer came.
func (c *Client) unreached(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &Error{
			Code: NotRunning, Message: "nobody answers at " + c.socket + ": is tilegated running?",
			Hint: "systemctl status tilegated", cause: err,
		}
	case errors.Is(err, fs.ErrPermission):
		group := c.group()
		return &Error{
			Code: NoPermission, Message: "you may not use " + c.socket + ": it is for the group " + group,
			Hint: "sudo usermod -aG " + group + " YOU, then sign in again", cause: err,
		}
	}
	return &Error{
		Code: Stopped, Message: "the gateway hung up without an answer: " + err.Error(),
		Hint: "see: journalctl -u tilegated", cause: err,
	}
}

// group is the name of the group that may use the socket.
func (c *Client) group() string {
	info, err := os.Stat(c.socket) //nolint:gosec // the operator names the socket, and only its group is looked at
	if err != nil {
		return ViewGroup // the directory itself is closed to us
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		number := strconv.FormatUint(uint64(stat.Gid), 10)
		if known, err := user.LookupGroupId(number); err == nil {
			return known.Name
		}
		return number
	}
	return ViewGroup
}
