package osdp

import (
	"errors"
	"fmt"
	"time"
)

// Why pairing failed.
var (
	errPairWindow = errors.New("the time for pairing is over: try again with the reader in install mode and near by")
	errPairNoWay  = errors.New("the reader has a key that is not known here: reset it to install mode, as its maker says")
	errPairNoKeep = errors.New("there is no place to keep a key")
	errPairOpen   = errors.New("the reader is set to clear text: a key would not be used")
	errPairTwice  = errors.New("the reader is being paired already")
	errPairRefuse = errors.New("the reader does not take a new key")
	errPairDoubt  = errors.New("the reader was lost while it was given its key; the key is kept, and tried when the reader is back")
)

// How often pairing tries before it gives up.
const (
	mostKeysets = 3 // the key is sent
	mostRounds  = 2 // all keys are tried to get in
	mostProofs  = 6 // the new and the old key are tried in turn
)

// pairing is the giving of a key. The reader is entered with a key that it may
// have; the new key is made durable as pending; it is sent; and whatever the
// reader answered, the key that it answers to next is the one it has.
type pairing struct {
	on      bool
	until   time.Time
	ways    []Key // in; the default key last
	at      int   // in ways
	rounds  int
	entered Key // that let us in
	fresh   Key // that the reader is to have
	keysets int
	proving bool // the key was sent, and may have arrived
	proofs  int
}

// Pair gives the reader a new key within the window and pins who it is. It is
// the only way in which a key is sent, and the only one in which the default key
// is used: to get in, never to be believed. A person must have asked for it, and
// no stranger may be on the wire. Progress and Paired tell the rest.
func (p *Peer) Pair(now time.Time, window time.Duration) error {
	switch {
	case p.set.Insecure:
		return errPairOpen
	case p.set.Keep == nil:
		return errPairNoKeep
	case p.pair.on:
		return errPairTwice
	}
	p.pair = pairing{on: true, until: now.Add(window)}
	for _, key := range []Key{p.keys.Pending, p.keys.Current, defaultKey()} {
		if !key.IsZero() {
			p.pair.ways = append(p.pair.ways, key)
		}
	}
	p.starts = 0
	p.begin(now, stepID)
	p.say("looking for the reader")
	return nil
}

func (p *Peer) say(step string) { p.emit(Progress{step}) }

// nextKey is the key to try, and how it is called on the wire.
func (g *pairing) nextKey() (key Key, selector byte) {
	key = g.ways[g.at]
	if g.proving {
		key = g.entered
		if g.proofs%2 == 0 {
			key = g.fresh
		}
	}
	if key.Equal(defaultKey()) {
		return key, 0
	}
	return key, 1
}

// sent notes that the key may have arrived.
func (g *pairing) sent() { g.proving, g.proofs = true, 0 }

// triedInVain chooses the next key after a handshake failed.
func (p *Peer) triedInVain(now time.Time) {
	g := &p.pair
	if g.proving {
		if g.proofs++; g.proofs >= mostProofs {
			p.pairingFailed(now, errPairDoubt)
		}
		return
	}
	if g.at++; g.at >= len(g.ways) {
		g.at = 0
		g.rounds++
	}
	if g.rounds >= mostRounds {
		p.pairingFailed(now, errPairNoWay)
	}
}

// proved goes on after a handshake with one of the keys succeeded.
func (p *Peer) proved(now time.Time) {
	g := &p.pair
	switch {
	case g.proving && p.hand.key.Equal(g.fresh):
		identity := p.device.Identity()
		g.on = false
		p.hand.tried = 0
		p.keep(Keys{Current: g.fresh, Identity: identity})
		p.emit(Paired{Identity: identity})
		p.live(now, Secure)
		return
	case g.proving && g.keysets >= mostKeysets:
		p.keep(Keys{Current: p.keys.Current, Identity: p.keys.Identity}) // the old one was proved
		p.pairingFailed(now, errPairRefuse)
		return
	}
	g.entered = p.hand.key
	if p.hand.selector == 0 {
		p.say("it answers to the key that all the world knows, as in install mode; whoever is on the wire now learns its new one")
	}
	p.step, p.notBefore = stepKeyset, now
}

// keyset is the command with the new key, once the key is durable.
func (p *Peer) keyset(now time.Time) (command Command, ok bool) {
	g := &p.pair
	if g.fresh.IsZero() {
		fresh, err := NewKey(p.set.Random)
		if err != nil {
			p.pairingFailed(now, err)
			return Command{}, false
		}
		keys := Keys{Current: p.keys.Current, Pending: fresh, Identity: p.keys.Identity}
		if !g.entered.Equal(defaultKey()) {
			keys.Current = g.entered // it was pending until it let us in
		}
		if err := p.set.Keep(keys); err != nil {
			p.pairingFailed(now, fmt.Errorf("the new key cannot be kept, so it was not sent: %w", err))
			return Command{}, false
		}
		p.keys, g.fresh = keys, fresh
	}
	g.keysets++
	p.say("giving the reader its key")
	return keyset(g.fresh), true
}

// keysetTaken proves what the reader made of the key: it ends the session.
func (p *Peer) keysetTaken(now time.Time) {
	p.pair.sent()
	p.begin(now, stepChallenge)
	p.say("proving the key")
}

// pairingFailed ends pairing. A key that was sent stays pending: the reader may
// have it.
func (p *Peer) pairingFailed(now time.Time, err error) {
	p.pair.on = false
	p.hand.tried = 0
	p.emit(Paired{Err: err})
	p.begin(now, stepID)
}
