package hw

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// lineOptions are the keys of the driver "line".
type lineOptions struct {
	portOptions
	Preset   string           `toml:"preset"`   // a reader known by name; every table below replaces its own
	Frame    *frameOptions    `toml:"frame"`    // where a frame begins and ends
	Check    *checkOptions    `toml:"check"`    // how it proves that it arrived whole
	Select   *selectOptions   `toml:"select"`   // which part is the credential
	Decode   *decodeOptions   `toml:"decode"`   // how that is written
	Dialogue *dialogueOptions `toml:"dialogue"` // what is said to the reader
	HoldOff  *span            `toml:"hold_off"` // how long a credential must be away to count again
	Rate     int              `toml:"rate"`     // different credentials a second; more is nobody's hand
}

// dialogueOptions are what is said to a reader and expected from it.
type dialogueOptions struct {
	Init    []step `toml:"init"`    // after each opening of the port
	Poll    *poll  `toml:"poll"`    // for readers that speak when asked
	Ping    *step  `toml:"ping"`    // to know that it lives
	Ack     octets `toml:"ack"`     // after a good frame
	Nak     octets `toml:"nak"`     // after a bad one
	Granted octets `toml:"granted"` // lamp and beep
	Refused octets `toml:"refused"`
}

// step is something said and the answer to it.
type step struct {
	Send    octets `toml:"send"`
	Expect  octets `toml:"expect"`  // cut out of what the reader sends; empty: no answer
	Timeout span   `toml:"timeout"` // for the answer
	Every   span   `toml:"every"`   // of ping only
}

type poll struct {
	Every span   `toml:"every"`
	Send  octets `toml:"send"`
}

// The defaults of a dialogue and of what is read.
const (
	defaultHoldOff = 2 * time.Second
	defaultRate    = 5
	stepTimeout    = time.Second
	pingEvery      = 10 * time.Second
	retryInit      = 15 * time.Second
	shortestPoll   = 50 * time.Millisecond
)

func (o *dialogueOptions) check() error {
	for i := range o.Init {
		if len(o.Init[i].Send) == 0 {
			return fmt.Errorf("dialogue: init step %d sends nothing", i+1)
		}
	}
	if o.Poll != nil && (len(o.Poll.Send) == 0 || time.Duration(o.Poll.Every) < shortestPoll) {
		return fmt.Errorf("dialogue: poll needs send, and every of at least %s", shortestPoll)
	}
	if o.Ping != nil && (len(o.Ping.Send) == 0 || len(o.Ping.Expect) == 0) {
		return errors.New("dialogue: ping needs send and expect")
	}
	if o.Ping != nil && o.Ping.Every.or(pingEvery) <= o.Ping.Timeout.or(stepTimeout) {
		return errors.New("dialogue: ping: every must be longer than timeout")
	}
	return nil
}

// layout is how a reader writes a credential.
type layout struct {
	frame  frameOptions
	check  checkOptions
	picked selectOptions
	decode decodeOptions
}

func (l *layout) validate() error {
	if err := errors.Join(l.frame.check(), l.check.check(), l.picked.check(), l.decode.check()); err != nil {
		return err
	}
	for _, as := range l.picked.Kinds {
		if as == "wiegand" && l.decode.Format == "" {
			return errors.New("select: kinds: wiegand needs decode.format")
		}
	}
	return nil
}

// compose is what the options say, on top of the preset they name.
func (o *lineOptions) compose() (layout, dialogueOptions, preset, error) {
	var base preset
	if o.Preset != "" {
		known, ok := linePresets[o.Preset]
		if !ok {
			return layout{}, dialogueOptions{}, base, fmt.Errorf("preset %q is not known; there are: %s", o.Preset, strings.Join(presetNames(), ", "))
		}
		base = known
	} else if o.Frame == nil || o.Decode == nil {
		return layout{}, dialogueOptions{}, base, errors.New("give a preset, or frame and decode")
	}
	out, dialogue := base.layout, base.dialogue
	if o.Frame != nil {
		out.frame = *o.Frame
	}
	if o.Check != nil {
		out.check = *o.Check
	}
	if o.Select != nil {
		out.picked = *o.Select
	}
	if o.Decode != nil {
		out.decode = *o.Decode
	}
	if o.Dialogue != nil {
		dialogue = *o.Dialogue
	}
	if o.Frame != nil || o.Check != nil || o.Select != nil || o.Decode != nil {
		base.vectors = nil // they are about the preset as it is
	}
	return out, dialogue, base, errors.Join(out.validate(), dialogue.check())
}
