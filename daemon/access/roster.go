package access

import "time"

// Roster is what the sources said, in plain rows. It is only a carrier: Build
// checks it whole and makes a Snapshot of it.
type Roster struct {
	Places      []Place
	Doors       []Door
	Policies    []Policy
	Groups      []Group
	Schedules   []Schedule
	Teams       []Team
	Holders     []Holder
	Assignments []Assignment
	Grants      []Grant
}

// Place is a building or a floor: a lockdown and a time zone bind all its doors.
type Place struct {
	ID         string
	Name       string
	Zone       string // IANA name; empty means the site's own
	LockedDown bool
}

// Door is what a source says of one thing that locks.
type Door struct {
	ID         string
	Name       string
	Place      string // Place.ID, or empty
	LockedDown bool
	// Restricted: the door itself is limited to the hours of its Allow
	// schedules, for everybody. Without any it never opens.
	Restricted bool
	// Zone is where the clock hangs that the schedules of this door are read by:
	// an IANA name; empty: that of the place, or else the site's own.
	Zone string
	// AtDoorOnly: the door may not be opened from afar.
	AtDoorOnly bool
}

// Lockdown is a lockdown by our own staff. It binds as one of Kisi's does, and
// neither lifts the other.
type Lockdown struct {
	Scope   ScopeKind // ScopeDoor, ScopePlace, or ScopeOrganisation for the whole site
	ScopeID string    // Door.ID or Place.ID; empty for the site
}

// Policy is what the gateway's own settings say of a door. A policy for a door
// that no source knows makes the door.
type Policy struct {
	Door             string
	Name             string
	MinimumAssurance Assurance
	AskPIN           bool
	HighSecurity     bool          // shorter patience with old rights and bad clocks
	Residential      bool          // somebody's home: never refused for staleness or clock
	Passback         time.Duration // the same credential again within this time is worth a warning; 0 is off
	PassbackRefuses  bool          // and is refused
	// Zone is the site's own time zone, an IANA name, for what no source gives
	// one; empty is UTC.
	Zone string
}

// Group is a set of doors, possibly limited to hours.
type Group struct {
	ID    string
	Name  string
	Doors []string // Door.ID
	// Restricted: members may enter only in the hours of the group's Allow
	// schedules. Without any they never may.
	Restricted bool
	// Zone is an IANA name; empty: that of the door at which somebody stands.
	Zone string
	// AtDoorOnly: members may not open from afar.
	AtDoorOnly bool
}

// Team is a set of holders who share grants.
type Team struct {
	ID      string
	Name    string
	Members []string // Holder.ID
}

// Holder is a person, or a guest, who may hold credentials and grants.
type Holder struct {
	ID        string
	Name      string // for people; never used to decide
	Suspended bool
	// Extended: doors stay unlocked longer for this person, as each door's
	// extended_hold says. It opens nothing by itself.
	Extended bool
}

// Assignment gives a credential to a holder. One card may have several rows,
// one for each accepted form (byte order, Wiegand cut).
type Assignment struct {
	ID        string // the source's id of the card
	Kind      Kind
	Digest    Digest
	Assurance Assurance
	Holder    string // Holder.ID
	Active    bool
}

// AssigneeKind says whether a grant is a person's or a team's.
type AssigneeKind uint8

// The kinds of assignee.
const (
	ToHolder AssigneeKind = iota
	ToTeam
)

// ScopeKind says what a grant covers.
type ScopeKind uint8

// The scopes, narrowest first.
const (
	ScopeDoor ScopeKind = iota
	ScopeGroup
	ScopePlace
	ScopeOrganisation
)

var scopeNames = [...]string{"door", "group", "place", "organisation"}

// String is the label of the scope.
func (k ScopeKind) String() string {
	if int(k) >= len(scopeNames) {
		return "unknown_scope"
	}
	return scopeNames[k]
}

// Grant says that an assignee may open a scope from one instant to another.
type Grant struct {
	ID       string
	Kind     AssigneeKind
	Assignee string // Holder.ID or Team.ID
	Scope    ScopeKind
	ScopeID  string    // Door.ID, Group.ID, Place.ID; empty for the organisation
	From     time.Time // zero: since ever
	Until    time.Time // zero: open-ended; the instant itself is outside
	Source   string    // which source said so, as in Contact.Source
	Cause    string    // role, booking, plan, pass, manual: for people
	// Cancelled: ended by somebody before its time, kept to be explained.
	Cancelled bool
}

// Contact is when a source was last heard of and verified.
type Contact struct {
	Source string
	At     time.Time
	// Ageless: this source never goes stale (a file on the gateway).
	Ageless bool
}
