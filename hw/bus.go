package hw

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/serial"
)

// How a conversation with a relay board goes.
const (
	answerTime  = 250 * time.Millisecond // beyond the wire: turn-around, and up to 16 ms of a USB adapter, twice
	answerTries = 3
	// lookTime is what a board is given to answer, beyond the wire, while
	// somebody waits who wants more than to look; living ones need a tenth.
	lookTime = 50 * time.Millisecond
)

// Why a board is not believed.
var (
	errNoAnswer = errors.New("the board does not answer: look at its power, its address and speed, and whether A and B are swapped")
	errGarbled  = errors.New("the board's answer is garbled: look at speed, parity, termination and other devices on the line")
)

// bus is one serial port on which one conversation at a time is held. The
// strikes on it share it. It runs nothing of its own.
type bus struct {
	line    *serial.Line
	byteFor time.Duration
	turn    chan struct{} // holds the one conversation
	urgent  atomic.Int32  // how many wait for the turn who must not wait for those that only look

	// Guarded by turn.
	looking     bool      // the conversation is one that only looks
	last        time.Time // when the line was last known to be in use
	echoes      bool      // the adapter returns what we send
	echoSession int       // the session in which echoes was learnt; 0: never

	noAnswer, garbled, refused atomic.Uint64
}

func newBus(settings serial.Settings, log hclog.Logger) *bus {
	return &bus{line: serial.NewLine(settings, log), byteFor: settings.ByteTime(), turn: make(chan struct{}, 1)}
}

// Close gives the port back and ends what waits on it.
func (b *bus) Close() error { return b.line.Close() }

// reach is the session of the port now. It opens the port if it must, but does
// not wait for one that is absent.
func (b *bus) reach(ctx context.Context) (int, error) {
	_, session, err := b.line.Try(ctx)
	return session, err
}

// talk holds one conversation.
func (b *bus) talk(ctx context.Context, say func(port *serial.Port, session int) error) error {
	b.urgent.Add(1)
	err := b.take(ctx)
	b.urgent.Add(-1)
	if err != nil {
		return err
	}
	return b.hold(ctx, say)
}

// glance holds a conversation of somebody who only looks at how things are. It
// lets everybody who wants something done go first, so that a pulse waits for
// one exchange and not for a queue of them, and not to the end of one with a board
// that is silent.
func (b *bus) glance(ctx context.Context, say func(port *serial.Port, session int) error) error {
	for {
		if err := b.take(ctx); err != nil {
			return err
		}
		if b.urgent.Load() == 0 {
			b.looking = true
			return b.hold(ctx, say)
		}
		<-b.turn
	}
}

func (b *bus) take(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the other devices on the line: %w", ctx.Err())
	}
}

// hold holds the conversation of somebody who has the turn, and gives it back.
func (b *bus) hold(ctx context.Context, say func(port *serial.Port, session int) error) error {
	defer func() {
		b.looking, b.last = false, time.Now()
		<-b.turn
	}()
	port, session, err := b.line.Try(ctx)
	if err != nil {
		return err
	}
	return say(port, session)
}

// ask sends a frame and reads until complete says that the answer is there.
// While it is not, complete says false. The answer to an earlier question that
// came late is thrown away first.
func (b *bus) ask(ctx context.Context, port *serial.Port, frame []byte, complete func(got []byte) bool) error {
	if err := port.Discard(); err != nil {
		return err
	}
	if err := port.Write(ctx, frame); err != nil {
		return err
	}
	wire := time.Duration(len(frame)+64) * b.byteFor
	within, cancel := context.WithTimeout(ctx, answerTime+wire)
	defer cancel()
	var got []byte
	buf := make([]byte, 256)
	for {
		n, err := b.hear(within, port, buf)
		if err == nil {
			if got = append(got, buf[:n]...); complete(got) {
				return nil
			}
			if len(got) <= maxFrame {
				continue
			}
			err = context.DeadlineExceeded // a line that never stops talking
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		case len(got) == 0:
			b.noAnswer.Add(1)
			return errNoAnswer
		default:
			b.garbled.Add(1)
			return errGarbled
		}
	}
}

// hear waits for bytes. Who only looks is not waited for any longer than living
// boards need once somebody wants something done.
func (b *bus) hear(ctx context.Context, port *serial.Port, buf []byte) (int, error) {
	if !b.looking {
		return port.Read(ctx, buf)
	}
	for {
		within, cancel := context.WithTimeout(ctx, lookTime+24*b.byteFor) // a question, and the head of an answer
		n, err := port.Read(within, buf)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || b.urgent.Load() > 0 {
			return n, err
		}
	}
}

// quiet waits until the line was silent for three and a half characters, as
// Modbus wants between frames (Serial Line V1.02 §2.5.1.1).
func (b *bus) quiet(ctx context.Context) error {
	silence := max(b.byteFor*7/2, 1750*time.Microsecond)
	return pause(ctx, silence-time.Since(b.last))
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// again says whether a question may be asked once more after err.
func again(err error) bool { return errors.Is(err, errNoAnswer) || errors.Is(err, errGarbled) }

// drops counts what the board got wrong, by a closed set of words.
func (b *bus) drops() map[string]uint64 {
	return map[string]uint64{"no_answer": b.noAnswer.Load(), "garbled": b.garbled.Load(), "refused": b.refused.Load()}
}

// withLine adds the numbers of the line to those of a device on it.
func (b *bus) withLine(device Stats) Stats {
	line := b.line.Stats()
	device.Reopens, device.BytesIn, device.BytesOut, device.Drops = line.Reopens, line.BytesIn, line.BytesOut, b.drops()
	if device.Up && !line.Up {
		device.Up, device.Since, device.Err = false, line.Since, line.Err
	}
	return device
}
