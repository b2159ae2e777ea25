package hwtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// NTAG424 is an NTAG 424 DNA that mirrors its UID and its reading counter,
// enciphered and signed, into the URL that it presents (NXP, AN12196, AES mode).
// The counter goes up with the first reading after each selection of the file.
type NTAG424 struct {
	*Type4
	uid      []byte
	url      string
	metaRead []byte
	fileRead []byte
	data     []byte
	counter  uint32
	last     string
	pad      func() []byte // of PICCData, five bytes
}

// NewNTAG424 makes a tag with a UID of seven bytes, in hex, and a URL with marks
// that are replaced at each reading:
//
//	{picc}  PICCENCData: UID and counter under the key metaRead, 32 digits
//	{uid}   the UID in plain, 14 digits
//	{ctr}   the counter in plain, 6 digits, high byte first
//	{file}  SDMENCFileData: 16 times x under a session key, 32 digits
//	{cmac}  the MAC under a session key, 16 digits
//
// The MAC covers what stands from {file} to {cmac}, and nothing where there is no
// {file}. Keys are 16 bytes.
func NewNTAG424(uid, url string, metaRead, fileRead []byte) *NTAG424 {
	n := &NTAG424{
		uid: mustHex(uid), url: url, metaRead: slices.Clone(metaRead), fileRead: slices.Clone(fileRead),
		data: []byte(strings.Repeat("x", 16)), pad: randomPad,
	}
	if len(n.uid) != 7 {
		panic(fmt.Sprintf("hwtest: no NTAG 424 DNA has the UID %s", uid))
	}
	n.Type4 = NewType4(uid, nil)
	n.maxRead, n.more = 0x100, mustHex("0506E10500808283")
	n.message = func() []byte {
		n.counter++
		n.last = n.at(n.counter)
		return NDEFURI(n.last)
	}
	return n
}

func randomPad() []byte {
	pad := make([]byte, 5)
	_, _ = rand.Read(pad)
	return pad
}

// Counter is the counter of the last reading.
func (n *NTAG424) Counter() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counter
}

// SetCounter makes the next reading one more than c.
func (n *NTAG424) SetCounter(c uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counter = c
}

// LastURL is what the last reading presented; empty before the first.
func (n *NTAG424) LastURL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

// at is the URL with all marks replaced, for a counter.
func (n *NTAG424) at(counter uint32) string {
	ctr := []byte{byte(counter), byte(counter >> 8), byte(counter >> 16)} // low byte first
	upper := func(raw []byte) string { return strings.ToUpper(hex.EncodeToString(raw)) }
	text := strings.NewReplacer(
		"{picc}", upper(aesCBC(n.metaRead, make([]byte, 16), slices.Concat([]byte{0xC7}, n.uid, ctr, n.pad()))),
		"{uid}", upper(n.uid),
		"{ctr}", fmt.Sprintf("%06X", counter),
	).Replace(n.url)

	signed := ""
	if before, after, ok := strings.Cut(text, "{file}"); ok {
		key := aesCMAC(n.fileRead, n.vector(0xC33C, ctr))
		iv := aesCBC(key, make([]byte, 16), append(slices.Clone(ctr), make([]byte, 13)...))
		file := upper(aesCBC(key, iv, n.data))
		until, _, _ := strings.Cut(after, "{cmac}")
		signed = file + until
		text = before + file + after
	}
	long := aesCMAC(aesCMAC(n.fileRead, n.vector(0x3CC3, ctr)), []byte(signed))
	var short []byte
	for i := 1; i < len(long); i += 2 {
		short = append(short, long[i])
	}
	return strings.Replace(text, "{cmac}", upper(short), 1)
}

// vector is what a session key is derived from.
func (n *NTAG424) vector(label uint16, ctr []byte) []byte {
	return slices.Concat([]byte{byte(label >> 8), byte(label), 0x00, 0x01, 0x00, 0x80}, n.uid, ctr)
}

// aesCBC enciphers whole blocks.
func aesCBC(key, iv, data []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("hwtest: %v", err))
	}
	out := make([]byte, len(data))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, data)
	return out
}

// aesCMAC is RFC 4493.
func aesCMAC(key, message []byte) []byte {
	double := func(in []byte) []byte {
		out, carry := make([]byte, 16), byte(0)
		for i := 15; i >= 0; i-- {
			out[i], carry = in[i]<<1|carry, in[i]>>7
		}
		if carry == 1 {
			out[15] ^= 0x87
		}
		return out
	}
	mask := double(aesCBC(key, make([]byte, 16), make([]byte, 16))) // K1
	padded := slices.Clone(message)
	if len(message) == 0 || len(message)%16 != 0 {
		mask = double(mask) // K2
		padded = append(padded, 0x80)
		for len(padded)%16 != 0 {
			padded = append(padded, 0)
		}
	}
	for i := range 16 {
		padded[len(padded)-16+i] ^= mask[i]
	}
	return aesCBC(key, make([]byte, 16), padded)[len(padded)-16:]
}
