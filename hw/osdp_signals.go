package hw

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// signalOptions are how a tile shows one signal, as written in the settings.
type signalOptions struct {
	Lamp  string `toml:"lamp"`  // colour; "" leaves the lamp as it is
	Other string `toml:"other"` // the colour between, for a lamp that blinks
	Blink span   `toml:"blink"` // how long each colour stands; 0: steady
	For   span   `toml:"for"`   // how long; not of the signals at rest
	Beeps int    `toml:"beeps"`
	Beep  span   `toml:"beep"` // how long each beep is, and each pause
	Text  string `toml:"text"` // for a tile with a text line; {code} is the short code
}

// appearance is a signal as commands are made of it.
type appearance struct {
	rests bool // how the lamp stands while nobody is there
	blink osdp.Blink
	lit   bool
	time  time.Duration
	beeps byte
	beep  time.Duration
	text  string
}

type shows [signalCount]appearance

// signalNames are the signals as the settings name them.
var signalNames = [signalCount]string{"granted", "refused", "one_card", "pin", "ask_desk", "shut", "ready", "offline"}

// colours is never written to.
var colours = map[string]osdp.Color{
	"off": osdp.Black, "red": osdp.Red, "green": osdp.Green, "amber": osdp.Amber, "blue": osdp.Blue,
	"magenta": osdp.Magenta, "cyan": osdp.Cyan, "white": osdp.White,
}

// usualSignals are what members know from other doors, and differ for who cannot
// tell red from green: in their beeps, and in whether they blink.
var usualSignals = [signalCount]signalOptions{
	SignalGranted: {Lamp: "green", For: span(2 * time.Second), Beeps: 1, Beep: span(100 * time.Millisecond), Text: "Welcome"},
	SignalRefused: {Lamp: "red", Other: "off", Blink: span(200 * time.Millisecond), For: span(2 * time.Second), Beeps: 3, Beep: span(100 * time.Millisecond), Text: "No entry {code}"},
	SignalOneCard: {Lamp: "amber", Other: "off", Blink: span(100 * time.Millisecond), For: span(2 * time.Second), Beeps: 2, Beep: span(100 * time.Millisecond), Text: "One card please"},
	SignalPIN:     {Lamp: "blue", Other: "off", Blink: span(300 * time.Millisecond), For: span(15 * time.Second), Beeps: 1, Beep: span(100 * time.Millisecond), Text: "PIN, then #"},
	SignalAskDesk: {Lamp: "amber", Other: "red", Blink: span(300 * time.Millisecond), For: span(4 * time.Second), Beeps: 1, Beep: span(time.Second), Text: "Ask desk {code}"},
	SignalShut:    {Lamp: "amber", Other: "off", Blink: span(500 * time.Millisecond), For: span(2 * time.Second), Beeps: 1, Beep: span(300 * time.Millisecond), Text: "Shut the door"},
	SignalReady:   {Lamp: "blue"},
	SignalOffline: {Lamp: "amber"},
}

// showsOf are the usual signals, with what the settings say otherwise.
func showsOf(said map[string]signalOptions) (all shows, err error) {
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if !slices.Contains(signalNames[:], name) {
			return all, fmt.Errorf("signals: %q is none of them; there are: %s", name, strings.Join(signalNames[:], ", "))
		}
	}
	for i, name := range signalNames {
		o, given := said[name]
		if !given {
			o = usualSignals[i]
		}
		if all[i], err = o.appearance(Signal(i) >= SignalReady); err != nil {
			return all, fmt.Errorf("signals: %s: %w", name, err)
		}
	}
	return all, nil
}

const longestShow = 25 * time.Second // what fits into a beep, and a lamp may blink

func (o signalOptions) appearance(rests bool) (appearance, error) {
	for _, d := range []span{o.Blink, o.For, o.Beep} {
		if time.Duration(d) > longestShow {
			return appearance{}, fmt.Errorf("%s is longer than %s", time.Duration(d), longestShow)
		}
	}
	if o.Beeps < 0 || o.Beeps > 10 {
		return appearance{}, fmt.Errorf("beeps %d: use 0 to 10", o.Beeps)
	}
	s := appearance{
		rests: rests, time: o.For.or(2 * time.Second), beeps: byte(o.Beeps),
		beep: o.Beep.or(100 * time.Millisecond), text: o.Text, lit: o.Lamp != "",
	}
	lamp, known := colours[o.Lamp]
	other, also := colours[o.Other]
	if s.lit && !known || o.Other != "" && !also {
		return appearance{}, fmt.Errorf("lamp %q, other %q: the colours are %s", o.Lamp, o.Other, strings.Join(slices.Sorted(maps.Keys(colours)), ", "))
	}
	s.blink = osdp.Steady(lamp)
	if blink := time.Duration(o.Blink); blink > 0 {
		s.blink = osdp.Blink{On: blink, Off: blink, OnColor: lamp, OffColor: other}
	}
	return s, nil
}

// commands are what shows a notice on a device that can do so much.
func (a *appearance) commands(can osdp.Capabilities, code string) (all []osdp.Command) {
	if a.lit && can.Of(osdp.FunctionLamps).Listed {
		blink := a.blink
		lamp := osdp.Lamp{Brief: &blink, For: a.time}
		if a.rests {
			lamp = osdp.Lamp{Lasting: &blink}
		}
		all = append(all, osdp.LED(lamp))
	}
	if a.beeps > 0 && !a.rests && can.Of(osdp.FunctionBuzzer).Listed {
		all = append(all, osdp.BUZ(osdp.Beep{On: a.beep, Off: a.beep, Count: a.beeps}))
	}
	if a.text != "" && !a.rests && can.Of(osdp.FunctionText).Listed {
		line := strings.TrimSpace(strings.ReplaceAll(a.text, "{code}", code))
		all = append(all, osdp.TEXT(osdp.Text{For: max(a.time, 5*time.Second), Line: line}))
	}
	return all
}

// Signal shows on the reader's lamp, with its buzzer and on its text line, as
// far as it has them. It returns when that is on its way.
func (r *osdpReader) Signal(ctx context.Context, notice Notice) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if notice.Signal >= signalCount {
		return nil
	}
	r.device.bus.mu.Lock()
	can := r.device.peer.Capabilities()
	r.device.bus.mu.Unlock()
	show := r.plan.shows[notice.Signal]
	return r.device.show(show.commands(can, notice.Code)...)
}
