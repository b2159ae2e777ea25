package kisi

import (
	"context"
	"time"
)

// Organization is the tenant that a key belongs to (GET /organization).
type Organization struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Domain      string `json:"domain"`
	TimeZone    string `json:"time_zone"` // IANA name; empty: not set
	PlacesCount int    `json:"places_count"`
	OwnerID     int64  `json:"user_id"` // the Kisi user who owns the organization; 0: not told
}

// Account is the Kisi user who made the key (GET /user): a key has exactly the
// rights of that user.
type Account struct {
	ID             int64  `json:"id"`
	Name           string `json:"name"`
	Email          string `json:"email"`
	OrganizationID int64  `json:"organization_id"`
}

// Login is the key itself (GET /login), without its secret.
type Login struct {
	ID         int64      `json:"id"`
	Type       string     `json:"type"` // "api" for a key
	Name       string     `json:"name"`
	Expire     bool       `json:"expire"` // ends after months without use
	LastUsedAt *time.Time `json:"last_used_at"`
	CreatedAt  time.Time  `json:"created_at"`
}

// Role is what an assignment allows (GET /roles).
type Role struct {
	ID          string      `json:"id"` // "group_basic"
	Name        string      `json:"name"`
	AppliesTo   string      `json:"applies_to"` // Organization, Place or Group
	Custom      bool        `json:"custom"`
	Permissions Permissions `json:"permissions"`
}

// Permissions are those of about a hundred that decide over a door.
type Permissions struct {
	LocksUnlock bool `json:"locks_unlock"`
}

// Unlocks reports whether the role opens doors: those of its group, or every
// door of its place or organization.
func (r Role) Unlocks() bool { return r.Permissions.LocksUnlock }

// GetOrganization asks which organization the key belongs to.
func (c *Client) GetOrganization(ctx context.Context) (Organization, error) {
	return one(ctx, c, "/organization", func(o Organization) int64 { return o.ID })
}

// GetAccount asks which Kisi user made the key.
func (c *Client) GetAccount(ctx context.Context) (Account, error) {
	return one(ctx, c, "/user", func(a Account) int64 { return a.ID })
}

// GetLogin asks about the key itself.
func (c *Client) GetLogin(ctx context.Context) (Login, error) {
	return one(ctx, c, "/login", func(l Login) int64 { return l.ID })
}

// ListRoles reads all roles, custom ones included. The list has no pages.
func (c *Client) ListRoles(ctx context.Context) ([]Role, error) {
	return unpaged(ctx, c, "/roles", nil, func(r Role) bool { return r.ID != "" })
}
