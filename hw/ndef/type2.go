package ndef

import (
	"fmt"
	"slices"
)

// Type2 reads the message of a Type 2 tag, such as an NTAG21x. Its zero value
// begins anew: Command is what to send, Take takes the answer, until Command is
// nil. Then Message is there.
type Type2 struct {
	page    int
	area    []byte // the data area as far as it was read
	size    int    // of the data area, as the tag says
	message []byte
	done    bool
}

// What a Type 2 tag is (Type 2 Tag §2.1, §4.3).
const (
	readCommand = 0x30
	readSize    = 16 // four pages of four bytes
	firstPage   = 3  // the capability container
	magic       = 0xE1
	lastPage    = 0xFF
)

// Command is the next command, a READ of four pages; nil: the message is there.
func (t *Type2) Command() []byte {
	if t.done {
		return nil
	}
	if t.page == 0 {
		t.page = firstPage
	}
	return []byte{readCommand, byte(t.page)}
}

// Take takes the answer to the last command. An error ends the reading; it is
// ErrNone, ErrMalformed or ErrTooLong.
func (t *Type2) Take(answer []byte) error {
	if t.done || t.page == 0 { // nothing was asked
		return fmt.Errorf("%w: an answer that nobody asked for", ErrMalformed)
	}
	if len(answer) != readSize {
		t.done = true
		return fmt.Errorf("%w: a read of %d bytes, want %d", ErrMalformed, len(answer), readSize)
	}
	if t.page == firstPage {
		if answer[0] != magic || answer[1]>>4 != 1 || answer[3]>>4 != 0 {
			t.done = true
			return fmt.Errorf("%w: no capability container that may be read", ErrNone)
		}
		t.size = 8 * int(answer[2])
		answer = answer[4:]
	}
	t.page += 4
	t.area = append(t.area, answer...)
	whole := len(t.area) >= t.size || t.page > lastPage
	message, more, err := findMessage(t.area[:min(len(t.area), t.size)])
	switch {
	case err != nil:
		t.done = true
		return err
	case !more:
		t.message, t.done = slices.Clone(message), true
	case whole:
		t.done = true
		return fmt.Errorf("%w: a field is longer than the tag", ErrMalformed)
	}
	return nil
}

// Message is the message that was read.
func (t *Type2) Message() []byte { return t.message }

// The tags of the data area (Type 2 Tag §2.3).
const (
	tlvNull       = 0x00
	tlvMessage    = 0x03
	tlvTerminator = 0xFE
)

// findMessage looks for the message among the fields of a data area. With more
// set, it takes more of the area to know. An empty message is none.
func findMessage(area []byte) (message []byte, more bool, err error) {
	for len(area) > 0 {
		switch area[0] {
		case tlvNull:
			area = area[1:]
			continue
		case tlvTerminator:
			return nil, false, ErrNone
		}
		head, size := 2, 0
		switch {
		case len(area) < 2 || area[1] == 0xFF && len(area) < 4:
			return nil, true, nil
		case area[1] == 0xFF:
			head, size = 4, int(area[2])<<8|int(area[3])
		default:
			size = int(area[1])
		}
		if area[0] == tlvMessage {
			switch {
			case size == 0:
				return nil, false, ErrNone
			case size > MaxMessage:
				return nil, false, ErrTooLong
			}
		}
		if len(area) < head+size {
			return nil, true, nil
		}
		if area[0] == tlvMessage {
			return area[head : head+size], false, nil
		}
		area = area[head+size:]
	}
	return nil, true, nil
}
