package main

import (
	"fmt"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// simDoor is one door as hardware: a tile, and the relay of its strike.
type simDoor struct {
	id    string
	tile  tile
	relay *hwtest.Relay
	board hwtest.Board // that has the relay; nil: an OSDP module
	ports []*hwtest.PTY

	reader, inside *hwtest.OSDPReader // of the studio: on the wall, and the module inside
	chip           *hwtest.PN532      // of the workshop
	power          *hwtest.Relay      // of the workshop: takes the power from the tile
}

// tile is what members hold things to.
type tile interface {
	// hold brings something to the tile. Away takes it away again, and may be
	// called twice; a tile that has read what it read by then does not care.
	hold(value string) (away func(), err error)
}

// lineTile sends what it reads by itself. Words is what it sends for something.
type lineTile struct {
	*hwtest.SerialTile
	words func(value string) (string, error)
}

func (t *lineTile) hold(value string) (func(), error) {
	words, err := t.words(value)
	if err != nil {
		return nil, err
	}
	return func() {}, t.Show(words)
}

// osdpTile says what it has read when it is asked.
type osdpTile struct{ *hwtest.OSDPReader }

func (t osdpTile) hold(value string) (func(), error) { return func() {}, t.Show(value) }

// nfcTile has a field, in which things lie until they are taken away.
type nfcTile struct {
	*hwtest.PN532
	pocket *pocket
}

func (t nfcTile) hold(value string) (func(), error) {
	tag, err := t.pocket.thing(value)
	if err != nil {
		return nil, err
	}
	t.Put(tag)
	return func() { t.Take(tag) }, nil
}

// wireFront makes a tile for codes and cards, with a Modbus relay board.
func (b *building) wireFront(d *simDoor) ([]device, error) {
	line, boardLine, err := b.lines(d, "front-tile", "front-relay")
	if err != nil {
		return nil, err
	}
	scanner, board := hwtest.NewQRScanner(line.Master, nil), hwtest.NewModbusBoard(boardLine.Master, 8)
	d.board, d.relay = board, board.Relay(0)
	d.tile = &lineTile{scanner, func(value string) (string, error) {
		text, err := b.pocket.code(value)
		return map[string]string{"card": "C:", "qr": "Q:"}[kindOf(text)] + text, err
	}}
	return []device{scanner, board}, nil
}

// wireLab makes a card reader with a USB relay.
func (b *building) wireLab(d *simDoor) ([]device, error) {
	line, boardLine, err := b.lines(d, "lab-tile", "lab-relay")
	if err != nil {
		return nil, err
	}
	reader, board := hwtest.NewHexReader(line.Master), hwtest.NewLCUS(boardLine.Master, 1)
	d.board, d.relay = board, board.Relay(0)
	d.tile = &lineTile{reader, func(value string) (string, error) { return value, nil }}
	return []device{reader, board}, nil
}

// osdpSpeed is that of the studio's line: readers come from the factory with it.
const osdpSpeed = 9600

// leafContact is the input of the studio's module that feels the leaf.
const leafContact = 0

// wireStudio makes an OSDP reader on the wall and an OSDP module inside, on one
// line as slow as a real one. Nobody has paired them yet.
func (b *building) wireStudio(d *simDoor) ([]device, error) {
	pty, err := b.line(d, "studio-line")
	if err != nil {
		return nil, err
	}
	d.reader, d.inside = hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	d.reader.Baud, d.inside.Baud = osdpSpeed, osdpSpeed
	d.tile, d.relay = osdpTile{d.reader}, d.inside.Output(0)
	d.leaf(false)
	line := hwtest.NewOSDPLine(pty.Master, d.reader, d.inside)
	line.Paced = true
	return []device{line}, nil
}

// leaf opens the door of the studio, or shuts it: its contact is closed while the
// door is.
func (d *simDoor) leaf(open bool) { d.inside.Input(leafContact, !open) }

// wireWorkshop makes a PN532, whose supply hangs on the second relay of the board
// that has the strike on its first.
func (b *building) wireWorkshop(d *simDoor) ([]device, error) {
	line, boardLine, err := b.lines(d, "workshop-tile", "workshop-relay")
	if err != nil {
		return nil, err
	}
	board := hwtest.NewKMTronic(boardLine.Master, 2)
	d.chip = hwtest.NewPN532(line.Master)
	d.board, d.relay, d.power = board, board.Relay(0), board.Relay(1)
	d.tile = nfcTile{d.chip, b.pocket}
	d.power.FeedThroughNC(d.chip)
	return []device{d.chip, board}, nil
}

// walk has somebody open the leaf and shut it behind them, where a contact feels
// it.
func (d *simDoor) walk() {
	if d.inside != nil {
		d.leaf(true)
		d.leaf(false)
	}
}

// change is what the hand of somebody in the building does to the leaf.
func (d *simDoor) change(word string) error {
	switch {
	case d.inside == nil:
		return fmt.Errorf("nobody feels the leaf of %s; there is a contact at the studio", d.id)
	case word != "open" && word != "shut":
		return fmt.Errorf("a leaf can be open or shut, not %q", word)
	}
	d.leaf(word == "open")
	return nil
}
