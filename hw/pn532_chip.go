package hw

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tilegate/tilegate/hw/pn532"
	"github.com/tilegate/tilegate/hw/serial"
)

// How a conversation with a PN532 goes. The manual gives it 15 ms to acknowledge;
// a USB adapter may hold that for 16 more.
const (
	pn532AckTime   = 50 * time.Millisecond
	pn532AckTries  = 3
	pn532Time      = 300 * time.Millisecond // for an answer that needs no card
	pn532CardTime  = 2 * time.Second        // for a card that asks for more waiting time
	pn532FrameTime = 100 * time.Millisecond // in the middle of a frame: the longest takes 24 ms
	pn532Asleep    = time.Second            // after such a silence it is woken first
	pn532Recover   = 10 * time.Millisecond  // after an abort, and for a card without a field
	pn532Pieces    = 4                      // of one long answer
	pn532Patience  = 6 * time.Second        // with one card, however it asks for time
)

// errPN532 is behind every error that is the chip's and not the port's. What
// heals it is talking to the chip again.
var errPN532 = errors.New("the PN532 does not answer as it should: look at its power, its wires (RX to TX) and its switches (HSU)")

// What can be wrong with a chip.
var (
	errPN532NoAck     = fmt.Errorf("no acknowledgement: %w", errPN532)
	errPN532NoAnswer  = fmt.Errorf("no answer: %w", errPN532)
	errPN532Garbled   = fmt.Errorf("garbled answer: %w", errPN532)
	errPN532Refused   = fmt.Errorf("command refused: %w", errPN532)
	errPN532Malformed = fmt.Errorf("answer of another form: %w", errPN532)
)

// errCardSlow is about a card that answers so slowly that it keeps the reader from
// everybody else.
var errCardSlow = errors.New("the card answers too slowly")

// pn532Drop is why something that came from a PN532 was thrown away.
type pn532Drop uint8

// The closed set of drops; the first are those of the scanner.
const (
	pn532DropNoAck     = pn532Drop(pn532.DropKinds) + iota
	pn532DropNoAnswer  // a command was taken, and that was all
	pn532DropStale     // an answer that nobody waits for
	pn532DropRefused   // the chip does not take a command
	pn532DropMalformed // a whole answer that makes no sense
	pn532DropLost      // the card left before it was read
	pn532DropSeveral   // more than one card
	pn532DropRandom    // a UID that was made up for this one time
	pn532DropShared    // a UID that many have
	pn532DropNDEF      // a message that is none, or that no code can be
	pn532DropPKOC      // a PKOC card that did not do as it must

	pn532DropKinds
)

// pn532DropWords is written once, here. They are metric labels.
var pn532DropWords = [pn532DropKinds]string{
	"noise", "length", "check", "echo", "no_ack", "no_answer", "stale", "refused", "malformed",
	"card_lost", "several", "random_uid", "shared_uid", "ndef", "pkoc",
}

// pn532Drops counts drops. Any goroutine may look while one counts.
type pn532Drops [pn532DropKinds]atomic.Uint64

func (d *pn532Drops) add(why pn532Drop) { d[why].Add(1) }

// byWord is a copy with every word in it, also those at zero.
func (d *pn532Drops) byWord() map[string]uint64 {
	all := make(map[string]uint64, pn532DropKinds)
	for i := range d {
		all[pn532DropWords[i]] = d[i].Load()
	}
	return all
}

// pn532Chip holds one conversation at a time with a PN532. Only the goroutine in
// Read touches it, but for the counts.
type pn532Chip struct {
	port   *serial.Port
	drops  pn532Drops
	frames atomic.Uint64 // correct ones

	scan  pn532.Scanner
	buf   [512]byte
	queue []pn532.Frame
	heard time.Time // when the last bytes came
	spoke time.Time // when it was last spoken to; zero: it must be woken
	last  []byte    // the last answer that counted, with the code of its command
	// patience is until when the card there may be spoken to.
	patience time.Time
	// doubt says that the answer to an earlier question may still come: no
	// answer counts before the chip has repeated something that only now was
	// made up. Else a late answer could be taken for that to the next question.
	doubt bool
}

// ask says a command and brings its answer.
func (c *pn532Chip) ask(ctx context.Context, command pn532.Command, wait time.Duration) ([]byte, error) {
	if c.doubt {
		if err := c.lineTest(ctx); err != nil {
			return nil, err
		}
	}
	return c.say(ctx, command, wait, nil)
}

// lineTest has the chip repeat bytes that it cannot have said before, which also
// tells that it lives.
func (c *pn532Chip) lineTest(ctx context.Context) error {
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce)
	test := pn532.LineTest(nonce)
	_, err := c.say(ctx, test, pn532Time, func(data []byte) bool { return bytes.Equal(data, test[1:]) })
	if err == nil {
		c.doubt = false
	}
	return err
}

// say says a command, again while nobody acknowledges it, and waits for the
// answer. An answer that came garbled is asked for once more.
func (c *pn532Chip) say(ctx context.Context, command pn532.Command, wait time.Duration, fits func([]byte) bool) ([]byte, error) {
	doubt := c.doubt
	c.doubt = true // until its answer is here: also when ctx ends
	sent, err := c.send(ctx, command)
	if err != nil {
		return nil, err
	}
	data, err := c.answer(ctx, command.Code(), wait, fits)
	if errors.Is(err, errPN532NoAnswer) || errors.Is(err, errPN532Garbled) {
		sent++
		data, err = c.repeat(ctx, command.Code(), fits)
		if err == nil && c.saidBefore(command.Code(), data) {
			err = errPN532Garbled
		}
	}
	switch {
	case err == nil:
		c.last = append(append(c.last[:0], command.Code()), data...)
		c.doubt = doubt || sent > 1
	case errors.Is(err, errPN532Refused):
	case errors.Is(err, errPN532):
		c.abort(ctx)
	}
	return data, err
}

// saidBefore says that an answer is the one before. Asked to repeat itself, a
// chip that has not answered yet repeats that: then nobody knows which it is.
func (c *pn532Chip) saidBefore(code byte, data []byte) bool {
	return len(c.last) > 0 && c.last[0] == code && bytes.Equal(c.last[1:], data)
}

// send says a command until it is acknowledged, and how often it had to.
func (c *pn532Chip) send(ctx context.Context, command pn532.Command) (sent int, err error) {
	for sent < pn532AckTries {
		frame := command.Frame()
		if time.Since(c.spoke) > pn532Asleep {
			frame = append(pn532.Wake(), frame...)
		}
		sent++
		c.queue = c.queue[:0]
		c.scan.Forget()
		if err = c.port.Discard(); err != nil {
			return sent, err
		}
		if err = c.port.Write(ctx, frame); err != nil {
			return sent, err
		}
		c.spoke = time.Now()
		err = c.acknowledged(ctx, c.spoke.Add(pn532AckTime))
		if !errors.Is(err, errPN532NoAnswer) {
			return sent, err
		}
		c.spoke = time.Time{} // perhaps it sleeps
		c.drops.add(pn532DropNoAck)
	}
	return sent, errPN532NoAck
}

// acknowledged waits for an ACK. An answer before it is one to an earlier
// question.
func (c *pn532Chip) acknowledged(ctx context.Context, until time.Time) error {
	for {
		frame, err := c.next(ctx, until)
		switch {
		case errors.Is(err, errPN532Garbled): // perhaps not the ACK
		case err != nil:
			return err
		case frame.Kind == pn532.Ack:
			return nil
		default:
			c.drops.add(pn532DropStale)
		}
	}
}

// answer waits for the answer to a command that was acknowledged.
func (c *pn532Chip) answer(ctx context.Context, code byte, wait time.Duration, fits func([]byte) bool) ([]byte, error) {
	until := time.Now().Add(wait)
	for {
		frame, err := c.next(ctx, until)
		switch {
		case err != nil:
			if errors.Is(err, errPN532NoAnswer) {
				c.drops.add(pn532DropNoAnswer)
			}
			return nil, err
		case frame.Kind == pn532.Refusal:
			c.drops.add(pn532DropRefused)
			return nil, errPN532Refused
		case frame.Kind == pn532.Ack: // to a command that was said twice
		case frame.Kind != pn532.Answer || frame.Code != code+1 || fits != nil && !fits(frame.Data):
			c.drops.add(pn532DropStale)
		default:
			return frame.Data, nil
		}
	}
}

// repeat has the chip say its last answer again.
func (c *pn532Chip) repeat(ctx context.Context, code byte, fits func([]byte) bool) ([]byte, error) {
	c.scan.Forget()
	if err := c.port.Write(ctx, pn532.Again()); err != nil {
		return nil, err
	}
	return c.answer(ctx, code, pn532AckTime+pn532FrameTime, fits)
}

// abort ends what the chip may still be doing. It takes the next command only
// after a while, and as one that sleeps does (seen by users of libnfc).
func (c *pn532Chip) abort(ctx context.Context) {
	if c.port.Write(ctx, pn532.Abort()) == nil {
		_ = pause(ctx, pn532Recover)
	}
	c.spoke = time.Time{}
}

// next is the next frame, errPN532NoAnswer when there is none until then, or
// errPN532Garbled when something came that is none.
func (c *pn532Chip) next(ctx context.Context, until time.Time) (pn532.Frame, error) {
	for len(c.queue) == 0 {
		end := until
		if half := c.heard.Add(pn532FrameTime); c.scan.Begun() && half.Before(end) {
			end = half
		}
		within, cancel := context.WithDeadline(ctx, end)
		n, err := c.port.Read(within, c.buf[:])
		cancel()
		switch {
		case n > 0:
			if wrong := c.hear(c.buf[:n]); wrong && len(c.queue) == 0 {
				return pn532.Frame{}, errPN532Garbled
			}
		case ctx.Err() != nil:
			return pn532.Frame{}, ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return pn532.Frame{}, err
		case end.Before(until):
			c.scan.Forget()
			c.drops.add(pn532Drop(pn532.Length))
			return pn532.Frame{}, errPN532Garbled
		default:
			return pn532.Frame{}, errPN532NoAnswer
		}
	}
	frame := c.queue[0]
	c.queue = slices.Delete(c.queue, 0, 1)
	return frame, nil
}

// hear takes bytes, and says whether there was a frame among them that is wrong.
func (c *pn532Chip) hear(in []byte) (wrong bool) {
	c.heard = time.Now()
	before := c.scan.Dropped
	c.scan.Feed(in, func(frame pn532.Frame) {
		frame.Data = slices.Clone(frame.Data)
		c.queue = append(c.queue, frame)
		c.frames.Add(1)
	})
	for i, n := range c.scan.Dropped {
		c.drops[i].Add(n - before[i])
	}
	return c.scan.Dropped[pn532.Length] > before[pn532.Length] || c.scan.Dropped[pn532.Sum] > before[pn532.Sum]
}

// listen lets time pass and hears what comes unasked, to count it.
func (c *pn532Chip) listen(ctx context.Context, until time.Time) error {
	for {
		_, err := c.next(ctx, until)
		switch {
		case err == nil:
			c.drops.add(pn532DropStale)
		case errors.Is(err, errPN532NoAnswer):
			return nil
		case !errors.Is(err, errPN532Garbled):
			return err
		}
	}
}
