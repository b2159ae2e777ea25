package hw_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// pairs pairs a device within a time.
func (l *rs485) pairs(device any, within time.Duration) error {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), within)
	defer cancel()
	return device.(hw.Pairer).Pair(ctx, func(string) {})
}

// wherever a pairing is cut off, the gateway knows the key that the reader
// has, if it has one: after a restart it is believed, or can be paired.
func TestAPairingThatIsCutOffLosesNoReader(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup // they wait far more than they work
	defer all.Wait()
	dead := func(on byte) []hwtest.OSDPMishap { return []hwtest.OSDPMishap{{Fault: hwtest.OSDPDead, On: on}} }
	for _, tt := range []struct {
		name    string
		mishaps []hwtest.OSDPMishap
	}{
		{"unplugged before it began", dead(0)},
		{"unplugged when asked who it is", dead(0x61)},
		{"unplugged when asked what it can do", dead(0x62)},
		{"unplugged when challenged", dead(0x76)},
		{"unplugged when we prove ourselves", dead(0x77)},
		{"unplugged when given the key", dead(0x75)},
		{"unplugged after it took the key", []hwtest.OSDPMishap{{Fault: hwtest.OSDPDropReply, On: 0x75}, {Fault: hwtest.OSDPDropReply, On: 0x76}, {Fault: hwtest.OSDPDropReply, On: 0x61}}},
		{"says it took the key and did not", []hwtest.OSDPMishap{{Fault: hwtest.OSDPKeysetForgotten}}},
	} {
		all.Go(func() {
			t.Run(tt.name, func(t *testing.T) {
				r := hwtest.NewOSDPReader(0)
				l := newRS485(t, r).power()
				before := l.open(0, `as = "uid"`)
				awaits(t, "met", func() bool { return before.Stats().Identity != "" })
				for _, m := range tt.mishaps {
					r.Break(m)
				}
				err := l.pairs(before, 4*time.Second)
				if err == nil {
					t.Fatal("paired, though the reader was gone")
				}
				t.Log(err)
				if s := before.Stats(); s.Secure {
					t.Errorf("got %+v", s)
				}
				if err := before.Close(); err != nil {
					t.Fatal(err)
				}
				r.Mend()
				l.restart()
				tile := l.open(0, `as = "uid"`)
				if r.Paired() { // it took the key, so we have it
					awaits(t, "believed after the restart", func() bool { return tile.Stats().Up })
				} else {
					awaits(t, "met again", func() bool { return tile.Stats().Identity != "" })
					if err := l.pairs(tile, 20*time.Second); err != nil {
						t.Fatal(err)
					}
				}
				kept, err := l.keys.Keys("port-tty-0")
				if err != nil || !r.HasKey(kept.Current) || kept.Pending != nil {
					t.Errorf("what is kept is not the key of the reader: %v", err)
				}
			})
		})
	}
}

// A key that could not be kept is never sent.
func TestAKeyThatCannotBeKeptIsNotSent(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := newRS485(t, r).power()
	tile := l.open(0, "")
	awaits(t, "met", func() bool { return tile.Stats().Identity != "" })
	full := errors.New("no space left on device")
	l.keys.Fail(full)
	if err := l.pairs(tile, 10*time.Second); !errors.Is(err, full) || !strings.Contains(err.Error(), "not sent") {
		t.Errorf("got %v, want %v", err, full)
	}
	if seen := r.Seen(); seen.KeysSet != 0 || r.Paired() {
		t.Errorf("it was sent: %+v", seen)
	}
	l.keys.Fail(nil)
	if err := l.pairs(tile, 20*time.Second); err != nil {
		t.Fatal(err)
	}
}

// A disk that fills up while a reader is paired leaves a door that works.
func TestAKeyThatIsOnlyKeptAsPendingWorksAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := newRS485(t, r)
	ring := &laterFull{KeyRing: l.keys}
	l.host.Keys = ring
	l.lines = hw.NewLines(l.host)
	l.power()
	tile := l.open(0, `as = "uid"`)
	awaits(t, "met", func() bool { return tile.Stats().Identity != "" })
	var steps []string
	if err := tile.(hw.Pairer).Pair(t.Context(), func(step string) { steps = append(steps, step) }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(steps, "\n"), "could not be recorded") {
		t.Errorf("the person who waits was told only %q", steps)
	}
	if s := tile.Stats(); !s.Up || !s.Secure {
		t.Errorf("got %+v", s)
	}
	_ = tile.Close()
	ring.empty()
	l.restart()
	again := l.tile(0, `as = "uid"`)
	again.show(r, cardA)
	again.want(cardA)
	if kept, err := l.keys.Keys("port-tty-0"); err != nil || !r.HasKey(kept.Current) {
		t.Errorf("what is kept is not the key of the reader: %v", err)
	}
}

// laterFull is a ring that takes one key and no more.
type laterFull struct {
	hw.KeyRing
	mu         sync.Mutex // guards all below
	kept, full bool
}

func (k *laterFull) empty() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = false
}

func (k *laterFull) Keep(name string, keys hw.DeviceKeys) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.full {
		return errors.New("no space left on device")
	}
	if !k.kept {
		k.kept, k.full = true, true
	}
	return k.KeyRing.Keep(name, keys)
}

func TestPairingEndsWithItsWindow(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	l := newRS485(t, r).power()
	tile := l.open(0, "")
	awaits(t, "the port", func() bool { return tile.Stats().BytesOut > 0 })
	if err := l.pairs(tile, 3*time.Second); err == nil || !strings.Contains(err.Error(), "time for pairing is over") {
		t.Errorf("got %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tile.(hw.Pairer).Pair(stopped, func(string) {}) }()
	time.Sleep(50 * time.Millisecond)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	r.Mend()
	awaits(t, "met", func() bool { return strings.Contains(tile.Stats().Err, "no key") })
	time.Sleep(300 * time.Millisecond)
	if seen := r.Seen(); seen.DefaultKey != 0 || r.Paired() {
		t.Errorf("a pairing that was stopped went on: %+v", seen)
	}
	if err := l.pairs(tile, 20*time.Second); err != nil {
		t.Errorf("after one that was stopped: %v", err)
	}
}

func TestPairingIsRefusedWhereItMakesNoSense(t *testing.T) {
	t.Parallel()
	open, foreign := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	foreign.Key = []byte("somebody else's!")
	l := newRS485(t, open, foreign).power()
	clear := l.tile(0, `insecure = true`)
	if err := l.pairs(clear.Reader, 5*time.Second); err == nil || !strings.Contains(err.Error(), "insecure") {
		t.Errorf("clear text: got %v", err)
	}
	theirs := l.open(1, "")
	awaits(t, "met", func() bool { return theirs.Stats().Identity != "" })
	if err := l.pairs(theirs, 20*time.Second); err == nil || !strings.Contains(err.Error(), "install mode") {
		t.Errorf("a reader with a key of somebody else: got %v", err)
	}
	if err := l.port.Unplug(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := l.pairs(theirs, 20*time.Second); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("without a port: got %v after %s", err, time.Since(start))
	}
}

func TestAGatewayThatWasRestartedKnowsItsReaders(t *testing.T) {
	t.Parallel()
	r, other := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	l := newRS485(t, r, other).power()
	for address, reader := range []*hwtest.OSDPReader{r, other} {
		tile := l.open(address, "")
		awaits(t, "met", func() bool { return tile.Stats().Identity != "" })
		if err := l.pairs(tile, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		if !reader.Paired() {
			t.Fatal("not paired")
		}
	}
	one, _ := l.keys.Keys("port-tty-0")
	two, _ := l.keys.Keys("port-tty-1")
	if bytes.Equal(one.Current, two.Current) {
		t.Error("two readers have one key")
	}
	before := r.Seen()
	l.restart()
	tile, second := l.tile(0, `as = "uid"`), l.tile(1, `as = "uid"`)
	tile.show(r, cardA)
	second.show(other, cardB)
	tile.want(cardA)
	second.want(cardB)
	if after := r.Seen(); after.DefaultKey != before.DefaultKey || after.KeysSet != before.KeysSet {
		t.Errorf("it was paired again: %+v", after)
	}
}

// What was held to a reader while no gateway was there opens nothing later.
func TestWhatWasShownWhileNobodyAskedIsNotRead(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	first := l.tile(0, `as = "uid"`)
	first.show(r, cardA)
	first.want(cardA)
	l.restart()
	_ = r.Show(cardB)
	tile := l.tile(0, `as = "uid"`)
	tile.counted("backlog")
	tile.show(r, cardC)
	tile.want(cardC)
}

// damaged is a ring of which one key cannot be read.
type damaged struct {
	hw.KeyRing
	name string
	why  error
}

func (d damaged) Keys(name string) (hw.DeviceKeys, error) {
	if name == d.name {
		return hw.DeviceKeys{}, d.why
	}
	return d.KeyRing.Keys(name)
}

func TestADamagedKeyStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{"file damaged": errors.New("key 7: damaged; restore it"), "key cut short": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, other := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
			l := newRS485(t, r, other)
			r.Key, other.Key = osdpKey, osdpKey
			l.know(1)
			says := "port-tty-0 is damaged"
			if why != nil {
				says = why.Error()
				l.host.Keys = damaged{l.keys, "port-tty-0", why}
				l.lines = hw.NewLines(l.host)
			} else if err := l.keys.Keep("port-tty-0", hw.DeviceKeys{Current: osdpKey[:15]}); err != nil {
				t.Fatal(err)
			}
			l.power()
			tile, second := l.open(0, ""), l.tile(1, `as = "uid"`)
			awaits(t, says, func() bool { s := tile.Stats(); return !s.Up && strings.Contains(s.Err, says) })
			second.show(other, cardA)
			second.want(cardA)
			if err := l.pairs(tile, 20*time.Second); err == nil || r.Seen().KeysSet != 0 {
				t.Errorf("a reader with a key that we lost was paired: %v", err)
			}
			r.Reset()
			if err := l.pairs(tile, 20*time.Second); err != nil || !tile.Stats().Up {
				t.Errorf("after it was reset: %v, %+v", err, tile.Stats())
			}
		})
	}
}
