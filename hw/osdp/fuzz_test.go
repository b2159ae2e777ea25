package osdp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// A scanner gives only what is in the bytes, whole and with a right check, and
// however they were cut in pieces: the same.
func FuzzScanner(f *testing.F) {
	poll := Frame{Sequence: 1, Code: codePOLL}.Append([]byte{mark})
	for _, seed := range []string{
		"53 80 08 00 05 40 68 9F", "FF FF 53 81 0B 00 06 53 00 01 34 95 62", "53 53 FF 00 53 80 08 00 05 40 68 9F",
		"53 00 08 00 05 60 DA 99 FF 53 80 08 00 05 40 68 9F", "53 80 07 00 02 60 44", "53 80 FF 05 04", "53 80 A0 05 04 40",
		"53 80 0E 00 0E 02 16 40 43 8E DA 79 0D 4E", "53 80 0B 00 0D 02 22 40 01 00 00", "00 00 00 53", "",
	} {
		f.Add(unhex(f, seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		if len(in) > MaxFrame {
			in = in[:MaxFrame]
		}
		whole := scanAll(t, poll, in, len(in)+1)
		pieces := scanAll(t, poll, in, int(cut)+1)
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("% X: got % X whole, % X in pieces of %d", in, whole, pieces, cut)
		}
	})
}

// scanAll scans bytes in pieces and returns all replies one behind the other.
func scanAll(t *testing.T, command, in []byte, piece int) (replies []byte) {
	s := new(Scanner)
	s.Begin(command)
	take := func(final bool) {
		for {
			f, refusal, found := s.Next(final)
			switch {
			case !found:
				return
			case refusal >= refusalCount:
				t.Fatalf("refusal %d", refusal)
			case refusal != 0:
				continue
			}
			again := f.Append(nil)
			if !bytes.Contains(in, again) || f.Address != 0 || !f.Reply {
				t.Fatalf("% X: % X is not in it", in, again)
			}
			replies = append(replies, again...)
		}
	}
	for rest := in; len(rest) > 0; {
		n := s.Write(rest[:min(piece, len(rest))])
		rest = rest[n:]
		take(false)
	}
	take(true)
	return replies
}

// No decoder panics, and what it takes is as long as it says.
func FuzzReplies(f *testing.F) {
	for _, r := range tableReplies() {
		f.Add(r[0], r[1:])
	}
	f.Fuzz(func(t *testing.T, code byte, data []byte) {
		before := bytes.Clone(data)
		frame := Frame{Reply: true, Code: code, Data: data}
		_, err := decodeForTest(frame)
		if fits := wellFormed(frame); known(code) && fits && err != nil {
			t.Fatalf("code %02X % X: well formed, but %v", code, data, err)
		}
		if _, err := decodeCCRYPT(data); (err == nil) != (len(data) == 32) {
			t.Fatalf("CCRYPT of %d bytes: %v", len(data), err)
		}
		if _, err := decodeRMACI(data); (err == nil) != (len(data) == 16) {
			t.Fatalf("RMAC_I of %d bytes: %v", len(data), err)
		}
		if c, err := DecodeRAW(data); err == nil && len(c.Bits.Bytes()) != (c.Count+7)/8 {
			t.Fatalf("% X: %d bits in %d bytes", data, c.Count, len(c.Bits.Bytes()))
		}
		if !bytes.Equal(before, data) {
			t.Fatal("a decoder changed what it read")
		}
	})
}

// Nothing passes the channel but the reader's own words.
func FuzzUnwrap(f *testing.F) {
	all := goldens(f)
	for _, g := range all {
		if g.panel != nil && g.message[4]&crcBit != 0 {
			f.Add(g.message)
		}
	}
	ours := map[string]bool{}
	for _, g := range all {
		ours[string(g.message)] = true
	}
	panel := securedGolden(f, []byte{codeACK}, 0, 1, false).panel
	f.Fuzz(func(t *testing.T, message []byte) {
		message = bytes.Clone(message)
		if len(message) >= MinFrame && len(message) <= MaxFrame {
			message[0], message[2], message[3] = som, byte(len(message)), byte(len(message)>>8)
			message = pdSeal(message[:len(message)-2])
		}
		frame, err := Parse(message)
		if err != nil {
			return
		}
		same := string(message)
		c := panel()
		if refusal := c.unwrap(&frame); refusal == 0 && !ours[same] {
			t.Fatalf("% X passed", same)
		}
	})
}

// F-31: garbage at line rate, with and without what looks like messages. No
// event but counts, and the readers are back when it ends.
func TestGarbageMakesNoEvent(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	before := len(w.said[peer])
	rng := rand.New(rand.NewPCG(1, 2))
	reader.fault = func(_ byte, reply []byte) []byte {
		junk := make([]byte, rng.IntN(300))
		for i := range junk {
			junk[i] = byte(rng.Uint32())
		}
		for range rng.IntN(5) {
			if at := rng.IntN(len(junk) + 1); at+len(reply) < len(junk) && len(reply) > 8 {
				copy(junk[at:], reply[:len(reply)-rng.IntN(6)-1])
			}
		}
		return junk
	}
	w.run(5 * time.Minute)
	for _, e := range w.said[peer][before:] {
		switch e.(type) {
		case Refused, StateChanged:
		default:
			t.Fatalf("got %T out of garbage", e)
		}
	}
	reader.fault = nil
	w.run(6 * time.Second)
	w.wantState(peer, Secure)
}
