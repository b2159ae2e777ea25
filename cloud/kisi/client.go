// Package kisi is a client of the Kisi REST API (https://api.kisi.io/docs):
// what it says and how, with no rule of who may open what.
package kisi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"golang.org/x/time/rate"

	"github.com/tilegate/tilegate/cloud/transport"
)

// DefaultURL is where Kisi's API is.
const DefaultURL = "https://api.kisi.io"

// Options is what a client needs.
type Options struct {
	// BaseURL is where the API is; empty: DefaultURL.
	BaseURL string
	// Key gives the API key, asked for each request.
	Key KeySource
	// Integration and Contact name us to Kisi's support (headers
	// X-Kisi-Integration-Identifier and -Contact); empty: "tilegate" and none.
	Integration, Contact string
	// HTTP is how requests travel: round tripper, metrics, log, user agent,
	// limits. The client itself fills in the service, the address and the key.
	HTTP transport.Options
}

// Client speaks to Kisi with one API key. Its methods block until the answer
// is whole, through retries and a budget of 4 requests a second; they may be
// called from several goroutines, which share the budget. Errors are
// *transport.Error, or wrap one of ErrDrift, ErrShort, ErrBeyondReach, ErrNoKey.
type Client struct {
	http *transport.Client
	// sets paces POST /event_sets: one a second (OpenAPI document, rate limits).
	sets *rate.Limiter
}

// NewClient returns a client. Nothing is sent and no key is read yet.
func NewClient(o Options) (*Client, error) {
	h := o.HTTP
	h.Service = "kisi"
	h.BaseURL = cmp.Or(o.BaseURL, DefaultURL)
	h.Explain = explain
	h.Authorize = func(context.Context) (string, error) {
		key, err := o.Key()
		if err != nil {
			return "", err
		}
		return "KISI-LOGIN " + string(key), nil
	}
	h.Header = h.Header.Clone()
	if h.Header == nil {
		h.Header = http.Header{}
	}
	h.Header.Set("X-Kisi-Integration-Identifier", cmp.Or(o.Integration, "tilegate"))
	if o.Contact != "" {
		h.Header.Set("X-Kisi-Integration-Contact", o.Contact)
	}
	client, err := transport.New(h)
	if err != nil {
		return nil, err
	}
	return &Client{http: client, sets: rate.NewLimiter(1, 1)}, nil
}

// do sends a request whose answer says no more than that it was done.
func (c *Client) do(ctx context.Context, r transport.Request) error {
	_, err := c.http.Do(ctx, r)
	return err
}

func (c *Client) act(ctx context.Context, path string) error {
	return c.do(ctx, transport.Request{Method: http.MethodPost, Path: path})
}

// explain reads an error body: {"code","error"}, {"errors":{field:[…]}} for
// 422, {"error_description"} from OAuth (OpenAPI document, Error and Errors).
func explain(status int, body []byte) transport.Problem {
	var said struct {
		Code        string
		Error       string
		Description string `json:"error_description"`
		Errors      json.RawMessage
	}
	_ = json.Unmarshal(body, &said) // a body that says nothing is one of the cases
	p := transport.Problem{Code: said.Code, Message: cmp.Or(Words(said.Code), said.Description, said.Error)}
	var fields map[string][]string
	if json.Unmarshal(said.Errors, &fields) == nil {
		p.Fields = fields
	}
	if p.Message == "" && len(p.Fields) > 0 {
		p.Message = "Kisi refuses what was sent"
	}
	p.Hint = hint(status, p.Code)
	return p
}

// hint says what to do about a refusal of Kisi's, where we know better than in general.
func hint(status int, code string) string {
	switch {
	case status == http.StatusUnauthorized:
		return "check that the API key was copied whole, that it still exists, and that it was created by the Organization Owner (Kisi dashboard: My Account, API)"
	case status == http.StatusForbidden && (Words(code) == "" || code == "afc496" || code == "fcd8ef"):
		return "the key is good, but its Kisi user may not do this: check that it was created by the Organization Owner"
	case status == http.StatusForbidden:
		return "look at the restrictions of the door, and at the rights of the key's own Kisi user"
	case status == http.StatusServiceUnavailable && Words(code) != "":
		return "look at the power and the network of the door's Kisi controller"
	}
	return ""
}
