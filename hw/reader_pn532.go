package hw

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/pkoc"
	"github.com/tilegate/tilegate/hw/serial"
)

// pn532Options are the keys of the driver "pn532".
type pn532Options struct {
	portOptions
	Accept   []string `toml:"accept"`         // pkoc, ndef, uid: the best first
	ReaderID octets   `toml:"pkoc_reader_id"` // what a PKOC card is told of the reader, 32 bytes
	HoldOff  *span    `toml:"hold_off"`       // how long a card must be away to count again
}

// pn532Plan is a reader that was checked and not opened.
type pn532Plan struct {
	use      PortUse
	accept   []string
	readerID []byte // empty: drawn at each opening
	holdOff  time.Duration
}

var _ = registerReader("pn532", checkPN532)

// checkPN532 checks the options of an NXP PN532 on its serial line (HSU).
func checkPN532(decode Decode) (ReaderPlan, error) {
	o := pn532Options{Accept: []string{acceptPKOC, acceptNDEF, acceptUID}}
	if err := decode(&o); err != nil {
		return nil, err
	}
	settings, err := o.settings(115200)
	if err != nil {
		return nil, err
	}
	if len(o.Accept) == 0 {
		return nil, errors.New("accept is empty: say what counts, such as [\"pkoc\", \"ndef\", \"uid\"]")
	}
	for i, how := range o.Accept {
		switch {
		case how != acceptPKOC && how != acceptNDEF && how != acceptUID:
			return nil, fmt.Errorf("accept: %q is not known; there are pkoc, ndef and uid", how)
		case slices.Contains(o.Accept[:i], how):
			return nil, fmt.Errorf("accept: %q stands there twice", how)
		}
	}
	if len(o.ReaderID) != 0 && len(o.ReaderID) != pkoc.ReaderSize {
		return nil, fmt.Errorf("pkoc_reader_id has %d bytes, use %d", len(o.ReaderID), pkoc.ReaderSize)
	}
	hold := defaultHoldOff
	if o.HoldOff != nil {
		hold = time.Duration(*o.HoldOff)
	}
	if hold < 100*time.Millisecond || hold > time.Minute {
		return nil, fmt.Errorf("hold_off %s: use 100ms to 1m", hold)
	}
	return &pn532Plan{use: PortUse{Settings: settings, Protocol: "pn532"}, accept: o.Accept, readerID: o.ReaderID, holdOff: hold}, nil
}

// Port is the port of the reader, which it needs alone.
func (p *pn532Plan) Port() PortUse { return p.use }

// Assures is that of a key that proves itself, where such count.
func (p *pn532Plan) Assures() access.Assurance {
	if slices.Contains(p.accept, acceptPKOC) {
		return access.HighAssured
	}
	return access.LowAssured
}

// Open makes the reader; the port is opened by the first Read.
func (p *pn532Plan) Open(lines *Lines, log hclog.Logger) (Reader, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	line, release, err := Session(lines, p.use, func() (*serial.Line, error) {
		return serial.NewLine(p.use.Settings, log), nil
	})
	if err != nil {
		return nil, err
	}
	r := &pn532Reader{
		line: line, release: release, log: log, accept: slices.Clone(p.accept), holdOff: p.holdOff,
		hold: holdOff{wait: p.holdOff}, faults: rate.NewLimiter(1, 1),
		silent: "the PN532 has not answered yet", changed: time.Now(),
	}
	_, _ = rand.Read(r.readerID[:])
	copy(r.readerID[:], p.readerID)
	return r, nil
}

// When the chip is polled, and what is done when it fails so often in a row.
const (
	pn532Poll        = 100 * time.Millisecond
	pn532TestEvery   = 10 * time.Second
	pn532WakeAfter   = 3
	pn532ReopenAfter = 5
)

// pn532Step is something that was done to heal a reader.
type pn532Step uint8

// The closed set of steps, in the order in which they are taken.
const (
	pn532Retry  pn532Step = iota
	pn532Waken            // woken and set up again
	pn532Reopen           // the port closed and opened; the reader counts as down

	pn532Steps
)

// pn532StepWords is written once, here. They are metric labels.
var pn532StepWords = [pn532Steps]string{"retry", "wake", "reopen"}

// pn532Reader is a PN532 on a line of its own. It speaks only inside Read, and
// only the goroutine in Read touches what is not guarded.
type pn532Reader struct {
	line    *serial.Line
	release func() error
	log     hclog.Logger

	accept   []string
	readerID [pkoc.ReaderSize]byte
	holdOff  time.Duration

	chip    pn532Chip
	session int
	ready   bool // set up in this session
	missed  int  // failures in a row
	due     time.Time
	tested  time.Time // when the chip last passed the line test
	stirred bool      // a card was spoken to and perhaps left in the middle
	torn    int       // attempts at the card that is there
	missing int       // looks in a row that did not find it
	field   pn532Field
	hold    holdOff       // by value, for phones whose UID is another each time
	faults  *rate.Limiter // of reads that could not be used
	steps   [pn532Steps]atomic.Uint64

	mu       sync.Mutex // guards all below
	silent   string     // why the reader is not up although its line is
	changed  time.Time  // when silent last changed
	identity string
}

// Read is as the contract says. A card that was pulled away too soon, whose
// number is nobody's own, or that is not alone is a Read with the fault
// access.Unreadable, at most one a second. A Read that is cancelled in the middle
// of a card begins with that card anew next time, if it is still there.
func (r *pn532Reader) Read(ctx context.Context) (Read, error) {
	for {
		port, session, err := r.line.Up(ctx)
		if err != nil {
			return Read{}, err
		}
		if session != r.session {
			r.begin(port, session)
		}
		read, ok, err := r.turn(ctx)
		switch {
		case ok:
			r.well()
			return read, nil
		case err == nil:
			r.well()
		case ctx.Err() != nil:
			return Read{}, ctx.Err()
		case !errors.Is(err, errPN532):
			r.line.Lost(session, err)
		case r.heal(err):
			r.line.Lost(session, err)
		}
	}
}

// begin forgets what belonged to another opening of the port. The chip may have
// been without power since.
func (r *pn532Reader) begin(port *serial.Port, session int) {
	r.session, r.chip.port = session, port
	r.chip.scan.Forget()
	r.chip.queue = nil
	r.ready, r.missed, r.due = false, pn532WakeAfter, time.Time{}
}

// turn does the next thing: sets the chip up, waits, tests it, looks for a card.
func (r *pn532Reader) turn(ctx context.Context) (Read, bool, error) {
	if !r.ready {
		firmware, err := r.chip.setUp(ctx)
		if err != nil {
			return Read{}, false, err
		}
		r.ready, r.tested = true, time.Now()
		r.mu.Lock()
		r.identity = firmware.String()
		r.mu.Unlock()
	}
	if err := r.chip.listen(ctx, r.due); err != nil {
		return Read{}, false, err
	}
	now := time.Now()
	r.due = now.Add(pn532Poll)
	if now.Sub(r.tested) >= pn532TestEvery {
		if err := r.chip.lineTest(ctx); err != nil {
			return Read{}, false, err
		}
		r.tested = now
	}
	return r.look(ctx)
}

// heal takes the next step after a failure of the chip, and says whether the
// port must be opened anew.
func (r *pn532Reader) heal(err error) bool {
	r.missed++
	step := pn532Retry
	switch {
	case r.missed >= pn532ReopenAfter:
		step = pn532Reopen
		r.note(err.Error())
	case r.missed >= pn532WakeAfter:
		step, r.ready = pn532Waken, false
	}
	r.steps[step].Add(1)
	r.log.Debug("reader failed", "step", pn532StepWords[step], "error", err)
	return step == pn532Reopen
}

// fault is a read that could not be used, if the last is long enough ago.
func (r *pn532Reader) fault(at time.Time, several bool) (Read, bool) {
	if !r.faults.AllowN(at, 1) {
		return Read{}, false
	}
	return Read{At: at, Fault: access.Unreadable, Several: several}, true
}

// well says that all of a turn went well.
func (r *pn532Reader) well() {
	r.missed = 0
	r.note("")
}

// note keeps where Stats can see it why the reader is not up; "": it is.
func (r *pn532Reader) note(silent string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent != silent {
		r.silent, r.changed = silent, time.Now()
	}
}

// Stats are those of the line, of the chip behind it, and of what came from it.
func (r *pn532Reader) Stats() Stats {
	s := statsOf(r.line.Stats())
	s.Frames, s.Drops = r.chip.frames.Load(), r.chip.drops.byWord()
	s.Steps = make(map[string]uint64, pn532Steps)
	for step := range pn532Steps {
		s.Steps[pn532StepWords[step]] = r.steps[step].Load()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Identity = r.identity
	if s.Up && r.silent != "" {
		s.Up, s.Err = false, r.silent
	}
	if s.Err == r.silent && r.changed.After(s.Since) {
		s.Since = r.changed
	}
	return s
}

// Close ends a waiting Read with os.ErrClosed and gives the port back.
func (r *pn532Reader) Close() error {
	if err := r.release(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
