package hwtest

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

func TestOSDPChecksAreThoseOfTheDocument(t *testing.T) { // V1, V2
	for _, tt := range []struct {
		name    string
		control byte
		in      string
		want    string
	}{
		{"check string", osdpWithCRC, "31 32 33 34 35 36 37 38 39", "CC E5"},
		{"COMSET to everyone", osdpWithCRC, "53 7F 0D 00 04 6E 00 80 25 00 00", "6E 38"},
		{"ID", osdpWithCRC, "53 00 09 00 04 61 00", "C0 66"},
		{"COMSET, sum", 0, "53 7F 0C 00 00 6E 00 80 25 00 00", "0F"},
		{"ID, sum", 0, "53 00 08 00 00 61 00", "44"},
	} {
		if got := spell(osdpCheck(tt.control, unspell(t, tt.in))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestOSDPReaderAcknowledgesPollsByNumber(t *testing.T) { // V3
	onLine(t, func(p *panel) {
		for _, tt := range [][2]string{
			{"53 00 08 00 04 60 EB AA", "53 80 08 00 04 40 59 AC"},
			{"53 00 08 00 05 60 DA 99", "53 80 08 00 05 40 68 9F"},
			{"53 00 08 00 06 60 89 CC", "53 80 08 00 06 40 3B CA"},
			{"53 00 08 00 07 60 B8 FF", "53 80 08 00 07 40 0A F9"},
			{"53 00 08 00 05 60 DA 99", "53 80 08 00 05 40 68 9F"}, // 3 is followed by 1
		} {
			p.wants("POLL", tt[0], tt[1])
		}
	}, NewOSDPReader(0))
	onLine(t, func(p *panel) {
		p.ask(osdpEncode(0x65, 0, nil, 0x60, nil, nil))
		p.wants("POLL with a sum", spell(osdpEncode(0x65, 1, nil, 0x60, nil, nil)), "53 E5 07 00 01 40 80")
	}, NewOSDPReader(0x65))
	onLine(t, func(p *panel) {
		p.ask(OSDPCommand(0, 0, 0x60))
		p.ask(OSDPCommand(0, 1, 0x60))
		if code, _ := p.reply(p.ask(unspell(t, "53 00 07 00 02 60 44"))); code != 0x40 {
			t.Errorf("POLL 2 with a sum: got %02X, want ACK", code)
		}
	}, NewOSDPReader(0))
}

func TestOSDPReaderSaysWhoItIs(t *testing.T) { // V7
	hid := NewOSDPReader(0x7E)
	hid.Identity = OSDPIdentity{Vendor: [3]byte{0x00, 0x06, 0x8E}, Model: 1, Version: 1, Serial: 0x298054B2, Firmware: [3]byte{5, 0x51, 0}}
	onLine(t, func(p *panel) {
		p.ask(OSDPCommand(0x7E, 0, 0x60))
		p.wants("ID", spell(OSDPCommand(0x7E, 1, 0x61, 0)), "53 FE 14 00 05 45 00 06 8E 01 01 B2 54 80 29 05 51 00 0A DB")
	}, hid)
	other := NewOSDPReader(0)
	other.Identity = OSDPIdentity{Vendor: [3]byte{0xCA, 0x44, 0x6C}, Model: 1, Serial: 0x000292C7, Firmware: [3]byte{1, 7, 0x0F}}
	onLine(t, func(p *panel) {
		p.wants("ID", "53 00 09 00 04 61 00 C0 66", "53 80 14 00 04 45 CA 44 6C 01 00 C7 92 02 00 01 07 0F C4 42")
	}, other)
}

func TestOSDPReaderSaysWhatItCan(t *testing.T) { // V8
	r := NewOSDPReader(0)
	r.Capabilities = []OSDPCapability{{1, 1, 2}, {2, 1, 1}, {3, 1, 0}, {4, 2, 1}, {8, 1, 0}, {9, 1, 1}, {10, 0, 2}, {13, 0, 1}, {16, 1, 0}}
	onLine(t, func(p *panel) {
		p.ask(OSDPCommand(0, 0, 0x61, 0))
		p.wants("CAP", spell(OSDPCommand(0, 1, 0x62, 0)),
			"53 80 23 00 05 46 01 01 02 02 01 01 03 01 00 04 02 01 08 01 00 09 01 01 0A 00 02 0D 00 01 10 01 00 D9 08")
	}, r)
}

func TestOSDPReaderReportsKeysAndStatus(t *testing.T) { // V9
	keypad := NewOSDPReader(1)
	keypad.Marks = 2
	onLine(t, func(p *panel) {
		p.command(1, 0, 0x60)
		p.command(1, 1, 0x60)
		keypad.Press("4")
		if got, want := spell(p.ask(OSDPCommand(1, 2, 0x60))), "FF FF 53 81 0B 00 06 53 00 01 34 95 62"; got != want {
			t.Errorf("KEYPAD: got %s, want %s", got, want)
		}
	}, keypad)
	onLine(t, func(p *panel) {
		for n := range 3 {
			p.command(0x18, n, 0x60)
		}
		p.wants("LSTAT", spell(OSDPCommand(0x18, 3, 0x64)), "53 98 0A 00 07 48 00 00 24 8E")
	}, NewOSDPReader(0x18))
	failing := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		failing.Power(true)
		p.wants("power", spell(OSDPCommand(0, 0, 0x60)), "53 80 0A 00 04 48 00 01 0F A1")
	}, failing)
}

func TestOSDPReaderRefusesByTheDocument(t *testing.T) { // V10
	paired := NewOSDPReader(0)
	paired.Key = bytes.Repeat([]byte{7}, 16)
	onLine(t, func(p *panel) {
		p.command(0, 0, 0x61, 0)
		p.command(0, 1, 0x62, 0)
		p.wants("clear POLL to a paired reader", "53 00 08 00 06 60 89 CC", "53 80 09 00 06 41 06 A0 BA")
		paired.Break(OSDPMishap{Fault: OSDPBusy, Times: 1})
		p.wants("BUSY", "53 00 08 00 07 60 B8 FF", "53 80 08 00 04 79 23 0B")
	}, paired)
	noisy := NewOSDPReader(0x18)
	onLine(t, func(p *panel) {
		p.command(0x18, 0, 0x60)
		wrong := OSDPCommand(0x18, 2, 0x60)
		wrong[len(wrong)-1] ^= 1
		p.wants("wrong CRC", spell(wrong), "53 98 09 00 06 41 01 81 DD")
		if got := noisy.Seen().BadChecks; got != 1 {
			t.Errorf("bad checks: got %d, want 1", got)
		}
		if code, _ := p.command(0x18, 1, 0x60); code != 0x40 {
			t.Errorf("after NAK 01: got %02X, want the number free still", code)
		}
	}, noisy)
}

func TestOSDPReaderSendsCardsInClear(t *testing.T) { // V14
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.command(0, 0, 0x60)
		r.Press("1234#")
		p.wants("KEYPAD", "53 00 08 00 05 60 DA 99", "53 80 0F 00 05 53 00 05 31 32 33 34 0D 7B 38")
		if err := r.Show("h10301:123:4567"); err != nil {
			t.Fatal(err)
		}
		p.wants("26 bits", "53 00 08 00 06 60 89 CC", "53 80 10 00 06 50 00 01 1A 00 BD 88 EB 80 02 D4")
		r.Present([]byte{0x04, 0xA2, 0xB3, 0xC4, 0xD5, 0xE6, 0x80}, 56, 0)
		const uid = "53 80 13 00 07 50 00 00 38 00 04 A2 B3 C4 D5 E6 80 96 0B"
		p.wants("56 bits", "53 00 08 00 07 60 B8 FF", uid)
		if p.wants("repeated", "53 00 08 00 07 60 B8 FF", uid); r.Seen().Repeats != 1 {
			t.Errorf("repeats: got %d, want 1", r.Seen().Repeats)
		}
		out := "53 00 0C 00 05 68 00 05 1E 00 71 51"
		p.wants("OUT", out, "53 80 08 00 05 40 68 9F")
		if !r.Output(0).Energised() {
			t.Error("OUT 5: the output stayed off")
		}
		time.Sleep(3 * time.Second)
		if r.Output(0).Energised() {
			t.Error("OUT 5 for 3 s: the output is still on")
		}
		p.wants("LED", "53 00 16 00 06 69 00 00 02 01 00 02 00 14 00 00 00 00 00 00 22 F5", "53 80 08 00 06 40 3B CA")
		if light := r.LED(0); light.Colour != OSDPGreen || !light.Temporary {
			t.Errorf("LED: got %+v, want green for a while", light)
		}
		time.Sleep(2 * time.Second)
		if light := r.LED(0); light.Colour != OSDPBlack {
			t.Errorf("LED after 2 s: got %+v, want black", light)
		}
	}, r)
}

// annexE is a reader that makes the numbers of the document's dialogues.
func annexE(t *testing.T, rndB string) *OSDPReader {
	r := NewOSDPReader(0)
	r.Identity.Client = [8]byte(unspell(t, "44CA009940302010"))
	r.Random = bytes.NewReader(unspell(t, rndB))
	return r
}

func TestOSDPReaderHoldsTheSecureDialogueOfTheDocument(t *testing.T) { // V11, V12, V15
	r := annexE(t, "A0A1A2A3A4A5A6A7")
	onLine(t, func(p *panel) {
		p.wants("CHLNG", "53 00 13 00 0C 03 11 00 76 B0 B1 B2 B3 B4 B5 B6 B7 52 32",
			"53 80 2B 00 0C 03 12 00 76 44 CA 00 99 40 30 20 10 A0 A1 A2 A3 A4 A5 A6 A7 FD E5 D2 F4 28 EC 16 31 24 71 EA 3C 02 BD 77 96 30 49")
		p.wants("SCRYPT", "53 00 1B 00 0D 03 13 00 77 26 D3 35 6E 07 76 2D 26 28 01 FC 8E 66 65 A8 91 7B DA",
			"53 80 1B 00 0D 03 14 01 78 B2 A3 00 57 EB 98 BA 22 29 EC 1F 87 56 62 B5 24 55 85")
		if !r.Secure() || r.Seen().Sessions != 1 {
			t.Error("no session is open")
		}
		p.wants("POLL", "53 00 0E 00 0E 02 15 60 74 DD 15 A5 32 77", "53 80 0E 00 0E 02 16 40 43 8E DA 79 0D 4E")
		tap := r.Present([]byte{0xBD, 0x88, 0xEB, 0x80}, 26, 1)
		p.wants("RAW", "53 00 0E 00 0F 02 15 60 6A 08 56 7B 54 75",
			"53 80 1E 00 0F 02 18 50 01 C4 1F 6F DC 97 3C 1C 1F 25 F8 14 94 8B B8 11 38 E6 C5 5E 02 DE")
		out := "53 00 1E 00 0D 02 17 68 BD C7 67 AA AC 29 4E 51 3F 8E 36 8D 37 41 91 D4 7E CA B4 C9 84 73"
		p.wants("OUT", out, "53 80 0E 00 0D 02 16 40 0B C8 A7 B2 08 D4")
		if tap.Fate() != TapTold || !r.Output(0).Energised() {
			t.Errorf("tap %d and output %t, want told and on", tap.Fate(), r.Output(0).Energised())
		}
		p.wants("OUT repeated", out, "53 80 0E 00 0D 02 16 40 0B C8 A7 B2 08 D4")
		p.wants("KEYSET", "53 00 2E 00 0E 02 17 75 52 E3 1F 4F B2 54 6B 25 7A 6F 44 29 E7 78 1E 46 A1 DA FA FA 1F D0 57 B3 D4 2A DD 1C EB C0 F5 8B 9B 7B 68 48 EA A5",
			"53 80 0E 00 0E 02 16 40 9F C7 E8 71 FF C8")
		if r.Secure() || !r.HasKey(unspell(t, "000102030405060708090A0B0C0D0E0F")) {
			t.Error("KEYSET: want the key kept and the session over")
		}
		seen := r.Seen()
		if seen.BadMACs != 0 || seen.SequenceErrors != 0 || seen.InClear != 0 || seen.KeysSet != 1 || seen.DefaultKey != 1 {
			t.Errorf("seen: %+v", seen)
		}
	}, r)
}

func TestOSDPReaderHoldsTheCapturedDialogue(t *testing.T) { // V16
	r := annexE(t, "6162636465666768 6162636465666768")
	onLine(t, func(p *panel) {
		handshake := func(rndA string, selector byte, key []byte) {
			t.Helper()
			s := newOSDPSession(key, unspell(t, rndA), []byte("abcdefgh"))
			if code, data := p.reply(p.ask(osdpEncode(0, 5, []byte{3, 0x11, selector}, 0x76, s.rndA, nil))); code != 0x76 ||
				!bytes.Equal(data[16:], s.clientCryptogram()) {
				t.Fatalf("CHLNG: got %02X % X", code, data)
			}
			if code, _ := p.reply(p.ask(osdpEncode(0, 6, []byte{3, 0x13, selector}, 0x77, s.serverCryptogram(), nil))); code != 0x78 {
				t.Fatalf("SCRYPT: got %02X", code)
			}
		}
		p.command(0, 0, 0x61, 0)
		handshake("CDCD921212D3EE6A", 0, OSDPDefaultKey())
		p.wants("KEYSET", "53 00 2E 00 0F 02 17 75 EA 64 E3 51 74 E3 09 D6 6A D2 80 73 54 CD DE 65 9E B5 22 6F 32 56 63 90 91 5E D7 79 87 BF 51 7C 41 25 EC 77 64 96",
			"53 80 0E 00 0F 02 16 40 B1 89 2D FE 52 95")
		key := unspell(t, "D459F02F6602E5651F3B553BC283D43E")
		if !r.HasKey(key) {
			t.Fatal("the key of the capture was not kept")
		}
		handshake("636E3478F7085C57", 1, key)
	}, r)
}

func TestOSDPReaderTakesAnEmptySealedBlock(t *testing.T) { // V16's 0x17 without data
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.secured(0, 0, OSDPDefaultKey())
		frame := osdpEncode(0, 2|osdpWithCRC, []byte{2, 0x17}, 0x64, p.session.seal(p.session.replyMAC, nil), func(covered []byte) []byte {
			p.session.commandMAC = p.session.sum(p.session.replyMAC, covered)
			return p.session.commandMAC[:]
		})
		if code, data, ok := p.opened(p.ask(frame)); code != 0x48 || !ok || !bytes.Equal(data, []byte{0, 0}) {
			t.Errorf("got %02X % X, MAC right %t, want LSTATR", code, data, ok)
		}
	}, r)
}

func TestOSDPSessionKeysAreThoseOfTheDocument(t *testing.T) { // V11, V13, V16
	for _, tt := range []struct{ key, rndA, want string }{
		{"303132333435363738393A3B3C3D3E3F", "B0B1B2B3B4B5B6B7", "BF8DC2A8329ACB8C67C6D0CD9A451682"},
		{"303132333435363738393A3B3C3D3E3F", "CDCD921212D3EE6A", "037FDCE2A3317C3A58EAA52ED0BE031A"},
		{"D459F02F6602E5651F3B553BC283D43E", "636E3478F7085C57", "4EC7F4AE57EE3B43FA53F66B1B761383"},
	} {
		s := newOSDPSession(unspell(t, tt.key), unspell(t, tt.rndA), make([]byte, 8))
		var got, want [16]byte
		s.enc.Encrypt(got[:], got[:])
		osdpAES(unspell(t, tt.want)).Encrypt(want[:], want[:])
		if got != want {
			t.Errorf("S-ENC for RND.A %s is not %s", tt.rndA, tt.want)
		}
	}
	s := newOSDPSession(OSDPDefaultKey(), unspell(t, "0102030405060708"), unspell(t, "1112131415161718"))
	want := []string{
		"59 63 E6 94 77 34 E9 B2 70 1C 70 0E 9D D0 41 16", "CB 25 5A 58 DB 26 06 49 2A 1F E0 34 61 F4 98 E8",
		"86 95 45 7F 1F BA 99 C0 FF 42 06 6C D7 13 30 27",
	}
	if got := []string{spell(s.clientCryptogram()), spell(s.serverCryptogram()), spell(s.open())}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	sequence := unspell(t, "000102030405060708090A0B0C0D0E0F10111213")
	for _, tt := range []struct{ name, got, want string }{
		{"sealed 60", spell(s.seal(s.replyMAC, []byte{0x60})), "95 2F E3 70 BE 02 41 15 3D A9 10 92 7B 69 2D 75"},
		{
			"sealed block", spell(s.seal(s.replyMAC, sequence[:16])),
			"45 31 26 D8 F0 03 69 60 5D B3 A0 06 FA B4 96 9C 82 12 D3 ED EF A1 8C A1 3E FE BF 3D 86 18 51 0E",
		},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, tt.got, tt.want)
		}
	}
	for n, want := range map[int]string{
		16: "DC 39 96 EE 63 8B 02 9D 7C C6 50 98 F8 22 A4 E2", 20: "79 A3 A8 49 DA 0E 8B CB 4F BE EF 1B 85 13 E2 14",
	} {
		full := s.sum(s.replyMAC, sequence[:n])
		if got := spell(full[:]); got != want {
			t.Errorf("MAC of %d bytes: got %s, want %s", n, got, want)
		}
	}
}
