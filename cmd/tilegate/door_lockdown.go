package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

// placing is the words and flags that say which door, place or site is meant.
type placing struct {
	place string
	site  bool
}

func (p *placing) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.place, "place", "", "the `PLACE`, by its id or its name: all doors in it")
	cmd.Flags().BoolVar(&p.site, "site", false, "the whole site: all doors of the gateway")
}

// read checks that exactly one of them is given.
func (p *placing) read(cmd *cobra.Command, args []string) (control.Where, error) {
	where := control.Where{Place: p.place, Site: p.site}
	given := len(args)
	for _, flag := range []string{"place", "site"} {
		if cmd.Flags().Changed(flag) {
			given++
		}
	}
	if len(args) > 0 {
		where.Door = args[0]
	}
	if given != 1 || where == (control.Where{}) {
		return where, wrong(cmd, "say one of: a DOOR, --place PLACE, --site")
	}
	return where, nil
}

func newDoorLockdown(t *tool) *cobra.Command {
	var at placing
	var reason string
	cmd := &cobra.Command{
		Use:   "lockdown DOOR | --place PLACE | --site",
		Short: "let nobody in any more",
		Long: `Locks a door, all doors of a place, or the whole site down: from this moment every
tap is refused as locked_down, whatever rights a member has. Holds and unlock
schedules end, and a door that is unlocked locks at once. It survives a restart
of the gateway, and lasts until somebody ends it with "tilegate door release".

It does not touch the way out: handles, exit buttons and the fire panel work as
ever, in hardware. It does not shut a door that stands open, and is no alarm to
anybody. It stays on this gateway: Kisi is not told, and a lockdown of Kisi's is
another one, which ends only there.

The journal records who did it and why. It needs the operate socket.`,
		Example: `  tilegate door lockdown --site --reason "smoke in the hall"
  tilegate door lockdown --place hq
  tilegate door lockdown front`,
		Annotations: exits(`0    it is locked down, and written down
1    it failed, or there is no such door or place; the message says if it is
     locked down all the same
2    the command line is wrong
130  interrupted: it may be locked down`),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			where, err := at.read(cmd, args)
			if err != nil {
				return err
			}
			done, err := t.act().LockDown(cmd.Context(), control.Lockdown{Where: where, Reason: reason})
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(done)
			}
			t.say("%s: locked down (%s), recorded as event %s", done.String(), count(done.Doors, "door", "doors"), done.Event)
			return nil
		},
	}
	at.addFlags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the journal and for whoever ends it: `TEXT`")
	return cmd
}

func newDoorRelease(t *tool) *cobra.Command {
	var at placing
	cmd := &cobra.Command{
		Use:   "release DOOR | --place PLACE | --site",
		Short: "end a lockdown, a hold or an unlock schedule",
		Long: `Ends what is unusual about a door and says what that was:

  locked down from here  the lockdown ends, and the door is as it was meant to be:
                         its unlock schedule, if it has one, opens it again
  held open              the hold ends and the door locks
  unlocked by schedule   the door locks, and stays so until these hours end

A hold that ends during unlock hours also leaves the door locked until these end;
another hold opens it before. --place and --site end the lockdown that was begun
with the same words, and nothing else: a lockdown is released only where it was
set. What still locks a door down is named; one of Kisi's ends only in Kisi. The
journal records who did it. It needs the operate socket.`,
		Example: `  tilegate door release front
  tilegate door release --site`,
		Annotations: exits(`0    it is ended, and written down
1    it failed, there was nothing to end, or there is no such door or place
2    the command line is wrong
130  interrupted: it may be ended`),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: t.completeDoor,
		RunE: func(cmd *cobra.Command, args []string) error {
			where, err := at.read(cmd, args)
			if err != nil {
				return err
			}
			done, err := t.act().Release(cmd.Context(), where)
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(done)
			}
			t.sayReleased(done, t.siteZone(cmd.Context(), false))
			return nil
		},
	}
	at.addFlags(cmd)
	return cmd
}

// sayReleased tells what was ended, and what was not.
func (t *tool) sayReleased(done control.Released, zone *time.Location) {
	what := map[string]string{
		"lockdown": "the lockdown has ended", "hold": "the hold has ended and the door is locked", "unlock_hours": "locked",
	}[done.Ended]
	if !done.Kept.IsZero() {
		what += ", and its unlock schedule does not open it until " + when(done.Kept, zone)
	}
	t.say("%s: %s, recorded as event %s", done.String(), what, done.Event)
	for _, still := range done.Still {
		t.say("  STILL LOCKED DOWN: %s", still)
	}
}

// sayPosture tells how a door stands that is not simply locked.
func (t *tool) sayPosture(d control.Door, now time.Time, zone *time.Location) {
	for _, s := range d.Shut {
		by := ""
		if s.By != "" {
			by = ": " + s.By + ", " + ago(s.Since, now)
		}
		if s.Reason != "" {
			by += ": " + s.Reason
		}
		t.say("  %s: %s%s", d.ID, s.Words, by)
	}
	switch {
	case !d.Held.IsZero():
		t.say("  %s: held open by %s until %s", d.ID, dash(d.HeldBy), when(d.Held, zone))
	case !d.Unlocked.IsZero():
		since := ""
		if d.Hours == "first_to_arrive" {
			since = " since somebody arrived"
		}
		t.say("  %s: unlocked by its schedule%s, until %s", d.ID, since, when(d.Unlocked, zone))
	case d.HeldNot != "":
		t.say("  %s: a hold waits: %s", d.ID, d.HeldNot)
	}
	if !d.Kept.IsZero() {
		t.say("  %s: kept locked by %s until %s, though its schedule would open it", d.ID, dash(d.KeptBy), when(d.Kept, zone))
	}
}
