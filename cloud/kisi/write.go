package kisi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tilegate/tilegate/cloud/transport"
)

// All writes are sent once, unless the first try cannot have reached Kisi:
// after a time-out, read before you write again. A removal of something that
// is gone already gives NotFound (transport.NotFound).

// NewUser is a person to be created.
type NewUser struct {
	Email string
	Name  string
	// Managed people get no mail from Kisi and cannot sign in; all others are
	// invited by mail at once. It cannot be changed later.
	Managed bool
	// Notes is free text that staff see; our mark lies there.
	Notes string
}

// MarshalJSON writes the body of POST /users (docs.kisi.io, add and remove users).
func (u NewUser) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"email": u.Email, "name": u.Name, "notes": u.Notes, "send_emails": !u.Managed, "confirm": u.Managed,
	})
}

// UserChange says what to change of a user; nil fields stay. The address
// cannot be changed.
type UserChange struct {
	Name          *string `json:"name,omitempty"`
	AccessEnabled *bool   `json:"access_enabled,omitempty"` // false suspends all doors, rights are kept
	Notes         *string `json:"notes,omitempty"`
}

// NewRoleAssignment is a right to be given.
type NewRoleAssignment struct {
	RoleID        string     `json:"role_id"`         // "group_basic" for a member
	AppliesToType string     `json:"applies_to_type"` // AppliesTo…
	AppliesToID   int64      `json:"applies_to_id"`
	AssigneeType  string     `json:"assignee_type"` // Assignee…
	AssigneeID    int64      `json:"assignee_id"`
	Notify        bool       `json:"notify"`                // mail now, not when it begins
	ValidFrom     *time.Time `json:"valid_from,omitempty"`  // groups only; nil: open
	ValidUntil    *time.Time `json:"valid_until,omitempty"` // groups only; nil: open
}

// NewGroupLink is an access link to be made. With an address or a phone Kisi
// sends it there itself.
type NewGroupLink struct {
	GroupID    int64      `json:"group_id"`
	Name       string     `json:"name"`                               // shown in Kisi's log
	Email      string     `json:"email,omitempty"`                    // empty: no mail
	Phone      string     `json:"phone,omitempty"`                    // empty: no text message
	QRType     string     `json:"quick_response_code_type,omitempty"` // online, offline or empty for none
	Enabled    bool       `json:"link_enabled"`
	ValidFrom  *time.Time `json:"valid_from"`
	ValidUntil *time.Time `json:"valid_until"`
}

// CreatedGroupLink is an access link with the secrets that Kisi tells once.
type CreatedGroupLink struct {
	GroupLink
	Secret  Secret `json:"secret"` // of https://web.kisi.io/grouplinks/<secret>
	QRToken Secret `json:"quick_response_code_token"`
	QRImage Secret `json:"quick_response_code_image"` // PNG in Base64
}

// NewCard is a credential to be enrolled.
type NewCard struct {
	Type string `json:"type"` // "third_party_hf", "third_party_qr_code", …
	UID  string `json:"uid"`  // as in Card
}

// String names the card without its value.
func (c NewCard) String() string { return "[kisi card " + c.Type + "]" }

// GoString names the card without its value.
func (c NewCard) GoString() string { return c.String() }

// NewCardAssignment gives a card to somebody. It opens nothing until it is activated.
type NewCardAssignment struct {
	CardID       int64  `json:"card_id"`
	AssigneeType string `json:"assignee_type"` // AssigneeUser or AssigneeGuest
	AssigneeID   int64  `json:"assignee_id"`
}

// CreateUser makes a user. An address that exists gives Invalid.
func (c *Client) CreateUser(ctx context.Context, u NewUser) (User, error) {
	return create(ctx, c, "/users", "user", u, func(u User) int64 { return u.ID })
}

// ChangeUser changes a user.
func (c *Client) ChangeUser(ctx context.Context, user int64, change UserChange) error {
	return c.change(ctx, path("/users", user, ""), "user", change)
}

// DeleteUser removes a person from the organization with all rights. It cannot be undone.
func (c *Client) DeleteUser(ctx context.Context, user int64) error {
	return c.remove(ctx, path("/users", user, ""))
}

// CreateRoleAssignment gives a right. One that exists gives Conflict or
// Invalid: which of them is undocumented.
func (c *Client) CreateRoleAssignment(ctx context.Context, r NewRoleAssignment) (RoleAssignment, error) {
	r.ValidFrom, r.ValidUntil = utc(r.ValidFrom), utc(r.ValidUntil)
	return create(ctx, c, "/role_assignments", "role_assignment", r, func(r RoleAssignment) int64 { return r.ID })
}

// ChangeRoleAssignment moves the end of a right; nil: open. That Kisi does so
// is not documented, and it answers well either way: read the right back.
func (c *Client) ChangeRoleAssignment(ctx context.Context, assignment int64, until *time.Time, notify bool) error {
	return c.change(ctx, path("/role_assignments", assignment, ""), "role_assignment", map[string]any{"valid_until": utc(until), "notify": notify})
}

// DeleteRoleAssignment takes a right away.
func (c *Client) DeleteRoleAssignment(ctx context.Context, assignment int64) error {
	return c.remove(ctx, path("/role_assignments", assignment, ""))
}

// CreateGroupLink makes an access link.
func (c *Client) CreateGroupLink(ctx context.Context, l NewGroupLink) (CreatedGroupLink, error) {
	l.ValidFrom, l.ValidUntil = utc(l.ValidFrom), utc(l.ValidUntil)
	return create(ctx, c, "/group_links", "group_link", l, func(l CreatedGroupLink) int64 { return l.ID })
}

// DeleteGroupLink ends an access link.
func (c *Client) DeleteGroupLink(ctx context.Context, link int64) error {
	return c.remove(ctx, path("/group_links", link, ""))
}

// CreateCard enrols a credential. One with the same value gives Invalid or Conflict.
func (c *Client) CreateCard(ctx context.Context, card NewCard) (Card, error) {
	return create(ctx, c, "/cards", "card", card, func(c Card) int64 { return c.ID })
}

// DeleteCard removes a credential.
func (c *Client) DeleteCard(ctx context.Context, card int64) error {
	return c.remove(ctx, path("/cards", card, ""))
}

// CreateCardAssignment gives a card to somebody, not activated.
func (c *Client) CreateCardAssignment(ctx context.Context, a NewCardAssignment) (CardAssignment, error) {
	return create(ctx, c, "/card_assignments", "card_assignment", a, func(a CardAssignment) int64 { return a.ID })
}

// ActivateCardAssignment makes an assigned card open doors.
func (c *Client) ActivateCardAssignment(ctx context.Context, assignment int64) error {
	return c.act(ctx, path("/card_assignments", assignment, "/activate"))
}

// DeactivateCardAssignment makes an assigned card open nothing.
func (c *Client) DeactivateCardAssignment(ctx context.Context, assignment int64) error {
	return c.act(ctx, path("/card_assignments", assignment, "/deactivate"))
}

// DeleteCardAssignment takes a card from somebody.
func (c *Client) DeleteCardAssignment(ctx context.Context, assignment int64) error {
	return c.remove(ctx, path("/card_assignments", assignment, ""))
}

// create sends a new object, wrapped in its key, and reads it back with its id.
func create[T any](ctx context.Context, c *Client, path, key string, object any, id func(T) int64) (T, error) {
	return oneOf(ctx, c, transport.Request{Method: http.MethodPost, Path: path, Body: map[string]any{key: object}}, id)
}

func (c *Client) change(ctx context.Context, path, key string, change any) error {
	return c.do(ctx, transport.Request{Method: http.MethodPatch, Path: path, Body: map[string]any{key: change}})
}

func (c *Client) remove(ctx context.Context, path string) error {
	return c.do(ctx, transport.Request{Method: http.MethodDelete, Path: path})
}

// utc writes an instant as Kisi's examples have it: whole seconds, zone Z.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	whole := t.UTC().Truncate(time.Second)
	return &whole
}
