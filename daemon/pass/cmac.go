package pass

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

// newAES is AES with a key of 128 bits.
func newAES(key []byte) (cipher.Block, error) {
	if len(key) != aes.BlockSize {
		return nil, fmt.Errorf("%d bytes, want %d", len(key), aes.BlockSize)
	}
	return aes.NewCipher(key)
}

// cmac is AES-CMAC (RFC 4493) under one key.
type cmac struct {
	block  cipher.Block
	k1, k2 [aes.BlockSize]byte
}

func newCMAC(key []byte) (*cmac, error) {
	block, err := newAES(key)
	if err != nil {
		return nil, err
	}
	c := &cmac{block: block}
	block.Encrypt(c.k1[:], c.k1[:])
	c.k1 = double(c.k1)
	c.k2 = double(c.k1)
	return c, nil
}

// double is the step between the subkeys (RFC 4493 §2.3).
func double(in [aes.BlockSize]byte) (out [aes.BlockSize]byte) {
	var carry byte
	for i := len(in) - 1; i >= 0; i-- {
		out[i] = in[i]<<1 | carry
		carry = in[i] >> 7
	}
	out[len(out)-1] ^= carry * 0x87
	return out
}

// sum is the code of a message (RFC 4493 §2.4).
func (c *cmac) sum(message []byte) (x [aes.BlockSize]byte) {
	for ; len(message) > aes.BlockSize; message = message[aes.BlockSize:] {
		subtle.XORBytes(x[:], x[:], message[:aes.BlockSize])
		c.block.Encrypt(x[:], x[:])
	}
	last := c.k1
	if len(message) < aes.BlockSize {
		last = c.k2
		last[len(message)] ^= 0x80
	}
	subtle.XORBytes(last[:], last[:], message)
	subtle.XORBytes(x[:], x[:], last[:])
	c.block.Encrypt(x[:], x[:])
	return x
}
