package hwtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// Tile is a simulated reader.
type Tile interface {
	// Run serves the line until ctx ends, which also closes the line if it
	// can be closed, or until the line ends.
	Run(ctx context.Context) error
	// Show sends what the reader sends when the credential is held to it
	// once. What the credential looks like depends on the reader.
	Show(credential string) error
	// Frame is what Show sends.
	Frame(credential string) []byte
}

// SerialTile is a reader that sends frames by itself. Which one depends on the
// function that made it.
type SerialTile struct {
	wire
	frame func(credential string) []byte
	reply func(heard []byte) []byte

	mu    sync.Mutex // guards heard
	heard []byte
}

// Run is Tile.Run.
func (s *SerialTile) Run(ctx context.Context) error {
	return s.serve(ctx, func(in []byte) {
		s.mu.Lock()
		s.heard = append(s.heard, in...)
		s.mu.Unlock()
		if s.reply != nil && !s.has(Dead) {
			if answer := s.reply(in); len(answer) > 0 {
				_, _ = s.line.Write(answer)
			}
		}
	})
}

// Show is Tile.Show.
func (s *SerialTile) Show(credential string) error {
	_, err := s.line.Write(s.Frame(credential))
	return err
}

// Hold shows the credential again and again, as a reader does while a card
// stays in its field, until ctx ends.
func (s *SerialTile) Hold(ctx context.Context, credential string, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.Show(credential); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Frame is Tile.Frame.
func (s *SerialTile) Frame(credential string) []byte { return s.frame(credential) }

// Heard is all that the host has sent: lamps, beeps, questions.
func (s *SerialTile) Heard() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.heard)
}

// NewQRScanner makes a scanner that sends the text of a code and a CR. What it
// answers to the host's commands is what reply says; nil: nothing.
func NewQRScanner(line io.ReadWriter, reply func(heard []byte) []byte) *SerialTile {
	return &SerialTile{wire: wire{line: line}, reply: reply, frame: func(text string) []byte {
		return append([]byte(text), 0x0D)
	}}
}

// NewHexReader makes a card reader that sends the UID, which is given in hex, in
// upper-case hex and a CR.
func NewHexReader(line io.ReadWriter) *SerialTile {
	return &SerialTile{wire: wire{line: line}, frame: func(uid string) []byte {
		return append(bytes.ToUpper([]byte(uid)), 0x0D)
	}}
}

// NewRDM6300 makes a 125 kHz reader: 02, the ten hex digits of the number, two
// of the XOR of its five bytes, 03.
func NewRDM6300(line io.ReadWriter) *SerialTile {
	return &SerialTile{wire: wire{line: line}, frame: func(number string) []byte {
		return []byte("\x02" + em4100Digits(number) + "\x03")
	}}
}

// NewEM18 makes a 125 kHz reader that sends the twelve digits alone.
func NewEM18(line io.ReadWriter) *SerialTile {
	return &SerialTile{wire: wire{line: line}, frame: func(number string) []byte {
		return []byte(em4100Digits(number))
	}}
}

// em4100Digits are the digits of a number and its check.
func em4100Digits(number string) string {
	check := uint64(0)
	for at := 0; at+2 <= len(number); at += 2 {
		octet, _ := strconv.ParseUint(number[at:at+2], 16, 8)
		check ^= octet
	}
	return fmt.Sprintf("%s%02X", bytes.ToUpper([]byte(number)), check)
}
