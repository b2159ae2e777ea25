package hwtest

import (
	"bytes"
	"slices"
)

// Type4 is a tag, or a phone that emulates one, with an NDEF message in a file
// (NFC Forum, Type 4 Tag 2.0).
type Type4 struct {
	*depTag
	maxRead  int // MLe
	fileSize int
	message  func() []byte // asked once after each selection of the file
	more     []byte        // of the capability container: another file, as NTAG 424 DNA has

	selected bool   // the application
	file     int    // E103, E104, or 0
	contents []byte // of the file, from its first reading to the next selection
}

var (
	ndefApplication = mustHex("D2760000850101")
	capabilityFile  = 0xE103
	ndefFile        = 0xE104
)

// NewType4 makes a card with a UID of seven bytes, in hex, and an NDEF message.
func NewType4(uid string, message []byte) *Type4 { return newType4(newCard(uid, nil), message) }

// NewType4Phone makes a phone that presents an NDEF message behind a UID drawn
// anew each time.
func NewType4Phone(message []byte) *Type4 {
	phone := NewPhone().(*depTag)
	return newType4(phone, message)
}

func newType4(tag *depTag, message []byte) *Type4 {
	message = bytes.Clone(message)
	t := &Type4{depTag: tag, maxRead: 0x3B, fileSize: max(0x100, len(message)+2), message: func() []byte { return message }}
	tag.apdu = t.answer
	tag.begin = func() { t.selected, t.file, t.contents = false, 0, nil }
	return t
}

// SetMaxRead sets how much the tag gives in one answer. It says so in its
// capability container, and refuses to give more.
func (t *Type4) SetMaxRead(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.maxRead = n
}

// SetMessage writes another message to the tag.
func (t *Type4) SetMessage(message []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	message = bytes.Clone(message)
	t.fileSize = max(t.fileSize, len(message)+2)
	t.message = func() []byte { return message }
}

func (t *Type4) answer(command []byte) []byte {
	name, byName := selectsByName(command)
	switch {
	case byName:
		t.file, t.contents = 0, nil
		if t.selected = bytes.Equal(name, ndefApplication); t.selected {
			return swOK
		}
		return swNoFile
	case command[0] != 0x00:
		return swBadClass
	case !t.selected:
		return swNoFile
	case command[1] == 0xA4:
		return t.selectFile(command)
	case command[1] == 0xB0:
		return t.read(command)
	default:
		return swUnknown
	}
}

// selectFile is SELECT by file identifier, P1 P2 = 00 0C.
func (t *Type4) selectFile(command []byte) []byte {
	if len(command) != 7 || command[2] != 0x00 || command[3] != 0x0C || command[4] != 2 {
		return swNoFile
	}
	file := int(command[5])<<8 | int(command[6])
	if file != capabilityFile && file != ndefFile {
		return swNoFile
	}
	t.file, t.contents = file, nil
	return swOK
}

// read is READ BINARY of the selected file.
func (t *Type4) read(command []byte) []byte {
	if len(command) != 5 {
		return swLength
	}
	if t.contents == nil {
		switch t.file {
		case 0:
			return swState
		case capabilityFile:
			t.contents = t.capabilities()
		default:
			message := t.message()
			t.contents = make([]byte, t.fileSize)
			copy(t.contents, append([]byte{byte(len(message) >> 8), byte(len(message))}, message...))
		}
	}
	offset, want := int(command[2])<<8|int(command[3]), int(command[4])
	if want == 0 {
		want = min(256, t.maxRead)
	}
	switch {
	case want > t.maxRead:
		return swLength
	case offset >= len(t.contents):
		return swOffset
	}
	return slices.Concat(t.contents[offset:min(offset+want, len(t.contents))], swOK)
}

// capabilities is the capability container: its length, mapping version 2.0, MLe,
// MLc, and the NDEF file with its size, readable by all, writable by nobody.
func (t *Type4) capabilities() []byte {
	return append([]byte{
		0x00, byte(15 + len(t.more)), 0x20, byte(t.maxRead >> 8), byte(t.maxRead), 0x00, 0x34,
		0x04, 0x06, 0xE1, 0x04, byte(t.fileSize >> 8), byte(t.fileSize), 0x00, 0xFF,
	}, t.more...)
}
