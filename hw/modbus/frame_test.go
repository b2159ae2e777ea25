package modbus_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/hw/modbus"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func show(frame []byte) string { return strings.ToUpper(hexSpaced(frame)) }

func hexSpaced(frame []byte) string {
	pairs := make([]string, len(frame))
	for i, b := range frame {
		pairs[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(pairs, " ")
}

// The frames are those that makers and the specification print.
func TestRequestsAreThePublishedFrames(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  []byte
		want string
	}{
		{"relay on", modbus.WriteCoil(1, 0, modbus.On), "01 05 00 00 FF 00 8C 3A"},
		{"relay off", modbus.WriteCoil(1, 0, modbus.Off), "01 05 00 00 00 00 CD CA"},
		{"all relays off", modbus.WriteCoil(1, 0xFF, modbus.Off), "01 05 00 FF 00 00 FD FA"},
		{"flash on 0.7 s", modbus.WriteCoil(1, 0x200, 7), "01 05 02 00 00 07 8D B0"},
		{"flash on 0.8 s, channel 1", modbus.WriteCoil(1, 0x201, 8), "01 05 02 01 00 08 9C 74"},
		{"flash on 3 s", modbus.WriteCoil(1, 0x200, 30), "01 05 02 00 00 1E 4C 7A"},
		{"read eight coils", modbus.ReadCoils(1, 0, 8), "01 01 00 00 00 08 3D CC"},
		{"read eight inputs", modbus.ReadInputs(1, 0, 8), "01 02 00 00 00 08 79 CC"},
		{"read 22 inputs of unit 17", modbus.ReadInputs(17, 0xC4, 22), "11 02 00 C4 00 16 BA A9"},
		{"all on with 0F", modbus.WriteCoils(1, 0, []bool{true, true, true, true, true, true, true, true}), "01 0F 00 00 00 08 01 FF BE D5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(tt.got); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// bits are contacts from the first on, 1 for closed.
func bits(text string) (out []bool) {
	for _, r := range strings.ReplaceAll(text, " ", "") {
		out = append(out, r == '1')
	}
	return out
}

func TestAnswersAreFoundAmongWhatTheLineBrings(t *testing.T) {
	read := modbus.ReadCoils(1, 0, 4)
	on := modbus.WriteCoil(1, 0, modbus.On)
	for _, tt := range []struct {
		name    string
		request []byte
		in      string
		want    modbus.Answer
		found   bool
		err     error
	}{
		{"coils, first is on", read, "01 01 01 01 90 48", modbus.Answer{Bits: []bool{true, false, false, false}, End: 6}, true, nil},
		{"coils, all off", read, "01 01 01 00 51 88", modbus.Answer{Bits: make([]bool, 4), End: 6}, true, nil},
		{"after a glitch byte", read, "00 01 01 01 01 90 48", modbus.Answer{Bits: []bool{true, false, false, false}, End: 7}, true, nil},
		{"after its own echo", read, "01 01 00 00 00 04 3D C9 01 01 01 01 90 48", modbus.Answer{Bits: []bool{true, false, false, false}, End: 14}, true, nil},
		{"only the echo of a read", read, "01 01 00 00 00 04 3D C9", modbus.Answer{}, false, nil},
		{"write acknowledged", on, "01 05 00 00 FF 00 8C 3A", modbus.Answer{End: 8}, true, nil},
		{"write of another coil", on, "01 05 00 01 FF 00 DD FA", modbus.Answer{}, false, nil},
		{"another unit", on, "02 05 00 00 FF 00 8C 09", modbus.Answer{}, false, nil},
		{"a wrong CRC", on, "01 05 00 00 FF 00 8C 3B", modbus.Answer{}, false, nil},
		{"half of it", on, "01 05 00 00 FF", modbus.Answer{}, false, nil},
		{"no such channel", on, "01 85 02 C3 51", modbus.Answer{End: 5}, true, modbus.Exception(2)},
		{"busy", on, "01 85 06 C2 92", modbus.Answer{End: 5}, true, modbus.Exception(6)},
		{"nothing", on, "", modbus.Answer{}, false, nil},
		{
			"eight contacts, the first and the last closed", modbus.ReadInputs(1, 0, 8), "01 02 01 81 61 E8",
			modbus.Answer{Bits: []bool{true, false, false, false, false, false, false, true}, End: 6},
			true, nil,
		},
		{
			"22 contacts, the example of V1.1b3 6.2", modbus.ReadInputs(17, 0xC4, 22), "11 02 03 AC DB 35 20 18",
			modbus.Answer{Bits: bits("0011 0101 1101 1011 1010 11"), End: 8},
			true, nil,
		},
		{"coils where contacts were asked for", modbus.ReadInputs(1, 0, 8), "01 01 01 81 91 E8", modbus.Answer{}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, found, err := modbus.Find(tt.request, unhex(t, tt.in))
			if found != tt.found || !errors.Is(err, tt.err) {
				t.Errorf("%s: got found %t, %v, want %t, %v", tt.in, found, err, tt.found, tt.err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("%s: got, want differ:\n%s", tt.in, diff)
			}
		})
	}
}

func TestEveryExceptionHasWords(t *testing.T) {
	for code := range 256 {
		words := modbus.Exception(code).Error()
		if !strings.Contains(words, "board") || !strings.Contains(words, "exception") {
			t.Errorf("exception %02X: got %q", code, words)
		}
	}
}

// An answer is found the moment its last byte is there, whatever came before it
// and however it was cut in pieces.
func TestAnswerIsFoundWithItsLastByteAndNotBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.Byte().Draw(t, "unit")
		coil := rapid.Uint16().Draw(t, "coil")
		value := rapid.Uint16().Draw(t, "value")
		request := modbus.WriteCoil(unit, coil, value)
		noise := make([]byte, rapid.IntRange(0, 20).Draw(t, "noise"))
		for i := range noise {
			noise[i] = ^unit
		}
		stream := append(noise, request...)
		for n := range stream {
			if _, found, _ := modbus.Find(request, stream[:n]); found {
				t.Fatalf("found in the first %d of %d bytes of %s", n, len(stream), show(stream))
			}
		}
		if got, found, err := modbus.Find(request, stream); !found || err != nil || got.End != len(stream) {
			t.Fatalf("%s: got %+v, %t, %v", show(stream), got, found, err)
		}
	})
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"01 01 01 01 90 48", "01 05 00 00 FF 00 8C 3A", "01 85 02 C3 51", "00 01 01 01 01 90 48",
		"01 01 00 00 00 04 3D C9 01 01 01 01 90 48", "01 05 00 00", "FF FF FF FF FF FF FF FF FF", "",
	} {
		f.Add(unhex(f, seed))
	}
	requests := [][]byte{
		modbus.ReadCoils(1, 0, 4), modbus.ReadInputs(1, 0, 16), modbus.WriteCoil(1, 0, modbus.On),
		modbus.WriteCoils(1, 0, []bool{true, false, true}),
	}
	f.Fuzz(func(t *testing.T, got []byte) {
		for _, request := range requests {
			answer, found, err := modbus.Find(request, got)
			if !found {
				if err != nil || answer.End != 0 {
					t.Fatalf("% X: nothing found, yet %+v, %v", got, answer, err)
				}
				continue
			}
			if answer.End < 5 || answer.End > len(got) {
				t.Fatalf("% X: ends at %d", got, answer.End)
			}
			// What was found carries a right CRC: nothing is made of noise.
			end := answer.End
			ok := false
			for start := max(0, end-260); start <= end-5; start++ {
				body := got[start : end-2]
				if modbus.CRC(body) == uint16(got[end-2])|uint16(got[end-1])<<8 && body[0] == request[0] {
					ok = true
				}
			}
			if !ok {
				t.Fatalf("% X: an answer with no right CRC", got)
			}
		}
	})
}
