package daemon

import (
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// contactClock keeps when each source was last heard of in the time that elapses,
// and tells it in the time that the doors go by now. A clock that is set makes
// nobody's rights a year older, nor fresh for a year. Only rights uses it, under
// its lock.
type contactClock struct {
	clock *timekeeper
	since time.Duration
	by    map[string]contactMark
}

// contactMark is one contact. That of an earlier run is known by the wall alone.
type contactMark struct {
	mono time.Duration // when it was, in this run
	wall time.Time     // when it was, before this run; zero: it was in this run
}

// mostAgo bounds how long ago a contact was that is told only now: a crawl takes minutes.
const mostAgo = time.Hour

// take says when a source was heard of by the guarded clock, and what to mark of
// it. The source told it by its own look at the clock of the machine, of which only
// what has elapsed since counts.
func (c *contactClock) take(told time.Time) (time.Time, contactMark) {
	if told.IsZero() {
		return told, contactMark{wall: told}
	}
	ago := time.Since(told)
	if ago < 0 || ago > mostAgo {
		ago = 0
	}
	now := c.clock.moment()
	return now.at.Add(-ago), contactMark{mono: now.mono - ago}
}

func (c *contactClock) mark(source string, m contactMark) {
	if c.by == nil {
		c.by = map[string]contactMark{}
	}
	c.by[source] = m
}

// of is when a contact was, in the time that is now.
func (c *contactClock) of(contact access.Contact, now point) time.Time {
	mark, ok := c.by[contact.Source]
	switch {
	case !ok:
		return contact.At
	case mark.wall.IsZero():
		return now.at(mark.mono)
	}
	if begun := now.at(c.since); mark.wall.After(begun) {
		return begun
	}
	return mark.wall
}

// recall takes up the contacts of the last run; r.mu is held. One that lies ahead
// was told by a clock that was ahead then, or the clock is behind now: it counts
// from now on. A clock that is trusted has that written down, or each start would
// make the rights young again.
func (r *rights) recall(contacts []access.Contact) []access.Contact {
	now := r.contacts.clock.moment()
	r.contacts.since = now.mono
	recalled := make([]access.Contact, 0, len(contacts))
	for _, known := range contacts {
		told := known.At
		if !told.IsZero() {
			r.contacts.mark(known.Source, contactMark{wall: told})
			known.At = r.contacts.of(known, point{now.at, now.mono})
		}
		if known.At.Before(told) && now.clock.Trusted() {
			if err := r.cache.Confirm(known.Source, known.At); err != nil {
				r.log.Warn("a contact that lies ahead could not be set right on disk", "source", known.Source, "error", err)
			}
		}
		recalled = append(recalled, known)
	}
	return recalled
}

// setClock has the contacts told in another time: the clock is about to be set. It
// says no while the rights are being changed, and is then asked again.
func (r *rights) setClock(now point) bool {
	if !r.mu.TryLock() {
		return false
	}
	defer r.mu.Unlock()
	r.edit(func(snapshot *access.Snapshot) *access.Snapshot {
		for _, contact := range snapshot.Contacts() {
			if at := r.contacts.of(contact, now); !at.Equal(contact.At) {
				snapshot = snapshot.WithContact(contact.Source, at)
			}
		}
		return snapshot
	})
	return true
}
