package daemon

import (
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// pinPatience is how long a card waits for its PIN, and digits for their card.
const pinPatience = 15 * time.Second

// pinCase is something that can be decided now.
type pinCase struct {
	offered
	pin   access.PINState // for the facts of the decision
	alone bool            // digits that must say who it is
	// without: it waited for a PIN that did not come. It opens nothing, also where
	// none is asked for by now: nobody may stand there any more.
	without bool
	kept    <-chan struct{} // closed when what a wrong PIN costs is on disk; nil: it cost nothing
}

// pinWait is what a tile waits for now.
type pinWait uint8

// The waits. Only waitPIN is shown to the member: nobody need know that digits
// were heard.
const (
	waitNothing pinWait = iota
	waitPIN
	waitCard
)

// pinPad joins the cards and the digits of one tile. It is told the monotonic
// time and knows no clock; one goroutine uses it, that of the door.
//
// At a door that asks for a PIN a card waits 15 s for digits, or meets digits
// that are not older. At any other door digits are offered alone.
//
// Digits alone are limited by keypad, digits beside a card by card: else whoever
// types nonsense could lock everybody out. A card is never held up by either.
type pinPad struct {
	keypad string // "front/in": whose tries these are
	limits *pinLimits

	card  *offered // that waits for its PIN; nil: none does
	until time.Duration

	typed      access.Digest // digits that wait for their card
	typedUntil time.Duration // not after this; 0: there are none
}

// offer takes what came from the tile, and returns what can be decided now.
func (p *pinPad) offer(s *access.Snapshot, o offered, now time.Duration) (cases []pinCase, wait pinWait) {
	cases = p.lapse(now)
	switch {
	case o.tap.Fault != access.Granted:
		return append(cases, pinCase{offered: o}), p.waits(now)
	case !s.PolicyOf(o.tap.Door).AskPIN:
		p.typedUntil = 0 // the settings may have changed
		return append(append(cases, p.giveUp()...), p.single(s, o, now)), waitNothing
	case o.tap.Credential.Kind == access.PIN:
		return p.digits(s, o, now, cases)
	default:
		return p.badge(s, o, now, cases)
	}
}

// single is a credential at a door that asks for no second one.
func (p *pinPad) single(s *access.Snapshot, o offered, now time.Duration) pinCase {
	if o.tap.Credential.Kind != access.PIN {
		return pinCase{offered: o}
	}
	switch {
	case !p.limits.keypadOpen(p.keypad, now):
		o.tap.Fault = access.PINLocked
	case !s.PINAlone(o.tap.Door, o.digits):
		o.tap.Fault = access.PINWrong
	default:
		return pinCase{offered: o, alone: true}
	}
	// What is not compared is not kept either: it may be a PIN, or most of one.
	o.tap.Credential.Digest = access.Digest{}
	return pinCase{offered: o}
}

// digits are those of the card that waits, or wait for one.
func (p *pinPad) digits(s *access.Snapshot, o offered, now time.Duration, cases []pinCase) ([]pinCase, pinWait) {
	if p.card == nil {
		p.typed, p.typedUntil = o.tap.Credential.Digest, now+pinPatience
		return cases, waitCard
	}
	card := *p.card
	card.tap.At = o.tap.At
	p.card = nil
	return append(cases, p.compare(s, card, o.tap.Credential.Digest, now)), waitNothing
}

// badge is a card, or a pass, at a door that asks for a PIN.
func (p *pinPad) badge(s *access.Snapshot, o offered, now time.Duration, cases []pinCase) ([]pinCase, pinWait) {
	c := o.tap.Credential
	if p.card != nil && p.card.tap.Credential != c {
		cases = append(cases, p.giveUp()...) // whoever it was went away
	}
	typed := now < p.typedUntil
	p.again()
	switch {
	case !s.Knows(c):
		return append(cases, pinCase{offered: o}), waitNothing
	case !p.limits.cardOpen(c, now):
		return append(cases, pinCase{offered: o, pin: access.PINBlocked}), waitNothing
	case typed:
		return append(cases, p.compare(s, o, p.typed, now)), waitNothing
	}
	p.card, p.until = &o, now+pinPatience
	return cases, waitPIN
}

// off says whether the keypad was switched off because of guesses.
func (p *pinPad) off() bool { return p.limits != nil && p.limits.off(p.keypad) }

// again has what was shown before make room for the same card, and gives back
// what that would have used up.
func (p *pinPad) again() {
	if p.card != nil {
		p.card.uses.release()
	}
	p.card, p.typedUntil = nil, 0
}

func (p *pinPad) compare(s *access.Snapshot, card offered, digits access.Digest, now time.Duration) pinCase {
	state, kept := p.limits.tryCard(card.tap.Credential, s.PINBelongs(card.tap.Credential, digits), now)
	return pinCase{offered: card, pin: state, kept: kept}
}

// lapse lets time pass: a card whose PIN did not come is to be decided without.
func (p *pinPad) lapse(now time.Duration) []pinCase {
	if p.card == nil || now < p.until {
		return nil
	}
	return p.giveUp()
}

// giveUp lets go of a card that waits. It is to be decided, so that its tap is
// written down and what it would have used up is free again.
func (p *pinPad) giveUp() []pinCase {
	if p.card == nil {
		return nil
	}
	card := *p.card
	p.card = nil
	return []pinCase{{offered: card, without: true}}
}

func (p *pinPad) waits(now time.Duration) pinWait {
	switch {
	case p.card != nil:
		return waitPIN
	case now < p.typedUntil:
		return waitCard
	}
	return waitNothing
}

// pinNews is what a decision meant for the keypad.
type pinNews struct {
	kept     <-chan struct{} // to be waited for, a while, before the member is answered; nil: nothing
	disabled bool            // the keypad was switched off: an alarm
	enabled  bool            // and on again
}

// decided takes what was decided of a case. Digits alone that opened nothing
// were a guess, whatever the reason: a guesser must not tell a PIN that is good
// elsewhere by what it cost. During a lockdown nothing opens and nothing counts.
func (p *pinPad) decided(c pinCase, s *access.Snapshot, granted bool, now time.Duration) pinNews {
	news := pinNews{kept: c.kept}
	switch {
	case granted && c.tap.Credential.Kind != access.PIN:
		news.enabled = p.limits.enable(p.keypad, now)
	case !granted && c.alone && !s.LockedDown(c.tap.Door):
		news.disabled, news.kept = p.limits.keypadFailed(p.keypad, now)
	}
	return news
}

// How many refusals of a tile in which there is no holder are written one by
// one: ten a minute. The rest are counted, and told in one line a minute later.
const (
	floodFirst  = 10
	floodWindow = time.Minute
)

// flood tells which refusals of one tile are written down one by one, so that
// somebody who holds a thousand cards to a tile fills no disk. Nobody is locked
// out: each tap is decided and answered as any other.
type flood struct {
	running bool
	began   time.Duration
	count   int
}

// write says whether this refusal is written down by itself, and how many that
// were not must be told first.
func (f *flood) write(now time.Duration) (itself bool, more int) {
	more = f.turn(now)
	if !f.running {
		f.running, f.began = true, now
	}
	f.count++
	return f.count <= floodFirst, more
}

// turn ends a minute that is over, and says how many refusals in it were not
// written down by themselves.
func (f *flood) turn(now time.Duration) (more int) {
	if !f.running || now-f.began < floodWindow {
		return 0
	}
	return f.end()
}

// end is turn for a minute that is not over.
func (f *flood) end() (more int) {
	more = max(f.count-floodFirst, 0)
	*f = flood{}
	return more
}
