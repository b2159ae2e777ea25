package hw

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// lampOptions are how the lamp of a tile stands.
type lampOptions struct {
	Lamp  string `toml:"lamp"`  // colour; "" leaves the lamp as it is
	Other string `toml:"other"` // the colour between, for a lamp that blinks
	Blink span   `toml:"blink"` // how long each colour stands; 0s: steady
}

// signalOptions are how a tile shows one signal for a moment.
type signalOptions struct {
	lampOptions
	For   span   `toml:"for"` // how long the lamp shows it
	Beeps int    `toml:"beeps"`
	Beep  span   `toml:"beep"` // how long each beep is, and each pause
	Text  string `toml:"text"` // for a tile with a text line; {code} is the short code
}

// signalTable are all signals. What is not said in the settings stays as usual.
type signalTable struct {
	Granted signalOptions `toml:"granted"`
	Refused signalOptions `toml:"refused"`
	OneCard signalOptions `toml:"one_card"`
	PIN     signalOptions `toml:"pin"`
	AskDesk signalOptions `toml:"ask_desk"`
	Shut    signalOptions `toml:"shut"`
	Ready   lampOptions   `toml:"ready"`   // while nobody is there
	Offline lampOptions   `toml:"offline"` // the same, while the cloud is away
}

// usualSignals are what members know from other doors, and differ for who cannot
// tell red from green: in their beeps, and in whether they blink.
func usualSignals() signalTable {
	const (
		short = span(100 * time.Millisecond)
		while = span(2 * time.Second)
	)
	blinking := func(lamp, other string, blink time.Duration) lampOptions {
		return lampOptions{Lamp: lamp, Other: other, Blink: span(blink)}
	}
	return signalTable{
		Granted: signalOptions{lampOptions{Lamp: "green"}, while, 1, short, "Welcome"},
		Refused: signalOptions{blinking("red", "off", 200*time.Millisecond), while, 3, short, "No entry {code}"},
		OneCard: signalOptions{blinking("amber", "off", 100*time.Millisecond), while, 2, short, "One card please"},
		PIN:     signalOptions{blinking("blue", "off", 300*time.Millisecond), span(15 * time.Second), 1, short, "PIN, then #"},
		AskDesk: signalOptions{blinking("amber", "red", 300*time.Millisecond), span(4 * time.Second), 1, span(time.Second), "Ask desk {code}"},
		Shut:    signalOptions{blinking("amber", "off", 500*time.Millisecond), while, 1, span(300 * time.Millisecond), "Shut the door"},
		Ready:   lampOptions{Lamp: "blue"},
		Offline: lampOptions{Lamp: "amber"},
	}
}

// appearance is a signal as commands are made of it.
type appearance struct {
	rests bool // how the lamp stands while nobody is there
	lit   bool
	blink osdp.Blink
	time  time.Duration
	beeps byte
	beep  time.Duration
	text  string
}

type shows [signalCount]appearance

// colours is never written to.
var colours = map[string]osdp.Color{
	"off": osdp.Black, "red": osdp.Red, "green": osdp.Green, "amber": osdp.Amber, "blue": osdp.Blue,
	"magenta": osdp.Magenta, "cyan": osdp.Cyan, "white": osdp.White,
}

// shows are the signals as commands are made of them.
func (t *signalTable) shows() (all shows, err error) {
	var wrong []error
	for signal, o := range map[Signal]struct {
		name string
		signalOptions
	}{
		SignalGranted: {"granted", t.Granted}, SignalRefused: {"refused", t.Refused}, SignalOneCard: {"one_card", t.OneCard},
		SignalPIN: {"pin", t.PIN}, SignalAskDesk: {"ask_desk", t.AskDesk}, SignalShut: {"shut", t.Shut},
		SignalReady: {"ready", signalOptions{lampOptions: t.Ready}}, SignalOffline: {"offline", signalOptions{lampOptions: t.Offline}},
	} {
		if all[signal], err = o.appearance(signal >= SignalReady); err != nil {
			wrong = append(wrong, fmt.Errorf("signals.%s: %w", o.name, err))
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return all, errors.Join(wrong...)
}

const longestShow = 25 * time.Second // what fits into a beep, and a lamp may blink

func (o signalOptions) appearance(rests bool) (appearance, error) {
	for _, d := range []span{o.Blink, o.For, o.Beep} {
		if time.Duration(d) > longestShow {
			return appearance{}, fmt.Errorf("%s is longer than %s", time.Duration(d), longestShow)
		}
	}
	switch {
	case o.Beeps < 0 || o.Beeps > 10:
		return appearance{}, fmt.Errorf("beeps %d: use 0 to 10", o.Beeps)
	case o.Beeps > 0 && o.Beep == 0:
		return appearance{}, errors.New("beep: say how long one is")
	case !rests && o.Lamp != "" && o.For == 0:
		return appearance{}, errors.New("for: say how long the lamp shows it")
	case o.Blink > 0 && o.Other == "":
		return appearance{}, errors.New("other: say the colour between, such as \"off\"")
	}
	lamp, known := colours[o.Lamp]
	other, also := colours[o.Other]
	if o.Lamp != "" && !known || o.Other != "" && !also {
		return appearance{}, fmt.Errorf("lamp %q, other %q: the colours are %s", o.Lamp, o.Other, strings.Join(slices.Sorted(maps.Keys(colours)), ", "))
	}
	s := appearance{
		rests: rests, lit: o.Lamp != "", blink: osdp.Steady(lamp),
		time: time.Duration(o.For), beeps: byte(o.Beeps), beep: time.Duration(o.Beep), text: o.Text,
	}
	if blink := time.Duration(o.Blink); blink > 0 {
		s.blink = osdp.Blink{On: blink, Off: blink, OnColor: lamp, OffColor: other}
	}
	return s, nil
}

// lamp is the command for the lamp, if there is one. How it stands at rest is a
// command of its own, which the panel remembers for a reader that is away.
func (a *appearance) lamp() (osdp.Command, bool) {
	blink := a.blink
	if a.rests {
		return osdp.LED(osdp.Lamp{Lasting: &blink}), a.lit
	}
	return osdp.LED(osdp.Lamp{Brief: &blink, For: a.time}), a.lit
}

// commands are what shows a notice on a device that can do so much.
func (a *appearance) commands(can osdp.Capabilities, code string) (all []osdp.Command) {
	if lamp, lit := a.lamp(); lit && can.Of(osdp.FunctionLamps).Listed {
		all = append(all, lamp)
	}
	if a.beeps > 0 && can.Of(osdp.FunctionBuzzer).Listed {
		all = append(all, osdp.BUZ(osdp.Beep{On: a.beep, Off: a.beep, Count: a.beeps}))
	}
	if a.text != "" && can.Of(osdp.FunctionText).Listed {
		if line := strings.TrimSpace(strings.ReplaceAll(a.text, "{code}", code)); line != "" {
			all = append(all, osdp.TEXT(osdp.Text{For: max(a.time, textStays), Line: line}))
		}
	}
	return all
}

// textStays is how long a line is shown at least: people read slower than they see.
const textStays = 5 * time.Second

// Signal shows on the reader's lamp, with its buzzer and on its text line, as
// far as it has them. It returns when that is on its way. How the lamp stands at
// rest is kept for a reader that is away, and said to it again whenever it comes
// back; anything else fails for one that is away.
func (r *osdpReader) Signal(ctx context.Context, notice Notice) error {
	if err := ctx.Err(); err != nil || notice.Signal >= signalCount {
		return err
	}
	show := r.plan.shows[notice.Signal]
	if show.rests {
		lamp, lit := show.lamp()
		if !lit {
			return nil
		}
		if err := r.device.show(lamp); err != nil && !errors.Is(err, osdp.ErrOffline) {
			return err
		}
		return nil
	}
	r.device.bus.mu.Lock()
	can := r.device.peer.Capabilities()
	r.device.bus.mu.Unlock()
	return r.device.show(show.commands(can, notice.Code)...)
}
