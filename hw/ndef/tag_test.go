package ndef_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/hw/ndef"
)

// reading is what Type2 and Type4 have in common.
type reading interface {
	Command() []byte
	Take(answer []byte) error
	Message() []byte
}

// read lets a tag answer until there is a message or an error, and returns the
// commands in hex.
func read(t testing.TB, r reading, tag func(command []byte) []byte) (message []byte, said []string, err error) {
	t.Helper()
	for range 200 {
		command := r.Command()
		if command == nil {
			return r.Message(), said, nil
		}
		said = append(said, hex.EncodeToString(command))
		if err := r.Take(tag(command)); err != nil {
			return nil, said, err
		}
	}
	t.Fatal("200 commands, and no end")
	return nil, nil, nil
}

// type2 is a tag with a capability container and a data area of so many bytes.
func type2(t testing.TB, container, area string) func([]byte) []byte {
	memory := slices.Concat(make([]byte, 12), unhex(t, container), unhex(t, area), make([]byte, 2048))
	return func(command []byte) []byte {
		return memory[4*int(command[1]):][:16]
	}
}

func TestMessageOfAType2TagIsRead(t *testing.T) {
	abcd := "D101075402656E41424344"
	long := "C101 000001F4 54 00" + strings.Repeat("41", 499) // 507 bytes
	for _, tt := range []struct {
		name, container, area, want string
		reads                       int
	}{
		{"NTAG213", "E1 10 12 00", "03 0B" + abcd + "FE", abcd, 2},
		{"NTAG215", "E1 10 3E 00", "03 0B" + abcd + "FE", abcd, 2},
		{"NTAG216", "E1 10 6D 00", "03 0B" + abcd + "FE", abcd, 2},
		{"as it is delivered, with a lock field", "E1 10 12 00", "01 03 A0 0C 34 03 0B" + abcd + "FE", abcd, 2},
		{"after filler", "E1 10 12 00", "00 00 00 03 0B" + abcd, abcd, 2},
		{"after a field of another kind", "E1 10 12 00", "FD 02 AA BB 03 0B" + abcd, abcd, 2},
		{"a length of three bytes", "E1 10 6D 00", "03 FF 01FB" + long, strings.ReplaceAll(long, " ", ""), 33},
		{"a short one with a length of three bytes", "E1 10 12 00", "03 FF 000B" + abcd, abcd, 2},
		{"a message in the first read", "E1 10 12 00", "03 06 D101025400 41 FE", "D10102540041", 1},
		{"a message up to the last byte", "E1 10 02 00", "00 00 00 03 0B" + abcd, abcd, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, said, err := read(t, &ndef.Type2{}, type2(t, tt.container, tt.area))
			if err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
				t.Errorf("got % X, %v, want %s", got, err, tt.want)
			}
			var want []string
			for i := range tt.reads {
				want = append(want, fmt.Sprintf("30%02x", 3+4*i))
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

func TestType2TagWithoutAMessageIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, container, area string
		want                  error
	}{
		{"blank", "00 00 00 00", "", ndef.ErrNone},
		{"an unknown version", "E1 20 12 00", "03 02 D000", ndef.ErrNone},
		{"locked against reading", "E1 10 12 F0", "03 02 D000", ndef.ErrNone},
		{"as delivered", "E1 10 12 00", "01 03 A0 0C 34 03 00 FE", ndef.ErrNone},
		{"ended before it", "E1 10 12 00", "FE 03 02 D000", ndef.ErrNone},
		{"no room at all", "E1 10 00 00", "03 02 D000", ndef.ErrMalformed},
		{"nothing but filler", "E1 10 12 00", "", ndef.ErrMalformed},
		{"longer than the tag", "E1 10 02 00", "03 0F", ndef.ErrMalformed},
		{"another field longer than the tag", "E1 10 12 00", "FD FF FFFF", ndef.ErrMalformed},
		{"too long", "E1 10 FF 00", "03 FF 0401", ndef.ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _, err := read(t, &ndef.Type2{}, type2(t, tt.container, tt.area)); !errors.Is(err, tt.want) {
				t.Errorf("got % X, %v, want %v", got, err, tt.want)
			}
		})
	}
	var r ndef.Type2
	_ = r.Command()
	if err := r.Take([]byte{0x00}); !errors.Is(err, ndef.ErrMalformed) || r.Command() != nil {
		t.Errorf("a NAK: got %v, want ErrMalformed and the end", err)
	}
}

// type4 is a tag with a capability container and a file.
func type4(t testing.TB, container, file string) func([]byte) []byte {
	cc, data, selected := unhex(t, container), unhex(t, file), []byte(nil)
	return func(command []byte) []byte {
		switch {
		case bytes.Equal(command, unhex(t, "00A4040007D276000085010100")):
		case bytes.Equal(command, unhex(t, "00A4000C02E103")):
			selected = cc
		case bytes.Equal(command, unhex(t, "00A4000C02E104")):
			selected = data
		case command[1] == 0xB0 && selected != nil:
			from := int(command[2])<<8 | int(command[3])
			if from+int(command[4]) > len(selected) {
				return []byte{0x6B, 0x00}
			}
			return append(slices.Clone(selected[from:from+int(command[4])]), 0x90, 0x00)
		default:
			return []byte{0x6A, 0x82}
		}
		return []byte{0x90, 0x00}
	}
}

const container = "000F 20 003B 0034 04 06 E104 0400 00 00"

func TestMessageOfAType4TagIsRead(t *testing.T) {
	head := []string{"00a4040007d276000085010100", "00a4000c02e103", "00b000000f", "00a4000c02e104", "00b0000002"}
	long := strings.Repeat("5A", 500)
	for _, tt := range []struct {
		name, container, file, want string
		reads                       []string
	}{
		{"at once", container, "000B D101075402656E41424344", "D101075402656E41424344", []string{"00b000020b"}},
		{"with room behind it", container, "0002 D000 0000", "D000", []string{"00b0000202"}},
		{"in pieces that the tag can", container, "0040" + long, long[:128], []string{"00b000023b", "00b0003d05"}},
		{
			"in pieces that we can", strings.Replace(container, "003B", "FFFF", 1), "01F4" + long, long,
			[]string{"00b00002f0", "00b000f2f0", "00b001e214"},
		},
		{"of mapping version 1.0", strings.Replace(container, "0F 20", "0F 10", 1), "0002 D000", "D000", []string{"00b0000202"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, said, err := read(t, &ndef.Type4{}, type4(t, tt.container, tt.file))
			if err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
				t.Errorf("got % X, %v, want %s", got, err, tt.want)
			}
			if diff := cmp.Diff(append(slices.Clone(head), tt.reads...), said); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

func TestType4TagWithoutAMessageIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, container, file string
		want                  error
	}{
		{"an empty file", container, "0000", ndef.ErrNone},
		{"a file of its own kind", strings.Replace(container, "04 06", "05 06", 1), "0002 D000", ndef.ErrMalformed},
		{"a file that may not be read", strings.Replace(container, "0400 00", "0400 FF", 1), "0002 D000", ndef.ErrNone},
		{"an unknown version", strings.Replace(container, "0F 20", "0F 40", 1), "0002 D000", ndef.ErrNone},
		{"a short container", "000F 20", "0002 D000", ndef.ErrNone},
		{"pieces of nothing", strings.Replace(container, "003B", "0000", 1), "0002 D000", ndef.ErrMalformed},
		{"a file of two bytes", strings.Replace(container, "0400", "0002", 1), "0002 D000", ndef.ErrMalformed},
		{"a message longer than its file", strings.Replace(container, "0400", "0010", 1), "0010 D000", ndef.ErrMalformed},
		{"a message too long", strings.Replace(container, "0400", "7FFF", 1), "0401 D000", ndef.ErrTooLong},
		{"a file shorter than it says", container, "0010 D000", ndef.ErrNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _, err := read(t, &ndef.Type4{}, type4(t, tt.container, tt.file)); !errors.Is(err, tt.want) {
				t.Errorf("got % X, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestType4TagThatAnswersOutOfTurnIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string
		want    error
	}{
		{"no such application", []string{"6A82"}, ndef.ErrNone},
		{"no status", []string{"90"}, ndef.ErrMalformed},
		{"nothing", []string{""}, ndef.ErrMalformed},
		{"a length of one byte", []string{"9000", "9000", container + "9000", "9000", "00 9000"}, ndef.ErrMalformed},
		{"more than was asked for", []string{"9000", "9000", container + "9000", "9000", "0002 9000", "D00000 9000"}, ndef.ErrMalformed},
		{"less than was asked for", []string{"9000", "9000", container + "9000", "9000", "0002 9000", "D0 9000"}, ndef.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r ndef.Type4
			var err error
			for _, answer := range tt.answers {
				if _ = r.Command(); err != nil {
					t.Fatal(err)
				}
				err = r.Take(unhex(t, answer))
			}
			if !errors.Is(err, tt.want) || r.Command() != nil {
				t.Errorf("got %v, want %v and the end", err, tt.want)
			}
			if err := r.Take(unhex(t, "9000")); !errors.Is(err, ndef.ErrMalformed) {
				t.Errorf("after the end: got %v, want ErrMalformed", err)
			}
		})
	}
}

// A tag that answers whatever it likes ends in a message or in an error, after
// a bounded number of commands that each fit one exchange.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{
		"9000|9000|000F20003B003404 06E10404000000 9000|9000|000B9000|D101075402656E414243449000",
		"9000|9000|000F2000FFFFFF0406E1047FFF00009000|9000|04009000|41419000", "6A82", "",
		"E1101200030BD101075402656E414243|44FE0000000000000000000000000000", "E110FF0003FF040000000000000000FF|00",
	} {
		var all []byte
		for answer := range strings.SplitSeq(seed, "|") {
			raw := unhex(f, answer)
			all = append(append(all, byte(len(raw))), raw...)
		}
		f.Add(all)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		for _, r := range []reading{&ndef.Type2{}, &ndef.Type4{}} {
			rest := script
			message, _, err := read(t, r, func(command []byte) []byte {
				if len(command) == 0 || len(command) > 13 {
					t.Fatalf("a command of %d bytes", len(command))
				}
				if len(rest) == 0 {
					return nil
				}
				n := min(int(rest[0]), len(rest)-1)
				answer := rest[1 : 1+n]
				rest = rest[1+n:]
				return answer
			})
			if err == nil && (len(message) == 0 || len(message) > ndef.MaxMessage) {
				t.Errorf("a message of %d bytes", len(message))
			}
		}
	})
}
