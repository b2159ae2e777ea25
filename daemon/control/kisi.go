package control

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tilegate/tilegate/cloud"
)

// KisiOps ask Kisi in the house's name, so they need operate.
type KisiOps interface {
	// TestKisi tests the connection.
	TestKisi(ctx context.Context) (cloud.Report, error)
	// CompareKisi decides again what Kisi decided in the last days and says where
	// it differs. It can take many minutes; each is called with every step, and
	// last with the report. An error of each ends it and is returned.
	CompareKisi(ctx context.Context, ask Comparison, each func(Compared) error) error
}

// The bounds of a comparison.
const (
	UsualCompareDays   = 30
	LongestCompareDays = int(cloud.LongestCompare / (24 * time.Hour))
)

// Comparison is how far back to compare.
type Comparison struct {
	Days int `json:"days"` // 1 to LongestCompareDays; 0: UsualCompareDays
}

// Compared is a step of a comparison; the last one has the report.
type Compared struct {
	cloud.Comparing

	Report *cloud.Comparison `json:"report,omitempty"`
}

func (s *Server) testKisi(r *http.Request, _ Caller) (any, error) {
	if s.ops.Kisi == nil {
		return nil, missing("Kisi")
	}
	return s.ops.Kisi.TestKisi(r.Context())
}

func (s *Server) compareKisi(r *http.Request, _ Caller, start func() error, send func(any) error) error {
	if s.ops.Kisi == nil {
		return missing("Kisi")
	}
	var ask Comparison
	if err := decode(r, &ask); err != nil {
		return err
	}
	if ask.Days == 0 {
		ask.Days = UsualCompareDays
	}
	if ask.Days < 1 || ask.Days > LongestCompareDays {
		return &Error{Code: BadRequest, Message: fmt.Sprintf("%d days: use 1 to %d, which is as far back as Kisi's log goes", ask.Days, LongestCompareDays)}
	}
	if err := start(); err != nil {
		return err
	}
	return s.ops.Kisi.CompareKisi(r.Context(), ask, func(step Compared) error { return send(step) })
}

// TestKisi tries the connection to Kisi. It needs the operate socket.
func (c *Client) TestKisi(ctx context.Context) (cloud.Report, error) {
	return post[cloud.Report](ctx, c, "/v1/kisi/test", slowly, nil)
}

// CompareKisi holds our decisions against Kisi's own and calls each with every
// step. It returns nil when the last step, with the report, was told. It needs the
// operate socket.
func (c *Client) CompareKisi(ctx context.Context, ask Comparison, each func(Compared) error) error {
	return stream(ctx, c, http.MethodPost, "/v1/kisi/compare", ask, each)
}
