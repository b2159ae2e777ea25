package hwtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"slices"
)

// OSDPDefaultKey is SCBK-D, the key of readers that have none of their own. It
// is public (SIA OSDP v2.2 Annex D).
func OSDPDefaultKey() []byte {
	return []byte("0123456789:;<=>?")
}

// osdpSession is a reader's half of a secure channel (Annex D).
type osdpSession struct {
	enc, mac1, mac2 cipher.Block
	rndA, rndB      []byte
	up              bool
	commandMAC      [16]byte // of the last command
	replyMAC        [16]byte // of the last reply
}

// newOSDPSession derives the keys of a session.
func newOSDPSession(key, rndA, rndB []byte) *osdpSession {
	base := osdpAES(key)
	derive := func(first, second byte) cipher.Block {
		var block [16]byte
		block[0], block[1] = first, second
		copy(block[2:], rndA[:6])
		base.Encrypt(block[:], block[:])
		return osdpAES(block[:])
	}
	return &osdpSession{
		enc: derive(0x01, 0x82), mac1: derive(0x01, 0x01), mac2: derive(0x01, 0x02),
		rndA: slices.Clone(rndA), rndB: slices.Clone(rndB),
	}
}

func osdpAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // a key that is not 16 bytes is a mistake in a test
	}
	return block
}

// clientCryptogram proves the reader to the panel.
func (s *osdpSession) clientCryptogram() []byte { return s.one(s.enc, s.rndA, s.rndB) }

// serverCryptogram proves the panel to the reader.
func (s *osdpSession) serverCryptogram() []byte { return s.one(s.enc, s.rndB, s.rndA) }

// open begins the chain of MACs and returns its first, R-MAC-I.
func (s *osdpSession) open() []byte {
	first := s.one(s.mac2, s.one(s.mac1, s.serverCryptogram()))
	s.up, s.replyMAC = true, [16]byte(first)
	return first
}

func (s *osdpSession) one(block cipher.Block, parts ...[]byte) []byte {
	out := slices.Concat(parts...)
	block.Encrypt(out, out)
	return out
}

// sum is the MAC of a message, with the last full MAC of the other direction
// as its start. A message that fills its blocks is not padded.
func (s *osdpSession) sum(start [16]byte, message []byte) [16]byte {
	padded := slices.Clone(message)
	if len(padded)%16 != 0 {
		padded = append(padded, 0x80)
		padded = append(padded, make([]byte, (16-len(padded)%16)%16)...)
	}
	chain := start
	for at := 0; at < len(padded); at += 16 {
		for i := range chain {
			chain[i] ^= padded[at+i]
		}
		if at+16 == len(padded) {
			s.mac2.Encrypt(chain[:], chain[:])
		} else {
			s.mac1.Encrypt(chain[:], chain[:])
		}
	}
	return chain
}

// seal encrypts data, which always grows; other is the last full MAC of the
// other direction.
func (s *osdpSession) seal(other [16]byte, data []byte) []byte {
	out := append(slices.Clone(data), 0x80)
	out = append(out, make([]byte, (16-len(out)%16)%16)...)
	chain := inverted(other)
	for at := 0; at < len(out); at += 16 {
		for i := range chain {
			chain[i] ^= out[at+i]
		}
		s.enc.Encrypt(chain[:], chain[:])
		copy(out[at:], chain[:])
	}
	return out
}

// unseal decrypts what seal made, and says whether it was well padded.
func (s *osdpSession) unseal(other [16]byte, sealed []byte) (data []byte, ok bool) {
	if len(sealed) == 0 || len(sealed)%16 != 0 {
		return nil, false
	}
	out := make([]byte, len(sealed))
	chain := inverted(other)
	for at := 0; at < len(sealed); at += 16 {
		s.enc.Decrypt(out[at:at+16], sealed[at:at+16])
		for i := range chain {
			out[at+i] ^= chain[i]
		}
		chain = [16]byte(sealed[at : at+16])
	}
	for len(out) > 0 && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	if len(out) == 0 || out[len(out)-1] != 0x80 {
		return nil, false
	}
	return out[:len(out)-1], true
}

func inverted(block [16]byte) [16]byte {
	for i := range block {
		block[i] = ^block[i]
	}
	return block
}

// believe checks the MAC of a command, moves the chain and returns its data in
// clear.
func (s *osdpSession) believe(f osdpFrame) (data []byte, ok bool) {
	full := s.sum(s.replyMAC, f.covered)
	if subtle.ConstantTimeCompare(full[:osdpMACLength], f.mac) != 1 {
		return nil, false
	}
	if data = f.data; f.block[1] == 0x17 {
		if data, ok = s.unseal(s.replyMAC, f.data); !ok {
			return nil, false
		}
	}
	s.commandMAC = full
	return data, true
}

// say makes a reply and moves the chain. The kind of the block is 15 or 16 for
// data in clear, 18 for sealed data.
func (s *osdpSession) say(address, control, kind, code byte, data []byte) []byte {
	if kind == 0x18 {
		data = s.seal(s.commandMAC, data)
	}
	return osdpEncode(address, control, []byte{0x02, kind}, code, data, func(covered []byte) []byte {
		s.replyMAC = s.sum(s.commandMAC, covered)
		return s.replyMAC[:]
	})
}
