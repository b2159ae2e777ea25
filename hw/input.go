package hw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// debounce is how long a contact must stand still to be believed.
const debounce = 50 * time.Millisecond

// circuitOptions are the keys that every input has.
type circuitOptions struct {
	Normally string `toml:"normally"` // how the circuit is while all is well: open, closed
}

// circuit says what a closed contact means.
type circuit struct{ normallyClosed bool }

// circuit has no default: a wrong guess would take every open door for closed.
func (o circuitOptions) circuit() (circuit, error) {
	switch o.Normally {
	case "open", "closed":
		return circuit{normallyClosed: o.Normally == "closed"}, nil
	case "":
		return circuit{}, errors.New("normally is missing: say how the circuit is while all is well; " +
			"\"closed\" for one that something opens (door contact, tamper switch, the relay of a fire panel: a cut wire then shows), " +
			"\"open\" for one that something closes (most exit buttons)")
	}
	return circuit{}, fmt.Errorf("normally %q: use open or closed, as the circuit is while all is well", o.Normally)
}

func (c circuit) level(closed bool) Level {
	if closed == c.normallyClosed {
		return LevelNormal
	}
	return LevelActive
}

// listening is what inputs have in common: a Next that Close ends, and how the
// input is doing.
type listening struct {
	log    hclog.Logger
	health *health

	mu     sync.Mutex // guards all below
	closed bool
	stop   context.CancelFunc // ends the Next that waits; nil: none does
}

func newListening(log hclog.Logger) *listening {
	return &listening{log: log, health: newHealth()}
}

// begin is the context of one Next, which ends with ctx or with the input.
func (l *listening) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, os.ErrClosed
	}
	ctx, l.stop = context.WithCancel(ctx)
	return ctx, l.stop, nil
}

// ended is why a Next that was asked under ctx ends.
func (l *listening) ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.ErrClosed
}

// shut ends the Next that waits, and says whether this was the first time.
func (l *listening) shut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		l.stop()
	}
	first := !l.closed
	l.closed = true
	return first
}

// tell keeps whether the input could be heard, and logs what is news.
func (l *listening) tell(err error) {
	switch {
	case !l.health.note(err, err == nil):
	case err != nil:
		l.log.Warn("input not heard", "error", err)
	default:
		l.log.Info("input heard")
	}
}

// stats is the health of the input alone.
func (l *listening) stats() Stats {
	return l.health.now()
}
