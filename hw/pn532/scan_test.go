package pn532_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/hw/pn532"
)

var emptyIsNil = cmpopts.EquateEmpty()

// answers are whole frames of the chip.
var answers = []string{
	"00 00 FF 00 FF 00",
	"00 00 FF 01 FF 7F 81 00",
	"00 00 FF 02 FE D5 15 16 00",
	"00 00 FF 06 FA D5 03 32 01 06 07 E8 00",
	"00 00 FF 03 FD D5 4B 00 E0 00",
	"00 00 FF 0C F4 D5 4B 01 01 04 00 08 04 92 2E 58 32 84 00",
	"00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 C6 3A 63 11 01 89 91 00",
	"00 00 FF 15 EB D5 4B 01 01 03 44 20 07 04 A1 B2 C3 D4 E5 F6 06 75 77 81 02 80 B2 00",
	"00 00 FF 05 FB D5 41 00 90 00 5A 00",
	"00 00 FF 03 FD D5 41 01 E9 00",
	"00 00 FF FF FF 00 04 FC D5 41 00 FF EB 00",
}

func TestFramesDoNotDependOnHowTheLineCutThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			if rapid.Bool().Draw(t, "noise") {
				stream = append(stream, rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0xFF, 0x01, 0xFE, 0xD5, 0x55, 0x80}), 0, 12).Draw(t, "bytes")...)
			}
			stream = append(stream, unhex(&testing.T{}, rapid.SampledFrom(answers).Draw(t, "frame"))...)
		}
		whole, dropped := scan(stream)
		var s pn532.Scanner
		var cut []pn532.Frame
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			s.Feed(rest[:n], keep(&cut))
			rest = rest[n:]
		}
		if diff := cmp.Diff(whole, cut, emptyIsNil); diff != "" || s.Dropped != dropped {
			t.Fatalf("% X: dropped %v and %v, frames (-whole +cut):\n%s", stream, dropped, s.Dropped, diff)
		}
	})
}

func TestFrameAfterNoiseIsFoundAgain(t *testing.T) {
	good := unhex(t, answers[3])
	for _, tt := range []struct {
		name, noise string
		drop        pn532.Drop
	}{
		{"bytes", "A5 7E 01", pn532.Noise},
		{"a wrong length check", "00 00 FF 02 FD D5 15 16 00", pn532.Length},
		{"a length of nothing", "00 00 FF FF FF 00 00 00", pn532.Length},
		{"an extended length that no frame has", "00 00 FF FF FF 7F FF 82", pn532.Length},
		{"a wrong check", "00 00 FF 02 FE D5 15 17 00", pn532.Sum},
		{"a frame of a host", "00 00 FF 02 FE D4 02 2A 00", pn532.Echo},
		{"a body of nobody", "00 00 FF 02 FE D6 00 2A 00", pn532.Length},
		{"a body without a code", "00 00 FF 01 FF D5 2B 00", pn532.Length},
		{"a frame cut off by the next", "00 00 FF 02 FE D5", pn532.Sum},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, dropped := scan(append(unhex(t, tt.noise), good...))
			want, _ := scan(good)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			if dropped[tt.drop] != 1 {
				t.Errorf("dropped: got %v, want one under %d", dropped, tt.drop)
			}
		})
	}
}

func TestForgottenHalfIsNoPartOfWhatComes(t *testing.T) {
	var s pn532.Scanner
	var all []pn532.Frame
	s.Feed(unhex(t, "00 00 FF FF FF 01 09 F6 D5 41"), keep(&all)) // 262 bytes are missing
	s.Forget()
	s.Feed(unhex(t, answers[2]), keep(&all))
	if len(all) != 1 || all[0].Code != pn532.CodeSAM+1 {
		t.Errorf("got %v, want the frame after", all)
	}
}

// Of two flipped bits, those of one column that go opposite ways leave the sum
// as it was: nobody can see that in one frame, so a driver has it said twice.
// All others leave the answer as it was (they fell on filler) or leave none. An
// ACK and its like say nothing of a card, and one bit can make them.
func TestFlippedBitsMakeNoOtherAnswer(t *testing.T) {
	tried := 0
	for _, text := range answers {
		good := unhex(t, text)
		want := onlyAnswers(good)
		for i := range 8 * len(good) {
			for j := i; j < 8*len(good); j++ {
				wrong := slices.Clone(good)
				wrong[i/8] ^= 1 << (i % 8)
				if j != i {
					wrong[j/8] ^= 1 << (j % 8)
				}
				tried++
				if got := onlyAnswers(wrong); len(got) != 0 && !cmp.Equal(want, got, emptyIsNil) && !sumStays(good, i, j) {
					t.Fatalf("%s, bits %d and %d: got %v from % X", text, i, j, got, wrong)
				}
			}
		}
	}
	if tried < 50_000 {
		t.Errorf("only %d pairs were tried", tried)
	}
}

func onlyAnswers(in []byte) []pn532.Frame {
	all, _ := scan(in)
	return slices.DeleteFunc(all, func(f pn532.Frame) bool { return f.Kind != pn532.Answer })
}

// sumStays says that two flips leave the sum of all bytes as it was: they go
// opposite ways in one column, or twice the same way in the highest.
func sumStays(good []byte, i, j int) bool {
	bit := byte(1) << (i % 8)
	return i != j && i%8 == j%8 && (bit == 0x80 || good[i/8]&bit != good[j/8]&bit)
}

func TestEveryTruncationIsNoFrame(t *testing.T) {
	for _, text := range answers {
		good := unhex(t, text)
		for n := range len(good) - 1 { // the last byte is filler
			if got, _ := scan(good[:n]); len(got) != 0 {
				t.Errorf("%s, cut after %d: got %v", text, n, got)
			}
		}
	}
}

func TestTargetsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"nothing", ""},
		{"three targets", "03"},
		{"none, and more", "00 01"},
		{"one, and none there", "01"},
		{"a target cut short", "01 01 04 00 08"},
		{"a UID cut short", "01 01 04 00 08 04 92 2E 58"},
		{"a UID of 5 bytes", "01 01 04 00 08 05 92 2E 58 32 11"},
		{"a UID of 255 bytes", "01 01 04 00 08 FF 92 2E 58 32"},
		{"no UID", "01 01 04 00 08 00"},
		{"bytes after the last", "01 01 04 00 08 04 92 2E 58 32 00"},
		{"an ATS cut short", "01 01 03 44 20 04 92 2E 58 32 06 75 77"},
		{"an ATS of no length", "01 01 03 44 20 04 92 2E 58 32 00"},
		{"two, and one there", "02 01 04 00 08 04 92 2E 58 32"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := pn532.ParseTargets(unhex(t, tt.in)); err == nil {
				t.Errorf("got %v, want an error", got)
			}
		})
	}
}

func TestTwoTargetsAreBothRead(t *testing.T) {
	got, err := pn532.ParseTargets(unhex(t, "02 01 0344 20 04 922E5832 06 7577810280 02 0044 00 07 04C63A63110189"))
	want := []pn532.Target{
		{Number: 1, Sense: 0x0344, Select: 0x20, UID: unhex(t, "922E5832"), ATS: unhex(t, "7577810280")},
		{Number: 2, Sense: 0x0044, UID: unhex(t, "04C63A63110189")},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestUIDsThatAreNobodysAreKnown(t *testing.T) {
	for _, tt := range []struct {
		name, uid      string
		random, shared bool
	}{
		{"a card's own", "922E5832", false, false},
		{"an NTAG's own", "04C63A63110189", false, false},
		{"a phone's, made up", "08A1B2C3", true, false},
		{"seven bytes that begin with 08", "08C63A63110189", false, false},
		{"several phones'", "01020304", false, true},
		{"a blank card's", "00000000", false, true},
		{"another blank card's", "FFFFFFFFFFFFFF", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := pn532.Target{UID: unhex(t, tt.uid)}
			if target.Random() != tt.random || target.Shared() != tt.shared {
				t.Errorf("got %v, %v, want %v, %v", target.Random(), target.Shared(), tt.random, tt.shared)
			}
		})
	}
}

func TestExchangeTellsOfTheStatus(t *testing.T) {
	said, more, err := pn532.ParseExchange(unhex(t, "00 90 00"))
	if err != nil || more || !bytes.Equal(said, []byte{0x90, 0x00}) {
		t.Errorf("well: got % X, %v, %v", said, more, err)
	}
	if said, more, err = pn532.ParseExchange(unhex(t, "40 01 02")); err != nil || !more || len(said) != 2 {
		t.Errorf("more to come: got % X, %v, %v", said, more, err)
	}
	for status := range pn532.Status(0x40) {
		if _, _, err := pn532.ParseExchange([]byte{byte(status)}); (err == nil) != (status == pn532.StatusOK) || err != nil && err.Error() == "" {
			t.Errorf("status %02X: got %v", byte(status), err)
		}
	}
	if _, _, err := pn532.ParseExchange(nil); err == nil {
		t.Error("no status: got no error")
	}
}

func TestFirmwareSaysWhoItIs(t *testing.T) {
	f, err := pn532.ParseFirmware([]byte{0x32, 0x01, 0x06, 0x07})
	if got, want := f.String(), "PN532 firmware 1.6"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := pn532.ParseFirmware([]byte{0x32}); err == nil {
		t.Error("a version of one byte: got no error")
	}
}

func FuzzScanner(f *testing.F) {
	var all []byte
	for _, text := range answers {
		f.Add(unhex(f, text), uint8(1))
		all = append(all, unhex(f, text)...)
	}
	f.Add(all, uint8(7))
	f.Add(bytes.Repeat([]byte{0x00, 0xFF}, 300), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		whole, dropped := scan(in)
		var s pn532.Scanner
		var cut []pn532.Frame
		for piece := range slices.Chunk(in, int(size)+1) {
			s.Feed(piece, keep(&cut))
		}
		if !cmp.Equal(whole, cut, emptyIsNil) || s.Dropped != dropped {
			t.Fatalf("% X in pieces of %d: other frames than in one piece", in, int(size)+1)
		}
		for _, frame := range whole {
			if frame.Kind == pn532.Answer && len(frame.Data) > pn532.MaxData-1 {
				t.Fatalf("% X: an answer of %d bytes", in, len(frame.Data))
			}
		}
	})
}

func FuzzTargets(f *testing.F) {
	for _, seed := range []string{"00", "01 01 04 00 08 04 92 2E 58 32", "01 01 03 44 20 07 04A1B2C3D4E5F6 06 7577810280", "02 01 0044 00 07 04C63A63110189 02 0000 00 00"} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		targets, err := pn532.ParseTargets(in)
		if err == nil && len(targets) > 2 {
			t.Errorf("% X: %d targets", in, len(targets))
		}
		for _, target := range targets {
			if len(target.UID) == 0 && !target.Collided() || !bytes.Contains(in, target.UID) {
				t.Errorf("% X: a UID that is not in it", in)
			}
		}
	})
}
