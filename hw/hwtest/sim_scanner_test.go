package hwtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// scanner is what all simulated scanners and card readers have.
type scanner interface {
	hwtest.Tile
	hwtest.Powered
	Hang()
}

func newScanner[S hwtest.Tile](t *testing.T, build func(pty *hwtest.PTY) S) (*lineHost, S) {
	t.Helper()
	made := make(chan S, 1)
	h := newLineHost(t, func(ctx context.Context, pty *hwtest.PTY) error {
		s := build(pty)
		made <- s
		return s.Run(ctx)
	})
	return h, <-made
}

func (h *lineHost) show(tile hwtest.Tile, credential string) {
	h.t.Helper()
	if err := tile.Show(credential); err != nil {
		h.t.Fatal(err)
	}
}

func TestReadersSendAsTheyWereSetUp(t *testing.T) {
	tests := []struct {
		name string
		tile func(pty *hwtest.PTY) scanner
		show string
		want string
	}{
		{"zebra as delivered", func(p *hwtest.PTY) scanner { return hwtest.NewZebraASCII(p.Master, "") }, "HELLO", "48454C4C4F"},
		{"zebra with a suffix", func(p *hwtest.PTY) scanner { return hwtest.NewZebraASCII(p.Master, "\r") }, "HELLO", "48454C4C4F0D"},
		{"datalogic", func(p *hwtest.PTY) scanner { return hwtest.NewDatalogic(p.Master) }, "HELLO", "48454C4C4F0D0A"},
		{"newland", func(p *hwtest.PTY) scanner { return hwtest.NewNewland(p.Master) }, "HELLO", "48454C4C4F0D"},
		{"gm65", func(p *hwtest.PTY) scanner { return hwtest.NewGM65(p.Master, "\r") }, "HELLO", "48454C4C4F0D"},
		{"de2120", func(p *hwtest.PTY) scanner { return hwtest.NewDE2120(p.Master, 0) }, "HELLO", "48454C4C4F0D"},
		{"promag as delivered", promag(hwtest.PromagFormat{}), "922E5832", "3932324535383332"},
		{"promag MF7S", promag(hwtest.PromagFormat{Header: []byte{2}, CR: true, LF: true, Trailer: []byte{3}}), "922E5832", "02 3932324535383332 0D0A03"},
		{
			"promag with all of it",
			promag(hwtest.PromagFormat{Header: []byte{0xA5}, ReaderID: []byte{7}, Length: true, Reversed: true, Binary: true, CR: true}),
			"922E5832", "A5 07 04 32582E92 0D",
		},
		{"idtronic hex", idtronic(hwtest.IdtronicFormat{End: "\r"}), "922E5832", "3932324535383332 0D"},
		{"idtronic STX, raw", idtronic(hwtest.IdtronicFormat{STX: true, Form: hwtest.IdtronicRaw, End: "\r\n"}), "922E5832", "02 922E5832 0D0A"},
		{"idtronic nibbles", idtronic(hwtest.IdtronicFormat{Form: hwtest.IdtronicRaw, ReverseNibbles: true}), "922E5832", "29E28523"},
		{"idtronic bits", idtronic(hwtest.IdtronicFormat{Form: hwtest.IdtronicRaw, ReverseBits: true}), "922E5832", "49741A4C"},
		{"idtronic D-10", idtronic(hwtest.IdtronicFormat{Form: hwtest.IdtronicD10}), "0100086F44", "30303030353532373732"},
		{"idtronic D-18", idtronic(hwtest.IdtronicFormat{Form: hwtest.IdtronicD18}), "00086F44", "303030303030303030303030353532373732"},
		{"idtronic decimal", idtronic(hwtest.IdtronicFormat{Form: hwtest.IdtronicDecimal}), "00086F44", "353532373732"},
		{"rf ideas hex", rfideas(hwtest.RFIdeasFormat{End: "\r"}), "01000734E0", "30313030303733344530 0D"},
		{"rf ideas decimal", rfideas(hwtest.RFIdeasFormat{Decimal: true, Lead: "\x02", End: "\x03"}), "00086F44", "02 353532373732 03"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newScanner(t, tt.tile)
			h.show(s, tt.show)
			h.hears(tt.want)
			s.Hang()
			h.show(s, tt.show)
			h.silent()
			s.PowerOff()
			h.show(s, tt.show)
			h.silent()
			s.PowerOn()
			h.show(s, tt.show)
			h.hears(tt.want)
		})
	}
}

func promag(format hwtest.PromagFormat) func(*hwtest.PTY) scanner {
	return func(p *hwtest.PTY) scanner { return hwtest.NewPromag(p.Master, format) }
}

func idtronic(format hwtest.IdtronicFormat) func(*hwtest.PTY) scanner {
	return func(p *hwtest.PTY) scanner { return hwtest.NewIdtronic(p.Master, format) }
}

func rfideas(format hwtest.RFIdeasFormat) func(*hwtest.PTY) scanner {
	return func(p *hwtest.PTY) scanner { return hwtest.NewRFIdeas(p.Master, format) }
}

func TestRFIdeasSaysThatACardLeft(t *testing.T) {
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.RFIdeas {
		return hwtest.NewRFIdeas(p.Master, hwtest.RFIdeasFormat{End: "\r", Gone: "GONE"})
	})
	h.show(s, "0A0B")
	if err := s.Leave(); err != nil {
		t.Fatal(err)
	}
	h.hears("304130420D 474F4E450D")
}

func TestDatalogicStopsReadingUntilItIsAnswered(t *testing.T) {
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.Scanner { return hwtest.NewDatalogic(p.Master) })
	s.ExpectACK(50 * time.Millisecond)
	h.show(s, "ONE")
	h.hears("4F4E450D0A")
	h.show(s, "TWO")
	h.silent() // longer than its patience
	if got := s.Beeps(); got != 1 {
		t.Errorf("beeps: got %d, want 1", got)
	}
	h.say("15")
	h.hears("4F4E450D0A") // again
	h.say("06")
	awaitTrue(t, func() bool {
		h.show(s, "TWO")
		select {
		case c := <-h.got:
			return c == 'T'
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
	h.hears("574F0D0A")
}

func TestZebraGivesUpAFrameThatNobodyAnswers(t *testing.T) {
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.Scanner { return hwtest.NewZebraASCII(p.Master, "\r") })
	s.ExpectACK(50 * time.Millisecond)
	h.show(s, "ONE")
	h.hears("4F4E450D")
	awaitTrue(t, func() bool { return s.Beeps() == 1 })
	h.show(s, "TWO")
	h.hears("54574F0D")
}

func awaitTrue(t *testing.T, met func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never came")
		}
	}
}

func TestDatalogicIsDisabledAndEnabled(t *testing.T) {
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.Scanner { return hwtest.NewDatalogic(p.Master) })
	h.say("44")
	awaitTrue(t, s.Disabled)
	h.show(s, "ONE")
	h.silent()
	h.say("45")
	awaitTrue(t, func() bool { return !s.Disabled() })
	h.show(s, "ONE")
	h.hears("4F4E450D0A")
}

func TestNewlandAnswersCommands(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{ // as the manual of the NLS-HR52 prints it
			"data format",
			"7E01303030304044464D4144443036393939303033393939394631343 13B03",
			"020130303030 4044464D41444430363939393030333939393946313431 06 3B03",
		},
		{"set-up codes off", "7E01303030302353455455504530 3B03", "02013030303023 53455455504530 06 3B03"},
		{"no such value", "7E01303030302353455455504539 3B03", "02013030303023 53455455504539 15 3B03"},
		{"no such tag", "7E01303030302341424344454630 3B03", "02013030303023 41424344454630 05 3B03"},
		{"two at once", "7E013030303023 53455455504530 3B 53434E454E4131 3B03", "02013030303023 53455455504530 06 3B 53434E454E4131 06 3B03"},
		{"noise in front", "0D0A7E 7E01303030302353455455504530 3B03", "02013030303023 53455455504530 06 3B03"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.Scanner { return hwtest.NewNewland(p.Master) })
			h.say(tt.in)
			h.hears(tt.want)
			h.show(s, "A")
			h.hears("410D")
		})
	}
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.Scanner { return hwtest.NewNewland(p.Master) })
	h.say("7E013030303023 53434E454E4130 3B03") // reading off
	h.hears("02013030303023 53434E454E4130 06 3B03")
	h.show(s, "A")
	h.silent()
}

func TestGM65AnswersBeforeItReads(t *testing.T) {
	const done = "02000001003331"
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.GM65 { return hwtest.NewGM65(p.Master, "\r") })
	h.say("7E000801000 0D5ABCD") // on command
	h.hears(done)
	h.show(s, "A")
	h.silent()
	h.say("7E0008010002 01ABCD")
	h.hears(done, "410D")
	h.say("7E0008010002 0102DA") // with the true checksum
	h.hears(done)
	h.show(s, "B")
	h.hears("420D")
	h.show(s, "C") // it was one reading
	h.silent()
	h.say("7E000901000000DEC8") // save
	h.hears(done)
	h.say("7E000801000201FFFF") // a wrong checksum, and what is no command
	h.hears("02000101000401")
	h.say("7E000A01000201ABCD")
	h.hears("02000301006A61")
	h.say("7E000701000001ABCD") // read register 0
	h.hears("02000001D5 A8E9")
	h.say("7E000801000 0D6ABCD") // not saved
	h.hears(done)
	s.PowerOff()
	s.PowerOn()
	if got := s.Register(0); got != 0xD5 {
		t.Errorf("register 0: got %02X, want D5, which was saved", got)
	}
	h.show(s, "D")
	h.silent()
}

func TestDE2120AcknowledgesLate(t *testing.T) {
	h, s := newScanner(t, func(p *hwtest.PTY) *hwtest.Scanner { return hwtest.NewDE2120(p.Master, 200*time.Millisecond) })
	h.send([]byte("^_^SCMCNT."))
	h.show(s, "A")
	h.hears("410D 06") // a code may come between
	h.send([]byte("^_^NONESUCH."))
	h.hears("15")
	h.show(s, "é")
	h.hears("B9A1 0D") // as delivered no UTF-8
	h.send([]byte("^_^232UTF1."))
	h.hears("06")
	h.show(s, "é")
	h.hears("C3A9 0D")
}
