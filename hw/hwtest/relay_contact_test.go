package hwtest_test

import (
	"context"
	"testing"

	"github.com/tilegate/tilegate/hw/hwtest"
)

func newModbus(t *testing.T) (*lineHost, *hwtest.ModbusBoard) {
	t.Helper()
	made := make(chan *hwtest.ModbusBoard, 1)
	h := newLineHost(t, func(ctx context.Context, pty *hwtest.PTY) error {
		board := hwtest.NewModbusBoard(pty.Master, 8)
		made <- board
		return board.Run(ctx)
	})
	return h, <-made
}

// The frames of the reference: coils, contacts, on, off.
const (
	readCoils  = "0101000000083DCC"
	readInputs = "01020000000879CC"
	coil0On    = "01050000FF008C3A"
	coil0Off   = "010500000000CDCA"
)

func TestModbusBoardTellsItsContacts(t *testing.T) {
	h, board := newModbus(t)
	h.say(readInputs)
	h.hears("01 02 01 00 A188")
	board.Input(0, true)
	board.Input(7, true)
	h.say(readInputs)
	h.hears("01 02 01 81 61E8")
	board.Input(0, false)
	h.say("01 02 00 07 00 01 080B") // the last alone
	h.hears("01 02 01 01 6048")
	h.say("01 02 00 07 00 02 480A") // and one that is not there
	h.hears("01 82 02 C161")
}

func TestBoardNoticesNothingOfAStuckContact(t *testing.T) {
	h, board := newModbus(t)
	relay := board.Relay(0)
	relay.WatchContact(func(closed bool) { board.Input(3, closed) })
	contact := func(coil, input string, closed bool) {
		t.Helper()
		h.say(readCoils)
		h.hears(coil)
		h.say(readInputs)
		h.hears(input)
		if got := relay.Closed(); got != closed {
			t.Errorf("closed: got %t, want %t", got, closed)
		}
	}
	const coilOff, coilOn, inputOpen, inputClosed = "010101005188", "010101019048", "01020100A188", "01020108A04E"
	contact(coilOff, inputOpen, false)
	relay.Stick(hwtest.StuckClosed)
	contact(coilOff, inputClosed, true)
	h.say(coil0On)
	h.hears(coil0On)
	contact(coilOn, inputClosed, true)
	relay.Stick(hwtest.StuckOpen)
	contact(coilOn, inputOpen, false)
	relay.Stick(hwtest.Free)
	contact(coilOn, inputClosed, true)
	h.say(coil0Off)
	h.hears(coil0Off)
	contact(coilOff, inputOpen, false)
}

func TestRelayCutsThePowerOfAReader(t *testing.T) {
	h, board := newModbus(t)
	reader, chip := awake(t)
	chip.Fail(hwtest.PN532Hung, 1)
	board.Relay(0).FeedThroughNC(chip)
	reader.say(firmware)
	reader.silent()
	h.say("010502000007 8DB0") // the board's own pulse of 0.7 s
	h.hears("010502000007 8DB0")
	reader.say(wakeSAM)
	reader.silent() // no power
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if !board.Relay(0).Await(ctx, false) {
		t.Fatal("the pulse never ended")
	}
	reader.say(wakeSAM)
	reader.hears(ack, samDone)
}

func TestStuckPowerRelayCutsNothing(t *testing.T) {
	h, board := newModbus(t)
	reader, chip := awake(t)
	board.Relay(0).FeedThroughNC(chip)
	board.Relay(0).Stick(hwtest.StuckOpen)
	h.say(coil0On)
	h.hears(coil0On)
	reader.say(firmware)
	reader.hears(ack, version)
}
