package access

import (
	"fmt"
	"strings"
)

// Reason is why a tap was granted or refused. The set is closed: a Reason is a
// metric label and a public word, so adding one means adding its branch in
// Decide, its words here and its line in docs/RUNBOOK.md; a test demands all.
type Reason uint8

// The reasons, in the order in which Decide looks for them.
const (
	// Granted is the one reason that opens.
	Granted Reason = iota
	// NoCredential: the tile woke up but nothing was offered.
	NoCredential
	// Unreadable: something was offered, but what arrived failed its check.
	Unreadable
	// InvalidPass: a signed pass whose signature, site or form is wrong.
	InvalidPass
	// Replayed: a proof that was already used once.
	Replayed
	// Unknown: no holder has this credential, or two claim it.
	Unknown
	// NotActivated: the holder's credential is not switched on.
	NotActivated
	// LockedDown: the door or its place is locked down for everybody.
	LockedDown
	// Suspended: the holder's access is switched off everywhere.
	Suspended
	// LowAssurance: the door asks for a credential that is harder to copy.
	LowAssurance
	// PINWrong: the door asks for a PIN and it was missing or wrong.
	PINWrong
	// PINLocked: too many wrong PINs; wait, or ask the desk.
	PINLocked
	// Stale: the source of this right was not heard of for too long.
	Stale
	// Clock: the gateway does not know the time well enough for this right.
	Clock
	// NotYet: the right has not begun.
	NotYet
	// Expired: the right has ended by itself.
	Expired
	// Cancelled: the right was ended by somebody before its time.
	Cancelled
	// OutsideHours: the group is limited to hours, and this is not one.
	OutsideHours
	// DoorHours: the door itself is limited to hours, for everybody.
	DoorHours
	// RemoteNotAllowed: this right opens only for somebody at the door.
	RemoteNotAllowed
	// NoGrant: the holder has no right that covers this door.
	NoGrant
	// Passback: the credential was used here a moment ago.
	Passback
	// NotRecorded: the decision could not be written down, and this
	// credential or door demands that it is.
	NotRecorded

	reasonCount
)

type reasonText struct{ label, words string }

// reasonTexts is written once, here.
var reasonTexts = [reasonCount]reasonText{
	Granted:          {"granted", "welcome"},
	NoCredential:     {"no_credential", "nothing was held to the tile long enough to be read"},
	Unreadable:       {"unreadable", "the card or code could not be read; try again, slower"},
	InvalidPass:      {"invalid_pass", "this pass is not valid here"},
	Replayed:         {"replayed", "this pass was already used"},
	Unknown:          {"unknown", "this card or code belongs to nobody we know"},
	NotActivated:     {"not_activated", "this card is not activated yet"},
	LockedDown:       {"locked_down", "the door is locked down for everybody"},
	Suspended:        {"suspended", "this person's access is suspended"},
	LowAssurance:     {"low_assurance", "this door needs a safer card or pass than this one"},
	PINWrong:         {"pin_wrong", "the PIN is missing or wrong"},
	PINLocked:        {"pin_locked", "too many wrong PINs; wait a few minutes"},
	Stale:            {"stale", "the gateway has not heard from the cloud for too long to trust this right"},
	Clock:            {"clock", "the gateway does not know the time well enough for this right"},
	NotYet:           {"not_yet", "the right has not begun yet"},
	Expired:          {"expired", "the right has ended"},
	Cancelled:        {"cancelled", "the right was cancelled"},
	OutsideHours:     {"outside_hours", "outside the hours of the group"},
	DoorHours:        {"door_hours", "outside the hours of the door"},
	RemoteNotAllowed: {"remote_not_allowed", "this right opens only at the door, not from afar"},
	NoGrant:          {"no_grant", "this person has no right for this door"},
	Passback:         {"passback", "this card was used here a moment ago"},
	NotRecorded:      {"not_recorded", "the gateway could not write the entry down, which this door or pass demands"},
}

// Reasons lists every reason, Granted first.
func Reasons() []Reason {
	all := make([]Reason, reasonCount)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// String is the label of the reason: lower case, stable, public.
func (r Reason) String() string {
	if r >= reasonCount {
		return "unknown_reason"
	}
	return reasonTexts[r].label
}

// Words is what a front desk can say to a member.
func (r Reason) Words() string {
	if r >= reasonCount {
		return ""
	}
	return reasonTexts[r].words
}

// MarshalText writes the label.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a label; anything outside the set is an error.
func (r *Reason) UnmarshalText(text []byte) error {
	for i, t := range reasonTexts {
		if t.label == string(text) {
			*r = Reason(i)
			return nil
		}
	}
	var known []string
	for _, t := range reasonTexts {
		known = append(known, t.label)
	}
	return fmt.Errorf("%q is not a reason; there are: %s", text, strings.Join(known, ", "))
}
