package hwtest

import (
	"bytes"
	"testing"
	"time"
)

// ready polls a reader twice, so that number 2 comes next, and shows it a card.
func (p *panel) ready(r *OSDPReader) *OSDPTap {
	p.Helper()
	for n := range 2 {
		if code, _ := p.command(0, n, 0x60); code != 0x40 {
			p.Fatalf("POLL %d: got %02X, want ACK", n, code)
		}
	}
	return r.Present([]byte{0x04, 0xA2, 0xB3, 0xC4}, 32, 0)
}

func TestOSDPFaultsOfAReplyAreHealedByTheSameCommand(t *testing.T) {
	poll := OSDPCommand(0, 2, 0x60)
	for _, tt := range []struct {
		name string
		in   OSDPMishap
		bad  func(heard []byte) bool // the reply that is harmed
	}{
		{"command lost", OSDPMishap{Fault: OSDPLoseCommand}, func(b []byte) bool { return len(b) == 0 }},
		{"dead", OSDPMishap{Fault: OSDPDead}, func(b []byte) bool { return len(b) == 0 }},
		{"dropped", OSDPMishap{Fault: OSDPDropReply}, func(b []byte) bool { return len(b) == 0 }},
		{"corrupt", OSDPMishap{Fault: OSDPCorruptReply}, func(b []byte) bool {
			return bitsApart(b[1:], goodCard) == 1
		}},
		{"wrong address", OSDPMishap{Fault: OSDPWrongAddress}, func(b []byte) bool {
			f := osdpParse(b[1:])
			return f.right && f.address == 0x81 && f.number == 2 && f.code == 0x50
		}},
		{"wrong sequence", OSDPMishap{Fault: OSDPWrongSequence}, func(b []byte) bool {
			f := osdpParse(b[1:])
			return f.right && f.address == 0x80 && f.number == 3 && f.code == 0x50
		}},
		{"busy", OSDPMishap{Fault: OSDPBusy}, func(b []byte) bool { return spell(b) == "FF 53 80 08 00 04 79 23 0B" }},
		{"bad check at the reader", OSDPMishap{Fault: OSDPRefuse, Code: 1}, func(b []byte) bool {
			f := osdpParse(b[1:])
			return f.code == 0x41 && f.data[0] == 1
		}},
		{"another command's", OSDPMishap{Fault: OSDPDropReply, On: 0x60}, func(b []byte) bool { return len(b) == 0 }},
	} {
		r := NewOSDPReader(0)
		onLine(t, func(p *panel) {
			tap := p.ready(r)
			tt.in.Times = 2
			r.Break(tt.in)
			for range 2 {
				if heard := p.ask(poll); !tt.bad(heard) {
					t.Errorf("%s: got %s", tt.name, spell(heard))
				}
			}
			if got := bytes.TrimLeft(p.ask(poll), "\xFF"); !bytes.Equal(got, goodCard) {
				t.Errorf("%s, then repeated: got %s, want %s", tt.name, spell(got), spell(goodCard))
			}
			if tap.Fate() != TapSent {
				t.Errorf("%s: fate %d, want sent", tt.name, tap.Fate())
			}
			if code, _ := p.command(0, 3, 0x60); code != 0x40 || tap.Fate() != TapTold || !r.Idle() {
				t.Errorf("%s: got %02X, fate %d, want ACK and told", tt.name, code, tap.Fate())
			}
			if got := r.Injected()[tt.in.Fault]; got != 2 {
				t.Errorf("%s: injected %d, want 2", tt.name, got)
			}
		}, r)
	}
}

var goodCard = osdpEncode(0x80, 6, nil, 0x50, []byte{0, 0, 32, 0, 0x04, 0xA2, 0xB3, 0xC4}, nil)

func bitsApart(a, b []byte) int {
	n := 0
	for i := range min(len(a), len(b)) {
		for x := a[i] ^ b[i]; x > 0; x &= x - 1 {
			n++
		}
	}
	return n + 8*(max(len(a), len(b))-min(len(a), len(b)))
}

func TestOSDPLateAndDoubledRepliesArrive(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.ready(r)
		r.Break(OSDPMishap{Fault: OSDPLateReply, Times: 1, Delay: 3 * time.Second})
		began := time.Now()
		if heard := p.ask(OSDPCommand(0, 2, 0x60)); len(heard) > 0 {
			t.Errorf("late: got %s within 200 ms", spell(heard))
		}
		for len(p.listen(50*time.Millisecond)) == 0 && time.Since(began) < 10*time.Second {
		}
		if took := time.Since(began); took < 3*time.Second || took > 3200*time.Millisecond {
			t.Errorf("late by 3 s: came after %s", took)
		}
		r.Break(OSDPMishap{Fault: OSDPDuplicateReply, Times: 1})
		want := bytes.Repeat(append([]byte{0xFF}, goodCard...), 2)
		if heard := p.ask(OSDPCommand(0, 2, 0x60)); !bytes.Equal(heard, want) {
			t.Errorf("doubled: got %s", spell(heard))
		}
		r.Break(OSDPMishap{Fault: OSDPNoisePrefix, Times: 1})
		r.Break(OSDPMishap{Fault: OSDPNoisePrefix, Times: 1, Code: 1})
		for _, noise := range []string{"53 53 FF 00", "53 80 FF 00"} {
			want := append(unspell(t, noise+"FF"), goodCard...)
			if heard := p.ask(OSDPCommand(0, 2, 0x60)); !bytes.Equal(heard, want) {
				t.Errorf("noise: got %s, want %s", spell(heard), spell(want))
			}
		}
	}, r)
}

func TestOSDPReaderAsksToBeginAnew(t *testing.T) {
	for _, in := range []OSDPMishap{{Fault: OSDPSequenceZero}, {Fault: OSDPRefuse, Code: 4}} {
		r := NewOSDPReader(0)
		onLine(t, func(p *panel) {
			p.secured(0, 0, OSDPDefaultKey())
			tap := r.Present([]byte{1}, 8, 0)
			in.Times = 1
			r.Break(in)
			f := osdpParse(bytes.TrimLeft(p.ask(p.sealed(0, 2, 0x60)), "\xFF"))
			if !f.right || f.block != nil || in.Fault == OSDPSequenceZero && (f.number != 0 || f.code != 0x40) ||
				in.Code == 4 && (f.code != 0x41 || f.data[0] != 4) || r.Secure() {
				t.Errorf("%s: got %s, session %t", in.Fault, spell(f.raw), r.Secure())
			}
			if code, data := p.command(0, 3, 0x60); code != 0x41 || data[0] != 4 {
				t.Errorf("%s, and going on: got %02X % X, want NAK 4", in.Fault, code, data)
			}
			p.secured(0, 0, OSDPDefaultKey())
			p.secret(0, 2, 0x50, 0x60)
			if p.secret(0, 3, 0x40, 0x60); tap.Fate() != TapTold {
				t.Errorf("%s: fate %d, want told: nothing was lost", in.Fault, tap.Fate())
			}
		}, r)
	}
}

func TestOSDPReaderRefusesWithAnyCode(t *testing.T) {
	for code := byte(0); code <= 9; code++ {
		r := NewOSDPReader(0)
		onLine(t, func(p *panel) {
			p.secured(0, 0, OSDPDefaultKey())
			r.Break(OSDPMishap{Fault: OSDPRefuse, Code: code, Times: 1, On: 0x68})
			p.secret(0, 2, 0x40, 0x60)
			heard := bytes.TrimLeft(p.ask(p.sealed(0, 3, 0x68, 0, 5, 30, 0)), "\xFF")
			f := osdpParse(heard)
			got := f.data
			inClear := code == 1 || code >= 4 && code <= 6
			if !inClear {
				var ok bool
				if _, got, ok = p.opened(heard); !ok {
					t.Errorf("NAK %d: its MAC is wrong", code)
				}
			}
			if f.code != 0x41 || !bytes.Equal(got, []byte{code}) || inClear != (f.block == nil) {
				t.Errorf("NAK %d: got %s", code, spell(heard))
			}
			if lost := code >= 4 && code <= 6; r.Secure() == lost {
				t.Errorf("NAK %d: session %t", code, r.Secure())
			}
			if r.Output(0).Energised() {
				t.Errorf("NAK %d: it was done all the same", code)
			}
		}, r)
		r = NewOSDPReader(0)
		onLine(t, func(p *panel) {
			r.Break(OSDPMishap{Fault: OSDPRefuse, Code: code, On: 0x76})
			for range 2 {
				got, data := p.reply(p.ask(osdpEncode(0, 4, []byte{3, 0x11, 0}, 0x76, make([]byte, 8), nil)))
				if got != 0x41 || !bytes.Equal(data, []byte{code}) {
					t.Errorf("CHLNG, NAK %d: got %02X % X", code, got, data)
				}
			}
		}, r)
	}
}

func TestOSDPReaderIsBusyForEver(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.secured(0, 0, OSDPDefaultKey())
		r.Break(OSDPMishap{Fault: OSDPBusy})
		poll := p.sealed(0, 2, 0x60)
		for range 50 {
			if heard := spell(p.ask(poll)); heard != "FF 53 80 08 00 04 79 23 0B" {
				t.Fatalf("got %s, want BUSY", heard)
			}
		}
		r.Mend()
		if code, _, ok := p.opened(p.ask(poll)); code != 0x40 || !ok {
			t.Errorf("mended: got %02X, MAC right %t, want the chain untouched", code, ok)
		}
	}, r)
}

func TestOSDPReaderSaysWhatNobodyKnows(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.secured(0, 0, OSDPDefaultKey())
		r.Break(OSDPMishap{Fault: OSDPUnknownReply, Code: 0xE7, Times: 1})
		p.secret(0, 2, 0xE7, 0x60)
		p.secret(0, 3, 0x40, 0x60)
	}, r)
}

// A reader that lies, or that is not what it says.

func TestOSDPReaderLiesAboutItsChannel(t *testing.T) {
	r := NewOSDPReader(0)
	r.Key = bytes.Repeat([]byte{0x5A}, 16)
	onLine(t, func(p *panel) {
		says := func() byte {
			_, data := p.command(0, 0, 0x62, 0)
			at := 0
			for i := 0; i < len(data); i += 3 {
				if data[i] == 9 {
					at = i
				}
			}
			return data[at+1]
		}
		if says() != 1 {
			t.Error("healthy: want AES")
		}
		r.Break(OSDPMishap{Fault: OSDPSaysNoAES})
		if says() != 0 {
			t.Error("lying: want no AES")
		}
		p.secured(0, 1, r.Key) // and it can all the same
	}, r)
}

func TestOSDPHandshakeGoesWrong(t *testing.T) {
	key := bytes.Repeat([]byte{0x5A}, 16)
	rndA := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	challenge := osdpEncode(0, 4, []byte{3, 0x11, 1}, 0x76, rndA, nil)
	with := func(fault OSDPFault, test func(p *panel, f osdpFrame)) {
		r := NewOSDPReader(0)
		r.Key = key
		if fault != "" {
			r.Break(OSDPMishap{Fault: fault})
		}
		onLine(t, func(p *panel) { test(p, osdpParse(bytes.TrimLeft(p.ask(challenge), "\xFF"))) }, r)
	}
	confirm := func(p *panel, f osdpFrame) (*osdpSession, osdpFrame) {
		s := newOSDPSession(key, rndA, f.data[8:16])
		return s, osdpParse(bytes.TrimLeft(p.ask(osdpEncode(0, 5, []byte{3, 0x13, 1}, 0x77, s.serverCryptogram(), nil)), "\xFF"))
	}
	with(OSDPOffersDefaultKey, func(p *panel, f osdpFrame) {
		s := newOSDPSession(OSDPDefaultKey(), rndA, f.data[8:16])
		if f.block[2] != 0 || !bytes.Equal(f.data[16:], s.clientCryptogram()) {
			t.Errorf("offers the default key: got %s", spell(f.raw))
		}
	})
	with(OSDPWrongCryptogram, func(_ *panel, f osdpFrame) {
		s := newOSDPSession(key, rndA, f.data[8:16])
		if bitsApart(f.data[16:], s.clientCryptogram()) != 1 {
			t.Errorf("wrong cryptogram: got %s", spell(f.raw))
		}
	})
	with(OSDPWrongRMAC, func(p *panel, f osdpFrame) {
		s, answer := confirm(p, f)
		if answer.code != 0x78 || bitsApart(answer.data, s.open()) != 1 {
			t.Errorf("wrong R-MAC: got %s", spell(answer.raw))
		}
	})
	with("", func(p *panel, f osdpFrame) {
		wrong := bytes.Repeat([]byte{9}, 16)
		answer := osdpParse(bytes.TrimLeft(p.ask(osdpEncode(0, 5, []byte{3, 0x13, 1}, 0x77, wrong, nil)), "\xFF"))
		if answer.code != 0x78 || answer.block[2] != 0xFF || p.line.Reader(0).Secure() {
			t.Errorf("a panel that cannot prove itself: got %s, want status FF and no session", spell(answer.raw))
		}
	})
	with("", func(p *panel, _ osdpFrame) {
		if code, data := p.reply(p.ask(osdpEncode(0, 4, []byte{3, 0x11, 0}, 0x76, rndA, nil))); code != 0x41 || data[0] != 6 {
			t.Errorf("the default key to a paired reader: got %02X % X, want NAK 6", code, data)
		}
	})
}

func TestOSDPBadReaderInASession(t *testing.T) {
	card := []byte{0, 0, 8, 0, 0xAB}
	for _, tt := range []struct {
		in    OSDPMishap
		block byte // 0: none
		right bool // its MAC is
	}{
		{OSDPMishap{Fault: OSDPCardInClear, Times: 1}, 0, false},
		{OSDPMishap{Fault: OSDPCardUnsealed, Times: 1}, 0x16, true},
	} {
		r := NewOSDPReader(0)
		onLine(t, func(p *panel) {
			p.secured(0, 0, OSDPDefaultKey())
			tap := r.Present([]byte{0xAB}, 8, 0)
			r.Break(tt.in)
			heard := p.ask(p.sealed(0, 2, 0x60))
			f := osdpParse(bytes.TrimLeft(heard, "\xFF"))
			_, _, right := p.opened(heard)
			if f.code != 0x50 || !bytes.Equal(f.data, card) || right != tt.right || tt.block == 0 != (f.block == nil) {
				t.Errorf("%s: got %s, MAC right %t", tt.in.Fault, spell(heard), right)
			}
			if tap.Fate() != TapLost {
				t.Errorf("%s: fate %d; no panel may believe it", tt.in.Fault, tap.Fate())
			}
		}, r)
	}
	for _, kind := range []byte{0x15, 0x16} {
		r := NewOSDPReader(0)
		onLine(t, func(p *panel) {
			p.secured(0, 0, OSDPDefaultKey())
			r.Break(OSDPMishap{Fault: OSDPStatusUnsealed, Code: kind})
			heard := p.ask(p.sealed(0, 2, 0x64))
			f := osdpParse(bytes.TrimLeft(heard, "\xFF"))
			if _, data, right := p.opened(heard); f.block[1] != kind || !bytes.Equal(f.data, []byte{0, 0}) || !right || data == nil {
				t.Errorf("status under SCB %02X: got %s, MAC right %t", kind, spell(heard), right)
			}
		}, r)
	}
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.secured(0, 0, OSDPDefaultKey())
		r.Break(OSDPMishap{Fault: OSDPSealsNothing, Times: 1})
		heard := p.ask(p.sealed(0, 2, 0x60))
		if f := osdpParse(bytes.TrimLeft(heard, "\xFF")); f.block[1] != 0x18 || len(f.data) != 16 {
			t.Errorf("seals nothing: got %s", spell(heard))
		}
		r.Break(OSDPMishap{Fault: OSDPKeysetInClear})
		p.secured(0, 0, OSDPDefaultKey())
		key := append([]byte{1, 16}, bytes.Repeat([]byte{0xC3}, 16)...)
		f := osdpParse(bytes.TrimLeft(p.ask(p.sealed(0, 2, 0x75, key...)), "\xFF"))
		if f.code != 0x40 || f.block != nil || !r.HasKey(key[2:]) {
			t.Errorf("KEYSET's ACK in clear: got %s", spell(f.raw))
		}
	}, r)
}
