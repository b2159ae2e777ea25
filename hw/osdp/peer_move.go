package osdp

import "time"

// moveTime is what a reader is given to take its new address or speed.
const moveTime = 150 * time.Millisecond

// move is a change of address or speed. The reader answers with the old ones,
// and only then changes; if the answer is lost, nobody knows, and it is looked
// for with the new ones first.
type move struct {
	on       bool
	said     bool // to the reader, which may have heard
	baud     bool // the speed changes too: the bus says when to go on
	speed    int
	from, to byte
}

// Movable says whether the reader can be given another address or speed now: it is
// live, and no move of it is under way. State may say Secure for a moment while it
// is not.
func (p *Peer) Movable() bool { return p.step == stepLive && !p.move.on }

// relocate sends COMSET with the next turn.
func (p *Peer) relocate(address byte, baud int, speedChanges bool) error {
	if !p.Movable() {
		return ErrOffline
	}
	p.move = move{on: true, baud: speedChanges, speed: baud, from: p.address, to: address}
	return nil
}

// moving takes the reader's word on where it goes: where it was told to, or
// nowhere. It may not choose an address, which could be that of a neighbour.
func (p *Peer) moving(now time.Time, f Frame) {
	address, _, _ := DecodeCOM(f.Data)
	if address != p.move.from {
		address = p.move.to
	}
	p.move.said = true
	p.begin(now, stepID)
	p.moveTo(now, address)
}

func (p *Peer) moveTo(now time.Time, address byte) {
	p.move.to = address
	p.address = address
	p.notBefore = now.Add(moveTime)
}

// lookElsewhere looks for a reader that moved, or did not, at both addresses.
func (p *Peer) lookElsewhere() {
	if !p.move.on || p.move.baud || p.idTries%3 != 0 || p.move.from == p.move.to {
		return
	}
	if p.address == p.move.to {
		p.address = p.move.from
	} else {
		p.address = p.move.to
	}
}

// arrived tells that a reader that moved was found.
func (p *Peer) arrived(now time.Time) {
	if p.move.on && p.move.said {
		p.emit(Moved{Address: p.address, Baud: p.move.speed})
		p.move = move{}
		p.notBefore = now
	}
}
