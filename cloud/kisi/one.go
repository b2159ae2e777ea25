package kisi

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/tilegate/tilegate/cloud/transport"
)

// path joins a resource, an id and an action.
func path(resource string, id int64, action string) string {
	return resource + "/" + strconv.FormatInt(id, 10) + action
}

// with puts a filter before others.
func with(first Filter, rest []Filter) []Filter { return append([]Filter{first}, rest...) }

func both(a, b Filter) Filter { return func(l *listing) { a(l); b(l) } }

// one reads one object, which must have an id.
func one[T any](ctx context.Context, c *Client, path string, id func(T) int64) (T, error) {
	return oneOf(ctx, c, transport.Request{Path: path}, id)
}

func oneOf[T any](ctx context.Context, c *Client, r transport.Request, id func(T) int64) (T, error) {
	var none, into T
	resp, err := c.http.Do(ctx, r)
	if err != nil {
		return none, err
	}
	if err := resp.Decode(&into); err != nil {
		return none, err
	}
	if id(into) <= 0 {
		return none, resp.Unfit("the answer has no id", nil)
	}
	return into, nil
}

// unpaged reads a list that comes whole. Each row must be sound.
func unpaged[T any](ctx context.Context, c *Client, path string, query url.Values, sound func(T) bool) ([]T, error) {
	resp, err := c.http.Do(ctx, transport.Request{Path: path, Query: query})
	if err != nil {
		return nil, err
	}
	var rows []T
	if err := resp.Decode(&rows); err != nil {
		return nil, err
	}
	if rows == nil {
		return nil, resp.Unfit("the answer is null where a list was due", nil)
	}
	for _, row := range rows {
		if !sound(row) {
			return nil, resp.Unfit("a row of the list lacks what it is known by", nil)
		}
	}
	return rows, nil
}

// Number is a number that Kisi may write as a number or as text; it is kept as
// it was written, without quotes. Empty: none.
type Number string

// UnmarshalJSON reads a JSON number, a string or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = ""
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(n))
	}
	var number json.Number
	if err := json.Unmarshal(b, &number); err != nil {
		return err
	}
	*n = Number(number)
	return nil
}

// Flag is a switch of which it must be known whether Kisi told it: one that is
// off and one that Kisi renamed are not the same. Null is off.
type Flag struct{ On, Told bool }

// UnmarshalJSON reads true, false or null.
func (f *Flag) UnmarshalJSON(b []byte) error {
	var on *bool
	if err := json.Unmarshal(b, &on); err != nil {
		return err
	}
	*f = Flag{On: on != nil && *on, Told: true}
	return nil
}
