// Package hw is door hardware: the contracts of readers and strikes, and one
// file for each driver. It borrows its words from daemon/access and knows
// nothing else of the gateway. It starts no goroutine: who calls, waits.
package hw

import (
	"context"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Value is a raw card value or code, as read. It never shows itself: not in a
// log, not in an error, not as JSON. Only the door loop looks inside, once, to
// make a digest of it.
type Value string

const (
	hidden      = "[card value]"
	hiddenProof = "[proof]"
)

// String hides the value.
func (Value) String() string { return hidden }

// GoString hides the value.
func (Value) GoString() string { return hidden }

// Format hides the value, whatever the verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText hides the value.
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Proof is what proves a value. It hides itself as a Value does: the key of a
// signature can be computed from it, and the key is the value.
type Proof []byte

// String hides the proof.
func (Proof) String() string { return hiddenProof }

// GoString hides the proof.
func (Proof) GoString() string { return hiddenProof }

// Format hides the proof, whatever the verb.
func (Proof) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hiddenProof)) }

// MarshalText hides the proof.
func (Proof) MarshalText() ([]byte, error) { return []byte(hiddenProof), nil }

// Read is what a reader saw.
type Read struct {
	Kind  access.Kind
	Value Value // normalised: a UID as lower-case hex in air order, a code as its text
	Proof Proof // what proves the value, where the kind has a proof
	// Assurance is how hard the value is to copy, where the settings of the
	// reader say more than the kind does; AnyAssurance: what the kind says.
	Assurance access.Assurance
	At        time.Time
	// Fault is set instead of a value when what arrived could not be used:
	// access.Unreadable or access.NoCredential.
	Fault access.Reason
	// Several is set beside a fault: more than one credential was in the field.
	Several bool
}

// Signal is what a tile shows a member.
type Signal uint8

// The signals. The last two are how the tile stands while nobody is there.
const (
	SignalGranted Signal = iota // the strike answered: push
	SignalRefused
	SignalOneCard // several cards at once: one, please
	SignalPIN     // the card is known: now the PIN
	SignalAskDesk // not the member's fault, such as a lock that does not answer
	SignalShut    // the door stands open: please shut it; repeated until it is
	SignalReady   // at rest
	SignalOffline // at rest, and working from what is known: the cloud is away

	signalCount
)

// Notice is a signal, and for tiles with a text line the short code that a
// member can read out to the desk; it may be empty.
type Notice struct {
	Signal Signal
	Code   string
}

// Reader is a tile. One goroutine calls Read in a loop; any may call the rest.
type Reader interface {
	// Read blocks until something is held to the tile, ctx ends, or the
	// reader is closed. A line that went away is not an error: Read waits
	// and reopens it with a back-off, and Stats tells. At is when the last
	// byte of the frame arrived. While a credential stays in the field it is
	// reported once.
	Read(ctx context.Context) (Read, error)
	// Stats tells how the reader is doing, at once.
	Stats() Stats
	// Close ends a waiting Read. It may be called twice.
	Close() error
}

// Strike unlocks. Its resting state is locked.
type Strike interface {
	// Pulse unlocks for d and returns as soon as the board acknowledged. The
	// strike locks again by itself: by the board's own timer where it has
	// one. A pulse during a pulse extends it to the later end, it never
	// queues. d outside 500 ms to 30 s is clamped.
	Pulse(ctx context.Context, d time.Duration) error
	// Rest drives the output to locked and returns when the board confirmed.
	// It is called at start, at stop, and when a door relocks on opening.
	Rest(ctx context.Context) error
	// Stats tells how the strike is doing, at once.
	Stats() Stats
	// Close leaves the output as on_stop says and gives the port back. It
	// may be called twice.
	Close() error
}

// Level is how an input stands.
type Level uint8

// The levels.
const (
	LevelUnknown Level = iota // cannot be heard: never taken for at rest
	LevelNormal               // as the settings call normal
	LevelActive               // not as normal
	LevelFault                // a supervised circuit that is cut or shorted

	levelCount
)

var levelNames = [levelCount]string{"unknown", "normal", "active", "fault"}

// String is the word for the level.
func (l Level) String() string {
	if l >= levelCount {
		return "unknown"
	}
	return levelNames[l]
}

// Input is a circuit that is open or closed: a door contact, an exit button, a
// tamper switch, the relay of a fire panel. One goroutine calls Next in a loop;
// any may call the rest.
type Input interface {
	// Next blocks until the input stands otherwise than last, and says how;
	// LevelUnknown as soon as it cannot be heard. It ends with the error of
	// ctx, or when the input is closed.
	Next(ctx context.Context, last Level) (Level, error)
	// Stats tells how the input is doing, at once.
	Stats() Stats
	// Close ends a waiting Next and gives the port back. It may be called twice.
	Close() error
}

// Signaler is a Reader with a lamp, a beeper or a text line of its own.
type Signaler interface {
	// Signal shows; it is best effort and must not wait for a member.
	Signal(ctx context.Context, notice Notice) error
}

// Pairer is a device that must be given a key of its own before it is believed.
type Pairer interface {
	// Pair gives the device a new key and pins who it is. It blocks until
	// that is done, ctx ends, or the device refuses; say is told each step in
	// words. It is the only way in which a key is ever sent.
	Pair(ctx context.Context, say func(step string)) error
}

// Mover is a device on a shared line whose address and speed are set from here.
type Mover interface {
	// Move gives the device another address, and its whole line another
	// speed, and returns when the device was found there. An address below 0 and
	// a speed of 0 stay as they are. say is told each step in words. The settings must be changed
	// after it: until then the device is looked for where it was.
	Move(ctx context.Context, address, baud int, say func(step string)) error
}

// The shortest and longest pulse of any strike.
const (
	MinPulse = 500 * time.Millisecond
	MaxPulse = 30 * time.Second
)

// ClampPulse brings a pulse into what every strike can do.
func ClampPulse(d time.Duration) time.Duration {
	return min(max(d, MinPulse), MaxPulse)
}

// Stats is how a device is doing. A driver does not know door names, so it
// counts here and the daemon labels. Counters only rise while a device lives.
type Stats struct {
	Up       bool
	Since    time.Time // of the last change of Up
	LastSeen time.Time // when the device last said anything
	Err      string    // why it is not up, in words; empty when it is
	Reopens  uint64    // how often the port was opened again
	BytesIn  uint64
	BytesOut uint64
	Frames   uint64            // whole and correct ones
	Drops    map[string]uint64 // frames thrown away and answers missed, by a closed set of words
	Steps    map[string]uint64 // what was done to heal it, by a closed set of words: reset, reopen …
	Identity string            // who it says it is, in words; empty: it cannot say
	Secure   bool              // speaks under a key of its own
	Tampered bool              // its own tamper switch is open
	NoPower  bool              // its own supply is failing
	Foreign  bool              // somebody else was heard lately who speaks on its line as if it were us
}
