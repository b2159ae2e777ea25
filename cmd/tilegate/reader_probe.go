package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/hw"
)

func newReaderProbe(t *tool) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "probe PORT",
		Short: "find what answers on a serial port",
		Long: `Looks for what answers on a serial port: readers that speak by themselves, a
PN532, OSDP readers and modules, Modbus boards. It asks who is there and nothing
else: no relay moves and nothing is set. It takes up to half a minute, with --all
some minutes. Hold a card or a code to the reader while it listens.

The port must be free: take it out of the settings and reload, or stop the
gateway. It needs the right to use the port: run it with sudo, or be in the group
dialout. No gateway need run.`,
		Example: `  sudo tilegate reader probe /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A5069RR4-if00-port0
  sudo tilegate reader probe /dev/ttyUSB0 --all`,
		Annotations: exits(`0    something answered
1    it failed: no such port, or it is in use
2    the command line is wrong
10   nothing answered
130  interrupted`),
		Args: takes("PORT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := hw.Probe(cmd.Context(), args[0], all, func(text string) {
				if !t.asJSON {
					t.say("%s …", text)
				}
			})
			if err != nil {
				return err
			}
			if found == nil {
				found = []hw.Found{}
			}
			if t.asJSON {
				err = t.sayJSON(found)
			} else {
				t.sayFound(found)
			}
			if len(found) == 0 {
				return firstError(err, errNo)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "ask every address of OSDP, 0 to 126, at every speed")
	return cmd
}

// sayFound lists what answered, with the lines for the settings below.
func (t *tool) sayFound(found []hw.Found) {
	if len(found) == 0 {
		t.say("Nothing answered. Is it powered? Are A and B swapped, or RX and TX? Is its speed or address another: try --all.")
		return
	}
	rows := t.table("WHAT", "SPEED", "ADDRESS", "WHO")
	for _, f := range found {
		address := ""
		if f.Address >= 0 {
			address = strconv.Itoa(f.Address)
		}
		rows.row(f.Protocol, strconv.Itoa(f.Baud), address, f.Identity)
	}
	rows.end()
	t.say("\nFor the settings, below its [[door]]:")
	for _, f := range found {
		t.say("  %s", f.Settings)
	}
}
