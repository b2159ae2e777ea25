package kisi

import (
	"context"
	"time"
)

// States of a card assignment. Cards themselves can also be unassigned.
const (
	CardActivated   = "activated"
	CardDeactivated = "deactivated"
)

// Card is something that a reader can see: a card, a fob, a QR code. Which of
// its values is filled in depends on Type (OpenAPI document, Card). Its value
// is a secret of its holder: never log a Card.
type Card struct {
	ID           int64     `json:"id"`
	Type         string    `json:"type"` // "third_party_hf", "third_party_qr_code", …
	UID          string    `json:"uid"`  // hex in either case; for optical types the decoded text
	Token        string    `json:"token"`
	DataBlock    string    `json:"data_block_value"`
	FacilityCode Number    `json:"facility_code"`
	CardNumber   Number    `json:"card_number"`
	CardID       Number    `json:"card_id"`
	OEM          Number    `json:"oem"`    // of Keyscan cards
	Length       Number    `json:"length"` // bits of a card without a format; documented for enrolling only
	UpdatedAt    time.Time `json:"updated_at"`
}

// String names the card without its value.
func (c Card) String() string { return "[kisi card " + c.Type + "]" }

// GoString names the card without its value.
func (c Card) GoString() string { return c.String() }

// CardAssignment gives a card to a user or a guest. Only an activated one opens.
type CardAssignment struct {
	ID           int64     `json:"id"`
	CardID       int64     `json:"card_id"`
	AssigneeType string    `json:"assignee_type"` // AssigneeUser or AssigneeGuest
	AssigneeID   int64     `json:"assignee_id"`
	Status       string    `json:"status"` // CardActivated or CardDeactivated
	UpdatedAt    time.Time `json:"updated_at"`
}

// GroupLink is an access link for one group. Its secrets are told only when it
// is created, so a listed one cannot be recognised at a reader.
type GroupLink struct {
	ID         int64      `json:"id"`
	GroupID    int64      `json:"group_id"`
	Name       string     `json:"name"`
	Email      string     `json:"email"` // empty: none
	Phone      string     `json:"phone"`
	Enabled    bool       `json:"link_enabled"`
	QRType     string     `json:"quick_response_code_type"` // empty, online or offline
	ValidFrom  *time.Time `json:"valid_from"`
	ValidUntil *time.Time `json:"valid_until"`
	CreatedAt  time.Time  `json:"created_at"`
}

// ListCards reads all cards; ByIDs narrows it.
func (c *Client) ListCards(ctx context.Context, f ...Filter) ([]Card, error) {
	return list(ctx, c, "/cards", pageSize, func(k Card) int64 { return k.ID }, f)
}

// ListCardAssignments reads who holds which card; OfAssignee, OfCard and ByIDs narrow it.
func (c *Client) ListCardAssignments(ctx context.Context, f ...Filter) ([]CardAssignment, error) {
	return list(ctx, c, "/card_assignments", pageSize, func(a CardAssignment) int64 { return a.ID }, f)
}

// ListGroupLinks reads all access links, without their secrets; InGroup and
// ByIDs narrow it.
func (c *Client) ListGroupLinks(ctx context.Context, f ...Filter) ([]GroupLink, error) {
	return list(ctx, c, "/group_links", pageSize, func(g GroupLink) int64 { return g.ID }, f)
}

// OfCard narrows card assignments to those of a card.
func OfCard(card int64) Filter { return whereID("card_id", card) }
