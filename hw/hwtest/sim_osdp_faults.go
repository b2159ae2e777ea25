package hwtest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// OSDPFault is one way in which an exchange with a simulated OSDP reader goes
// wrong.
type OSDPFault string

// The faults of one exchange.
const (
	OSDPDead           OSDPFault = "dead"            // hears nothing and says nothing
	OSDPLoseCommand    OSDPFault = "lose command"    // the command does not reach the reader
	OSDPDropReply      OSDPFault = "drop reply"      // done, but the reply does not reach the panel
	OSDPCorruptReply   OSDPFault = "corrupt reply"   // one bit of the reply, any, is wrong
	OSDPLateReply      OSDPFault = "late reply"      // the reply comes after OSDPMishap.Delay
	OSDPDuplicateReply OSDPFault = "duplicate reply" // the reply comes twice
	OSDPWrongAddress   OSDPFault = "wrong address"   // the reply says it is the next reader's
	OSDPWrongSequence  OSDPFault = "wrong sequence"  // the reply has another number, and a right MAC
	OSDPSequenceZero   OSDPFault = "sequence zero"   // not done; ACK in clear with number 0: let us begin again
	OSDPBusy           OSDPFault = "busy"            // not done; BUSY
	OSDPRefuse         OSDPFault = "refuse"          // not done; NAK with OSDPMishap.Code
	OSDPNoisePrefix    OSDPFault = "noise prefix"    // 53 53 FF 00 before the reply
	OSDPUnknownReply   OSDPFault = "unknown reply"   // not done; a reply with OSDPMishap.Code and no data
)

// The faults of a reader that is made badly, or that is not what it says.
const (
	OSDPSaysNoAES        OSDPFault = "says no AES"        // PDCAP says that there is no secure channel
	OSDPOffersDefaultKey OSDPFault = "offers default key" // answers a challenge for its own key with the default one
	OSDPWrongCryptogram  OSDPFault = "wrong cryptogram"   // CCRYPT does not prove the key
	OSDPWrongRMAC        OSDPFault = "wrong R-MAC"        // RMAC_I does not prove the key
	OSDPCardInClear      OSDPFault = "card in clear"      // RAW, FMT and KEYPAD in a session without any security block
	OSDPCardUnsealed     OSDPFault = "card unsealed"      // the same with a right MAC (SCB 16), data in clear
	OSDPStatusUnsealed   OSDPFault = "status unsealed"    // status with a right MAC, data in clear; SCB is OSDPMishap.Code, 16 if 0
	OSDPSealsNothing     OSDPFault = "seals nothing"      // replies without data have an empty sealed block (SCB 18)
	OSDPKeysetInClear    OSDPFault = "keyset in clear"    // ACK of KEYSET in clear
	OSDPKeysetForgotten  OSDPFault = "keyset forgotten"   // ACK of KEYSET, and the key is not kept
)

// OSDPMishap is a fault that is to happen.
type OSDPMishap struct {
	Fault OSDPFault
	// On is the code of the commands that it befalls; 0: any.
	On byte
	// Times is how often; 0: until Mend.
	Times int
	// Code is what OSDPRefuse, OSDPUnknownReply and OSDPStatusUnsealed send.
	Code byte
	// Delay is of OSDPLateReply; 0: 250 ms.
	Delay time.Duration
}

// Break lets a fault happen. Several may be waiting.
func (r *OSDPReader) Break(m OSDPMishap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Times == 0 {
		m.Times = -1
	}
	r.mishaps = append(r.mishaps, &m)
}

// Mend ends all faults, those of Unreliable too.
func (r *OSDPReader) Mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mishaps, r.chance = nil, nil
}

// osdpChance breaks exchanges at random.
type osdpChance struct {
	rate  float64
	kinds []OSDPFault
	dice  *rand.Rand
}

// Unreliable breaks that share of exchanges (0.01 is one in a hundred), each in
// one of the ways given; none given: in those of a bad line. The same seed gives
// the same course as long as the panel does the same.
func (r *OSDPReader) Unreliable(rate float64, seed uint64, kinds ...OSDPFault) {
	if len(kinds) == 0 {
		kinds = []OSDPFault{
			OSDPLoseCommand, OSDPDropReply, OSDPCorruptReply, OSDPLateReply, OSDPDuplicateReply,
			OSDPWrongAddress, OSDPWrongSequence, OSDPSequenceZero, OSDPBusy, OSDPNoisePrefix,
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chance = &osdpChance{rate: rate, kinds: kinds, dice: rand.New(rand.NewPCG(seed, uint64(r.Address)))}
}

// draw decides by chance what befalls the exchange that begins.
func (r *OSDPReader) draw() {
	r.drawn = nil
	if c := r.chance; c != nil && c.dice.Float64() < c.rate {
		r.drawn = &OSDPMishap{
			Fault: c.kinds[c.dice.IntN(len(c.kinds))], Times: 1, Code: byte(c.dice.IntN(10)),
			Delay: 210*time.Millisecond + time.Duration(c.dice.Int64N(int64(2790*time.Millisecond))),
		}
	}
}

// suffers says whether a fault befalls the exchange, and counts it. with are the
// codes of mishaps that count; none given: all.
func (r *OSDPReader) suffers(fault OSDPFault, code byte, with ...byte) (OSDPMishap, bool) {
	all := r.mishaps
	if r.drawn != nil {
		all = append(slices.Clone(all), r.drawn)
	}
	for _, m := range all {
		if m.Fault != fault || m.Times == 0 || m.On != 0 && m.On != code || len(with) > 0 && !slices.Contains(with, m.Code) {
			continue
		}
		if m.Times > 0 {
			m.Times--
		}
		r.injected[fault]++
		return *m, true
	}
	return OSDPMishap{}, false
}

// has is suffers for faults that need no more than that.
func (r *OSDPReader) has(fault OSDPFault, code byte) bool {
	_, has := r.suffers(fault, code)
	return has
}

// Injected is how often each fault has happened.
func (r *OSDPReader) Injected() map[OSDPFault]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.injected)
}
