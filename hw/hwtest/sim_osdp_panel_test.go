package hwtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// spell writes bytes as the document does.
func spell(raw []byte) string { return strings.ToUpper(fmt.Sprintf("% x", raw)) }

func unspell(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// panel is the other end of a line for a test: it says what it is told, byte by
// byte, and knows no rules.
type panel struct {
	*testing.T
	conn    net.Conn
	line    *OSDPLine
	session *osdpSession // its half: commandMAC is what it sent last
}

// onLine runs a test in a bubble, with readers on a line.
func onLine(t *testing.T, test func(p *panel), readers ...*OSDPReader) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		line := NewOSDPLine(theirs, readers...)
		ctx, off := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = line.Run(ctx) })
		test(&panel{T: t, conn: ours, line: line})
		off()
		_ = ours.Close()
		running.Wait()
	})
}

// ask says a frame and returns all that comes within the reply timeout, with
// marks.
func (p *panel) ask(frame []byte) []byte {
	p.Helper()
	if _, err := p.conn.Write(append([]byte{osdpMark}, frame...)); err != nil {
		p.Fatal(err)
	}
	return p.listen(200 * time.Millisecond)
}

func (p *panel) listen(d time.Duration) []byte {
	p.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	var got []byte
	buf := make([]byte, 2048)
	for {
		n, err := p.conn.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return got
		}
	}
}

// wants says a frame in hex and checks the answer, after its mark.
func (p *panel) wants(what, say, want string) {
	p.Helper()
	got := bytes.TrimLeft(p.ask(unspell(p.T, say)), "\xFF")
	if spell(got) != want {
		p.Errorf("%s: to %s\ngot  %s\nwant %s", what, say, spell(got), want)
	}
}

// command says a command in clear and returns code and data of the answer; code
// 0: none that is whole.
func (p *panel) command(address byte, number int, code byte, data ...byte) (byte, []byte) {
	p.Helper()
	return p.reply(p.ask(OSDPCommand(address, byte(number), code, data...)))
}

func (p *panel) reply(heard []byte) (byte, []byte) {
	heard = bytes.TrimLeft(heard, "\xFF")
	if len(heard) < osdpShortest || int(heard[2])|int(heard[3])<<8 != len(heard) {
		return 0, nil
	}
	f := osdpParse(heard)
	if !f.right || !f.complete {
		return 0, nil
	}
	return f.code, f.data
}

// secured opens a session at numbers 0 and 1.
func (p *panel) secured(address, selector byte, key []byte) {
	p.Helper()
	rndA := []byte{0xB0, 0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7}
	code, data := p.reply(p.ask(osdpEncode(address, 0x04, []byte{3, 0x11, selector}, 0x76, rndA, nil)))
	if code != 0x76 || len(data) != 32 {
		p.Fatalf("CHLNG: got %02X % X, want CCRYPT", code, data)
	}
	s := newOSDPSession(key, rndA, data[8:16])
	if !bytes.Equal(data[16:], s.clientCryptogram()) {
		p.Fatal("CCRYPT does not prove the key")
	}
	code, data = p.reply(p.ask(osdpEncode(address, 0x05, []byte{3, 0x13, selector}, 0x77, s.serverCryptogram(), nil)))
	if want := s.open(); code != 0x78 || !bytes.Equal(data, want) {
		p.Fatalf("SCRYPT: got %02X % X, want % X", code, data, want)
	}
	p.session = s
}

// sealed is a command in the session. It moves the chain.
func (p *panel) sealed(address byte, number int, code byte, data ...byte) []byte {
	kind := byte(0x15)
	if len(data) > 0 {
		kind, data = 0x17, p.session.seal(p.session.replyMAC, data)
	}
	return osdpEncode(address, byte(number)|osdpWithCRC, []byte{2, kind}, code, data, func(covered []byte) []byte {
		p.session.commandMAC = p.session.sum(p.session.replyMAC, covered)
		return p.session.commandMAC[:]
	})
}

// opened takes a reply in the session apart and says whether its MAC is right.
// It moves the chain if so.
func (p *panel) opened(heard []byte) (code byte, data []byte, ok bool) {
	f := osdpParse(bytes.TrimLeft(heard, "\xFF"))
	if !f.right || f.mac == nil {
		return f.code, f.data, false
	}
	full := p.session.sum(p.session.commandMAC, f.covered)
	if !bytes.Equal(full[:4], f.mac) {
		return f.code, f.data, false
	}
	p.session.replyMAC = full
	data = f.data
	if f.block[1] == 0x18 {
		data, ok = p.session.unseal(p.session.commandMAC, f.data)
		return f.code, data, ok
	}
	return f.code, data, true
}

// secret asks in the session and checks the code of the answer.
func (p *panel) secret(address byte, number int, want, code byte, data ...byte) []byte {
	p.Helper()
	got, answer, ok := p.opened(p.ask(p.sealed(address, number, code, data...)))
	if got != want || !ok {
		p.Fatalf("command %02X number %d: got %02X % X, MAC right %t, want %02X", code, number, got, answer, ok, want)
	}
	return answer
}
