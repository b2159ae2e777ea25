package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func newEventShow(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "show EVENT",
		Short: "show a tap with all that was recorded of it",
		Long: `Shows a tap with a sentence for the member, what the door did, and all that was
recorded of what it was decided by. EVENT is its number, its id, or the code of
four characters that the tile showed. Why it was decided so, and whether it still
would be, tells tilegate why --event.`,
		Example: `  tilegate event show 4711
  tilegate event show JEDB --json`,
		Annotations: exits(`0    it is shown
1    it failed, or there is no such tap
2    the command line is wrong
130  interrupted`),
		Args: takes("EVENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			zone := t.siteZone(cmd.Context(), false)
			answer, err := t.look().Why(cmd.Context(), control.Question{Event: args[0]})
			if err != nil {
				return err
			}
			if answer.Replay == nil {
				return &control.Error{Code: control.Failed, Message: "the gateway knows no events of the past", Hint: "it is older than this tool, see: tilegate status"}
			}
			if t.asJSON {
				return t.sayJSON(answer)
			}
			t.say("To the member: %s", answer.Say)
			t.say("")
			t.sayRecorded(answer.Replay, zone)
			rows := t.table("WHAT", "RECORDED")
			for _, row := range recordedRows(answer.Replay.Event, zone) {
				rows.row(row[0], row[1])
			}
			rows.end()
			return nil
		},
	}
}

// pinWords is what came of the digits that were typed.
var pinWords = map[access.PINState]string{
	access.PINRight: "right", access.PINFailed: "wrong", access.PINBlocked: "not compared, after too many wrong ones",
}

// recordedRows are the fields of a decision that are not in its line.
func recordedRows(e access.Event, zone *time.Location) (rows [][2]string) {
	add := func(what, value string) { rows = append(rows, [2]string{what, value}) }
	add("id", e.ID)
	var reasons []string
	for _, reason := range e.Reasons {
		reasons = append(reasons, reason.String())
	}
	add("reasons", strings.Join(reasons, ", "))
	add("right", e.Grant)
	add("group", e.Group)
	add("presence", e.Presence.String())
	add("assurance", e.Credential.Assurance.String())
	add("rights", fmt.Sprintf("generation %d, hash %.12s, confirmed %s before", e.Generation, e.RosterHash, span(e.RosterAge)))
	if e.Posture > 0 {
		add("lockdowns by staff", fmt.Sprintf("as of number %d", e.Posture))
	}
	add("clock", e.Clock.String())
	if e.Untrusted > 0 {
		add("clock in doubt for", span(e.Untrusted))
	}
	if !e.Floor.IsZero() {
		add("surely past by then", when(e.Floor, zone))
	}
	if e.PIN != access.PINMissing {
		add("PIN", pinWords[e.PIN])
	}
	if e.Fault != access.Granted {
		add("read with the fault", e.Fault.String())
	}
	if !e.LastPass.IsZero() {
		add("last passage before", span(e.At.Sub(e.LastPass)))
	}
	return rows
}
