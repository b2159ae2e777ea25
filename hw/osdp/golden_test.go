package osdp

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// golden is a message as it must be, with the command it answers.
type golden struct {
	name    string
	command []byte // that was sent
	message []byte // that comes: a reply, or a command of somebody
	session *pdSession
	panel   func() *channel // as it stands before the reply; nil outside the channel
}

// goldens are all messages of the vectors, and a table of commands and replies:
// in clear and in the channel, with CRC and with checksum.
func goldens(t testing.TB) []golden {
	t.Helper()
	var all []golden
	for _, v := range vectorCommands {
		all = append(all, golden{name: v.name, command: Frame{Address: v.address, Code: codePOLL, Checksum: v.checksum}.Append(nil), message: unhex(t, v.want)})
	}
	for _, v := range vectorReplies {
		message := bytes.TrimLeft(unhex(t, v.in), "\xFF")
		all = append(all, golden{name: v.name, message: message, command: Frame{
			Address: v.address, Sequence: v.sequence, Code: codePOLL, Checksum: message[4]&crcBit == 0,
		}.Append(nil)})
	}
	for _, step := range dialogue {
		all = append(all, golden{name: "V15", command: unhex(t, step.wire), message: unhex(t, step.reply)})
	}
	for i, r := range tableReplies() {
		address, sequence := byte(i*7%127), byte(i%3+1)
		for _, checksum := range []bool{false, true} {
			all = append(all, clearGolden(r, address, sequence, checksum), securedGolden(t, r, address, sequence, checksum))
		}
	}
	for i, c := range tableCommands() {
		for _, checksum := range []bool{false, true} {
			f := Frame{Address: byte(i), Sequence: byte(i%3 + 1), Checksum: checksum, Code: c.Code, Data: c.Data}
			message := f.Append(nil)
			poll := Frame{Address: byte(i), Sequence: f.Sequence, Checksum: checksum, Code: codePOLL}.Append(nil)
			all = append(all, golden{name: fmt.Sprintf("%v checksum %t", c, checksum), command: poll, message: message})
		}
	}
	return all
}

func tableReplies() [][]byte {
	replies := [][]byte{
		{codeACK},
		{codeBUSY},
		{codePDID, 0, 6, 0x8E, 1, 1, 0xB2, 0x54, 0x80, 0x29, 5, 0x51, 0},
		{codePDCAP, 1, 1, 2, 2, 1, 1, 3, 1, 0, 4, 2, 1, 8, 1, 0, 9, 1, 1, 10, 0, 2},
		{codeLSTATR, 0, 0},
		{codeLSTATR, 1, 0},
		{codeLSTATR, 0, 1},
		{codeLSTATR, 1, 1},
		{codeISTATR, 0},
		{codeISTATR, 1, 0},
		{codeISTATR, 0, 1, 2, 3, 4, 5, 0, 1},
		{codeOSTATR, 0},
		{codeOSTATR, 1, 0, 1, 0},
		{codeRSTATR, 0},
		{codeRSTATR, 2},
		card,
		{codeRAW, 1, 0, 32, 0, 0xDE, 0xAD, 0xBE, 0xEF},
		{codeRAW, 0, 0, 56, 0, 4, 0xA2, 0xB3, 0xC4, 0xD5, 0xE6, 0x80},
		{codeRAW, 0, 1, 37, 0, 1, 2, 3, 4, 0x58},
		append([]byte{codeRAW, 0, 0, 128, 0}, "TG1:0123456789AB"...),
		{codeFMT, 0, 0, 4, '1', '2', '3', '4'},
		{codeFMT, 0, 1, 0},
		{codeKEYPAD, 0, 1, '4'},
		{codeKEYPAD, 0, 5, '1', '2', '3', '4', 0x0D},
		{codeKEYPAD, 1, 2, 0x7F, '0'},
		{codeCOM, 5, 0, 0xC2, 1, 0},
		{codeMFGREP, 1, 2, 3},
		{codeMFGREP, 0, 6, 0x8E, 'Q', 'R', 0, 0xFF, 0x53},
	}
	for nak := range byte(10) {
		replies = append(replies, []byte{codeNAK, nak})
	}
	return replies
}

func tableCommands() []Command {
	green := Steady(Green)
	return []Command{
		Poll(), ID(), CAP(), LSTAT(), ISTAT(), OSTAT(), RSTAT(), OUT(Output{0, OutputPulse, 3 * time.Second}), LED(Lamp{Lasting: &green}),
		BUZ(Beep{On: time.Second}), TEXT(Text{Line: "Benvenuti"}), COMSET(3, 38400), ACURXSIZE(1440), MFG([3]byte{1, 2, 3}, []byte("abc")),
	}
}

func clearGolden(r []byte, address, sequence byte, checksum bool) golden {
	f := Frame{Address: address, Reply: true, Sequence: sequence, Checksum: checksum, Code: r[0], Data: r[1:]}
	poll := Frame{Address: address, Sequence: sequence, Checksum: checksum, Code: codePOLL}
	return golden{name: fmt.Sprintf("% X in clear, checksum %t", r, checksum), command: poll.Append(nil), message: f.Append(nil)}
}

// securedGolden is a reply in the channel, by the reader's own cryptography.
func securedGolden(t testing.TB, r []byte, address, sequence byte, checksum bool) golden {
	t.Helper()
	rndA, rndB := unhex(t, "B0B1B2B3B4B5B6B7"), unhex(t, "A0A1A2A3A4A5A6A7")
	keys := pdDerive(testKey, rndA)
	session := &pdSession{pdKeys: keys, rmac: keys.initial(keys.server(rndA, rndB))}
	key := mustKey(t, testKey)
	panel := func() *channel {
		c := newChannel(key, [8]byte(rndA))
		c.prove([8]byte(rndB), [16]byte(keys.client(rndA, rndB)))
		c.wrap(nil, Frame{Address: address, Sequence: sequence, Checksum: checksum, Code: codePOLL})
		return c
	}
	c := newChannel(key, [8]byte(rndA))
	c.prove([8]byte(rndB), [16]byte(keys.client(rndA, rndB)))
	poll := c.wrap(nil, Frame{Address: address, Sequence: sequence, Checksum: checksum, Code: codePOLL})
	if !checksum {
		if _, ok := session.accept(poll); !ok {
			t.Fatal("the reader refuses the panel's POLL")
		}
		return golden{fmt.Sprintf("% X in the channel", r), poll, session.reply(address, sequence, r[0], r[1:]), session, panel}
	}
	// The reader of the tests knows no checksum: its reply is made here.
	session.cmac = session.mac(session.rmac, poll[:len(poll)-5])
	data, kind := r[1:], byte(0x16)
	if len(data) > 0 {
		data, kind = session.encrypt(session.cmac, data), 0x18
	}
	length := 8 + len(data) + 5
	message := append([]byte{0x53, address | 0x80, byte(length), byte(length >> 8), sequence | 8, 2, kind, r[0]}, data...)
	message = append(message, session.mac(session.cmac, message)[:4]...)
	return golden{fmt.Sprintf("% X in the channel, checksum", r), poll, append(message, Checksum(message)), session, panel}
}

// accepted are the replies that a scanner takes out of bytes.
func accepted(s *Scanner, g golden, in []byte) (replies []Frame) {
	s.Begin(g.command)
	s.Write(in)
	for _, final := range []bool{false, true} {
		for {
			f, refusal, found := s.Next(final)
			if !found {
				break
			}
			if refusal == 0 {
				replies = append(replies, f)
			}
		}
	}
	return replies
}

func TestGoldenMessagesAreAcceptedAsTheyAre(t *testing.T) {
	all := goldens(t)
	if len(all) < 200 {
		t.Fatalf("there are %d golden messages, want 200", len(all))
	}
	s, secured := new(Scanner), 0
	for _, g := range all {
		replies := accepted(s, g, bytes.Clone(g.message))
		if want := g.message[1]&replyBit != 0; len(replies) == 1 != want {
			t.Errorf("%s: % X: got %d replies", g.name, g.message, len(replies))
		}
		if g.panel != nil {
			secured++
			if refusal := g.panel().unwrap(&replies[0]); refusal != 0 {
				t.Errorf("%s: % X: got %v", g.name, g.message, refusal)
			}
		}
	}
	if secured < 50 {
		t.Errorf("%d messages are in the channel, want 50", secured)
	}
}

// Every truncation, also with the next message behind it. Nothing comes out that
// was not sent whole. With a checksum the latter is right once in 256; in the
// channel the MAC finds that too.
func TestTruncatedMessagesAreNotAccepted(t *testing.T) {
	s := new(Scanner)
	for _, g := range goldens(t) {
		for n := range g.message {
			if got := accepted(s, g, bytes.Clone(g.message[:n])); len(got) > 0 {
				t.Fatalf("%s: the first %d bytes of % X were accepted", g.name, n, g.message)
			}
			both := append(bytes.Clone(g.message[:n]), g.message...)
			for _, f := range accepted(s, g, both) {
				switch {
				case bytes.Equal(f.Append(nil), g.message), f.Checksum && g.panel == nil:
				case f.Checksum && g.panel().unwrap(&f) != 0:
				default:
					t.Fatalf("%s: % X was accepted", g.name, f.Append(nil))
				}
			}
		}
	}
}
