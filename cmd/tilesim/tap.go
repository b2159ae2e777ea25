package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// tapped is what became of one tap: what the journal says, and what the relay did.
type tapped struct {
	Event    access.Event  `json:"event"`
	Opened   bool          `json:"opened"`
	Held     bool          `json:"held"`  // it was open already, and stays so longer
	After    time.Duration `json:"after"` // last byte on the wire → relay energised
	Sentence string        `json:"sentence"`
}

// present holds something to a tile and waits for the journal and the relay.
func (b *building) present(ctx context.Context, p *process, door, value string) (tapped, error) {
	d, err := b.find(door)
	if err != nil {
		return tapped{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	status, err := p.view.Status(ctx)
	if err != nil {
		return tapped{}, err
	}
	before, wasOpen := len(d.relay.History()), d.relay.Energised()
	sent := time.Now()
	away, err := d.tile.hold(value)
	if err != nil {
		return tapped{}, err
	}
	defer away()
	var got tapped
	err = p.view.Follow(ctx, control.EventQuery{After: max(status.Journal.Last, 1), Door: door, Kind: "decision"}, func(e access.Event) error {
		got.Event = e
		return errSeen
	})
	if got.Event.ID == "" {
		return tapped{}, fmt.Errorf("the gateway decided no tap at %s (a card counts again only when it was away for 2 s; try again): %w", door, err)
	}
	if got.Event.Reason == access.Granted {
		if !d.relay.Await(ctx, true) {
			return got, fmt.Errorf("door %s: granted, but the relay did not move", door)
		}
		for _, moved := range d.relay.History()[before:] {
			if moved.Energised {
				got.Opened, got.After = true, moved.At.Sub(sent)
				break
			}
		}
		// A tap while the door is still open holds it open longer: no movement.
		if !got.Opened && wasOpen {
			got.Opened, got.Held = true, true
		}
	} else {
		got.Opened = d.relay.Energised() && len(d.relay.History()) > before
	}
	got.Sentence = got.Event.Reason.Words()
	return got, nil
}

var errSeen = fmt.Errorf("seen")

// uid is how a card is written at a tap.
var uid = regexp.MustCompile(`^([0-9a-fA-F]{2}){3,10}$`)

func kindOf(value string) string {
	if uid.MatchString(value) {
		return "card"
	}
	return "qr"
}

// tapSocket is where a building that stays up is reached.
func tapSocket() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tilesim-%d.sock", os.Getuid()))
}

// serveTaps lets other terminals tap, until ctx ends.
func serveTaps(ctx context.Context, b *building, p *process) error {
	path := tapSocket()
	_ = os.Remove(path)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		b.wg.Go(func() { answerTap(ctx, conn, b, p) })
	}
}

// answerTap reads "door value" and writes what became of it.
func answerTap(ctx context.Context, conn net.Conn, b *building, p *process) {
	defer conn.Close() //nolint:errcheck // the other end has its answer
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	door, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	got, err := b.present(ctx, p, door, value)
	if d := b.doors[door]; err == nil && got.Opened {
		d.walk()
	}
	reply := struct {
		tapped
		Err string `json:"error,omitempty"`
	}{tapped: got}
	if err != nil {
		reply.Err = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(reply)
}

func tapCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tap DOOR THING",
		Short: "hold something to a tile of a building that is up",
		Long: `tap holds something to a tile of the building that "make demo SERVE=1" left up,
and prints what the gateway did. A thing is

  04A2B3C4D5E680  the number of a card in hex; at every door
  TG-BEN-7731     a code, at the front, which has a scanner
  pass            a new signed pass for one entry, as a code; at the front
  used-pass       the same code as the last time
  pkoc            Gus's card, which proves its key; at the workshop
  tag             Hana's NTAG 424; at the workshop
  copy            another card, with the number of Hana's tag
  replay          another tag, with the last message of Hana's

The studio has an OSDP reader, the lab one that sends the numbers of cards.`,
		Example: "  tilesim tap front pass\n  tilesim tap studio 04A2B3C4D5E680\n  tilesim tap workshop pkoc",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("say a door and what is held to it, as: tilesim tap front 04A2B3C4D5E680")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := (&net.Dialer{}).DialContext(cmd.Context(), "unix", tapSocket())
			if err != nil {
				return fmt.Errorf("no building is up (%w); try: make demo SERVE=1", err)
			}
			defer conn.Close() //nolint:errcheck // we have the answer
			if _, err := fmt.Fprintf(conn, "%s %s\n", args[0], args[1]); err != nil {
				return err
			}
			var reply struct {
				tapped
				Err string `json:"error"`
			}
			if err := json.NewDecoder(conn).Decode(&reply); err != nil {
				return err
			}
			if reply.Err != "" {
				return fmt.Errorf("%s", reply.Err)
			}
			fmt.Println(sentence(args[0], args[1], reply.tapped))
			return nil
		},
	}
}

// sentence is one tap on one line.
func sentence(door, who string, t tapped) string {
	what := "REFUSED  " + t.Event.Reason.String() + ": " + t.Sentence
	switch {
	case t.Held:
		what = "OPEN     " + t.Sentence + ", it was open still"
	case t.Opened:
		what = fmt.Sprintf("OPEN     %s, relay after %.1f ms", t.Sentence, float64(t.After.Microseconds())/1000)
	}
	return fmt.Sprintf("  %-8s %-30s %s", door, who, what)
}
