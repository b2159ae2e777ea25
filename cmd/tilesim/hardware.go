package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/hw/hwtest"
)

func hardwareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hardware DIR",
		Short: "the tiles and relay boards alone, for a gateway that you start",
		Long: `hardware puts up the devices of a building with four doors on pseudo-terminals,
and no gateway:

  DIR/dev/front-tile      frames as in the settings that demo writes
  DIR/dev/front-relay     modbus
  DIR/dev/lab-tile        line, preset hex-cr
  DIR/dev/lab-relay       usbrelay, lcus
  DIR/dev/studio-line     osdp at 9600 baud, not paired: a reader at address 0, and
                          at address 1 a module inside, with the strike on its output
                          0 and a door contact, normally closed, on its input 0
  DIR/dev/workshop-tile   pn532
  DIR/dev/workshop-relay  usbrelay, kmtronic, 2 channels: the strike, and the supply
                          of the tile on the normally closed contact

It writes a line for each movement of a strike's relay, "front on" or "lab off",
and does what the lines of its input say:

  tap DOOR CARD|CODE    hold something to a tile, for a moment
  leaf DOOR open|shut   open a door that has a contact, or shut it
  unplug PORT           pull a plug, as front-tile
  replug PORT           and put it in again

What was done is answered with "done", what could not be with "error" and why.
The end of the input ends it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return hardware(cmd.Context(), args[0], os.Stdin, os.Stdout)
		},
	}
}

// hardware serves devices until in or ctx ends.
func hardware(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	if err := os.MkdirAll(filepath.Join(dir, "dev"), 0o755); err != nil { // the gateway is another user, and must reach the ports
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &building{dir: dir, doors: map[string]*simDoor{}, cancel: cancel}
	defer b.close()
	if err := b.wire(ctx, everyDoor()...); err != nil {
		return err
	}
	var mu sync.Mutex // the relays speak between the answers
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(out, format+"\n", args...)
	}
	for id, door := range b.doors {
		door.relay.Watch(func(moved hwtest.Transition) {
			say("%s %s", id, map[bool]string{true: "on", false: "off"}[moved.Energised])
		})
	}
	say("ready")
	lines := linesOf(in)
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			if err := b.handle(strings.Fields(line)); err != nil {
				say("error %v", err)
				continue
			}
			say("done")
		}
	}
}

// linesOf reads lines until in ends, and then closes the channel. A read cannot
// be interrupted: it is left behind by whoever has heard enough.
func linesOf(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// moment is how long something is held to a tile.
const moment = time.Second

// handle does one thing that a hand in the building would do.
func (b *building) handle(words []string) error {
	order := ""
	if len(words) > 0 {
		order = words[0]
	}
	switch {
	case len(words) == 3 && order == "tap":
		door, err := b.find(words[1])
		if err != nil {
			return err
		}
		away, err := door.tile.hold(words[2])
		if err == nil {
			time.AfterFunc(moment, away)
		}
		return err
	case len(words) == 3 && order == "leaf":
		door, err := b.find(words[1])
		if err != nil {
			return err
		}
		return door.change(words[2])
	case len(words) == 2 && (order == "unplug" || order == "replug"):
		port, err := b.port(words[1])
		if err != nil {
			return err
		}
		if order == "unplug" {
			return port.Unplug()
		}
		return port.Replug()
	}
	return fmt.Errorf("%q is none of: tap DOOR CARD|CODE, leaf DOOR open|shut, unplug PORT, replug PORT", strings.Join(words, " "))
}
