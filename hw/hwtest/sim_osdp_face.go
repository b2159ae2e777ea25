package hwtest

import (
	"slices"
	"time"
)

// OSDPColour is a colour of a lamp, as LED numbers them.
type OSDPColour byte

// The colours.
const (
	OSDPBlack OSDPColour = iota
	OSDPRed
	OSDPGreen
	OSDPAmber
	OSDPBlue
	OSDPMagenta
	OSDPCyan
	OSDPWhite
)

// String is the name of the colour.
func (c OSDPColour) String() string {
	if c > OSDPWhite {
		return "no colour"
	}
	return [...]string{"black", "red", "green", "amber", "blue", "magenta", "cyan", "white"}[c]
}

// OSDPLight is what a lamp shows.
type OSDPLight struct {
	Lamp      byte
	Colour    OSDPColour // when it is on; the other colour where it is never on
	Other     OSDPColour // when it is off
	On, Off   time.Duration
	Temporary bool
	At        time.Time // when it was told
	Until     time.Time // the end of what is temporary
}

// OSDPBeep is one command to the beeper.
type OSDPBeep struct {
	Tone    byte
	On, Off time.Duration
	Count   int // 0: for ever
	At      time.Time
}

// osdpFace is what a member sees and hears.
type osdpFace struct {
	permanent, temporary map[byte]OSDPLight
	lights               []OSDPLight
	beeps                []OSDPBeep
	text, passing        string
	passes               time.Time
}

// LED is what a lamp shows now; the zero value when it was never told.
func (r *OSDPReader) LED(lamp byte) OSDPLight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if light, ok := r.panel.temporary[lamp]; ok && time.Now().Before(light.Until) {
		return light
	}
	return r.panel.permanent[lamp]
}

// Lights are all that lamps were told since it was made, oldest first.
func (r *OSDPReader) Lights() []OSDPLight {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.panel.lights)
}

// Beeps are all that the beeper was told since it was made, oldest first.
func (r *OSDPReader) Beeps() []OSDPBeep {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.panel.beeps)
}

// Text is what its display shows now.
func (r *OSDPReader) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.panel.passes) {
		return r.panel.passing
	}
	return r.panel.text
}

// light obeys LED.
func (r *OSDPReader) light(data []byte) osdpReply {
	if len(data) == 0 || len(data)%14 != 0 {
		return osdpNAK(2)
	}
	var told []func()
	for at := 0; at < len(data); at += 14 {
		one := data[at : at+14]
		lamp, temporary, permanent := one[1], one[2:9], one[9:14]
		bad := temporary[0] == 2 && temporary[1] == 0 && temporary[2] == 0 ||
			permanent[0] == 1 && permanent[1] == 0 && permanent[2] == 0 ||
			one[0] != 0 || temporary[0] > 2 || permanent[0] > 1 || max(temporary[3], temporary[4], permanent[3], permanent[4]) > 7
		if bad {
			if r.AcksAnything {
				continue
			}
			return osdpNAK(9)
		}
		told = append(told, func() { r.show(lamp, temporary, permanent) })
	}
	for _, show := range told {
		show()
	}
	return osdpReply{code: 0x40}
}

func (r *OSDPReader) show(lamp byte, temporary, permanent []byte) {
	if r.panel.permanent == nil {
		r.panel.permanent, r.panel.temporary = map[byte]OSDPLight{}, map[byte]OSDPLight{}
	}
	read := func(in []byte) OSDPLight {
		light := OSDPLight{
			Lamp: lamp, On: tenths(int(in[1])), Off: tenths(int(in[2])),
			Colour: OSDPColour(in[3]), Other: OSDPColour(in[4]), At: time.Now(),
		}
		if light.On == 0 {
			light.Colour = light.Other
		}
		return light
	}
	if permanent[0] == 1 {
		light := read(permanent)
		r.panel.permanent[lamp] = light
		r.panel.lights = append(r.panel.lights, light)
	}
	switch temporary[0] {
	case 1:
		delete(r.panel.temporary, lamp)
	case 2:
		light := read(temporary)
		light.Temporary = true
		light.Until = light.At.Add(tenths(int(temporary[5]) | int(temporary[6])<<8))
		r.panel.temporary[lamp] = light
		r.panel.lights = append(r.panel.lights, light)
	}
}

func tenths(n int) time.Duration { return time.Duration(n) * 100 * time.Millisecond }

// beep obeys BUZ.
func (r *OSDPReader) beep(data []byte) osdpReply {
	if data[0] != 0 || data[1] > 2 || data[1] != 1 && data[2] == 0 {
		if r.AcksAnything {
			return osdpReply{code: 0x40}
		}
		return osdpNAK(9)
	}
	r.panel.beeps = append(r.panel.beeps, OSDPBeep{
		Tone: data[1], On: tenths(int(data[2])), Off: tenths(int(data[3])),
		Count: int(data[4]), At: time.Now(),
	})
	return osdpReply{code: 0x40}
}

// write obeys TEXT.
func (r *OSDPReader) write(data []byte) osdpReply {
	switch {
	case len(data) < 6 || len(data) != 6+int(data[5]):
		return osdpNAK(2)
	case data[0] != 0 || data[1] < 1 || data[1] > 4 || data[3] == 0 || data[4] == 0:
		return osdpNAK(9)
	}
	text := string(data[6:])
	if data[1] <= 2 {
		r.panel.text, r.panel.passes = text, time.Time{}
	} else {
		r.panel.passing, r.panel.passes = text, time.Now().Add(time.Duration(data[2])*time.Second)
	}
	return osdpReply{code: 0x40}
}

// osdpOutput is an output with the timer that OUT has.
type osdpOutput struct {
	relay     *Relay
	permanent bool
	timer     *time.Timer
	turns     int // counts settings of timer, so that a late one is ignored
}

// Output is one of its outputs, counted from 0. What watches it must not call the
// reader.
func (r *OSDPReader) Output(i int) *Relay { return r.outputs[i].relay }

// abort stops the timer.
func (o *osdpOutput) abort() {
	o.turns++
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
}

func (o *osdpOutput) reset() {
	o.abort()
	o.permanent = false
	o.relay.set(false)
}

// out obeys OUT.
func (r *OSDPReader) out(data []byte) osdpReply {
	if len(data) == 0 || len(data)%4 != 0 {
		return osdpNAK(2)
	}
	var does []func()
	for at := 0; at < len(data); at += 4 {
		n, control, lasts := int(data[at]), data[at+1], tenths(int(data[at+2])|int(data[at+3])<<8)
		if n >= len(r.outputs) || control > 6 || control >= 5 && lasts == 0 {
			if r.AcksAnything {
				continue
			}
			return osdpNAK(9)
		}
		does = append(does, func() { r.switches(r.outputs[n], control, lasts) })
	}
	for _, do := range does {
		do()
	}
	if r.OutAnswersState {
		return osdpReply{code: 0x4A, data: r.stands(0x4A)}
	}
	return osdpReply{code: 0x40}
}

func (r *OSDPReader) switches(o *osdpOutput, control byte, d time.Duration) {
	before := o.relay.Energised()
	switch control {
	case 1, 2:
		o.abort()
		o.permanent = control == 2
		o.relay.set(o.permanent)
	case 3, 4:
		o.permanent = control == 4
		if o.timer == nil {
			o.relay.set(o.permanent)
		}
	case 5, 6:
		o.abort()
		o.relay.set(control == 5)
		mine := o.turns
		o.timer = time.AfterFunc(d, func() { r.timeUp(o, mine) })
	}
	if r.ReportsOutputs && o.relay.Energised() != before {
		r.events = append(r.events, osdpEvent{code: 0x4A, data: r.stands(0x4A)})
	}
}

func (r *OSDPReader) timeUp(o *osdpOutput, turn int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.turns != turn {
		return
	}
	o.timer = nil
	o.relay.set(o.permanent)
	if r.ReportsOutputs {
		r.events = append(r.events, osdpEvent{code: 0x4A, data: r.stands(0x4A)})
	}
}
