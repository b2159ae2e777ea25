package kisi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tilegate/tilegate/cloud/transport"
)

// States of an event set.
const (
	EventSetRunning  = "in_progress"
	EventSetFinished = "finished"
	EventSetFailed   = "failed"
)

// EventSet is a search of Kisi's log. It takes a while, and lives for a day.
type EventSet struct {
	ID     ID      `json:"id"`
	Status string  `json:"status"` // EventSet…
	Cursor string  `json:"cursor"` // of the next page; empty: none
	Events []Event `json:"events"` // of this page; none while it runs
}

// ID is the id of an event set, a number or a text.
type ID = Number

// Event is one line of Kisi's log. Types, ids and codes are those of the
// OpenAPI document; a field that Kisi left empty is empty or 0.
type Event struct {
	UUID      string `json:"uuid"`
	Type      string `json:"type"` // "role_assignment.destroy"
	Action    string `json:"action"`
	ActorType string `json:"actor_type"`
	ActorID   int64  `json:"actor_id"`
	// AuthenticatedBy is what was shown, of which kind: Card, Login, GroupLink …;
	// its id may be a text.
	AuthenticatedBy   string `json:"authenticated_by_type"`
	AuthenticatedByID Number `json:"authenticated_by_id"`

	ObjectType string    `json:"object_type"`
	ObjectID   int64     `json:"object_id"`
	ObjectName string    `json:"object_name"`
	PlaceID    int64     `json:"place_id"`
	Success    bool      `json:"success"`
	ErrorCode  string    `json:"error_code"`
	Sequence   Number    `json:"sequence"`
	CreatedAt  time.Time `json:"created_at"`
	Message    string    `json:"message"`
}

// Search is what to look for in the log.
type Search struct {
	From, Until time.Time // at most 90 days
	Types       []string  // "lock.unlock"; none: all
}

// CreateEventSet begins a search. Kisi allows one a second, and the call waits
// for its turn. It finds nothing by itself: ask GetEventSet until it is finished.
func (c *Client) CreateEventSet(ctx context.Context, s Search) (EventSet, error) {
	if err := c.sets.Wait(ctx); err != nil {
		return EventSet{}, fmt.Errorf("kisi: POST /event_sets: %w", err)
	}
	filter := map[string]any{"interval": interval(s.From, s.Until)}
	if len(s.Types) > 0 {
		filter["event_type"] = strings.Join(s.Types, ",")
	}
	return c.eventSet(ctx, transport.Request{Method: http.MethodPost, Path: "/event_sets", Body: map[string]any{"event_set": filter}})
}

// GetEventSet asks how a search stands, and for one page of what it found:
// the first for an empty cursor, else the one after it.
func (c *Client) GetEventSet(ctx context.Context, id ID, cursor string) (EventSet, error) {
	q := url.Values{}
	q.Set("limit", strconv.Itoa(eventsPage))
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return c.eventSet(ctx, transport.Request{Path: "/event_sets/" + url.PathEscape(string(id)), Query: q})
}

const eventsPage = 200 // no greatest is documented; 200 was seen to work

func (c *Client) eventSet(ctx context.Context, r transport.Request) (EventSet, error) {
	resp, err := c.http.Do(ctx, r)
	if err != nil {
		return EventSet{}, err
	}
	var set EventSet
	if err := resp.Decode(&set); err != nil {
		return EventSet{}, err
	}
	switch {
	case set.ID == "":
		return EventSet{}, resp.Unfit("the event set has no id", nil)
	case set.Status != EventSetRunning && set.Status != EventSetFinished && set.Status != EventSetFailed:
		return EventSet{}, resp.Unfit("the event set has an unknown status", nil)
	}
	return set, nil
}
