package hwtest

import (
	"bytes"
	"testing"
	"time"
)

func TestOSDPForgetfulReaderLosesTheCardWithTheReply(t *testing.T) {
	r := NewOSDPReader(0)
	r.Forgetful = true
	onLine(t, func(p *panel) {
		tap := p.ready(r)
		r.Break(OSDPMishap{Fault: OSDPDropReply, Times: 1})
		p.ask(OSDPCommand(0, 2, 0x60))
		if code, _ := p.command(0, 2, 0x60); code != 0x40 {
			t.Errorf("POLL repeated in clear: got %02X, want ACK", code)
		}
		if tap.Fate() != TapLost || r.Seen().LostTaps != 1 {
			t.Errorf("got fate %d and %d lost, want it lost", tap.Fate(), r.Seen().LostTaps)
		}
		p.secured(0, 0, OSDPDefaultKey())
		tap = r.Present([]byte{1}, 8, 0)
		poll := p.sealed(0, 2, 0x60)
		r.Break(OSDPMishap{Fault: OSDPCorruptReply, Times: 1})
		p.ask(poll)
		if code, data := p.reply(p.ask(poll)); code != 0x41 || data[0] != 6 || r.Secure() || tap.Fate() != TapLost {
			t.Errorf("POLL repeated in a session: got %02X % X, fate %d, want NAK 6 and the card lost", code, data, tap.Fate())
		}
	}, r)
}

func TestOSDPReaderForgetsItsPanelAfterEightSeconds(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		if early := r.Present([]byte{1}, 8, 0); early.Fate() != TapLost {
			t.Errorf("without a panel: fate %d, want lost", early.Fate())
		}
		p.secured(0, 0, OSDPDefaultKey())
		time.Sleep(7500 * time.Millisecond)
		p.secret(0, 2, 0x40, 0x60)
		tap := r.Present([]byte{1}, 8, 0)
		r.Tamper(true)
		time.Sleep(8100 * time.Millisecond)
		if r.Secure() || r.Online() || tap.Fate() != TapLost {
			t.Errorf("after 8 s: session %t, online %t, fate %d", r.Secure(), r.Online(), tap.Fate())
		}
		if code, data := p.reply(p.ask(p.sealed(0, 3, 0x60))); code != 0x41 || data[0] != 4 {
			t.Errorf("in install mode: got %02X % X, want NAK 4", code, data)
		}
		p.secured(0, 0, OSDPDefaultKey())
		if got := p.secret(0, 2, 0x48, 0x60); !bytes.Equal(got, []byte{1, 0}) {
			t.Errorf("the tamper switch: got % X, want it reported still", got)
		}
	}, r)
}

func TestOSDPReaderAfterAPowerCycle(t *testing.T) {
	key := bytes.Repeat([]byte{0x77}, 16)
	for _, by04 := range []bool{false, true} {
		r := NewOSDPReader(0)
		r.Key, r.RestartsBy04 = key, by04
		onLine(t, func(p *panel) {
			p.secured(0, 1, key)
			p.secret(0, 2, 0x40, 0x68, 1, 2, 0, 0)
			p.secret(0, 3, 0x40, 0x69, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0)
			p.secret(0, 1, 0x40, 0x6B, 0, 1, 0, 1, 1, 2, 'H', 'i')
			if !r.Output(1).Energised() || r.LED(0).Colour != OSDPRed || r.Text() != "Hi" {
				t.Error("output, lamp or text did not come on")
			}
			r.PowerCycle()
			if r.Output(1).Energised() || r.LED(0).Colour != OSDPBlack || r.Text() != "" || r.Secure() {
				t.Error("something outlived the power")
			}
			f := osdpParse(bytes.TrimLeft(p.ask(p.sealed(0, 2, 0x60)), "\xFF"))
			want := byte(6)
			if by04 {
				want = 4
			}
			if f.code != 0x41 || f.data[0] != want || by04 != (f.number == 0) {
				t.Errorf("got %s, want NAK %d", spell(f.raw), want)
			}
			p.secured(0, 1, key) // the key is kept
			r.Reset()
			p.secured(0, 0, OSDPDefaultKey())
			r.Swap(OSDPIdentity{Serial: 0x01020304})
			if code, data := p.command(0, 0, 0x61, 0); code != 0x45 || !bytes.Equal(data[5:9], []byte{4, 3, 2, 1}) {
				t.Errorf("swapped: got %02X % X", code, data)
			}
		}, r)
	}
}

func TestOSDPInstallModeEndsWithKeyset(t *testing.T) {
	r := NewOSDPReader(0)
	key := bytes.Repeat([]byte{0xC3}, 16)
	onLine(t, func(p *panel) {
		// Asked for a key that it has not, it proves nothing and says no NAK.
		rndA := make([]byte, 8)
		_, data := p.reply(p.ask(osdpEncode(0, 4, []byte{3, 0x11, 1}, 0x76, rndA, nil)))
		if len(data) != 32 || bytes.Equal(data[16:], newOSDPSession(key, rndA, data[8:16]).clientCryptogram()) {
			t.Errorf("CHLNG 1: got % X, want a cryptogram that does not fit", data)
		}
		keyset := append([]byte{1, 16}, key...)
		if code, data := p.command(0, 0, 0x75, keyset...); code != 0x41 || data[0] != 6 || r.Paired() {
			t.Errorf("KEYSET in clear: got %02X % X, want NAK 6", code, data)
		}
		p.secured(0, 0, OSDPDefaultKey())
		unsealed := osdpEncode(0, 6, []byte{2, 0x15}, 0x75, keyset, func(covered []byte) []byte {
			full := p.session.sum(p.session.replyMAC, covered)
			return full[:]
		})
		if code, _ := p.reply(p.ask(unsealed)); code != 0x41 || r.Paired() {
			t.Errorf("KEYSET unsealed: got %02X, want NAK", code)
		}
		p.secured(0, 0, OSDPDefaultKey())
		sent := p.sealed(0, 2, 0x75, keyset...)
		r.Break(OSDPMishap{Fault: OSDPDropReply, Times: 1})
		p.ask(sent)
		if code, _, ok := p.opened(p.ask(sent)); code != 0x40 || !ok || r.Seen().KeysSet != 1 {
			t.Errorf("KEYSET repeated: got %02X, MAC right %t, set %d times", code, ok, r.Seen().KeysSet)
		}
		p.secured(0, 1, key)
		if code, data := p.command(0, 2, 0x60); code != 0x41 || data[0] != 6 || r.Seen().InClear != 1 {
			t.Errorf("POLL in clear: got %02X % X, seen %d in clear, want NAK and 1", code, data, r.Seen().InClear)
		}
		r.SetKey(bytes.Repeat([]byte{1}, 16))
		_, data = p.reply(p.ask(osdpEncode(0, 4, []byte{3, 0x11, 1}, 0x76, rndA, nil)))
		if bytes.Equal(data[16:], newOSDPSession(key, rndA, data[8:16]).clientCryptogram()) {
			t.Error("another panel's key: its cryptogram fits ours")
		}
	}, r)
}

func TestOSDPReaderFollowsTheNumbers(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.ready(r)
		for _, number := range []int{3, 1} { // one too far, and the same with another command
			code := byte(0x60)
			if number == 1 {
				code = 0x64
			}
			if got, data := p.command(0, number, code); got != 0x41 || data[0] != 4 {
				t.Errorf("number %d: got %02X % X, want NAK 4", number, got, data)
			}
		}
		seen := r.Seen()
		if seen.SequenceErrors != 2 || seen.Renumbered != 1 || seen.Repeats != 0 || seen.Commands[0x60] != 3 {
			t.Errorf("seen: %+v", seen)
		}
		if code, _ := p.command(0, 2, 0x60); code != 0x50 {
			t.Errorf("number 2: got %02X, want the card", code)
		}
		if code, _ := p.command(0, 0, 0x60); code != 0x40 || r.Seen().Restarts != 2 {
			t.Errorf("number 0: got %02X", code)
		}
	}, r)
}

func TestOSDPOutputsObeyEveryControl(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.command(0, 0, 0x60)
		number := 0
		for i, tt := range []struct {
			control, tenths byte
			now, after      bool // after 1 s
		}{
			{2, 0, true, true},
			{1, 0, false, false},
			{5, 5, true, false},
			{2, 0, true, true},
			{6, 5, false, true},
			{5, 5, true, true},
			{1, 0, false, false},
			{0, 0, false, false},
		} {
			number = number%3 + 1
			code, _ := p.command(0, number, 0x68, 0, tt.control, tt.tenths, 0)
			if got := r.Output(0).Energised(); code != 0x40 || got != tt.now {
				t.Errorf("step %d, control %d: got %02X, on %t, want %t", i, tt.control, code, got, tt.now)
			}
			if time.Sleep(time.Second); r.Output(0).Energised() != tt.after {
				t.Errorf("step %d, control %d, a second later: want on %t", i, tt.control, tt.after)
			}
		}
		steps := [][2]byte{{5, 20}, {4, 0}, {5, 20}, {3, 0}} // the timer runs on, then the state stays
		for i, want := range []bool{true, true, true, true} {
			number = number%3 + 1
			p.command(0, number, 0x68, 0, steps[i][0], steps[i][1], 0)
			if r.Output(0).Energised() != want {
				t.Errorf("timer step %d: want on %t", i, want)
			}
		}
		if time.Sleep(2 * time.Second); r.Output(0).Energised() {
			t.Error("permanent off that let the timer finish: still on after it")
		}
		for _, bad := range [][]byte{{2, 2, 0, 0}, {0, 7, 0, 0}} {
			number = number%3 + 1
			if code, data := p.command(0, number, 0x68, bad...); code != 0x41 || data[0] != 9 {
				t.Errorf("OUT % X: got %02X % X, want NAK 9", bad, code, data)
			}
		}
		if code, data := p.command(0, number%3+1, 0x66); code != 0x4A || !bytes.Equal(data, []byte{0, 0}) {
			t.Errorf("OSTAT: got %02X % X", code, data)
		}
	}, r)
}

func TestOSDPReaderReportsWhatHappensInTurn(t *testing.T) {
	r := NewOSDPReader(0)
	r.Maker = func(data []byte) []byte { return append([]byte{0xAA}, data...) }
	onLine(t, func(p *panel) {
		p.command(0, 0, 0x60)
		r.Input(1, true)
		r.PresentText("OPEN")
		r.PresentMaker([]byte("QR"))
		r.Attached(2)
		if err := r.Show("TG1:6BF+"); err != nil {
			t.Fatal(err)
		}
		if err := r.Show("12*4#"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{
			"49 00 01", "51 00 00 04 4F 50 45 4E", "90 0A 51 3D 51 52", "4B 02",
			"50 00 00 40 00 54 47 31 3A 36 42 46 2B", "53 00 05 31 32 7F 34 0D", "40",
		} {
			code, data := p.command(0, i%3+1, 0x60)
			if got := spell(append([]byte{code}, data...)); got != want {
				t.Errorf("event %d: got %s, want %s", i, got, want)
			}
		}
		if code, data := p.command(0, 2, 0x80, 0x0A, 0x51, 0x3D, 1); code != 0x90 || !bytes.Equal(data, []byte{0x0A, 0x51, 0x3D, 0xAA, 1}) {
			t.Errorf("MFG: got %02X % X", code, data)
		}
		if code, data := p.command(0, 3, 0xA1, 1); code != 0x41 || data[0] != 3 {
			t.Errorf("XWR: got %02X % X, want NAK 3", code, data)
		}
		p.command(0, 1, 0x7B, 0xA0, 0x05)
		p.command(0, 2, 0x6A, 0, 2, 2, 1, 3)
		beeps := r.Beeps()
		if len(beeps) != 1 || beeps[0].On != 200*time.Millisecond || beeps[0].Count != 3 || r.PanelTakes() != 1440 {
			t.Errorf("got %+v and %d bytes", beeps, r.PanelTakes())
		}
		if code, data := p.command(0, 3, 0x6A, 0, 2, 0, 1, 3); code != 0x41 || data[0] != 9 {
			t.Errorf("BUZ that never sounds: got %02X % X, want NAK 9", code, data)
		}
	}, r)
}
