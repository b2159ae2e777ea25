package hw

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/ndef"
	"github.com/tilegate/tilegate/hw/pkoc"
	"github.com/tilegate/tilegate/hw/pn532"
)

// How a card can be read.
const (
	acceptPKOC = "pkoc" // its public key, proven
	acceptNDEF = "ndef" // the first text or URI that it holds ready
	acceptUID  = "uid"  // its number, which anybody can copy
)

// pn532Attempts is how often a card that stops in the middle is tried, in looks
// that follow each other.
const pn532Attempts = 3

// look polls the field once and reads what is new in it.
func (r *pn532Reader) look(ctx context.Context) (Read, bool, error) {
	if r.stirred {
		if err := r.chip.restart(ctx); err != nil {
			return Read{}, false, err
		}
		r.stirred = false
	}
	targets, err := r.find(ctx)
	at := time.Now()
	switch {
	case err != nil:
		return Read{}, false, err
	case len(targets) == 0:
		read, ok := r.nobody(at)
		return read, ok, nil
	case len(targets) > 1 || targets[0].Collided():
		read, ok := r.several(at, pn532Crowd)
		return read, ok, r.chip.release(ctx)
	}
	card := targets[0]
	if r.missing = 0; r.field.stays(at, nameOf(card)) {
		return Read{}, false, r.chip.release(ctx)
	}
	r.stirred = true
	read, err := r.identify(ctx, card)
	if errors.Is(err, errCardSlow) {
		fault, ok := r.giveUp(nameOf(card))
		return fault, ok, nil
	}
	if _, torn := errors.AsType[pn532.Status](err); torn {
		fault, ok := r.again(nameOf(card))
		return fault, ok, nil
	}
	if err != nil {
		return Read{}, false, err
	}
	read.At, r.torn = r.chip.heard, 0
	read, ok := r.settle(card, read, r.company(ctx, card))
	return read, ok, nil
}

// find looks for a card. One whose UID may become the credential is asked twice.
func (r *pn532Reader) find(ctx context.Context) ([]pn532.Target, error) {
	if slices.Contains(r.accept, acceptUID) {
		return r.chip.listTwice(ctx)
	}
	return r.chip.list(ctx, 1)
}

// nameOf is how the field calls a card.
func nameOf(card pn532.Target) string {
	if card.Random() {
		return pn532Random
	}
	return hex.EncodeToString(card.UID)
}

// nobody notes an empty field, and reports a card that was pulled away before it
// was read. A phone may need longer than one look to begin anew.
func (r *pn532Reader) nobody(at time.Time) (Read, bool) {
	r.field.stays(at, "")
	if r.missing++; r.torn == 0 || r.missing < 2 {
		return Read{}, false
	}
	return r.lost(at)
}

// again leaves a card that stopped in the middle to the next look, or gives it
// up.
func (r *pn532Reader) again(name string) (Read, bool) {
	if r.torn++; r.torn < pn532Attempts {
		r.due = time.Now().Add(pn532Recover)
		return Read{}, false
	}
	return r.giveUp(name)
}

// giveUp leaves a card alone until it was away.
func (r *pn532Reader) giveUp(name string) (Read, bool) {
	at := time.Now()
	r.field.note(at, name, 0)
	return r.lost(at)
}

// lost reports a card that was there and could not be read.
func (r *pn532Reader) lost(at time.Time) (Read, bool) {
	r.torn = 0
	r.chip.drops.add(pn532DropLost)
	return r.fault(at, false)
}

// several reports more than one card, once until the field was another.
func (r *pn532Reader) several(at time.Time, names ...string) (Read, bool) {
	r.torn, r.missing = 0, 0
	stay := r.field.stays(at, pn532Crowd)
	for _, name := range names {
		r.field.note(at, name, pn532Flicker)
	}
	if stay {
		return Read{}, false
	}
	r.chip.drops.add(pn532DropSeveral)
	return r.fault(at, true)
}

// company lets the card go and says what else is in the field. A chip that fails
// here says nothing, and fails the next look too: the card itself was read.
func (r *pn532Reader) company(ctx context.Context, card pn532.Target) []string {
	if r.chip.release(ctx) != nil {
		return nil
	}
	others, err := r.chip.list(ctx, 2)
	if err != nil {
		return nil
	}
	if len(others) == 0 || r.chip.release(ctx) == nil {
		r.stirred = false
	}
	return crowdOf(card, others)
}

// settle remembers a card that was read and reports it, unless it was not alone
// or is the same as a moment ago.
func (r *pn532Reader) settle(card pn532.Target, read Read, crowd []string) (Read, bool) {
	name := nameOf(card)
	if len(crowd) > 0 {
		return r.several(read.At, crowd...)
	}
	if read.Fault != access.Granted {
		r.field.note(read.At, name, 0)
		return r.fault(read.At, false)
	}
	wait := r.holdOff
	if name == pn532Random {
		wait = pn532Flicker
	}
	r.field.note(read.At, name, wait)
	d := decoded{at: read.At, kind: read.Kind, value: read.Value, ok: true}
	if r.hold.stays(d) {
		return Read{}, false
	}
	r.hold.note(d)
	return read, true
}

// crowdOf is what a second look says of the first: nothing if the card may have
// been alone, else what is to be remembered. Two UIDs that were both made up may
// be one phone's.
func crowdOf(card pn532.Target, others []pn532.Target) []string {
	crowd := []string{pn532Crowd, nameOf(card)}
	alone := true
	for _, other := range others {
		same := card.Random() && other.Random() || bytes.Equal(card.UID, other.UID)
		alone = alone && same && !other.Collided()
		crowd = append(crowd, nameOf(other))
	}
	if alone && len(others) <= 1 {
		return nil
	}
	return crowd
}

// identify reads a card in the order of preference. A card that none of the
// ways can read is unreadable, which is no error.
func (r *pn532Reader) identify(ctx context.Context, card pn532.Target) (Read, error) {
	r.chip.patience = time.Now().Add(pn532Patience)
	for _, how := range r.accept {
		var read Read
		var ok bool
		var err error
		switch how {
		case acceptPKOC:
			read, ok, err = r.readPKOC(ctx, card)
		case acceptNDEF:
			read, ok, err = r.readNDEF(ctx, card)
		case acceptUID:
			read, ok = r.readUID(card)
		}
		if err != nil || ok {
			return read, err
		}
	}
	return Read{Fault: access.Unreadable}, nil
}

// readPKOC has a PKOC card prove its key. One that begins to and does not is
// unreadable: what else it says of itself is worth less.
func (r *pn532Reader) readPKOC(ctx context.Context, card pn532.Target) (Read, bool, error) {
	if !card.ISODEP() {
		return Read{}, false, nil
	}
	said, err := r.chip.exchange(ctx, card.Number, pkoc.Select(), false)
	if err != nil {
		return Read{}, false, err
	}
	err = pkoc.ParseSelect(said)
	if errors.Is(err, pkoc.ErrRefused) {
		return Read{}, false, nil
	}
	var transaction [pkoc.TransactionSize]byte
	_, _ = rand.Read(transaction[:])
	var answer pkoc.Answer
	if err == nil {
		if said, err = r.chip.exchange(ctx, card.Number, pkoc.Authenticate(transaction, r.readerID), false); err != nil {
			return Read{}, false, err
		}
		answer, err = pkoc.ParseAuthenticate(said)
	}
	if err != nil {
		r.chip.drops.add(pn532DropPKOC)
		return Read{Fault: access.Unreadable}, true, nil
	}
	return Read{Kind: access.PKOC, Value: Value(answer.Value()), Proof: answer.Proof(transaction)}, true, nil
}

// tagReading is a reading of ndef.
type tagReading interface {
	Command() []byte
	Take(answer []byte) error
	Message() []byte
}

// readNDEF reads the first text or URI of a Type 2 or Type 4 tag. A Type 2 tag
// that refuses to be read is taken for one without a message at the last attempt:
// a password may be set.
func (r *pn532Reader) readNDEF(ctx context.Context, card pn532.Target) (Read, bool, error) {
	var tag tagReading
	switch {
	case card.ISODEP():
		tag = &ndef.Type4{}
	case card.Type2() && r.torn < pn532Attempts-1:
		tag = &ndef.Type2{}
	default:
		return Read{}, false, nil
	}
	for command := tag.Command(); command != nil; command = tag.Command() {
		said, err := r.chip.exchange(ctx, card.Number, command, true)
		if err != nil {
			return Read{}, false, err
		}
		if err = tag.Take(said); errors.Is(err, ndef.ErrNone) {
			return Read{}, false, nil
		}
		if err != nil {
			r.chip.drops.add(pn532DropNDEF)
			return Read{}, false, nil
		}
	}
	text, err := ndef.Content(tag.Message())
	if errors.Is(err, ndef.ErrNone) {
		return Read{}, false, nil
	}
	if err != nil || len(text) < shortestText || !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
		r.chip.drops.add(pn532DropNDEF)
		return Read{}, false, nil
	}
	return Read{Kind: access.QR, Value: Value(text)}, true, nil
}

// shortestText is the shortest text that is a code, as on other readers.
const shortestText = 4

// readUID takes the number of a card, unless it is nobody's own.
func (r *pn532Reader) readUID(card pn532.Target) (Read, bool) {
	switch {
	case card.Random():
		r.chip.drops.add(pn532DropRandom)
	case card.Shared():
		r.chip.drops.add(pn532DropShared)
	default:
		return Read{Kind: access.Card, Value: Value(hex.EncodeToString(card.UID))}, true
	}
	return Read{}, false
}
