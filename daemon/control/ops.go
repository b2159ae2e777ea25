// Package control is what a person can ask of a running gateway: operations by
// noun, spoken as JSON over two unix sockets, one to look and one to act. The
// server is handed its operations; the client is the operator's tool.
//
// Times on the wire are RFC 3339 in UTC, durations are whole nanoseconds.
package control

import (
	"context"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// Caller is who asks, as the kernel says of the other end of the socket.
type Caller struct {
	UID  uint32
	Name string // login name, or the number
}

// Operations is everything the server can do. A nil operation answers
// "not available on this gateway".
type Operations struct {
	Status  StatusOps
	Doors   DoorOps
	Holds   HoldOps
	Readers ReaderOps
	Movers  MoverOps
	Events  EventOps
	Access  AccessOps
	Who     WhoOps
	Seen    SeenOps
	Sync    SyncOps
	Kisi    KisiOps
	Reload  ReloadOps
}

// StatusOps tells how the gateway is.
type StatusOps interface {
	Status(ctx context.Context) (Status, error)
}

// DoorOps are the doors of this gateway. Open and Test act: they need the
// operate socket and are recorded with the caller.
type DoorOps interface {
	Doors(ctx context.Context) ([]Door, error)
	// OpenDoor pulses the strike once, as the door's hold says. A door that is
	// locked down is a Conflict, unless the order says that it is meant.
	OpenDoor(ctx context.Context, caller Caller, order Opening) (Opened, error)
	// TestDoor tries the parts of a door without waiting for a member and
	// says what each did.
	TestDoor(ctx context.Context, caller Caller, door string) ([]cloud.CheckLine, error)
}

// EventOps reads the journal.
type EventOps interface {
	// Events returns events after a sequence number, oldest first.
	Events(ctx context.Context, query EventQuery) ([]access.Event, error)
	// Follow calls each for every event after query.After, or from now on if
	// that is 0, until ctx ends; Limit, Since and Until do not apply. An
	// error of each ends it and is returned.
	Follow(ctx context.Context, query EventQuery, each func(access.Event) error) error
}

// AccessOps explains decisions.
type AccessOps interface {
	// Why decides a tap that is only a question: nothing opens, nothing is
	// recorded as a tap. It may be about another time, or about a tap that was.
	Why(ctx context.Context, question Question) (Answer, error)
	// Simulate runs a tap through a door as if its tile had read it: the
	// strike moves and the journal says who simulated it. Needs operate.
	Simulate(ctx context.Context, caller Caller, question Question) (Answer, error)
}

// SyncOps are the sources of rights.
type SyncOps interface {
	SyncStatus(ctx context.Context) ([]Sync, error)
	// SyncNow fetches a source, or all if empty, and waits.
	SyncNow(ctx context.Context, caller Caller, source string) ([]Sync, error)
	// ApproveSync lets the removals of a source pass that are held now, and
	// only those; then it fetches as SyncNow does.
	ApproveSync(ctx context.Context, caller Caller, source string) ([]Sync, error)
}

// ReloadOps takes a changed settings file into use. An error leaves the old
// settings in force.
type ReloadOps interface {
	Reload(ctx context.Context, caller Caller) (Reloaded, error)
}

// Status is the gateway on one screen.
type Status struct {
	Site       string            `json:"site"`
	Name       string            `json:"name"`
	TimeZone   string            `json:"time_zone"` // IANA name of the site's zone
	Version    string            `json:"version"`
	Started    time.Time         `json:"started"`
	Line       string            `json:"line"` // the one line that systemd shows too
	Ready      bool              `json:"ready"`
	Clock      access.ClockState `json:"clock"`
	Now        time.Time         `json:"now,omitzero"`        // by which the gateway decides; zero: it does not say
	ClockWhy   string            `json:"clock_why,omitempty"` // it is not trusted; empty: it is
	Offsets    []ClockOffset     `json:"clock_offsets,omitempty"`
	Generation uint64            `json:"generation"`
	RosterHash string            `json:"roster_hash"`
	Counts     access.Counts     `json:"counts"`
	Doors      []Door            `json:"doors"`
	Sources    []Sync            `json:"sources"`
	Journal    JournalStatus     `json:"journal"`
	Troubles   []Trouble         `json:"troubles"`
}

// ClockOffset is by how much the clock of the machine is ahead of that of a cloud,
// as the Date of its answers tells it.
type ClockOffset struct {
	Source string        `json:"source"`
	Ahead  time.Duration `json:"ahead"`  // negative: behind
	Within time.Duration `json:"within"` // by how much this may be off, either way
}

// JournalStatus is how full the journal is.
type JournalStatus struct {
	Last    uint64 `json:"last"` // newest sequence number
	Events  uint64 `json:"events"`
	Late    uint64 `json:"late"`    // written after the strike moved
	Waiting int    `json:"waiting"` // not yet on disk
	Healthy bool   `json:"healthy"`
	Err     string `json:"error,omitempty"`
}

// Door is one door of this gateway.
type Door struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Lock    string   `json:"lock,omitempty"`
	Readers []Device `json:"readers"`
	Strike  Device   `json:"strike"`
	Inputs  []Device `json:"inputs,omitempty"`
	// locked, open (while a pulse runs), held_open, unlocked_by_schedule, locked_down
	Posture  string    `json:"posture"`
	Held     time.Time `json:"held_until,omitzero"`
	HeldBy   string    `json:"held_by,omitempty"`
	HeldNot  string    `json:"hold_waits,omitempty"` // why a hold of before the restart is not taken up
	Unlocked time.Time `json:"unlocked_until,omitzero"`
	Hours    string    `json:"unlocked_by,omitempty"` // unlock, or first_to_arrive
	Kept     time.Time `json:"kept_locked_until,omitzero"`
	KeptBy   string    `json:"kept_locked_by,omitempty"`
	Shut     []Shut    `json:"lockdowns,omitempty"`
	Contact  string    `json:"contact,omitempty"` // closed, open, unknown or fault; empty: there is none
	Alarms   []Alarm   `json:"alarms,omitempty"`  // that last
	LastTap  time.Time `json:"last_tap,omitzero"`
	LastWhat string    `json:"last_what,omitempty"` // reason of the last tap
}

// Alarm is something at a door that should not be.
type Alarm struct {
	Alarm access.Alarm `json:"alarm"`
	Of    string       `json:"of,omitempty"` // which input or reader, where there are several
	Since time.Time    `json:"since"`
}

// Device is a reader, a strike or an input.
type Device struct {
	Name    string    `json:"name,omitempty"` // of a reader: in, out …; of an input: contact …
	Driver  string    `json:"driver"`
	Port    string    `json:"port"`
	Up      bool      `json:"up"`
	Since   time.Time `json:"since,omitzero"`
	Err     string    `json:"error,omitempty"`
	Reopens uint64    `json:"reopens"`
	Frames  uint64    `json:"frames"`
	Drops   uint64    `json:"drops"`
}

// Trouble is one thing a person should know.
type Trouble struct {
	Code     string    `json:"code"`
	Subject  string    `json:"subject,omitempty"` // which door, port or source
	Severity string    `json:"severity"`          // critical, warning, note
	Title    string    `json:"title"`
	Text     string    `json:"text"` // what happened and what to do
	Since    time.Time `json:"since"`
}

// Opening is which door to open.
type Opening struct {
	Door   string `json:"door"`
	Anyway bool   `json:"anyway,omitempty"` // also if it is locked down; the journal says so
}

// Opened says what OpenDoor did.
type Opened struct {
	Door  string        `json:"door"`
	Hold  time.Duration `json:"hold"`
	Event string        `json:"event"`
}

// EventQuery selects events. A zero field does not select.
type EventQuery struct {
	After  uint64    `json:"after"`
	Limit  int       `json:"limit"` // 0: UsualEvents, at most MaxEvents; the newest ones when After is 0
	Door   string    `json:"door"`
	Kind   string    `json:"kind"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

// Sync is how one source is doing.
type Sync struct {
	Source  string           `json:"source"`
	Every   time.Duration    `json:"every"`
	Contact time.Time        `json:"contact,omitzero"` // last verified word
	Ageless bool             `json:"ageless,omitempty"`
	Running bool             `json:"running"`
	Done    int              `json:"done,omitempty"`
	Total   int              `json:"total,omitempty"`
	Tried   time.Time        `json:"tried,omitzero"`
	Result  string           `json:"result"` // ok, held, failed, never
	Err     string           `json:"error,omitempty"`
	Held    []string         `json:"held,omitempty"` // removals that wait, in words
	Dropped []access.Problem `json:"dropped,omitempty"`
	Changed int              `json:"changed"`
}

// Reloaded says what a reload did.
type Reloaded struct {
	Changed []string `json:"changed"` // in words; empty: nothing
}
