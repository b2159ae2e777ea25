package hwtest_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// The frames are those of UM0701-02 and of the reference, written out.
const (
	wakeSAM  = "5555 0000000000000000000000000000 FF03FDD414011700"
	ack      = "0000FF00FF00"
	samDone  = "0000FF02FED5151600"
	firmware = "0000FF02FED4022A00"
	version  = "0000FF06FAD50332010607E800"
	retries  = "0000FF06FAD43205FF0101F400"
	retDone  = "0000FF02FED533F800"
	list     = "0000FF04FCD44A0100E100"
	nobody   = "0000FF03FDD54B00E000"
	mifare   = "0000FF0CF4D54B010100040804922E58328400"
	ntag     = "0000FF0FF1D54B01010044000704C63A631101899100"
)

// asPrinted is the card of the manual's examples, which print its SENS_RES low
// byte first. Chips are seen to send the high byte first.
type asPrinted struct{ *hwtest.MifareClassic }

func (p asPrinted) Select() hwtest.Target {
	target := p.MifareClassic.Select()
	target.SENS = [2]byte{0x04, 0x00}
	return target
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// lineHost speaks to a simulated device as a host does that knows no protocol.
type lineHost struct {
	t    *testing.T
	send func([]byte)
	got  <-chan byte
}

// newLineHost gives a device's end of a line to run, and the other to the host.
func newLineHost(t *testing.T, run func(ctx context.Context, pty *hwtest.PTY) error) *lineHost {
	t.Helper()
	pty := hwtest.NewPTY(t)
	f := host(t, pty.Path())
	if err := f.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ctx, off := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = run(ctx, pty) }()
	t.Cleanup(func() { off(); <-done })
	got := make(chan byte, 4096)
	go func() {
		buf := make([]byte, 256)
		for {
			n, err := f.Read(buf)
			if err != nil {
				return
			}
			for _, c := range buf[:n] {
				got <- c
			}
		}
	}()
	return &lineHost{t: t, got: got, send: func(raw []byte) {
		t.Helper()
		if _, err := f.Write(raw); err != nil {
			t.Fatal(err)
		}
	}}
}

func (h *lineHost) say(text string) {
	h.t.Helper()
	h.send(unhex(h.t, text))
}

// hears wants just these bytes next.
func (h *lineHost) hears(parts ...string) {
	h.t.Helper()
	want := unhex(h.t, strings.Join(parts, ""))
	var got []byte
	late := time.After(patience)
	for len(got) < len(want) {
		select {
		case c := <-h.got:
			got = append(got, c)
		case <-late:
			h.t.Fatalf("got % X, and then nothing, want % X", got, want)
		}
	}
	if !bytes.Equal(got, want) {
		h.t.Fatalf("got % X, want % X", got, want)
	}
}

// silent wants nothing to come for a while. A device that is slow to say what it
// must not say goes unnoticed, never one that is right.
func (h *lineHost) silent() {
	h.t.Helper()
	select {
	case c := <-h.got:
		h.t.Fatalf("got %02X, want silence", c)
	case <-time.After(150 * time.Millisecond):
	}
}

func newPN532(t *testing.T) (*lineHost, *hwtest.PN532) {
	t.Helper()
	made := make(chan *hwtest.PN532, 1)
	h := newLineHost(t, func(ctx context.Context, pty *hwtest.PTY) error {
		chip := hwtest.NewPN532(pty.Master)
		made <- chip
		return chip.Run(ctx)
	})
	return h, <-made
}

func awake(t *testing.T) (*lineHost, *hwtest.PN532) {
	t.Helper()
	h, chip := newPN532(t)
	h.say(wakeSAM)
	h.hears(ack, samDone)
	h.say(retries)
	h.hears(ack, retDone)
	return h, chip
}

// packet puts a frame of our own around what a host says.
func packet(data ...byte) []byte {
	frame := []byte{0, 0, 0xFF, byte(len(data) + 1), byte(-(len(data) + 1)), 0xD4}
	sum := byte(0xD4)
	for _, c := range data {
		sum += c
	}
	return append(append(frame, data...), -sum, 0)
}

func TestPN532SleepsUntilWoken(t *testing.T) {
	h, _ := newPN532(t)
	h.say(firmware) // lost, but its edges wake the chip
	h.silent()
	h.say(firmware)
	h.hears(ack, version)
}

func TestPN532LosesACommandTooCloseToTheWakeUp(t *testing.T) {
	h, _ := newPN532(t)
	h.say("55 55 00 00" + firmware)
	h.silent()
	h.say("55 55 00 00 00 00 00 00 00 00 00 00 00 00 00 00" + firmware)
	h.hears(ack, version)
}

func TestPN532PollsOnlyAfterSAMConfiguration(t *testing.T) {
	h, chip := newPN532(t)
	chip.Put(hwtest.NewMifareClassic("922E5832"))
	h.say("55 55 00 00 00 00 00 00 00 00 00 00 00 00 00 00" + list)
	h.hears(ack)
	h.silent()
	h.say(wakeSAM)
	h.hears(ack, samDone)
	h.say(list)
	h.hears(ack, mifare)
	chip.PowerCycle()
	h.say(firmware)
	h.silent()
	h.say(list)
	h.hears(ack)
	h.silent()
}

func TestPN532SaysWhatTheManualSays(t *testing.T) {
	tests := []struct {
		name, in, want string
		field          hwtest.Tag
	}{
		{"SAMConfiguration with all of it", "0000FF05FBD4140114010200", samDone, nil},
		{"RF field off", "0000FF04FCD4320100F900", retDone, nil},
		{"RF field on", "0000FF04FCD4320101F800", retDone, nil},
		{"line test", "0000FF05FBD4000 0AA552D00", "0000FF05FBD50100AA552B00", nil},
		{"nobody", list, nobody, nil},
		{"MIFARE Classic", list, "0000FF0CF4D54B010104000804922E58328400", asPrinted{hwtest.NewMifareClassic("922E5832")}},
		{"MIFARE Classic as it is", list, mifare, hwtest.NewMifareClassic("922E5832")},
		{"NTAG215", list, "0000FF0FF1D54B0101004400 0704C63A631101899100", hwtest.NewNTAG(215, "04C63A63110189", nil)},
		{"ISO-DEP", list, "0000FF15EBD54B010103442007 04A1B2C3D4E5F6 067577810280B200", hwtest.NewDESFire("04A1B2C3D4E5F6")},
		{"InAutoPoll", "0000FF06FAD460010110209A00", "0000FF0EF2D561011009010400080 4922E58325500", asPrinted{hwtest.NewMifareClassic("922E5832")}},
		{"release of all", "0000FF03FDD45200DA00", "0000FF03FDD553 00D800", nil},
		{"unknown command", "0000FF02FED4FE2E00", "0000FF01FF7F8100", nil},
		{"extended frame", "0000FFFFFF0002FED4022A00", version, nil},
		{"no preamble, no postamble", "00FF02FED4022A", version, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, chip := awake(t)
			if tt.field != nil {
				chip.Put(tt.field)
			}
			h.say(tt.in)
			h.hears(ack, tt.want)
			h.silent()
		})
	}
}

func TestPN532DoesNotAcknowledgeAWrongFrame(t *testing.T) {
	h, _ := awake(t)
	for _, wrong := range []string{
		"0000FF02FDD4022A00", "0000FF02FED4022B00", "0000FF02FED402", "0000FFFFFF0002FDD4022A00", "0000FF02FED5022900", "",
	} {
		h.say(wrong)
		h.silent() // also longer than half a frame is kept
		h.say(firmware)
		h.hears(ack, version)
	}
}

func TestPN532RepeatsItsAnswerForANACK(t *testing.T) {
	h, _ := awake(t)
	h.say(firmware)
	h.hears(ack, version)
	h.say("0000FFFF0000")
	h.hears(version)
}

func TestPN532WaitsForEverForACardUnlessToldOtherwise(t *testing.T) {
	h, chip := newPN532(t)
	h.say(wakeSAM)
	h.hears(ack, samDone)
	h.say(list)
	h.hears(ack)
	h.silent()
	chip.Put(hwtest.NewMifareClassic("922E5832"))
	h.hears(mifare)
}

func TestPN532ForgetsACommandThatIsAborted(t *testing.T) {
	for _, abort := range []string{ack, firmware} {
		h, chip := newPN532(t)
		h.say(wakeSAM)
		h.hears(ack, samDone)
		h.say(list)
		h.hears(ack)
		h.say(abort)
		if abort == firmware {
			h.hears(ack, version)
		}
		chip.Put(hwtest.NewMifareClassic("922E5832"))
		h.silent()
	}
}

func TestPN532SaysThatACardLeft(t *testing.T) {
	h, chip := awake(t)
	card := hwtest.NewNTAG(215, "04C63A63110189", hwtest.NDEFURI("https://a.example/b"))
	chip.PutFor(card, 1)
	h.say(list)
	h.hears(ack, ntag)
	read := "0000FF05FBD440013004B700"
	h.say(read)
	h.hears(ack, "0000FF13ED D54100 0310D1010C5504612E6578616D706C65 25 00")
	h.say(read)
	h.hears(ack, "0000FF03FDD54101E900")
	chip.Put(card) // and it is a stranger when it comes back
	h.say(read)
	h.hears(ack, "0000FF03FDD54101E900")
	h.say(list)
	h.hears(ack, ntag)
}

func TestPN532TellsOfTwoCards(t *testing.T) {
	h, chip := awake(t)
	chip.Put(hwtest.NewMifareClassic("922E5832"))
	chip.Put(hwtest.NewNTAG(215, "04C63A63110189", nil))
	h.say(list)
	h.hears(ack, "0000FF0CF4D54B010100000804922E58328800") // SENS_RES 0000
	h.send(packet(0x4A, 0x02, 0x00))
	h.hears(ack, "0000FF18E8 D54B02 01 0000 08 04 922E5832 02 0044 00 07 04C63A63110189 38 00")
}

func TestPN532BreaksAsTold(t *testing.T) {
	noise := "A500007EFF01D5"
	tests := []struct {
		name  string
		fault hwtest.PN532Fault
		want  []string
	}{
		{"no ACK", hwtest.PN532NoACK, nil},
		{"no answer", hwtest.PN532NoAnswer, []string{ack}},
		{"error frame", hwtest.PN532ErrorFrame, []string{ack, "0000FF01FF7F8100"}},
		{"garbage", hwtest.PN532Garbage, []string{noise, ack, noise, version}},
		{"checksum", hwtest.PN532WrongChecksum, []string{ack, "0000FF06FAD50332010607F800"}},
		{"truncated", hwtest.PN532Truncated, []string{ack, "0000FF06FAD5"}},
		{"doubled", hwtest.PN532Doubled, []string{ack, version, version}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, chip := awake(t)
			chip.Fail(tt.fault, 1, 0x02)
			h.say(retries) // not the one that fails
			h.hears(ack, retDone)
			h.say(firmware)
			h.hears(tt.want...)
			h.silent()
			h.say(firmware)
			h.hears(ack, version)
		})
	}
}

func TestPN532HangsUntilItsPowerIsCycled(t *testing.T) {
	h, chip := awake(t)
	chip.Fail(hwtest.PN532Hung, 1)
	for range 3 {
		h.say(wakeSAM)
		h.silent()
	}
	chip.PowerCycle()
	h.say(wakeSAM)
	h.hears(ack, samDone)
}

func TestPN532SleepsWhenPoweredDown(t *testing.T) {
	h, _ := awake(t)
	h.send(packet(0x16, 0x10))
	h.hears(ack, "0000FF03FDD5170014", "00")
	h.silent()
	h.say(firmware)
	h.silent()
	h.say(firmware)
	h.hears(ack, version)
	h.say(list) // SAMConfiguration is remembered
	h.hears(ack, nobody)
}

func TestPN532UsesExtendedFramesAndPieces(t *testing.T) {
	h, _ := awake(t)
	data := append([]byte{0x00, 0x00}, bytes.Repeat([]byte{0x11}, 262)...) // line test
	sum := byte(0xD4)
	for _, c := range data {
		sum += c
	}
	h.send(slices.Concat([]byte{0, 0, 0xFF, 0xFF, 0xFF, 0x01, 0x09, 0xF6, 0xD4}, data, []byte{-sum, 0}))
	back := slices.Concat([]byte{0, 0, 0xFF, 0xFF, 0xFF, 0x01, 0x09, 0xF6, 0xD5, 0x01}, data[1:], []byte{-(sum + 2), 0})
	h.hears(ack, hex.EncodeToString(back))
}
