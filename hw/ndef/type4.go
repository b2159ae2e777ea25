package ndef

import (
	"encoding/binary"
	"fmt"
)

// Type4 reads the message of a Type 4 tag, or of a phone that acts as one. Its
// zero value begins anew: Command is what to send, Take takes the answer, until
// Command is nil. Then Message is there.
type Type4 struct {
	step    step4
	chunk   int // how much one answer may carry
	file    [2]byte
	size    int // of the file
	length  int // of the message
	message []byte
}

type step4 uint8

const (
	selectApplication step4 = iota
	selectContainer
	readContainer
	selectFile
	readLength
	readMessage
	finished
)

// Limits of reading (Type 4 Tag §4.4, and what one exchange carries with
// certainty).
const (
	containerSize = 15
	largestChunk  = 240
	lengthSize    = 2
)

// Command is the next APDU; nil: the message is there, or there was an error.
func (t *Type4) Command() []byte {
	switch t.step {
	case selectApplication:
		return []byte{0x00, 0xA4, 0x04, 0x00, 0x07, 0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01, 0x00}
	case selectContainer:
		return []byte{0x00, 0xA4, 0x00, 0x0C, 0x02, 0xE1, 0x03}
	case readContainer:
		return readBinary(0, containerSize)
	case selectFile:
		return []byte{0x00, 0xA4, 0x00, 0x0C, 0x02, t.file[0], t.file[1]}
	case readLength:
		return readBinary(0, lengthSize)
	case readMessage:
		return readBinary(lengthSize+len(t.message), t.next())
	default:
		return nil
	}
}

func readBinary(offset, size int) []byte {
	return []byte{0x00, 0xB0, byte(offset >> 8), byte(offset), byte(size)}
}

// next is how much the next chunk brings.
func (t *Type4) next() int { return min(t.length-len(t.message), t.chunk) }

// Take takes the answer to the last command. An error ends the reading; it is
// ErrNone, ErrMalformed or ErrTooLong.
func (t *Type4) Take(answer []byte) error {
	err := t.take(answer)
	if err != nil {
		t.step = finished
	}
	return err
}

func (t *Type4) take(answer []byte) error {
	if t.step == finished {
		return fmt.Errorf("%w: an answer that nobody asked for", ErrMalformed)
	}
	if len(answer) < 2 {
		return fmt.Errorf("%w: an answer without a status", ErrMalformed)
	}
	body, status := answer[:len(answer)-2], binary.BigEndian.Uint16(answer[len(answer)-2:])
	if status != 0x9000 {
		return fmt.Errorf("%w: status %04X", ErrNone, status)
	}
	switch t.step {
	case selectApplication, selectContainer, selectFile:
		t.step++
		return nil
	case readContainer:
		t.step++
		return t.takeContainer(body)
	case readLength:
		t.step++
		return t.takeLength(body)
	default:
		return t.takeMessage(body)
	}
}

// takeContainer reads the capability container (Type 4 Tag §4.3.1): its length,
// version, how much may be read and written at once, and the field of the file.
func (t *Type4) takeContainer(body []byte) error {
	if len(body) != containerSize || body[7] != 0x04 || body[8] != 0x06 {
		return fmt.Errorf("%w: the capability container", ErrMalformed)
	}
	if version := body[2] >> 4; version < 1 || version > 3 {
		return fmt.Errorf("%w: a mapping of version %d", ErrNone, version)
	}
	if body[13] != 0x00 {
		return fmt.Errorf("%w: the file may not be read", ErrNone)
	}
	t.chunk = min(int(binary.BigEndian.Uint16(body[3:])), largestChunk)
	t.file, t.size = [2]byte(body[9:11]), int(binary.BigEndian.Uint16(body[11:]))
	if t.chunk < containerSize || t.size <= lengthSize {
		return fmt.Errorf("%w: a file of %d bytes in pieces of %d", ErrMalformed, t.size, t.chunk)
	}
	return nil
}

func (t *Type4) takeLength(body []byte) error {
	if len(body) != lengthSize {
		return fmt.Errorf("%w: the length of the message", ErrMalformed)
	}
	t.length = int(binary.BigEndian.Uint16(body))
	switch {
	case t.length == 0:
		return ErrNone
	case t.length > MaxMessage:
		return ErrTooLong
	case t.length > t.size-lengthSize:
		return fmt.Errorf("%w: a message that is longer than its file", ErrMalformed)
	}
	return nil
}

func (t *Type4) takeMessage(body []byte) error {
	if len(body) != t.next() {
		return fmt.Errorf("%w: %d bytes of %d that were asked for", ErrMalformed, len(body), t.next())
	}
	if t.message = append(t.message, body...); len(t.message) == t.length {
		t.step = finished
	}
	return nil
}

// Message is the message that was read; without an error and a Command, it is
// whole.
func (t *Type4) Message() []byte { return t.message }
