package hw_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// what has no key of its own opens nothing.
func TestAnUnpairedReaderIsNotBelievedAndAPairedOneIs(t *testing.T) {
	t.Parallel()
	reader := hwtest.NewOSDPReader(0)
	l := newRS485(t, reader).power()
	r := l.open(0, `as = "uid"`)
	awaits(t, "unpaired", func() bool { s := r.Stats(); return !s.Up && s.Identity != "" })
	if s := r.Stats(); !strings.Contains(s.Err, "tilegate reader pair") || s.Secure {
		t.Errorf("stats of a reader without a key: got %+v", s)
	}
	_ = reader.Show(cardA)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := r.Read(ctx); err == nil {
		t.Fatal("a reader without a key was believed")
	}
	window, end := context.WithTimeout(t.Context(), 20*time.Second)
	defer end()
	var steps []string
	if err := r.(hw.Pairer).Pair(window, func(step string) { steps = append(steps, step) }); err != nil {
		t.Fatal(err)
	}
	if len(steps) < 3 {
		t.Errorf("a person who waits was told %q", steps)
	}
	if s := r.Stats(); !s.Up || !s.Secure || s.Err != "" {
		t.Errorf("stats after the pairing: got %+v", s)
	}
	if keys, err := l.keys.Keys("port-tty-0"); err != nil || !reader.HasKey(keys.Current) || keys.Pending != nil || keys.Identity == "" {
		t.Errorf("what is kept is not the key of the reader and who it is: %v", err)
	}
	_ = reader.Show(cardA)
	got, err := r.Read(window)
	if err != nil || got.Kind != access.Card || got.Value != cardA {
		t.Fatalf("got %v of %d bytes, %v", got.Kind, len(got.Value), err)
	}
}

func TestWhatAReaderShowsIsReadAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	codeText := "TG1:6BF+70790 T9WJWG"
	for _, tt := range []struct {
		name, keys string
		show       func(*hwtest.OSDPReader)
		kind       access.Kind
		want       string
	}{
		{"26 bits of facility 123 and number 4567", "", func(r *hwtest.OSDPReader) { r.Present([]byte{0xBD, 0x88, 0xEB, 0x80}, 26, 1) }, access.Wiegand, "h10301:123:4567"},
		{"the same, of no coding", `format = "h10301"`, func(r *hwtest.OSDPReader) { r.Present([]byte{0xBD, 0x88, 0xEB, 0x80}, 26, 0) }, access.Wiegand, "h10301:123:4567"},
		{"uid in 56 bits", `as = "uid"`, func(r *hwtest.OSDPReader) { _ = r.Show(cardA) }, access.Card, cardA},
		{"uid last byte first", "as = \"uid\"\nreverse_bytes = true", func(r *hwtest.OSDPReader) { _ = r.Show("80e6d5c4b3a204") }, access.Card, cardA},
		{"uid that the reader calls one", "", func(r *hwtest.OSDPReader) { r.Present([]byte{0x92, 0x2e, 0x58, 0x32}, 32, 2) }, access.Card, cardB},
		{"pin", "", func(r *hwtest.OSDPReader) { r.Press("12"); r.Press("34#") }, access.PIN, "1234"},
		{"pin after a slip", "", func(r *hwtest.OSDPReader) { r.Press("99*1234#") }, access.PIN, "1234"},
		{"code as bits", "codes = true", func(r *hwtest.OSDPReader) { _ = r.Show(codeText) }, access.QR, codeText},
		{"code as the maker's message", "codes = true", func(r *hwtest.OSDPReader) { r.PresentMaker([]byte(codeText)) }, access.QR, codeText},
		{"code of a reader of codes alone", `as = "qr"`, func(r *hwtest.OSDPReader) { r.PresentMaker([]byte("short")) }, access.QR, "short"},
		{"card of a reader that reads codes too", "codes = true", func(r *hwtest.OSDPReader) { _ = r.Show("h10301:1:2") }, access.Wiegand, "h10301:1:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := hwtest.NewOSDPReader(0)
			l := paired(t, r)
			tile := l.tile(0, tt.keys)
			awaits(t, "heard", r.Online)
			tt.show(r)
			tile.want(tt.want)
			if got := tile.all()[0]; got.Kind != tt.kind || got.Assurance != access.AnyAssurance {
				t.Errorf("got %s of assurance %s, want %s", got.Kind, got.Assurance, tt.kind)
			}
		})
	}
}

func TestWhatCannotBeUsedIsCountedAndReadsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, keys, word string
		show             func(*hwtest.OSDPReader)
		fault            bool
	}{
		{"bits that are no uid", `as = "uid"`, "decode", func(r *hwtest.OSDPReader) { r.Present([]byte{1, 2, 3, 4}, 31, 0) }, true},
		{"wrong parity", `format = "h10301"`, "decode", func(r *hwtest.OSDPReader) { r.Present([]byte{0x3D, 0x88, 0xEB, 0x80}, 26, 1) }, true},
		{"maker's message that nobody asked for", "", "vendor", func(r *hwtest.OSDPReader) { r.PresentMaker([]byte("anything")) }, false},
		{"card as text", "", "fmt", func(r *hwtest.OSDPReader) { r.PresentText("12345678") }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := hwtest.NewOSDPReader(0)
			l := paired(t, r)
			tile := l.tile(0, tt.keys)
			awaits(t, "heard", r.Online)
			tt.show(r)
			tile.counted(tt.word)
			if tt.fault {
				awaits(t, "a fault", func() bool { return len(tile.all()) > 0 })
			}
			for _, read := range tile.all() {
				if read.Fault != access.Unreadable || read.Value != "" || !tt.fault {
					t.Errorf("got a read with the fault %q", read.Fault)
				}
			}
		})
	}
}

func TestAReaderWithKeysOfItsOwnMayBeTrustedMore(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, "as = \"uid\"\nassurance = \"high\"")
	tile.show(r, cardA)
	tile.want(cardA)
	if got := tile.all()[0].Assurance; got != access.HighAssured {
		t.Errorf("got %s, want %s", got, access.HighAssured)
	}
}

func TestAPINWithAHoleIsUnreadable(t *testing.T) { // F-34
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, "")
	awaits(t, "heard", r.Online)
	r.Press("12")
	awaits(t, "told", func() bool { return r.Idle() && tile.Stats().Frames > 0 })
	rekeyed := tile.Stats().Steps["rekey"]
	r.PowerCycle()
	awaits(t, "the channel was made anew", func() bool { return tile.Stats().Steps["rekey"] > rekeyed && r.Secure() })
	r.Press("34#")
	awaits(t, "a fault", func() bool { return len(tile.all()) == 1 })
	if got := tile.all()[0]; got.Fault != access.Unreadable || got.Value != "" {
		t.Errorf("got the fault %q, want %q", got.Fault, access.Unreadable)
	}
	r.Press("5678#")
	awaits(t, "the next PIN", func() bool { return len(tile.all()) == 2 })
	if got := tile.all()[1]; got.Value != "5678" {
		t.Error("the next PIN was not read")
	}
}

// F-37, I9: a door that hangs stops no bus, and what it missed is bounded.
func TestReadsThatNobodyTakesAreBounded(t *testing.T) {
	t.Parallel()
	r, other := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	l := paired(t, r, other)
	idle := l.open(0, "as = \"uid\"\nrate = 100")
	busy := l.tile(1, `as = "uid"`)
	awaits(t, "up", func() bool { return idle.Stats().Up })
	for i := range 40 {
		_ = r.Show(fmt.Sprintf("0400000000%02x80", i))
	}
	awaits(t, "told all", r.Idle)
	busy.show(other, cardB)
	busy.want(cardB)
	awaits(t, "24 of 40 dropped", func() bool { return idle.Stats().Drops["overflow"] == 24 })
	for i := range 16 {
		got, err := idle.Read(t.Context())
		if err != nil || string(got.Value) != fmt.Sprintf("0400000000%02x80", i) {
			t.Fatalf("read %d: another one, or %v", i, err)
		}
	}
}

func TestCloseEndsWhateverWaits(t *testing.T) {
	t.Parallel()
	r, module := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	module.Key = osdpKey
	l := newRS485(t, r, module)
	l.know(1)
	l.power()
	reader, strike := l.open(0, ""), l.strike(1, 0)
	awaits(t, "unpaired", func() bool { return strings.Contains(reader.Stats().Err, "no key of its own") })
	if err := strike.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	module.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	var all sync.WaitGroup
	for _, wait := range []func() error{
		func() error { _, err := reader.Read(context.Background()); return err },
		func() error { return reader.(hw.Pairer).Pair(context.Background(), func(string) {}) },
		func() error { return strike.Pulse(context.Background(), time.Second) },
	} {
		all.Go(func() {
			if err := wait(); err == nil {
				t.Error("ended without an error")
			}
		})
	}
	time.Sleep(100 * time.Millisecond) // most likely they wait by now; if not, they must fail as well
	all.Go(func() { _ = reader.Close() })
	all.Go(func() { _ = strike.Close() })
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("somebody still waits")
	}
	if _, err := reader.Read(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read: got %v, want %v", err, os.ErrClosed)
	}
	if err := reader.(hw.Signaler).Signal(t.Context(), hw.Notice{Signal: hw.SignalGranted}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("signal: got %v, want %v", err, os.ErrClosed)
	}
}

// Whoever pressed half a PIN has gone when the next card comes.
func TestACardEndsTheDigitsBeforeIt(t *testing.T) {
	t.Parallel()
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, `as = "uid"`)
	awaits(t, "heard", r.Online)
	r.Press("99")
	tile.show(r, cardA)
	r.Press("1234#")
	awaits(t, "card and PIN", func() bool { return len(tile.all()) == 2 })
	if got := tile.all()[1]; got.Kind != access.PIN || got.Value != "1234" {
		t.Errorf("got %s of %d digits, want those after the card alone", got.Kind, len(got.Value))
	}
}
