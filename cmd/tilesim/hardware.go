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

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/hw/hwtest"
)

func hardwareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hardware DIR",
		Short: "the tiles and relay boards alone, for a gateway that you start",
		Long: `hardware puts up the devices of a building with two doors on pseudo-terminals,
and no gateway: DIR/dev/front-tile (frames as in the settings that demo writes),
DIR/dev/front-relay (Modbus), DIR/dev/lab-tile (preset hex-cr) and
DIR/dev/lab-relay (usbrelay, lcus).

It writes a line for each movement of a relay, "front on" or "lab off", and
does what the lines of its input say:

  tap DOOR CARD|CODE   hold something to a tile
  unplug PORT          pull a plug, as front-tile
  replug PORT          and put it in again

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
	if err := b.wire(ctx); err != nil {
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

// handle does one thing that a hand in the building would do.
func (b *building) handle(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "tap":
		door, ok := b.doors[words[1]]
		if !ok {
			return fmt.Errorf("there is no door %q; there are front and lab", words[1])
		}
		return door.tile.Show(door.wrap(kindOf(words[2]), words[2]))
	case len(words) == 2 && (words[0] == "unplug" || words[0] == "replug"):
		port, err := b.port(words[1])
		if err != nil {
			return err
		}
		if words[0] == "unplug" {
			return port.Unplug()
		}
		return port.Replug()
	}
	return fmt.Errorf("%q is none of: tap DOOR CARD|CODE, unplug PORT, replug PORT", strings.Join(words, " "))
}

// port is the serial line with a name, as front-tile.
func (b *building) port(name string) (*hwtest.PTY, error) {
	for _, door := range b.doors {
		for _, port := range []*hwtest.PTY{door.tilePort, door.boardPort} {
			if filepath.Base(port.Path()) == name {
				return port, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no port %q; there are front-tile, front-relay, lab-tile and lab-relay", name)
}
