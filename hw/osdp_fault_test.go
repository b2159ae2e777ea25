package hw_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// F-33, F-35: whatever a reader does wrong in one exchange is counted under one
// word, reads nothing that was not shown, and costs at most the tap that it
// befell.
func TestEachFaultOfAReaderIsCountedAndReadsNothing(t *testing.T) {
	t.Parallel()
	const poll = 0x60
	type fault struct {
		name   string
		words  string // of which one counts it: some depend on when it comes
		mishap hwtest.OSDPMishap
		lost   bool // what was shown when it happened
	}
	faults := []fault{
		{"command lost", "timeout", hwtest.OSDPMishap{Fault: hwtest.OSDPLoseCommand, Times: 1}, false},
		{"reply lost", "timeout", hwtest.OSDPMishap{Fault: hwtest.OSDPDropReply, Times: 1}, false},
		{"late reply", "unasked duplicate sequence mac", hwtest.OSDPMishap{Fault: hwtest.OSDPLateReply, Times: 1, Delay: 300 * time.Millisecond}, false},
		{"very late reply", "unasked duplicate sequence mac", hwtest.OSDPMishap{Fault: hwtest.OSDPLateReply, Times: 1, Delay: 2 * time.Second}, false},
		{"duplicate reply", "duplicate unasked", hwtest.OSDPMishap{Fault: hwtest.OSDPDuplicateReply, Times: 1}, false},
		{"wrong address", "wrong_address", hwtest.OSDPMishap{Fault: hwtest.OSDPWrongAddress, Times: 1}, false},
		{"wrong sequence", "sequence", hwtest.OSDPMishap{Fault: hwtest.OSDPWrongSequence, Times: 1}, false},
		{"sequence zero", "restart", hwtest.OSDPMishap{Fault: hwtest.OSDPSequenceZero, Times: 1}, false},
		{"busy", "busy", hwtest.OSDPMishap{Fault: hwtest.OSDPBusy, Times: 3}, false},
		{"noise before the reply", "noise", hwtest.OSDPMishap{Fault: hwtest.OSDPNoisePrefix, Times: 1, Code: 1}, false},
		{"unknown reply", "unknown_reply", hwtest.OSDPMishap{Fault: hwtest.OSDPUnknownReply, Times: 1, Code: 0xB0}, false},
		{"card in clear", "clear_in_session", hwtest.OSDPMishap{Fault: hwtest.OSDPCardInClear, Times: 1}, true},
		{"card that is signed, in clear", "clear_in_session", hwtest.OSDPMishap{Fault: hwtest.OSDPCardUnsealed, Times: 1}, true},
	}
	for code := range byte(10) {
		faults = append(faults, fault{
			fmt.Sprintf("refusal %d", code), fmt.Sprintf("nak_%d", code),
			hwtest.OSDPMishap{Fault: hwtest.OSDPRefuse, On: poll, Code: code, Times: 1},
			false,
		})
	}
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := hwtest.NewOSDPReader(0)
			l := paired(t, r)
			tile := l.tile(0, `as = "uid"`)
			awaits(t, "heard", r.Online)
			r.Break(tt.mishap)
			_ = r.Show(cardA)
			tile.counted(strings.Fields(tt.words)...)
			awaits(t, "in order again", func() bool { return r.Secure() && tile.Stats().Up && r.Idle() })
			want := []string{cardA, cardB}
			if tt.lost || r.Taps()[0].Fate() == hwtest.TapLost {
				want = want[1:]
			}
			tile.show(r, cardB)
			tile.want(want...)
			time.Sleep(100 * time.Millisecond) // what comes later must not be a read either
			tile.want(want...)
			if seen := r.Seen(); seen.DefaultKey != 0 || seen.KeysSet != 0 {
				t.Errorf("the default key was used, or a key sent: %+v", seen)
			}
		})
	}
}

// attacks are readers that must not be believed, and never given a key.
func TestAReaderThatCannotProveItselfIsAnAlarmAndNeverRekeyed(t *testing.T) { // F-35, F-36, Q-33, Q-34
	t.Parallel()
	stranger := hwtest.OSDPIdentity{Vendor: [3]byte{1, 2, 3}, Model: 9, Serial: 7}
	for _, tt := range []struct {
		name, word, says string
		attack           func(*hwtest.OSDPReader)
	}{
		{"swapped for another", "swapped", "010203-09-00000007", func(r *hwtest.OSDPReader) { r.Swap(stranger) }},
		{"reset to install mode", "wrong_key", "wrong_key", func(r *hwtest.OSDPReader) { r.Reset() }},
		{"given another key", "wrong_key", "wrong_key", func(r *hwtest.OSDPReader) { r.SetKey([]byte("another key 1234")) }},
		{"default key offered", "default_key", "default_key", func(r *hwtest.OSDPReader) {
			r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPOffersDefaultKey})
			r.PowerCycle()
		}},
		{"cryptogram that proves nothing", "wrong_key", "wrong_key", func(r *hwtest.OSDPReader) {
			r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPWrongCryptogram})
			r.PowerCycle()
		}},
		{"R-MAC that proves nothing", "wrong_key", "wrong_key", func(r *hwtest.OSDPReader) {
			r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPWrongRMAC})
			r.PowerCycle()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := hwtest.NewOSDPReader(0)
			l := newRS485(t, r).power()
			plain := l.open(0, `as = "uid"`)
			awaits(t, "unpaired", func() bool { return plain.Stats().Identity != "" })
			if err := plain.(hw.Pairer).Pair(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			_ = plain.Close()
			tile := l.tile(0, `as = "uid"`)
			before := r.Seen()
			tt.attack(r)
			awaits(t, "alarm", func() bool { s := tile.Stats(); return !s.Up && strings.Contains(s.Err, tt.says) })
			s := tile.Stats()
			if s.Drops[tt.word] == 0 || s.Secure {
				t.Errorf("got %+v", s)
			}
			for range 5 {
				_ = r.Show(cardA)
				time.Sleep(100 * time.Millisecond)
			}
			if got := tile.all(); len(got) != 0 {
				t.Errorf("it was believed %d times", len(got))
			}
			if after := r.Seen(); after.DefaultKey != before.DefaultKey || after.KeysSet != before.KeysSet {
				t.Errorf("the default key was used %d times, a key sent %d times", after.DefaultKey-before.DefaultKey, after.KeysSet-before.KeysSet)
			}
		})
	}
}

// PDCAP travels in clear: that a reader has no AES is never believed of one that
// has a key.
func TestAReaderThatDeniesItsSecureChannelIsSecureAllTheSame(t *testing.T) { // F-35
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPSaysNoAES})
	l := paired(t, r)
	tile := l.tile(0, `as = "uid"`)
	tile.show(r, cardA)
	tile.want(cardA)
	if s := tile.Stats(); !s.Secure {
		t.Errorf("got %+v", s)
	}
}

func TestOddReadersAreReadAllTheSame(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]func(*hwtest.OSDPReader){
		"says its state signed, in clear": func(r *hwtest.OSDPReader) { r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPStatusUnsealed}) },
		"the same, as a command":          func(r *hwtest.OSDPReader) { r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPStatusUnsealed, Code: 0x15}) },
		"seals what is empty":             func(r *hwtest.OSDPReader) { r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPSealsNothing}) },
		"forgets its last reply":          func(r *hwtest.OSDPReader) { r.Forgetful = true },
		"loses its thread by NAK 04":      func(r *hwtest.OSDPReader) { r.RestartsBy04 = true },
		"marks twice":                     func(r *hwtest.OSDPReader) { r.Marks = 2 },
		"does not mark":                   func(r *hwtest.OSDPReader) { r.Marks = 0 },
		"status of the IEC":               func(r *hwtest.OSDPReader) { r.Status = 0 },
		"thinks for 150 ms":               func(r *hwtest.OSDPReader) { r.Think = 150 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hwtest.NewOSDPReader(0)
			odd(r)
			l := paired(t, r)
			tile := l.tile(0, `as = "uid"`)
			tile.show(r, cardA)
			tile.want(cardA)
			r.Tamper(true)
			awaits(t, "tampered with", func() bool { return tile.Stats().Tampered })
			r.PowerCycle()
			awaits(t, "a new channel", func() bool { return tile.Stats().Steps["rekey"] > 0 && r.Secure() && tile.Stats().Up })
			tile.show(r, cardB)
			tile.want(cardA, cardB)
		})
	}
}

func TestTheReadersOwnTroublesAreTold(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, "")
	r.Tamper(true)
	r.Power(true)
	awaits(t, "both", func() bool { s := tile.Stats(); return s.Tampered && s.NoPower })
	r.Tamper(false)
	r.Power(false)
	awaits(t, "none", func() bool { s := tile.Stats(); return !s.Tampered && !s.NoPower })
	r.Attached(2)
	awaits(t, "a reader that hangs on it", func() bool { return tile.Stats().Tampered })
}

// T-3: somebody else who speaks as a panel is heard, and is not obeyed.
func TestASecondPanelIsAnAlarm(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, `as = "uid"`)
	if tile.Stats().Foreign {
		t.Fatal("an alarm before anything happened")
	}
	for range 20 { // some are heard while nobody is asked, some in the middle of a question
		l.line.SecondPanel(hwtest.OSDPCommand(5, 1, 0x60))
		time.Sleep(13 * time.Millisecond)
	}
	awaits(t, "the alarm", func() bool { s := tile.Stats(); return s.Foreign && s.Drops["second_panel"] > 0 })
	tile.up()
	tile.show(r, cardA)
	tile.want(cardA)
}

func TestALineThatIsNotCleanIsReadAllTheSame(t *testing.T) { // F-37
	t.Parallel()
	for name, spoil := range map[string]func(*hwtest.OSDPLine){
		"adapter returns what we send":       func(l *hwtest.OSDPLine) { l.Echo(true) },
		"byte by byte":                       func(l *hwtest.OSDPLine) { l.Stammer(true) },
		"adapter delivers every 16 ms":       func(l *hwtest.OSDPLine) { l.Batch(16 * time.Millisecond) },
		"all of it":                          func(l *hwtest.OSDPLine) { l.Echo(true); l.Stammer(true) },
		"echo, delivered with the reply":     func(l *hwtest.OSDPLine) { l.Echo(true); l.Batch(16 * time.Millisecond) },
		"adapter delivers every 40 ms, late": func(l *hwtest.OSDPLine) { l.Batch(40 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, other := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
			l := newRS485(t, r, other)
			spoil(l.line)
			r.Key, other.Key = osdpKey, osdpKey
			l.know(0)
			l.know(1)
			l.power()
			tile, lock := l.tile(0, `as = "uid"`), l.strike(1, 0)
			tile.show(r, cardA)
			tile.want(cardA)
			if err := lock.Pulse(t.Context(), time.Second); err != nil || len(other.Output(0).History()) == 0 {
				t.Errorf("the lock: %v, moves %v", err, other.Output(0).History())
			}
			s := tile.Stats()
			if s.Foreign || s.Steps["rekey"] != 0 {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// F-31, X5: noise at line rate opens nothing and is counted, and the line works
// when it is over.
func TestNoiseAtLineRateReadsNothing(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, "as = \"uid\"\ncodes = true")
	noise, end := context.WithTimeout(t.Context(), 4*time.Second)
	defer end()
	l.line.Babble(noise, 115200, 1)
	if got := tile.all(); len(got) != 0 {
		t.Errorf("got %d reads of noise", len(got))
	}
	if s := tile.Stats(); s.Drops["noise"]+s.Drops["unasked"]+s.Drops["truncated"]+s.Drops["crc"] == 0 {
		t.Errorf("noise was not counted: %+v", s.Drops)
	}
	awaits(t, "in order again", func() bool { return tile.Stats().Up && r.Secure() })
	tile.show(r, cardA)
	tile.want(cardA)
}

// F-34: a reader whose supply is too weak reboots for ever. It is told, and opens
// nothing that was not shown.
func TestAReaderThatRebootsForEverIsToldAndReadsOn(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, "as = \"uid\"\nhold_off = \"0s\"")
	for i := range 4 {
		r.PowerCycle()
		awaits(t, "a new channel", func() bool { return r.Secure() && tile.Stats().Up })
		tile.show(r, cardA)
		awaits(t, "read", func() bool { return len(tile.all()) == i+1 })
	}
	s := tile.Stats()
	if s.Steps["rekey"] < 4 {
		t.Errorf("%d reboots, but %d new channels", 4, s.Steps["rekey"])
	}
	for _, read := range tile.all() {
		if read.Fault != access.Granted || read.Value != cardA {
			t.Error("something else was read")
		}
	}
}
