package hwtest

import "io"

// OSDPTile is one simulated OSDP reader alone on its line, as a Tile. It is a
// Polled one.
type OSDPTile struct {
	*OSDPLine
	// Tile is the reader.
	Tile *OSDPReader
}

// NewOSDPTile puts a reader alone on a line.
func NewOSDPTile(master io.ReadWriter, reader *OSDPReader) *OSDPTile {
	return &OSDPTile{OSDPLine: NewOSDPLine(master, reader), Tile: reader}
}

// Show is OSDPReader.Show. The credential waits until the panel asks.
func (t *OSDPTile) Show(credential string) error { return t.Tile.Show(credential) }

// Frame is Tile.Frame: what the reader would answer in clear to a POLL with number 1; nil
// for what it cannot show.
func (t *OSDPTile) Frame(credential string) []byte {
	code, data, err := osdpShown(credential)
	if err != nil {
		return nil
	}
	address, _ := t.Tile.Set()
	return osdpEncode(address|osdpIsReply, osdpWithCRC|1, nil, code, data, nil)
}

// Idle is Polled.Idle.
func (t *OSDPTile) Idle() bool { return t.Tile.Idle() }

// Repeat is Polled.Repeat.
func (t *OSDPTile) Repeat(on bool) {
	t.Tile.Mend()
	if on {
		t.Tile.Break(OSDPMishap{Fault: OSDPDuplicateReply})
	}
}
