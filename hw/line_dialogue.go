package hw

import (
	"bytes"
	"time"
)

// awaited cuts an expected answer out of what a reader sends, however it is cut
// in pieces, and lets everything else pass.
type awaited struct {
	want  []byte // nil: nothing is awaited
	have  int    // how many bytes of it are held back
	until time.Time
}

func (a *awaited) begin(want []byte, until time.Time) { *a = awaited{want: want, until: until} }

// filter returns what is no part of the answer, and whether the answer came.
func (a *awaited) filter(in []byte) (rest []byte, met bool) {
	if a.want == nil {
		return in, false
	}
	for i, c := range in {
		held := append(bytes.Clone(a.want[:a.have]), c)
		keep := len(held)
		for !bytes.HasSuffix(held, a.want[:keep]) {
			keep--
		}
		rest = append(rest, held[:len(held)-keep]...)
		if a.have = keep; keep == len(a.want) {
			a.want, a.have = nil, 0
			return append(rest, in[i+1:]...), true
		}
	}
	return rest, false
}

// giveUp stops waiting and returns what was held back.
func (a *awaited) giveUp() []byte {
	held := a.want[:a.have]
	*a = awaited{}
	return held
}

// asked is what was said to a reader.
type asked uint8

const (
	askedInit asked = iota
	askedPing
	askedPoll
)

// dialogue is what is said to a reader and when. It is pure: it says what to
// send, somebody else sends it.
type dialogue struct {
	dialogueOptions
	answer awaited
	step   int    // of init: the one under way, counted from 0; len(Init): done
	asked  asked  // what the answer is awaited to
	failed string // what the reader left unanswered; empty: nothing
	inits  uint64 // how often the set-up was begun

	initDue, pollDue, pingDue time.Time // zero: never
}

// open begins anew after an opening of the port.
func (d *dialogue) open(at time.Time) {
	d.answer = awaited{}
	d.step, d.asked, d.failed = 0, askedInit, ""
	d.initDue, d.pollDue, d.pingDue = time.Time{}, time.Time{}, time.Time{}
	if len(d.Init) > 0 {
		d.initDue = at
		return
	}
	d.ready(at)
}

func (d *dialogue) ready(at time.Time) {
	d.step, d.failed = len(d.Init), ""
	if d.Poll != nil {
		d.pollDue = at
	}
	if d.Ping != nil {
		d.pingDue = at
	}
}

// due is when next has something to do; zero: never.
func (d *dialogue) due() time.Time {
	if d.answer.want != nil {
		return d.answer.until
	}
	var due time.Time
	for _, t := range []time.Time{d.initDue, d.pollDue, d.pingDue} {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	return due
}

// next is what to send now, if anything, and what was held back for an answer
// that did not come.
func (d *dialogue) next(at time.Time) (send, held []byte) {
	if d.answer.want != nil {
		if at.Before(d.answer.until) {
			return nil, nil
		}
		held = d.answer.giveUp()
		d.unanswered(at)
	}
	switch {
	case passed(d.initDue, at):
		if d.step == 0 {
			d.inits++
		}
		return d.say(at, askedInit, d.Init[d.step]), held
	case passed(d.pingDue, at):
		d.pingDue = at.Add(d.Ping.Every.or(pingEvery))
		return d.say(at, askedPing, *d.Ping), held
	case passed(d.pollDue, at):
		d.pollDue = at.Add(time.Duration(d.Poll.Every))
		return d.say(at, askedPoll, *d.Poll), held
	}
	return nil, held
}

func passed(due, at time.Time) bool { return !due.IsZero() && !at.Before(due) }

func (d *dialogue) say(at time.Time, what asked, s step) []byte {
	d.asked = what
	if len(s.Expect) == 0 {
		d.answered(at)
	} else {
		d.answer.begin(s.Expect, at.Add(s.Timeout.or(stepTimeout)))
	}
	return s.Send
}

// answered goes on after a step that succeeded.
func (d *dialogue) answered(at time.Time) {
	switch d.asked {
	case askedPing:
		d.failed = ""
		return
	case askedPoll:
		return
	case askedInit:
	}
	if d.step++; d.step < len(d.Init) {
		d.initDue = at
		return
	}
	d.initDue = time.Time{}
	d.ready(at)
}

// unanswered goes on after a step that did not: an opening is tried again from
// its first step, for the reader may have its power later than its line.
func (d *dialogue) unanswered(at time.Time) {
	switch d.asked {
	case askedPoll: // a reader that has nothing to tell may say nothing
		return
	case askedPing:
		d.failed = "the reader does not answer; has it power, and is its line the right way round?"
		return
	case askedInit:
	}
	d.failed = "the reader did not take its set-up; is it the model that the settings name?"
	d.step, d.initDue = 0, at.Add(retryInit)
}

// heard takes what the reader sent and returns what is no answer.
func (d *dialogue) heard(at time.Time, in []byte) []byte {
	rest, met := d.answer.filter(in)
	if met {
		d.answered(at)
	}
	return rest
}
