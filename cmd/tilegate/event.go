package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func newEvent(t *tool) *cobra.Command {
	return noun("event", "read the journal", "Reads the journal: every tap and what came of it, and all that people and the\ngateway did.",
		`  tilegate event list --door front
  tilegate event show 4711
  tilegate event follow`,
		newEventList(t), newEventShow(t), newEventFollow(t))
}

// selection is the flags that choose events.
type selection struct {
	query        control.EventQuery
	since, until string
}

func (s *selection) addFlags(cmd *cobra.Command, t *tool) {
	cmd.Flags().StringVar(&s.query.Door, "door", "", "only of this `DOOR`")
	cmd.Flags().StringVar(&s.query.Kind, "kind", "", "only of this `KIND`: decision, outcome, alarm, action or system")
	cmd.Flags().StringVar(&s.query.Reason, "reason", "", "only decisions with this `REASON`, as granted or not_yet")
	cmd.Flags().Uint64Var(&s.query.After, "after", 0, "only after the event with this `NUMBER`")
	t.completes(cmd, "door", t.completeDoorFlag)
	t.completes(cmd, "kind", cobra.FixedCompletions([]cobra.Completion{"decision", "outcome", "alarm", "action", "system"}, cobra.ShellCompDirectiveNoFileComp))
	var reasons []cobra.Completion
	for _, reason := range access.Reasons() {
		reasons = append(reasons, cobra.CompletionWithDesc(reason.String(), reason.Words()))
	}
	t.completes(cmd, "reason", cobra.FixedCompletions(reasons, cobra.ShellCompDirectiveNoFileComp))
}

// completes says how a flag of this very command is completed.
func (t *tool) completes(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // the flag is not there: a slip in this program
	}
}

// times reads the times of the selection in the zone of the site.
func (s *selection) times(cmd *cobra.Command, now time.Time, zone *time.Location) error {
	for _, one := range []struct {
		flag, text string
		into       *time.Time
	}{{"--since", s.since, &s.query.Since}, {"--until", s.until, &s.query.Until}} {
		if one.text == "" {
			continue
		}
		at, err := readTime(one.text, now, zone)
		if err != nil {
			return wrong(cmd, "%s: %v", one.flag, err)
		}
		*one.into = at
	}
	return nil
}

func newEventList(t *tool) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list events, oldest first",
		Long: `Lists events of the journal, oldest first: the newest 100, or what the flags
choose. Cards show as their kind and the first characters of a digest. CODE is
what a tile with a display shows to whom it sends away, to be read out to the
desk.`,
		Example: `  tilegate event list --door front --since -2h
  tilegate event list --reason unknown --since "2026-11-21 09:00" --until "2026-11-21 18:00"
  tilegate event list --json | jq -r '.[] | [.at, .door, .reason] | @tsv'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			zone := t.siteZone(cmd.Context(), s.since != "" || s.until != "")
			if err := s.times(cmd, t.now(), zone); err != nil {
				return err
			}
			events, err := t.look().Events(cmd.Context(), s.query)
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(events)
			}
			rows := t.table("TIME", "NUMBER", "CODE", "DOOR", "WHAT", "WHO", "DETAIL")
			for _, e := range events {
				cells := eventCells(e, zone)
				rows.row(slices.Insert(cells, 2, codeOf(e))...)
			}
			rows.end()
			if n := len(events); n >= cmp.Or(s.query.Limit, control.UsualEvents) {
				_, _ = fmt.Fprintln(t.err, moreEvents(n, s.query.After > 0, events[n-1].Seq))
			}
			return nil
		},
	}
	s.addFlags(cmd, t)
	cmd.Flags().IntVar(&s.query.Limit, "limit", 0, fmt.Sprintf("at most this `NUMBER` of events; 0 is %d, and %d are the most", control.UsualEvents, control.MaxEvents))
	cmd.Flags().StringVar(&s.since, "since", "", "only from this `TIME` on: "+timeForms)
	cmd.Flags().StringVar(&s.until, "until", "", "only before this `TIME`")
	return cmd
}

// moreEvents says how to see the events that the limit cut off: the newest are
// shown, or with --after the next.
func moreEvents(shown int, after bool, last uint64) string {
	if after {
		return fmt.Sprintf("Only the next %d events are shown; go on with --after %d.", shown, last)
	}
	return fmt.Sprintf("Only the newest %d events are shown; see more with --limit, or choose with --since, --until, --door.", shown)
}

func newEventFollow(t *tool) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "follow",
		Short: "show events as they happen",
		Long: `Shows every event as it happens, until it is interrupted, which is how it ends
and no failure. With --after it begins behind the event with that number, so
that nothing is missed. With --json there is one object on each line.`,
		Example: `  tilegate event follow --door front
  tilegate event follow --after 81231 --json`,
		Annotations: exits(`0    it was interrupted
1    it failed, or the gateway stopped
2    the command line is wrong`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			zone := t.siteZone(cmd.Context(), false)
			err := t.look().Follow(cmd.Context(), s.query, func(e access.Event) error {
				if t.asJSON {
					return json.NewEncoder(t.out).Encode(e)
				}
				t.say("%s", eventLine(e, zone))
				return t.out.err
			})
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
	s.addFlags(cmd, t)
	return cmd
}

// codeOf is what a member who was sent away can read out; only taps have one.
func codeOf(e access.Event) string {
	if e.Kind != access.DecisionEvent {
		return ""
	}
	return e.Code()
}

// eventLine is an event on one line of a stream.
func eventLine(e access.Event, zone *time.Location) string {
	c := eventCells(e, zone)
	if code := codeOf(e); code != "" && e.Reason != access.Granted {
		c[3] += " (code " + code + ")"
	}
	parts := []string{c[0], "#" + c[1], fmt.Sprintf("%-12s", dash(c[2])), dash(c[3])}
	for _, more := range c[4:] {
		if more != "" {
			parts = append(parts, more)
		}
	}
	return strings.Join(parts, "  ")
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// eventCells are time, number, door, what, who and detail.
func eventCells(e access.Event, zone *time.Location) []string {
	what, detail := e.Kind.String(), e.Detail
	switch e.Kind {
	case access.DecisionEvent:
		what = decisionWord(e)
	case access.AlarmEvent:
		what, detail = alarmWords(e)
	case access.OutcomeEvent, access.ActionEvent, access.SystemEvent:
	}
	if e.Late {
		detail = strings.TrimSpace(detail + " (written late)")
	}
	return []string{when(e.At, zone), fmt.Sprint(e.Seq), e.Door, what, whoWord(e), detail}
}

// alarmWords is what an alarm is, and what that means.
func alarmWords(e access.Event) (what, detail string) {
	alarm, begins, known := access.AlarmOf(e.Detail)
	if !known {
		return e.Kind.String(), e.Detail
	}
	if what = "alarm: " + alarm.String(); !begins {
		what = "alarm over: " + alarm.String()
	}
	if begins {
		detail = alarm.Words()
	}
	if e.Reader != "" {
		detail = strings.TrimSuffix(e.Reader+": "+detail, ": ")
	}
	return what, detail
}

func decisionWord(e access.Event) string {
	switch {
	case e.Reason == access.Granted && e.Warned:
		return "granted, warning: passback"
	case e.Reason == access.Granted:
		return "granted"
	}
	reasons := []string{e.Reason.String()}
	for _, reason := range e.Reasons {
		if reason != e.Reason {
			reasons = append(reasons, reason.String())
		}
	}
	return "refused: " + strings.Join(reasons, ", ")
}

// whoWord is who an event is about: by reference, since the journal has no names.
func whoWord(e access.Event) string {
	var who []string
	if e.Actor != "" {
		who = append(who, "by "+e.Actor)
	}
	if e.Holder != "" {
		who = append(who, e.Holder)
	}
	if e.Credential.Digest != (access.Digest{}) {
		who = append(who, e.Credential.String())
	}
	return strings.Join(who, " ")
}
