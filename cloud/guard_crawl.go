package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// crawl is one comparison of what was with what a source says now.
type crawl struct {
	doors         *doorIndex
	old           *access.Roster
	before, after *reach
	counts        map[string]int
	now           time.Time

	losses   []loss
	approved map[absence]struct{} // lost as a person allowed
	people   map[string]int       // group → whom the new rows name
	tallies  []tally              // a row for each door, and the last for all of them
	lost     map[string]struct{}  // holders with any loss
}

// loss is what one holder had by one grant before and no longer has, without
// proof. A nil grant is a credential that is gone.
type loss struct {
	holder string
	grant  *access.Grant // of before
	doors  doorSet
}

// compare finds the losses and counts people.
func (c *crawl) compare(approved map[absence]struct{}) {
	c.people = c.after.people(c.now)
	c.approved = make(map[absence]struct{})
	c.tallies = make([]tally, len(c.doors.ids)+1)
	c.lost = make(map[string]struct{})
	for holder := range c.before.given {
		was, is := c.before.reaches(holder, c.now), c.after.reaches(holder, c.now)
		gone := c.doors.newSet()
		for _, g := range c.before.given[holder] {
			if !lasting(g, c.now) || c.proven(g, holder) {
				continue
			}
			part := c.withoutApproved(c.before.covers(g).without(is), holder, false, approved)
			if !part.empty() {
				gone.addAll(part)
				c.losses = append(c.losses, loss{holder: holder, grant: g, doors: part})
			}
		}
		carded, cardless := c.cards(holder)
		cards := c.doors.newSet()
		if cardless {
			cards = c.withoutApproved(was.only(is), holder, true, approved)
			if !cards.empty() {
				c.losses = append(c.losses, loss{holder: holder, doors: cards})
			}
		}
		c.count(holder, was, gone, cards, carded)
	}
	for holder := range c.after.given {
		c.countLeft(holder, c.after.reaches(holder, c.now))
	}
}

// withoutApproved leaves out the losses that a person allowed.
func (c *crawl) withoutApproved(lost doorSet, holder string, card bool, approved map[absence]struct{}) doorSet {
	if len(approved) == 0 {
		return lost
	}
	out := c.doors.newSet()
	for d := range lost.all() {
		a := absence{holder: holder, door: c.doors.ids[d], card: card}
		if _, ok := approved[a]; ok {
			c.approved[a] = struct{}{}
			continue
		}
		out.add(d)
	}
	return out
}

// proven says whether the end of a right is more than an absence: the row is
// still there and says so, or the source's total of the group's people agrees
// with the rows it sent.
func (c *crawl) proven(g *access.Grant, holder string) bool {
	if n := c.after.grants[unheld(g.ID)]; n != nil {
		switch {
		case n.Kind == access.ToHolder && n.Assignee != holder:
			return true
		case c.after.isFor(n, holder):
			// Still his: if it opens less, the doors are missing.
			return !lasting(n, c.now)
		}
	}
	if g.Scope != access.ScopeGroup {
		return false
	}
	group := unheld(g.ScopeID)
	if _, there := c.after.groups[group]; !there {
		return false
	}
	total, counted := c.counts[group]
	return counted && total == c.people[group]
}

// cards says whether the holder had a credential that worked, and whether one
// is gone without another in its place. A credential that somebody else has
// now was given away, which is said and not missing.
func (c *crawl) cards(holder string) (carded, gone bool) {
	for _, a := range c.before.carded[holder] {
		if !a.Active {
			continue
		}
		carded = true
		if _, there := c.after.cards[cardKey{a.Kind, a.Digest}]; !there {
			gone = true
		}
	}
	for _, a := range c.after.carded[holder] {
		if _, old := c.before.cards[cardKey{a.Kind, a.Digest}]; !old {
			return carded, false
		}
	}
	return carded, gone
}

func (c *crawl) count(holder string, was, gone, cards doorSet, carded bool) {
	all := &c.tallies[len(c.doors.ids)]
	add := func(t *tally, lost, card bool) {
		t.people++
		if lost || card {
			t.lost++
		}
		if carded {
			t.carded++
		}
		if card {
			t.gone++
		}
	}
	if was.empty() {
		return
	}
	for d := range was.all() {
		add(&c.tallies[d], gone.has(d), cards.has(d))
	}
	add(all, !gone.empty(), !cards.empty())
	if !gone.empty() || !cards.empty() {
		c.lost[holder] = struct{}{}
	}
}

func (c *crawl) countLeft(holder string, is doorSet) {
	carded := len(c.after.carded[holder]) > 0
	add := func(t *tally) {
		t.left++
		if carded {
			t.cardsLeft++
		}
	}
	for d := range is.all() {
		add(&c.tallies[d])
	}
	if !is.empty() {
		add(&c.tallies[len(c.doors.ids)])
	}
}

// judge says for each door how its losses may go. What empties the building
// is held at every door, however few a single door loses.
func (c *crawl) judge() []pace {
	single := len(c.lost) == 1
	building := c.tallies[len(c.doors.ids)].pace(single)
	hold := make([]pace, len(c.doors.ids))
	for d := range hold {
		hold[d] = max(building, c.tallies[d].pace(single))
	}
	return hold
}

// foreign says that the crawl shares no person, right or door with before.
func (c *crawl) foreign() bool {
	return disjoint(c.before.holders, c.after.holders) && disjoint(c.before.grants, c.after.grants) && disjoint(c.before.rows, c.after.rows)
}

func disjoint[T any](a, b map[string]*T) bool {
	for id := range a {
		if b[id] != nil {
			return false
		}
	}
	return true
}

// verdict puts the held losses into words and their rows into the roster.
func (c *crawl) verdict(next access.Roster, held []loss, hold []pace) Verdict {
	v := Verdict{Roster: c.withHeld(next, held)}
	names := make([]map[string]struct{}, len(c.doors.ids))
	people := make(map[string]struct{})
	for _, l := range held {
		people[l.holder] = struct{}{}
		for d := range l.doors.all() {
			if names[d] == nil {
				names[d] = make(map[string]struct{})
			}
			names[d][c.nameOf(l.holder)] = struct{}{}
			v.NeedsPerson = v.NeedsPerson || hold[d] == waitsForPerson
		}
	}
	v.People = len(people)
	for d, set := range names {
		if set != nil {
			v.Held = append(v.Held, c.words(d, set, hold[d]))
		}
	}
	return v
}

// words is one held door as staff read it.
func (c *crawl) words(d int, names map[string]struct{}, wait pace) string {
	const show = 5
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	list := strings.Join(sorted[:min(show, len(sorted))], ", ")
	if len(sorted) > show {
		list += fmt.Sprintf(" and %d more", len(sorted)-show)
	}
	return fmt.Sprintf("%s: %d of %d people would lose it (%s); %s",
		c.doorName(d), len(sorted), c.tallies[d].people, list, wait)
}

func (c *crawl) doorName(d int) string {
	id := c.doors.ids[d]
	for _, r := range []*reach{c.after, c.before} {
		if row := r.rows[id]; row != nil {
			return cmp.Or(row.Name, id)
		}
	}
	return id
}

func (c *crawl) nameOf(holder string) string {
	for _, r := range []*reach{c.after, c.before} {
		if row := r.holders[holder]; row != nil {
			return cmp.Or(row.Name, holder)
		}
	}
	return holder
}
