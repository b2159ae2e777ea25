package osdp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// channel is one session of the secure channel, seen from the panel (SIA OSDP
// 2.2, annex D). It is made anew for every handshake. It keeps the block that it
// works on, so that nothing is allocated for a message.
type channel struct {
	encrypt, mac1, mac2 cipher.Block // S-ENC, S-MAC1, S-MAC2
	challenge           [8]byte      // RND.A
	command, reply      [16]byte     // the last full MAC of each direction
	sum, iv             [16]byte
}

// newChannel derives the session keys from a reader's key and our challenge, of
// which only the first six bytes count (annex D).
func newChannel(key Key, challenge [8]byte) *channel {
	base := blockCipher(key.secret()[:])
	derive := func(kind byte) cipher.Block {
		block := [16]byte{0x01, kind}
		copy(block[2:8], challenge[:6])
		base.Encrypt(block[:], block[:])
		return blockCipher(block[:])
	}
	return &channel{encrypt: derive(0x82), mac1: derive(0x01), mac2: derive(0x02), challenge: challenge}
}

func blockCipher(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("osdp: " + err.Error()) // sixteen bytes are always a key
	}
	return block
}

// prove checks the reader's cryptogram and makes ours, and the first MAC of the
// reader's direction that must come back (annex D).
func (c *channel) prove(answer [8]byte, cryptogram [16]byte) (server [16]byte, ok bool) {
	var want [16]byte
	copy(want[:8], c.challenge[:])
	copy(want[8:], answer[:])
	c.encrypt.Encrypt(want[:], want[:])
	copy(server[:8], answer[:])
	copy(server[8:], c.challenge[:])
	c.encrypt.Encrypt(server[:], server[:])
	c.mac1.Encrypt(c.reply[:], server[:])
	c.mac2.Encrypt(c.reply[:], c.reply[:])
	return server, subtle.ConstantTimeCompare(want[:], cryptogram[:]) == 1
}

// agreed says whether the reader came to the same first MAC.
func (c *channel) agreed(initial [16]byte) bool {
	return subtle.ConstantTimeCompare(initial[:], c.reply[:]) == 1
}

// mac makes the MAC of a message into c.sum. The message is padded only if it
// does not fill its last block (annex D).
func (c *channel) mac(iv *[16]byte, message []byte) {
	c.sum = *iv
	for len(message) > 16 {
		subtle.XORBytes(c.sum[:], c.sum[:], message[:16])
		c.mac1.Encrypt(c.sum[:], c.sum[:])
		message = message[16:]
	}
	subtle.XORBytes(c.sum[:], c.sum[:], message)
	if len(message) < 16 {
		c.sum[len(message)] ^= 0x80
	}
	c.mac2.Encrypt(c.sum[:], c.sum[:])
}

// invert sets the IV of the data to the inverse of the other direction's MAC
// (annex D).
func (c *channel) invert(mac *[16]byte) {
	for i, b := range mac {
		c.iv[i] = ^b
	}
}

// wrap puts a command behind dst, encrypted and with its MAC, and moves the
// chain on. A repeat must send the same bytes again, never wrap again.
func (c *channel) wrap(dst []byte, f Frame) []byte {
	start := len(dst)
	size := 0
	f.Block = blockCommand
	if len(f.Data) > 0 {
		f.Block = blockCommandData
		size = (len(f.Data)/16 + 1) * 16 // at least one byte of padding, always
	}
	dst = f.appendHead(dst, size)
	if size > 0 {
		at := len(dst)
		dst = append(append(dst, f.Data...), 0x80)
		for len(dst) < at+size {
			dst = append(dst, 0)
		}
		c.invert(&c.reply)
		c.seal(dst[at:])
	}
	c.mac(&c.reply, dst[start:])
	c.command = c.sum
	dst = append(dst, c.sum[:macSize]...)
	return seal(dst, start, f.Checksum)
}

// seal encrypts whole blocks in place.
func (c *channel) seal(data []byte) {
	for ; len(data) > 0; data = data[16:] {
		subtle.XORBytes(c.iv[:], c.iv[:], data[:16])
		c.encrypt.Encrypt(c.iv[:], c.iv[:])
		copy(data, c.iv[:])
	}
}

// unwrap verifies a reply's MAC, moves the chain on, and decrypts the data in
// place. Nothing of a reply may be used before it returned 0. What is refused as
// RefusedClear has a right MAC, and the chain has moved.
//
// Status replies and NAKs may have a right MAC and data in clear: readers of
// 2026 send them so. A card or a PIN in clear is refused.
func (c *channel) unwrap(f *Frame) Refusal {
	if len(f.MAC) != macSize || f.Block == blockCommandData {
		return RefusedMAC // not of the channel: a block of the handshake, say
	}
	c.mac(&c.command, f.signed)
	if subtle.ConstantTimeCompare(c.sum[:macSize], f.MAC) != 1 {
		return RefusedMAC
	}
	before := c.command // the chain of replies hangs on the command
	c.reply = c.sum
	if f.Block != blockReplyData {
		if len(f.Data) > 0 && !mayBeClear(f.Code) {
			return RefusedClear
		}
		return 0
	}
	if len(f.Data) == 0 || len(f.Data)%16 != 0 {
		return RefusedPadding
	}
	c.invert(&before)
	for data := f.Data; len(data) > 0; data = data[16:] {
		next := [16]byte(data)
		c.sum = next
		c.open(data[:16])
		c.iv = next
	}
	end := len(f.Data) - 1
	for end > 0 && f.Data[end] == 0 {
		end--
	}
	if f.Data[end] != 0x80 {
		return RefusedPadding
	}
	f.Data = f.Data[:end]
	return 0
}

func (c *channel) open(block []byte) {
	c.encrypt.Decrypt(c.sum[:], c.sum[:])
	subtle.XORBytes(block, c.sum[:], c.iv[:])
}

func mayBeClear(code byte) bool {
	return code >= codeLSTATR && code <= codeRSTATR || code == codeNAK
}
