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
		Long: `Decides a tap that is only a question: nothing opens. First comes a sentence for
the member, then every reason, the nearest miss first, with the group and its
window, when waiting would do, what Kisi itself knows of each right, and how old
the rights are.

With --at in the past, the rights and lockdowns are those that were in force
then, for 30 days; in the future they are those of now. With --event, a tap that
was is decided again, by what was in force and known then, and the answer is held
against the recorded one. An event is named by its number, by its id, or by the
code of four characters that the tile showed; of a code the newest tap counts. A
code of digits alone may be a number as well: then the others are listed.`,
		Example: `  tilegate why --person "Anna Rossi" --door front
  tilegate why --event 4711
  tilegate why --event JEDB
  tilegate why --card 04:A2:B3:C4:D5:E6:80 --door front --at "2026-11-22 09:00"
  tilegate why --person "Anna Rossi" --door front --presence remote
  tilegate why --code - --door front < code.txt`,
		Annotations: exits(`0    the door would open, or was opened
1    it failed, there is no such person, door or event, or an event is decided
     otherwise now than it was recorded
2    the command line is wrong
10   the door would not open, or was not
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return t.why(cmd, &a) },
	}
	a.addFlags(cmd, t)
	a.addPerson(cmd)
	a.addEvent(cmd)
	t.addPresence(cmd, &a.question.Presence)
	cmd.Flags().StringVar(&a.at, "at", "", "at this `TIME`, in the zone of the site: "+timeForms+" (default now)")
	return cmd
}

func (t *tool) why(cmd *cobra.Command, a *asking) error {
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
}

// answer tells a decision, and is errNo when the door stays shut.
func (t *tool) answer(a control.Answer, asked control.Question, zone *time.Location) error {
	var err error
	if t.asJSON {
		err = t.sayJSON(a)
	} else {
		t.sayAnswer(a, asked, zone)
	}
	granted := a.Granted
	if a.Replay != nil {
		granted = a.Replay.Event.Reason == access.Granted && unlocked(a.Replay)
	}
	switch {
	case err != nil:
		return err
	case a.Replay != nil && a.Replay.Verdict == control.Differs:
		return &control.Error{
			Code: control.Failed, Message: fmt.Sprintf("event %d is decided otherwise now than it was recorded", a.Replay.Event.Seq),
			Hint: "tell the makers of tilegate, with the output of this command and --json",
		}
	case a.Silent != "":
		return &control.Error{
			Code: control.Failed, Message: "granted, but the strike did not answer: " + a.Silent,
			Hint: "tilegate door test " + a.Door,
		}
	case !granted:
		return errNo
	}
	return nil
}

func (t *tool) sayAnswer(a control.Answer, asked control.Question, zone *time.Location) {
	now := t.now()
	who, door := whose(a, asked), cmp.Or(a.DoorName, a.Door)
	if a.Say != "" {
		t.say("To the member: %s", a.Say)
		t.say("")
	}
	opens, stays := "opens", "does not open"
	if a.Replay != nil {
		t.sayRecorded(a.Replay, zone)
		opens, stays = "opened", "did not open"
		if !unlocked(a.Replay) {
			opens = "was to open"
		}
	}
	if a.Granted {
		t.say("Granted: %s %s for %s at %s.", door, opens, who, when(a.At, zone))
		t.sayGrant(a, a.Grant, zone)
		if a.Warned {
			t.say("     warning: the same card came again too soon")
		}
	} else {
		t.say("Refused: %s %s for %s at %s:", door, stays, who, when(a.At, zone))
		t.say("  %s.", a.Words)
	}
	t.sayMisses(a, zone, now)
	t.say("")
	if a.Replay != nil {
		t.sayVerdict(a.Replay, zone)
	}
	if a.Note != "" {
		t.say("Note: %s.", a.Note)
	}
	t.sayRights(a, zone)
	if len(a.Sources) > 0 {
		t.saySources(a.Sources, now)
	}
}

func (t *tool) sayMisses(a control.Answer, zone *time.Location, now time.Time) {
	if len(a.Misses) > 0 {
		t.say("")
		t.say("Every reason, nearest miss first:")
	}
	for i, m := range a.Misses {
		t.say("  %d. %s (%s)", i+1, m.Words, m.Reason.String())
		if m.Detail != "" {
			t.say("     %s", m.Detail)
		}
		t.sayGrant(a, m.Grant, zone)
		if !m.Opens.IsZero() {
			t.say("     would pass from %s, %s", when(m.Opens, zone), ago(m.Opens, now))
		}
	}
	if !a.Works.IsZero() {
		t.say("The door would open from %s, %s.", when(a.Works, zone), ago(a.Works, now))
	}
}

// sayRights tells by which rights it was decided.
func (t *tool) sayRights(a control.Answer, zone *time.Location) {
	of := ""
	if !a.RightsOf.IsZero() {
		of = ", in force since " + when(a.RightsOf, zone)
	}
	switch {
	case a.Age > 0 && a.RightsOf.IsZero() && a.Replay == nil: // by those of now
		t.say("Decided by generation %d of the rights%s, confirmed %s ago.", a.Generation, of, span(a.Age))
	case a.Age > 0:
		t.say("Decided by generation %d of the rights%s, which at that time was confirmed %s before.", a.Generation, of, span(a.Age))
	default:
		t.say("Decided by generation %d of the rights%s.", a.Generation, of)
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
	case a.Replay != nil:
		return "what was held to the tile"
	}
	return "this code"
}

// sayGrant tells what a right covers, from when to when, where it is from, and what
// Kisi knows of it.
func (t *tool) sayGrant(a control.Answer, g *access.GrantView, zone *time.Location) {
	if g == nil {
		return
	}
	t.say("     %s", scopeWord(g))
	t.say("     %s", windowWord(g.From, g.Until, zone))
	cause := cmp.Or(g.Cause, "unknown cause")
	t.say("     %s, from %s (right %s)", cause, g.Source, g.ID)
	for _, k := range a.Kisi {
		if k.Grant == g.ID {
			t.say("     %s", k.Words)
		}
	}
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
