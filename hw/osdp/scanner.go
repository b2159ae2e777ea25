package osdp

import "bytes"

// Scanner finds the replies to one command among whatever a line brings: marks,
// noise, the echo of the command, other readers, half replies. It takes any
// bytes in any pieces and holds at most two messages of the longest kind.
//
// Where bytes could be the start of a message, it waits for the end of that
// message before it looks for another inside, so that what a reader carries as
// data is not taken for a message. What proves to be none is searched again
// from its second byte on.
type Scanner struct {
	buf      [2 * MaxFrame]byte
	at, used int
	sent     []byte // the command, without marks; its echo is skipped
	junk     bool   // inside a run of noise that was already reported
}

// Begin forgets what came and waits for replies to a command, which may have its
// mark. Replies count only from its address and with its kind of check. The
// scanner keeps the slice until the next Begin.
func (s *Scanner) Begin(command []byte) {
	s.at, s.used, s.junk = 0, 0, false
	s.sent = bytes.TrimLeft(command, "\xFF")
}

// Write takes bytes in and says how many. It takes at least as many as the
// longest message has if Next was called until it found nothing.
func (s *Scanner) Write(b []byte) int {
	s.used = copy(s.buf[:], s.buf[s.at:s.used])
	s.at = 0
	n := copy(s.buf[s.used:], b)
	s.used += n
	return n
}

// Pending says whether a message seems to have begun and not yet ended.
func (s *Scanner) Pending() bool { return s.used > s.at }

// Next is the next reply, or the next refusal to be counted; found is false when
// more bytes are needed. With final, no more bytes will come, and what is still
// open is a refusal. The reply is valid until Write is called again.
func (s *Scanner) Next(final bool) (reply Frame, refusal Refusal, found bool) {
	for s.at < s.used {
		rest := s.buf[s.at:s.used]
		if rest[0] == mark {
			s.at++
			continue
		}
		reply, size, refusal := s.judge(rest, final)
		if size == 0 {
			return Frame{}, 0, false
		}
		s.at += size
		switch {
		case refusal == RefusedNoise && s.junk:
			continue
		case refusal == 0 && !reply.Reply: // an echo
			continue
		}
		s.junk = refusal == RefusedNoise
		return reply, refusal, true
	}
	return Frame{}, 0, false
}

// judge says how many bytes at the start of rest are dealt with, and how; 0 is
// to wait for more. No refusal and no reply is the echo of the command.
func (s *Scanner) judge(rest []byte, final bool) (reply Frame, size int, refusal Refusal) {
	if !plausible(rest) || !s.rightCheck(rest) {
		return Frame{}, 1, RefusedNoise
	}
	if len(rest) < headSize || len(rest) < frameSize(rest) {
		if final {
			return Frame{}, 1, RefusedTruncated
		}
		return Frame{}, 0, 0
	}
	size = frameSize(rest)
	if bytes.Equal(rest[:size], s.sent) {
		return Frame{}, size, 0
	}
	f, err := Parse(rest[:size])
	switch {
	case err == RefusedCheck: //nolint:errorlint // Parse returns a Refusal, never wrapped
		return Frame{}, 1, RefusedCheck
	case rest[1]&replyBit == 0:
		return Frame{}, size, RefusedSecondPanel
	case len(s.sent) < 2 || rest[1] != s.sent[1]|replyBit:
		return Frame{}, size, RefusedAddress
	case err == RefusedBlock: //nolint:errorlint // as above
		return Frame{}, size, RefusedBlock
	case err != nil:
		return Frame{}, size, RefusedLength
	}
	return f, size, 0
}

// rightCheck says whether a reply, once its control byte is there, has the kind
// of check that the command had. Without this, one flipped bit would turn a CRC
// into a checksum, which misses one error in 256.
func (s *Scanner) rightCheck(rest []byte) bool {
	return len(rest) < headSize || len(s.sent) < headSize || rest[1]&replyBit == 0 || rest[4]&crcBit == s.sent[4]&crcBit
}
