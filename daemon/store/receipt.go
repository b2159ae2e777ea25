package store

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Receipt tells when an appended event is on disk.
type Receipt struct {
	done chan struct{}

	mu      sync.Mutex
	entry   entry
	taken   bool // by the writer: the event changes no more
	settled bool
	err     error
}

// Done is closed when the event is durable, or failed.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Err is nil when the event is durable. It is ErrQueueFull or ErrClosed when
// the event was refused, and ErrUnavailable when the disk did not take it; call
// it after Done.
func (r *Receipt) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Seq is the number the event got; call it after Done. It is 0 when Err is not
// nil.
func (r *Receipt) Seq() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0
	}
	return r.entry.event.Seq
}

// MarkLate marks an event that is not on disk yet as written after the strike
// moved. False says that the writer already has it: then the outcome must say
// so.
func (r *Receipt) MarkLate() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken {
		return false
	}
	r.entry.event.Late = true
	return true
}

// take hands the event to the writer.
func (r *Receipt) take() entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = true
	return r.entry
}

func (r *Receipt) settle(seq uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled {
		return
	}
	r.taken, r.settled = true, true
	r.entry.event.Seq, r.err = seq, err
	close(r.done)
}

// Append hands an event to the writer and returns at once, whatever the disk
// does. The time is cut to microseconds UTC; Seq and Boot are filled in. Events
// get their numbers in the order of the calls. An event without an ID may be
// written twice when the disk fails half-way.
func (j *Journal) Append(e access.Event) *Receipt { return j.append(entry{event: e}) }

func (j *Journal) append(one entry) *Receipt {
	e := &one.event
	e.Boot = j.o.Boot
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if !e.LastPass.IsZero() {
		e.LastPass = e.LastPass.UTC().Truncate(time.Microsecond)
	}
	r := &Receipt{done: make(chan struct{}), entry: one}
	if err := j.enqueue(r); err != nil {
		r.settle(0, err)
		j.state.Lock()
		j.state.Failed++
		j.state.Lost++
		j.state.missed++
		j.state.Unlock()
	}
	return r
}

func (j *Journal) enqueue(r *Receipt) error {
	j.queue.Lock()
	defer j.queue.Unlock()
	if j.queue.closed {
		return fmt.Errorf("journal: %w", ErrClosed)
	}
	if len(j.queue.waiting) >= queueSize {
		return fmt.Errorf("journal: %w", ErrQueueFull)
	}
	j.queue.waiting = append(j.queue.waiting, r)
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return nil
}

// takeQueue takes all that waits.
func (j *Journal) takeQueue() []*Receipt {
	j.queue.Lock()
	defer j.queue.Unlock()
	batch := j.queue.waiting
	j.queue.waiting = nil
	return batch
}

func (j *Journal) closeQueue() {
	j.queue.Lock()
	j.queue.closed = true
	j.queue.Unlock()
}

// ownEvent is an event of the journal itself. Nobody vouches for the clock here.
func (j *Journal) ownEvent(detail string) access.Event {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return access.Event{
		ID: hex.EncodeToString(id[:]), Kind: access.SystemEvent, Clock: access.ClockUnset,
		At: j.o.Now().UTC().Truncate(time.Microsecond), Boot: j.o.Boot, Detail: detail,
	}
}
