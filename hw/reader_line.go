package hw

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/serial"
)

// linePlan is a line reader that was checked and not opened.
type linePlan struct {
	use      PortUse
	layout   layout
	dialogue dialogueOptions
	heal     healOptions
	holdOff  time.Duration
	rate     int
	pinPause time.Duration
	vectors  []vector
}

var _ = registerReader("line", checkLine)

// checkLine checks the options of a reader that sends frames by itself over a
// serial line: QR scanners and card readers.
func checkLine(decode Decode) (ReaderPlan, error) {
	o := lineOptions{Rate: defaultRate}
	if err := decode(&o); err != nil {
		return nil, err
	}
	composed, err := o.compose()
	if err != nil {
		return nil, err
	}
	settings, err := o.settings(composed.baud)
	if err != nil {
		return nil, err
	}
	if settings.Baud == 0 {
		return nil, errors.New("baud is missing: without a preset, say the speed of the reader, such as 9600")
	}
	heal, err := o.heal()
	if err != nil {
		return nil, err
	}
	plan := &linePlan{
		use: PortUse{Settings: settings, Protocol: "line"}, layout: composed.layout, dialogue: composed.dialogue, heal: heal,
		holdOff: defaultHoldOff, rate: o.Rate, pinPause: time.Duration(o.PINPause), vectors: composed.vectors,
	}
	if o.HoldOff != nil {
		plan.holdOff = time.Duration(*o.HoldOff)
	}
	if err := plan.check(); err != nil {
		return nil, err
	}
	return plan, nil
}

func (p *linePlan) check() error {
	if p.holdOff < 100*time.Millisecond || p.holdOff > time.Minute {
		return fmt.Errorf("hold_off %s: use 100ms to 1m", p.holdOff)
	}
	if p.rate < 1 || p.rate > 100 {
		return fmt.Errorf("rate %d: use 1 to 100 different credentials a second", p.rate)
	}
	if p.pinPause != 0 && p.pinPause < shortestPause {
		return fmt.Errorf("pin_pause %s: nobody types so fast, use at least %s", p.pinPause, shortestPause)
	}
	if p.pinPause >= forgetAfter {
		return fmt.Errorf("pin_pause %s: after %s without a key what was pressed is forgotten", p.pinPause, forgetAfter)
	}
	return nil
}

// Port is the port of the reader, which it needs alone.
func (p *linePlan) Port() PortUse { return p.use }

// SelfTest runs the vectors of the preset, and the examples of the settings,
// through the decoder that the reader would use. It touches no hardware.
func (p *linePlan) SelfTest() error {
	var all []error
	for _, v := range p.vectors {
		all = append(all, v.run(p.layout))
	}
	return errors.Join(all...)
}

// Assures says that numbers and printed codes are copied easily.
func (p *linePlan) Assures() access.Assurance { return access.LowAssured }

// Open makes the reader; the port is opened by the first Read.
func (p *linePlan) Open(lines *Lines, log hclog.Logger) (Reader, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	line, release, err := Session(lines, p.use, func() (*serial.Line, error) {
		return serial.NewLine(p.use.Settings, log), nil
	})
	if err != nil {
		return nil, err
	}
	return &lineReader{
		line: line, release: release, log: log,
		decoder:  newLineDecoder(p.layout),
		dialogue: dialogue{dialogueOptions: p.dialogue},
		healer:   healer{healOptions: p.heal},
		keypad:   keypad{pause: p.pinPause},
		hold:     holdOff{wait: p.holdOff},
		rate:     rate.NewLimiter(rate.Limit(p.rate), p.rate),
		faults:   rate.NewLimiter(1, 1),
		buf:      make([]byte, 512),
		silent:   justOpened, changed: time.Now(),
	}, nil
}

// saying is how long a reader may take to take what is said to it.
const saying = 200 * time.Millisecond

// lineReader is a reader on a line of its own. Only the goroutine in Read
// touches what is not guarded.
type lineReader struct {
	line    *serial.Line
	release func() error
	log     hclog.Logger

	decoder  *lineDecoder
	dialogue dialogue
	healer   healer
	keypad   keypad
	hold     holdOff
	rate     *rate.Limiter // of different credentials
	faults   *rate.Limiter // of reads that could not be used
	buf      []byte
	ready    []Read // decoded, not yet handed out
	session  int

	steps healCounts

	mu      sync.Mutex // guards silent and since
	silent  string     // why the reader is not up although its line is
	changed time.Time  // when silent last changed
}

// Read is as the contract says. A frame that is not whole, or not as the
// settings say, is a Read with the fault access.Unreadable, at most one a
// second; bytes that form no frame are only counted.
func (r *lineReader) Read(ctx context.Context) (Read, error) {
	for {
		if len(r.ready) > 0 {
			next := r.ready[0]
			r.ready = r.ready[1:]
			return next, nil
		}
		port, session, err := r.line.Up(ctx)
		if err != nil {
			return Read{}, err
		}
		if session != r.session {
			r.session = session
			r.begin()
			r.healer.opened(time.Now())
		}
		r.speak(ctx, port)
		err = r.listen(ctx, port)
		if err == nil {
			err = r.treat(ctx, port)
		}
		if err != nil {
			if ctx.Err() != nil {
				return Read{}, ctx.Err()
			}
			r.forget(time.Now())
			r.line.Lost(session, err)
		}
	}
}

// begin says the set-up, from its first step, to a reader that knows nothing.
func (r *lineReader) begin() {
	at := time.Now()
	r.forget(at)
	r.dialogue.open(at)
}

// forget drops what was begun on a line that went away.
func (r *lineReader) forget(at time.Time) {
	r.decoder.open(at)
	r.keypad.clear()
	r.note()
}

// justOpened is why a reader whose port was opened a moment ago is not up.
const justOpened = "the port was opened just now; what the reader was in the middle of is not taken"

// errSilent is why a port that works is opened again.
var errSilent = errors.New("the reader is silent")

// treat does what is due to a reader that is silent.
func (r *lineReader) treat(ctx context.Context, port *serial.Port) error {
	switch step := r.healer.step(time.Now()); step {
	case healReset:
		r.steps[step].Add(1)
		r.log.Warn("reader is silent: reset by DTR")
		rest := port.RestingDTR()
		err := errors.Join(port.SetDTR(!rest), pause(ctx, resetPulse), port.SetDTR(rest))
		r.begin()
		return err
	case healReopen:
		r.steps[step].Add(1)
		return errSilent
	case healInit, healNothing:
	}
	return nil
}

// listen waits for bytes, or for the next thing to say or to give up.
func (r *lineReader) listen(ctx context.Context, port *serial.Port) error {
	within, due := ctx, r.due()
	if !due.IsZero() {
		var cancel context.CancelFunc
		within, cancel = context.WithDeadline(ctx, due)
		defer cancel()
	}
	n, err := port.Read(within, r.buf)
	at := time.Now()
	if n > 0 {
		r.healer.sound(at)
		r.take(ctx, port, r.decoder.feed(at, r.hear(at, r.buf[:n])))
		r.note()
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		r.take(ctx, port, r.decoder.idle(at))
		if read, ended := r.keypad.idle(at); ended {
			r.report(read)
		}
		return nil
	}
	return err
}

// due is when there is something to do even if nothing comes; zero: never.
func (r *lineReader) due() (soonest time.Time) {
	for _, due := range []time.Time{
		r.dialogue.due(), r.decoder.framer.deadline(), r.keypad.due(), r.healer.due(time.Now()),
	} {
		if soonest.IsZero() || !due.IsZero() && due.Before(soonest) {
			soonest = due
		}
	}
	return soonest
}

// speak says what is due to be said.
func (r *lineReader) speak(ctx context.Context, port *serial.Port) {
	at := time.Now()
	send, held := r.dialogue.next(at)
	if again := r.dialogue.inits; again > 1 {
		r.steps[healInit].Store(again - 1)
	}
	if len(held) > 0 {
		r.take(ctx, port, r.decoder.feed(at, held))
	}
	r.write(ctx, port, send)
	r.note()
}

// write is best effort: a port that cannot be written says so to the next Read.
// What is due is said although a Read ends just now, else the reader would seem
// not to answer.
func (r *lineReader) write(ctx context.Context, port *serial.Port, send []byte) {
	if len(send) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saying)
	defer cancel()
	if err := port.Write(ctx, send); err != nil {
		r.log.Debug("reader not written to", "error", err)
	}
}

// note keeps what is known of the reader where Stats can see it.
func (r *lineReader) note() {
	at := time.Now()
	silent := cmp.Or(r.dialogue.failed, r.healer.complaint(at))
	if silent == "" && r.decoder.framer.opening() {
		silent = justOpened
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent != silent {
		r.silent, r.changed = silent, at
	}
}

// Signal sends the bytes that the settings give for it; a reader without them
// stays as it is.
func (r *lineReader) Signal(ctx context.Context, notice Notice) error {
	send := r.dialogue.lamp(notice)
	if len(send) == 0 {
		return nil
	}
	port, _, err := r.line.Try(ctx)
	if err != nil {
		return fmt.Errorf("signal: %w", err)
	}
	if err := port.Write(ctx, send); err != nil {
		return fmt.Errorf("signal: %w", err)
	}
	return nil
}

// Stats are those of the line, and of what came over it.
func (r *lineReader) Stats() Stats {
	s := statsOf(r.line.Stats())
	s.Frames, s.Drops, s.Steps = r.decoder.frames.Load(), r.decoder.drops.byWord(), r.steps.byWord()
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Up && r.silent != "" {
		s.Up, s.Err = false, r.silent
	}
	if s.Err == r.silent && r.changed.After(s.Since) {
		s.Since = r.changed
	}
	return s
}

// Close ends a waiting Read with os.ErrClosed and gives the port back.
func (r *lineReader) Close() error {
	if err := r.release(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// statsOf are the stats of a line as those of its only device.
func statsOf(s serial.LineStats) Stats {
	return Stats{
		Up: s.Up, Since: s.Since, LastSeen: s.LastSeen, Err: s.Err,
		Reopens: s.Reopens, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
	}
}
