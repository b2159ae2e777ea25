package access

import (
	"fmt"
	"strings"
)

// Alarm is something at a door or in the building that should not be. The set is
// closed: an Alarm is a metric label and a public word, so adding one means
// adding its words here and its heading in docs/RUNBOOK.md; a test demands both.
type Alarm uint8

// The alarms. Those up to InputLost are a door's, the rest the building's;
// Tamper is either's.
const (
	// ForcedOpen: the door was opened, and nobody had let anybody in or out.
	ForcedOpen Alarm = iota
	// HeldOpenSoon: the door stands open, and HeldOpen is near.
	HeldOpenSoon
	// HeldOpen: the door stands open for longer than it may.
	HeldOpen
	// NoEntry: the door was unlocked for somebody, and was not opened. It is a
	// moment, and never lasts.
	NoEntry
	// ReaderTamper: a reader says that it was taken off its wall or opened.
	ReaderTamper
	// ReaderPower: a reader says that its supply fails.
	ReaderPower
	// LineIntruder: somebody else speaks on the line of a reader as if it were the
	// gateway.
	LineIntruder
	// KeypadOff: somebody guesses PINs, so the keypad takes none.
	KeypadOff
	// InputLost: a circuit cannot be heard, so nothing is known of it.
	InputLost
	// Tamper: a tamper circuit is not as it should be, or another circuit is cut
	// or shorted.
	Tamper
	// Fire: the fire panel has freed the doors.
	Fire
	// MainsFail: the supply of the locks or of the gateway runs on its battery.
	MainsFail
	// Battery: the battery of the supply is low or gone.
	Battery
	// Enclosure: the box of the gateway is open.
	Enclosure

	alarmCount
)

type alarmText struct{ label, words string }

// alarmTexts is written once, here.
var alarmTexts = [alarmCount]alarmText{
	ForcedOpen:   {"forced_open", "the door was opened, and nobody had let anybody in or out"},
	HeldOpenSoon: {"held_open_soon", "the door stands open, and soon for too long"},
	HeldOpen:     {"held_open", "the door stands open for too long"},
	NoEntry:      {"no_entry", "the door was unlocked, and nobody opened it"},
	ReaderTamper: {"reader_tamper", "the reader was taken off its wall or opened"},
	ReaderPower:  {"reader_power", "the supply of the reader fails"},
	LineIntruder: {"line_intruder", "somebody else speaks on the line of the reader as if it were the gateway"},
	KeypadOff:    {"keypad_off", "somebody guesses PINs, so the keypad takes none"},
	InputLost:    {"input_lost", "the circuit cannot be heard"},
	Tamper:       {"tamper", "somebody is at the wiring, or a circuit is cut or shorted"},
	Fire:         {"fire", "the fire panel has freed the doors"},
	MainsFail:    {"mains_fail", "the mains are gone; the supply runs on its battery"},
	Battery:      {"battery", "the battery of the supply is low or gone"},
	Enclosure:    {"enclosure", "the box of the gateway is open"},
}

// Alarms lists every alarm.
func Alarms() []Alarm {
	all := make([]Alarm, alarmCount)
	for i := range all {
		all[i] = Alarm(i)
	}
	return all
}

// String is the label of the alarm: lower case, stable, public.
func (a Alarm) String() string {
	if a >= alarmCount {
		return "unknown_alarm"
	}
	return alarmTexts[a].label
}

// Words is what the alarm means, for people.
func (a Alarm) Words() string {
	if a >= alarmCount {
		return ""
	}
	return alarmTexts[a].words
}

// MarshalText writes the label.
func (a Alarm) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a label; anything outside the set is an error.
func (a *Alarm) UnmarshalText(text []byte) error {
	for i, t := range alarmTexts {
		if t.label == string(text) {
			*a = Alarm(i)
			return nil
		}
	}
	var known []string
	for _, t := range alarmTexts {
		known = append(known, t.label)
	}
	return fmt.Errorf("%q is not an alarm; there are: %s", text, strings.Join(known, ", "))
}

// ended is what the detail of an event says when an alarm is over.
const ended = " ended"

// Detail is what the Detail of an AlarmEvent says when the alarm begins, or else
// when it ends. What it is about (an input, a reader) stands in Event.Reader.
func (a Alarm) Detail(begins bool) string {
	if begins {
		return a.String()
	}
	return a.String() + ended
}

// AlarmOf reads the Detail of an AlarmEvent. ok is false for what Detail never
// wrote.
func AlarmOf(detail string) (alarm Alarm, begins, ok bool) {
	label, over := strings.CutSuffix(detail, ended)
	err := alarm.UnmarshalText([]byte(label))
	return alarm, !over, err == nil
}
