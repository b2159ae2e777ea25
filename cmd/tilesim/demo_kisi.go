package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func (m *morning) membersComeIn(ctx context.Context) error {
	return errors.Join(
		m.tap(ctx, "front", "Ann's card", cardAnn, access.Granted),
		m.tap(ctx, "lab", "Ann's card", cardAnn, access.Granted),
		m.tap(ctx, "front", "Ben's QR code", codeBen, access.Granted),
	)
}

func (m *morning) othersDoNot(ctx context.Context) error {
	if err := errors.Join(
		m.tap(ctx, "front", "a card nobody knows", "04DEADBEEF0180", access.Unknown),
		m.tap(ctx, "front", "Dan, whose pass has ended", cardDan, access.Expired),
		m.tap(ctx, "lab", "Eve, who has no right there", cardEve, access.NoGrant),
	); err != nil {
		return err
	}
	why, err := m.daemon.view.Why(ctx, control.Question{Door: "front", Person: "Dan Weber"})
	if err != nil {
		return err
	}
	m.say(`tilegate why --door front --person "Dan Weber":`)
	for _, miss := range why.Misses {
		m.say("  %s: %s (group %s, until %s)", miss.Reason, miss.Words, miss.Grant.ScopeName, onTheWall(miss.Grant.Until).Format("2 Jan 15:04"))
	}
	return nil
}

// onTheWall is a time by the clock of the building, as the gateway tells it too.
func onTheWall(t time.Time) time.Time {
	if zone, err := time.LoadLocation("Europe/Rome"); err == nil {
		return t.In(zone)
	}
	return t
}

// internetIsCut has everything that follows happen without Kisi.
func (m *morning) internetIsCut(ctx context.Context) error {
	m.begins = time.Now().Add(12 * time.Second).Truncate(time.Second)
	m.book(m.begins, time.Hour)
	if err := m.syncNow(ctx); err != nil {
		return err
	}
	m.kisi.Faults().Cut()
	m.say("Cleo has booked from %s. Kisi is unreachable from now on.", onTheWall(m.begins).Format("15:04:05"))
	m.failed = make(chan error, 1)
	go func() { m.failed <- m.syncNow(ctx) }()
	return errors.Join(
		m.tap(ctx, "front", "Cleo, before her booking", cardCleo, access.NotYet),
		m.tap(ctx, "lab", "Ann's card", cardAnn, access.Granted),
		m.leaveOpen(ctx),
	)
}

// bookingBegins proves that windows are cached, not memberships: a booking that
// was known before the cut begins on time during it.
func (m *morning) bookingBegins(ctx context.Context) error {
	if err := pause(ctx, time.Until(m.begins)); err != nil {
		return err
	}
	if err := m.tap(ctx, "front", "Cleo, as her booking begins", cardCleo, access.Granted); err != nil {
		return err
	}
	if err := <-m.failed; err == nil {
		return errors.New("a sync went through although Kisi is cut off")
	}
	return nil
}

func (m *morning) syncNow(ctx context.Context) error {
	_, err := m.daemon.act.SyncNow(ctx, "kisi")
	return err
}

func (m *morning) rightIsRevoked(ctx context.Context) error {
	m.kisi.Faults().Clear()
	if err := errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Eve's card", cardEve, access.Granted)); err != nil {
		return err
	}
	m.kisi.RemoveAssignment(m.ids.eveAssignment)
	if err := m.syncNow(ctx); err != nil {
		return err
	}
	m.say("revoked in Kisi, fetched")
	return m.tap(ctx, "front", "Eve's card", cardEve, access.NoGrant)
}

func (m *morning) lockdown(ctx context.Context) error {
	m.kisi.LockDownPlace(m.ids.place)
	if err := errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Ann's card", cardAnn, access.LockedDown)); err != nil {
		return err
	}
	m.kisi.CancelPlaceLockdown(m.ids.place)
	return errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Ann's card", cardAnn, access.Granted))
}

// lockedThroughAKill proves that a lockdown by staff is on disk before it is
// acknowledged, and in force before the first tap after a start.
func (m *morning) lockedThroughAKill(ctx context.Context) (err error) {
	did, err := m.daemon.act.LockDown(ctx, control.Lockdown{Where: control.Where{Site: true}, Reason: "a drill"})
	if err != nil {
		return err
	}
	m.say("%d doors are locked down by the desk; Kisi knows nothing of it", did.Doors)
	m.kisi.Faults().Cut()
	m.daemon.kill()
	start := time.Now()
	if m.daemon, err = startDaemon(m.dir, m.settings()); err != nil {
		return err
	}
	if err := m.daemon.ready(ctx, allUp); err != nil {
		return err
	}
	m.say("killed with -9, up again after %d ms, deciding from disk", time.Since(start).Milliseconds())
	return m.tap(ctx, "front", "Ann's card", cardAnn, access.LockedDown)
}

func (m *morning) lockdownEnds(ctx context.Context) error {
	if _, err := m.daemon.act.Release(ctx, control.Where{Site: true}); err != nil {
		return err
	}
	if err := errors.Join(
		m.tap(ctx, "front", "Ben's QR code", codeBen, access.Granted),
		m.tap(ctx, "front", "Eve's card", cardEve, access.NoGrant),
	); err != nil {
		return err
	}
	return m.askAgain(ctx)
}

func (m *morning) journal(ctx context.Context) error {
	events, err := m.daemon.view.Events(ctx, control.EventQuery{After: 1, Limit: 1000, Kind: "decision"})
	if err != nil {
		return err
	}
	if len(events) != m.taps {
		return fmt.Errorf("the journal has %d taps, there were %d", len(events), m.taps)
	}
	granted := 0
	for _, e := range events {
		if e.Reason == access.Granted {
			granted++
		}
	}
	m.say("%d taps recorded, %d of them let in; none was lost by the kill", len(events), granted)
	return nil
}
