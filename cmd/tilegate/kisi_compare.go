package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/control"
)

func newKisiCompare(t *tool) *cobra.Command {
	ask := control.Comparison{}
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "hold our decisions against Kisi's own",
		Long: `Reads from Kisi's log who unlocked or was refused in the last days, and has the
gateway decide each of them again, by the rights that were in force then as far
as it keeps them (30 days), else by today's. What it would have decided
otherwise is told by cause, worst first: where the gateway opens and Kisi did
not; where Kisi opened and the gateway does not; and where both refuse, for
another reason. For the newest of each it tries what may explain it, such as a
setting under [kisi]. Nothing opens and nothing is changed.

It reads at the pace that Kisi allows, about 800 unlocks a second at most, and
slows a sync of the rights meanwhile. It needs the operate socket.`,
		Example: `  tilegate kisi compare
  tilegate kisi compare --days 90 --json | jq '.disagreements'`,
		Annotations: exits(`0    all that could be compared is alike
1    it failed
2    the command line is wrong
10   some is not alike
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ask.Days < 1 || ask.Days > control.LongestCompareDays {
				return wrong(cmd, "--days %d: use 1 to %d, which is as far back as Kisi's log goes", ask.Days, control.LongestCompareDays)
			}
			return t.compareKisi(cmd.Context(), ask)
		},
	}
	cmd.Flags().IntVar(&ask.Days, "days", control.UsualCompareDays, fmt.Sprintf("how many `DAYS` back, 1 to %d", control.LongestCompareDays))
	return cmd
}

// compareKisi tells how far the comparison is, and then what came of it.
func (t *tool) compareKisi(ctx context.Context, ask control.Comparison) error {
	zone := t.siteZone(ctx, false)
	var report *cloud.Comparison
	bar := t.progress()
	err := t.act().CompareKisi(ctx, ask, func(step control.Compared) error {
		if report = step.Report; report == nil {
			bar.tell(step.Step, comparingWords(step.Comparing, zone))
		}
		return nil
	})
	bar.end()
	switch {
	case err != nil:
		return err
	case report == nil:
		return &control.Error{Code: control.Failed, Message: "the gateway ended the comparison without a report", Hint: "see: journalctl -u tilegated"}
	case t.asJSON:
		err = t.sayJSON(report)
	default:
		t.sayComparison(report, zone)
	}
	if err == nil && len(report.Disagreements) > 0 {
		err = errNo
	}
	return err
}

func comparingWords(step cloud.Comparing, zone *time.Location) string {
	text := step.Step
	if step.Events > 0 {
		text += ": " + count(step.Events, "event", "events") + " read"
	}
	if !step.At.IsZero() {
		text += ", at " + when(step.At, zone)
	}
	return text
}

// openers is who opens where the other does not.
var openers = map[string]string{
	"tilegate": "tilegate opens and Kisi refused", "kisi": "Kisi opened and tilegate refuses", "nobody": "both refuse, for different reasons",
}

func (t *tool) sayComparison(r *cloud.Comparison, zone *time.Location) {
	t.say("%s in Kisi's log from %s to %s.", count(r.Events, "unlock", "unlocks"), when(r.From, zone), when(r.Until, zone))
	t.say("Decided again: %d, of which alike: %d.", r.Compared, r.Agreed)
	if r.Near > 0 {
		t.say("  %d are alike if the phone was held to the tile, of which the log says nothing.", r.Near)
	}
	if r.Today > 0 {
		t.say("  %d were decided by today's rights: none are kept of their time.", r.Today)
	}
	if r.Compared == 0 {
		t.say("Nothing was compared, so nothing is known of how alike the gateway and Kisi decide.")
	}
	if len(r.Skipped) > 0 {
		t.say("Not decided again:")
	}
	for _, s := range r.Skipped {
		t.say("  %d: %s", s.Count, s.Why)
	}
	for i, d := range r.Disagreements {
		t.say("")
		t.say("%d. %s: %s", i+1, openers[d.Opener], count(d.Count, "time", "times"))
		t.say("   Kisi:     %s", strings.TrimSpace(d.Kisi+" "+bracketed(d.Code)))
		t.say("   tilegate: %s %s", d.Newest.Words, bracketed(d.Ours.String()))
		x := d.Newest
		t.say("   newest:   %s, %s at %s, with %s", when(x.At, zone), x.Person, x.Door, x.By)
		if x.Group != "" {
			t.say("             by %s", x.Group)
		}
		if x.Detail != "" {
			t.say("             %s", x.Detail)
		}
		for _, may := range d.May {
			t.say("   perhaps:  %s", may)
		}
		if len(d.May) == 0 {
			t.say("   perhaps:  nothing that was tried explains it; please report it")
		}
	}
}

func bracketed(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}
