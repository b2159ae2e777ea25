package hw_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func openReader(t *testing.T, port, keys string) hw.Reader {
	t.Helper()
	plan, err := reader(keys)(port)
	if err != nil {
		t.Fatal(err)
	}
	r, err := plan.Open(hw.NewLines(hw.Host{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// tile runs a simulated scanner that answers as reply says.
func tile(t *testing.T, reply func([]byte) []byte) (*hwtest.PTY, *hwtest.SerialTile) {
	t.Helper()
	pty := hwtest.NewPTY(t)
	scanner := hwtest.NewQRScanner(pty.Master, reply)
	power(t, scanner.Run)
	return pty, scanner
}

// until waits for a condition while the reader is being read.
func until(t *testing.T, r hw.Reader, what string, met func() bool) (reads []hw.Read) {
	t.Helper()
	for end := time.Now().Add(patience); !met(); {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		read, err := r.Read(ctx)
		cancel()
		if err == nil {
			reads = append(reads, read)
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s; stats %+v", what, patience, r.Stats())
		}
	}
	return reads
}

const talkative = `
preset = "qr"
dialogue = { init = [ { send = "'^_^SETUP.'", expect = "ACK", timeout = "10s" } ], ack = "ACK", nak = "NAK", granted = "'G'", refused = "'R'", ping = { send = "'?'", expect = "'!'", every = "400ms", timeout = "200ms" } }
`

func TestReaderIsSetUpAskedAndAnswered(t *testing.T) {
	t.Parallel()
	pty, scanner := tile(t, func(heard []byte) []byte {
		var answer []byte
		if bytes.Contains(heard, []byte("^_^SETUP.")) {
			answer = append(answer, 0x06)
		}
		return append(answer, bytes.Repeat([]byte("!"), bytes.Count(heard, []byte("?")))...)
	})
	r := openReader(t, pty.Path(), talkative)
	until(t, r, "two pings", func() bool {
		s := r.Stats()
		return bytes.Count(scanner.Heard(), []byte("?")) >= 2 && s.Up && s.Err == ""
	})
	if !bytes.HasPrefix(scanner.Heard(), []byte("^_^SETUP.?")) {
		t.Errorf("heard %q, want the set-up first", scanner.Heard())
	}
	if err := scanner.Show("HELLO"); err != nil {
		t.Fatal(err)
	}
	reads := until(t, r, "a read and its ACK", func() bool { return bytes.Contains(scanner.Heard(), []byte{0x06}) })
	if len(reads) == 0 {
		reads = until(t, r, "a read", func() bool { return r.Stats().Frames == 1 })
	}
	if len(reads) != 1 || reads[0].Kind != access.QR || reads[0].Value != "HELLO" {
		t.Errorf("got %d reads, or another value", len(reads))
	}
	if err := scanner.Show("HEL\x00LO"); err != nil {
		t.Fatal(err)
	}
	until(t, r, "a NAK", func() bool { return bytes.Contains(scanner.Heard(), []byte{0x15}) })
	for signal, want := range map[hw.Signal]string{hw.SignalGranted: "G", hw.SignalRefused: "R", hw.SignalAskDesk: "R"} {
		before := bytes.Count(scanner.Heard(), []byte(want))
		if err := r.(hw.Signaler).Signal(t.Context(), hw.Notice{Signal: signal}); err != nil {
			t.Fatal(err)
		}
		until(t, r, "lamp "+want, func() bool { return bytes.Count(scanner.Heard(), []byte(want)) > before })
	}
}

func TestReaderThatDoesNotAnswerIsReportedAndStillRead(t *testing.T) {
	t.Parallel()
	pty, scanner := tile(t, nil)
	r := openReader(t, pty.Path(), strings.ReplaceAll(talkative, "10s", "200ms"))
	until(t, r, "set-up unanswered", func() bool { s := r.Stats(); return !s.Up && strings.Contains(s.Err, "set-up") })
	if err := scanner.Show("HELLO"); err != nil {
		t.Fatal(err)
	}
	until(t, r, "a frame", func() bool { return r.Stats().Frames == 1 })
}

func TestReaderThatFallsSilentIsReported(t *testing.T) {
	t.Parallel()
	pty, scanner := tile(t, func(heard []byte) []byte { return bytes.Repeat([]byte("!"), bytes.Count(heard, []byte("?"))) })
	r := openReader(t, pty.Path(), `
preset = "qr"
dialogue = { ping = { send = "'?'", expect = "'!'", every = "300ms", timeout = "200ms" } }`)
	until(t, r, "up", func() bool { return r.Stats().Up && bytes.Count(scanner.Heard(), []byte("?")) > 1 })
	scanner.SetFault(hwtest.Dead)
	until(t, r, "down", func() bool { s := r.Stats(); return !s.Up && strings.Contains(s.Err, "does not answer") })
	scanner.SetFault(hwtest.Healthy)
	until(t, r, "up again", func() bool { s := r.Stats(); return s.Up && s.Err == "" })
}

func TestFrameThatOnlySilenceEndsIsRead(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	em := hwtest.NewEM18(pty.Master)
	power(t, em.Run)
	r := openReader(t, pty.Path(), `
baud = 9600
frame = { type = "gap", gap = "60ms" }
check = { type = "xor-hex" }
decode = { from = "hex", as = "em4100" }`)
	until(t, r, "up", func() bool { return r.Stats().Up })
	if err := em.Show("01000734E0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	read, err := r.Read(ctx)
	if err != nil || read.Kind != access.Card || read.Value != "01000734e0" {
		t.Errorf("got %s, another value, or %v", read.Kind, err)
	}
}

func TestFrameThatFailsItsCheckIsUnreadable(t *testing.T) { // X5
	t.Parallel()
	pty := hwtest.NewPTY(t)
	r := openReader(t, pty.Path(), `preset = "rdm6300"`)
	until(t, r, "up", func() bool { return r.Stats().Up })
	if _, err := io.WriteString(pty.Master, "\x0201000734E03B\x03"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	read, err := r.Read(ctx)
	if err != nil || read.Fault != access.Unreadable || read.Value != "" || read.At.IsZero() {
		t.Errorf("got %+v, %v, want unreadable", read, err)
	}
	if got := r.Stats(); got.Drops["check"] != 1 || got.Frames != 0 {
		t.Errorf("stats: got %+v", got)
	}
}

func TestDropsAreAClosedSetThatIsThereFromTheStart(t *testing.T) {
	pty := hwtest.NewPTY(t)
	r := openReader(t, pty.Path(), `preset = "qr"`)
	var words []string
	for word, n := range r.Stats().Drops {
		words = append(words, word)
		if n != 0 {
			t.Errorf("%s: got %d at the start", word, n)
		}
	}
	slices.Sort(words)
	want := []string{"check", "cut", "decode", "empty", "ignored", "length", "noise", "oversize", "rate", "repeat", "timeout"}
	if !slices.Equal(words, want) {
		t.Errorf("got %q, want %q", words, want)
	}
}

func TestSecondReaderOnAPortIsRefused(t *testing.T) {
	plan, err := reader(`preset = "qr"`)("/dev/a")
	if err != nil {
		t.Fatal(err)
	}
	lines := hw.NewLines(hw.Host{})
	first, err := plan.Open(lines, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Open(lines, nil); err == nil || !strings.Contains(err.Error(), "alone") {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Open(lines, nil); err != nil {
		t.Errorf("after the first gave it back: %v", err)
	}
}

func TestReaderPlanFindsAnExampleThatComesOutOtherwise(t *testing.T) {
	plan, err := reader("preset = \"qr\"\nexamples = [{ in = \"'HELLO' CR\", want = \"qr GOODBYE\" }]")("/dev/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.(hw.SelfTester).SelfTest(); err == nil || !strings.Contains(err.Error(), `got "qr HELLO", want "qr GOODBYE"`) {
		t.Errorf("got %v", err)
	}
}

func TestReaderPlanTestsItself(t *testing.T) {
	for _, keys := range []string{`preset = "qr"`, `preset = "rdm6300"`, "preset = \"qr\"\ndecode = { as = \"qr\", min = 99 }"} {
		plan, err := reader(keys)("/dev/a")
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.(hw.SelfTester).SelfTest(); err != nil {
			t.Errorf("%s: %v", keys, err)
		}
	}
}

func TestReaderOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct{ keys, want string }{
		{``, "give a preset, or frame and decode"},
		{`preset = "qr"`, "port is missing"},
		{"port = \"/dev/a\"\npreset = \"gm66\"", "preset \"gm66\" is not known; there are: datalogic, de2120"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nbuad = 1", "unknown key buad"},
		{"port = \"/dev/a\"\nvariant = \"d10\"", "of which preset"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nvariant = \"d10\"", "the preset qr has none"},
		{"port = \"/dev/a\"\npreset = \"idtronic\"\nvariant = \"d9\"", "the preset idtronic has: d10, d18"},
		{"port = \"/dev/a\"\npreset = \"qr\"\npin_pause = \"10s\"", "what was pressed is forgotten"},
		{"port = \"/dev/a\"\npreset = \"qr\"\npin_pause = \"1ms\"", "pin_pause 1ms"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nreset = \"dtr\"", "say with silence"},
		{"port = \"/dev/a\"\npreset = \"qr\"\ndtr = \"up\"", "use on or off"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nexamples = [{ in = \"41\" }]", "needs in and want"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nhold_off = \"0s\"", "hold_off 0s"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nhold_off = \"two\"", "length of time"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nhold_off = \"-2s\"", "length of time"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nrate = 0", "rate 0"},
		{"port = \"/dev/a\"\npreset = \"qr\"\nframe = { type = \"delimited\", end = [\"CRLF\"] }", "neither hex pairs nor a name"},
		{"port = \"/dev/a\"\nframe = { type = \"fixed\", bytes = 5 }\ndecode = { as = \"uid\" }", "baud is missing"},
		{"port = \"/dev/a\"\npreset = \"qr\"\ndialogue = { poll = { every = \"1ms\", send = \"05\" } }", "poll"},
	} {
		_, err := hw.CheckReader("line", options(tt.keys))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.keys, err, tt.want)
		}
	}
	if _, err := hw.CheckReader("osdpp", options("")); err == nil || !strings.Contains(err.Error(), "there are: line") {
		t.Errorf("got %v", err)
	}
}
