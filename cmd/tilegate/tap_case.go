package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/casefile"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

// ranCase is what became of the taps of a case.
type ranCase struct {
	Path      string            `json:"path"`
	Title     string            `json:"title,omitempty"`
	Zone      string            `json:"time_zone"`
	OK        bool              `json:"ok"` // all as expected
	Different int               `json:"different"`
	Results   []casefile.Result `json:"results"`
}

// runCase runs a case in this process: no gateway, no socket, no clock.
func (t *tool) runCase(path string) error {
	c, err := casefile.Load(path)
	if err != nil {
		return mistakesIn(path, err)
	}
	results, err := c.Run()
	if err != nil {
		return err
	}
	ran := ranCase{Path: path, Title: c.Title, Zone: c.Zone.String(), Results: results}
	for i := range results {
		if !results[i].AsExpected() {
			ran.Different++
		}
	}
	if ran.OK = ran.Different == 0; t.asJSON {
		err = t.sayJSON(ran)
	} else {
		t.sayCase(c, &ran)
	}
	if err == nil && !ran.OK {
		return errNo
	}
	return err
}

// mistakesIn tells every mistake of a case, one on a line.
func mistakesIn(path string, err error) error {
	all := config.Mistakes(err)
	if len(all) == 0 {
		return err
	}
	lines := make([]string, len(all))
	for i, m := range all {
		lines[i] = m.Error()
	}
	return &control.Error{
		Code: control.Failed, Message: strings.Join(lines, "\n"),
		Hint: fmt.Sprintf("correct %s (%s); docs/CASES.md has the format with an example", path, count(len(all), "mistake", "mistakes")),
	}
}

func (t *tool) sayCase(c *casefile.Case, ran *ranCase) {
	if ran.Title != "" {
		t.say("%s (%s)", ran.Title, ran.Path)
		t.say("")
	}
	rows := t.table("LINE", "AT", "WHO", "DOOR", "ANSWER", "CASE")
	for i := range ran.Results {
		r := &ran.Results[i]
		verdict := "as expected"
		if !r.AsExpected() {
			verdict = "DIFFERENT"
		}
		rows.row(strconv.Itoa(r.Line), casefile.When(r.At, c.Zone), r.Who, r.Door, caseAnswer(r, c), verdict)
	}
	rows.end()
	t.say("")
	for i := range ran.Results {
		r := &ran.Results[i]
		for _, wrong := range r.Wrong {
			t.say("%s:%d: %s", ran.Path, r.Line, wrong)
		}
		if r.Note != "" && !r.AsExpected() {
			t.say("    the case says: %s", r.Note)
		}
	}
	t.say("%s: %d as expected, %d different.", count(len(ran.Results), "tap or look", "taps and looks"), len(ran.Results)-ran.Different, ran.Different)
}

// caseAnswer is one answer in a few words.
func caseAnswer(r *casefile.Result, c *casefile.Case) string {
	d := r.Decision
	switch {
	case d == nil && r.Open:
		return "stands open"
	case d == nil:
		return "stays shut"
	case d.Granted && d.Warned:
		return fmt.Sprintf("granted by %q, again too soon", d.Grant.ID)
	case d.Granted:
		return fmt.Sprintf("granted by %q", d.Grant.ID)
	}
	text := "refused: " + casefile.Reasons(d)
	if !d.Works.IsZero() {
		text += "; works from " + casefile.When(d.Works, c.Zone)
	}
	return text
}

// onlyCase refuses what says something else beside the case.
func onlyCase(cmd *cobra.Command) error {
	for _, flag := range []string{"card", "code", "door"} {
		if cmd.Flags().Changed(flag) {
			return wrong(cmd, "--case says who taps where; leave --%s away", flag)
		}
	}
	return nil
}
