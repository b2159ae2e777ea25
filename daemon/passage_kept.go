package daemon

import (
	"context"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// passageEvents is how many of the newest events may tell who went through a door
// before the gateway began: a busy house has not half as many in a day.
const passageEvents = 50_000

// restorePassages has a door know who went through it before. By a clock that
// cannot be trusted nobody can tell how long ago that was; then it begins anew, and
// a card may be handed back once.
func (g *gateway) restorePassages(d *door) {
	if d.passages.within <= 0 {
		return
	}
	wall, clock := g.clock.now()
	if !clock.Trusted() {
		return
	}
	last := g.journal.Stats().Last
	events, err := g.journal.Events(context.Background(), store.EventQuery{
		After: last - min(last, passageEvents), Limit: passageEvents, Door: d.id, Since: wall.Add(-d.passages.within),
	})
	if err != nil {
		d.log.Warn("who went through the door lately cannot be read; passback begins anew", "error", err)
		return
	}
	now := d.clock.Mono()
	for _, e := range wentThrough(events) {
		if age := wall.Sub(e.At); age >= 0 && e.Clock.Trusted() {
			d.passages.note(e.Credential, now-age, e.ID)
		}
	}
}

// wentThrough is the newest passage of each card, oldest first, among the events
// of one door: what was granted, less what the strike did not do and what nobody
// used.
func wentThrough(events []access.Event) (passed []access.Event) {
	unused := map[string]bool{}
	for i := range events {
		unused[events[i].Ref] = unused[events[i].Ref] || notUsed(&events[i])
	}
	newest := map[access.Digest]int{}
	for i := range events {
		if e := &events[i]; e.Kind == access.DecisionEvent && e.Reason == access.Granted && !unused[e.ID] {
			newest[e.Credential.Digest] = i
		}
	}
	for i := range events {
		if at, ok := newest[events[i].Credential.Digest]; ok && at == i {
			passed = append(passed, events[i])
		}
	}
	return passed
}

// notUsed says of an event whether by it a decision opened nothing, or nobody went
// through.
func notUsed(e *access.Event) bool {
	switch e.Kind {
	case access.OutcomeEvent:
		return e.Detail != access.DidUnlock
	case access.AlarmEvent:
		alarm, begins, known := access.AlarmOf(e.Detail)
		return known && begins && alarm == access.NoEntry
	default:
		return false
	}
}

// lastPassage is when a credential last went through a door before an instant, as
// far as the door asks for that; zero: not lately.
func (g *gateway) lastPassage(ctx context.Context, door string, within time.Duration, c access.Credential, at time.Time) (time.Time, error) {
	if within <= 0 || c.Digest == (access.Digest{}) {
		return time.Time{}, nil
	}
	events, err := g.journal.Events(ctx, store.EventQuery{
		Limit: passageEvents, Door: door, Since: at.Add(-within), Until: at,
	})
	for _, e := range wentThrough(events) {
		if e.Credential.Digest == c.Digest {
			return e.At, err
		}
	}
	return time.Time{}, err
}
