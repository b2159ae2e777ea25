package daemon

import (
	"cmp"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// alarmCalm is how long all must be well before an alarm ends: a door that
// rattles in the wind is one alarm, not a hundred.
const alarmCalm = 3 * time.Second

// alarmPatience is how long something must be so before it is an alarm.
func alarmPatience(alarm access.Alarm) time.Duration {
	if alarm == access.InputLost {
		return 5 * time.Second // a line that is opened again is no news
	}
	return 0
}

// alarmMemory is how long an alarm is told of after it ended. A door that was
// forced open and fell shut again is over before anybody has looked; that it was
// forced is what somebody must be told.
func alarmMemory(alarm access.Alarm) time.Duration {
	switch alarm {
	case access.ForcedOpen, access.Tamper, access.ReaderTamper, access.LineIntruder, access.Enclosure:
		return 15 * time.Minute
	default:
		return 0
	}
}

// alarmKey is an alarm and what it is about: an input, a reader.
type alarmKey struct {
	alarm   access.Alarm
	subject string
}

// alarmNote is an alarm that began, and perhaps has ended since.
type alarmNote struct {
	alarmKey
	on    bool
	since time.Time     // wall time of its beginning
	ended time.Duration // monotonic; while it is not on
}

// alarmBook keeps the alarms of one owner, who tells it how things are, as often
// as it likes. It is not for several goroutines at once.
type alarmBook struct {
	pages map[alarmKey]*alarmPage
}

type alarmPage struct {
	alarmNote
	is      bool          // so now
	changed time.Duration // since when
	known   bool          // it has begun once
}

// set takes how a thing stands.
func (b *alarmBook) set(is bool, alarm access.Alarm, subject string, now time.Duration) {
	key := alarmKey{alarm, subject}
	page := b.pages[key]
	switch {
	case page == nil && !is:
		return
	case page == nil:
		page = &alarmPage{alarmNote: alarmNote{alarmKey: key}}
		if b.pages == nil {
			b.pages = map[alarmKey]*alarmPage{}
		}
		b.pages[key] = page
		fallthrough
	case page.is != is:
		page.is, page.changed = is, now
	}
}

// turn lets time pass and returns the alarms that began or ended by it, in the
// order of their keys.
func (b *alarmBook) turn(now time.Duration, wall time.Time) []alarmNote {
	var news []alarmNote
	for key, page := range b.pages {
		so := now - page.changed
		switch {
		case page.is && !page.on && so >= alarmPatience(key.alarm):
			page.on, page.known, page.since = true, true, wall
			news = append(news, page.alarmNote)
		case !page.is && page.on && so >= alarmCalm:
			page.on, page.ended = false, now
			news = append(news, page.alarmNote)
		}
		if !page.is && !page.on && (!page.known || now-page.ended >= alarmMemory(key.alarm)) {
			delete(b.pages, key)
		}
	}
	slices.SortFunc(news, compareAlarms)
	return news
}

// notes are the alarms that last, and those that are still told of.
func (b *alarmBook) notes() []alarmNote {
	var all []alarmNote
	for _, page := range b.pages {
		if page.known {
			all = append(all, page.alarmNote)
		}
	}
	slices.SortFunc(all, compareAlarms)
	return all
}

func compareAlarms(a, b alarmNote) int {
	return cmp.Or(cmp.Compare(a.alarm, b.alarm), cmp.Compare(a.subject, b.subject))
}
