package hwtest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"
)

// osdpReply is what a reader answers, before it is a frame.
type osdpReply struct {
	code  byte
	data  []byte
	block []byte   // of a handshake
	bare  bool     // in clear, session or not
	zero  bool     // with number 0: BUSY, and where everything begins anew
	kind  byte     // of the security block where it is not as it should be
	ends  bool     // ends the session once it is made
	tap   *OSDPTap // that it tells of
	wrong bool     // no panel may believe it
	after func()   // what follows when it was sent
}

func osdpNAK(reason byte) osdpReply {
	return osdpReply{
		code: 0x41, data: []byte{reason},
		bare: reason == 1 || reason == 4 || reason == 5 || reason == 6,
	}
}

// osdpSaid is what a reader puts on the line.
type osdpSaid struct {
	bytes []byte // with marks; nil: nothing
	late  time.Duration
	done  func() // called when it was sent
}

// hears says whether a frame with that address at that speed is for it. An
// unknown speed is 0.
func (r *OSDPReader) hears(address byte, baud int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if address != r.Address && address != osdpAnyone {
		return false
	}
	if baud != 0 && baud != r.Baud {
		r.seen.OtherSpeed++
		return false
	}
	return true
}

// hear takes a command for it, and returns what it puts on the line.
func (r *OSDPReader) hear(f osdpFrame, at time.Time) []osdpSaid {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(at)
	if r.has(OSDPDead, f.code) {
		return nil
	}
	r.draw()
	if r.has(OSDPLoseCommand, f.code) {
		return nil
	}
	if !f.right {
		r.seen.BadChecks++
		return r.send(f, osdpNAK(1))
	}
	r.heardAt = at
	r.seen.Commands[f.code]++
	if !f.complete || len(f.raw) > r.receives() {
		return r.send(f, osdpReply{code: 0x41, data: []byte{2}, bare: true})
	}
	if again := f.number != 0 && f.number == r.number && bytes.Equal(f.raw, r.cached.command); again {
		r.seen.Repeats++
		if !r.Forgetful && r.cached.reply != nil {
			return r.harm(f, r.cached.reply, r.session, r.cached.tap, nil)
		}
	}
	if reply, said := r.obstacle(f); said {
		return reply
	}
	if reply, ok := r.place(f); !ok {
		return r.send(f, reply)
	}
	r.number = f.number
	reply := r.secure(f)
	frame, session := r.compose(f, reply)
	if reply.wrong && reply.tap != nil {
		r.lose(reply.tap)
		reply.tap = nil
	}
	r.cached = osdpExchange{f.raw, frame, reply.tap}
	return r.harm(f, frame, session, reply.tap, reply.after)
}

// receives is the longest frame that it can take (PDCAP function 10).
func (r *OSDPReader) receives() int {
	for _, c := range r.Capabilities {
		if c.Function == 10 {
			return max(int(c.Level)|int(c.Count)<<8, 128)
		}
	}
	return 128
}

// obstacle is what keeps a reader from looking at a command at all.
func (r *OSDPReader) obstacle(f osdpFrame) ([]osdpSaid, bool) {
	if r.has(OSDPBusy, f.code) {
		return r.send(f, osdpReply{code: 0x79, bare: true, zero: true}), true
	}
	if f.number != 0 && r.has(OSDPSequenceZero, f.code) {
		r.drop()
		r.number, r.session = -1, nil
		return r.send(f, osdpReply{code: 0x40, bare: true, zero: true}), true
	}
	m, refused := r.suffers(OSDPRefuse, f.code, 1, 4)
	if !refused {
		return nil, false
	}
	if m.Code == 4 {
		r.drop()
		r.number, r.session = -1, nil
	}
	return r.send(f, osdpNAK(m.Code)), true
}

// place follows the numbers (§5.9), and says with which reply a command is
// refused.
func (r *OSDPReader) place(f osdpFrame) (osdpReply, bool) {
	switch {
	case f.number == 0:
		r.seen.Restarts++
		r.drop()
		r.session = nil
		return osdpReply{}, true
	case r.number < 0 && r.Key != nil && !r.RestartsBy04 && !osdpClearAllowed(f.code):
		return osdpNAK(6), false
	case r.number < 0:
		r.seen.SequenceErrors++
		reply := osdpNAK(4)
		reply.zero = true
		return reply, false
	case f.number == r.number && bytes.Equal(f.raw, r.cached.command): // and it was forgotten
		if t := r.cached.tap; t != nil && !t.late {
			r.lose(t)
		}
		r.cached = osdpExchange{}
		return osdpReply{}, true
	case f.number == r.number%3+1:
		r.acknowledge()
		return osdpReply{}, true
	case f.number == r.number:
		r.seen.Renumbered++
	}
	r.seen.SequenceErrors++
	return osdpNAK(4), false
}

// send answers a command that changed nothing. It is not kept.
func (r *OSDPReader) send(f osdpFrame, reply osdpReply) []osdpSaid {
	frame, session := r.compose(f, reply)
	return r.harm(f, frame, session, nil, nil)
}

// compose makes the frame of a reply, and says in which session; nil: in clear.
func (r *OSDPReader) compose(f osdpFrame, reply osdpReply) ([]byte, *osdpSession) {
	session := r.session
	if reply.ends {
		r.session = nil
	}
	address, control := r.Address|osdpIsReply, f.control&(osdpWithCRC|3)
	if f.address == osdpAnyone {
		address = osdpAnyone | osdpIsReply
	}
	if reply.zero {
		control &^= 3
	}
	if reply.bare || reply.block != nil || session == nil || !session.up || f.block == nil {
		return osdpEncode(address, control, reply.block, reply.code, reply.data, nil), nil
	}
	kind := reply.kind
	switch {
	case kind != 0:
	case len(reply.data) > 0 || r.has(OSDPSealsNothing, f.code):
		kind = 0x18
	default:
		kind = 0x16
	}
	return session.say(address, control, kind, reply.code, reply.data), session
}

// harm does to a reply on its way what the faults say.
func (r *OSDPReader) harm(f osdpFrame, frame []byte, session *osdpSession, tap *OSDPTap, after func()) []osdpSaid {
	var mac func([]byte) []byte
	if session != nil {
		mac = func(covered []byte) []byte {
			full := session.sum(session.commandMAC, covered)
			return full[:]
		}
	}
	said, whole := osdpSaid{bytes: frame, done: after}, true
	late, isLate := r.suffers(OSDPLateReply, f.code)
	switch {
	case r.has(OSDPDropReply, f.code):
		said.bytes, whole = nil, false
	case r.has(OSDPCorruptReply, f.code):
		said.bytes, whole = slices.Clone(frame), false
		bit := rand.IntN(8 * len(frame))
		if r.chance != nil {
			bit = r.chance.dice.IntN(8 * len(frame))
		}
		said.bytes[bit/8] ^= 1 << (bit % 8)
	case r.has(OSDPWrongAddress, f.code):
		said.bytes, whole = osdpRemade(frame, func(b []byte) { b[1] = osdpIsReply | (b[1]+1)&0x7F }, mac), false
	case r.has(OSDPWrongSequence, f.code):
		said.bytes, whole = osdpRemade(frame, func(b []byte) { b[4] = b[4]&^3 | (b[4]&3)%3 + 1 }, mac), false
	}
	r.sent(tap, whole, isLate)
	if said.bytes == nil {
		return []osdpSaid{said}
	}
	said.bytes = append(bytes.Repeat([]byte{osdpMark}, r.Marks), said.bytes...)
	if m, noisy := r.suffers(OSDPNoisePrefix, f.code); noisy {
		noise := []byte{0x53, 0x53, 0xFF, 0x00}
		if m.Code%2 == 1 {
			noise[1] = r.Address | osdpIsReply // and so it looks more like a frame
		}
		said.bytes = append(noise, said.bytes...)
	}
	if isLate {
		if said.late = late.Delay; said.late == 0 {
			said.late = 250 * time.Millisecond
		}
	}
	if r.has(OSDPDuplicateReply, f.code) {
		return []osdpSaid{said, {bytes: said.bytes, late: said.late}}
	}
	return []osdpSaid{said}
}

// sent is what the way to the panel makes of a tap.
func (r *OSDPReader) sent(tap *OSDPTap, whole, late bool) {
	switch {
	case tap == nil || tap.Fate() == TapTold || tap.Fate() == TapLost:
	case whole:
		tap.late = tap.late || late
		tap.becomes(TapSent)
	case r.Forgetful && tap.Fate() == TapWaits:
		r.lose(tap)
	}
}
