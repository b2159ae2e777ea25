package osdp

import (
	"bytes"
	"testing"
	"time"
)

func challenge(t testing.TB, text string) [8]byte { return [8]byte(unhex(t, text)) }

// sameCipher says whether a cipher has a key, by what it makes of one block.
func sameCipher(t *testing.T, name string, encrypt func(dst, src []byte), want string) {
	t.Helper()
	got := make([]byte, 16)
	encrypt(got, make([]byte, 16))
	if expected := ecb(unhex(t, want), make([]byte, 16)); !bytes.Equal(got, expected) {
		t.Errorf("%s: it is not %s", name, want)
	}
}

// V11, V12: SIA OSDP annex E. V13: the known answers of another implementation.
func TestHandshakeIsThePublishedOne(t *testing.T) {
	for _, tt := range []struct{ name, rndA, rndB, enc, mac1, mac2, client, server, initial string }{
		{
			"V11 V12", "B0B1B2B3B4B5B6B7", "A0A1A2A3A4A5A6A7",
			"BF8DC2A8329ACB8C67C6D0CD9A451682", "5E86C676603BDEE2D8BEAFE178637332", "6FDA86E857777E81132035758239172E",
			"FDE5D2F428EC16312471EA3C02BD7796", "26D3356E07762D262801FC8E6665A891", "B2A30057EB98BA2229EC1F875662B524",
		},
		{
			"V13", "0102030405060708", "1112131415161718",
			"9088006279D41B618ACAF4760E9DEEC6", "336A2FD840A10EFBB5C322397B9759EF", "FB271D4A53CD634A17CDAC9C9ADC86BD",
			"5963E6947734E9B2701C700E9DD04116", "CB255A58DB2606492A1FE03461F498E8", "8695457F1FBA99C0FF42066CD7133027",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newChannel(defaultKey(), challenge(t, tt.rndA))
			sameCipher(t, "S-ENC", c.encrypt.Encrypt, tt.enc)
			sameCipher(t, "S-MAC1", c.mac1.Encrypt, tt.mac1)
			sameCipher(t, "S-MAC2", c.mac2.Encrypt, tt.mac2)
			server, ok := c.prove(challenge(t, tt.rndB), [16]byte(unhex(t, tt.client)))
			if !ok {
				t.Error("the reader's cryptogram was refused")
			}
			if got := show(server[:]); got != show(unhex(t, tt.server)) {
				t.Errorf("server cryptogram: got %s, want %s", got, tt.server)
			}
			if !c.agreed([16]byte(unhex(t, tt.initial))) {
				t.Errorf("R-MAC-I: got %s, want %s", show(c.reply[:]), tt.initial)
			}
			for bit := range 128 {
				wrong := [16]byte(unhex(t, tt.client))
				wrong[bit/8] ^= 1 << (bit % 8)
				if _, ok := c.prove(challenge(t, tt.rndB), wrong); ok {
					t.Errorf("a cryptogram with bit %d wrong was believed", bit)
				}
			}
			pd := pdDerive(unhex(t, "303132333435363738393A3B3C3D3E3F"), unhex(t, tt.rndA))
			if got := show(pd.client(unhex(t, tt.rndA), unhex(t, tt.rndB))); got != show(unhex(t, tt.client)) {
				t.Errorf("the test's own reader: got client cryptogram %s, want %s", got, tt.client)
			}
		})
	}
}

// V13: as a command, right after the handshake.
func TestDataAndMACAreThePublishedOnes(t *testing.T) {
	counting := unhex(t, "000102030405060708090A0B0C0D0E0F10111213")
	fresh := func() *channel {
		c := newChannel(defaultKey(), challenge(t, "0102030405060708"))
		c.prove(challenge(t, "1112131415161718"), [16]byte{})
		return c
	}
	for _, tt := range []struct {
		name       string
		in         []byte
		data, want string
	}{
		{"one byte", []byte{0x60}, "952FE370BE0241153DA910927B692D75", "3554C672E4A8EB2F77247A8057A31CA2"},
		{"a whole block", counting[:16], "453126D8F00369605DB3A006FAB4969C8212D3EDEFA18CA13EFEBF3D8618510E", "DC3996EE638B029D7CC65098F822A4E2"},
		{"a block and a bit", counting, "", "79A3A849DA0E8BCB4FBEEF1B8513E214"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := fresh()
			c.mac(&c.reply, tt.in)
			if got := show(c.sum[:]); got != show(unhex(t, tt.want)) {
				t.Errorf("MAC: got %s, want %s", got, tt.want)
			}
			if tt.data == "" {
				return
			}
			frame := fresh().wrap(nil, Frame{Code: codePOLL, Data: tt.in})
			if got := show(frame[8 : len(frame)-6]); got != show(unhex(t, tt.data)) {
				t.Errorf("data: got %s, want %s", got, tt.data)
			}
		})
	}
}

// dialogue is V15: a whole conversation on the keys of annex E.
var dialogue = []struct {
	sequence byte
	command  Command
	wire     string // what the panel sends
	code     byte
	plain    string
	reply    string // what the reader answers
}{
	{2, Poll(), "53 00 0E 00 0E 02 15 60 74 DD 15 A5 32 77", codeACK, "", "53 80 0E 00 0E 02 16 40 43 8E DA 79 0D 4E"},
	{
		3, Poll(), "53 00 0E 00 0F 02 15 60 6A 08 56 7B 54 75", codeRAW, "00 01 1A 00 BD 88 EB 80",
		"53 80 1E 00 0F 02 18 50 01 C4 1F 6F DC 97 3C 1C 1F 25 F8 14 94 8B B8 11 38 E6 C5 5E 02 DE",
	},
	{
		1, OUT(Output{0, OutputPulse, 3 * time.Second}),
		"53 00 1E 00 0D 02 17 68 BD C7 67 AA AC 29 4E 51 3F 8E 36 8D 37 41 91 D4 7E CA B4 C9 84 73", codeACK, "",
		"53 80 0E 00 0D 02 16 40 0B C8 A7 B2 08 D4",
	},
	{
		2,
		Command{codeKEYSET, []byte{1, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		"53 00 2E 00 0E 02 17 75 52 E3 1F 4F B2 54 6B 25 7A 6F 44 29 E7 78 1E 46 A1 DA FA FA 1F D0 57 B3 D4 2A DD 1C EB C0 F5 8B 9B 7B 68 48 EA A5",
		codeACK, "", "53 80 0E 00 0E 02 16 40 9F C7 E8 71 FF C8",
	},
}

// V15, the panel's side: every command as published, every reply understood.
func TestPanelHoldsThePublishedDialogue(t *testing.T) {
	rndA := challenge(t, "B0B1B2B3B4B5B6B7")
	chlng := Frame{Block: blockChallenge, Code: codeCHLNG, Data: rndA[:]}.Append(nil)
	if got, want := show(chlng), "53 00 13 00 0C 03 11 00 76 B0 B1 B2 B3 B4 B5 B6 B7 52 32"; got != want {
		t.Errorf("CHLNG: got %s, want %s", got, want)
	}
	ccrypt, err := Parse(unhex(t, `53 80 2B 00 0C 03 12 00 76 44 CA 00 99 40 30 20 10 A0 A1 A2 A3 A4 A5 A6 A7 FD E5 D2 F4 28 EC 16 31 24 71 EA 3C 02 BD 77 96 30 49`))
	if err != nil {
		t.Fatal(err)
	}
	half, err := decodeCCRYPT(ccrypt.Data)
	if err != nil {
		t.Fatal(err)
	}
	c := newChannel(defaultKey(), rndA)
	server, ok := c.prove(half.answer, half.proof)
	if !ok {
		t.Error("the reader's cryptogram was refused")
	}
	scrypt := Frame{Sequence: 1, Block: blockProof, Code: codeSCRYPT, Data: server[:]}.Append(nil)
	if got, want := show(scrypt), "53 00 1B 00 0D 03 13 00 77 26 D3 35 6E 07 76 2D 26 28 01 FC 8E 66 65 A8 91 7B DA"; got != want {
		t.Errorf("SCRYPT: got %s, want %s", got, want)
	}
	rmaci, err := Parse(unhex(t, "53 80 1B 00 0D 03 14 01 78 B2 A3 00 57 EB 98 BA 22 29 EC 1F 87 56 62 B5 24 55 85"))
	if err != nil {
		t.Fatal(err)
	}
	if initial, err := decodeRMACI(rmaci.Data); err != nil || !c.agreed(initial) {
		t.Errorf("RMAC_I was refused: %v", err)
	}
	for _, step := range dialogue {
		wire := c.wrap(nil, Frame{Sequence: step.sequence, Code: step.command.Code, Data: step.command.Data})
		if got := show(wire); got != step.wire {
			t.Fatalf("command %02X: got %s, want %s", step.command.Code, got, step.wire)
		}
		reply, err := Parse(unhex(t, step.reply))
		if err != nil {
			t.Fatal(err)
		}
		if refusal := c.unwrap(&reply); refusal != 0 || reply.Code != step.code || show(reply.Data) != show(unhex(t, step.plain)) {
			t.Fatalf("reply: got %v, code %02X, data %s, want %02X, %s", refusal, reply.Code, show(reply.Data), step.code, step.plain)
		}
	}
}

// V15, the reader's side: the reader of these tests speaks the same dialogue,
// so what it says elsewhere is worth something.
func TestReaderOfTheTestsHoldsThePublishedDialogue(t *testing.T) {
	rndA, rndB := unhex(t, "B0B1B2B3B4B5B6B7"), unhex(t, "A0A1A2A3A4A5A6A7")
	keys := pdDerive(unhex(t, "303132333435363738393A3B3C3D3E3F"), rndA)
	s := &pdSession{pdKeys: keys}
	s.rmac = keys.initial(keys.server(rndA, rndB))
	for _, step := range dialogue {
		data, ok := s.accept(unhex(t, step.wire))
		if !ok || !bytes.Equal(data, step.command.Data) {
			t.Fatalf("command %02X: got %t, %s, want %s", step.command.Code, ok, show(data), show(step.command.Data))
		}
		if got := show(s.reply(0, step.sequence, step.code, unhex(t, step.plain))); got != step.reply {
			t.Fatalf("reply: got %s, want %s", got, step.reply)
		}
	}
}

// V16: a live capture. The KEYSET of the first session and an LSTAT with an
// empty encrypted block in the second were recorded without what went before
// them, so the MAC before is what the data says it was.
func TestLiveCaptureIsUnderstood(t *testing.T) {
	first := newChannel(defaultKey(), challenge(t, "CDCD921212D3EE6A"))
	sameCipher(t, "S-ENC", first.encrypt.Encrypt, "037FDCE2A3317C3A58EAA52ED0BE031A")
	installed := unhex(t, "D459F02F6602E5651F3B553BC283D43E")
	second := newChannel(hideKey([KeySize]byte(installed)), challenge(t, "636E3478F7085C57"))
	sameCipher(t, "S-ENC of the new key", second.encrypt.Encrypt, "4EC7F4AE57EE3B43FA53F66B1B761383")

	keyset, err := Parse(unhex(t, `53 00 2E 00 0F 02 17 75 EA 64 E3 51 74 E3 09 D6 6A D2 80 73 54 CD DE 65 9E B5 22 6F 32 56 63 90 91 5E D7 79 87 BF 51 7C 41 25 EC 77 64 96`))
	if err != nil {
		t.Fatal(err)
	}
	plain := append(append([]byte{1, 16}, installed...), 0x80)
	plain = append(plain, make([]byte, 32-len(plain))...)
	// The second block of CBC does not hang on the IV; the first tells it.
	raw := make([]byte, 16)
	first.encrypt.Decrypt(raw, keyset.Data[16:])
	for i := range raw {
		raw[i] ^= keyset.Data[i]
	}
	if !bytes.Equal(raw, plain[16:]) {
		t.Errorf("KEYSET: got %s, want %s", show(raw), show(plain[16:]))
	}
	first.encrypt.Decrypt(raw, keyset.Data[:16])
	for i := range raw {
		first.reply[i] = ^(raw[i] ^ plain[i])
	}
	wire := first.wrap(nil, Frame{Sequence: 3, Code: codeKEYSET, Data: plain[:18]})
	if keyset.signed[len(keyset.signed)-1] != wire[len(wire)-7] || !bytes.Equal(wire[len(wire)-6:len(wire)-2], keyset.MAC) {
		t.Errorf("KEYSET: got %s when made again", show(wire))
	}
	ack, err := Parse(unhex(t, "53 80 0E 00 0F 02 16 40 B1 89 2D FE 52 95"))
	if err != nil {
		t.Fatal(err)
	}
	if refusal := first.unwrap(&ack); refusal != 0 {
		t.Errorf("ACK: got %v", refusal)
	}

	lstat, err := Parse(unhex(t, "53 00 1E 00 0F 02 17 64 7C BA 29 1C 20 39 20 B5 4C 9E ED 44 62 36 3C E8 C5 C8 98 8F 1E EF"))
	if err != nil {
		t.Fatal(err)
	}
	second.encrypt.Decrypt(raw, lstat.Data)
	raw[0] ^= 0x80
	for i := range raw {
		second.reply[i] = ^raw[i]
	}
	second.mac(&second.reply, lstat.signed)
	if !bytes.Equal(second.sum[:4], lstat.MAC) {
		t.Errorf("LSTAT with an empty block: got MAC %s, want %s", show(second.sum[:4]), show(lstat.MAC))
	}
}
