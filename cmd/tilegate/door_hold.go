package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newDoorHold(t *tool) *cobra.Command {
	var length time.Duration
	cmd := &cobra.Command{
		Use:   "hold DOOR --for TIME",
		Short: "hold a door open for a while",
		Long: `Holds a door open for a while, as for a delivery or an event. The strike is told
again and again to stay unlocked for half a minute, so if the gateway dies the
door locks by itself. After a restart, or new settings of the door, the hold goes
on until its end, if the gateway knows for sure what time it is; until it does the
door stays locked. A lockdown ends the hold. While it lasts the door can be
neither forced nor open for too long. The journal records who did it. It needs
the operate socket.`,
		Example: `  tilegate door hold front --for 2h
  tilegate door release front`,
		Annotations: exits(`0    the door is held open
1    it failed, the door is locked down, or there is no such door
2    the command line is wrong
130  interrupted: the door may be held open`),
		Args:              takes("DOOR"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			if length < control.ShortestHold || length > control.LongestHold {
				return wrong(cmd, "--for says for how long: %v to %v, as in --for 2h", control.ShortestHold, span(control.LongestHold))
			}
			held, err := t.act().HoldDoor(cmd.Context(), control.Hold{Door: args[0], For: length})
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(held)
			}
			zone := t.siteZone(cmd.Context(), false)
			t.say("%s: held open until %s, recorded as event %s", held.Door, when(held.Until, zone), held.Event)
			return nil
		},
	}
	cmd.Flags().DurationVar(&length, "for", 0, "for this `TIME`, as 30m or 2h; at most 24h")
	return cmd
}
