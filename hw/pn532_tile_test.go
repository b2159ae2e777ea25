package hw_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// nfcTile is a simulated PN532 as a Tile: whoever shows a card lays it into the
// field until the chip has looked a few times, one card after the other.
type nfcTile struct {
	*hwtest.PN532
	line *stammering

	mu      sync.Mutex // guards all below
	waiting []string
	laid    bool
}

func newNFCTile(line io.ReadWriter) hwtest.Tile {
	slow := &stammering{ReadWriter: line}
	return &nfcTile{PN532: hwtest.NewPN532(slow), line: slow}
}

// Run is Tile.Run.
func (n *nfcTile) Run(ctx context.Context) error {
	var hand sync.WaitGroup
	hand.Go(func() {
		for ctx.Err() == nil {
			n.lay(ctx)
		}
	})
	err := n.PN532.Run(ctx)
	hand.Wait()
	return err
}

// lay puts the next card into the field and takes it away again.
func (n *nfcTile) lay(ctx context.Context) {
	n.mu.Lock()
	var card *hwtest.MifareClassic
	if n.laid = len(n.waiting) > 0; n.laid {
		card = hwtest.NewMifareClassic(n.waiting[0])
		n.waiting = n.waiting[1:]
	}
	n.mu.Unlock()
	if card == nil {
		time.Sleep(5 * time.Millisecond)
		return
	}
	n.Put(card)
	n.looks(ctx, 4)
	n.Take(card)
	n.looks(ctx, 1)
}

// looks waits until the chip has looked for a card so often more.
func (n *nfcTile) looks(ctx context.Context, more int) {
	for end := n.Commands(codeList) + more; n.Commands(codeList) < end && ctx.Err() == nil; {
		time.Sleep(2 * time.Millisecond)
	}
}

// Show is Tile.Show.
func (n *nfcTile) Show(uid string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = append(n.waiting, uid)
	return nil
}

// Frame is what the chip says of the card when it is asked.
func (n *nfcTile) Frame(uid string) []byte {
	var raw []byte
	if _, err := fmt.Sscanf(uid, "%x", &raw); err != nil {
		return nil
	}
	body := append([]byte{0xD5, 0x4B, 0x01, 0x01, 0x00, 0x04, 0x08, byte(len(raw))}, raw...)
	sum := byte(0)
	for _, c := range body {
		sum += c
	}
	frame := append([]byte{0x00, 0x00, 0xFF, byte(len(body)), -byte(len(body))}, body...)
	return append(frame, -sum, 0x00)
}

// Idle is Polled.Idle.
func (n *nfcTile) Idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.waiting) == 0 && !n.laid
}

// Stammer is Polled.Stammer.
func (n *nfcTile) Stammer(on bool) { n.line.set(on) }

// Repeat is Polled.Repeat.
func (n *nfcTile) Repeat(on bool) {
	if n.Mend(); on {
		n.Fail(hwtest.PN532Doubled, -1)
	}
}

// stammering is a line that may pass what is written byte by byte.
type stammering struct {
	io.ReadWriter

	mu sync.Mutex // guards on
	on bool
}

func (s *stammering) set(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

// Write is io.Writer.
func (s *stammering) Write(frame []byte) (int, error) {
	s.mu.Lock()
	on := s.on
	s.mu.Unlock()
	if !on {
		return s.ReadWriter.Write(frame)
	}
	for i := range frame {
		if _, err := s.ReadWriter.Write(frame[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(frame), nil
}

// Close is io.Closer.
func (s *stammering) Close() error {
	if closer, ok := s.ReadWriter.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

func pn532Readers(t *testing.T) {
	hwtest.ReaderSuite{
		Late: []string{"no_ack", "no_answer", "stale"},
		Check: func(port string) (hw.ReaderPlan, error) {
			return hw.CheckReader("pn532", options(fmt.Sprintf("port = %q", port)))
		},
		Tile: newNFCTile,
		Samples: [2]hwtest.Sample{
			{Show: "04A2B3C4D5E680", Kind: access.Card, Value: "04a2b3c4d5e680"},
			{Show: "922E5832", Kind: access.Card, Value: "922e5832"},
		},
	}.Run(t)
}
