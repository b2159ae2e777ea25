package osdp

import "encoding/binary"

// The bytes around every message (SIA OSDP 2.2 §5.6).
const (
	mark byte = 0xFF // sent once before a message, no part of it
	som  byte = 0x53 // first byte of a message
)

// How long a message may be, from its SOM to its check.
const (
	MinFrame = 7
	MaxFrame = 1440
)

// Broadcast is the address that every reader answers to. It is of use only with
// one reader on the line.
const Broadcast byte = 0x7F

// The bits of the control byte, and of the address byte.
const (
	sequenceBits byte = 0x03
	crcBit       byte = 0x04
	blockBit     byte = 0x08
	spareBits    byte = 0xF0
	replyBit     byte = 0x80
)

// The types of the security block (SIA OSDP 2.2, annex D).
const (
	blockChallenge   byte = 0x11 // CHLNG
	blockCryptogram  byte = 0x12 // CCRYPT
	blockProof       byte = 0x13 // SCRYPT
	blockInitial     byte = 0x14 // RMAC_I
	blockCommand     byte = 0x15 // MAC, no data
	blockReply       byte = 0x16 // MAC, no data
	blockCommandData byte = 0x17 // MAC, data encrypted
	blockReplyData   byte = 0x18 // MAC, data encrypted
)

// What a message is made of.
const (
	headSize = 5 // SOM, address, length, control
	macSize  = 4 // of the sixteen bytes of a MAC, four travel
)

// Frame is one message. Its slices lie in the bytes it was parsed from.
type Frame struct {
	Address  byte // 0 to 7F, without the reply bit
	Reply    bool // from a reader to a panel
	Sequence byte // 0 starts anew, then 1, 2, 3, 1 …
	Checksum bool // checked by an 8-bit sum instead of the CRC-16
	Block    byte // type of the security block; 0: none
	Selector byte // what a handshake's block carries: which key, or how it went
	Code     byte
	Data     []byte // encrypted if the block says so
	MAC      []byte // four bytes inside the secure channel, else nil

	signed []byte // what the MAC is made over: from the SOM to the end of data
}

// crcTable is the CRC-16 of OSDP: polynomial 1021, not reflected.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()

// CRC is the CRC-16 of a message: it starts at
// 1D0F and is sent low byte first.
func CRC(message []byte) uint16 {
	crc := uint16(0x1D0F)
	for _, b := range message {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^b]
	}
	return crc
}

// Checksum is the 8-bit check: with it, all bytes of a message add up to zero.
func Checksum(message []byte) byte {
	var sum byte
	for _, b := range message {
		sum += b
	}
	return -sum
}

// Append puts the message and its check behind dst and returns all. It neither
// encrypts nor makes a MAC: what is in Data and MAC goes out as it stands.
func (f Frame) Append(dst []byte) []byte {
	start := len(dst)
	dst = f.appendHead(dst, len(f.Data))
	dst = append(dst, f.Data...)
	dst = append(dst, f.MAC...)
	return seal(dst, start, f.Checksum)
}

// appendHead writes everything before the data, of which size bytes follow.
func (f Frame) appendHead(dst []byte, size int) []byte {
	control, address, length := f.Sequence&sequenceBits, f.Address&^replyBit, headSize+1+size+1
	if f.Reply {
		address |= replyBit
	}
	if !f.Checksum {
		control |= crcBit
		length++
	}
	block := blockSize(f.Block)
	if block > 0 {
		control |= blockBit
		length += block
	}
	if f.Block >= blockCommand {
		length += macSize
	}
	dst = append(dst, som, address, byte(length), byte(length>>8), control)
	switch block {
	case 2:
		dst = append(dst, 2, f.Block)
	case 3:
		dst = append(dst, 3, f.Block, f.Selector)
	}
	return append(dst, f.Code)
}

func seal(dst []byte, start int, checksum bool) []byte {
	if checksum {
		return append(dst, Checksum(dst[start:]))
	}
	return binary.LittleEndian.AppendUint16(dst, CRC(dst[start:]))
}

// blockSize is how long a security block of a type is, with its own length
// byte; 0 for a type that OSDP 2.2 does not have.
func blockSize(block byte) int {
	switch {
	case block >= blockChallenge && block <= blockInitial:
		return 3
	case block >= blockCommand && block <= blockReplyData:
		return 2
	}
	return 0
}

// Parse takes a message apart: all bytes from the SOM to the check, no mark. The
// error is a Refusal. Nothing is decrypted and no MAC is verified here.
func Parse(message []byte) (Frame, error) {
	if len(message) < MinFrame || !plausible(message) || frameSize(message) != len(message) {
		return Frame{}, RefusedLength
	}
	f := Frame{
		Address: message[1] &^ replyBit, Reply: message[1]&replyBit != 0,
		Sequence: message[4] & sequenceBits, Checksum: message[4]&crcBit == 0,
	}
	body := message[:len(message)-f.checkSize()]
	switch {
	case f.Checksum && Checksum(body) != message[len(body)]:
		return Frame{}, RefusedCheck
	case !f.Checksum && CRC(body) != binary.LittleEndian.Uint16(message[len(body):]):
		return Frame{}, RefusedCheck
	}
	at := headSize
	if message[4]&blockBit != 0 {
		if len(body) < at+2 || blockSize(body[at+1]) != int(body[at]) {
			return Frame{}, RefusedBlock
		}
		f.Block = body[at+1]
		at += int(body[at])
	}
	f.signed = body
	if f.Block >= blockCommand {
		f.signed = body[:max(0, len(body)-macSize)]
		f.MAC = body[len(f.signed):]
	}
	if len(f.signed) <= at {
		return Frame{}, RefusedLength
	}
	if blockSize(f.Block) == 3 {
		f.Selector = f.signed[at-1]
	}
	f.Code, f.Data = f.signed[at], f.signed[at+1:]
	return f, nil
}

func (f Frame) checkSize() int {
	if f.Checksum {
		return 1
	}
	return 2
}

// plausible says whether the bytes at the start of b, as far as they are there,
// may be the head of a message.
func plausible(b []byte) bool {
	if len(b) > 0 && b[0] != som {
		return false
	}
	if len(b) > 3 {
		if size := frameSize(b); size < MinFrame || size > MaxFrame {
			return false
		}
	}
	return len(b) < headSize || b[4]&spareBits == 0
}

func frameSize(b []byte) int { return int(binary.LittleEndian.Uint16(b[2:])) }
