package pn532

// Kind is what a frame is.
type Kind uint8

// The kinds of frames that come from the chip.
const (
	Ack     Kind = iota // it took the command
	Nack                // only a host says so; from a chip it is an echo
	Refusal             // syntax error: it does not know the command, or not so
	Answer              // what it has to say
)

// Frame is one correct frame.
type Frame struct {
	Kind Kind
	Code byte   // of an answer: that of its command, plus one
	Data []byte // of an answer: what follows the code; good until the next Feed
}

// Drop is why bytes were thrown away.
type Drop uint8

// The closed set of drops.
const (
	Noise  Drop = iota // bytes outside of frames, once for each run of them
	Length             // a length whose check is wrong, or a body that no frame has
	Sum                // a frame whose check is wrong
	Echo               // a frame that hosts send: the line returns what we say

	DropKinds
)

// Limits of a frame (UM0701-02 §6.2.1).
const (
	MaxData  = 264 // what follows TFI: the code and its parameters
	maxFrame = 2 + 6 + 1 + MaxData + 1
)

// Scanner cuts a stream of bytes into frames. However the stream was cut into
// pieces on its way, the frames are the same. It never holds more than one
// frame. The zero value is ready.
//
// A frame is found by its two bytes 00 FF; what stands before them, and after
// the check, is filler of any length.
type Scanner struct {
	buf     []byte
	noisy   bool // this run of noise was counted
	Dropped [DropKinds]uint64
}

// Forget throws away a frame that has begun: the line was opened again, or what
// was asked for is no longer wanted.
func (s *Scanner) Forget() { s.buf, s.noisy = s.buf[:0], false }

// Begun says that a frame has begun and is not whole.
func (s *Scanner) Begun() bool { return len(s.buf) > 2 }

// Feed takes bytes and calls emit for each frame that they complete.
func (s *Scanner) Feed(in []byte, emit func(Frame)) {
	for _, c := range in {
		s.buf = append(s.buf, c)
		for len(s.buf) > 0 && s.step(emit) {
		}
	}
}

// step looks at the start of buf. It says whether it took something away, so
// that there may be more to see.
func (s *Scanner) step(emit func(Frame)) bool {
	switch {
	case s.buf[0] != 0x00:
		s.noise(s.buf[0])
		return s.cut(1)
	case len(s.buf) < 2:
		return false
	case s.buf[1] != 0xFF:
		return s.cut(1) // a zero more is filler
	case len(s.buf) < 4:
		return false
	}
	head, size, ok := s.size()
	switch {
	case !ok:
		s.Dropped[Length]++
		return s.resync()
	case len(s.buf) < head+size:
		return false
	case size == 0:
		return s.short(emit)
	case !s.summed(head, size):
		s.Dropped[Sum]++
		return s.resync()
	}
	s.body(s.buf[head:head+size-1], emit)
	return s.cut(head + size)
}

// size is how long the head of the frame is, and how long its body is with its
// check; ok is false for a length that cannot be. While the head is not whole,
// it is longer than what is there.
func (s *Scanner) size() (head, size int, ok bool) {
	n, check := int(s.buf[2]), s.buf[3]
	switch {
	case n == 0x00 && check == 0xFF, n == 0xFF && check == 0x00:
		return 4, 0, true
	case n == 0xFF && check == 0xFF: // extended
		if len(s.buf) < 7 {
			return 7, 0, true
		}
		n = int(s.buf[4])<<8 | int(s.buf[5])
		sum := s.buf[4] + s.buf[5] + s.buf[6]
		return 7, n + 1, sum == 0 && n >= 1 && n <= MaxData+1
	default:
		return 4, n + 1, byte(n)+check == 0 && n >= 1
	}
}

func (s *Scanner) summed(head, size int) bool {
	sum := byte(0)
	for _, c := range s.buf[head : head+size] {
		sum += c
	}
	return sum == 0
}

// short is a frame without a body.
func (s *Scanner) short(emit func(Frame)) bool {
	kind := Ack
	if s.buf[2] == 0xFF {
		kind = Nack
	}
	s.noisy = false
	emit(Frame{Kind: kind})
	return s.cut(4)
}

// body is TFI and what follows it, already known to be whole.
func (s *Scanner) body(body []byte, emit func(Frame)) {
	s.noisy = false
	switch {
	case len(body) == 1 && body[0] == refusal:
		emit(Frame{Kind: Refusal})
	case body[0] == toChip:
		s.Dropped[Echo]++
	case body[0] != toHost || len(body) < 2:
		s.Dropped[Length]++
	default:
		emit(Frame{Kind: Answer, Code: body[1], Data: body[2:]})
	}
}

// noise counts a run of bytes that are neither frame nor filler.
func (s *Scanner) noise(c byte) {
	if c != 0x00 && !s.noisy {
		s.noisy = true
		s.Dropped[Noise]++
	}
}

// resync gives up the frame that seemed to begin: what follows its first byte
// may be the real one.
func (s *Scanner) resync() bool {
	s.noisy = true
	return s.cut(1)
}

func (s *Scanner) cut(n int) bool {
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	return true
}
