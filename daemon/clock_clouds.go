package daemon

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// driftAlarm is how far the clock may be off a cloud's before somebody should know.
	driftAlarm = 30 * time.Second
	// driftDoubt is how far before a clock that nobody sets is not trusted. It is
	// more than servers are ever off, and less than matters to a booking.
	driftDoubt = 2 * time.Minute
	// Answers say something of the clock when two of them, so far apart, imply the
	// same time.
	driftApart = time.Minute
	driftAgree = 10 * time.Second
	// driftLasts is how long they say so.
	driftLasts = 24 * time.Hour
)

// cloudOpinion is what the clouds that were heard say of the wall clock.
type cloudOpinion uint8

const (
	noOpinion cloudOpinion = iota
	cloudsAgree
	cloudsContradict
)

// cloudClocks is what the Date of verified answers says of our clock. It never
// sets it: a cloud that lies about the date expires nobody and opens nothing. It
// takes trust away from a clock that nobody sets, and tells people. What it gives
// is a second voice, never the only one: that a clock may be believed which looks
// right and for which nothing else speaks, and that the network time is right and a
// past was wrong which it contradicts.
type cloudClocks struct {
	mu sync.Mutex // guards by
	by map[string]cloudClock
}

// cloudClock is the time of one source.
type cloudClock struct {
	point                // what its newest answer implies
	off    time.Duration // by how much that may be off, either way
	since  time.Duration // monotonic: since when its answers agree
	proven bool          // for long enough
}

// cloudOffset is by how much the wall is ahead of a source.
type cloudOffset struct {
	source string
	ahead  time.Duration // negative: behind
	off    time.Duration // by how much this may be off, either way
	proven bool
}

func newCloudClocks() *cloudClocks { return &cloudClocks{by: map[string]cloudClock{}} }

// heard takes the Date of an answer that came at a monotonic moment, a round trip
// after it was asked for. A Date has whole seconds.
func (c *cloudClocks) heard(source string, date time.Time, came, took time.Duration) {
	took = max(took, 0)
	said := cloudClock{
		point: point{date.Add(time.Second / 2), came - took/2}, off: took/2 + time.Second/2, since: came,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.by[source]; ok && said.wall.Sub(last.at(said.mono)).Abs() <= driftAgree+said.off+last.off {
		said.since, said.proven = last.since, last.proven || came-last.since >= driftApart
	}
	c.by[source] = said
}

// forget takes a source out.
func (c *cloudClocks) forget(source string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, source)
}

// offsets is by how much the wall is ahead of each source, by name.
func (c *cloudClocks) offsets(now point) []cloudOffset {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []cloudOffset
	for _, name := range slices.Sorted(maps.Keys(c.by)) {
		clock := c.by[name]
		if now.mono-clock.mono < driftLasts {
			all = append(all, cloudOffset{name, now.wall.Sub(clock.at(now.mono)), clock.off, clock.proven})
		}
	}
	return all
}

// beyond says whether the clock is surely further off than that.
func (o cloudOffset) beyond(limit time.Duration) bool { return o.proven && o.ahead.Abs()-o.off > limit }

// opinion is what all of them say together: one that agrees outweighs the others.
func (c *cloudClocks) opinion(now point) cloudOpinion {
	said := noOpinion
	for _, o := range c.offsets(now) {
		switch {
		case o.beyond(driftDoubt):
			said = cloudsContradict
		case o.proven:
			return cloudsAgree
		}
	}
	return said
}
