package hw

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// lineOptions are the keys of the driver "line".
type lineOptions struct {
	portOptions
	Preset   string           `toml:"preset"`    // a reader known by name; every table below replaces its own
	Variant  string           `toml:"variant"`   // of the preset, where its readers can be set in several ways
	Frame    *frameOptions    `toml:"frame"`     // where a frame begins and ends
	Check    *checkOptions    `toml:"check"`     // how it proves that it arrived whole
	Select   *selectOptions   `toml:"select"`    // which part is the credential
	Decode   *decodeOptions   `toml:"decode"`    // how that is written
	Dialogue *dialogueOptions `toml:"dialogue"`  // what is said to the reader
	HoldOff  *span            `toml:"hold_off"`  // how long a credential must be away to count again
	Rate     int              `toml:"rate"`      // different credentials a second; more is nobody's hand
	PINPause span             `toml:"pin_pause"` // silence that ends a PIN; not given: only # does
	Idle     span             `toml:"idle"`      // silence after which the reader is reported
	Silence  span             `toml:"silence"`   // silence after which it is healed
	Reset    string           `toml:"reset"`     // dtr: what is tried first then
	Examples []vector         `toml:"examples"`  // what this reader sends, tried by config check
}

// dialogueOptions are what is said to a reader and expected from it.
type dialogueOptions struct {
	Init []step `toml:"init"` // after each opening of the port
	Poll *step  `toml:"poll"` // for readers that speak when asked
	Ping *step  `toml:"ping"` // to know that it lives
	Ack  octets `toml:"ack"`  // after a good frame
	Nak  octets `toml:"nak"`  // after a bad one

	// Lamp, beep and text of each signal. {code} in them is replaced by the
	// code that a member can read out.
	Granted octets `toml:"granted"`
	Refused octets `toml:"refused"`
	OneCard octets `toml:"one_card"` // not given: refused
	PIN     octets `toml:"pin"`
	AskDesk octets `toml:"ask_desk"` // not given: refused
	Ready   octets `toml:"ready"`
	Offline octets `toml:"offline"`
}

// step is something said and the answer to it.
type step struct {
	Send    octets `toml:"send"`
	Expect  octets `toml:"expect"`  // cut out of what the reader sends; empty: no answer
	Timeout span   `toml:"timeout"` // for the answer
	Every   span   `toml:"every"`   // of poll and ping only
}

// The defaults of a dialogue and of what is read.
const (
	defaultHoldOff = 2 * time.Second
	defaultRate    = 5
	stepTimeout    = time.Second
	pingEvery      = 10 * time.Second
	retryInit      = 15 * time.Second
	shortestPoll   = 50 * time.Millisecond
	shortestPing   = 100 * time.Millisecond
	longestExpect  = 64 // bytes
)

func (o *dialogueOptions) check() error {
	for i := range o.Init {
		if len(o.Init[i].Send) == 0 {
			return fmt.Errorf("dialogue: init step %d sends nothing", i+1)
		}
	}
	for _, s := range o.steps() {
		if len(s.Expect) > longestExpect {
			return fmt.Errorf("dialogue: expect has %d bytes, at most %d are possible", len(s.Expect), longestExpect)
		}
	}
	if o.Poll != nil && (len(o.Poll.Send) == 0 || time.Duration(o.Poll.Every) < shortestPoll) {
		return fmt.Errorf("dialogue: poll needs send, and every of at least %s", shortestPoll)
	}
	if o.Ping != nil && (len(o.Ping.Send) == 0 || len(o.Ping.Expect) == 0) {
		return errors.New("dialogue: ping needs send and expect")
	}
	if o.Ping != nil && o.Ping.Every.or(pingEvery) < shortestPing {
		return fmt.Errorf("dialogue: ping: every must be at least %s", shortestPing)
	}
	if o.Ping != nil && o.Ping.Every.or(pingEvery) <= o.Ping.Timeout.or(stepTimeout) {
		return errors.New("dialogue: ping: every must be longer than timeout")
	}
	return nil
}

// steps are all that is said and may be answered.
func (o *dialogueOptions) steps() []step {
	all := slices.Clone(o.Init)
	for _, one := range []*step{o.Poll, o.Ping} {
		if one != nil {
			all = append(all, *one)
		}
	}
	return all
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

// base is the preset that the options name, in its variant.
func (o *lineOptions) base() (preset, error) {
	if o.Preset == "" {
		switch {
		case o.Variant != "":
			return preset{}, errors.New("variant: of which preset?")
		case o.Frame == nil || o.Decode == nil:
			return preset{}, errors.New("give a preset, or frame and decode")
		}
		return preset{}, nil
	}
	known, ok := linePresets[o.Preset]
	if !ok {
		return preset{}, fmt.Errorf("preset %q is not known; there are: %s", o.Preset, strings.Join(presetNames(), ", "))
	}
	if o.Variant == "" {
		return known, nil
	}
	variant, ok := known.variants[o.Variant]
	switch {
	case ok:
		variant.baud = known.baud
		return variant, nil
	case len(known.variants) == 0:
		return preset{}, fmt.Errorf("variant %q: the preset %s has none", o.Variant, o.Preset)
	default:
		return preset{}, fmt.Errorf("variant %q is not known; the preset %s has: %s", o.Variant, o.Preset, strings.Join(sortedNames(known.variants), ", "))
	}
}

// compose is what the options say, on top of the preset they name. Its vectors
// are what the reader is to be tried on.
func (o *lineOptions) compose() (preset, error) {
	out, err := o.base()
	if err != nil {
		return out, err
	}
	if o.Frame != nil || o.Check != nil || o.Select != nil || o.Decode != nil {
		out.vectors = nil // they are about the preset as it is
	}
	if o.Frame != nil {
		out.layout.frame = *o.Frame
	}
	if o.Check != nil {
		out.layout.check = *o.Check
	}
	if o.Select != nil {
		out.layout.picked = *o.Select
	}
	if o.Decode != nil {
		out.layout.decode = *o.Decode
	}
	if o.Dialogue != nil {
		out.dialogue = *o.Dialogue
	}
	for i, example := range o.Examples {
		if len(example.In) == 0 || example.Want == "" {
			return out, fmt.Errorf("examples: number %d needs in and want", i+1)
		}
	}
	out.vectors = append(slices.Clone(out.vectors), o.Examples...)
	return out, errors.Join(out.layout.validate(), out.dialogue.check())
}
