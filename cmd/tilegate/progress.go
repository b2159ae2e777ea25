package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// progress tells how far something is, on the error output: on a terminal in one
// line that is written over, else now and then in a line of its own. With --json
// it is silent.
type progress struct {
	to   io.Writer // nil: silent
	live bool
	now  func() time.Time
	step string
	told time.Time
}

const progressEvery = 10 * time.Second // where it is no terminal

func (t *tool) progress() *progress {
	p := &progress{to: t.err, now: t.now}
	if file, is := t.err.(*os.File); is {
		_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
		p.live = err == nil
	}
	if t.asJSON {
		p.to = nil
	}
	return p
}

// tell says what is done now; the text may come as often as it likes.
func (p *progress) tell(step, text string) {
	switch now := p.now(); {
	case p.to == nil:
	case p.live:
		_, _ = fmt.Fprint(p.to, "\r\x1b[K", clean(text)) // an error output that is closed hears nothing
	case step != p.step || now.Sub(p.told) >= progressEvery:
		p.step, p.told = step, now
		_, _ = fmt.Fprintln(p.to, clean(text)) // as above
	}
}

// end leaves the line free for what comes.
func (p *progress) end() {
	if p.to != nil && p.live {
		_, _ = fmt.Fprint(p.to, "\r\x1b[K") // as above
	}
}
