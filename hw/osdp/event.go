package osdp

import (
	"errors"
	"time"
)

// Event is something that a peer has to say. The kinds are below; there are no
// others.
type Event interface{ event() }

// CardRead is a card that was held to the reader.
type CardRead struct {
	At   time.Time // when the last byte of the reply arrived
	Card Card
}

// KeysPressed are keys that were pressed on the reader.
type KeysPressed struct {
	At     time.Time
	Keypad Keypad
}

// CharsRead is a card as text, from an old reader.
type CharsRead struct {
	At    time.Time
	Chars Chars
}

// VendorSaid is a message of the maker's own, such as a QR code.
type VendorSaid struct {
	At     time.Time
	Vendor Vendor
}

// Level is how an input of the reader stands.
type Level byte

// The levels of inputs; those above Active are of supervised circuits.
const (
	Inactive Level = iota
	Active
	Shorted
	Cut
	Faulty
	Unknown
)

// Inputs are how all inputs stand, from the first on. They are said after each
// connect and on each change.
type Inputs struct {
	At     time.Time
	Levels []Level
}

// Outputs are how all outputs stand, from the first on.
type Outputs struct {
	At time.Time
	On []bool
}

// Attached are the readers that hang on this one: 0 well, 1 gone, 2 tampered with.
type Attached struct{ States []byte }

// LocalSaid is the reader's own tamper switch and power.
type LocalSaid struct {
	At    time.Time
	Local Local
}

// State is how much a peer is worth.
type State uint8

// The states. Cards, keys and inputs come only from a peer that is Secure, or
// Clear if the settings allow that.
const (
	Offline  State = iota // not heard, or heard but not believed
	Unpaired              // answers, but was never given a key
	Swapped               // answers, but is another reader than the one paired
	Secure                // speaks under its own key
	Clear                 // speaks in clear text, as the settings allow
)

// String is the state as a word.
func (s State) String() string {
	return [...]string{"offline", "unpaired", "swapped", "secure", "clear"}[min(s, Clear)]
}

// StateChanged says that a peer is worth more or less than before, and why; Why
// is 0 when there is nothing to complain of. A secure channel that is lost and
// made anew within two seconds changes nothing.
type StateChanged struct {
	At    time.Time
	State State
	Why   Refusal
}

// Identified is who the reader says it is and what it says it can do, after
// each connect.
type Identified struct {
	Device       Device
	Capabilities Capabilities
}

// Settled is how a queued command ended: nil when the reader acknowledged it,
// one of the errors of Queue, or the NAK of the reader.
type Settled struct {
	Ticket Ticket
	Err    error
}

// Paired is how pairing ended.
type Paired struct {
	Identity string
	Err      error
}

// Progress is a step of pairing, in words for the person who waits.
type Progress struct{ Step string }

// KeysNotKept says that a key was proved to be the reader's but could not be
// recorded as that. The record still has it as pending.
type KeysNotKept struct{ Err error }

// Moved is how a change of address or speed ended: where the reader is now.
type Moved struct {
	Address byte
	Baud    int
	Err     error
}

// Refused counts what was not believed since the last Drain.
type Refused struct {
	Why   Refusal
	Count uint64
}

func (CardRead) event()     {}
func (KeysPressed) event()  {}
func (CharsRead) event()    {}
func (VendorSaid) event()   {}
func (Inputs) event()       {}
func (Outputs) event()      {}
func (Attached) event()     {}
func (LocalSaid) event()    {}
func (StateChanged) event() {}
func (Identified) event()   {}
func (Settled) event()      {}
func (Paired) event()       {}
func (Progress) event()     {}
func (KeysNotKept) event()  {}
func (Moved) event()        {}
func (Refused) event()      {}

// Why a command was not done.
var (
	ErrOffline     = errors.New("the reader is offline")
	ErrFull        = errors.New("too many commands wait for the reader")
	ErrExpired     = errors.New("the reader did not take the command in time")
	ErrSuperseded  = errors.New("a newer command took the place of this one")
	ErrInDoubt     = errors.New("the reader was lost while it was told: nobody knows whether it did it")
	ErrUnsupported = errors.New("the reader does not know this command")
	ErrTooLong     = errors.New("the command is longer than the reader can take")
	ErrNotQueued   = errors.New("this command is sent by the peer itself, never for others")
	ErrAnswer      = errors.New("the reader's answer did not fit the command")
)
