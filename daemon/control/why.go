package control

import (
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Question is a tap in words. Exactly one of Person, Card, Code and Event is set.
type Question struct {
	Door     string          `json:"door"`             // empty with Event, which knows its door
	Person   string          `json:"person,omitempty"` // holder id, name or mail
	Card     string          `json:"card,omitempty"`   // UID in hex
	Code     string          `json:"code,omitempty"`   // text of a QR code
	Event    string          `json:"event,omitempty"`  // a tap that was: its number, its id or its short code
	At       time.Time       `json:"at,omitzero"`      // zero: now
	Presence access.Presence `json:"presence"`
}

// Answer is a decision in words.
type Answer struct {
	access.Explanation
	Say      string        `json:"say"` // to the member, in the time of the site
	Door     string        `json:"door"`
	DoorName string        `json:"door_name"`
	At       time.Time     `json:"at"`
	Name     string        `json:"name,omitempty"`          // of the holder, for people
	Note     string        `json:"note,omitempty"`          // what the answer rests on, where that is not plain
	RightsOf time.Time     `json:"rights_of,omitzero"`      // since when the rights were in force, where they are not those of now
	Kisi     []KisiKnows   `json:"kisi,omitempty"`          // of each right that is named
	Sources  []Sync        `json:"sources"`                 // how old the rights are; empty about another time
	Replay   *Replay       `json:"replay,omitempty"`        // of a tap that was
	Event    string        `json:"event,omitempty"`         // of a simulated tap
	Took     time.Duration `json:"took,omitempty"`          // of a simulated tap, to the strike
	Silent   string        `json:"strike_silent,omitempty"` // why the strike of a simulated tap did not answer
}

// KisiKnows is what Kisi itself knows of a right.
type KisiKnows struct {
	Grant string `json:"grant"`
	Knows bool   `json:"knows"`
	Words string `json:"words"`
}

// Verdict is what came of deciding a recorded tap again.
type Verdict string

// The verdicts.
const (
	Agrees  Verdict = "agrees"   // the same answer for the same reasons
	Differs Verdict = "differs"  // another answer, or other reasons
	NotKept Verdict = "not_kept" // what it was decided by is not kept any more
)

// Replay is a recorded tap, decided again by what was in force then. Where that is
// not kept any more, the explanation is the recorded one.
type Replay struct {
	Event   access.Event   `json:"event"` // as it was recorded
	Code    string         `json:"code"`  // its short code
	Verdict Verdict        `json:"verdict"`
	Why     string         `json:"why,omitempty"`     // why nothing is kept; what was added to the decision
	Differs []string       `json:"differs,omitempty"` // in words
	After   []access.Event `json:"after"`             // what the strike did, and that nobody went in
	Others  []access.Event `json:"others,omitempty"`  // other taps that the question may mean, newest first
}
