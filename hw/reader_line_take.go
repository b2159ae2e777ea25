package hw

import (
	"context"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/serial"
)

// hear takes bytes and returns what is no answer to us. A reader that answers is
// in the middle of nothing else.
func (r *lineReader) hear(at time.Time, in []byte) []byte {
	asked := r.dialogue.answer.want != nil
	rest := r.dialogue.heard(at, in)
	if asked && r.dialogue.answer.want == nil && len(rest) == 0 {
		r.decoder.framer.settled()
	}
	return rest
}

// take keeps what is to be reported.
func (r *lineReader) take(ctx context.Context, port *serial.Port, all []decoded) {
	for _, d := range all {
		switch {
		case !d.ok:
			r.keypad.hole() // it may have been a key
			r.write(ctx, port, r.dialogue.Nak)
			r.report(Read{At: d.at, Fault: access.Unreadable})
			continue
		case d.kind == access.PIN: // the same key twice is two keys
			for _, read := range r.keypad.press(d.at, []byte(d.value)) {
				r.report(read)
			}
		case r.hold.stays(d):
			r.decoder.drops.add(dropRepeat)
		default:
			r.another(d.at)
			if r.report(Read{Kind: d.kind, Value: d.value, At: d.at}) {
				r.hold.note(d)
			}
		}
		r.write(ctx, port, r.dialogue.Ack)
	}
}

// another tells that a card came which was not there before: who had begun to
// type has given way, and whoever types now begins anew.
func (r *lineReader) another(at time.Time) {
	if read, ended := r.keypad.idle(at); ended {
		r.report(read)
	}
	r.keypad.clear()
}

// report hands a read out, unless there are more than a person can make.
func (r *lineReader) report(read Read) bool {
	switch {
	case read.Fault != access.Granted:
		if !r.faults.AllowN(read.At, 1) {
			return false
		}
	case !r.rate.AllowN(read.At, 1):
		r.decoder.drops.add(dropRate)
		return false
	}
	r.ready = append(r.ready, read)
	return true
}
