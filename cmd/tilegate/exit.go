package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

// The exit statuses. Scripts rely on them; every help text tells them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNo          = 10
	exitInterrupted = 130
)

// usageExits is what a command has that says nothing else.
const usageExits = `0    it worked
1    it failed
2    the command line is wrong
130  interrupted`

// The codes that only this side has, beside those of control.
const (
	usage       control.Code = "usage"
	interrupted control.Code = "interrupted"
)

// errNo is the answer "no", which was told already.
var errNo = errors.New("the answer is no")

// wrong is a mistake in the command line.
func wrong(cmd *cobra.Command, format string, args ...any) error {
	return &control.Error{
		Code: usage, Message: fmt.Sprintf(format, args...), Hint: cmd.CommandPath() + " --help",
	}
}

// finish tells an error and turns it into the exit status: the only place that
// does either.
func (t *tool) finish(ctx context.Context, args []string, err error) int {
	if err == nil && t.out.err != nil {
		err = fmt.Errorf("write the output: %w", t.out.err)
	}
	var told *control.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &told):
	case ctx.Err() != nil:
		told = &control.Error{Code: interrupted, Message: "interrupted"}
	case !t.started:
		told = &control.Error{Code: usage, Message: err.Error(), Hint: "tilegate --help"}
	default:
		told = &control.Error{Code: control.Failed, Message: err.Error()}
	}
	t.tell(told, err, t.asJSON || !t.started && slices.Contains(args, "--json"))
	return cmp.Or(statuses[told.Code], exitFailed)
}

// statuses is written once, here; a code that is not in it is a failure.
var statuses = map[control.Code]int{
	usage:              exitUsage,
	control.BadRequest: exitUsage,
	interrupted:        exitInterrupted,
}

// tell writes an error for a person or a script.
func (t *tool) tell(told *control.Error, err error, asJSON bool) {
	message := cmp.Or(told.Message, err.Error())
	if asJSON {
		line, _ := json.Marshal(control.Error{Code: told.Code, Message: message, Hint: told.Hint}) // strings always marshal
		_, _ = fmt.Fprintf(t.err, "%s\n", line)
		return
	}
	_, _ = fmt.Fprintf(t.err, "Error: %s\n", cleanLines(message))
	if told.Hint != "" {
		_, _ = fmt.Fprintf(t.err, "Try:   %s\n", cleanLines(told.Hint))
	}
}
