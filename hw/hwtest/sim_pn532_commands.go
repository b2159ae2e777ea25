package hwtest

import (
	"slices"
	"time"
)

// Fixed frames of UM0701-02, 6.2.1.
var (
	pn532ACKFrame   = []byte{0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}
	pn532ErrorBytes = []byte{0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00}
)

// Status bytes of UM0701-02, 7.1.
const (
	pn532OK        = 0x00
	pn532Timeout   = 0x01
	pn532MifareKey = 0x14
	pn532Context   = 0x27
	pn532MoreInfo  = 0x40
)

// pn532Answer is what a command comes to.
type pn532Answer struct {
	data   []byte
	after  time.Duration
	syntax bool      // the error frame instead
	later  bool      // the command answers by itself, or never
	then   func()    // once it was sent
	from   *pn532Tag // whose answer it is: if that leaves meanwhile, there is none
}

// command takes a packet: TFI, code, parameters.
func (p *PN532) command(packet []byte) {
	if packet[0] != 0xD4 || len(packet) < 2 {
		return
	}
	code := packet[1]
	p.turn++
	fault := p.fault(code)
	switch fault {
	case PN532NoACK:
		return
	case PN532Hung:
		p.hung = true
		return
	case PN532Garbage:
		_, _ = p.wire.line.Write(pn532Noise)
	}
	_, _ = p.wire.line.Write(pn532ACKFrame)
	if code != 0x40 {
		p.moreOut, p.moreIn = nil, nil
	}
	p.commands[code]++
	answer := p.execute(code, packet[2:], fault)
	switch {
	case fault == PN532ErrorFrame || answer.syntax:
		p.last = pn532ErrorBytes
		p.later(0, func() { p.send(pn532ErrorBytes, pn532Healthy) })
	case !answer.later:
		p.later(answer.after, func() {
			if answer.from != nil && !p.there(answer.from) {
				answer.data = []byte{pn532Timeout}
			}
			p.answer(code, answer.data, fault)
			if answer.then != nil {
				answer.then()
			}
		})
	}
}

// answer sends the response to a command.
func (p *PN532) answer(code byte, data []byte, fault PN532Fault) {
	p.last = pn532Frame(append([]byte{0xD5, code + 1}, data...))
	p.send(p.last, fault)
}

func (p *PN532) execute(code byte, in []byte, fault PN532Fault) pn532Answer {
	// Out of the low battery mode leads SAMConfiguration alone (AN10609,
	// "Low battery mode"). What a module does with a command that needs its
	// field before that is not written; those seen never answer.
	if !p.normal && slices.Contains([]byte{0x40, 0x42, 0x44, 0x4A, 0x52, 0x54, 0x60}, code) {
		return pn532Answer{later: true}
	}
	switch code {
	case 0x00:
		return p.diagnose(in)
	case 0x02: // GetFirmwareVersion
		return pn532Sized(in, 0, []byte{0x32, 0x01, 0x06, 0x07})
	case 0x04:
		return p.generalStatus(in)
	case 0x12: // SetParameters
		if len(in) == 1 {
			p.noRATS = in[0]&0x10 == 0
		}
		return pn532Sized(in, 1, nil)
	case 0x14: // SAMConfiguration
		if len(in) < 1 || len(in) > 3 || in[0] < 1 || in[0] > 4 {
			return pn532Answer{syntax: true}
		}
		p.normal = true
		return pn532Answer{}
	case 0x16:
		return p.powerDown(in)
	case 0x32:
		return p.configureRF(in)
	case 0x40:
		return p.dataExchange(in)
	case 0x42:
		return p.communicateThru(in)
	case 0x44, 0x52, 0x54: // InDeselect, InRelease, InSelect
		return p.release(code, in)
	case 0x4A:
		return p.listTargets(in, fault)
	case 0x60:
		return p.autoPoll(in, fault)
	default:
		return pn532Answer{syntax: true}
	}
}

// pn532Sized answers a command that must have so many parameters.
func pn532Sized(in []byte, want int, data []byte) pn532Answer {
	return pn532Answer{data: data, syntax: len(in) != want}
}

// diagnose is 7.2.1: the tests of the line, of ROM and RAM, and the question
// whether an ISO-DEP card is still there.
func (p *PN532) diagnose(in []byte) pn532Answer {
	switch {
	case len(in) == 0 || len(in) > 263:
		return pn532Answer{syntax: true}
	case in[0] == 0x00:
		return pn532Answer{data: slices.Clone(in)}
	case in[0] == 0x01 || in[0] == 0x02:
		return pn532Answer{data: []byte{0x00}, after: 10 * time.Millisecond}
	case in[0] != 0x06:
		return pn532Answer{syntax: true}
	}
	for _, t := range p.targets {
		if t != nil {
			if p.there(t) {
				return pn532Answer{data: []byte{pn532OK}, after: pn532Exchange}
			}
			return pn532Answer{data: []byte{pn532Timeout}, after: pn532DEPWait}
		}
	}
	return pn532Answer{data: []byte{pn532Context}}
}

// generalStatus is 7.2.3.
func (p *PN532) generalStatus(in []byte) pn532Answer {
	data := []byte{0x00, 0x00, 0x00} // last error, an outer field, number of targets
	for i, t := range p.targets {
		if t != nil {
			data[2]++
			data = append(data, byte(i+1), 0x00, 0x00, 0x10) // 106 kbit/s, Mifare or ISO 14443-4 A
		}
	}
	return pn532Sized(in, 0, append(data, 0x80)) // and the SAM's status
}

// powerDown is 7.2.11.
func (p *PN532) powerDown(in []byte) pn532Answer {
	if len(in) < 1 || len(in) > 2 {
		return pn532Answer{syntax: true}
	}
	return pn532Answer{data: []byte{pn532OK}, then: func() {
		p.state, p.edges, p.deaf = pn532Asleep, 0, in[0]&0x10 == 0
		p.in = pn532Input{}
		p.fieldOff()
	}}
}

// configureRF is 7.3.1.
func (p *PN532) configureRF(in []byte) pn532Answer {
	sizes := map[byte]int{0x01: 1, 0x02: 3, 0x04: 1, 0x05: 3, 0x0A: 11, 0x0B: 8, 0x0C: 3, 0x0D: 9}
	if len(in) == 0 || sizes[in[0]] != len(in)-1 {
		return pn532Answer{syntax: true}
	}
	switch in[0] {
	case 0x01:
		if in[1]&1 == 0 {
			p.fieldOff()
		} else {
			p.rf = true
		}
	case 0x02:
		p.timeout = in[3]
	case 0x05:
		p.retries = in[3]
	}
	return pn532Answer{}
}

// retryTimeout is item 02's code in time: 100 µs times two to the power of the
// code less one; 00 would be for ever.
func (p *PN532) retryTimeout() time.Duration {
	if p.timeout == 0 || p.timeout > 0x10 {
		return time.Hour
	}
	return 100 * time.Microsecond << (p.timeout - 1)
}
