package pn532_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/hw/pn532"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.NewReplacer(" ", "", "*", "").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// scan is all frames in a stream, in one piece.
func scan(in []byte) ([]pn532.Frame, [pn532.DropKinds]uint64) {
	var s pn532.Scanner
	var all []pn532.Frame
	s.Feed(in, keep(&all))
	return all, s.Dropped
}

// keep is an emit that keeps the frames.
func keep(all *[]pn532.Frame) func(pn532.Frame) {
	return func(f pn532.Frame) {
		f.Data = bytes.Clone(f.Data)
		*all = append(*all, f)
	}
}

func must(t *testing.T) func(pn532.Command, error) pn532.Command {
	return func(c pn532.Command, err error) pn532.Command {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// The frames are those of UM0701-02 and of the reference, complete.
func TestCommandsAreThoseOfTheManual(t *testing.T) {
	card := must(t)
	exchange := func(out string) pn532.Command { return card(pn532.Exchange(1, unhex(t, out))) }
	for _, tt := range []struct {
		name string
		in   pn532.Command
		want string
	}{
		{"SAMConfiguration", pn532.SAMConfiguration(), "00 00 FF 03 FD D4 14 01 17 00"},
		{"GetFirmwareVersion", pn532.GetFirmwareVersion(), "00 00 FF 02 FE D4 02 2A 00"},
		{"MaxRetries", pn532.MaxRetries(0xFF, 0x01, 0x01), "00 00 FF 06 FA D4 32 05 FF 01 01 F4 00"},
		{"field off", pn532.Field(false), "00 00 FF 04 FC D4 32 01 00 F9 00"},
		{"field on", pn532.Field(true), "00 00 FF 04 FC D4 32 01 01 F8 00"},
		{"InListPassiveTarget", pn532.ListTargets(1), "00 00 FF 04 FC D4 4A 01 00 E1 00"},
		{"NTAG READ page 4", exchange("30 04"), "00 00 FF 05 FB D4 40 01 30 04 B7 00"},
		{"T4T SELECT NDEF app", exchange("00 A4 04 00 07 D2 76 00 00 85 01 01 00"), "00 00 FF 10 F0 D4 40 01 00 A4 04 00 07 D2 76 00 00 85 01 01 00 6D 00"},
		{"T4T SELECT CC", exchange("00 A4 00 0C 02 E1 03"), "00 00 FF 0A F6 D4 40 01 00 A4 00 0C 02 E1 03 55 00"},
		{"T4T READ 15", exchange("00 B0 00 00 0F"), "00 00 FF 08 F8 D4 40 01 00 B0 00 00 0F 2C 00"},
		{"T4T SELECT E104", exchange("00 A4 00 0C 02 E1 04"), "00 00 FF 0A F6 D4 40 01 00 A4 00 0C 02 E1 04 54 00"},
		{"T4T READ NLEN", exchange("00 B0 00 00 02"), "00 00 FF 08 F8 D4 40 01 00 B0 00 00 02 39 00"},
		{"PKOC SELECT", exchange("00 A4 04 00 08 A0 00 00 08 98 00 00 01 00"), "00 00 FF 11 EF D4 40 01 00 A4 04 00 08 A0 00 00 08 98 00 00 01 00 FA 00"},
		{"InRelease all", pn532.Release(), "00 00 FF 03 FD D4 52 00 DA 00"},
		{"Diagnose line test", pn532.LineTest([]byte{0xAA, 0x55}), "00 00 FF 05 FB D4 00 00 AA 55 2D 00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := tt.in.Frame(), unhex(t, tt.want); !bytes.Equal(got, want) {
				t.Errorf("got % X, want % X", got, want)
			}
			if tt.in.Code() != unhex(t, tt.want)[6] {
				t.Errorf("code: got %02X", tt.in.Code())
			}
		})
	}
	woken := append(pn532.Wake(), pn532.SAMConfiguration().Frame()...)
	if want := unhex(t, "55 55 0000000000000000000000000000 FF 03 FD D4 14 01 17 00"); !bytes.Equal(woken, want) {
		t.Errorf("woken: got % X, want % X", woken, want)
	}
	if got, want := pn532.Abort(), unhex(t, "00 00 FF 00 FF 00"); !bytes.Equal(got, want) {
		t.Errorf("abort: got % X, want % X", got, want)
	}
	if got, want := pn532.Again(), unhex(t, "00 00 FF FF 00 00"); !bytes.Equal(got, want) {
		t.Errorf("again: got % X, want % X", got, want)
	}
}

func TestLongCommandGoesInAnExtendedFrame(t *testing.T) {
	card := must(t)
	for _, tt := range []struct {
		name string
		out  int
		head string
	}{
		{"the longest normal one", 252, "00 00 FF FF 01 D4 40 01"},
		{"the shortest extended one", 253, "00 00 FF FF FF 01 00 FF D4 40 01"},
		{"the longest of all", pn532.MaxOut, "00 00 FF FF FF 01 09 F6 D4 40 01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := bytes.Repeat([]byte{0xA5}, tt.out)
			frame := card(pn532.Exchange(1, out)).Frame()
			if head := unhex(t, tt.head); !bytes.HasPrefix(frame, head) {
				t.Errorf("got % X, want % X", frame[:len(head)], head)
			}
			frame[bytes.IndexByte(frame, 0xD4)] = 0xD5 // as if the chip had said it
			frame[len(frame)-2]--
			all, dropped := scan(frame)
			want := []pn532.Frame{{Kind: pn532.Answer, Code: 0x40, Data: append([]byte{0x01}, out...)}}
			if diff := cmp.Diff(want, all); diff != "" || dropped != [pn532.DropKinds]uint64{} {
				t.Errorf("dropped %v, frames (-want +got):\n%s", dropped, diff)
			}
		})
	}
	if _, err := pn532.Exchange(1, make([]byte, pn532.MaxOut+1)); err == nil {
		t.Error("a byte more than fits: got no error")
	}
}

func TestFramesOfTheChipAreFound(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     pn532.Frame
	}{
		{"ACK", "00 00 FF 00 FF 00", pn532.Frame{Kind: pn532.Ack}},
		{"NACK", "00 00 FF FF 00 00", pn532.Frame{Kind: pn532.Nack}},
		{"error frame", "00 00 FF 01 FF 7F 81 00", pn532.Frame{Kind: pn532.Refusal}},
		{"SAMConfiguration", "00 00 FF 02 FE D5 15 16 00", pn532.Frame{Kind: pn532.Answer, Code: 0x15}},
		{"firmware", "00 00 FF 06 FA D5 03 32 01 06 07 E8 00", pn532.Frame{Kind: pn532.Answer, Code: 0x03, Data: []byte{0x32, 0x01, 0x06, 0x07}}},
		{"RFConfiguration", "00 00 FF 02 FE D5 33 F8 00", pn532.Frame{Kind: pn532.Answer, Code: 0x33}},
		{"nobody", "00 00 FF 03 FD D5 4B 00 E0 00", pn532.Frame{Kind: pn532.Answer, Code: 0x4B, Data: []byte{0x00}}},
		{"T4T selected", "00 00 FF 05 FB D5 41 00 90 00 5A 00", pn532.Frame{Kind: pn532.Answer, Code: 0x41, Data: []byte{0x00, 0x90, 0x00}}},
		{"card did not answer", "00 00 FF 03 FD D5 41 01 E9 00", pn532.Frame{Kind: pn532.Answer, Code: 0x41, Data: []byte{0x01}}},
		{"without filler", "00 FF 02 FE D5 33 F8", pn532.Frame{Kind: pn532.Answer, Code: 0x33}},
		{"with much filler", "00 00 00 00 00 00 FF 02 FE D5 33 F8 00 00 00", pn532.Frame{Kind: pn532.Answer, Code: 0x33}},
		{"extended and short", "00 00 FF FF FF 00 02 FE D5 33 F8 00", pn532.Frame{Kind: pn532.Answer, Code: 0x33}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, dropped := scan(unhex(t, tt.in))
			want := []pn532.Frame{tt.want}
			if diff := cmp.Diff(want, all, emptyIsNil); diff != "" || dropped != [pn532.DropKinds]uint64{} {
				t.Errorf("dropped %v, frames (-want +got):\n%s", dropped, diff)
			}
		})
	}
}

func TestTargetsOfTheManualAreRead(t *testing.T) { // the frames whole, as on the wire
	for _, tt := range []struct {
		name, in string
		want     []pn532.Target
		dep, t2  bool
	}{
		{"nobody", "00 00 FF 03 FD D5 4B 00 E0 00", nil, false, false},
		{
			"MIFARE Classic", "00 00 FF 0C F4 D5 4B 01 01 04 00 08 04 92 2E 58 32 84 00",
			[]pn532.Target{{Number: 1, Sense: 0x0400, Select: 0x08, UID: []byte{0x92, 0x2E, 0x58, 0x32}}},
			false, false,
		},
		{
			"NTAG215", "00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 C6 3A 63 11 01 89 91 00",
			[]pn532.Target{{Number: 1, Sense: 0x0044, UID: unhex(t, "04C63A63110189")}},
			false, true,
		},
		{
			"ISO-DEP with ATS", "00 00 FF 15 EB D5 4B 01 01 03 44 20 07 04 A1 B2 C3 D4 E5 F6 06 75 77 81 02 80 B2 00",
			[]pn532.Target{{Number: 1, Sense: 0x0344, Select: 0x20, UID: unhex(t, "04A1B2C3D4E5F6"), ATS: unhex(t, "7577810280")}},
			true, false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frames, _ := scan(unhex(t, tt.in))
			if len(frames) != 1 || frames[0].Code != pn532.CodeListTargets+1 {
				t.Fatalf("got %v, want one answer", frames)
			}
			got, err := pn532.ParseTargets(frames[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("targets (-want +got):\n%s", diff)
			}
			for _, target := range got {
				if target.ISODEP() != tt.dep || target.Type2() != tt.t2 || target.Collided() {
					t.Errorf("got ISO-DEP %v, type 2 %v, want %v, %v", target.ISODEP(), target.Type2(), tt.dep, tt.t2)
				}
			}
		})
	}
}

// InAutoPoll is not used here. Its answer holds the same block, with the number
// of the target in front: a library that took that for filler reads every card
// wrongly.
func TestTargetOfAutoPollIsTheSameBlock(t *testing.T) {
	if got, want := (pn532.Command{0x60, 0x01, 0x01, 0x10, 0x20}).Frame(), unhex(t, "00 00 FF 06 FA D4 60 01 01 10 20 9A 00"); !bytes.Equal(got, want) {
		t.Errorf("command: got % X, want % X", got, want)
	}
	frames, _ := scan(unhex(t, "00 00 FF 0E F2 D5 61 01 10 09 01 04 00 08 04 92 2E 58 32 55 00"))
	if len(frames) != 1 || len(frames[0].Data) != 12 {
		t.Fatalf("got %v", frames)
	}
	block := frames[0].Data[3:] // after NbTg, type and length
	got, err := pn532.ParseTargets(append([]byte{1}, block...))
	if err != nil || len(got) != 1 || hex.EncodeToString(got[0].UID) != "922e5832" {
		t.Errorf("got %v, %v, want UID 922e5832", got, err)
	}
}
