package hwtest

import (
	"slices"
	"time"
)

// PN532Fault is what goes wrong with one command of a simulated PN532.
type PN532Fault uint8

// The faults.
const (
	pn532Healthy       PN532Fault = iota
	PN532NoACK                    // hears nothing of it
	PN532NoAnswer                 // acknowledges it, and that was all
	PN532Hung                     // says nothing any more until its power is cycled
	PN532ErrorFrame               // answers with the frame of a syntax error
	PN532Garbage                  // sends noise before the acknowledgement and before the answer
	PN532WrongChecksum            // answers with a wrong data checksum
	PN532Truncated                // answers with the first half of a frame
	PN532Doubled                  // answers twice
)

type pn532Failure struct {
	fault PN532Fault
	times int // negative: for ever
	only  []byte
}

// pn532Noise has no 00 FF in it: a receiver may ignore all of it.
var pn532Noise = []byte{0xA5, 0x00, 0x00, 0x7E, 0xFF, 0x01, 0xD5}

// Fail makes the next commands go wrong, so many of them, or all until Mend if
// times is negative. With codes named only those count. Failures that are asked
// for one after another come one after another.
func (p *PN532) Fail(fault PN532Fault, times int, codes ...byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, pn532Failure{fault, times, codes})
}

// Mend takes all faults away; a module that hung still needs its power cycled.
func (p *PN532) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults, p.pause = nil, 0
}

// Pause makes every exchange with a tag take so much longer: a phone that asks
// for more waiting time, which the chip grants by itself.
func (p *PN532) Pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause = d
}

// fault is what goes wrong with a command.
func (p *PN532) fault(code byte) PN532Fault {
	for i := range p.faults {
		f := &p.faults[i]
		if len(f.only) > 0 && !slices.Contains(f.only, code) {
			continue
		}
		fault := f.fault
		if f.times--; f.times == 0 {
			p.faults = slices.Delete(p.faults, i, i+1)
		}
		return fault
	}
	return pn532Healthy
}

// send puts a frame on the line as the fault says.
func (p *PN532) send(frame []byte, fault PN532Fault) {
	switch fault {
	case pn532Healthy:
	case PN532NoAnswer:
		return
	case PN532Garbage:
		frame = slices.Concat(pn532Noise, frame)
	case PN532WrongChecksum:
		frame = slices.Clone(frame)
		frame[len(frame)-2] ^= 0x10
	case PN532Truncated:
		frame = frame[:len(frame)/2]
	case PN532Doubled:
		frame = slices.Concat(frame, frame)
	}
	_, _ = p.wire.line.Write(frame)
}
