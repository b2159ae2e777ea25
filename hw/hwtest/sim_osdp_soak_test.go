package hwtest

import (
	"bytes"
	"testing"
	"time"
)

// TestOSDPTapsOfABadLineAreAccountedFor is a panel in a few lines: it repeats
// three times, and then begins anew. What the readers say of each tap must agree
// with what it heard.
func TestOSDPTapsOfABadLineAreAccountedFor(t *testing.T) {
	for _, tt := range []struct{ forgetful, secure bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		r := NewOSDPReader(0)
		r.Forgetful = tt.forgetful
		got := map[uint32]int{}
		taps := map[uint32]*OSDPTap{}
		onLine(t, func(p *panel) {
			poll := p.poll
			kinds := []OSDPFault{
				OSDPLoseCommand, OSDPDropReply, OSDPCorruptReply, OSDPDuplicateReply,
				OSDPWrongAddress, OSDPWrongSequence, OSDPSequenceZero, OSDPBusy, OSDPNoisePrefix,
			}
			if tt.secure {
				// In clear a reply that is late by three commands has the
				// number of the next one: no panel could tell.
				poll, kinds = p.securePoll, append(kinds, OSDPLateReply)
			}
			r.Unreliable(0.2, 42, kinds...)
			number := 0
			for i := range uint32(2000) {
				if r.Online() && i%2 == 0 {
					taps[i] = r.Present([]byte{byte(i >> 8), byte(i)}, 16, 0)
				}
				number = poll(number, got)
			}
			for r.Mend(); !r.Idle(); {
				number = poll(number, got)
			}
		}, r)
		count := map[OSDPFate]int{}
		for card, tap := range taps {
			fate, n := tap.Fate(), got[card]
			count[fate]++
			if n > 1 || n == 0 && fate == TapTold || n > 0 && fate != TapTold && fate != TapSent {
				t.Errorf("%+v: card %d was heard %d times, and its fate is %d", tt, card, n, fate)
			}
		}
		if count[TapTold] < len(taps)/2 {
			t.Errorf("%+v: heard %d of %d taps, fates %v", tt, len(got), len(taps), count)
		}
		if lost := r.Seen().LostTaps; lost != count[TapLost] || tt.forgetful && lost == 0 {
			t.Errorf("%+v: %d lost taps are counted, %v", tt, lost, count)
		}
		for fault, n := range r.Injected() {
			if n < 10 {
				t.Errorf("%+v: %s happened %d times in 2000 exchanges", tt, fault, n)
			}
		}
		t.Logf("%+v: heard %d, fates %v, %v", tt, len(got), count, r.Injected())
	}
}

// poll polls once in clear and returns the next number. What it hears goes to
// got.
func (p *panel) poll(number int, got map[uint32]int) int {
	for range 3 {
		p.listen(time.Millisecond) // what came late
		for _, f := range panelFrames(p.ask(OSDPCommand(0, byte(number), 0x60))) {
			if f.address != 0x80 || f.number != number || f.code == 0x79 {
				continue
			}
			if f.code == 0x50 {
				got[uint32(f.data[4])<<8|uint32(f.data[5])]++
			}
			if f.code == 0x41 && f.data[0] == 4 {
				return 0
			}
			return number%3 + 1
		}
	}
	return 0
}

// securePoll is poll in a session, which it opens where there is none.
func (p *panel) securePoll(number int, got map[uint32]int) int {
	if p.session == nil {
		if !p.handshake() {
			return 0
		}
		number = 2
	}
	frame := p.sealed(0, number, 0x60)
	for range 3 {
		p.listen(time.Millisecond)
		for _, f := range panelFrames(p.ask(frame)) {
			if f.address != 0x80 || f.code == 0x79 || f.block != nil && f.number != number {
				continue
			}
			code, data, right := p.opened(f.raw)
			if !right {
				p.session = nil
				return 0
			}
			if code == 0x50 {
				got[uint32(data[4])<<8|uint32(data[5])]++
			}
			return number%3 + 1
		}
	}
	p.session = nil
	return 0
}

// handshake opens a session with the default key, if nothing goes wrong.
func (p *panel) handshake() bool {
	p.listen(time.Second)
	rndA := make([]byte, 8)
	for _, f := range panelFrames(p.ask(osdpEncode(0, 4, []byte{3, 0x11, 0}, 0x76, rndA, nil))) {
		if f.code != 0x76 || f.number != 0 || f.address != 0x80 {
			continue
		}
		s := newOSDPSession(OSDPDefaultKey(), rndA, f.data[8:16])
		for _, f := range panelFrames(p.ask(osdpEncode(0, 5, []byte{3, 0x13, 0}, 0x77, s.serverCryptogram(), nil))) {
			if first := s.open(); f.address == 0x80 && f.number == 1 && bytes.Equal(f.data, first) {
				p.session = s
				return true
			}
		}
	}
	return false
}

// panelFrames finds whole replies in what was heard.
func panelFrames(heard []byte) []osdpFrame {
	var all []osdpFrame
	for at := 0; at+osdpShortest <= len(heard); at++ {
		length := 0
		if heard[at] == osdpStart && heard[at+1]&osdpIsReply != 0 {
			length = int(heard[at+2]) | int(heard[at+3])<<8
		}
		if length < osdpShortest || at+length > len(heard) {
			continue
		}
		if f := osdpParse(heard[at : at+length]); f.right && f.complete {
			all = append(all, f)
			at += length - 1
		}
	}
	return all
}
