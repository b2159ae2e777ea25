package main

import (
	"time"

	"github.com/spf13/cobra"
)

func newTap(t *tool) *cobra.Command {
	return noun("tap", "tap without a member", "Taps without a member at the tile.",
		`  tilegate tap simulate --card 04A2B3C4D5E680 --door front
  tilegate tap simulate --case opening-hours.toml`,
		newTapSimulate(t))
}

func newTapSimulate(t *tool) *cobra.Command {
	var a asking
	path := ""
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "run a tap through a door; the strike moves",
		Long: `Runs a tap through a door as if its tile had read it, now: the strike moves if
the tap is granted, and the journal says who simulated it. It needs the operate
socket. To ask without opening, about people and other times, see tilegate why.

With --case nothing moves and no gateway is asked: the taps of a file are run
through the site of the same file, by the rules of this very program, and every
answer is held against what the file says should become of it. docs/CASES.md has
the format with an example.`,
		Example: `  tilegate tap simulate --card 04A2B3C4D5E680 --door front
  tilegate tap simulate --code - --door front --json < code.txt
  tilegate tap simulate --case opening-hours.toml`,
		Annotations: exits(`0    granted: the strike answered; or all of the case is as it says
1    it failed, there is no such door, the strike did not answer, or the case has mistakes
2    the command line is wrong
10   refused; or something of the case is different
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("case") {
				if err := onlyCase(cmd); err != nil {
					return err
				}
				return t.runCase(path)
			}
			return t.simulate(cmd, &a)
		},
	}
	a.addFlags(cmd, t)
	cmd.Flags().StringVar(&path, "case", "", "run the taps of a `FILE`, with no gateway")
	return cmd
}

// simulate runs a tap through a door of the gateway.
func (t *tool) simulate(cmd *cobra.Command, a *asking) error {
	question, err := a.read(cmd, t)
	if err != nil {
		return err
	}
	zone := t.siteZone(cmd.Context(), false)
	answer, err := t.act().Simulate(cmd.Context(), question)
	if err != nil {
		return err
	}
	if !t.asJSON {
		defer func() {
			if answer.Took > 0 && answer.Silent == "" {
				t.say("The strike moved after %v.", answer.Took.Round(10*time.Microsecond))
			}
			if answer.Event != "" {
				t.say("Recorded as event %s.", answer.Event)
			}
		}()
	}
	return t.answer(answer, question, zone)
}
