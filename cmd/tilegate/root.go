package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/daemon/control"
)

// newRoot is the tree of commands.
func newRoot(t *tool) *cobra.Command {
	root := &cobra.Command{
		Use:   "tilegate <noun> <verb>",
		Short: "ask and operate a tilegate gateway",
		Long: `tilegate asks a running gateway what it is doing and tells it what to do. To
look, be in the group tilegate-view; to act, in the group tilegate-operate.

Times are shown in the zone of the site. With --json, every command writes JSON
to its output and errors as JSON to its error output; times are then RFC 3339
in UTC and durations whole nanoseconds.`,
		Example: `  tilegate status
  tilegate why --person "Anna Rossi" --door front
  tilegate event follow --door front`,
		Annotations: exits(`0    it worked
1    it failed
2    the command line is wrong
10   the answer is no: refused, not ready, not working
130  interrupted`),
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknown(cmd, args[0])
		},
		PersistentPreRun:      func(*cobra.Command, []string) { t.started = true },
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		DisableAutoGenTag:     true,
	}
	root.PersistentFlags().BoolVar(&t.asJSON, "json", false, "write JSON, for scripts")
	root.PersistentFlags().StringVar(&t.socket, "socket", control.RunDir, "directory of the gateway's sockets, or one socket, at `PATH`")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return wrong(cmd, "%s", flagError(err)) })
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _, _ = t.out.Write([]byte(helpText(cmd))) })
	root.AddCommand(
		newStatus(t), newDoor(t), newReader(t), newEvent(t), newWhy(t), newWho(t), newPerson(t), newTap(t), newSync(t),
		newConfig(t), newReload(t), newKisi(t), newVersion(t),
	)
	root.AddCommand(builders(t)...)
	root.SetHelpCommand(newHelp())
	root.SetOut(t.out) // the completion command keeps it
	root.InitDefaultCompletionCmd()
	mendCompletion(root)
	return root
}

// flagError is what is wrong with a flag, in our words where the parser has Go's.
func flagError(err error) string {
	text := err.Error()
	flag, cause, _ := strings.Cut(text, " flag: ")
	switch {
	case strings.HasPrefix(cause, "strconv."):
		return flag + " flag: that is no number it takes"
	case strings.HasPrefix(cause, "time: "):
		return flag + " flag: use a length of time, as 45s, 30m or 2h"
	}
	return text
}

// mendCompletion makes cobra's command as strict and as worded as ours.
func mendCompletion(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Short = "write the completion script of a shell"
		c.Use, c.Args, c.RunE, c.DisableFlagsInUseLine = "completion <shell>", cobra.ArbitraryArgs, needsVerb, true
		c.Example = "  tilegate completion bash | sudo tee /etc/bash_completion.d/tilegate"
		for _, shell := range c.Commands() {
			shell.Short = "write the completion script of " + shell.Name()
			shell.Args = takes()
			shell.Example = "  tilegate completion " + shell.Name()
		}
	}
}

// noun is a command that only holds verbs.
func noun(use, short, long, example string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use + " <verb>", Short: short, Long: long, Example: example,
		Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
		RunE: needsVerb,
	}
	c.AddCommand(verbs...)
	return c
}

// needsVerb is all that a command without work of its own does.
func needsVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return wrong(cmd, "%s needs one of: %s", cmd.CommandPath(), names(cmd))
	}
	return unknown(cmd, args[0])
}

// unknown is a verb or noun that does not exist.
func unknown(cmd *cobra.Command, word string) error {
	cmd.SuggestionsMinimumDistance = 2
	for _, near := range cmd.SuggestionsFor(word) {
		return &control.Error{
			Code: usage, Message: "there is no " + cmd.CommandPath() + " " + word,
			Hint: cmd.CommandPath() + " " + near,
		}
	}
	return wrong(cmd, "there is no %s %s; there are: %s", cmd.CommandPath(), word, names(cmd))
}

// takes demands exactly the named words after a command.
func takes(words ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(words) {
			return wrong(cmd, "%s needs %s %s", cmd.CommandPath(), article(words[len(args)]), words[len(args)])
		}
		if len(args) > len(words) {
			return wrong(cmd, "%s: one word too many: %q", cmd.CommandPath(), args[len(words)])
		}
		return nil
	}
}

// look is a client that only looks. Who may only act may look as well.
func (t *tool) look() *control.Client {
	view, operate := t.path(control.ViewSocket), t.path(control.OperateSocket)
	if unix.Access(view, unix.W_OK) == unix.EACCES && unix.Access(operate, unix.W_OK) == nil {
		return control.NewClient(operate)
	}
	return control.NewClient(view)
}

// act is a client that may act.
func (t *tool) act() *control.Client { return control.NewClient(t.path(control.OperateSocket)) }

// path is where a socket is: --socket is its directory or the socket itself.
func (t *tool) path(name string) string {
	info, err := os.Stat(t.socket)
	if err == nil && !info.IsDir() || err != nil && filepath.Ext(t.socket) == ".sock" {
		return t.socket
	}
	return filepath.Join(t.socket, name)
}

// siteZone is the zone of the site, or of this machine while the gateway does
// not answer; what was asked for will then say so. JSON shows times in UTC, so
// it needs the zone only where times of the command line are read in it.
func (t *tool) siteZone(ctx context.Context, reads bool) *time.Location {
	if t.asJSON && !reads {
		return t.zone
	}
	status, err := t.look().Status(ctx)
	if err != nil {
		return t.zone
	}
	return t.zoneOf(status)
}

func (t *tool) zoneOf(status control.Status) *time.Location {
	if status.TimeZone == "" {
		return t.zone
	}
	zone, err := time.LoadLocation(status.TimeZone)
	if err != nil { // no tzdata here; the times name the zone they are in
		return t.zone
	}
	return zone
}
