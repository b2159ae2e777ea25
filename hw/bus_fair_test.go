package hw_test

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// counted counts the questions that go to a dead board, unit 2, and how many of
// them had gone when the live one, unit 1, was last told to move. All frames here
// have eight bytes.
type counted struct {
	io.ReadWriteCloser

	mu     sync.Mutex // guards all below
	frame  []byte
	dead   int
	before int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range p[:n] {
		if c.frame = append(c.frame, b); len(c.frame) < 8 {
			continue
		}
		switch {
		case c.frame[0] == 2:
			c.dead++
		case c.frame[1] == 0x05:
			c.before = c.dead
		}
		c.frame = c.frame[:0]
	}
	return n, err
}

func (c *counted) seen() (dead, before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead, c.before
}

// A board that lost its power, and whose strike is therefore driven to rest
// again and again, delays the strike of another door by the question that is on
// the line, and by no more of them.
func TestDeadBoardDoesNotDelayAnotherDoor(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	line := &counted{ReadWriteCloser: pty.Master}
	b := hwtest.NewModbusBoard(line, 8)
	power(t, b.Run)
	lines := hw.NewLines(hw.Host{})
	alive := openStrike(t, lines, "modbus", pty.Path(), "unit = 1")
	dead := openStrike(t, lines, "modbus", pty.Path(), "unit = 2")
	if err := alive.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := dead.Rest(t.Context()); err == nil {
		t.Fatal("a board that is not there was put to rest")
	}
	for n := range 24 {
		time.Sleep(time.Duration(n) * 17 * time.Millisecond)
		asked, _ := line.seen()
		if err := alive.Pulse(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		if _, before := line.seen(); before-asked > 1 {
			t.Errorf("pulse %d: %d questions to the dead board went first", n, before-asked)
		}
	}
	if asked, _ := line.seen(); asked < 6 {
		t.Errorf("the dead board was asked %d times only", asked)
	}
}
