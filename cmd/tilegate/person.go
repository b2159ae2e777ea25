package main

import (
	"cmp"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newPerson(t *tool) *cobra.Command {
	return noun("person", "people at the doors", "People, as the doors saw them.",
		`  tilegate person seen`,
		newPersonSeen(t))
}

func newPersonSeen(t *tool) *cobra.Command {
	var since string
	var today bool
	cmd := &cobra.Command{
		Use:   "seen",
		Short: "who was let in today",
		Long: `Lists by name who was let in at any door since midnight, or since another time:
the last door, when, and which way where the reader says so (one that is named
"in" or "out"). Who came before that time is not on it, nor who came in behind
somebody else.

It is a list for an evacuation only where every door to the outside reads who
comes and who goes; doors between rooms are marked with interior = true in the
settings. Then those who went out are left off. Anywhere else it says what it is
not. That you looked is written into the journal.`,
		Example: `  tilegate person seen
  tilegate person seen --since "2026-11-21 18:00"
  tilegate person seen --json | jq -r '.people[] | [.name, .door, .at] | @tsv'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if today && since != "" {
				return wrong(cmd, "--today and --since are two times: leave one away")
			}
			zone := t.siteZone(cmd.Context(), since != "")
			var from time.Time
			if since != "" {
				var err error
				if from, err = readTime(since, t.now(), zone); err != nil {
					return wrong(cmd, "--since: %v", err)
				}
				if from.After(t.now()) {
					return wrong(cmd, "--since: %s is still to come", when(from, zone))
				}
			}
			seen, err := t.look().Seen(cmd.Context(), from)
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(seen)
			}
			t.saySeen(seen, zone)
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "since this `TIME`, in the zone of the site: "+timeForms)
	cmd.Flags().BoolVar(&today, "today", false, "since midnight at the site, which is also what it is without any flag")
	return cmd
}

func (t *tool) saySeen(seen control.Seen, zone *time.Location) {
	title := "Seen"
	if seen.Evacuation {
		title = "EVACUATION LIST: came in"
	}
	t.say("%s since %s, as of %s", title, when(seen.Since, zone), when(seen.At, zone))
	t.say("")
	rows := t.table("NAME", "LAST DOOR", "TIME", "WAY")
	left, shown := 0, 0
	for _, p := range seen.People {
		if p.Left {
			left++
		}
		if p.Left && seen.Evacuation {
			continue
		}
		shown++
		rows.row(cmp.Or(p.Name, p.Holder), cmp.Or(p.DoorName, p.Door), when(p.At, zone), p.Way)
	}
	rows.end()
	t.say("")
	if seen.Evacuation {
		t.say("%s inside, as far as the doors know; %s seen to leave.", count(shown, "person is", "people are"), count(left, "was", "were"))
		t.say("Not on it: who came before that time, and who came in behind somebody else.")
		return
	}
	t.say("%s seen. This is no list of who is inside: %s.", count(shown, "person was", "people were"), seen.Why)
}
