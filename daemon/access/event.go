package access

import (
	"fmt"
	"strings"
	"time"
)

// EventKind is what a line of the journal tells.
type EventKind uint8

// The kinds of event.
const (
	DecisionEvent EventKind = iota // a tap and what was decided
	OutcomeEvent                   // what the strike did about it
	AlarmEvent                     // something at a door that should not be
	ActionEvent                    // something a person did
	SystemEvent                    // start, stop, sync, a gap in the journal
)

var eventNames = [...]string{"decision", "outcome", "alarm", "action", "system"}

// What the detail of an outcome says.
const (
	DidUnlock    = "unlocked" // the door; any other says why not
	StrikeFailed = "strike: " // begins that of a strike that did not answer, before its error
)

// String is the label of the kind.
func (k EventKind) String() string {
	if int(k) >= len(eventNames) {
		return "unknown_event"
	}
	return eventNames[k]
}

// MarshalText writes the label.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a label.
func (k *EventKind) UnmarshalText(text []byte) error {
	for i, name := range eventNames {
		if name == string(text) {
			*k = EventKind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a kind of event; there are: %s", text, strings.Join(eventNames[:], ", "))
}

// Event is one line of the journal. It holds references, never a name and never
// a card value. Seq, Boot and Late are filled in by the journal. A decision holds
// what it was made of beside the rights, so that it can be made again: see Replay.
type Event struct {
	ID         string        `json:"id"`  // 128 bits in hex, made by who reports
	Seq        uint64        `json:"seq"` // strictly rising, also across restarts
	Kind       EventKind     `json:"kind"`
	At         time.Time     `json:"at"`   // wall time, UTC microseconds
	Mono       time.Duration `json:"mono"` // since start of this boot
	Boot       string        `json:"boot"`
	Clock      ClockState    `json:"clock"`
	Door       string        `json:"door,omitempty"`
	Reader     string        `json:"reader,omitempty"`
	Credential Credential    `json:"credential"`
	Presence   Presence      `json:"presence"`
	Reason     Reason        `json:"reason"`  // of a decision
	Reasons    []Reason      `json:"reasons"` // all of them, nearest miss first
	Holder     string        `json:"holder,omitempty"`
	Grant      string        `json:"grant,omitempty"`
	Group      string        `json:"group,omitempty"`
	Generation uint64        `json:"generation,omitempty"`  // of the rights that decided
	RosterHash string        `json:"roster_hash,omitempty"` // content of those rights
	RosterAge  time.Duration `json:"roster_age,omitempty"`  // since the oldest source that can go stale was heard of
	Posture    uint64        `json:"posture,omitempty"`     // number of the lockdowns by our own staff that were in force
	Fault      Reason        `json:"fault,omitempty"`       // Tap.Fault
	LastPass   time.Time     `json:"last_passage,omitzero"` // Facts.LastPassage
	PIN        PINState      `json:"pin,omitempty"`         // Facts.PIN
	Floor      time.Time     `json:"floor,omitzero"`        // what had surely passed; Facts.Floor
	Untrusted  time.Duration `json:"untrusted,omitempty"`   // Facts.Untrusted
	Warned     bool          `json:"warned,omitempty"`      // granted, though the same credential came again too soon
	Ref        string        `json:"ref,omitempty"`         // an outcome names its decision
	Actor      string        `json:"actor,omitempty"`       // who did an action
	Detail     string        `json:"detail,omitempty"`      // short, constant words or an error
	Late       bool          `json:"late,omitempty"`        // written after the strike moved
}
