package hw

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// piece is bytes that came after so long a time.
type piece struct {
	after time.Duration
	bytes string
}

// cut sends pieces through a framer and tells the frames, and the drops as words.
func cut(o frameOptions, pieces ...piece) (frames, drops []string) {
	var counts dropCounts
	f := framer{frameOptions: o, drops: &counts}
	f.emit = func(_ time.Time, frame []byte) bool {
		frames = append(frames, string(frame))
		return !bytes.Contains(frame, []byte("BAD"))
	}
	at := time.Unix(1, 0)
	for _, p := range pieces {
		at = at.Add(p.after)
		f.feed(at, []byte(p.bytes))
	}
	f.idle(at.Add(time.Hour))
	for i := range counts {
		if n := counts[i].Load(); n > 0 {
			drops = append(drops, fmt.Sprintf("%s %d", dropWords[i], n))
		}
	}
	return frames, drops
}

func lines() frameOptions { return frameOptions{Type: "delimited", End: anyLineEnd} }

func stxEtx() frameOptions {
	return frameOptions{Type: "delimited", Start: octets{2}, End: []octets{{3}}, Max: 12}
}

func ssi() frameOptions { return frameOptions{Type: "length", Size: 1, Adjust: 2} }

func twoByte() frameOptions {
	return frameOptions{Type: "length", Start: octets{0xA5, 0x5A}, Offset: 2, Size: 2, Little: true, Adjust: 4, Max: 20}
}

func TestFramesAreCutAsTheSettingsSay(t *testing.T) {
	const monster = maxFrame + 100
	for _, tt := range []struct {
		name   string
		frame  frameOptions
		in     []piece
		frames []string
		drops  []string
	}{
		{"CR ends", lines(), []piece{{0, "HELLO\r"}}, []string{"HELLO"}, nil},
		{"CR LF is one end", lines(), []piece{{0, "A\r\nB\r\n"}}, []string{"A", "B"}, nil},
		{"CR LF in two pieces", lines(), []piece{{0, "A\r"}, {time.Millisecond, "\nB\r"}}, []string{"A", "B"}, nil},
		{"LF alone ends too", lines(), []piece{{0, "A\nB\n"}}, []string{"A", "B"}, nil},
		{"spaces are data", lines(), []piece{{0, " A \r"}}, []string{" A "}, nil},
		{"nothing between ends", lines(), []piece{{0, "\r\r"}}, nil, []string{"empty 2"}},
		{"the longest that may be", lines(), []piece{{0, strings.Repeat("x", maxFrame) + "\r"}}, []string{strings.Repeat("x", maxFrame)}, nil},
		{"one too long", lines(), []piece{{0, strings.Repeat("x", maxFrame+1) + "\rA\r"}}, []string{"A"}, []string{"oversize 1"}},
		{"much too long", lines(), []piece{{0, strings.Repeat("x", monster) + "\rA\r"}}, []string{"A"}, []string{"oversize 1"}},
		{"half, silence, whole", lines(), []piece{{0, "HEL"}, {3 * time.Second, "HELLO\r"}}, []string{"HELLO"}, []string{"timeout 1"}},
		{"drip by drip", lines(), []piece{{0, "H"}, {1500 * time.Millisecond, "E"}, {1500 * time.Millisecond, "LLO\rA\r"}}, []string{"A"}, []string{"timeout 1"}},
		{"oversize, silence, whole", lines(), []piece{{0, strings.Repeat("x", monster)}, {3 * time.Second, "A\r"}}, []string{"A"}, []string{"oversize 1"}},

		{"STX to ETX", stxEtx(), []piece{{0, "\x02HELLO\x03"}}, []string{"HELLO"}, nil},
		{"noise before STX", stxEtx(), []piece{{0, "xyz\x03\x02A\x03\x03q\x02B\x03"}}, []string{"A", "B"}, []string{"noise 2"}},
		{"STX in the middle begins anew", stxEtx(), []piece{{0, "\x02HEL\x02HELLO\x03"}}, []string{"HELLO"}, []string{"cut 1"}},
		{"too long for its kind", stxEtx(), []piece{{0, "\x021234567890123\x03\x02A\x03"}}, []string{"A"}, []string{"oversize 1"}},
		{"far too long", stxEtx(), []piece{{0, "\x02" + strings.Repeat("x", 99) + "\x03\x02A\x03"}}, []string{"A"}, []string{"oversize 1"}},
		{"STX and silence", stxEtx(), []piece{{0, "\x02A"}, {3 * time.Second, "B\x03\x02C\x03"}}, []string{"C"}, []string{"noise 1", "timeout 1"}},
		{"noise and silence", stxEtx(), []piece{{0, "A"}, {3 * time.Second, "\x02C\x03"}}, []string{"C"}, []string{"noise 1"}},

		{"length in front", ssi(), []piece{{0, "\x04\xD0\x04\x00\xFF\x28\x04\xE4\x04\x00\xFF\x14"}}, []string{"\x04\xD0\x04\x00\xFF\x28", "\x04\xE4\x04\x00\xFF\x14"}, nil},
		{"length of nothing waits for silence", frameOptions{Type: "length", Size: 1}, []piece{{0, "\x00\x03AB"}, {time.Second, "\x03AB"}}, []string{"\x03AB"}, []string{"length 1"}},
		{"wrong check waits for silence", ssi(), []piece{{0, "\x02BAD\x04ABCDE"}, {time.Second, "\x02ABC"}}, []string{"\x02BAD", "\x02ABC"}, nil},
		{"half and silence", ssi(), []piece{{0, "\x04AB"}, {time.Second, "\x02ABC"}}, []string{"\x02ABC"}, []string{"timeout 1"}},
		{"two bytes of length after a start", twoByte(), []piece{{0, "\xA5\x5A\x03\x00ABC"}}, []string{"\xA5\x5A\x03\x00ABC"}, nil},
		{"noise before a start", twoByte(), []piece{{0, "xx\xA5\xA5\x5A\x03\x00ABC"}}, []string{"\xA5\x5A\x03\x00ABC"}, []string{"noise 1"}},
		{"impossible length is skipped", twoByte(), []piece{{0, "\xA5\x5A\xFF\xFF\xA5\x5A\x01\x00A"}}, []string{"\xA5\x5A\x01\x00A"}, []string{"length 1"}},
		{"wrong check looks inside", twoByte(), []piece{{0, "\xA5\x5A\x08\x00BAD\xA5\x5A\x01\x00A"}}, []string{"\xA5\x5A\x08\x00BAD\xA5\x5A\x01\x00A", "\xA5\x5A\x01\x00A"}, nil},

		{"fixed", frameOptions{Type: "fixed", Bytes: 3}, []piece{{0, "ABCDEF"}}, []string{"ABC", "DEF"}, nil},
		{"fixed, out of step until silence", frameOptions{Type: "fixed", Bytes: 3}, []piece{{0, "AB"}, {time.Second, "ABC"}}, []string{"ABC"}, []string{"timeout 1"}},
		{"fixed with a start", frameOptions{Type: "fixed", Bytes: 3, Start: octets{'#'}}, []piece{{0, "x#AB#CD"}}, []string{"#AB", "#CD"}, []string{"noise 1"}},

		{"gap", frameOptions{Type: "gap"}, []piece{{0, "AB"}, {10 * time.Millisecond, "C"}, {60 * time.Millisecond, "D"}}, []string{"ABC", "D"}, nil},
		{"gap, oversize", frameOptions{Type: "gap", Max: 3}, []piece{{0, "ABCDE"}, {time.Second, "F"}}, []string{"F"}, []string{"oversize 1"}},
		{"gap that never comes", frameOptions{Type: "gap"}, dripping(80, 40*time.Millisecond), nil, []string{"timeout 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.frame.check(); err != nil {
				t.Fatal(err)
			}
			frames, drops := cut(tt.frame, tt.in...)
			if diff := cmp.Diff(frames, tt.frames); diff != "" {
				t.Errorf("frames: got, want differ:\n%s", diff)
			}
			if diff := cmp.Diff(drops, tt.drops); diff != "" {
				t.Errorf("drops: got, want differ:\n%s", diff)
			}
		})
	}
}

func dripping(n int, every time.Duration) []piece {
	return slices.Repeat([]piece{{every, "x"}}, n)
}

// X5: however the line cuts a stream, the frames are the same.
func TestFramesDoNotDependOnHowTheStreamIsCut(t *testing.T) {
	layouts := map[string]frameOptions{
		"lines": lines(), "stx": stxEtx(), "ssi": ssi(), "two": twoByte(),
		"fixed": {Type: "fixed", Bytes: 5}, "gap": {Type: "gap"},
	}
	for name, o := range layouts {
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				octet := rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\r\n\x02\x03\xA5\x5A\x00\x01\x05AB")))
				stream := rapid.SliceOfN(octet, 0, 300).Draw(t, "stream")
				wantFrames, wantDrops := cut(o, piece{0, string(stream)})
				var pieces []piece
				for rest := stream; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "n")
					pieces = append(pieces, piece{0, string(rest[:n])})
					rest = rest[n:]
				}
				frames, drops := cut(o, pieces...)
				if !slices.Equal(frames, wantFrames) || !slices.Equal(drops, wantDrops) {
					t.Fatalf("% X in %d pieces: got %q %q, want %q %q", stream, len(pieces), frames, drops, wantFrames, wantDrops)
				}
			})
		})
	}
}

func TestFramerKeepsNoMoreThanAFrame(t *testing.T) { // X5
	for _, o := range []frameOptions{lines(), stxEtx(), ssi(), twoByte(), {Type: "gap"}, {Type: "fixed", Bytes: 5, Start: octets{9}}} {
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		var counts dropCounts
		f := framer{frameOptions: o, drops: &counts, emit: func(time.Time, []byte) bool { return false }}
		for i := range 2000 {
			f.feed(time.Unix(1, int64(i)), bytes.Repeat([]byte{byte(i), 2, 'x'}, 300))
			if cap(f.buf) > 4*maxFrame {
				t.Fatalf("%s: holds %d bytes", o.Type, cap(f.buf))
			}
		}
	}
}

func TestFrameOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, o := range []frameOptions{
		{},
		{Type: "lines"},
		{Type: "delimited"},
		{Type: "delimited", End: []octets{{}}},
		{Type: "delimited", End: []octets{{1, 2, 3, 4, 5}}},
		{Type: "delimited", End: []octets{{13}}, Start: octets{1, 2, 3, 4, 5}},
		{Type: "delimited", End: []octets{{13}}, Max: 5000},
		{Type: "delimited", End: []octets{{13}}, Max: -1},
		{Type: "length"},
		{Type: "length", Size: 3},
		{Type: "length", Size: 1, Offset: -1},
		{Type: "length", Size: 1, Offset: 2000},
		{Type: "length", Size: 2, Offset: math.MaxInt - 1},
		{Type: "length", Size: 2, Adjust: math.MaxInt},
		{Type: "length", Size: 2, Adjust: math.MinInt},
		{Type: "gap", Gap: 1},
		{Type: "fixed", Bytes: 4, Time: span(time.Hour)},
		{Type: "length", Size: 1, Start: octets{2}},
		{Type: "fixed"},
		{Type: "fixed", Bytes: 2000},
		{Type: "fixed", Bytes: 1, Start: octets{2}},
		{Type: "gap", Start: octets{2}},
	} {
		if err := o.check(); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}
