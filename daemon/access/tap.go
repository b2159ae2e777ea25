package access

import (
	"fmt"
	"time"
)

// Presence is how close to the door whoever asks has been proven to be.
type Presence uint8

// The presences.
const (
	AtReader Presence = iota // a credential was held to the tile
	Near                     // a phone proved that it stands at the tile
	Remote                   // from anywhere
)

var presenceNames = [...]string{"reader", "near", "remote"}

// String is the label of the presence.
func (p Presence) String() string {
	if int(p) >= len(presenceNames) {
		return "unknown_presence"
	}
	return presenceNames[p]
}

// MarshalText writes the label.
func (p Presence) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a label.
func (p *Presence) UnmarshalText(text []byte) error {
	for i, name := range presenceNames {
		if name == string(text) {
			*p = Presence(i)
			return nil
		}
	}
	return fmt.Errorf("presence %q: use reader, near or remote", text)
}

// Tap is one credential offered at one door.
type Tap struct {
	Door       string
	Reader     string
	Credential Credential
	Presence   Presence
	At         time.Time
	// Fault is what the edge found wrong before anybody could decide:
	// NoCredential, Unreadable, InvalidPass or Replayed; of a pass also Expired,
	// NotYet and Clock; of digits that are not even compared, PINWrong or
	// PINLocked. Granted means nothing.
	Fault Reason
}

// ClockState is how far the gateway trusts its clock.
type ClockState uint8

// The clock states.
const (
	ClockSynced      ClockState = iota // set by the network, lately
	ClockFreeRunning                   // was set, drifts on its own
	ClockJumped                        // moved by more than time passed
	ClockUnset                         // before the newest thing we ever recorded
)

var clockNames = [...]string{"synced", "free-running", "jumped", "unset"}

// String is the label of the state.
func (c ClockState) String() string {
	if int(c) >= len(clockNames) {
		return "unknown_clock"
	}
	return clockNames[c]
}

// MarshalText writes the label.
func (c ClockState) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a label.
func (c *ClockState) UnmarshalText(text []byte) error {
	for i, name := range clockNames {
		if name == string(text) {
			*c = ClockState(i)
			return nil
		}
	}
	return fmt.Errorf("clock state %q: not one of the known states", text)
}

// Trusted says whether windows may be decided by this clock.
func (c ClockState) Trusted() bool { return c == ClockSynced || c == ClockFreeRunning }

// PINState is what the keypad said beside the credential.
type PINState uint8

// The PIN states.
const (
	PINMissing PINState = iota
	PINRight
	PINFailed
	PINBlocked // too many tries
)

// Facts are what a decision needs beside the rights: a small value that the
// door loop keeps and that the event records, so that a replay sees the same.
type Facts struct {
	Clock ClockState
	// Floor is an instant that has surely passed, however wrong the clock is;
	// zero: Tap.At. It matters only while the clock is not trusted.
	Floor time.Time
	// Untrusted is for how long the clock has not been trusted, by the time that
	// elapsed; it bounds how long a perimeter door goes on with long rights.
	Untrusted   time.Duration
	PIN         PINState
	LastPassage time.Time // of this credential through this door; zero: never
}
