package hwtest

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// Fault is what is wrong with a simulated board.
type Fault int32

// The faults. A board that has no way to show one behaves as if healthy.
const (
	Healthy  Fault = iota
	Dead           // hears nothing and says nothing
	Garbled        // does what it is told and answers with a wrong checksum
	Slow           // answers after 100 ms
	TooSlow        // answers after 400 ms, when nobody waits any more
	Refusing       // answers that it cannot do this
	Noisy          // sends line noise before each answer
)

// Board is a simulated relay board.
type Board interface {
	// Run serves the line until ctx ends, which also closes the line if it
	// can be closed, or until the line ends.
	Run(ctx context.Context) error
	// Relay is one of the board's relays, counted from 0.
	Relay(channel int) *Relay
	// SetFault breaks the board or, with Healthy, mends it.
	SetFault(Fault)
}

// wire is a device's end of a line.
type wire struct {
	line  io.ReadWriter
	fault atomic.Int32
}

// SetFault is Board.SetFault.
func (w *wire) SetFault(f Fault) { w.fault.Store(int32(f)) }

func (w *wire) has(f Fault) bool { return Fault(w.fault.Load()) == f }

// serve hands what comes over the line to heard, and ends as Board.Run says.
func (w *wire) serve(ctx context.Context, heard func(in []byte)) error {
	if closer, ok := w.line.(io.Closer); ok {
		stop := context.AfterFunc(ctx, func() { _ = closer.Close() })
		defer stop()
	}
	buf := make([]byte, 256)
	for {
		n, err := w.line.Read(buf)
		if n > 0 {
			heard(buf[:n])
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return err
		}
	}
}
