package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// exitKey is where a command keeps its exit statuses.
const exitKey = "exit"

// exits says what the exit statuses of a command mean.
func exits(text string) map[string]string { return map[string]string{exitKey: text} }

// exitText is what the exit statuses of a command mean.
func exitText(cmd *cobra.Command) string { return cmp.Or(cmd.Annotations[exitKey], usageExits) }

// helpText is everything about a command.
func helpText(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	var b strings.Builder
	b.WriteString(strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)) + "\n")
	section(&b, "USAGE", cmd.UseLine())
	if visible := visible(cmd); len(visible) > 0 {
		var rows strings.Builder
		for _, c := range visible {
			fmt.Fprintf(&rows, "%-12s %s\n", c.Name(), c.Short)
		}
		section(&b, "COMMANDS", rows.String())
	}
	section(&b, "EXAMPLES", cmd.Example)
	section(&b, "FLAGS", cmd.LocalNonPersistentFlags().FlagUsages())
	if cmd.HasParent() {
		section(&b, "FLAGS OF EVERY COMMAND", cmd.InheritedFlags().FlagUsages())
	} else {
		section(&b, "FLAGS OF EVERY COMMAND", cmd.PersistentFlags().FlagUsages())
	}
	section(&b, "EXIT STATUS", exitText(cmd))
	return b.String()
}

// section writes a text under a title, with two spaces before each line.
func section(b *strings.Builder, title, text string) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	lines := strings.Split(text, "\n")
	margin := len(lines[0]) - len(strings.TrimLeft(lines[0], " "))
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			margin = min(margin, len(line)-len(strings.TrimLeft(line, " ")))
		}
	}
	b.WriteString("\n" + title + "\n")
	for _, line := range lines {
		b.WriteString(strings.TrimRight("  "+line[min(margin, len(line)):], " ") + "\n")
	}
}

// visible are the commands below one that people should see.
func visible(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			out = append(out, c)
		}
	}
	return out
}

// names lists the visible commands below one.
func names(cmd *cobra.Command) string {
	var out []string
	for _, c := range visible(cmd) {
		out = append(out, c.Name())
	}
	return strings.Join(out, ", ")
}

// newHelp shows help on a command and refuses one that does not exist.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:                   "help [command]",
		Short:                 "show help on a command",
		Long:                  "Shows help on a command.",
		Example:               "  tilegate help door open",
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			found := cmd.Root()
			for _, word := range args {
				next, rest, err := found.Find([]string{word})
				if err != nil || len(rest) > 0 || next == found {
					return unknown(found, word)
				}
				found = next
			}
			return found.Help()
		},
	}
}
