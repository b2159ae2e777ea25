// Package modbus is the Modbus RTU of relay boards: requests and answers as
// bytes in, values out. It knows the functions that relays and contacts need
// (01, 02, 05, 0F) and, unlike most libraries, lets a coil be written with any
// value, because boards hide their own timers there.
//
// The format is that of "MODBUS Application Protocol Specification V1.1b3" §6
// and "MODBUS over Serial Line V1.02" §2.5.1.
package modbus

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The functions of this package.
const (
	ReadCoilsFunction  = 0x01
	ReadInputsFunction = 0x02
	WriteCoilFunction  = 0x05
	WriteCoilsFunction = 0x0F
)

// The two values of a coil that every board knows (Application Protocol §6.5).
const (
	On  uint16 = 0xFF00
	Off uint16 = 0x0000
)

// MaxBits is how many coils or inputs one request may ask for.
const MaxBits = 2000

// CRC is the CRC-16 over a frame; it is sent low byte first (Serial Line
// V1.02 §2.5.1.2).
func CRC(frame []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range frame {
		crc ^= uint16(b)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0xA001
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

func seal(frame []byte) []byte { return binary.LittleEndian.AppendUint16(frame, CRC(frame)) }

func request(unit, function byte, first, second uint16) []byte {
	frame := make([]byte, 0, 8)
	frame = append(frame, unit, function)
	frame = binary.BigEndian.AppendUint16(frame, first)
	return binary.BigEndian.AppendUint16(frame, second)
}

// ReadCoils asks for count coils from first on (function 01).
func ReadCoils(unit byte, first, count uint16) []byte {
	return seal(request(unit, ReadCoilsFunction, first, count))
}

// ReadInputs asks for count contacts from first on (function 02).
func ReadInputs(unit byte, first, count uint16) []byte {
	return seal(request(unit, ReadInputsFunction, first, count))
}

// WriteCoil writes one coil (function 05). The value is On, Off, or what a
// board's maker gave another meaning: boards of the Waveshare kind take units
// of 100 ms at coil 0x0200+channel (on, then off) and 0x0400+channel (off, then
// on); see their "Development Protocol", Flash.
func WriteCoil(unit byte, coil, value uint16) []byte {
	return seal(request(unit, WriteCoilFunction, coil, value))
}

// WriteCoils writes several coils from first on (function 0F). At most 1968
// are written, which is what a frame can hold.
func WriteCoils(unit byte, first uint16, on []bool) []byte {
	on = on[:min(len(on), 1968)]
	frame := request(unit, WriteCoilsFunction, first, uint16(len(on)))
	size := (len(on) + 7) / 8
	frame = append(frame, byte(size))
	packed := make([]byte, size)
	for i, set := range on {
		if set {
			packed[i/8] |= 1 << (i % 8)
		}
	}
	return seal(append(frame, packed...))
}

// Exception is a board's refusal (Application Protocol §7).
type Exception byte

var exceptionWords = map[Exception]string{
	0x01: "the board does not know this function",
	0x02: "the board has no such channel",
	0x03: "the board does not take this value",
	0x04: "the board failed while it did it",
	0x05: "the board needs more time",
	0x06: "the board is busy",
	0x08: "the board has a memory error",
	0x0A: "the gateway before the board has no path to it",
	0x0B: "the board behind the gateway does not answer",
}

// Error is the refusal in words, with its code.
func (e Exception) Error() string {
	words, ok := exceptionWords[e]
	if !ok {
		words = "the board refused for a reason of its own"
	}
	return fmt.Sprintf("%s (exception %02X)", words, byte(e))
}

// Answer is a correct answer to a request.
type Answer struct {
	Bits []bool // of functions 01 and 02, as many as were asked for
	End  int    // where the answer ends in the bytes that were searched
}

// Find looks for the answer to request in got, which may begin with noise, with
// an echo of the request, or with half an answer. Found is false while there is
// none; more bytes may bring it. An Exception is a found answer as well.
//
// The right answer to function 05 and the echo of its request are the same
// bytes: whoever is on a line that echoes must cut the echo off first.
func Find(request, got []byte) (answer Answer, found bool, err error) {
	if len(request) < 8 {
		return Answer{}, false, nil
	}
	for start := range got {
		rest := got[start:]
		if len(rest) < 5 {
			break
		}
		if rest[0] != request[0] || rest[1]&0x7F != request[1] {
			continue
		}
		size := answerSize(request, rest)
		if size == 0 || len(rest) < size || !sealed(rest[:size]) {
			continue
		}
		if rest[1]&0x80 != 0 {
			return Answer{End: start + size}, true, Exception(rest[2])
		}
		if !fits(request, rest[:size]) {
			continue
		}
		return Answer{Bits: bitsOf(request, rest), End: start + size}, true, nil
	}
	return Answer{}, false, nil
}

// answerSize is how long the answer at the start of got is, or 0 when it is
// none to this request.
func answerSize(request, got []byte) int {
	if got[1]&0x80 != 0 {
		return 5
	}
	switch request[1] {
	case ReadCoilsFunction, ReadInputsFunction:
		count := int(binary.BigEndian.Uint16(request[4:]))
		if int(got[2]) != (count+7)/8 {
			return 0
		}
		return 5 + int(got[2])
	case WriteCoilFunction, WriteCoilsFunction:
		return 8
	}
	return 0
}

func sealed(frame []byte) bool {
	body := frame[:len(frame)-2]
	return CRC(body) == binary.LittleEndian.Uint16(frame[len(body):])
}

// fits says whether an answer repeats what the request said, as it must.
func fits(request, answer []byte) bool {
	if request[1] == WriteCoilFunction || request[1] == WriteCoilsFunction {
		return slices.Equal(request[2:6], answer[2:6])
	}
	return true
}

func bitsOf(request, answer []byte) []bool {
	if request[1] != ReadCoilsFunction && request[1] != ReadInputsFunction {
		return nil
	}
	on := make([]bool, binary.BigEndian.Uint16(request[4:]))
	for i := range on {
		on[i] = answer[3+i/8]&(1<<(i%8)) != 0
	}
	return on
}
