package hw_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// watched reads until the test ends and keeps what came.
func watched(t *testing.T, r hw.Reader) <-chan hw.Read {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	reads, done := make(chan hw.Read, 1024), make(chan struct{})
	go func() {
		defer close(done)
		for {
			read, err := r.Read(ctx)
			if err != nil {
				return
			}
			reads <- read
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return reads
}

func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func next(t *testing.T, reads <-chan hw.Read) hw.Read {
	t.Helper()
	select {
	case read := <-reads:
		return read
	case <-time.After(patience):
		t.Fatalf("no read within %s", patience)
		return hw.Read{}
	}
}

func TestSilentReaderIsReportedResetAndItsPortOpenedAgain(t *testing.T) {
	t.Parallel()
	pty, scanner := tile(t, func(heard []byte) []byte {
		return bytes.Repeat([]byte{0x06}, bytes.Count(heard, []byte("S")))
	})
	r := openReader(t, pty.Path(), `
preset = "qr"
idle = "1500ms"
silence = "1s"
reset = "dtr"
dialogue = { init = [ { send = "'S'", expect = "ACK" } ] }`)
	watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	if got := r.Stats().Steps; got["init"] != 0 || got["reset"] != 0 || got["reopen"] != 0 || len(got) != 3 {
		t.Errorf("at the start: got %v", got)
	}
	scanner.SetFault(hwtest.Dead)
	await(t, "reported", func() bool { s := r.Stats(); return !s.Up && s.Err != "" })
	await(t, "reset and opened again, with its set-up", func() bool {
		s := r.Stats()
		return s.Steps["reset"] > 0 && s.Steps["reopen"] > 0 && s.Steps["init"] > 1 && s.Reopens > 0
	})
	scanner.SetFault(hwtest.Healthy)
	await(t, "up again", func() bool { s := r.Stats(); return s.Up && s.Err == "" })
}

func TestModuleIsLockedAgainAfterEveryPlug(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	module := hwtest.NewGM65(pty.Master, "\r")
	power(t, module.Run)
	r := openReader(t, pty.Path(), `preset = "gm65"`)
	reads := watched(t, r)
	await(t, "locked", func() bool { return module.Register(3) == 3 })
	module.PowerOff()
	module.PowerOn() // it has forgotten
	if got := module.Register(3); got == 3 {
		t.Fatalf("the register is %02X after a loss of power", got)
	}
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := pty.Replug(); err != nil {
		t.Fatal(err)
	}
	await(t, "locked again", func() bool { return module.Register(3) == 3 && r.Stats().Up })
	if err := module.Show("HELLO"); err != nil {
		t.Fatal(err)
	}
	if read := next(t, reads); read.Kind != access.QR || read.Value != "HELLO" {
		t.Errorf("got %s, or another value", read.Kind)
	}
}

func TestModuleInCommandModeIsTriggered(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	module := hwtest.NewGM65(pty.Master, "\r")
	power(t, module.Run)
	reads := watched(t, openReader(t, pty.Path(), "preset = \"gm65\"\nvariant = \"trigger\""))
	await(t, "in command mode", func() bool { return module.Register(0)&3 == 1 })
	for _, code := range []string{"HELLO", "GOODBYE"} {
		if err := module.Show(code); err != nil {
			t.Fatal(err)
		}
		if read := next(t, reads); read.Kind != access.QR || string(read.Value) != code {
			t.Errorf("%s: got %s, or another value", code, read.Kind)
		}
	}
}

// A Datalogic that waits for ACK reads nothing more without one.
func TestScannerThatWaitsForItsHostIsAnswered(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	scanner := hwtest.NewDatalogic(pty.Master)
	scanner.ExpectACK(patience)
	power(t, scanner.Run)
	r := openReader(t, pty.Path(), "preset = \"datalogic\"\nvariant = \"ack\"")
	reads := watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	for _, code := range []string{"HELLO", "HELLO", "GOODBYE"} { // also a code that stays
		frames := r.Stats().Frames
		if err := scanner.Show(code); err != nil {
			t.Fatal(err)
		}
		await(t, code, func() bool { return r.Stats().Frames > frames })
		await(t, "its ACK", func() bool { return bytes.Count(scanner.Heard(), []byte{0x06}) == int(r.Stats().Frames) })
	}
	if one, two := next(t, reads), next(t, reads); one.Value != "HELLO" || two.Value != "GOODBYE" {
		t.Errorf("got %s and %s, or other values", one.Kind, two.Kind)
	}
	if scanner.Beeps() != 0 || scanner.Disabled() {
		t.Errorf("beeps %d, disabled %t", scanner.Beeps(), scanner.Disabled())
	}
}

func TestKeysOfAReaderBecomeAPIN(t *testing.T) {
	t.Parallel()
	pty, reader := tile(t, nil)
	r := openReader(t, pty.Path(), `
baud = 9600
frame = { type = "delimited", end = ["CR"] }
select = { match = "^(?P<kind>[CK])(?P<data>.+)$", kinds = { C = "uid", K = "keys" } }
decode = { from = "hex", as = "uid" }
pin_pause = "3s"`)
	reads := watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	for _, frame := range []string{"C04A2B3C4", "K1", "K1", "K2", "K*", "K1", "K1", "K22", "K#", "K77"} {
		if err := reader.Show(frame); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []hw.Read{{Kind: access.Card, Value: "04a2b3c4"}, {Kind: access.PIN, Value: "1122"}, {Kind: access.PIN, Value: "77"}} {
		if got := next(t, reads); got.Kind != want.Kind || got.Value != want.Value || got.Fault != access.Granted {
			t.Errorf("got %s, want %s; or the values differ", got.Kind, want.Kind)
		}
	}
}
