package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/control"
)

func newDoor(t *tool) *cobra.Command {
	return noun("door", "list, open, hold, lock down and test the doors", "Lists, opens, holds open, locks down and tests the doors of the gateway.",
		`  tilegate door list
  tilegate door open front
  tilegate door lockdown --site --reason "smoke in the hall"`,
		newDoorList(t), newDoorOpen(t), newDoorHold(t), newDoorLockdown(t), newDoorRelease(t), newDoorTest(t))
}

func newDoorList(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list the doors and their devices",
		Long: `Lists the doors of the gateway: whether they are locked and whether they stand
open, how their readers and strikes are, and what the last tap came to. Below
stands what is unusual: who holds a door open or locked it down, since when and
why, and what is wrong with it. LEAF is a dash where no contact is wired. STATE is

  locked                who has a right opens it
  open                  it is unlocked for somebody at this moment
  held_open             staff hold it open for a while
  unlocked_by_schedule  it stands open by its unlock schedule
  locked_down           nobody may enter`,
		Example: `  tilegate door list
  tilegate door list --json | jq -r '.[] | select(any(.readers[]; .up | not)) | .id'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			doors, err := t.look().Doors(cmd.Context())
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(doors)
			}
			t.sayDoors(doors, t.now(), t.siteZone(cmd.Context(), false))
			return nil
		},
	}
}

func (t *tool) sayDoors(doors []control.Door, now time.Time, zone *time.Location) {
	rows := t.table("DOOR", "NAME", "STATE", "LEAF", "READER", "STRIKE", "LAST TAP")
	for _, d := range doors {
		last := ""
		if !d.LastTap.IsZero() {
			last = d.LastWhat + ", " + ago(d.LastTap, now)
		}
		rows.row(d.ID, d.Name, d.Posture, d.Contact, readersWord(d.Readers, now), deviceWord(d.Strike, now), last)
	}
	rows.end()
	for _, d := range doors {
		for _, r := range d.Readers {
			t.sayFault(d.ID+" reader "+r.Name, r)
		}
		t.sayFault(d.ID+" strike", d.Strike)
		for _, in := range d.Inputs {
			t.sayFault(d.ID+" "+in.Name, in)
		}
		t.sayPosture(d, now, zone)
		t.sayAlarms(d, now)
	}
}

// sayAlarms tells what should not be.
func (t *tool) sayAlarms(d control.Door, now time.Time) {
	for _, a := range d.Alarms {
		of := ""
		if a.Of != "" {
			of = " " + a.Of
		}
		t.say("  %s%s: ALARM %s, %s: %s", d.ID, of, a.Alarm, ago(a.Since, now), a.Alarm.Words())
	}
}

// sayFault tells why a device is down, where somebody knows.
func (t *tool) sayFault(what string, d control.Device) {
	if !d.Up && d.Err != "" {
		t.say("  %s: %s", what, d.Err)
	}
}

// readersWord is the readers of a door in a few words.
func readersWord(readers []control.Device, now time.Time) string {
	if len(readers) == 0 {
		return "none"
	}
	var words []string
	for _, r := range readers {
		words = append(words, deviceWord(r, now))
	}
	return strings.Join(words, ", ")
}

// deviceWord is a device in a few words: what it is, and for how long it is gone.
func deviceWord(d control.Device, now time.Time) string {
	switch {
	case d.Driver == "":
		return "none"
	case d.Up:
		return d.Driver + " up"
	}
	text := d.Driver + " DOWN"
	if !d.Since.IsZero() {
		text += " for " + span(max(now.Sub(d.Since), 0))
	}
	return text
}

func newDoorOpen(t *tool) *cobra.Command {
	var anyway bool
	cmd := &cobra.Command{
		Use:   "open DOOR",
		Short: "unlock a door once",
		Long: `Unlocks a door once, for as long as its settings say. The journal records who
did it. A door that is locked down is not opened, for whoever locked it down meant
everybody; --anyway opens it all the same, as for the fire brigade, and the
journal says that too. It needs the operate socket.`,
		Example: `  tilegate door open front`,
		Annotations: exits(`0    the strike answered: the door is unlocked
1    it failed, the door is locked down, or there is no such door
2    the command line is wrong
130  interrupted: the door may have opened`),
		Args:              takes("DOOR"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			opened, err := t.act().OpenDoor(cmd.Context(), control.Opening{Door: args[0], Anyway: anyway})
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(opened)
			}
			t.say("%s: unlocked for %v, recorded as event %s", opened.Door, opened.Hold, opened.Event)
			return nil
		},
	}
	cmd.Flags().BoolVar(&anyway, "anyway", false, "also if the door is locked down")
	return cmd
}

func newDoorTest(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "test DOOR",
		Short: "try the parts of a door",
		Long: `Tries the parts of a door without waiting for a member and says what each did:
lights and beeps of the readers, the strike, which unlocks once, the inputs.
Where the door has a contact, open the door when the strike unlocks. The journal
records who did it. It needs the operate socket.`,
		Example: `  tilegate door test front`,
		Annotations: exits(`0    every part works
1    it failed, or there is no such door
2    the command line is wrong
10   a part does not work
130  interrupted`),
		Args:              takes("DOOR"),
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			lines, err := t.act().TestDoor(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if t.asJSON {
				err = t.sayJSON(lines)
			} else {
				t.sayChecks(lines)
			}
			return firstError(err, allGood(lines))
		},
	}
}

// sayChecks lists what was tried.
func (t *tool) sayChecks(lines []cloud.CheckLine) {
	rows := t.table("TRIED", "RESULT", "NOTE")
	for _, line := range lines {
		result := "good"
		if !line.OK {
			result = "BAD"
		}
		rows.row(line.What, result, line.Note)
	}
	rows.end()
}

// allGood is errNo if something that was tried does not work.
func allGood(lines []cloud.CheckLine) error {
	for _, line := range lines {
		if !line.OK {
			return errNo
		}
	}
	return nil
}

// firstError is the first of two errors.
func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// completePatience is how long a shell waits for names when Tab is pressed.
const completePatience = time.Second

// completeDoor offers the doors of a running gateway for the first word, and
// nothing at all when there is none.
func (t *tool) completeDoor(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	doors, err := t.look().Doors(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out := make([]cobra.Completion, len(doors))
	for i, d := range doors {
		out[i] = cobra.CompletionWithDesc(clean(d.ID), clean(d.Name))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeDoorFlag is completeDoor for a flag, whatever words came before.
func (t *tool) completeDoorFlag(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return t.completeDoor(cmd, nil, typed)
}
