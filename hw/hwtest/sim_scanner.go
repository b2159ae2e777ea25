package hwtest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"time"
)

// The bytes that acknowledge and refuse, in all of these families.
const (
	scannerACK = 0x06
	scannerNAK = 0x15
	scannerENQ = 0x05
)

// Scanner is a simulated scanner or card reader with a dialogue of its own. Which
// one depends on the function that made it; each was written from its maker's
// description. Any goroutine may call it.
type Scanner struct {
	wire  wire
	frame func(credential string) []byte
	take  func(in []byte) (used int) // one command from the front; 0: not whole yet
	reset func()                     // at power-up
	ask   bool                       // reads only when it is told to

	mu       sync.Mutex // guards all below
	buf      []byte
	heard    []byte
	off      bool
	hung     bool
	turn     uint64 // counts losses of power, so that a late answer is not sent
	disabled bool
	waiting  []byte // a frame for a scanner that was not told to read
	told     bool   // to read, once

	wantsACK bool          // from the host, for each frame
	gives    bool          // up when none comes, and reads on
	ackTime  time.Duration // how long it waits until it beeps
	unacked  []byte
	beeps    int
}

func newScanner(line io.ReadWriter, frame func(credential string) []byte) *Scanner {
	return &Scanner{wire: wire{line: line}, frame: frame, ackTime: 3 * time.Second}
}

// Run is Tile.Run.
func (s *Scanner) Run(ctx context.Context) error { return s.wire.serve(ctx, s.hear) }

func (s *Scanner) hear(in []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off || s.hung {
		return
	}
	s.heard = append(s.heard, in...)
	s.buf = append(s.buf, in...)
	for len(s.buf) > 0 {
		used := 1
		switch {
		case s.unacked != nil && (s.buf[0] == scannerACK || s.buf[0] == scannerNAK):
			s.acknowledged(s.buf[0] == scannerACK)
		case s.take != nil:
			used = s.take(s.buf)
		}
		if used == 0 {
			return
		}
		s.buf = bytes.Clone(s.buf[used:])
	}
}

// Show is Tile.Show. A scanner that is off, hangs, was disabled or waits for an
// acknowledgement reads nothing.
func (s *Scanner) Show(credential string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.off || s.hung || s.disabled || s.unacked != nil:
		return nil
	case s.ask && !s.told:
		s.waiting = s.frame(credential)
		return nil
	}
	s.told = false
	return s.output(nil, s.frame(credential))
}

// Frame is Tile.Frame.
func (s *Scanner) Frame(credential string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame(credential)
}

// Heard is all that the host has sent.
func (s *Scanner) Heard() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.heard)
}

// ExpectACK makes a scanner of Zebra or Datalogic wait for ACK (06) after each
// frame, and send it again for NAK (15). After so long without either it beeps; a
// Datalogic reads nothing more until one comes, a Zebra gives the frame up.
func (s *Scanner) ExpectACK(within time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wantsACK, s.ackTime = true, within
}

// Beeps is how often the scanner complained that its host does not answer.
func (s *Scanner) Beeps() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beeps
}

// Disabled says whether the host told the scanner to read nothing.
func (s *Scanner) Disabled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disabled
}

// Hang makes the scanner do nothing until its power is cycled.
func (s *Scanner) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = true
}

// PowerOff is Powered.PowerOff.
func (s *Scanner) PowerOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	s.off = true
}

// PowerOn is Powered.PowerOn.
func (s *Scanner) PowerOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.off {
		return
	}
	s.off, s.hung, s.disabled, s.told = false, false, false, false
	s.buf, s.waiting, s.unacked = nil, nil, nil
	if s.reset != nil {
		s.reset()
	}
}

// output sends an answer and a frame in one piece, as a module does that had the
// code before it.
func (s *Scanner) output(answer, frame []byte) error {
	if s.wantsACK {
		s.unacked = frame
		s.await()
	}
	_, err := s.wire.line.Write(slices.Concat(answer, frame))
	return err
}

// await beeps when the frame that was sent is not acknowledged.
func (s *Scanner) await() {
	frame := s.unacked
	s.later(s.ackTime, func() {
		if len(s.unacked) == 0 || &s.unacked[0] != &frame[0] {
			return
		}
		s.beeps++
		if s.gives {
			s.unacked = nil
		}
	})
}

func (s *Scanner) acknowledged(good bool) {
	if good {
		s.unacked = nil
		return
	}
	_, _ = s.wire.line.Write(s.unacked)
}

// answer sends what a command brought.
func (s *Scanner) answer(raw []byte) { _, _ = s.wire.line.Write(raw) }

// later does something unless the power goes.
func (s *Scanner) later(d time.Duration, do func()) {
	mine := s.turn
	time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.turn == mine && !s.hung {
			do()
		}
	})
}

// NewZebraASCII makes a Zebra scanner without SSI: the text of the code and the
// suffix it was set up with, none as delivered.
func NewZebraASCII(line io.ReadWriter, suffix string) *Scanner {
	s := newScanner(line, func(text string) []byte { return []byte(text + suffix) })
	s.gives = true
	return s
}

// NewDatalogic makes a Datalogic Gryphon: the text of the code, CR and LF, and no
// header. D disables it and E enables it again.
func NewDatalogic(line io.ReadWriter) *Scanner {
	s := newScanner(line, func(text string) []byte { return []byte(text + "\r\n") })
	s.take = func(in []byte) int {
		switch in[0] {
		case 'D':
			s.disabled = true
		case 'E':
			s.disabled = false
		}
		return 1
	}
	return s
}
