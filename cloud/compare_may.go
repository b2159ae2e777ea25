package cloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

const (
	// explainedCauses bounds how many disagreements are looked into: each takes
	// some rights to be built.
	explainedCauses = 20
	// behind is how long a change in Kisi may take to get here.
	behind = 30 * time.Minute
)

// finish puts the counts in order and looks for what may explain each cause.
func (c *comparing) finish(ctx context.Context) (Comparison, error) {
	for why, n := range c.skipped {
		c.report.Skipped = append(c.report.Skipped, Skipped{Why: why, Count: n})
	}
	slices.SortFunc(c.report.Skipped, func(a, b Skipped) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Why, b.Why))
	})
	var causes []*cause
	for _, found := range c.causes {
		causes = append(causes, found)
	}
	weight := map[string]int{"tilegate": 0, "kisi": 1, "nobody": 2} // who opens where Kisi does not is told first
	slices.SortFunc(causes, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(weight[a.Opener], weight[b.Opener]), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Ours, b.Ours))
	})
	for i, found := range causes {
		if i < explainedCauses {
			c.say(fmt.Sprintf("looking into disagreement %d of %d", i+1, min(len(causes), explainedCauses)))
			if err := c.explain(ctx, found); err != nil {
				return Comparison{}, err
			}
		}
		c.report.Disagreements = append(c.report.Disagreements, found.Disagreement)
	}
	return c.report, nil
}

// explain tries what would make the newest event of a cause agree.
func (c *comparing) explain(ctx context.Context, found *cause) error {
	said, _ := verdictOf(&found.event)
	q := c.question(&found.event)
	fits := func(a *arbiter, q question) bool {
		d, _ := a.answer(q, said)
		return said.fits(&d)
	}
	if !found.kept {
		found.may("no rights are kept of that time, so it was decided by today's: they may have changed since")
	}
	for _, near := range []struct {
		at   time.Time
		text string
	}{
		{q.at.Add(behind), "the rights of half an hour later agree: Kisi had a change before the gateway did"},
		{q.at.Add(-behind), "the rights of half an hour before agree: a change had not reached Kisi's door yet"},
	} {
		number, kept, err := c.past.NumberAt(ctx, near.at)
		if err != nil {
			return err
		}
		if !kept || number == found.generation {
			continue
		}
		a, err := c.arbiterOf(ctx, number)
		if err != nil {
			return err
		}
		if fits(a, q) {
			found.may(near.text)
		}
	}
	a, err := c.arbiterOf(ctx, found.generation)
	if err != nil {
		return err
	}
	earlier := q
	earlier.at = q.at.Add(-time.Minute)
	if said.opened && fits(a, earlier) {
		found.may("a minute earlier agrees: Kisi may count the minute of the end as inside. There is no setting for that; please report it")
	}
	for _, s := range c.settings(said) {
		if other, err := a.with(s.change); err == nil && fits(other, q) {
			found.may("[kisi] " + s.name + " would agree")
		}
	}
	return nil
}

func (c *cause) may(text string) { c.May = append(c.May, text) }

// setting is a choice of [kisi] that could have been another.
type setting struct {
	name   string
	change func(*access.Roster)
}

// settings are the choices that are not made, as changes of the rights.
func (c *comparing) settings(said verdict) []setting {
	zone := setting{`organization_hours = "organization"`, func(r *access.Roster) {
		for i := range r.Groups {
			r.Groups[i].Zone = cmp.Or(r.Groups[i].Zone, c.zone)
		}
	}}
	if c.mirror.rules.zoneOfOrganisation {
		zone = setting{`organization_hours = "door"`, func(r *access.Roster) {
			for i := range r.Groups {
				if r.Groups[i].Zone == c.zone {
					r.Groups[i].Zone = ""
				}
			}
		}}
	}
	missing := setting{`hours_missing = "open"`, openUnscheduled}
	if c.mirror.rules.openUnscheduled {
		missing = setting{`hours_missing = "closed"`, func(r *access.Roster) {
			r.Schedules = slices.DeleteFunc(r.Schedules, func(s access.Schedule) bool { return strings.HasSuffix(s.ID, alwaysMark) })
		}}
	}
	end := setting{`hours_until_2359 = "literal"`, endsAt(access.MinutesADay, access.MinutesADay-1)}
	if c.mirror.rules.literalEnd {
		end = setting{`hours_until_2359 = "midnight"`, endsAt(access.MinutesADay-1, access.MinutesADay)}
	}
	all := []setting{zone, missing, end}
	if c.mirror.rules.appAnywhere && said.bindsPhones() {
		all = append(all, setting{`app_restrictions = "remote"`, func(r *access.Roster) {
			for i := range r.Groups { // which of them bind phones is not kept
				r.Groups[i].AtDoorOnly = true
			}
		}})
	}
	return all
}

// endsAt moves the end of hours that end at one minute to another.
func endsAt(from, to access.Minute) func(*access.Roster) {
	return func(r *access.Roster) {
		for i := range r.Schedules {
			if s := &r.Schedules[i]; s.Days != 0 && s.Until == from {
				s.Until = to
			}
		}
	}
}

// openUnscheduled lifts the time restriction of what has no hours.
func openUnscheduled(r *access.Roster) {
	scheduled := map[string]bool{}
	for _, s := range r.Schedules {
		if s.Consequence == access.Allow && !s.Except {
			scheduled[s.OnID] = true
		}
	}
	for i := range r.Groups {
		r.Groups[i].Restricted = r.Groups[i].Restricted && scheduled[r.Groups[i].ID]
	}
	for i := range r.Doors {
		r.Doors[i].Restricted = r.Doors[i].Restricted && scheduled[r.Doors[i].ID]
	}
}

// with is the same rights with other groups, doors or schedules.
func (a *arbiter) with(change func(*access.Roster)) (*arbiter, error) {
	r := a.roster
	r.Groups, r.Doors, r.Schedules = slices.Clone(r.Groups), slices.Clone(r.Doors), slices.Clone(r.Schedules)
	change(&r)
	return newArbiter(a.number, r)
}
