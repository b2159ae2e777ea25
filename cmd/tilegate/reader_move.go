package main

import (
	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newReaderMove(t *tool) *cobra.Command {
	ask, address := control.Moving{}, -1
	cmd := &cobra.Command{
		Use:   "move DOOR [DEVICE]",
		Short: "give a reader another address or speed",
		Long: `Gives a reader that speaks OSDP another address on its line, or all devices of
the line another speed: new readers all come at address 0 and 9600 baud. It ends
when the reader was found there. Then write the same into the settings and
reload: until that, the gateway looks for it where it was. Change addresses one
by one first, the speed last and with every device there. It needs the operate
socket.`,
		Example: `  tilegate reader move front --address 3
  tilegate reader move front in --baud 115200`,
		Annotations: exits(`0    the reader answered there
1    it failed, or there is no such reader; it was looked for at both places
2    the command line is wrong
130  interrupted: the gateway goes on; see tilegate reader list`),
		Args:              doorAndDevice("DEVICE"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			if ask.Door = args[0]; len(args) == 2 {
				ask.Device = args[1]
			}
			if cmd.Flags().Changed("address") {
				ask.Address = &address
			}
			if ask.Address == nil && ask.Baud == 0 {
				return wrong(cmd, "say where to: --address, or --baud")
			}
			var steps []control.Step
			err := t.act().MoveReader(cmd.Context(), ask, func(step control.Step) error {
				if steps = append(steps, step); !t.asJSON {
					t.say("%s", step.Text)
				}
				return nil
			})
			if err == nil && t.asJSON {
				return t.sayJSON(steps)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&address, "address", -1, "the new `ADDRESS`, 0 to 126")
	cmd.Flags().IntVar(&ask.Baud, "baud", 0, "the new `SPEED` of the whole line")
	return cmd
}
