package kisi

import (
	"context"
	"time"
)

// Kinds of assignee and member.
const (
	AssigneeUser  = "User"
	AssigneeTeam  = "Team"
	AssigneeGuest = "Guest"
)

// Things that a role can apply to.
const (
	AppliesToOrganization = "Organization"
	AppliesToPlace        = "Place"
	AppliesToGroup        = "Group"
)

// User is a person with a Kisi account, managed or not. Doors open for nobody
// unless both AccessEnabled and ScimAccessEnabled.
type User struct {
	ID                int64     `json:"id"`
	Name              string    `json:"name"`
	Email             string    `json:"email"`
	AccessEnabled     *bool     `json:"access_enabled"`      // nil: not told
	ScimAccessEnabled *bool     `json:"scim_access_enabled"` // nil: not told
	Confirmed         bool      `json:"confirmed"`
	GroupsCount       *int      `json:"groups_count"` // nil: not told
	Notes             string    `json:"notes"`
	UpdatedAt         time.Time `json:"updated_at"`
}

// Guest is a person without an account.
type Guest struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Email     string    `json:"email"` // empty: none
	Phone     string    `json:"phone_number"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Team is a set of users and guests that a role can be given to.
type Team struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// TeamMembership puts a user or a guest into a team.
type TeamMembership struct {
	ID         int64  `json:"id"`
	TeamID     int64  `json:"team_id"`
	MemberType string `json:"member_type"` // AssigneeUser or AssigneeGuest
	MemberID   int64  `json:"member_id"`
}

// RoleAssignment gives a role on something to somebody. Only those on a group
// have a validity: ValidFrom ≤ now < ValidUntil, nil for open. Expired ones
// may be listed.
type RoleAssignment struct {
	ID            int64      `json:"id"`
	RoleID        string     `json:"role_id"`
	AppliesToType string     `json:"applies_to_type"` // AppliesTo…
	AppliesToID   int64      `json:"applies_to_id"`
	AssigneeType  string     `json:"assignee_type"` // Assignee…
	AssigneeID    int64      `json:"assignee_id"`
	ValidFrom     *time.Time `json:"valid_from"`
	ValidUntil    *time.Time `json:"valid_until"`
	CreatedByType string     `json:"created_by_type"` // empty, User or MarketplaceInstallation
	CreatedByID   int64      `json:"created_by_id"`   // 0: not told
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
}

// ListUsers reads all users; InPlace, InGroup, ByEmail and ByIDs narrow it.
func (c *Client) ListUsers(ctx context.Context, f ...Filter) ([]User, error) {
	return list(ctx, c, "/users", usersPage, func(u User) int64 { return u.ID }, f)
}

// ListGuests reads all guests; ByIDs narrows it.
func (c *Client) ListGuests(ctx context.Context, f ...Filter) ([]Guest, error) {
	return list(ctx, c, "/guests", pageSize, func(g Guest) int64 { return g.ID }, f)
}

// ListTeams reads all teams; ByIDs narrows it.
func (c *Client) ListTeams(ctx context.Context, f ...Filter) ([]Team, error) {
	return list(ctx, c, "/teams", pageSize, func(t Team) int64 { return t.ID }, f)
}

// ListTeamMemberships reads who is in which team; InTeam and ByIDs narrow it.
func (c *Client) ListTeamMemberships(ctx context.Context, f ...Filter) ([]TeamMembership, error) {
	return list(ctx, c, "/team_memberships", pageSize, func(m TeamMembership) int64 { return m.ID }, f)
}

// ListRoleAssignments reads who has which role on what; OnTarget, OfAssignee
// and ByIDs narrow it. Beyond 20,250 rows it gives ErrBeyondReach: then ask
// group by group.
func (c *Client) ListRoleAssignments(ctx context.Context, f ...Filter) ([]RoleAssignment, error) {
	return list(ctx, c, "/role_assignments", pageSize, func(r RoleAssignment) int64 { return r.ID }, f)
}

// ByEmail narrows users to the one with exactly this address.
func ByEmail(email string) Filter { return where("email", email) }

// InTeam narrows team memberships to those of a team.
func InTeam(team int64) Filter { return whereID("team_id", team) }

// OnTarget narrows role assignments to those on one group, place or organization.
func OnTarget(appliesToType string, id int64) Filter {
	return both(where("applies_to_type", appliesToType), whereID("applies_to_id", id))
}

// OfAssignee narrows role assignments and card assignments to those of one
// user, team or guest.
func OfAssignee(assigneeType string, id int64) Filter {
	return both(where("assignee_type", assigneeType), whereID("assignee_id", id))
}
