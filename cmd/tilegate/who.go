package main

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newWho(t *tool) *cobra.Command {
	var query control.WhoQuery
	var at string
	cmd := &cobra.Command{
		Use:   "who",
		Short: "who can open a door, now or at another time",
		Long: `Lists everybody who could open a door, with the right by which they could and when
that ends. Each is asked about with the best card or code that they have; whoever
has none cannot. With --all it lists as well who has a right for the door and
could not, and why. With --at in the past, the rights are those of then, for 30
days; in the future they are those of now. With --json there is one object on
each line. The list comes in the order of the ids, as it is made.`,
		Example: `  tilegate who --door front
  tilegate who --door lab --at "2026-11-22 09:00" --all
  tilegate who --door lab --json | jq -r '.name'`,
		Annotations: exits(`0    there is somebody
1    it failed, or there is no such door
2    the command line is wrong
10   nobody could open it
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if query.Door == "" {
				return wrong(cmd, "say which door: --door DOOR")
			}
			zone := t.siteZone(cmd.Context(), at != "")
			if at != "" {
				var err error
				if query.At, err = readTime(at, t.now(), zone); err != nil {
					return wrong(cmd, "--at: %v", err)
				}
			}
			return t.who(cmd, query, zone)
		},
	}
	cmd.Flags().StringVar(&query.Door, "door", "", "the `DOOR`")
	t.completes(cmd, "door", t.completeDoorFlag)
	cmd.Flags().StringVar(&at, "at", "", "at this `TIME`, in the zone of the site: "+timeForms+" (default now)")
	cmd.Flags().BoolVar(&query.All, "all", false, "also who has a right for the door and could not")
	t.addPresence(cmd, &query.Presence)
	return cmd
}

func (t *tool) who(cmd *cobra.Command, query control.WhoQuery, zone *time.Location) error {
	could, others := 0, 0
	err := t.look().Who(cmd.Context(), query, func(o control.Opener) error {
		if o.Granted {
			could++
		} else {
			others++
		}
		if t.asJSON {
			return json.NewEncoder(t.out).Encode(o)
		}
		t.say("%-28s %s", cmp.Or(o.Name, o.Holder), openerWord(o, zone))
		return t.out.err
	})
	if err != nil {
		return err
	}
	if !t.asJSON {
		t.say("%s.", openersWord(could, others, query.All))
	}
	if could == 0 {
		return errNo
	}
	return nil
}

func openersWord(could, others int, all bool) string {
	text := count(could, "person", "people") + " could open it"
	if could == 0 {
		text = "Nobody could open it"
	}
	if all {
		text += "; " + count(others, "person has", "people have") + " a right for it and could not"
	}
	return text
}

// openerWord is by what somebody could open the door and until when, or why not.
func openerWord(o control.Opener, zone *time.Location) string {
	by := ""
	if o.Grant != nil {
		by = "by " + scopeWord(o.Grant)
	}
	switch {
	case o.Granted && o.Until.IsZero():
		return by
	case o.Granted:
		return by + ", until " + when(o.Until, zone)
	case o.NoCard && o.Reason == 0:
		return "not: has no card or code (" + by + ")"
	}
	text := "not: " + o.Reason.String()
	if by != "" {
		text += " (" + by + ")"
	}
	if !o.Works.IsZero() {
		text += ", from " + when(o.Works, zone)
	}
	return text
}
