package osdp

import "time"

// asks are the things to ask or say once after a connect.
type asks uint8

const (
	askLocal asks = 1 << iota
	askInputs
	askOutputs
	saySize
	sayLamps
)

// due says when the peer wants the line next, and how much.
func (p *Peer) due(now time.Time) (time.Time, rank) {
	p.tick(now)
	if p.out.open {
		r := p.out.rank
		switch {
		case p.silent && r == rankOutput:
			r = rankLate // others that wait for long come between
		case p.silent:
			r = rankTry
		}
		return p.out.again, r
	}
	at, r := p.notBefore, rankStep
	if p.move.said && p.move.baud {
		return now.Add(offlineAfter), rankTry // the bus will say when
	}
	switch p.step {
	case stepLive:
		return p.dueLive(now)
	case stepChallenge:
		if next := p.lastStart.Add(startSpacing); p.starts >= startsAtOnce && next.After(at) {
			at = next
		}
	case stepID:
		if next := p.lastStart.Add(startSpacing); p.set.Insecure && p.starts >= startsAtOnce && next.After(at) {
			at = next
		}
		if p.silent {
			r = rankTry
		}
	}
	return at, r
}

func (p *Peer) dueLive(now time.Time) (time.Time, rank) {
	r, waiting := p.queue.first()
	switch {
	case p.doubt.open:
		return now, rankOutput
	case waiting && r == rankOutput:
		return now, r
	case p.move.on && !p.move.said:
		return now, rankStep
	case p.asks != 0:
		return now, rankStep
	case waiting:
		return now, r
	}
	return p.lastPoll.Add(p.set.Poll), rankPoll
}

// send is the next command as bytes for the line, or the last one once more,
// with its mark. It is nil when there is nothing to send after all.
func (p *Peer) send(now time.Time) []byte {
	p.lastAsked = now
	if p.out.open {
		return p.tx
	}
	p.out = exchange{rank: rankStep, first: now, again: now}
	command, block, ok := p.choose(now)
	if !ok {
		return nil
	}
	p.out.open, p.out.code, p.out.sequence = true, command.Code, p.sequence
	f := Frame{
		Address: p.address, Sequence: p.sequence, Checksum: p.checksum,
		Block: block, Selector: p.hand.selector, Code: command.Code, Data: command.Data,
	}
	p.tx = append(p.tx[:0], mark)
	if p.channel != nil && (p.step == stepLive || p.step == stepKeyset) {
		p.out.secured = true
		p.tx = p.channel.wrap(p.tx, f)
	} else {
		p.tx = f.Append(p.tx)
	}
	return p.tx
}

// choose is what to say next.
func (p *Peer) choose(now time.Time) (command Command, block byte, ok bool) {
	switch p.step {
	case stepID, stepKnown:
		if p.step == stepID && p.idTries%3 == 2 {
			return Poll(), 0, true // some readers say who they are only after a poll
		}
		return ID(), 0, true
	case stepCapabilities:
		return CAP(), 0, true
	case stepChallenge:
		return p.challenge(now)
	case stepProof:
		return Command{codeSCRYPT, p.hand.server[:]}, blockProof, true
	case stepKeyset:
		command, ok := p.keyset(now)
		return command, 0, ok
	}
	r, waiting := p.queue.first()
	switch {
	case p.backlog != 0:
		return Poll(), 0, true
	case p.doubt.open:
		p.out.rank = rankOutput
		return OSTAT(), 0, true
	case p.move.on && !p.move.said && (!waiting || r != rankOutput):
		return COMSET(p.move.to, uint32(p.move.speed)), 0, true
	case waiting && (r == rankOutput || p.asks == 0):
		p.out.rank = r
		p.out.order = p.queue.take(r)
		return p.out.order.command, 0, true
	case p.asks != 0:
		return p.ask(), 0, true
	}
	p.out.rank = rankPoll
	p.lastPoll = now
	return Poll(), 0, true
}

// ask is the next thing to ask once. The lamps come first: a member sees them.
func (p *Peer) ask() Command {
	for _, a := range []asks{sayLamps, askOutputs, askInputs, askLocal, saySize} {
		if p.asks&a == 0 {
			continue
		}
		p.asks &^= a
		switch a {
		case sayLamps:
			data := make([]byte, 0, 14*len(p.lamps))
			for _, l := range p.lamps {
				data = append(data, l[:]...)
			}
			return Command{codeLED, data}
		case askOutputs:
			return OSTAT()
		case askInputs:
			return ISTAT()
		case askLocal:
			return LSTAT()
		case saySize:
			p.toldSize = true
			return ACURXSIZE(mostReceived)
		}
	}
	return Poll()
}

// missed is called when a turn ended without a reply that counts.
func (p *Peer) missed(now time.Time) {
	if !p.out.open {
		return
	}
	p.refuse(RefusedTimeout)
	p.lastMiss = now
	if !p.silent || p.silentSince.IsZero() {
		p.silent, p.silentSince = true, now
	}
	p.out.misses++
	switch {
	case p.out.forged: // and none that is right: the two ends are not of one mind
		p.restart(now)
	case p.step == stepID:
		p.out.open = false
		p.idTries++
		p.sequence = 0
		p.chooseCheck()
		p.lookElsewhere()
		p.notBefore = now.Add(p.backoff(now))
	case p.out.misses < mostTries-1:
		p.out.again = now
	case p.out.misses < mostTries:
		p.out.again = now.Add(lastTryAfter)
	default:
		p.begin(now, stepID)
	}
}

func (p *Peer) backoff(now time.Time) time.Duration {
	if now.Sub(p.silentSince) < backoffChanges {
		return firstBackoff
	}
	return lateBackoff
}

// chooseCheck tries the other kind of check on a reader that may not know the
// CRC. Never in earnest: a sum misses one error in 256.
func (p *Peer) chooseCheck() {
	if p.set.Insecure && !p.set.Checksum && !p.crcWorked {
		p.checksum = p.idTries/3%2 == 1
	}
}
