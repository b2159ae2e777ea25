package main

import (
	"time"

	"github.com/spf13/cobra"
)

func newTap(t *tool) *cobra.Command {
	return noun("tap", "tap without a member", "Taps without a member at the tile.",
		`  tilegate tap simulate --card 04A2B3C4D5E680 --door front`,
		newTapSimulate(t))
}

func newTapSimulate(t *tool) *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "run a tap through a door; the strike moves",
		Long: `Runs a tap through a door as if its tile had read it, now: the strike moves if
the tap is granted, and the journal says who simulated it. It needs the operate
socket. To ask without opening, about people and other times, see tilegate why.`,
		Example: `  tilegate tap simulate --card 04A2B3C4D5E680 --door front
  tilegate tap simulate --code - --door front --json < code.txt`,
		Annotations: exits(`0    granted: the strike answered
1    it failed, or there is no such door
2    the command line is wrong
10   refused
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
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
					if answer.Took > 0 {
						t.say("The strike moved after %v.", answer.Took.Round(10*time.Microsecond))
					}
					if answer.Event != "" {
						t.say("Recorded as event %s.", answer.Event)
					}
				}()
			}
			return t.answer(answer, question, zone)
		},
	}
	a.addFlags(cmd, t)
	return cmd
}
