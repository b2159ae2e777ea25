package hw_test

import (
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func (t *osdpTile) signal(s hw.Signal, code string) {
	t.Helper()
	if err := t.Reader.(hw.Signaler).Signal(t.Context(), hw.Notice{Signal: s, Code: code}); err != nil {
		t.Fatal(err)
	}
}

func TestSignalsAreSeenAndHeard(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, "")
	for _, tt := range []struct {
		signal hw.Signal
		code   string
		lamp   hwtest.OSDPLight
		beeps  int
		text   string
	}{
		{hw.SignalGranted, "", hwtest.OSDPLight{Colour: hwtest.OSDPGreen, Temporary: true}, 1, "Welcome"},
		{hw.SignalRefused, "7Q", hwtest.OSDPLight{Colour: hwtest.OSDPRed, Off: 200 * time.Millisecond, Temporary: true}, 3, "No entry 7Q"},
		{hw.SignalRefused, "", hwtest.OSDPLight{Colour: hwtest.OSDPRed, Off: 200 * time.Millisecond, Temporary: true}, 3, "No entry"},
		{hw.SignalOneCard, "", hwtest.OSDPLight{Colour: hwtest.OSDPAmber, Off: 100 * time.Millisecond, Temporary: true}, 2, "One card please"},
		{hw.SignalPIN, "", hwtest.OSDPLight{Colour: hwtest.OSDPBlue, Off: 300 * time.Millisecond, Temporary: true}, 1, "PIN, then #"},
		{hw.SignalAskDesk, "K3", hwtest.OSDPLight{Colour: hwtest.OSDPAmber, Off: 300 * time.Millisecond, Temporary: true}, 1, "Ask desk K3"},
		{hw.SignalShut, "", hwtest.OSDPLight{Colour: hwtest.OSDPAmber, Off: 500 * time.Millisecond, Temporary: true}, 1, "Shut the door"},
	} {
		lights, beeps := len(r.Lights()), len(r.Beeps())
		tile.signal(tt.signal, tt.code)
		awaits(t, tt.text, func() bool { return len(r.Lights()) > lights && len(r.Beeps()) > beeps && r.Text() == tt.text })
		got := r.Lights()[lights]
		if got.Colour != tt.lamp.Colour || got.Off != tt.lamp.Off || !got.Temporary || !got.Until.After(got.At.Add(time.Second)) {
			t.Errorf("%s: the lamp shows %+v, want %+v for a while", tt.text, got, tt.lamp)
		}
		if beep := r.Beeps()[beeps]; beep.Count != tt.beeps || beep.Tone != 2 || beep.On == 0 {
			t.Errorf("%s: heard %+v, want %d beeps", tt.text, beep, tt.beeps)
		}
	}
}

func TestSignalsAreShownAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, `
[signals]
granted = { text = "Benvenuto" }
refused = { lamp = "magenta", other = "white", blink = "1s", for = "3s", beeps = 0 }
one_card = { lamp = "", beeps = 0, text = "" }
`)
	tile.signal(hw.SignalGranted, "")
	awaits(t, "the lamp", func() bool { return len(r.Lights()) == 1 && r.Text() == "Benvenuto" && len(r.Beeps()) == 1 })
	if got := r.Lights()[0]; got.Colour != hwtest.OSDPGreen {
		t.Errorf("what was not said has changed: %+v", got)
	}
	tile.signal(hw.SignalOneCard, "") // shows nothing at all
	tile.signal(hw.SignalRefused, "")
	awaits(t, "the lamp", func() bool { return len(r.Lights()) == 2 })
	got := r.Lights()[1]
	if got.Colour != hwtest.OSDPMagenta || got.Other != hwtest.OSDPWhite || got.On != time.Second || got.Off != time.Second ||
		got.Until.Sub(got.At) != 3*time.Second {
		t.Errorf("got %+v", got)
	}
	awaits(t, "the text", func() bool { return r.Text() == "No entry" })
	if n := len(r.Beeps()); n != 1 {
		t.Errorf("heard %d beeps, want only the first", n)
	}
}

func TestALampStandsAsBeforeAfterItsReaderWasWithoutPower(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	r.Key = osdpKey
	l := newRS485(t, r)
	l.know(0)
	early := &osdpTile{Reader: l.open(0, ""), rs485: l}
	early.signal(hw.SignalReady, "") // nobody is there yet
	l.power()
	awaits(t, "blue", func() bool { return r.LED(0).Colour == hwtest.OSDPBlue })
	early.signal(hw.SignalOffline, "")
	awaits(t, "amber", func() bool { return r.LED(0).Colour == hwtest.OSDPAmber })
	r.PowerCycle()
	if got := r.LED(0); got.Colour == hwtest.OSDPAmber {
		t.Fatal("the simulated reader did not forget")
	}
	awaits(t, "amber again", func() bool { return r.LED(0).Colour == hwtest.OSDPAmber && !r.LED(0).Temporary })
}

func TestAReaderWithoutLampIsNotTold(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	r.Capabilities = []hwtest.OSDPCapability{{Function: 8, Level: 1}, {Function: 9, Level: 1, Count: 1}}
	l := paired(t, r)
	tile := l.tile(0, `as = "uid"`)
	tile.signal(hw.SignalGranted, "")
	tile.show(r, cardA)
	tile.want(cardA)
	if seen := r.Seen().Commands; seen[0x69]+seen[0x6A]+seen[0x6B] != 0 {
		t.Errorf("it was told %v", seen)
	}
}
