package hwtest_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// found lists the one tag in the field and throws the answer away.
func found(t *testing.T, tag hwtest.Tag) (*lineHost, *hwtest.PN532) {
	t.Helper()
	target := tag.Select()
	h, chip := awake(t)
	chip.Put(tag)
	h.say(list)
	size := 1 + 1 + 4 + len(target.UID) + len(target.ATS)
	h.skip(6 + 7 + size + 2)
	return h, chip
}

// skip throws so many bytes away.
func (h *lineHost) skip(n int) {
	h.t.Helper()
	late := time.After(patience)
	for range n {
		select {
		case <-h.got:
		case <-late:
			h.t.Fatal("too few bytes came")
		}
	}
}

// inFrame is a packet of the chip in a frame, as hex.
func inFrame(t *testing.T, packet string) string {
	t.Helper()
	raw := unhex(t, packet)
	sum := byte(0)
	for _, c := range raw {
		sum += c
	}
	return hex.EncodeToString(slices.Concat([]byte{0, 0, 0xFF, byte(len(raw)), byte(-len(raw))}, raw, []byte{-sum, 0}))
}

func TestPN532CarriesCommandsToCards(t *testing.T) {
	type say struct{ in, want string }
	type4 := hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFURI("https://a.example"))
	type4.SetMaxRead(0x3B)
	tests := []struct {
		name string
		tag  hwtest.Tag
		says []say
	}{
		{"NTAG", hwtest.NewNTAG(215, "04C63A63110189", hwtest.NDEFURI("https://a.example/b")), []say{
			{"0000FF05FBD440013004B700", "D54100 0310D1010C5504612E6578616D706C65"},
			{"0000FF03FDD442608A00", "D54300 0004040201001103"}, // GET_VERSION
			{"0000FF04FCD4400160 8B00", "D54127"},               // which InDataExchange takes for an authentication
		}},
		{"Type 4", type4, []say{
			{"0000FF10F0D4400100A4040007D276000085010100 6D00", "D541009000"},
			{"0000FF0AF6D4400100A4000C02E1035500", "D541009000"},
			{"0000FF08F8D4400100B000000F2C00", "D54100 000F20003B0034 0406E104010000FF 9000"},
			{"0000FF0AF6D4400100A4000C02E1045400", "D541009000"},
			{"0000FF08F8D4400100B00000023900", "D54100 000E 9000"},
		}},
		{"PKOC", hwtest.NewPKOCCard("04A1B2C3D4E5F6", nil), []say{
			{"0000FF11EFD4400100A4040008A00000089800000100FA00", "D54100 5C020100 9000"},
			{"0000FF03FDD442608A00", "D54301"}, // no block of ISO 14443-4
		}},
		{"DESFire", hwtest.NewDESFire("04A1B2C3D4E5F6"), []say{
			{"0000FF11EFD4400100A4040008A00000089800000100FA00", "D54100 6A82"},
		}},
		{"released", hwtest.NewDESFire("04A1B2C3D4E5F6"), []say{
			{"0000FF03FDD45200DA00", "D55300"},
			{"0000FF08F8D4400100B00000023900", "D54127"},
		}},
		{"field switched off", hwtest.NewDESFire("04A1B2C3D4E5F6"), []say{
			{"0000FF04FCD4320100F900", "D533"},
			{"0000FF08F8D4400100B00000023900", "D54127"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := found(t, tt.tag)
			for _, s := range tt.says {
				h.say(s.in)
				h.hears(ack, inFrame(t, s.want))
			}
		})
	}
}

func TestPN532WaitsForAPhoneThatAsksForTime(t *testing.T) {
	h, chip := found(t, hwtest.NewDESFire("04A1B2C3D4E5F6"))
	chip.Pause(300 * time.Millisecond)
	started := time.Now()
	h.say("0000FF11EFD4400100A4040008A00000089800000100FA00")
	h.hears(ack, inFrame(t, "D54100 6A82"))
	if took := time.Since(started); took < 300*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
}

func TestPN532NoticesACardPulledInAnExchange(t *testing.T) {
	card := hwtest.NewDESFire("04A1B2C3D4E5F6")
	h, chip := found(t, card)
	chip.Pause(300 * time.Millisecond)
	h.say("0000FF11EFD4400100A4040008A00000089800000100FA00")
	h.hears(ack)
	chip.Take(card)
	h.hears("0000FF03FDD54101E900")
}

// chatty is a card that says more than a frame of the chip holds.
type chatty struct{ answer []byte }

func (*chatty) PowerUp() {}
func (*chatty) Select() hwtest.Target {
	return hwtest.Target{SENS: [2]byte{0x03, 0x44}, SEL: 0x20, UID: make([]byte, 7), ATS: []byte{1}}
}

func (c *chatty) Exchange(command []byte) []byte {
	if len(command) == 300 {
		return []byte{0x90, 0x00}
	}
	return c.answer
}

func TestPN532CutsLongExchangesInPieces(t *testing.T) {
	card := &chatty{bytes.Repeat([]byte{0x22}, 300)}
	h, _ := found(t, card)
	h.send(packet(0x40, 0x01, 0x00))
	first := slices.Concat([]byte{0xD5, 0x41, 0x40}, card.answer[:262])
	sum := byte(0)
	for _, c := range first {
		sum += c
	}
	h.hears(ack, "0000FF FFFF 0109 F6", hex.EncodeToString(append(first, -sum, 0)))
	h.send(packet(0x40, 0x01))
	h.hears(ack, inFrame(t, "D54100"+hex.EncodeToString(card.answer[262:])))
	h.send(packet(append([]byte{0x40, 0x41}, make([]byte, 200)...)...))
	h.hears(ack, inFrame(t, "D54100"))
	h.send(packet(append([]byte{0x40, 0x01}, make([]byte, 100)...)...))
	h.hears(ack, inFrame(t, "D541009000"))
}
