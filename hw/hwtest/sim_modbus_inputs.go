package hwtest

import "sync"

// contacts are the contacts of a board as the world outside moves them.
type contacts struct {
	mu       sync.Mutex // guards all below
	closed   []bool
	glitches []int // reads that are still to be answered wrong
	reads    int
}

func newContacts(n int) *contacts {
	return &contacts{closed: make([]bool, n), glitches: make([]int, n)}
}

// read is a run of contacts as the board would answer it once.
func (c *contacts) read(first, count int) []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	out := make([]bool, count)
	for i := range out {
		at := first + i
		out[i] = c.closed[at]
		if c.glitches[at] > 0 {
			c.glitches[at]--
			out[i] = !out[i]
		}
	}
	return out
}

// Input closes or opens the circuit on one of the board's contacts, counted
// from 0. There are as many as relays.
func (b *ModbusBoard) Input(i int, closed bool) {
	b.inputs.mu.Lock()
	defer b.inputs.mu.Unlock()
	b.inputs.closed[i] = closed
}

// Glitch has the next answer about a contact be wrong, as one look in the middle
// of a bounce would be.
func (b *ModbusBoard) Glitch(i int) {
	b.inputs.mu.Lock()
	defer b.inputs.mu.Unlock()
	b.inputs.glitches[i]++
}

// InputReads is how often the contacts were asked for.
func (b *ModbusBoard) InputReads() int {
	b.inputs.mu.Lock()
	defer b.inputs.mu.Unlock()
	return b.inputs.reads
}
