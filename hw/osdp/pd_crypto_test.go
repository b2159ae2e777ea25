package osdp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
)

// This is the reader's half of the secure channel, written from the document
// with the standard library's CBC. It shares no line with channel.go, so that
// both can disagree.

func ecb(key, in []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, 16)
	block.Encrypt(out, in)
	return out
}

func cbc(key, iv, in []byte, decrypt bool) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(in))
	if decrypt {
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, in)
	} else {
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, in)
	}
	return out
}

type pdKeys struct{ enc, mac1, mac2 []byte }

func pdDerive(scbk, rndA []byte) pdKeys {
	seed := func(kind byte) []byte {
		return append([]byte{1, kind, rndA[0], rndA[1], rndA[2], rndA[3], rndA[4], rndA[5]}, make([]byte, 8)...)
	}
	return pdKeys{ecb(scbk, seed(0x82)), ecb(scbk, seed(0x01)), ecb(scbk, seed(0x02))}
}

func (k pdKeys) client(rndA, rndB []byte) []byte {
	return ecb(k.enc, bytes.Join([][]byte{rndA, rndB}, nil))
}

func (k pdKeys) server(rndA, rndB []byte) []byte {
	return ecb(k.enc, bytes.Join([][]byte{rndB, rndA}, nil))
}

func (k pdKeys) initial(server []byte) []byte { return ecb(k.mac2, ecb(k.mac1, server)) }

func pdPad(in []byte, always bool) []byte {
	out := bytes.Clone(in)
	if !always && len(in)%16 == 0 {
		return out
	}
	out = append(out, 0x80)
	for len(out)%16 != 0 {
		out = append(out, 0)
	}
	return out
}

func (k pdKeys) mac(iv, message []byte) []byte {
	m := pdPad(message, false)
	head, last := m[:len(m)-16], m[len(m)-16:]
	if len(head) > 0 {
		iv = cbc(k.mac1, iv, head, false)[len(head)-16:]
	}
	return cbc(k.mac2, iv, last, false)
}

func inverse(in []byte) []byte {
	out := make([]byte, len(in))
	for i, b := range in {
		out[i] = 0xFF ^ b
	}
	return out
}

func (k pdKeys) encrypt(otherMAC, plain []byte) []byte {
	return cbc(k.enc, inverse(otherMAC), pdPad(plain, true), false)
}

func (k pdKeys) decrypt(otherMAC, sealed []byte) ([]byte, bool) {
	if len(sealed) == 0 || len(sealed)%16 != 0 {
		return nil, false
	}
	plain := bytes.TrimRight(cbc(k.enc, inverse(otherMAC), sealed, true), "\x00")
	if len(plain) == 0 || plain[len(plain)-1] != 0x80 {
		return nil, false
	}
	return plain[:len(plain)-1], true
}

// pdSession is a running session as the reader keeps it.
type pdSession struct {
	pdKeys
	cmac, rmac []byte
}

// reply is a message of the session: block 0x16 without data, 0x18 with.
func (s *pdSession) reply(address, sequence, code byte, data []byte) []byte {
	return s.replyAs(address, sequence, code, data, false)
}

// replyAs may leave the data in clear beside a right MAC.
func (s *pdSession) replyAs(address, sequence, code byte, data []byte, clear bool) []byte {
	kind := byte(0x16)
	if len(data) > 0 && !clear {
		kind, data = 0x18, s.encrypt(s.cmac, data)
	}
	length := 8 + len(data) + 6
	message := append([]byte{0x53, address | 0x80, byte(length), byte(length >> 8), sequence | 0x0C, 2, kind, code}, data...)
	s.rmac = s.mac(s.cmac, message)
	return pdSeal(append(message, s.rmac[:4]...))
}

// accept verifies a command and returns its data in clear.
func (s *pdSession) accept(message []byte) ([]byte, bool) {
	body := message[:len(message)-6]
	mac := s.mac(s.rmac, body)
	if !bytes.Equal(mac[:4], message[len(message)-6:len(message)-2]) {
		return nil, false
	}
	before := s.rmac
	s.cmac = mac
	if body[6] == 0x15 {
		return nil, len(body) == 8
	}
	return s.decrypt(before, body[8:])
}

// pdCRC is the check by its definition, a bit at a time.
func pdCRC(message []byte) uint16 {
	crc := uint16(0x1D0F)
	for _, b := range message {
		for i := 7; i >= 0; i-- {
			top := crc >> 15
			crc <<= 1
			if top != uint16(b>>i&1) {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

func pdSeal(message []byte) []byte {
	crc := pdCRC(message)
	return append(message, byte(crc), byte(crc>>8))
}
