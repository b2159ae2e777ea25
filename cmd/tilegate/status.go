package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newStatus(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "how the gateway is, on one screen",
		Long: `Shows how the gateway is: whether it can decide, its doors and their devices,
how old the rights are, how the journal is, and every trouble a person should
know, with what to do about it.`,
		Example: `  tilegate status
  tilegate status --json | jq .troubles`,
		Annotations: exits(`0    the gateway can decide
1    it failed: nobody answers
2    the command line is wrong
10   the gateway answers but cannot decide yet
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := t.look().Status(cmd.Context())
			if err != nil {
				return err
			}
			if t.asJSON {
				err = t.sayJSON(status)
			} else {
				t.sayStatus(status)
			}
			if err == nil && !status.Ready {
				return errNo
			}
			return err
		},
	}
}

func (t *tool) sayStatus(s control.Status) {
	now, zone := t.now(), t.zoneOf(s)
	if !s.Now.IsZero() {
		now = s.Now // what it tells is in its own time
	}
	ready := "ready"
	if !s.Ready {
		ready = "NOT READY"
	}
	t.say("%s (%s): %s", s.Name, s.Site, ready)
	if s.Line != "" {
		t.say("  %s", s.Line)
	}
	t.say("")
	t.say("Gateway  version %s, up since %s (%s)", s.Version, when(s.Started, zone), ago(s.Started, now))
	t.sayClock(s, zone)
	t.say("Rights   %s, %s, %s (generation %d, content %s)", count(s.Counts.Holders, "person", "people"),
		count(s.Counts.Credentials, "card or code", "cards and codes"), count(s.Counts.Grants, "right", "rights"),
		s.Generation, dash(fmt.Sprintf("%.12s", s.RosterHash)))
	t.say("Journal  %s", journalLine(s.Journal))
	if len(s.Doors) > 0 {
		t.say("")
		t.sayDoors(s.Doors, now, zone)
	}
	if len(s.Sources) > 0 {
		t.say("")
		t.saySources(s.Sources, now)
	}
	t.say("")
	if len(s.Troubles) == 0 && !s.Ready {
		t.say("No trouble has lasted long enough yet; the lines above say what is missing.")
		return
	}
	t.sayTroubles(s.Troubles, now, zone)
}

// sayClock tells by which time the gateway decides, how far it trusts it, and how
// far the clock of the machine is off.
func (t *tool) sayClock(s control.Status, zone *time.Location) {
	at := s.Now
	if at.IsZero() {
		at = t.now()
	}
	line := fmt.Sprintf("Clock    %s, %s", s.Clock.String(), when(at, zone))
	if s.ClockWhy != "" {
		line = fmt.Sprintf("Clock    NOT TRUSTED (%s), taken for %s", s.Clock.String(), when(at, zone))
	}
	t.say("%s", line)
	if s.ClockWhy != "" {
		t.say("         %s", s.ClockWhy)
	}
	for _, o := range s.Offsets {
		side := "ahead of"
		if o.Ahead < 0 {
			side = "behind"
		}
		t.say("         %v %s %s, give or take %v", o.Ahead.Abs().Round(100*time.Millisecond), side, o.Source, o.Within.Round(100*time.Millisecond))
	}
}

func journalLine(j control.JournalStatus) string {
	health := "healthy"
	if !j.Healthy {
		health = "NOT HEALTHY"
	}
	line := fmt.Sprintf("%s, %s, newest is number %d", health, count(int(min(j.Events, 1<<62)), "event", "events"), j.Last)
	if j.Waiting > 0 {
		line += fmt.Sprintf(", %d wait to be written", j.Waiting)
	}
	if j.Late > 0 {
		line += fmt.Sprintf(", %d were written after their door opened", j.Late)
	}
	if j.Err != "" {
		line += ": " + j.Err
	}
	return line
}

func (t *tool) sayTroubles(troubles []control.Trouble, now time.Time, zone *time.Location) {
	if len(troubles) == 0 {
		t.say("No troubles.")
		return
	}
	t.say("%s:", count(len(troubles), "trouble", "troubles"))
	for _, trouble := range troubles {
		subject := ""
		if trouble.Subject != "" {
			subject = " (" + trouble.Subject + ")"
		}
		t.say("  %s: %s%s", trouble.Severity, trouble.Title, subject)
		t.say("    since %s (%s) [%s]", when(trouble.Since, zone), ago(trouble.Since, now), trouble.Code)
		for line := range strings.Lines(trouble.Text) {
			t.say("    %s", strings.TrimRight(line, "\n"))
		}
	}
}
