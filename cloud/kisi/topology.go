package kisi

import (
	"context"
	"time"
)

// Place is a building or a floor of one.
type Place struct {
	ID             int64      `json:"id"`
	Name           string     `json:"name"`
	TimeZone       string     `json:"time_zone"`   // IANA name; empty: not set
	LockedDown     *bool      `json:"locked_down"` // nil: not told
	LockedSince    *time.Time `json:"locked_down_since"`
	LocksCount     int        `json:"locks_count"`
	OrganizationID int64      `json:"organization_id"`
	UpdatedAt      time.Time  `json:"updated_at"`
}

// Lock is a door. Its restrictions bind everybody, the owner too.
type Lock struct {
	ID                  int64      `json:"id"`
	Name                string     `json:"name"`
	PlaceID             int64      `json:"place_id"`
	Configured          bool       `json:"configured"`
	Online              *bool      `json:"online"` // nil: Kisi does not know
	Open                bool       `json:"open"`   // the door contact
	Unlocked            bool       `json:"unlocked"`
	OnScheduledUnlock   bool       `json:"on_scheduled_unlock"`
	LockedDown          *bool      `json:"locked_down"` // nil: not told
	LockedSince         *time.Time `json:"locked_down_since"`
	TimeRestricted      Flag       `json:"time_restriction_enabled"`
	TimeRestrictionZone string     `json:"time_restriction_time_zone"` // IANA name; empty: that of the place
	ReaderRestricted    Flag       `json:"reader_restriction_enabled"`
	GeofenceRestricted  Flag       `json:"geofence_restriction_enabled"`
	UpdatedAt           time.Time  `json:"updated_at"`
}

// Group is an access group: some doors, and restrictions that bind its members.
type Group struct {
	ID                      int64     `json:"id"`
	Name                    string    `json:"name"`
	Description             string    `json:"description"`
	PlaceID                 *int64    `json:"place_id"`      // nil: of the organization, with doors of any place
	LoginEnabled            Flag      `json:"login_enabled"` // whether the app may be used at all
	TimeRestricted          Flag      `json:"time_restriction_enabled"`
	TimeRestrictionZone     string    `json:"time_restriction_time_zone"` // deprecated; empty: that of the place
	GeofenceRestricted      Flag      `json:"geofence_restriction_enabled"`
	ReaderRestricted        Flag      `json:"reader_restriction_enabled"`
	PrimaryDeviceRestricted Flag      `json:"primary_device_restriction_enabled"`
	ManagedDeviceRestricted Flag      `json:"managed_device_restriction_enabled"`
	TapToAccessRestricted   Flag      `json:"tap_to_access_restriction_enabled"`
	UsersCount              *int      `json:"users_count"` // nil: not told
	LocksCount              *int      `json:"locks_count"` // nil: not told
	UpdatedAt               time.Time `json:"updated_at"`
}

// GroupLock puts a lock into a group.
type GroupLock struct {
	ID      int64 `json:"id"`
	GroupID int64 `json:"group_id"`
	LockID  int64 `json:"lock_id"`
}

// Page sizes are the greatest that each list takes (OpenAPI document).
const (
	pageSize  = 250
	usersPage = 100
)

// ListPlaces reads all places.
func (c *Client) ListPlaces(ctx context.Context, f ...Filter) ([]Place, error) {
	return list(ctx, c, "/places", pageSize, func(p Place) int64 { return p.ID }, f)
}

// ListLocks reads all locks; InPlace and ByIDs narrow it.
func (c *Client) ListLocks(ctx context.Context, f ...Filter) ([]Lock, error) {
	return list(ctx, c, "/locks", pageSize, func(l Lock) int64 { return l.ID }, f)
}

// ListGroups reads all groups; InPlace, WithLock and ByIDs narrow it.
func (c *Client) ListGroups(ctx context.Context, f ...Filter) ([]Group, error) {
	return list(ctx, c, "/groups", pageSize, func(g Group) int64 { return g.ID }, f)
}

// ListGroupLocks reads the locks of one group: Kisi does not list them over all groups.
func (c *Client) ListGroupLocks(ctx context.Context, group int64, f ...Filter) ([]GroupLock, error) {
	return list(ctx, c, "/group_locks", pageSize, func(g GroupLock) int64 { return g.ID }, with(whereID("group_id", group), f))
}

// InPlace narrows locks and groups to those of a place, and users to those
// with access to it.
func InPlace(place int64) Filter { return whereID("place_id", place) }

// InGroup narrows users and group links to those of a group.
func InGroup(group int64) Filter { return whereID("group_id", group) }

// WithLock narrows groups to those that hold a lock.
func WithLock(lock int64) Filter { return whereID("lock_id", lock) }

// LockDownPlace locks down all doors of a place, for everybody.
func (c *Client) LockDownPlace(ctx context.Context, place int64) error {
	return c.act(ctx, path("/places", place, "/lock_down"))
}

// CancelLockdownOfPlace ends a lockdown of a place.
func (c *Client) CancelLockdownOfPlace(ctx context.Context, place int64) error {
	return c.act(ctx, path("/places", place, "/cancel_lockdown"))
}

// LockDown locks down one door, for everybody.
func (c *Client) LockDown(ctx context.Context, lock int64) error {
	return c.act(ctx, path("/locks", lock, "/lock_down"))
}

// CancelLockdown ends a lockdown of one door.
func (c *Client) CancelLockdown(ctx context.Context, lock int64) error {
	return c.act(ctx, path("/locks", lock, "/cancel_lockdown"))
}
