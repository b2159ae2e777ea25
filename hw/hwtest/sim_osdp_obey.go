package hwtest

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"slices"
)

// osdpClearAllowed says whether a reader with a key takes a command in clear:
// ID, CAP, COMSET and the handshake.
func osdpClearAllowed(code byte) bool {
	return code == 0x61 || code == 0x62 || code == 0x6E || code == 0x76 || code == 0x77
}

// secure takes a command out of its security block, and obeys it.
func (r *OSDPReader) secure(f osdpFrame) osdpReply {
	if m, bad := r.suffers(OSDPRefuse, f.code, 5, 6); bad {
		r.session = nil
		return osdpNAK(m.Code)
	}
	if f.block == nil {
		if r.session != nil && r.session.up {
			r.seen.InClear++
		}
		r.session = nil
		secured := r.Key != nil && !r.Lax && !osdpClearAllowed(f.code)
		if secured || f.code == 0x75 || f.code == 0x76 || f.code == 0x77 {
			return osdpNAK(6)
		}
		return r.obeyOrRefuse(f.code, f.data)
	}
	kind := f.block[1]
	switch {
	case r.NoAES:
		return osdpNAK(5)
	case kind == 0x11 || kind == 0x13:
		return r.handshake(f)
	case kind != 0x15 && kind != 0x17:
		r.session = nil
		return osdpNAK(5)
	case r.session == nil || !r.session.up:
		r.session = nil
		return osdpNAK(6)
	}
	data, ok := r.session.believe(f)
	if !ok {
		r.seen.BadMACs++
		r.session = nil
		return osdpNAK(6)
	}
	if kind == 0x15 && len(data) > 0 {
		r.seen.Unsealed++
		if f.code == 0x75 {
			r.session = nil
			return osdpNAK(6)
		}
	}
	return r.disguise(r.obeyOrRefuse(f.code, data))
}

func (r *OSDPReader) obeyOrRefuse(code byte, data []byte) osdpReply {
	if m, refused := r.suffers(OSDPRefuse, code); refused {
		return osdpNAK(m.Code)
	}
	if m, unknown := r.suffers(OSDPUnknownReply, code); unknown {
		return osdpReply{code: m.Code}
	}
	return r.obey(code, data)
}

// disguise makes a reply in a session what a bad reader would make of it.
func (r *OSDPReader) disguise(reply osdpReply) osdpReply {
	isCard := reply.code == 0x50 || reply.code == 0x51 || reply.code == 0x53
	switch {
	case isCard && r.has(OSDPCardInClear, 0):
		reply.bare, reply.wrong = true, true
	case isCard && r.has(OSDPCardUnsealed, 0):
		reply.kind, reply.wrong = 0x16, true
	case reply.code >= 0x48 && reply.code <= 0x4B:
		if m, bad := r.suffers(OSDPStatusUnsealed, 0); bad {
			if reply.kind = m.Code; reply.kind == 0 {
				reply.kind = 0x16
			}
		}
	}
	return reply
}

// handshake answers CHLNG and SCRYPT.
func (r *OSDPReader) handshake(f osdpFrame) osdpReply {
	if m, refused := r.suffers(OSDPRefuse, f.code); refused {
		r.session = nil
		return osdpNAK(m.Code)
	}
	switch kind := f.block[1]; {
	case len(f.block) == 3 && kind == 0x11 && f.code == 0x76:
		return r.challenge(f)
	case len(f.block) == 3 && kind == 0x13 && f.code == 0x77:
		return r.confirm(f)
	}
	r.session = nil
	return osdpNAK(5)
}

// challenge answers CHLNG.
func (r *OSDPReader) challenge(f osdpFrame) osdpReply {
	r.session = nil
	selector := f.block[2]
	r.seen.Challenges++
	if selector == 0 {
		r.seen.DefaultKey++
	}
	switch {
	case len(f.data) != 8:
		return osdpNAK(2)
	case selector > 1:
		return osdpNAK(5)
	case selector == 0 && r.Key != nil && !r.InstallForEver:
		return osdpNAK(6)
	}
	// In install mode a reader that is asked for a key it has not answers with
	// a cryptogram that proves nothing, not with a NAK.
	key := r.Key
	offers := selector == 1 && r.has(OSDPOffersDefaultKey, 0)
	if selector == 0 || key == nil || offers {
		key = OSDPDefaultKey()
	}
	if offers {
		selector = 0
	}
	rndB := make([]byte, 8)
	if _, err := io.ReadFull(r.Random, rndB); err != nil {
		return osdpReply{code: 0x79, bare: true}
	}
	s := newOSDPSession(key, f.data, rndB)
	cryptogram := s.clientCryptogram()
	if r.has(OSDPWrongCryptogram, 0) {
		cryptogram[15] ^= 1
	}
	r.session = s
	return osdpReply{
		code: 0x76, block: []byte{3, 0x12, selector},
		data: slices.Concat(r.Identity.Client[:], rndB, cryptogram),
	}
}

// confirm answers SCRYPT.
func (r *OSDPReader) confirm(f osdpFrame) osdpReply {
	s := r.session
	if s == nil || s.up {
		r.session = nil
		return osdpNAK(6)
	}
	if subtle.ConstantTimeCompare(f.data, s.serverCryptogram()) != 1 {
		r.session = nil
		r.seen.Refused++
		return osdpReply{code: 0x78, block: []byte{3, 0x14, 0xFF}, data: make([]byte, 16)}
	}
	first := s.open()
	if r.has(OSDPWrongRMAC, 0) {
		first[0] ^= 0x80
	}
	r.seen.Sessions++
	return osdpReply{code: 0x78, block: []byte{3, 0x14, r.Status}, data: first}
}

// osdpLength is how many bytes of data a command has, or -1.
func osdpLength(code byte) int {
	switch code {
	case 0x60, 0x64, 0x65, 0x66, 0x67, 0xA2:
		return 0
	case 0x61, 0x62:
		return 1
	case 0x6A, 0x6E:
		return 5
	case 0x75:
		return 18
	case 0x7B, 0xA7:
		return 2
	}
	return -1
}

// obey does what a command says.
func (r *OSDPReader) obey(code byte, data []byte) osdpReply {
	if want := osdpLength(code); want >= 0 && len(data) != want {
		return osdpNAK(2)
	}
	switch code {
	case 0x60:
		return r.poll()
	case 0x61:
		return osdpReply{code: 0x45, data: r.Identity.bytes()}
	case 0x62:
		return osdpReply{code: 0x46, data: r.capabilities()}
	case 0x64, 0x65, 0x66, 0x67:
		return osdpReply{code: code - 0x64 + 0x48, data: r.stands(code - 0x64 + 0x48)}
	case 0x68:
		return r.out(data)
	case 0x69:
		return r.light(data)
	case 0x6A:
		return r.beep(data)
	case 0x6B:
		return r.write(data)
	case 0x6E:
		return r.move(data)
	case 0x75:
		return r.keyset(data)
	case 0x7B:
		r.takes = binary.LittleEndian.Uint16(data)
		return osdpReply{code: 0x40}
	case 0x80:
		return r.maker(data)
	case 0xA2, 0xA7:
		return osdpReply{code: 0x40}
	}
	return osdpNAK(3)
}

func (r *OSDPReader) poll() osdpReply {
	if len(r.events) == 0 {
		return osdpReply{code: 0x40}
	}
	next := r.events[0]
	r.events = r.events[1:]
	return osdpReply{code: next.code, data: next.data, tap: next.tap}
}

func (i OSDPIdentity) bytes() []byte {
	out := append(slices.Clone(i.Vendor[:]), i.Model, i.Version)
	return append(binary.LittleEndian.AppendUint32(out, i.Serial), i.Firmware[:]...)
}

func (r *OSDPReader) capabilities() []byte {
	var out []byte
	lies := r.has(OSDPSaysNoAES, 0)
	for _, c := range r.Capabilities {
		if c.Function == 9 && (lies || r.NoAES) {
			c.Level, c.Count = 0, 0
		}
		out = append(out, c.Function, c.Level, c.Count)
	}
	return out
}

// move obeys COMSET: the answer comes from the old place, then the reader is at
// the new one and remembers nothing.
func (r *OSDPReader) move(data []byte) osdpReply {
	address, baud := data[0], int(binary.LittleEndian.Uint32(data[1:]))
	if address >= osdpAnyone || !slices.Contains([]int{9600, 19200, 38400, 57600, 115200, 230400}, baud) {
		// What cannot be done is answered with what stays (osdp_COM).
		address, baud = r.Address, r.Baud
	}
	return osdpReply{code: 0x54, data: binary.LittleEndian.AppendUint32([]byte{address}, uint32(baud)), after: func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.Address, r.Baud = address, baud
		r.forget()
	}}
}

// keyset obeys KEYSET, which came in a session. The session ends with it.
func (r *OSDPReader) keyset(data []byte) osdpReply {
	if data[0] != 1 || data[1] != 16 {
		return osdpNAK(9)
	}
	r.seen.KeysSet++
	if !r.has(OSDPKeysetForgotten, 0) {
		r.Key = bytes.Clone(data[2:])
	}
	return osdpReply{code: 0x40, ends: true, bare: r.has(OSDPKeysetInClear, 0)}
}

func (r *OSDPReader) maker(data []byte) osdpReply {
	if r.Maker == nil || len(data) < 3 || !bytes.Equal(data[:3], r.Identity.Vendor[:]) {
		return osdpNAK(3)
	}
	answer := r.Maker(data[3:])
	if len(answer) == 0 {
		return osdpReply{code: 0x40}
	}
	return osdpReply{code: 0x90, data: slices.Concat(data[:3], answer)}
}
