package hw_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func (l *rs485) strike(address, output int) hw.Strike {
	l.Helper()
	plan, err := hw.CheckStrike("osdp", l.options(address, "inside = true\noutput = "+string(rune('0'+output))))
	if err != nil {
		l.Fatal(err)
	}
	s, err := plan.Open(l.lines, l.logger())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = s.Close() })
	return s
}

func (l *rs485) input(address, input int) hw.Input {
	l.Helper()
	plan, err := hw.CheckInput("osdp", l.options(address, "normally = \"open\"\ninput = "+string(rune('0'+input))))
	if err != nil {
		l.Fatal(err)
	}
	i, err := plan.Open(l.lines, l.logger())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = i.Close() })
	return i
}

// An acknowledgement alone turns no lamp green.
func TestAModuleThatAcknowledgesAnythingIsNotBelieved(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	r.AcksAnything = true
	l := paired(t, r)
	missing := l.strike(0, 7)
	if err := missing.Pulse(t.Context(), time.Second); err == nil || !strings.Contains(err.Error(), "2 outputs") {
		t.Errorf("a pulse on an output that is not there: got %v", err)
	}
	stuck := l.strike(0, 1)
	if err := stuck.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Output(1).Weld(true)
	if err := stuck.Pulse(t.Context(), 2*time.Second); err == nil || !strings.Contains(err.Error(), "did not switch") {
		t.Errorf("a pulse of a relay that did not move: got %v", err)
	}
}

func TestAnUnpairedModuleOpensNothing(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := newRS485(t, r).power()
	s := l.strike(0, 0)
	awaits(t, "unpaired", func() bool { return strings.Contains(s.Stats().Err, "no key") })
	for range 3 {
		if err := s.Pulse(t.Context(), time.Second); err == nil {
			t.Error("a pulse of a module without a key: got no error")
		}
	}
	if seen := r.Seen(); seen.Commands[0x68] != 0 || len(r.Output(0).History()) != 0 {
		t.Errorf("the relay was told: %+v", seen)
	}
	if err := s.(hw.Pairer).Pair(t.Context(), func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := s.Pulse(t.Context(), time.Second); err != nil || !r.Output(0).Energised() {
		t.Errorf("after the pairing: got %v", err)
	}
}

// A reader, two locks and two contacts on one device share one channel, and
// closing one leaves the rest.
func TestEverythingOnADeviceSharesItsChannel(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, `as = "uid"`)
	locks := []hw.Strike{l.strike(0, 0), l.strike(0, 1)}
	contacts := []hw.Input{l.input(0, 0), l.input(0, 1)}
	for i, contact := range contacts {
		if level, err := contact.Next(t.Context(), hw.LevelUnknown); err != nil || level != hw.LevelNormal {
			t.Fatalf("contact %d: got %s, %v", i, level, err)
		}
	}
	for i, lock := range locks {
		if err := errors.Join(lock.Rest(t.Context()), lock.Pulse(t.Context(), time.Second)); err != nil {
			t.Fatal(err)
		}
		if !r.Output(i).Energised() {
			t.Errorf("lock %d did not open", i)
		}
	}
	r.Input(1, true)
	if level, err := contacts[1].Next(t.Context(), hw.LevelNormal); err != nil || level != hw.LevelActive {
		t.Errorf("got %s, %v", level, err)
	}
	tile.show(r, cardA)
	tile.want(cardA)
	if err := errors.Join(locks[0].Close(), contacts[1].Close()); err != nil {
		t.Fatal(err)
	}
	tile.show(r, cardB)
	tile.want(cardA, cardB)
	r.InputLevel(0, 2) // shorted
	if level, err := contacts[0].Next(t.Context(), hw.LevelNormal); err != nil || level != hw.LevelFault {
		t.Errorf("a circuit that is shorted: got %s, %v, want %s", level, err, hw.LevelFault)
	}
	if seen := r.Seen(); seen.Sessions != 1 {
		t.Errorf("got %d channels, want one for all", seen.Sessions)
	}
}

func TestManyLocksOfOneModuleOpenAtOnce(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	r.Contacts(2, 10)
	l := paired(t, r)
	var all sync.WaitGroup
	for i := range 10 {
		lock := l.strike(0, i)
		all.Go(func() {
			if err := lock.Pulse(t.Context(), 2*time.Second); err != nil {
				t.Errorf("lock %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for i := range 10 {
		if len(r.Output(i).History()) == 0 {
			t.Errorf("lock %d did not move", i)
		}
	}
}

func TestAllThatShareADeviceMustTieItAlike(t *testing.T) {
	t.Parallel()
	l := newRS485(t, hwtest.NewOSDPReader(0)).power()
	_ = l.open(0, `key = "front"`)
	for name, keys := range map[string]string{
		"another key": "inside = true\nkey = \"back\"", "no key named": "inside = true",
		"clear text": "inside = true\nkey = \"front\"\ninsecure = true",
	} {
		plan, err := hw.CheckStrike("osdp", l.options(0, keys))
		if err != nil {
			t.Fatal(err)
		}
		if s, err := plan.Open(l.lines, nil); err == nil || !strings.Contains(err.Error(), "must be the same") {
			t.Errorf("%s: got %v", name, err)
			if err == nil {
				_ = s.Close()
			}
		}
	}
	if plan, err := hw.CheckReader("osdp", l.options(0, `key = "front"`)); err != nil {
		t.Fatal(err)
	} else if _, err := plan.Open(l.lines, nil); err == nil {
		t.Error("two readers at one address: got no error")
	}
}

func TestAContactThatIsNotThereIsSaidSo(t *testing.T) {
	t.Parallel()
	none, two := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	none.Capabilities = []hwtest.OSDPCapability{{Function: 8, Level: 1}, {Function: 9, Level: 1, Count: 1}}
	l := paired(t, none, two)
	for want, input := range map[string]hw.Input{"no inputs": l.input(0, 0), "2 inputs": l.input(1, 5)} {
		go func() { _, _ = input.Next(t.Context(), hw.LevelUnknown) }()
		awaits(t, want, func() bool { s := input.Stats(); return !s.Up && strings.Contains(s.Err, want) })
	}
}

func TestAContactOfAReaderThatFallsSilentIsUnknown(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	contact := l.input(0, 0)
	if level, err := contact.Next(t.Context(), hw.LevelUnknown); err != nil || level != hw.LevelNormal {
		t.Fatalf("got %s, %v", level, err)
	}
	r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	start := time.Now()
	if level, err := contact.Next(t.Context(), hw.LevelNormal); err != nil || level != hw.LevelUnknown {
		t.Fatalf("got %s, %v, want %s", level, err, hw.LevelUnknown)
	}
	t.Logf("unknown after %s", time.Since(start))
	r.Input(0, true)
	r.Mend()
	if level, err := contact.Next(t.Context(), hw.LevelUnknown); err != nil || level != hw.LevelActive {
		t.Fatalf("back again: got %s, %v, want %s", level, err, hw.LevelActive)
	}
}
