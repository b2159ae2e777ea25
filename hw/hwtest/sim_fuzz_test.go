package hwtest

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// FuzzPN532Hears proves that no bytes of a host break the simulated chip, nor
// the cards in its field, and that a frame is one however it is cut.
func FuzzPN532Hears(f *testing.F) {
	for _, seed := range []string{
		"5555000000000000000000000000000000FF03FDD414011700", "0000FF05FBD4000 0AA552D00", "0000FFFFFF0002FED4022A00",
		"0000FF04FCD44A0100E100", "0000FF05FBD440013004B700", "0000FF03FDD442608A00", "0000FF00FF00", "0000FFFF0000",
		"0000FF11EFD4400100A4040008A00000089800000100FA00", "0000FF02FDD4022A00",
	} {
		f.Add(mustHex(seed), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = min(max(cut, 0), len(in))
		now := time.Now()
		hear := func(parts ...[]byte) (kinds []pn532Kind, packets [][]byte) {
			var input pn532Input
			for _, part := range parts {
				for _, c := range part {
					input.take(c, now)
				}
				for kind, packet := input.next(); kind != pn532Nothing; kind, packet = input.next() {
					kinds, packets = append(kinds, kind), append(packets, packet)
				}
			}
			return kinds, packets
		}
		kinds, packets := hear(in)
		again, pieces := hear(in[:cut], in[cut:])
		if len(kinds) != len(again) || len(packets) != len(pieces) {
			t.Fatalf("% X cut at %d: got %v, whole %v", in, cut, again, kinds)
		}
		for i := range packets {
			if kinds[i] != again[i] || !bytes.Equal(packets[i], pieces[i]) {
				t.Fatalf("% X cut at %d: got % X, whole % X", in, cut, pieces[i], packets[i])
			}
		}
		chip := NewPN532(readNothing{io.Discard})
		chip.state, chip.normal = pn532Awake, true
		chip.Put(NewType4("04A1B2C3D4E5F6", NDEFText("en", "a")))
		chip.find(1, nil)
		chip.heard(in)
	})
}

// FuzzTagsAnswer proves that no command breaks a card.
func FuzzTagsAnswer(f *testing.F) {
	for _, seed := range []string{
		"00A4040007D276000085010100", "00A4000C02E103", "00B000000F", "00A4040008A00000089800000100", "3004", "60", "3A0304",
		"8080000138 5C020100 4C10 00000000000000000000000000000000 4D20 00", "600000000000000000000000", "",
	} {
		f.Add(mustHex(seed))
	}
	f.Fuzz(func(_ *testing.T, command []byte) {
		for _, tag := range []Tag{
			NewMifareClassic("922E5832"), NewNTAG(213, "04C63A63110189", nil), NewPhone(), NewDESFire("04A1B2C3D4E5F6"), NewBankCard(),
			NewType4("04A1B2C3D4E5F6", nil), NewNTAG424("04DE5F1EACC040", "{picc}{file}{cmac}", make([]byte, 16), make([]byte, 16)),
			NewPKOCPhone(nil),
		} {
			tag.PowerUp()
			tag.Select()
			for _, open := range []string{"00A4040007D276000085010100", "00A4000C02E104", "00A4040008A00000089800000100"} {
				tag.Exchange(mustHex(open))
				tag.Exchange(command)
			}
		}
	})
}

// FuzzScannersHear proves that no bytes of a host break a scanner.
func FuzzScannersHear(f *testing.F) {
	for _, seed := range []string{"~\x010000#SCNENA0;\x03", "~\x010000@;\x03", "^_^SCAN.", "\x7e\x00\x08\x01\x00\x02\x01\xab\xcd", "\x7e\x00\x07\xff\x00\x00", "\x06\x15DE"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, in []byte) {
		line := readNothing{io.Discard}
		for _, s := range []*Scanner{NewNewland(line), NewDE2120(line, time.Hour), NewGM65(line, "\r").Scanner, NewDatalogic(line)} {
			s.hear(in)
		}
	})
}

// readNothing is a line with nobody at the other end.
type readNothing struct{ io.Writer }

func (readNothing) Read([]byte) (int, error) { return 0, io.EOF }
