// Command tilegate is the operator's tool: it asks a running gateway over its
// sockets, and checks a settings file without one. It links no database.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // config check must know the zones that the gateway knows
)

// version is set by the build.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	t := &tool{in: os.Stdin, out: &output{to: os.Stdout}, err: os.Stderr, now: time.Now, zone: time.Local}
	os.Exit(t.run(ctx, os.Args[1:]))
}

// tool is one run of the program.
type tool struct {
	in   io.Reader
	out  *output
	err  io.Writer
	now  func() time.Time
	zone *time.Location // for times of a gateway that does not say its own

	asJSON  bool
	socket  string
	started bool // the command's own work began; what fails before is usage
}

// run is the whole program but for the exit.
func (t *tool) run(ctx context.Context, args []string) int {
	root := newRoot(t)
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	return t.finish(ctx, args, root.ExecuteContext(ctx))
}

// output remembers that something could not be written, so that a full disk or
// a closed pipe never looks like success.
type output struct {
	to  io.Writer
	err error
}

// Write keeps the first error.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}
