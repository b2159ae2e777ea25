package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// tree is every visible command, parents first.
func tree(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range visible(cmd) {
		all = append(all, tree(c)...)
	}
	return all
}

func fresh() *cobra.Command {
	return newRoot(&tool{out: &output{to: &bytes.Buffer{}}, now: time.Now, zone: time.UTC})
}

func TestEveryHelpTextHasExamplesAndExitStatus(t *testing.T) {
	commands := tree(fresh())
	if len(commands) < 20 {
		t.Fatalf("only %d commands", len(commands))
	}
	for _, cmd := range commands {
		text := helpText(cmd)
		for _, want := range []string{"\nUSAGE\n  tilegate", "\nEXAMPLES\n", "\nEXIT STATUS\n  0    ", "\n  2    the command line is wrong\n", "--json", "--socket"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the help text lacks %q", cmd.CommandPath(), want)
			}
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.Contains(line, cmd.CommandPath()) && cmd.HasParent() && !strings.Contains(line, cmd.Parent().CommandPath()) {
				t.Errorf("%s: the example %q is of something else", cmd.CommandPath(), line)
			}
		}
	}
}

func TestHelpIsTheSameHoweverItIsAskedFor(t *testing.T) {
	s := noSite(t)
	for _, words := range [][]string{{}, {"door"}, {"door", "open"}, {"why"}, {"completion", "bash"}} {
		flag := s.run(t, append(words, "--help")...)
		word := s.run(t, append([]string{"help"}, words...)...)
		if flag.code != exitOK || word.code != exitOK || flag.out == "" || flag.out != word.out {
			t.Errorf("%v: --help exits %d, help exits %d:\n%s\n---\n%s", words, flag.code, word.code, flag.out, word.out)
		}
	}
}

// page is docs/CLI.md.
func page() string {
	var b strings.Builder
	b.WriteString("<!-- Written by: go test ./cmd/tilegate -run TestThePageOfCommandsIsCurrent -update. Do not edit. -->\n\n")
	b.WriteString("# tilegate, command by command\n\n")
	commands := tree(fresh())
	for _, cmd := range commands {
		name := cmd.CommandPath()
		b.WriteString("- [" + name + "](#" + strings.ReplaceAll(name, " ", "-") + "): " + cmd.Short + "\n")
	}
	for _, cmd := range commands {
		b.WriteString("\n## " + cmd.CommandPath() + "\n\n```text\n" + helpText(cmd) + "```\n")
	}
	return b.String()
}

// TestThePageOfCommandsIsCurrent keeps docs/CLI.md from drifting; it is the
// golden file of every help text.
func TestThePageOfCommandsIsCurrent(t *testing.T) {
	goldenFile(t, "../../docs/CLI.md", page())
}
