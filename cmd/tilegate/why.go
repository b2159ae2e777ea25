package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func newWhy(t *tool) *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "why",
		Short: "why a door opens for somebody, or does not",
		Long: `Decides a tap that is only a question: nothing opens. It shows every reason, the
nearest miss first, with the group and its window, when waiting would do, and
how old the rights are. The rights are those of now, also with --at.`,
		Example: `  tilegate why --person "Anna Rossi" --door front
  tilegate why --card 04:A2:B3:C4:D5:E6:80 --door front --at "2026-11-22 09:00"
  tilegate why --code - --door front < code.txt`,
		Annotations: exits(`0    the door would open
1    it failed, or there is no such person or door
2    the command line is wrong
10   the door would not open
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			question, err := a.read(cmd, t)
			if err != nil {
				return err
			}
			zone := t.siteZone(cmd.Context(), a.at != "")
			if a.at != "" {
				if question.At, err = readTime(a.at, t.now(), zone); err != nil {
					return wrong(cmd, "--at: %v", err)
				}
			}
			answer, err := t.look().Why(cmd.Context(), question)
			if err != nil {
				return err
			}
			return t.answer(answer, question, zone)
		},
	}
	a.addFlags(cmd, t)
	a.addPerson(cmd)
	cmd.Flags().StringVar(&a.at, "at", "", "at this `TIME`, in the zone of the site: "+timeForms+" (default now)")
	return cmd
}

// answer tells a decision, and is errNo when the door stays shut.
func (t *tool) answer(a control.Answer, asked control.Question, zone *time.Location) error {
	var err error
	if t.asJSON {
		err = t.sayJSON(a)
	} else {
		t.sayAnswer(a, asked, zone)
	}
	if err == nil && !a.Granted {
		return errNo
	}
	return err
}

func (t *tool) sayAnswer(a control.Answer, asked control.Question, zone *time.Location) {
	now := t.now()
	who, door := whose(a, asked), cmp.Or(a.DoorName, a.Door)
	if a.Granted {
		t.say("Granted: %s opens for %s at %s.", door, who, when(a.At, zone))
		if a.Grant != nil {
			t.sayGrant(a.Grant, zone)
		}
	} else {
		t.say("Refused: %s does not open for %s at %s:", door, who, when(a.At, zone))
		t.say("  %s.", a.Words)
	}
	if len(a.Misses) > 0 {
		t.say("")
		t.say("Every reason, nearest miss first:")
	}
	for i, m := range a.Misses {
		t.say("  %d. %s (%s)", i+1, m.Words, m.Reason.String())
		if m.Grant != nil {
			t.sayGrant(m.Grant, zone)
		}
		if !m.Opens.IsZero() {
			t.say("     would pass from %s, %s", when(m.Opens, zone), ago(m.Opens, now))
		}
	}
	t.say("")
	if a.Note != "" {
		t.say("Note: %s.", a.Note)
	}
	if a.Age > 0 {
		t.say("Decided by generation %d of the rights, which at that time was confirmed %s before.", a.Generation, span(a.Age))
	} else {
		t.say("Decided by generation %d of the rights.", a.Generation)
	}
	if len(a.Sources) > 0 {
		t.saySources(a.Sources, now)
	}
}

// whose is whom an answer is about, without repeating a card or a code.
func whose(a control.Answer, asked control.Question) string {
	who := cmp.Or(a.Name, a.Holder, asked.Person)
	switch {
	case who != "":
		return who
	case asked.Card != "":
		return "this card"
	}
	return "this code"
}

// sayGrant tells what a right covers, from when to when, and where it is from.
func (t *tool) sayGrant(g *access.GrantView, zone *time.Location) {
	t.say("     %s", scopeWord(g))
	t.say("     %s", windowWord(g.From, g.Until, zone))
	cause := cmp.Or(g.Cause, "unknown cause")
	t.say("     %s, from %s (right %s)", cause, g.Source, g.ID)
}

func scopeWord(g *access.GrantView) string {
	if g.ScopeID == "" {
		return cmp.Or(g.ScopeName, g.Scope)
	}
	return fmt.Sprintf("%s %q (%s)", g.Scope, cmp.Or(g.ScopeName, g.ScopeID), g.ScopeID)
}

// windowWord is from when to when; an open side has no time.
func windowWord(from, until time.Time, zone *time.Location) string {
	switch {
	case from.IsZero() && until.IsZero():
		return "at any time"
	case from.IsZero():
		return "until " + when(until, zone)
	case until.IsZero():
		return "from " + when(from, zone) + " on"
	}
	return "from " + when(from, zone) + " until " + when(until, zone)
}
