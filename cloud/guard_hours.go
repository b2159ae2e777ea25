package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Schedules have no totals that would prove a disappearance, and one that is
// missing shuts people out, or, if it took time away, lets them in when nobody
// should. So the guard holds every schedule that is merely absent until a second
// crawl agrees, and where half of all are, or all that open a group or a door,
// until a person does. What is said passes at once: a schedule that is new,
// changed or switched off, a restriction that was switched on or off, and one
// schedule in the place of another. So does the end of an unlock schedule: the
// door locks, and nobody with a right is shut out.

// hoursOf names the schedules that count together: those of one consequence of a
// group or a door, which open it or take time away.
type hoursOf struct {
	on          access.ScopeKind
	id          string
	consequence access.Consequence
	narrows     bool
}

func hoursKind(s *access.Schedule) hoursOf {
	return hoursOf{s.On, s.OnID, s.Consequence, narrows(s)}
}

// narrows says whether a door would be open for longer without the schedule.
func narrows(s *access.Schedule) bool { return s.Except != (s.Consequence == access.FirstToArrive) }

// hoursTally counts the schedules that were, and those that are missing.
type hoursTally struct{ had, lost int }

func (t hoursTally) half() bool { return t.lost == t.had || t.lost > 1 && t.lost*2 >= t.had }

// lostHours are the schedules that are absent without a word, of each kind.
type lostHours struct {
	*crawl
	rows  map[hoursOf][]*access.Schedule
	gone  map[bool]*hoursTally // over all: those that take time away, and those that open
	there map[hoursOf]int      // how many there are now
	added map[hoursOf]int      // of these, new ones
	known map[string]struct{}  // ids that were
	said  map[string]struct{}  // ids that are
	here  map[string]struct{}  // groups that have or had a door that is watched
}

// ownSchedule is the source's id of a schedule that may be one row of several.
func ownSchedule(id string) string {
	own, _, _ := strings.Cut(id, "#")
	return own
}

// compareHours finds the schedules that are missing.
func (c *crawl) compareHours(next []access.Schedule, off map[string]struct{}) *lostHours {
	l := &lostHours{
		crawl: c, rows: map[hoursOf][]*access.Schedule{}, gone: map[bool]*hoursTally{false: {}, true: {}},
		there: map[hoursOf]int{}, added: map[hoursOf]int{}, known: map[string]struct{}{}, said: map[string]struct{}{}, here: map[string]struct{}{},
	}
	for _, r := range []*reach{c.before, c.after} {
		for id, doors := range r.byGroup {
			if !doors.empty() {
				l.here[unheld(id)] = struct{}{}
			}
		}
	}
	before := c.ownHours()
	for id := range before {
		l.known[ownSchedule(id)] = struct{}{}
	}
	for i := range next {
		s := &next[i]
		l.said[ownSchedule(s.ID)] = struct{}{}
		if l.placeholder(s) {
			continue
		}
		l.there[hoursKind(s)]++
		if _, old := l.known[ownSchedule(s.ID)]; !old {
			l.added[hoursKind(s)]++
		}
	}
	for _, s := range before {
		if l.matters(s) {
			l.count(s, off)
		}
	}
	for kind, rows := range l.rows {
		if len(rows) <= l.added[kind] { // others in their place
			l.gone[kind.narrows].lost -= len(rows)
			delete(l.rows, kind)
		}
	}
	return l
}

// ownHours are the schedules of before by their ids. Those of a kept group count
// as its own group's: that may be back without them.
func (c *crawl) ownHours() map[string]*access.Schedule {
	own := make(map[string]*access.Schedule, len(c.old.Schedules))
	for i := range c.old.Schedules {
		s := c.old.Schedules[i]
		s.ID, s.OnID = unheld(s.ID), unheld(s.OnID)
		own[s.ID] = &s
	}
	return own
}

// count counts a schedule of before, and notes it if it is missing.
func (l *lostHours) count(s *access.Schedule, off map[string]struct{}) {
	t := l.gone[narrows(s)]
	t.had++
	_, told := l.said[ownSchedule(s.ID)]
	_, switched := off[ownSchedule(s.ID)]
	_, own := off[s.ID]
	if !told && !switched && !own {
		t.lost++
		l.rows[hoursKind(s)] = append(l.rows[hoursKind(s)], s)
	}
}

// placeholder says that a schedule is new and opens at any time: it may stand for
// none at all, where the settings say that this means open, so it takes no
// other's place.
func (l *lostHours) placeholder(s *access.Schedule) bool {
	_, old := l.known[ownSchedule(s.ID)]
	return !old && s.Consequence == access.Allow && !s.Except && s.Days == access.EveryDay && s.From == 0 && s.Until == access.MinutesADay
}

// matters says whether a schedule of before still decides anything at a door
// that is watched, if it is still there.
func (l *lostHours) matters(s *access.Schedule) bool {
	restricted := false
	if s.On == access.ScopeGroup {
		group := l.after.groups[s.OnID]
		if _, here := l.here[s.OnID]; group == nil || !here {
			return false // gone with its group, whose rights are judged; or nobody's here
		}
		restricted = group.Restricted
	} else {
		door := l.after.rows[s.OnID]
		if _, watched := l.doors.at[s.OnID]; door == nil || !watched {
			return false
		}
		restricted = door.Restricted
	}
	if s.Consequence == access.Allow {
		return restricted && !over(s, l.now)
	}
	unlocked := l.there[hoursOf{s.On, s.OnID, access.Unlock, false}] > 0
	return unlocked && narrows(s) && !over(s, l.now)
}

// over says that a schedule lies behind us, wherever on earth.
func over(s *access.Schedule, now time.Time) bool {
	switch {
	case s.Days != 0:
		return false
	case len(s.Dates) > 0:
		yesterday := access.DateOf(now.UTC()) - 1
		return !slices.ContainsFunc(s.Dates, func(d access.Dates) bool { return d.Last >= yesterday })
	}
	return !s.End.After(now)
}

// pace says how the missing schedules of one kind may go.
func (l *lostHours) pace(kind hoursOf) pace {
	if l.gone[kind.narrows].half() || !kind.narrows && l.there[kind] == 0 {
		return waitsForPerson
	}
	return waitsForCrawl
}

// holdHours decides which of the missing schedules stay, and says so in lines, in
// no order.
func (g *Guard) holdHours(l *lostHours, missing map[absence]time.Time) (kept []access.Schedule, lines []string, person bool) {
	for kind, rows := range l.rows {
		wait, names := l.pace(kind), []string(nil)
		for _, s := range rows {
			a := absence{schedule: s.ID}
			if _, ok := g.approved[a]; ok {
				l.approved[a] = struct{}{}
				continue
			}
			first, known := g.missing[a]
			if !known {
				first = l.now
			}
			missing[a] = first
			if wait == waitsForPerson || l.now.Sub(first) < secondOpinion {
				kept, names = append(kept, *s), append(names, fmt.Sprintf("%q", cmp.Or(s.Name, ownSchedule(s.ID))))
			}
		}
		if names != nil {
			lines = append(lines, l.words(kind, names, wait))
			person = person || wait == waitsForPerson
		}
	}
	slices.SortFunc(kept, func(a, b access.Schedule) int { return strings.Compare(a.ID, b.ID) })
	return kept, lines, person
}

// words is the missing hours of one group or door as staff read them.
func (l *lostHours) words(kind hoursOf, names []string, wait pace) string {
	name := kind.id
	if kind.on == access.ScopeDoor {
		name = l.doorName(l.doors.at[kind.id])
	} else if group := l.after.groups[kind.id]; group != nil {
		name = cmp.Or(group.Name, kind.id)
	}
	what := "hours"
	switch {
	case kind.consequence == access.FirstToArrive:
		what = "hours that wait for the first to arrive"
	case kind.narrows:
		what = "exceptions from its hours"
	}
	slices.Sort(names)
	return fmt.Sprintf("%s: %s are missing (%s); %s", name, what, strings.Join(names, ", "), wait)
}

// with is what a source says now, and the schedules that stay. Where some that
// open stay, one that opens always for want of any waits with them.
func (l *lostHours) with(next access.Roster, kept []access.Schedule) access.Roster {
	if len(kept) == 0 {
		return next
	}
	held := map[hoursOf]bool{}
	for i := range kept {
		held[hoursKind(&kept[i])] = true
	}
	next.Schedules = slices.DeleteFunc(slices.Clone(next.Schedules), func(s access.Schedule) bool {
		return l.placeholder(&s) && held[hoursKind(&s)]
	})
	next.Schedules = append(next.Schedules, kept...)
	return next
}

// unlocks names the schedules by which a watched door stands open for everybody
// and did not before, or not then.
func (c *crawl) unlocks(next []access.Schedule) (lines []string) {
	before := rowsByID(c.old.Schedules, func(s *access.Schedule) string { return s.ID })
	for i := range next {
		s := &next[i]
		d, watched := c.doors.at[s.OnID]
		if s.Consequence != access.Unlock || s.Except || !watched || c.before.rows[s.OnID] == nil {
			continue
		}
		if was := before[s.ID]; was == nil || !sameHours(was, s) {
			lines = append(lines, fmt.Sprintf("%s: unlocked for everybody by %q", c.doorName(d), cmp.Or(s.Name, s.ID)))
		}
	}
	return lines
}

func sameHours(a, b *access.Schedule) bool {
	return a.OnID == b.OnID && a.Consequence == b.Consequence && a.Except == b.Except && a.Days == b.Days && a.From == b.From &&
		a.Until == b.Until && a.Start.Equal(b.Start) && a.End.Equal(b.End) && slices.Equal(a.Dates, b.Dates)
}
