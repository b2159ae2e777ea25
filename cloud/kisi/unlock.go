package kisi

import (
	"context"
	"net/http"

	"github.com/tilegate/tilegate/cloud/transport"
)

// Unlock opens a door on Kisi's own hardware, for as long as its relay is set
// to. It is sent again only where the first try cannot have reached Kisi. A
// refusal is a *transport.Error whose code says why, in Words.
func (c *Client) Unlock(ctx context.Context, lock int64) error {
	resp, err := c.http.Do(ctx, transport.Request{Method: http.MethodPost, Path: path("/locks", lock, "/unlock")})
	if err != nil {
		return err
	}
	var said struct {
		Message string `json:"message"`
	}
	if err := resp.Decode(&said); err != nil {
		return err
	}
	if said.Message != "Unlocked!" { // a constant of the OpenAPI document
		return resp.Unfit("the answer does not say that the door was unlocked", nil)
	}
	return nil
}
