package hw

import (
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
	holdOff  time.Duration
	rate     int
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
	layout, dialogue, base, err := o.compose()
	if err != nil {
		return nil, err
	}
	settings, err := o.settings(base.baud)
	if err != nil {
		return nil, err
	}
	if settings.Baud == 0 {
		return nil, errors.New("baud is missing: without a preset, say the speed of the reader, such as 9600")
	}
	hold := defaultHoldOff
	if o.HoldOff != nil {
		hold = time.Duration(*o.HoldOff)
	}
	if hold < 100*time.Millisecond || hold > time.Minute {
		return nil, fmt.Errorf("hold_off %s: use 100ms to 1m", hold)
	}
	if o.Rate < 1 || o.Rate > 100 {
		return nil, fmt.Errorf("rate %d: use 1 to 100 different credentials a second", o.Rate)
	}
	return &linePlan{
		use: PortUse{Settings: settings, Protocol: "line"}, layout: layout, dialogue: dialogue,
		holdOff: hold, rate: o.Rate, vectors: base.vectors,
	}, nil
}

// Port is the port of the reader, which it needs alone.
func (p *linePlan) Port() PortUse { return p.use }

// SelfTest runs the vectors of the preset through the decoder that the reader
// would use. It touches no hardware.
func (p *linePlan) SelfTest() error {
	var all []error
	for _, v := range p.vectors {
		all = append(all, v.run(p.layout))
	}
	return errors.Join(all...)
}

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
		hold:     holdOff{wait: p.holdOff},
		rate:     rate.NewLimiter(rate.Limit(p.rate), p.rate),
		faults:   rate.NewLimiter(1, 1),
		buf:      make([]byte, 512),
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
	hold     holdOff
	rate     *rate.Limiter // of different credentials
	faults   *rate.Limiter // of reads that could not be used
	buf      []byte
	ready    []Read // decoded, not yet handed out
	session  int

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
			r.decoder.forget()
			r.dialogue.open(time.Now())
		}
		r.speak(ctx, port)
		if err := r.listen(ctx, port); err != nil {
			if ctx.Err() != nil {
				return Read{}, ctx.Err()
			}
			r.line.Lost(session, err)
		}
	}
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
		r.take(ctx, port, r.decoder.feed(at, r.dialogue.heard(at, r.buf[:n])))
		r.note()
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		r.take(ctx, port, r.decoder.idle(at))
		return nil
	}
	return err
}

func (r *lineReader) due() time.Time {
	due, frame := r.dialogue.due(), r.decoder.framer.deadline()
	if due.IsZero() || !frame.IsZero() && frame.Before(due) {
		return frame
	}
	return due
}

// speak says what is due to be said.
func (r *lineReader) speak(ctx context.Context, port *serial.Port) {
	at := time.Now()
	send, held := r.dialogue.next(at)
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

// take keeps what is to be reported.
func (r *lineReader) take(ctx context.Context, port *serial.Port, all []decoded) {
	for _, d := range all {
		switch {
		case !d.ok:
			r.write(ctx, port, r.dialogue.Nak)
			if r.faults.AllowN(d.at, 1) {
				r.ready = append(r.ready, Read{At: d.at, Fault: access.Unreadable})
			}
			continue
		case r.hold.stays(d):
			r.decoder.drops.add(dropRepeat)
		case !r.rate.AllowN(d.at, 1):
			r.decoder.drops.add(dropRate)
		default:
			r.hold.note(d)
			r.ready = append(r.ready, Read{Kind: d.kind, Value: d.value, At: d.at})
		}
		r.write(ctx, port, r.dialogue.Ack)
	}
}

// note keeps what the dialogue knows where Stats can see it.
func (r *lineReader) note() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent != r.dialogue.failed {
		r.silent, r.changed = r.dialogue.failed, time.Now()
	}
}

// Signal sends the bytes that the settings give for it; a reader without them
// stays as it is. What it has no bytes for is shown as a refusal, and rest not at
// all.
func (r *lineReader) Signal(ctx context.Context, notice Notice) error {
	var send []byte
	switch notice.Signal {
	case SignalGranted:
		send = r.dialogue.Granted
	case SignalRefused, SignalOneCard, SignalAskDesk, SignalShut:
		send = r.dialogue.Refused
	case SignalPIN, SignalReady, SignalOffline:
	}
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
	s.Frames, s.Drops = r.decoder.frames.Load(), r.decoder.drops.byWord()
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
