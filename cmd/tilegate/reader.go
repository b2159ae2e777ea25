package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newReader(t *tool) *cobra.Command {
	return noun("reader", "list, pair, find and watch the readers", "Lists, pairs, finds and watches the readers of the doors.",
		`  tilegate reader list
  tilegate reader watch front`,
		newReaderList(t), newReaderPair(t), newReaderProbe(t), newReaderMove(t), newReaderEnable(t), newReaderWatch(t))
}

func newReaderList(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list readers and strikes as devices",
		Long: `Lists every device of every door: where it is wired, who it says it is, whether
it speaks under a key of its own, and what went wrong on its line.`,
		Example: `  tilegate reader list
  tilegate reader list --json | jq -r '.[] | select(.secure | not) | .door'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			readers, err := t.look().Readers(cmd.Context())
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(readers)
			}
			t.sayReaders(readers, t.now())
			return nil
		},
	}
}

func (t *tool) sayReaders(readers []control.Reader, now time.Time) {
	rows := t.table("DOOR", "DEVICE", "STATE", "KEY", "WHERE", "WHO", "LINE")
	for _, r := range readers {
		rows.row(r.Door, r.Name, deviceWord(r.Device, now), keyWord(r), strings.TrimSpace(r.Port+" "+r.Address), cmp.Or(r.Identity, "-"), lineWord(r))
	}
	rows.end()
	for _, r := range readers {
		t.sayFault(r.Door+" "+r.Name, r.Device)
		if r.Tampered {
			t.say("  %s %s: its tamper switch is open; look at it now", r.Door, r.Name)
		}
		if r.NoPower {
			t.say("  %s %s: its supply is failing", r.Door, r.Name)
		}
	}
}

// keyWord is how a device proves itself.
func keyWord(r control.Reader) string {
	switch {
	case r.Secure:
		return "own"
	case r.Pairable:
		return "NONE"
	}
	return "-"
}

// lineWord is what went wrong on the line, most first.
func lineWord(r control.Reader) string {
	words := countWords(r.Why)
	for _, step := range countWords(r.Steps) {
		words = append(words, step+" to heal it")
	}
	if r.Reopens > 0 {
		words = append(words, fmt.Sprintf("%d× reopened", r.Reopens))
	}
	if len(words) == 0 {
		return "clean"
	}
	if len(words) > 3 {
		words = append(words[:3], "…")
	}
	return strings.Join(words, ", ")
}

// countWords are counts that are not zero, the largest first.
func countWords(counts map[string]uint64) []string {
	names := slices.DeleteFunc(slices.Collect(maps.Keys(counts)), func(name string) bool { return counts[name] == 0 })
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return words
}

func newReaderPair(t *tool) *cobra.Command {
	ask := control.Pairing{}
	cmd := &cobra.Command{
		Use:   "pair DOOR [DEVICE]",
		Short: "give a reader a key of its own",
		Long: `Gives a reader that speaks OSDP a new key of its own and pins who it is: from
then on it is believed only under that key. The reader must be in install mode,
or hold the key that it was given before. Whoever can listen on the line at
this moment learns the key, so pair on a bench, or where you can see the cable.
DEVICE is the name of the reader, or "strike" for a module inside; it may be
left away where a door has only one that can be paired. It needs the operate
socket.`,
		Example: `  tilegate reader pair front
  tilegate reader pair front out --for 2m`,
		Annotations: exits(`0    paired: the reader answered under its new key
1    it failed, or there is no such reader; the reader keeps its old key
2    the command line is wrong
130  interrupted: the gateway goes on; see tilegate reader list`),
		Args:              doorAndDevice("DEVICE"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			ask.Door = args[0]
			if len(args) == 2 {
				ask.Device = args[1]
			}
			var steps []control.Step
			err := t.act().PairReader(cmd.Context(), ask, func(step control.Step) error {
				if steps = append(steps, step); !t.asJSON {
					t.say("%s", step.Text)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(steps)
			}
			t.say("Paired. Keep a backup of the gateway's keys: without them the reader must be reset by hand.")
			return nil
		},
	}
	cmd.Flags().DurationVar(&ask.Window, "for", time.Minute, "how long to try: a `TIME` from 10s to 10m")
	return cmd
}

func newReaderEnable(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "enable DOOR [READER]",
		Short: "switch a keypad on again",
		Long: `Switches a keypad on again that was switched off because somebody guessed PINs.
Cards were not affected; a card that opens the door does the same. The journal
records who did it. It needs the operate socket.`,
		Example:           `  tilegate reader enable front`,
		Args:              doorAndDevice("READER"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			reader := ""
			if len(args) == 2 {
				reader = args[1]
			}
			done, err := t.act().EnableKeypad(cmd.Context(), args[0], reader)
			switch {
			case err != nil:
				return err
			case t.asJSON:
				return t.sayJSON(done)
			case done.WasOff:
				t.say("%s: the keypad of reader %s takes PINs again.", done.Door, done.Reader)
			default:
				t.say("%s: the keypad of reader %s was not switched off.", done.Door, done.Reader)
			}
			return nil
		},
	}
}

// doorAndDevice takes a door, and perhaps a device of it.
func doorAndDevice(device string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			return takes("DOOR", device)(cmd, args)
		}
		return takes("DOOR")(cmd, args)
	}
}

func newReaderWatch(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "watch DOOR",
		Short: "show what the readers of a door do",
		Long: `Shows every tap and alarm of a door as it happens, and whenever something on the
lines of its devices changes: up and down, frames lost, steps taken to heal.
It shows kinds and digests, never a card's number. It ends when it is
interrupted, which is no failure.`,
		Example: `  tilegate reader watch front`,
		Annotations: exits(`0    it was interrupted
1    it failed, or there is no such door
2    the command line is wrong`),
		Args:              takes("DOOR"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := t.watch(cmd.Context(), args[0])
			if cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
}

// watchEvery is how often the gateway is asked while it is watched.
const watchEvery = 500 * time.Millisecond

// watch shows what is new at a door until ctx ends.
func (t *tool) watch(ctx context.Context, door string) error {
	zone := t.siteZone(ctx, false)
	known := map[string]string{}
	newest, err := t.newest(ctx, door)
	for ; err == nil; err = pause(ctx, watchEvery) {
		if err := t.newLines(ctx, door, known); err != nil {
			return err
		}
		events, err := t.look().Events(ctx, control.EventQuery{Door: door, After: newest, Limit: control.UsualEvents})
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Seq <= newest {
				continue
			}
			newest = e.Seq
			if err := t.sayNew(e, func() string { return eventLine(e, zone) }); err != nil {
				return err
			}
		}
	}
	return err
}

// newest is the number of the newest event, so that the watch begins now.
func (t *tool) newest(ctx context.Context, door string) (uint64, error) {
	doors, err := t.look().Doors(ctx)
	if err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(doors, func(d control.Door) bool { return d.ID == door }) {
		return 0, &control.Error{Code: control.NotFound, Message: fmt.Sprintf("door %q is not one of this gateway's", door), Hint: "see: tilegate door list"}
	}
	status, err := t.look().Status(ctx)
	return max(status.Journal.Last, 1), err
}

// newLines tells of devices whose line changed since the last look.
func (t *tool) newLines(ctx context.Context, door string, known map[string]string) error {
	readers, err := t.look().Readers(ctx)
	if err != nil {
		return err
	}
	for _, r := range readers {
		if r.Door != door {
			continue
		}
		state := "DOWN: " + cmp.Or(r.Err, "not heard of yet")
		if r.Up {
			state = "up"
		}
		text := fmt.Sprintf("%s: %s; key %s; line %s", r.Name, state, keyWord(r), lineWord(r))
		if known[r.Name] == text {
			continue
		}
		known[r.Name] = text
		if err := t.sayNew(r, func() string { return t.now().Format(time.TimeOnly) + "  " + text }); err != nil {
			return err
		}
	}
	return nil
}

// sayNew is one line of a watch, or one object.
func (t *tool) sayNew(value any, line func() string) error {
	if t.asJSON {
		return json.NewEncoder(t.out).Encode(value)
	}
	t.say("%s", line())
	return nil
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
