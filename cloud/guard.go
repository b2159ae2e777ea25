package cloud

import (
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// How many of a door's people may lose it at once on the word of one crawl,
// and how long a second crawl must come after the first to count as one.
const (
	passPeople    = 5
	passPercent   = 10
	secondOpinion = time.Minute
)

// Guard stands between what a source says and what the doors do. It lets
// pass at once what is added, suspended, locked down, deactivated or ended in
// so many words, and every removal that is proven. Removals that are only an
// absence are let pass while they are few; many wait for a second crawl that
// agrees, and a door that would be left to nobody, or to half of its people
// or fewer, waits for a person. It holds rows and not whole rosters, so that a
// held removal never delays anything else.
//
// A crawl that shares no person, right or door with before is another
// organisation's: not even its additions pass, whose administrators would open
// every door here.
//
// A removal is proven when the source's own total of people of the group
// agrees with the rows that it sent. Schedules are held alike (guard_hours.go).
// The zero Guard watches every door. A Guard is not safe for concurrent use.
type Guard struct {
	watch    map[string]struct{} // nil: every door
	missing  map[absence]time.Time
	approved map[absence]struct{}
}

// absence is one person's loss of one door, or of a credential there; or a
// schedule that is missing.
type absence struct {
	holder, door string
	card         bool
	schedule     string
}

// Proof is what a source says beside its rows of what is gone on purpose.
type Proof struct {
	Counts map[string]int      // the source's own totals of people, by group
	Off    map[string]struct{} // schedules that are listed and do not count
}

// Verdict is what may be taken into use.
type Verdict struct {
	// Roster is what the source says now, and with it the rows of before
	// whose removal waits. It gives nobody a door that neither did, except
	// that a right to a whole place or organisation covers its held doors.
	Roster access.Roster
	// Dropped are rows of the crawl that pointed at nothing.
	Dropped []access.Problem
	// Held are the removals that wait, a line for each door, with names of
	// people, and for the hours of each group or door: for staff, not for a log.
	Held []string
	// People counts those whose removal waits.
	People int
	// NeedsPerson says that another crawl will not release all of them.
	NeedsPerson bool
	// Unlocks are the schedules by which doors stand open for everybody as they
	// did not before, a line for each. They pass.
	Unlocks []string
	// Foreign says that the crawl has nothing in common with before, while
	// people would lose doors: it is somebody else's, and Roster is that of
	// before, with nothing of it.
	Foreign bool
}

// NewGuard makes a guard that watches the given doors: those of this gateway.
// What happens to others is nobody's loss here. None means every door.
func NewGuard(doors []string) *Guard {
	g := &Guard{}
	if len(doors) > 0 {
		g.watch = make(map[string]struct{}, len(doors))
		for _, d := range doors {
			g.watch[d] = struct{}{}
		}
	}
	return g
}

// Pass judges a complete crawl against what the doors decide by. The clock given
// should carry a monotonic reading: a jump of the wall clock must not make one
// crawl into two. Rows of next that point at nothing are dropped first. Neither
// roster is changed.
func (g *Guard) Pass(previous, next access.Roster, proof Proof, now time.Time) Verdict {
	next, dropped := access.Prune(next)
	doors := g.index(&previous, &next)
	c := crawl{doors: doors, old: &previous, before: newReach(&previous, doors), after: newReach(&next, doors), counts: proof.Counts, now: now}
	c.compare(g.approved)
	hold := c.judge()

	missing := make(map[absence]time.Time)
	var held []loss
	for _, l := range c.losses {
		wait := doors.newSet()
		for d := range l.doors.all() {
			if hold[d] == passes {
				continue
			}
			a := absence{holder: l.holder, door: doors.ids[d], card: l.grant == nil}
			first, known := g.missing[a]
			if !known {
				first = now
			}
			missing[a] = first
			if hold[d] == waitsForPerson || now.Sub(first) < secondOpinion {
				wait.add(d)
			}
		}
		if !wait.empty() {
			held = append(held, loss{holder: l.holder, grant: l.grant, doors: wait})
		}
	}
	hours := c.compareHours(next.Schedules, proof.Off)
	kept, lines, person := g.holdHours(hours, missing)
	g.missing, g.approved = missing, c.approved
	v := c.verdict(hours.with(next, kept), held, hold)
	v.Held, v.NeedsPerson = append(v.Held, lines...), v.NeedsPerson || person
	slices.Sort(v.Held)
	v.Dropped, v.Unlocks = dropped, c.unlocks(next.Schedules)
	if len(held) > 0 && c.foreign() {
		v.Roster, v.Foreign = previous, true
	}
	return v
}

// Approve releases the removals that Pass held last, and only those: the next
// Pass lets them through if they are still said. It returns how many rights,
// credentials and schedules they are.
func (g *Guard) Approve() int {
	if g.approved == nil {
		g.approved = make(map[absence]struct{}, len(g.missing))
	}
	for a := range g.missing {
		g.approved[a] = struct{}{}
	}
	return len(g.missing)
}

// index numbers the doors that are watched.
func (g *Guard) index(rosters ...*access.Roster) *doorIndex {
	x := &doorIndex{at: map[string]int{}}
	for _, r := range rosters {
		for i := range r.Doors {
			id := r.Doors[i].ID
			if _, watched := g.watch[id]; !watched && g.watch != nil {
				continue
			}
			if _, known := x.at[id]; !known {
				x.at[id] = len(x.ids)
				x.ids = append(x.ids, id)
			}
		}
	}
	return x
}

// pace is how far a removal may go on the word of this crawl.
type pace uint8

const (
	passes pace = iota
	waitsForCrawl
	waitsForPerson
)

// tally counts the people of one door, or of all of them.
type tally struct {
	people, left, lost      int // who may open it, before and after; lost without proof
	carded, cardsLeft, gone int // of these, who hold a credential; lost one without proof
}

func (t tally) pace(single bool) pace {
	return max(judge(t.people, t.left, t.lost, single), judge(t.carded, t.cardsLeft, t.gone, single))
}

// String says for whom it waits.
func (p pace) String() string {
	switch p {
	case waitsForCrawl:
		return "waits for a second crawl that agrees"
	case waitsForPerson:
		return "waits for a person to approve it"
	}
	return "passes"
}

// judge applies the thresholds. One person alone is never held, except the
// last one of a door: whoever is revoked must not wait for a second crawl.
func judge(people, left, lost int, single bool) pace {
	switch {
	case lost == 0:
		return passes
	case left == 0, lost*2 >= people && !single:
		return waitsForPerson
	case lost > passPeople && lost*100 > people*passPercent:
		return waitsForCrawl
	}
	return passes
}
