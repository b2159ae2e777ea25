package hw

import (
	"sync"
	"time"
)

// health is how a device does, as its driver found it last. Any goroutine may
// write and ask.
type health struct {
	mu   sync.Mutex // guards last
	last Stats
}

// newHealth is that of a device that was not reached yet.
func newHealth() *health {
	return &health{last: Stats{Since: time.Now(), Err: errNotReached.Error()}}
}

// note keeps whether the device could be reached, and whether it said something
// itself. News is when that is otherwise than before.
func (h *health) note(err error, spoke bool) (news bool) {
	words, now := "", time.Now()
	if err != nil {
		words = err.Error()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if spoke {
		h.last.LastSeen = now
		h.last.Frames++
	}
	if up := err == nil; up != h.last.Up {
		h.last.Up, h.last.Since, news = up, now, true
	}
	news = news || words != h.last.Err
	h.last.Err = words
	return news
}

// now is the health at this instant.
func (h *health) now() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}
