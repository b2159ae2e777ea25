package hwtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw"
)

// patience is how long anything may take on a machine that is busy with other
// things. Nothing waits this long when all is well.
const patience = 20 * time.Second

// sideBySide runs subtests all at once. They wait far more than they work, so
// the limit of testing's own parallel tests, one for each core, would only make
// them slow.
func sideBySide(t *testing.T, tests map[string]func(*testing.T)) {
	var running sync.WaitGroup
	for name, test := range tests {
		running.Go(func() { t.Run(name, test) })
	}
	running.Wait()
}

// bench is a line with a simulated device at one end, for one test.
type bench struct {
	*testing.T
	pty   *PTY
	chip  *GPIO // in place of the line, where the device hangs on one
	lines *hw.Lines
	log   hclog.Logger
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, NewHost(t))
}

func newBenchOn(t *testing.T, host hw.Host) *bench {
	t.Helper()
	b := &bench{T: t, pty: NewPTY(t), lines: hw.NewLines(host), log: hclog.NewNullLogger()}
	t.Cleanup(func() {
		if err := b.lines.Close(); err != nil {
			t.Errorf("lines: %v", err)
		}
	})
	return b
}

// power runs a device until the end of the test.
func (b *bench) power(run func(context.Context) error) {
	ctx, off := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = run(ctx) })
	b.Cleanup(func() { off(); running.Wait() })
}

// until waits for a condition.
func (b *bench) until(what string, met func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// port is what the device is found under.
func (b *bench) port() string {
	if b.chip != nil {
		return GPIOPath
	}
	return b.pty.Path()
}

func (b *bench) unplug() {
	b.Helper()
	err := b.pty.Unplug()
	if b.chip != nil {
		err = b.chip.Unplug()
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) replug() {
	b.Helper()
	err := b.pty.Replug()
	if b.chip != nil {
		err = b.chip.Replug()
	}
	if err != nil {
		b.Fatal(err)
	}
}
