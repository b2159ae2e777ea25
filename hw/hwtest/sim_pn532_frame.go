package hwtest

import (
	"bytes"
	"time"
)

// pn532Kind is what a host sent.
type pn532Kind uint8

const (
	pn532Nothing pn532Kind = iota // nothing whole yet
	pn532ACK
	pn532NACK
	pn532Data
)

// pn532Input finds frames in what the host sends (UM0701-02, 6.2.1). What is
// before the two bytes 00 FF is ignored; a frame with a wrong length or data
// checksum vanishes without a word.
type pn532Input struct {
	buf   []byte
	since time.Time // when the mark, or what may become one, came
}

// stale says whether a frame that was begun has taken too long.
func (i *pn532Input) stale(now time.Time) bool {
	return len(i.buf) > 0 && now.Sub(i.since) > pn532FrameTime
}

func (i *pn532Input) take(c byte, now time.Time) {
	if len(i.buf) < 2 {
		i.since = now
	}
	i.buf = append(i.buf, c)
}

func (i *pn532Input) next() (pn532Kind, []byte) {
	for {
		at := bytes.Index(i.buf, []byte{0x00, 0xFF})
		if at < 0 {
			if n := len(i.buf); n > 1 {
				i.buf = i.buf[n-1:] // perhaps the first half of the mark
			}
			if len(i.buf) == 1 && i.buf[0] != 0 {
				i.buf = nil
			}
			return pn532Nothing, nil
		}
		kind, packet, used := pn532Parse(i.buf[at+2:])
		if used == 0 {
			return pn532Nothing, nil
		}
		i.buf = bytes.Clone(i.buf[at+2+used:])
		if kind != pn532Nothing {
			return kind, packet
		}
	}
}

// pn532Parse takes what follows a mark. It uses nothing while something is
// missing. A frame that is wrong is used up to where it went wrong, and gives
// nothing.
func pn532Parse(in []byte) (kind pn532Kind, packet []byte, used int) {
	if len(in) < 2 {
		return pn532Nothing, nil, 0
	}
	head, size := 2, int(in[0])
	switch {
	case in[0] == 0x00 && in[1] == 0xFF:
		return pn532ACK, nil, 2
	case in[0] == 0xFF && in[1] == 0x00:
		return pn532NACK, nil, 2
	case in[0] == 0xFF && in[1] == 0xFF:
		if len(in) < 5 {
			return pn532Nothing, nil, 0
		}
		head, size = 5, int(in[2])<<8|int(in[3])
		if in[2]+in[3]+in[4] != 0 || size > 265 {
			return pn532Nothing, nil, 2
		}
	case in[0]+in[1] != 0:
		return pn532Nothing, nil, 1
	}
	if len(in) < head+size+1 {
		return pn532Nothing, nil, 0
	}
	sum := byte(0)
	for _, c := range in[head : head+size+1] {
		sum += c
	}
	if sum != 0 || size == 0 {
		return pn532Nothing, nil, head
	}
	return pn532Data, bytes.Clone(in[head : head+size]), head + size + 1
}

// pn532Frame puts a frame around TFI and data, an extended one where LEN is not
// enough.
func pn532Frame(packet []byte) []byte {
	frame := []byte{0x00, 0x00, 0xFF}
	if n := len(packet); n > 0xFF {
		high, low := byte(n>>8), byte(n)
		frame = append(frame, 0xFF, 0xFF, high, low, -(high + low))
	} else {
		frame = append(frame, byte(n), -byte(n))
	}
	sum := byte(0)
	for _, c := range packet {
		sum += c
	}
	return append(append(frame, packet...), -sum, 0x00)
}
